"""What a panel shows when it has nothing to show: what is so, and the next step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ui.theme import Theme

#: words, what it does; the first is the main one
Step = tuple[str, Callable[[], object]]


class EmptyState(QWidget):
    """An icon, a title, a sentence and the next steps, in the middle of the panel."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._icon_name, self._icon_token, self._words = "", "text3", ""
        self._icon, self._title, self._text = QLabel(), QLabel(), QLabel()
        self._text.setWordWrap(True)
        self._text.setProperty("role", "label")
        self._shown: list[QPushButton] = []
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(8)
        self._buttons.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 12, 24, 12)
        column.setSpacing(8)
        column.addStretch(1)
        for label in (self._icon, self._title, self._text):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setTextFormat(Qt.TextFormat.PlainText)
            column.addWidget(label)
        column.addSpacing(4)
        column.addLayout(self._buttons)
        column.addStretch(1)
        theme.changed.connect(self._style)
        self._style()

    def say(self, icon: str, title: str, text: str = "", steps: Sequence[Step] = (), token: str = "text3") -> None:
        """Show this; ``icon`` names a file of ``assets/icons``."""
        self._icon_name, self._icon_token = icon, token
        self._words = f"{title} {text}".strip()
        self._title.setText(title.rstrip("."))  # a heading, and sometimes also a sentence
        self._text.setText(text)
        self._text.setVisible(bool(text))
        for button in self._shown:
            button.hide()
            button.deleteLater()
        self._shown = []
        for number, (words, act) in enumerate(steps):
            button = QPushButton(words)
            if number:
                button.setProperty("kind", "ghost")
            button.clicked.connect(lambda _checked=False, act=act: act())
            self._buttons.addWidget(button)
            self._shown.append(button)
        self.setAccessibleName(f"{title}. {text}".rstrip(". ") + ".")
        self._style()

    @property
    def words(self) -> str:
        """Title and sentence, as read."""
        return self._words

    @property
    def buttons(self) -> list[QPushButton]:
        """The next steps."""
        return list(self._shown)

    def _style(self) -> None:
        self._title.setFont(self._theme.font(13, 600))
        self._text.setFont(self._theme.font(12))
        side = self._theme.px(28)
        if self._icon_name:
            icon = self._theme.icon(self._icon_name, self._icon_token, side)
            self._icon.setPixmap(icon.pixmap(QSize(side, side)))
