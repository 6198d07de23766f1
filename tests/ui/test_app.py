"""The whole application in a process of its own: launch order, silence, signals, and what a kill leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from storage import Project, ProjectMissing, RunRow, RunState, open_project
from ui.__main__ import main
from ui.application_log import application_log
from ui.preferences import Preferences
from ui.theme import ASSETS, Theme, load_fonts
from workbench.spec import new_spec

ROOT = Path(__file__).parents[2]
TINY = {
    "hidden_size": 8,
    "model_hidden_size": 8,
    "latent_size": 8,
    "batch_size": 4,
    "warm_up_steps": 12,
    "total_steps": 1_000_000,
    "replay_capacity": 1000,
    "engine.evaluation_interval": 1_000_000,
}

LAUNCH = """
import sys, time
from pathlib import Path
begin = time.perf_counter()
from PySide6.QtCore import QTimer
from ui.app import Application
application = Application()
from storage import open_project
window = application.build(open_project(Path(sys.argv[1]), write=True))
window.show()
application.qt.processEvents()
shown = time.perf_counter() - begin
heavy = sorted({"torch", "gymnasium", "mujoco"} & set(sys.modules))
assert window.isVisible() and not window.grab().isNull()
print(f"{shown:.2f} {','.join(heavy) or 'none'} {window.context.engine.state}")
window.leave()
window.closed.connect(application.qt.quit)
application.qt.exec()
window.context.project.close()
application.close()
"""


ASKED = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from ui.app import Application
application = Application()
def look():
    if QApplication.activeModalWidget() is not None:
        print("asked", flush=True)
        timer.stop()
timer = QTimer()
timer.timeout.connect(look)
timer.start(50)
code = application.run(Path(sys.argv[1]))
application.close()
sys.exit(code)
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts ``python ARGUMENTS`` with folders of its own; kills what is left."""
    started: list[subprocess.Popen[str]] = []

    def one(*arguments: str) -> subprocess.Popen[str]:
        environment = os.environ | {"XDG_CONFIG_HOME": str(tmp_path / "config"), "QT_QPA_PLATFORM": "offscreen"}
        command = [sys.executable, "-X", "faulthandler", *arguments]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True))
        return started[-1]

    yield one
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def _queue_tiny_run(folder: Path) -> None:
    from workbench.engine.recorder import Recorder

    with open_project(folder, write=True) as project:
        Recorder(project).submit(new_spec("alm", "Pendulum-v1", TINY))


def _wait(folder: Path, fits: Callable[[RunRow, Project], bool], seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with open_project(folder) as project:
                if fits(project.runs.get(1), project):
                    return
        except ProjectMissing:
            pass
        time.sleep(0.1)
    pytest.fail("the run did not get that far")


def _trains(row: RunRow, project: Project) -> bool:
    return row.status is RunState.RUNNING and bool(project.artifacts.list(1, "resume"))


def test_sigterm_ends_it_while_a_dialog_asks_about_the_project(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    with open_project(tmp_path / "project", write=True):
        process = start("-c", ASKED, str(tmp_path / "project"))
        assert process.stdout is not None and process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


def test_the_window_is_shown_before_the_engine_is_loaded(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    out, errors = start("-c", LAUNCH, str(tmp_path / "project")).communicate(timeout=150)
    assert errors == ""
    seconds, heavy, state = out.split()
    assert heavy == "none"
    assert state == "preparing"
    assert float(seconds) < 10  # a loaded machine; measured alone it is under 2


def test_sigterm_while_a_run_trains_pauses_it_and_exits_with_0(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    _queue_tiny_run(folder)
    process = start("-m", "ui", "--project", str(folder))
    _wait(folder, _trains)
    process.send_signal(signal.SIGTERM)
    out, errors = process.communicate(timeout=150)
    assert (process.returncode, out, errors) == (0, "", "")
    with open_project(folder, write=True) as project:
        row = project.runs.get(1)
        assert project.interrupted == ()
        assert row.status is RunState.PAUSED
        assert row.step == project.artifacts.list(1, "resume")[-1].step > 0


def test_after_a_kill_the_run_is_interrupted_with_a_resume_point(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    _queue_tiny_run(folder)
    process = start("-m", "ui", "--project", str(folder))
    _wait(folder, _trains)
    process.kill()
    process.communicate()
    with open_project(folder, write=True) as project:
        assert project.interrupted == (1,)
        assert project.artifacts.list(1, "resume")


def test_ctrl_c_before_the_engine_is_ready_exits_with_0(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    process = start("-m", "ui", "--project", str(folder))
    preferences = tmp_path / "config" / "foresight" / "window.json"
    end = time.monotonic() + 60
    while not (folder / "project.holder.json").exists() or not preferences.exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=150)
    assert (process.returncode, out, errors) == (0, "", "")


def test_wrong_arguments_are_told_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--nonsense"])
    assert caught.value.code == 2
    assert "unrecognized arguments: --nonsense" in capsys.readouterr().err


def test_the_bundled_fonts_are_used_and_carry_their_licences(qapp: QApplication) -> None:
    load_fonts()
    theme = Theme("dark")
    assert (theme.sans, theme.mono, theme.serif) == ("Inter", "JetBrains Mono", "STIXGeneral")
    fonts = ASSETS / "fonts"
    assert sum(path.stat().st_size for path in fonts.iterdir()) < 3_000_000
    for family in ("Inter", "JetBrainsMono", "STIX"):
        licence = (fonts / f"OFL-{family}.txt").read_text(encoding="utf-8")
        assert "SIL OPEN FONT LICENSE Version 1.1" in licence
        assert "Copyright" in licence


def test_text_is_drawn_not_boxes(qapp: QApplication) -> None:
    from PySide6.QtWidgets import QLabel

    load_fonts()
    label = QLabel("Foresight ± σ λ")
    label.setFont(Theme("dark").font(20))
    image = label.grab().toImage()
    colours = {image.pixel(x, y) for x in range(image.width()) for y in range(image.height())}
    assert len(colours) > 20


def test_damaged_preferences_are_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "window.json"
    path.write_text("{ not json", encoding="utf-8")
    preferences = Preferences(path)
    preferences.set("theme.mode", "light")
    assert path.read_text(encoding="utf-8") == "{ not json"
    assert preferences.path != path


def test_the_applications_log_keeps_what_is_logged(qapp: QApplication) -> None:
    import logging

    log = application_log()
    logging.getLogger("ui.test").warning("a warning of %s", "this test")
    assert log.records[-1].getMessage() == "a warning of this test"


def test_preferences_of_another_shape_are_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "window.json"
    path.write_text("[1, 2]", encoding="utf-8")
    preferences = Preferences(path)
    assert preferences.get("theme.mode", "system") == "system"
    preferences.set("theme.mode", "light")
    assert path.read_text(encoding="utf-8") == "[1, 2]"
    assert preferences.path != path
