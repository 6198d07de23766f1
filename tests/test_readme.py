"""The README is true: its commands do what they say, its agent trains, and what it names is there."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from storage import open_project
from workbench.cli import build_parser, main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
#: on top of whatever a command asks for, so that it takes a second
TINY = (
    *("--steps", "40", "--device", "cpu", "--set", "warm_up_steps=20"),
    *("--set", "batch_size=4", "--set", "hidden_size=8"),
    *("--set", "engine.evaluation_interval=20", "--set", "engine.evaluation_episodes=1"),
    *("--set", "environment.max_episode_steps=10"),
)
TINY_ALM = ("--set", "model_hidden_size=8", "--set", "latent_size=4")


def blocks(language: str) -> list[str]:
    """The README's code blocks in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def commands() -> list[list[str]]:
    """The words of every line in which the README calls ``foresight``, in order."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("foresight ")]


def install_agent(folder: Path) -> None:
    """The README's agent as a package that is installed in ``folder``."""
    (script,), (project,) = blocks("python"), blocks("toml")
    (folder / "greedy.py").write_text(script, encoding="utf-8")
    points = tomllib.loads(project)["project"]["entry-points"]["foresight.plugins"]
    facts = folder / "greedy-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: greedy\nVersion: 1.0\n", encoding="utf-8")
    lines = "".join(f"{name} = {target}\n" for name, target in points.items())
    (facts / "entry_points.txt").write_text(f"[foresight.plugins]\n{lines}", encoding="utf-8")


def made_tiny(words: list[str]) -> list[str]:
    """The command with a budget that a test can spend."""
    trains = {"train", "study"} & set(words) and not {"--list-settings", "--list", "--dry-run"} & set(words)
    if trains:
        return [*words, *TINY, *(() if "greedy" in words else TINY_ALM)]
    if "resume" in words:
        return [*words, "--steps", "50"]
    if "fork" in words:
        return [*words, "--steps", "30"]
    return words


def test_every_command_can_be_parsed() -> None:
    found = commands()
    assert len(found) > 10
    for words in found:
        arguments, rest = build_parser().parse_known_args(words)
        assert not rest or arguments.takes_rest, words


def test_the_tour_works_from_beginning_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    install_agent(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for words in map(made_tiny, commands()):
        assert main(words) == 0, f"foresight {shlex.join(words)}: {capsys.readouterr().err}"
    assert (tmp_path / "run-1.csv").read_text(encoding="utf-8").startswith("run,seed,metric,step,wall_time,value\n")
    with open_project(tmp_path / "data" / "foresight" / "project") as project:
        rows = project.runs.page(sort=(("id", "asc"),))
        assert {row.status.value for row in rows} == {"finished"}
        greedy = rows[-1]
        assert (greedy.agent, greedy.environment, greedy.updates) == ("greedy", "HalfCheetah-v5", 20)
        assert [row.parent_run_id for row in rows if row.parent_run_id] == [1, 1]


def test_what_it_names_is_there() -> None:
    for path in re.findall(r"`([a-z_]+/[\w/.]*)`", README):
        if not path.startswith("files/"):
            assert (ROOT / path).exists() or list(ROOT.glob(f"*/{path}")), path


def test_targets_of_make_are_those_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", "\n".join(blocks("sh")), flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
