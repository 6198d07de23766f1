"""What a panel shows while it measures: what, how far, how long still, and a way to cancel it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from ui.analysis import Advance
from ui.theme import Theme

_STEPS = 1000


class BusyState(QWidget):
    """Title, progress in the user's unit, a bar and Cancel; Esc cancels too while the keyboard is inside."""

    cancelled = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._note = ""
        self._icon, self._title, self._text = QLabel(), QLabel(), QLabel()
        self._text.setProperty("role", "label")
        self._text.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, _STEPS)
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Cancel  Esc")
        self.cancel.clicked.connect(self.cancelled)
        escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), self)
        escape.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        escape.activated.connect(self.cancelled)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 12, 24, 12)
        column.setSpacing(8)
        column.addStretch(1)
        for label in (self._icon, self._title, self._text):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setTextFormat(Qt.TextFormat.PlainText)
            column.addWidget(label)
        for widget in (self.bar, self.cancel):
            row = QHBoxLayout()
            row.addStretch(1)
            row.addWidget(widget)
            row.addStretch(1)
            column.addLayout(row)
        column.addStretch(1)
        theme.changed.connect(self._style)
        self._style()

    @property
    def words(self) -> str:
        """Title and sentence, as read."""
        return f"{self._title.text()}. {self._text.text()}"

    def begin(self, title: str, note: str = "") -> None:
        """Something begins: ``title`` says what ("Measuring Q-bias"), ``note`` a sentence that stays behind the
        figures ("Training goes on meanwhile.")."""
        self._note = note
        self._title.setText(title)
        self._show(0.0, "Estimating")

    def show_advance(self, advance: Advance) -> None:
        """How far it is."""
        self._show(advance.fraction, advance.sentence)

    def _show(self, fraction: float, sentence: str) -> None:
        self.bar.setValue(round(_STEPS * fraction))
        self._text.setText(f"{sentence}. {self._note}".rstrip())
        self.setAccessibleName(self.words)

    def _style(self) -> None:
        theme = self._theme
        self._title.setFont(theme.font(13, 600))
        self._text.setFont(theme.font(12))
        side = theme.px(28)
        self._icon.setPixmap(theme.icon("clock", "accent", side).pixmap(QSize(side, side)))
        self.bar.setFixedWidth(theme.px(260))
        self.cancel.setIcon(theme.icon("x"))
        self.cancel.setIconSize(QSize(theme.px(14), theme.px(14)))
