"""The rules of the house: what may import what, what is called how, and which versions belong together."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
from importlinter.cli import lint_imports
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = [name for name in ("storage", "workbench", "ui") if (ROOT / name).is_dir()]
HEAVY = {"gymnasium", "mujoco", "PySide6", "torch"}


def modules_after(script: str) -> set[str]:
    """The top-level modules that are loaded after a fresh interpreter ran ``script``."""
    report = "\nimport json, sys\nprint(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    command = [sys.executable, "-c", script + report]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_imports_follow_the_layers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT))
    status = lint_imports(config_filename="pyproject.toml", no_cache=True, no_logo=True)
    assert status == 0, capsys.readouterr().out


def test_every_package_is_under_the_import_contracts() -> None:
    assert sorted(PROJECT["tool"]["importlinter"]["root_packages"]) == sorted(PACKAGES)


def test_command_line_starts_without_heavy_imports() -> None:
    assert not HEAVY & modules_after("import workbench.cli")


def test_settings_load_without_heavy_imports() -> None:
    script = """
import importlib
from workbench.registry import Registry

folders = [importlib.import_module(f"workbench.{name}") for name in NAMES]
tables = [value for folder in folders for value in vars(folder).values() if isinstance(value, Registry)]
settings = [entry.load_settings() for table in tables for entry in table.entries().values()]
assert settings, "no folder's table has an entry"
"""
    names = [name for name in ("agents", "planners", "analysis") if (ROOT / "workbench" / name).is_dir()]
    assert not HEAVY & modules_after(script.replace("NAMES", repr(names)))


def test_top_level_names_are_the_agreed_ones() -> None:
    agreed = {"pyproject.toml", "README.md", "Makefile", "constraints.txt", "LICENSE"}
    agreed |= {"assets", "storage", "tests", "ui", "workbench"}
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert found - {"dist", "__pycache__"} <= agreed


def test_file_names_say_what_is_inside() -> None:
    vague = re.compile(r"(^|_)(utils?|common|helpers?|managers?|misc)(_|$)")
    paths = [path for name in (*PACKAGES, "tests") for path in (ROOT / name).rglob("*.py")]
    parts = {part for path in paths for part in path.relative_to(ROOT).with_suffix("").parts}
    assert [part for part in sorted(parts) if vague.search(part)] == []


def test_every_package_that_is_needed_is_pinned() -> None:
    pins: dict[str, Requirement] = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            assert re.fullmatch(r"[\w.-]+==[\w.]+", line), f"not an exact pin: {line}"
            pins[canonicalize_name(line.partition("==")[0])] = Requirement(line)

    project = PROJECT["project"]
    wanted = [Requirement(text) for text in project["dependencies"] + project["optional-dependencies"]["dev"]]
    seen: set[str] = set()
    while wanted:
        requirement = wanted.pop()
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        name = canonicalize_name(requirement.name)
        assert name in pins, f"{name} is needed but not in constraints.txt"
        pinned = str(pins[name].specifier).removeprefix("==")
        assert requirement.specifier.contains(pinned), f"{requirement} does not allow the pinned {pinned}"
        for text in distribution(name).requires or []:
            child = Requirement(text)
            extras = requirement.extras or {""}
            applies = child.marker is None or any(child.marker.evaluate({"extra": extra}) for extra in extras)
            pinned_by_its_parent = any(clause.operator == "==" for clause in child.specifier)  # torch's CUDA packages
            if applies and not pinned_by_its_parent:
                wanted.append(child)


def test_qt_keeps_its_references_to_none() -> None:
    """PySide6 6.12.0 on Python 3.11 loses one at each call of a method that returns nothing, until the process dies."""
    from PySide6.QtCore import QObject

    thing = QObject()
    before = sys.getrefcount(None)
    for _ in range(1000):
        thing.setObjectName("x")
    assert abs(sys.getrefcount(None) - before) < 100
