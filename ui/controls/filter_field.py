"""A search field that waits for a pause in the typing before it says what is wanted."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit

from ui.guard import guarded
from ui.theme import Theme

#: milliseconds after the last key until the filter is tried
DELAY = 150


class FilterField(QLineEdit):
    """``asked`` carries the text; ``icon_clicked`` is the icon at the left."""

    asked = Signal(str)
    icon_clicked = Signal()

    def __init__(self, theme: Theme, placeholder: str, icon_help: str) -> None:
        super().__init__()
        self._theme = theme
        self.setPlaceholderText(placeholder)
        self.setAccessibleName("Filter")
        self.setClearButtonEnabled(True)
        self._icon = self.addAction(theme.icon("filter", "text3"), QLineEdit.ActionPosition.LeadingPosition)
        self._icon.setToolTip(icon_help)
        self._icon.triggered.connect(lambda _checked=False: self.icon_clicked.emit())
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(DELAY)
        self._pause.timeout.connect(self._ask)
        self.textChanged.connect(lambda _: self._pause.start())
        self.returnPressed.connect(self._ask)
        theme.changed.connect(self._paint_icon)

    def mark(self, wrong: bool) -> None:
        """Show by the edge that what stands there cannot be understood."""
        state = "error" if wrong else ""
        if self.property("state") != state:
            self.setProperty("state", state)
            self.style().unpolish(self)
            self.style().polish(self)

    @guarded
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's; Esc takes the filter away at once."""
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
            self._ask()
        else:
            super().keyPressEvent(event)

    def _ask(self) -> None:
        self._pause.stop()
        self.asked.emit(self.text())

    def _paint_icon(self) -> None:
        self._icon.setIcon(self._theme.icon("filter", "text3"))
