"""Short names of sources in settings are known: each leads to its citation."""

from __future__ import annotations

import re

import pytest

from workbench.agents import AGENTS
from workbench.planners import PLANNERS
from workbench.settings import fields_of
from workbench.sources import OWN, PAPERS, sources_of


@pytest.mark.parametrize(
    ("text", "agent", "wanted"),
    [
        ("TD-MPC2: 64", "", [PAPERS["TD-MPC2"]]),
        ("MPPI: mean; TD-MPC2: drawn", "mpc", [PAPERS["MPPI"], PAPERS["TD-MPC2"]]),
        ("PETS: truncated; PlaNet: clamped", "", [PAPERS["PETS"], PAPERS["PlaNet"]]),
        ("Eq. 8; Fig. 5a", "alm", [OWN["alm"]]),
        ("Eq. 8; Fig. 5a", "another", []),
        ("Dreamer, Eq. 6", "alm", [PAPERS["Dreamer"]]),
        ("lecture notes, Algorithm 22: visits", "alm", []),
        ("PETSY", "alm", []),
    ],
)
def test_names(text: str, agent: str, wanted: list[object]) -> None:
    assert list(sources_of(text, agent)) == wanted


def test_every_source_of_the_agents_and_planners_but_the_lecture_notes_is_known() -> None:
    entries = [*AGENTS.entries().items(), *PLANNERS.entries().items()]
    unknown = {
        (name, field.path, field.source)
        for name, entry in entries
        for field in fields_of(entry.load_settings())
        if field.source and not sources_of(field.source, name) and "lecture notes" not in field.source
    }
    assert unknown == set()


def test_addresses_are_of_abstracts() -> None:
    for source in (*PAPERS.values(), *OWN.values()):
        assert not source.url or re.fullmatch(r"https://arxiv\.org/abs/\d{4}\.\d{5}", source.url)
