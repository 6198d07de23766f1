"""Which back end renders, tried for real in processes of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.environments.rendering import choose_gl_backend, probe_gl


@pytest.fixture(autouse=True)
def undecided(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process in which nothing has been chosen, neither before nor after the test."""
    for name in ("MUJOCO_GL", "PYOPENGL_PLATFORM"):
        monkeypatch.setenv(name, "")  # so that what a test sets is undone
        monkeypatch.delenv(name)
    probe_gl.cache_clear()
    yield
    probe_gl.cache_clear()


def test_the_choice_is_what_was_found() -> None:
    finding = choose_gl_backend()
    assert os.environ["MUJOCO_GL"] == (finding.backend or "disable")
    assert finding.sentence
    assert bool(finding.remedy) == (finding.backend is None)
    assert os.environ.get("PYOPENGL_PLATFORM") in (None, finding.backend)
    assert probe_gl() is finding


def test_what_the_user_set_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "off")
    finding = choose_gl_backend()
    assert os.environ["MUJOCO_GL"] == "off"
    assert finding.backend is None
    assert "MUJOCO_GL" in finding.remedy


def test_a_back_end_that_fails_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "vulkan")
    finding = probe_gl()
    assert finding.backend is None
    assert "invalid value" in finding.sentence
    assert "Unset MUJOCO_GL, which is 'vulkan'" in finding.remedy


@pytest.mark.parametrize("error", ["OSError", "ImportError"])
def test_without_any_back_end_rendering_is_off(error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "OpenGL.py").write_text(f"raise {error}('libGL.so.1 is not there')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    finding = choose_gl_backend()
    assert finding.backend is None
    for backend in ("egl", "osmesa"):
        assert f"{backend}: {error}: libGL.so.1 is not there" in finding.sentence
    assert "Training works without rendering" in finding.remedy
    assert os.environ["MUJOCO_GL"] == "disable"
    assert "PYOPENGL_PLATFORM" not in os.environ
