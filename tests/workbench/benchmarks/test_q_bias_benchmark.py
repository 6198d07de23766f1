"""``foresight bench q-bias`` measures what it says, in one document."""

from __future__ import annotations

import json

import pytest

from workbench.cli import main


def test_it_tells_what_a_measurement_costs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "q-bias", "--repeats", "1", "--json"]) == 0
    cost = json.loads(capsys.readouterr().out)
    assert (cost["states"], cost["episodes"], cost["target"]) == (1050, 3, 1.3)
    assert cost["ratio"] == pytest.approx(cost["measurement_seconds"] / cost["episode_seconds"])
    # The target is for a quiet machine; this only finds estimates that cost as much as the episodes again.
    assert cost["ratio"] < 2.5
    assert main(["bench", "q-bias", "--repeats", "1"]) == 0
    assert "1,050 states of 3 episodes: episodes alone" in capsys.readouterr().out
