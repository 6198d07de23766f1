"""Undo and redo for what is noted about runs: tags, notes, names, stars, archive, bin."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from storage import StorageError
from ui.guard import guarded

Step = Callable[[], object]


class UndoStack(QUndoStack):
    """The changes of this session, newest last. ``refused`` says what the storage would not undo or redo, and why."""

    refused = Signal(str)

    def do(self, text: str, forth: Step, back: Step) -> None:
        """Call ``forth`` and remember ``back``. Raises whatever ``forth`` raises; then nothing is remembered."""
        forth()
        self.push(_Change(self, text, forth, back))


class _Change(QUndoCommand):
    def __init__(self, stack: UndoStack, text: str, forth: Step, back: Step) -> None:
        super().__init__(text)
        self._stack, self._forth, self._back = stack, forth, back
        self._done = True

    @guarded
    def redo(self) -> None:
        """Qt's; the first time it was done before it was pushed."""
        if self._done:
            self._done = False
        else:
            self._try(self._forth)

    @guarded
    def undo(self) -> None:
        """Qt's."""
        self._try(self._back)

    def _try(self, step: Step) -> None:
        try:
            step()
        except StorageError as error:
            self.setObsolete(True)  # the stack forgets it: it can be neither undone nor redone any more
            self._stack.refused.emit(str(error))
