"""What was remembered of the run table; a file that someone changed by hand costs its wrong parts alone."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from ui.context import Context
from ui.panels.runs import RunsPanel
from ui.tables.table_choices import PREFERENCE, TableChoices, stored_choices

GOOD = {
    "columns": ["run", "status", "best"],
    "widths": {"run": 200, "best": 60},
    "pinned": False,
    "sort": ["best_return", "asc"],
    "folded": False,
}
CHOICES = TableChoices(("run", "status", "best"), {"run": 200, "best": 60}, False, ("best_return", "asc"), False)


def test_what_was_remembered_comes_back(context: Context) -> None:
    assert stored_choices(context.preferences) == TableChoices()
    context.preferences.set(PREFERENCE, GOOD)
    assert stored_choices(context.preferences) == CHOICES


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("columns", "run"),
        ("columns", [1, 2]),
        ("widths", ["run", 200]),
        ("widths", {"run": "wide"}),
        ("widths", {"run": -5}),
        ("pinned", "yes"),
        ("sort", ["best_return"]),
        ("sort", ["no such field", "asc"]),
        ("sort", [["best_return"], "asc"]),
        ("sort", None),
        ("folded", 1),
    ],
)
def test_a_part_of_a_wrong_shape_is_ignored_and_the_others_stay(
    context: Context, caplog: pytest.LogCaptureFixture, name: str, value: Any
) -> None:
    context.preferences.set(PREFERENCE, {**GOOD, name: value})
    with caplog.at_level(logging.WARNING):
        found = stored_choices(context.preferences)
    usual = TableChoices()
    for part in ("columns", "widths", "pinned", "sort", "folded"):
        assert getattr(found, part) == getattr(usual if part == name else CHOICES, part)
    assert f"{PREFERENCE}, {name} is of a wrong shape" in caplog.text


@pytest.mark.parametrize("value", [[], "wide", 3, None])
def test_a_table_stands_whatever_is_stored(
    context: Context, caplog: pytest.LogCaptureFixture, value: object
) -> None:
    context.preferences.set(PREFERENCE, value)
    panel = RunsPanel(context)
    assert panel.view.columns == list(TableChoices().columns)
    assert "is of a wrong shape and is ignored" in caplog.text
    panel.deleteLater()
