"""A project that is still empty, and one with two finished runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command_line import TINY, Foresight


@pytest.fixture
def foresight(tmp_path: Path) -> Foresight:
    """A command line whose project does not exist yet."""
    return Foresight(tmp_path / "project")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Foresight:
    """A project with two finished runs; tests only read it."""
    command_line = Foresight(tmp_path_factory.mktemp("trained") / "project")
    answer = command_line("train", *TINY, "--steps", 60, "--seeds", "3,4")
    assert answer.code == 0, answer.err
    return command_line
