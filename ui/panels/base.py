"""The base of every panel."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

from PySide6.QtCore import Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QWidget

from ui.context import Context
from ui.guard import guarded


class Panel(QWidget):
    """One dock's content.

    A panel works only while it is visible: what ``followed`` names is connected then, and ``activate`` and
    ``deactivate`` are called when it appears and disappears. ``subtitle_changed`` says what it shows, in the title bar.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    subtitle_changed = Signal(str)

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.theme = context.theme
        self.setObjectName(self.name)
        self.setAccessibleName(self.title)
        self._active = False

    @property
    def active(self) -> bool:
        """Whether it is visible."""
        return self._active

    def followed(self) -> Iterable[tuple[Any, Callable[..., object]]]:
        """Signals and the methods that they call while the panel is visible."""
        return ()

    def activate(self) -> None:
        """It became visible, and follows its signals."""

    def deactivate(self) -> None:
        """It was hidden, and follows nothing any more."""

    def header_widgets(self) -> list[QWidget]:
        """Small controls for the right of the title bar."""
        return []

    @guarded
    def showEvent(self, event: QShowEvent) -> None:
        """Qt's; calls ``activate``."""
        super().showEvent(event)
        if not self._active:
            self._active = True
            for signal, slot in self.followed():
                signal.connect(slot)
            self.activate()

    @guarded
    def hideEvent(self, event: QHideEvent) -> None:
        """Qt's; calls ``deactivate``."""
        super().hideEvent(event)
        if self._active:
            self._active = False
            for signal, slot in self.followed():
                signal.disconnect(slot)
            self.deactivate()


def make_context(folder: Path, owner: QWidget, *, engine: bool = False) -> Context:
    """A context over the project in ``folder``, for starting a panel alone; with ``engine`` it can also train."""
    from storage import open_project
    from ui.actions import ActionRegistry
    from ui.cursor import TimeCursor
    from ui.engine import Engine
    from ui.feed import Feed
    from ui.notices import Notices
    from ui.preferences import Preferences
    from ui.selection import Selection
    from ui.theme import Theme

    project = open_project(folder, write=True)
    theme = Theme()
    theme.apply()
    loader = Engine(project)
    feed = Feed(loader)
    if engine:
        loader.start()
    feed.start()
    preferences = Preferences(folder / "window.json")
    actions = ActionRegistry(owner, theme)
    return Context(project, loader, feed, Selection(), TimeCursor(), theme, preferences, Notices(), actions)


def run_alone(make: Callable[[Context], Panel], arguments: list[str] | None = None) -> int:
    """Start one panel in a window of its own over the project folder named in ``arguments`` (``python -m ...``)."""
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) != 1:
        sys.stderr.write("usage: python -m ui.panels.NAME PROJECT_FOLDER\n")
        return 2
    application = QApplication.instance() or QApplication([])
    window = QMainWindow()
    context = make_context(Path(given[0]), window)
    panel = make(context)
    window.setCentralWidget(panel)
    controls = panel.header_widgets()
    if controls:
        bar = window.addToolBar(panel.title)
        for control in controls:
            bar.addWidget(control)
    window.setWindowTitle(f"{panel.title} · Foresight")
    window.resize(1000, 700)
    window.show()
    code = application.exec()
    context.feed.stop()
    context.project.close()
    return code
