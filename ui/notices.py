"""Notices for the status bar: one per distinct text, with a counter, kept until they are read."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from PySide6.QtCore import QObject, Signal

Level = Literal["info", "ok", "warn", "bad"]


@dataclass
class Notice:
    """What happened, and at most one thing to do about it."""

    level: Level
    text: str
    action: str = ""
    run: Callable[[], object] | None = None
    count: int = 1
    time: float = field(default_factory=time.time)


class Notices(QObject):
    """Newest last."""

    changed = Signal()
    added = Signal(object)  # Notice

    def __init__(self) -> None:
        super().__init__()
        self.items: list[Notice] = []

    def add(self, level: Level, text: str, action: str = "", run: Callable[[], object] | None = None) -> None:
        """Say something; the same text again counts up, and offers what belongs to the newest.

        What the user did is told every time; a warning that comes again and again does not push itself forward.
        """
        for notice in self.items:
            if notice.text == text:
                notice.count += 1
                notice.time = time.time()
                if run is not None:
                    notice.action, notice.run = action, run
                self.changed.emit()
                if level in ("info", "ok"):
                    self.added.emit(notice)
                return
        notice = Notice(level, text, action, run)
        self.items.append(notice)
        self.changed.emit()
        self.added.emit(notice)

    def dismiss(self, notice: Notice) -> None:
        """It was read."""
        if notice in self.items:
            self.items.remove(notice)
            self.changed.emit()

    def clear(self) -> None:
        """Forget all."""
        if self.items:
            self.items.clear()
            self.changed.emit()
