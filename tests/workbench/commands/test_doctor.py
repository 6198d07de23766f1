"""The doctor looks at everything, and outlives what is broken."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.command_line import COMMAND, ROOT, Foresight


def test_doctor_looks_at_everything(trained: Foresight) -> None:
    answer = trained("doctor", "--json")
    checks = {check["name"]: check for check in answer.document["checks"]}
    assert answer.code == 0, answer.out
    assert answer.document["ok"] is True
    expected = {"python", "packages", "device", "matrix products", "environment", "rendering", "compiler"}
    assert expected | {"project database", "project free space"} <= set(checks)
    assert "torch" in checks["packages"]["sentence"]
    assert "holds 2 runs" in checks["project runs"]["sentence"]


def test_doctor_finds_a_broken_project(foresight: Foresight) -> None:
    foresight.folder.mkdir()
    (foresight.folder / "project.db").write_bytes(b"rubbish" * 1000)
    answer = foresight("doctor")
    assert answer.code == 1
    assert any(line.startswith("problem  project database") for line in answer.out.splitlines())
    assert "There are problems; each says how to mend it." in answer.out


@pytest.mark.parametrize("module", ["torch", "mujoco", "sqlalchemy"])
def test_doctor_outlives_broken_packages(tmp_path: Path, module: str) -> None:
    (tmp_path / f"{module}.py").write_text("raise OSError('libbroken.so: cannot open shared object file')")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    command = [*COMMAND, "--project", str(tmp_path / "project"), "doctor", "--json"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    problems = [check for check in json.loads(done.stdout)["checks"] if check["status"] == "problem"]
    assert any("libbroken.so" in check["sentence"] for check in problems)
    assert all(check["remedy"] for check in problems)
