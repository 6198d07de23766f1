"""Leaving: asks while runs train, then pauses or stops them with resume points and waits for their threads."""

from __future__ import annotations

import threading

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from storage import RunState, StorageError
from ui.context import Context
from ui.controls.labels import Label
from ui.theme import Theme

_NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")


class ClosingDialog(QDialog):
    """The question, and after the answer the progress."""

    chosen = Signal(str)  # "pause", "stop" or "keep"

    def __init__(self, runs: int, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Close Foresight")
        self.setModal(True)
        self.title = Label(theme, _sentence(runs), 14, 600)
        either = "Either way each writes a resume point, and goes on later from where it is."
        self.help = Label(theme, either, 12, 400, "text2", wrap=True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.hide()
        self.pause_button = self._button("Pause and close", "pause", "primary")
        self.stop_button = self._button("Stop and close", "stop")
        self.keep_button = self._button("Keep open", "keep")
        self.pause_button.setDefault(True)
        self.pause_button.setFocus()
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        for button in (self.keep_button, self.stop_button, self.pause_button):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        for widget in (self.title, self.help, self._bar):
            column.addWidget(widget)
        column.addSpacing(6)
        column.addLayout(buttons)
        self.setMinimumWidth(460)

    def _button(self, text: str, answer: str, kind: str = "") -> QPushButton:
        button = QPushButton(text)
        button.setProperty("kind", kind)
        button.setAutoDefault(answer != "keep")
        button.clicked.connect(lambda: self.chosen.emit(answer))
        return button

    def show_progress(self, left: int, total: int, pause: bool) -> None:
        """Instead of the question: how many runs still write."""
        for button in (self.pause_button, self.stop_button, self.keep_button):
            button.hide()
        doing = "Pausing" if pause else "Stopping"
        self.title.setText(f"{doing} {_count(total)}" if total else "Closing")
        written = f"{total - left} of {total} have written their resume point. Each first ends its step or evaluation."
        self.help.setText(written if total else "Waiting for the last threads.")
        self._bar.setRange(0, max(total, 1))
        self._bar.setValue(total - left)
        self._bar.show()

    def reject(self) -> None:
        """Escape keeps the window open, as long as the question stands."""
        if self.keep_button.isVisible():
            self.chosen.emit("keep")


class Closing(QObject):
    """The way out. ``finished`` is emitted when no thread of a run is left."""

    finished = Signal()
    _done = Signal()

    def __init__(self, context: Context, window: QWidget) -> None:
        super().__init__(window)
        self._context, self._window = context, window
        self.dialog: ClosingDialog | None = None
        self._begun = False
        self._thread: threading.Thread | None = None
        self._total = 0
        self._pause = True
        self._watch = QTimer(self)
        self._watch.setInterval(100)
        self._watch.timeout.connect(self._show_progress)
        self._done.connect(self._end)

    def training(self) -> list[int]:
        """The runs that would go on if the window stayed open."""
        queue = self._context.engine.queue
        found = []
        for worker in queue.workers() if queue is not None else []:
            try:
                status = self._context.project.runs.get(worker.run_id).status
            except StorageError:
                continue
            if worker.alive and status is not RunState.PAUSED:
                found.append(worker.run_id)
        return found

    def ask(self) -> None:
        """Ask if anything trains, else leave at once; returns before the answer."""
        if self._begun or self.dialog is not None:
            return
        running = self.training()
        if not running:
            self.leave()
            return
        self.dialog = ClosingDialog(len(running), self._context.theme, self._window)
        self.dialog.chosen.connect(self._answer)
        self.dialog.open()

    def leave(self, *, pause: bool = True) -> None:
        """Pause (or stop) what runs, without a question."""
        if self._begun:
            return
        self._begun, self._pause = True, pause
        queue = self._context.engine.queue
        self._total = len(queue.workers()) if queue is not None else 0
        self._watch.start()
        QTimer.singleShot(300, self, self._make_visible)
        self._thread = threading.Thread(target=self._work, name="closing")
        self._thread.start()

    def _answer(self, answer: str) -> None:
        if answer == "keep":
            if self.dialog is not None:
                self.dialog.hide()
                self.dialog.deleteLater()
                self.dialog = None
            return
        self.leave(pause=answer == "pause")
        self._show_progress()

    def _work(self) -> None:
        try:
            self._context.engine.close(pause=self._pause)
        finally:
            self._done.emit()

    def _make_visible(self) -> None:
        """Only what takes longer than a moment gets a dialog."""
        if self._watch.isActive() and self.dialog is None and self._window.isVisible():
            self.dialog = ClosingDialog(self._total, self._context.theme, self._window)
            self._show_progress()
            self.dialog.open()

    def _show_progress(self) -> None:
        queue = self._context.engine.queue
        left = sum(worker.alive for worker in queue.workers()) if queue is not None else 0
        if self.dialog is not None:
            self.dialog.show_progress(left, self._total, self._pause)

    def _end(self) -> None:
        self._watch.stop()
        if self._thread is not None:
            self._thread.join()
        if self.dialog is not None:
            self.dialog.hide()
            self.dialog.deleteLater()
            self.dialog = None
        self.finished.emit()


def _count(runs: int) -> str:
    number = _NUMBERS[runs] if runs < len(_NUMBERS) else str(runs)
    return f"{number.lower()} run{'s' if runs != 1 else ''}"


def _sentence(runs: int) -> str:
    number = _NUMBERS[runs] if runs < len(_NUMBERS) else str(runs)
    return f"{number} run is training." if runs == 1 else f"{number} runs are training."
