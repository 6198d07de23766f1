"""Where a setting comes from, as a small button: it opens the paper, or tells the full citation."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QSize, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMenu, QPushButton, QSizePolicy, QToolTip

from ui.theme import Theme
from workbench.sources import Source

#: px that it takes at most; longer words end in an ellipsis, and the tooltip has them all
WIDEST = 132
PADDING = 16


class SourceChip(QPushButton):
    """``text`` as the settings say it, and the publications that it names, none where they are not known."""

    def __init__(self, theme: Theme, text: str, sources: Sequence[Source]) -> None:
        super().__init__()
        self._theme, self._words, self._sources = theme, text, tuple(sources)
        self.setProperty("kind", "chip")
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Maximum)
        self.setAccessibleName(f"Source: {text}")
        self.setToolTip(self.explanation)
        self.setAccessibleDescription(self.explanation)
        self.clicked.connect(self._follow)
        theme.changed.connect(self._restyle)
        self._restyle()

    @property
    def explanation(self) -> str:
        """All that is known of the source."""
        known = [" ".join(part for part in (each.citation, each.url) if part) for each in self._sources]
        return "\n".join([self._words, *known])

    def sizeHint(self) -> QSize:
        """Qt's: as wide as the words, within reason."""
        width = self.fontMetrics().horizontalAdvance(self.text()) + self._theme.px(PADDING)
        return QSize(width, super().sizeHint().height())

    def _restyle(self) -> None:
        self.setFont(self._theme.font(10))
        room = self._theme.px(WIDEST - PADDING)
        self.setText(self.fontMetrics().elidedText(self._words, Qt.TextElideMode.ElideRight, room))

    def _follow(self) -> None:
        free = [source for source in self._sources if source.url]
        if len(free) == 1 and len(self._sources) == 1:
            _open(free[0])
        elif free:
            self._menu().popup(self.mapToGlobal(QPoint(0, self.height())))
        else:
            QToolTip.showText(self.mapToGlobal(QPoint(0, self.height())), self.explanation, self)

    def _menu(self) -> QMenu:
        """One entry for each publication; those without a free text only say which they are."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for source in self._sources:
            title = source.citation.partition(": ")[2] or source.citation
            entry = menu.addAction(f"{source.citation.partition(': ')[0]}: {title}", lambda shown=source: _open(shown))
            entry.setEnabled(bool(source.url))
        return menu


def _open(source: Source) -> None:
    QDesktopServices.openUrl(QUrl(source.url))
