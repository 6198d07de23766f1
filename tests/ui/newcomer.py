"""Someone at the screen: finds what can be read, clicks, drags and types, and waits for what is to be seen.

Nothing here calls the application. Events go to its windows as the window system would send them, so that whatever
covers a button, or takes the keyboard away from it, is in the way here too. Without a window manager nobody gives a
new window the keyboard; :class:`Newcomer` does that as well.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QModelIndex, QObject, QPoint, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QApplication, QLabel, QMenu, QWidget

from ui.main_window import MainWindow

#: milliseconds between two looks at the screen
GLANCE = 10
LEFT = Qt.MouseButton.LeftButton
PLAIN = Qt.KeyboardModifier.NoModifier
CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier

W = TypeVar("W", bound=QWidget)


@dataclass(frozen=True)
class Until:
    """What has to be seen before the story goes on; a LookupError means that it is not there yet.

    It is waited for so many ``seconds``; as someone does who sees that it moves, from when ``moves`` last changed.
    """

    what: str
    holds: Callable[[], object]
    seconds: float = 30.0
    moves: Callable[[], object] = lambda: None


#: what a newcomer does and waits for, from a first look to the closed window
Story = Generator[Until, None, None]


#: after the story's last act
CLOSED = Until("the window to close", lambda: False)


# ---- what is on the screen ------------------------------------------------------------------------------------------


def window() -> MainWindow:
    """The application's window; LookupError before and after it is on the screen."""
    for widget in QApplication.topLevelWidgets():
        if isinstance(widget, MainWindow) and widget.isVisible():
            return widget
    raise LookupError("no window is on the screen")


def front() -> QWidget:
    """What takes the events: an open menu, else a dialog, else the window."""
    return QApplication.activePopupWidget() or QApplication.activeModalWidget() or window()


def _front() -> QWidget | None:
    try:
        return front()
    except LookupError:
        return None


def shown(kind: type[W], within: QWidget | None = None) -> Iterator[W]:
    """Every widget of a kind that is in sight."""
    return (found for found in (within or front()).findChildren(kind) if found.isVisible())


def button(words: str, within: QWidget | None = None) -> QAbstractButton:
    """The button with this text, or this name where it is an icon."""
    for found in shown(QAbstractButton, within):
        if words in (found.text().strip(), found.accessibleName()):
            return found
    raise LookupError(f"no button {words!r} is in sight")


def named(kind: type[W], name: str, within: QWidget | None = None) -> W:
    """The widget that a screen reader calls so."""
    for found in shown(kind, within):
        if found.accessibleName() == name:
            return found
    raise LookupError(f"nothing called {name!r} is in sight")


def reads(pattern: str, within: QWidget | None = None) -> re.Match[str] | None:
    """The first text in sight that fits."""
    texts = (re.search(pattern, label.text()) for label in shown(QLabel, within))
    return next((found for found in texts if found), None)


# ---- someone --------------------------------------------------------------------------------------------------------


class Newcomer(QObject):
    """Lives through a story inside the application's own event loop, and keeps what went wrong for :meth:`check`."""

    def __init__(self, story: Callable[[Newcomer], Story], pictures: Path) -> None:
        super().__init__()
        self._story, self._pictures = story(self), pictures
        self._until = Until("the window", window)
        self._acts: deque[Callable[[], object]] = deque()
        self._fronts: list[QWidget | None] = []  # what was in front when each act that is under way began
        self._error: BaseException | None = None
        self._ended = False
        self._deadline = time.monotonic() + self._until.seconds
        self._movement: object = None
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._look)
        self._timer.start(GLANCE)

    def check(self) -> None:
        """Raise what went wrong."""
        self._timer.stop()
        if self._error is not None:
            raise self._error
        assert self._ended, f"the application ended while someone waited for {self._until.what}"

    # ---- acts; they are done one after the other, before the story's next wait ends ----------------------------------

    def click(self, target: str | Callable[[], QWidget], at: Callable[[], QPoint] | None = None) -> None:
        """Click a button by its words, or the middle (else ``at``) of a widget."""
        find = (lambda: button(target)) if isinstance(target, str) else target
        self._acts.append(lambda: self._drag(find(), [at() if at else find().rect().center()]))

    def click_row(self, view: Callable[[], QAbstractItemView], index: Callable[[], QModelIndex]) -> None:
        """Click an item of a list, a table or a tree."""
        self.click(lambda: view().viewport(), lambda: view().visualRect(index()).center())

    def choose(self, words: str) -> None:
        """Click an entry of the menu that is open; without its keys and dots."""
        self._acts.append(lambda: self._choose(words))

    def drag(self, target: Callable[[], QWidget], points: Callable[[], list[QPoint]]) -> None:
        """Press at the first point, move over the others, let go at the last."""
        self._acts.append(lambda: self._drag(target(), points()))

    def press(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = PLAIN) -> None:
        """One key."""
        self._acts.append(lambda: self._key(key, modifiers))

    def type(self, text: str) -> None:
        """Each letter."""
        for letter in text:
            self._acts.append(lambda letter=letter: self._key(letter, PLAIN))

    # ---- inside -----------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        try:
            if self._fronts and self._fronts[-1] is _front():
                pass  # an act is under way, and has opened nothing that waits for an answer
            elif self._acts:
                self._fronts.append(_front())
                # By another timer: this one must not stand still while a dialog's own loop runs.
                QTimer.singleShot(0, self, self._do)
            elif _glimpse(self._until.holds):
                self._until = next(self._story, CLOSED)
                self._ended = self._until is CLOSED
                self._deadline = time.monotonic() + self._until.seconds
            elif (movement := _glimpse(self._until.moves)) != self._movement:
                self._movement, self._deadline = movement, time.monotonic() + self._until.seconds
            waited = f"waited {self._until.seconds:g} s for {self._until.what}; last seen: {self._movement}"
            assert time.monotonic() < self._deadline, waited
        except Exception as error:  # noqa: BLE001  told by check(), once the application has ended
            self._give_up(error)

    def _do(self) -> None:
        try:
            self._acts.popleft()()
        except Exception as error:  # noqa: BLE001  as above
            self._give_up(error)
        finally:
            self._fronts.pop()

    def _give_up(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
            self._acts.clear()
            self._timer.stop()
            picture = self._pictures / "screen.png"
            QGuiApplication.primaryScreen().grabWindow(0).save(str(picture))
            error.add_note(f"the screen then: {picture}")
            os.kill(os.getpid(), signal.SIGTERM)
        opened = QApplication.activePopupWidget() or QApplication.activeModalWidget()
        if opened is not None:
            opened.close()
            QTimer.singleShot(GLANCE, self, lambda: self._give_up(error))

    def _drag(self, widget: QWidget, points: list[QPoint]) -> None:
        top = _with_keyboard(widget.window())
        places = [widget.mapTo(top, point) for point in points]
        hit = top if top is widget else top.childAt(places[0])
        assert hit is not None, f"{widget} is outside its window"
        assert hit is widget or widget.isAncestorOf(hit), f"{hit} covers {widget} at {points[0].toTuple()}"
        assert widget.isEnabled(), f"{widget} ({widget.accessibleName() or widget.toolTip()}) is disabled"
        handle = top.windowHandle()
        QTest.mouseMove(handle, places[0])
        QTest.mousePress(handle, LEFT, PLAIN, places[0])
        for place in places[1:]:
            QTest.mouseMove(handle, place)
        QTest.mouseRelease(handle, LEFT, PLAIN, places[-1])

    def _choose(self, words: str) -> None:
        menu = front()
        assert isinstance(menu, QMenu), f"no menu is open for {words!r}, but {menu}"
        for entry in menu.actions():
            if entry.text().partition("\t")[0].replace("&", "").rstrip("…") == words:
                assert entry.isEnabled(), f"{words} cannot be chosen: {entry.toolTip()}"
                self._drag(menu, [menu.actionGeometry(entry).center()])
                return
        raise LookupError(f"the menu has no {words!r}: {[entry.text() for entry in menu.actions()]}")

    def _key(self, key: Qt.Key | str, modifiers: Qt.KeyboardModifier) -> None:
        # Not to a menu or a list of completions: Qt hands it on to those.
        top = (QApplication.activeModalWidget() or window()).window()
        QTest.keyClick(_with_keyboard(top).windowHandle(), key, modifiers)


def _glimpse(look: Callable[[], object]) -> object:
    """What is seen; None where it is not there."""
    try:
        return look()
    except LookupError:
        return None


def _with_keyboard(top: QWidget) -> QWidget:
    """The window, active: what a window manager does when it appears or is clicked."""
    if not top.isActiveWindow() and top.windowType() is not Qt.WindowType.Popup:
        top.activateWindow()
        assert QTest.qWaitForWindowActive(top, 5000), f"{top} did not get the keyboard"
    return top
