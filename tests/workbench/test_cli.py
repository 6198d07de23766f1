"""What holds for every command: help, unknown words, handing over, and readers that leave early."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.command_line import COMMAND, ROOT, Foresight


@pytest.fixture
def foresight(tmp_path: Path) -> Foresight:
    """A command line whose project does not exist yet."""
    return Foresight(tmp_path / "project")


@pytest.mark.parametrize("words", [[], ["dance"], ["bench", "updates"], ["bench"]])
def test_what_there_is_not_is_refused(foresight: Foresight, words: list[str]) -> None:
    answer = foresight(*words)
    assert (answer.code, answer.out) == (2, "")
    assert "expected update" in answer.err or "usage:" in answer.err


def test_version_and_help_end_well(foresight: Foresight) -> None:
    assert foresight("--version").out.startswith("foresight ")
    answer = foresight("--help")
    assert answer.code == 0
    commands = ("gui", "train", "resume", "fork", "list", "show", "presets", "export", "import", "bench", "doctor")
    for command in commands:
        assert f"\n    {command} " in answer.out
        if command not in ("gui", "bench"):
            assert foresight(command, "--help").code == 0


def test_bench_names_its_benchmarks(foresight: Foresight) -> None:
    assert "update" in foresight("bench", "--help").out
    own = foresight("bench", "update", "--help")
    assert own.code == 0
    assert own.out.startswith("usage: foresight bench update")
    assert "--peer DIR" in own.out
    assert "there is no benchmark called 'updates'; expected update" in foresight("bench", "updates").err


def test_gui_is_handed_over_with_its_arguments(tmp_path: Path) -> None:
    (tmp_path / "ui").mkdir()
    (tmp_path / "ui" / "__init__.py").write_text("")
    (tmp_path / "ui" / "__main__.py").write_text("import sys\nprint(__name__, sys.argv[1:])\nsys.exit(7)")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    command = [*COMMAND, "--project", "here", "gui", "--demo", "run 3"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (7, "__main__ ['--project', 'here', '--demo', 'run 3']\n")


def test_an_installation_without_window_says_so(
    foresight: Foresight, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    answer = foresight("gui")
    assert (answer.code, answer.out) == (1, "")
    assert "no window" in answer.err


def test_a_reader_that_has_enough_is_no_fault() -> None:
    with subprocess.Popen([*COMMAND, "presets"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == 1
