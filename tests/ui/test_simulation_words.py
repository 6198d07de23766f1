"""What Simulation says where it has nothing to show."""

from __future__ import annotations

from dataclasses import replace

from storage import Project, RunState
from ui.panels.simulation_words import episodes_emptiness


def test_a_finished_run_without_episodes_says_whether_it_was_evaluated(project: Project) -> None:
    row = next(row for row in project.runs.page() if row.status is RunState.FINISHED)
    evaluated = episodes_emptiness(replace(row, latest_return=12.0), None)
    assert evaluated.text.startswith("None of this run's episodes is kept.")
    never = episodes_emptiness(replace(row, latest_return=None), None)
    assert never.text == "This run ended before its first evaluation."
