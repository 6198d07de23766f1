"""A window with a small table of panels, for tests of its frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout
from pytestqt.qtbot import QtBot

from ui import workspaces
from ui.actions import ActionRegistry
from ui.context import Context
from ui.main_window import MainWindow
from ui.panels import PanelEntry
from ui.panels.base import Panel

Make = Callable[[int, int], MainWindow]


class Sheet(Panel):
    """A panel that counts how often it is in sight."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.setMinimumSize(60, 60)
        self.field = QLineEdit()
        self.field.setPlaceholderText("Filter")
        column = QVBoxLayout(self)
        column.addWidget(self.field)


def _sheet(name: str, title: str) -> type[Sheet]:
    return type(title, (Sheet,), {"name": name, "title": title})


First, Second, Third, Fourth, Form = (
    _sheet(name, name.capitalize()) for name in ("first", "second", "third", "fourth", "form")
)


class Broken(Panel):
    """A panel that cannot be made."""

    name, title = "broken", "Broken"

    def __init__(self, context: Context) -> None:
        raise RuntimeError("no such thing")


@pytest.fixture
def panels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small table of panels in place of the real one."""
    places = {"First": "middle", "Second": "middle-bottom", "Third": "right", "Fourth": "right-bottom"}
    table = [PanelEntry(name.lower(), name, f"{__name__}:{name}", "watch", area) for name, area in places.items()]
    table.append(PanelEntry("form", "Form", f"{__name__}:Form", "configure", "middle"))
    table.append(PanelEntry("ghost", "Ghost", "ui.panels.no_such_module:Ghost", "plan", "middle"))
    monkeypatch.setattr(workspaces, "PANELS", tuple(table))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if "no_such" in name else object())


@pytest.fixture
def frame(make: Make) -> MainWindow:
    """The window over the sample project, on the screen at 1600 x 1000."""
    return make(1600, 1000)


@pytest.fixture
def make(qtbot: QtBot, context: Context, panels: None) -> Iterator[Make]:
    """Makes windows over the sample project, and closes them in order."""
    made: list[MainWindow] = []

    def one(width: int, height: int) -> MainWindow:
        made.append(make_window(context, width, height))
        return made[-1]

    yield one
    for window in made:
        with qtbot.waitSignal(window.closed):
            window.leave()
        window.deleteLater()


def make_window(context: Context, width: int, height: int) -> MainWindow:
    """The window over the sample project, on the screen; whoever makes it closes it."""
    context.preferences.set("window.size", [width, height])
    made = MainWindow()
    context.actions = ActionRegistry(made, context.theme)
    made.fill(context)
    made.resize(width, height)
    made.show()
    QApplication.processEvents()
    QApplication.processEvents()
    return made


def places(window: MainWindow) -> dict[str, tuple[int, int, int, int]]:
    """Left, top, width and height of each dock in Watch."""
    docks = window.workspaces["watch"].docks
    return {name: (dock.x(), dock.y(), dock.width(), dock.height()) for name, dock in docks.items()}
