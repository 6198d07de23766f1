"""A button that opens a list in which any number of things can be ticked; the list stays open meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QMenu, QToolButton, QWidgetAction

from ui.theme import Theme


class ChoiceMenu(QToolButton):
    """``chosen`` are places in the list of names, in its order; at least one stays ticked. It says "2 of 6"."""

    changed = Signal()  # by the user

    def __init__(self, theme: Theme, title: str, what: str) -> None:
        super().__init__()
        self._theme, self._what = theme, what
        self._names: tuple[str, ...] = ()
        self._boxes: list[QCheckBox] = []
        self.chosen: list[int] = []
        self.setAccessibleName(title)
        self.setToolTip(title)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the arrow stands behind the words
        self.setMenu(QMenu(self))
        self.menu().setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        theme.changed.connect(self._style)
        self._style()

    def show_choice(self, names: Sequence[str], chosen: Iterable[int]) -> None:
        """Other names, or other places ticked."""
        self.chosen = sorted(chosen)
        if tuple(names) != self._names:
            self._names = tuple(names)
            self._fill()
        for place, box in enumerate(self._boxes):
            box.blockSignals(True)
            box.setChecked(place in self.chosen)
            box.blockSignals(False)
        self._say()

    def _fill(self) -> None:
        menu = self.menu()
        menu.clear()
        self._boxes = []
        menu.addAction("All", lambda: self._choose(range(len(self._names))))
        menu.addSeparator()
        for name in self._names:
            box = QCheckBox(name)
            box.setContentsMargins(8, 2, 8, 2)
            box.toggled.connect(self._read)
            self._boxes.append(box)
            entry = QWidgetAction(menu)
            entry.setDefaultWidget(box)
            menu.addAction(entry)

    def _read(self) -> None:
        ticked = [place for place, box in enumerate(self._boxes) if box.isChecked()]
        self._choose(ticked or self.chosen)

    def _choose(self, places: Iterable[int]) -> None:
        self.show_choice(self._names, places)
        self.changed.emit()

    def _say(self) -> None:
        self.setText(f"{len(self.chosen)} of {len(self._names)} {self._what}")

    def _style(self) -> None:
        side = self._theme.px(12)
        self.setFont(self._theme.font(11, 500))
        self.setIcon(self._theme.icon("down", "text3"))
        self.setIconSize(QSize(side, side))
