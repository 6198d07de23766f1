"""A panel in its dock, with the title bar: name or tabs, what it shows, the panel's own controls, and "more"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QDockWidget,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QTabBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ui.controls.elided_label import ElidedLabel
from ui.guard import guarded, guarded_or
from ui.theme import Theme

if TYPE_CHECKING:
    from ui.panels.base import Panel

TITLE_HEIGHT = 32
#: px at text scale 100 % to which a title bar can be squeezed
SMALLEST_TITLE = 160
MOVABLE = (
    QDockWidget.DockWidgetFeature.DockWidgetMovable
    | QDockWidget.DockWidgetFeature.DockWidgetFloatable
    | QDockWidget.DockWidgetFeature.DockWidgetClosable
)


class DockTitle(QFrame):
    """The title bar. Docks that share a place show their names as tabs here, in every one of their title bars.

    Where the panel's controls have no room, buttons go under "more" and the others into ``overflow``, a row below.
    """

    chosen = Signal(str)  # name of the panel whose tab was taken

    def __init__(self, title: str, theme: Theme, controls: Sequence[QWidget]) -> None:
        super().__init__()
        self.setObjectName("docktitle")
        self._theme = theme
        self._names: list[str] = []
        self._name = QLabel(title)
        self._tabs = _Tabs()
        self._tabs.setObjectName("docktabs")
        self._tabs.setDrawBase(False)
        self._tabs.setExpanding(False)
        self._tabs.setElideMode(Qt.TextElideMode.ElideNone)
        self._tabs.setAccessibleName("Panels that share this place")
        self._tabs.hide()
        self._tabs.currentChanged.connect(self._choose)
        self.subtitle = ElidedLabel()
        self.subtitle.setProperty("role", "hint")
        self.enlarge = _button("Enlarge  F11")
        self.more = _button("More: float, close, copy picture, reset")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(11, 0, 5, 0)
        row.setSpacing(6)
        row.addWidget(self._name)
        row.addWidget(self._tabs, 0, Qt.AlignmentFlag.AlignBottom)
        row.addWidget(self.subtitle)
        row.addStretch(1)
        self._controls = list(controls)
        self._squeezed: list[QWidget] = []
        for control in self._controls:
            row.addWidget(control)
        self.overflow = QWidget()
        self._below = QHBoxLayout(self.overflow)
        self._below.setContentsMargins(11, 5, 11, 0)
        self._below.setAlignment(Qt.AlignmentFlag.AlignLeft)
        self.overflow.hide()
        row.addWidget(self.enlarge)
        row.addWidget(self.more)
        self.repaint_icons()

    def repaint_icons(self) -> None:
        """Take colours and sizes from the theme again."""
        self.setFixedHeight(self._theme.px(TITLE_HEIGHT) + 1)
        self._name.setFont(self._theme.font(12, 600))
        self._tabs.setFont(self._theme.font(12, 500))
        self.subtitle.setFont(self._theme.font(11))
        for button, icon in ((self.enlarge, "max"), (self.more, "more")):
            button.setIcon(self._theme.icon(icon))
            button.setIconSize(QSize(self._theme.px(16), self._theme.px(16)))

    def show_tabs(self, panels: Sequence[tuple[str, str]], current: str) -> None:
        """Offer (name, title) pairs as tabs, or with fewer than two the name alone."""
        self._tabs.blockSignals(True)
        names = [name for name, _ in panels]
        if names != self._names:
            self._names = names
            while self._tabs.count():
                self._tabs.removeTab(0)
            for _, title in panels:
                self._tabs.addTab(title)
        if current in names:
            self._tabs.setCurrentIndex(names.index(current))
        self._tabs.blockSignals(False)
        self._tabs.setVisible(len(names) > 1)
        self._name.setVisible(len(names) < 2)
        self._squeeze()
        self._row.setContentsMargins(1 if len(names) > 1 else 11, 0, 5, 0)
        self._row.activate()

    def focus_tabs(self) -> None:
        """Give the tab row the keyboard."""
        if self._tabs.isVisible():
            self._tabs.setFocus(Qt.FocusReason.OtherFocusReason)

    def mark_active(self, active: bool) -> None:
        """Draw the line under the title in the accent while the panel has the keyboard."""
        if self.property("active") != active:
            self.setProperty("active", active)
            self.style().unpolish(self)
            self.style().polish(self)

    def squeezed(self) -> list[QAbstractButton]:
        """The panel's buttons that have no room here; "more" offers them instead."""
        return [control for control in self._squeezed if isinstance(control, QAbstractButton)]

    def minimumSizeHint(self) -> QSize:
        """Qt's; controls that have no room give way, so that they do not decide how narrow a panel can be."""
        return QSize(self._theme.px(SMALLEST_TITLE), self.minimumHeight())

    def sizeHint(self) -> QSize:
        """Qt's; docks take the height from here."""
        return QSize(super().sizeHint().width(), self.minimumHeight())

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's; hides the last controls until the others have room."""
        super().resizeEvent(event)
        self._squeeze()

    @guarded_or(False)
    def event(self, event: QEvent) -> bool:
        """Qt's; a control that changed its size may need or leave room."""
        if event.type() == QEvent.Type.LayoutRequest:
            self._squeeze()
        return super().event(event)

    def _squeeze(self) -> None:
        wanted = [control for control in self._controls if control in self._squeezed or not control.isHidden()]
        buttons = sum(button.sizeHint().width() + 6 for button in (self.enlarge, self.more))
        # Tabs that have no room, though all else gave way, are reached by arrows.
        full, most = self._tabs.full_width(), max(0, self.width() - buttons - 12)
        self._tabs.setUsesScrollButtons(full > most)  # they would take room even where all tabs fit
        self._tabs.setFixedWidth(min(full, most))
        names = self._tabs.width() if len(self._names) > 1 else self._name.sizeHint().width()
        room = self.width() - self._theme.px(30) - names - 6 - buttons
        squeezed = []
        for control in wanted:
            room -= max(control.minimumWidth(), control.minimumSizeHint().width()) + 6
            if room < 0:
                squeezed.append(control)
        if squeezed != self._squeezed:
            self._squeezed = squeezed
            for control in wanted:
                self._put(control, control in squeezed)
            below = [control for control in squeezed if not isinstance(control, QAbstractButton)]
            self.overflow.setVisible(bool(below))

    def _put(self, control: QWidget, squeezed: bool) -> None:
        if isinstance(control, QAbstractButton):
            control.setVisible(not squeezed)
        elif squeezed:
            self._below.addWidget(control)
        elif self._row.indexOf(control) < 0:
            later = self._controls[self._controls.index(control) + 1 :]
            places = [self._row.indexOf(widget) for widget in (*later, self.enlarge)]
            self._row.insertWidget(min(place for place in places if place >= 0), control)

    def _choose(self, index: int) -> None:
        if 0 <= index < len(self._names):
            self.chosen.emit(self._names[index])


class _Tabs(QTabBar):
    def full_width(self) -> int:
        """px at which no word is cut, whatever the width is now."""
        return sum(self.tabSizeHint(number).width() for number in range(self.count()))


class PanelDock(QDockWidget):
    """One panel. It is hidden, and so does no work, while another tab of its place is in front."""

    def __init__(self, name: str, panel: Panel, theme: Theme) -> None:
        super().__init__(panel.title)
        self.setObjectName(name)
        self.panel = panel
        self.bar = DockTitle(panel.title, theme, panel.header_widgets())
        self.setTitleBarWidget(self.bar)
        self.setFeatures(MOVABLE)
        body = QFrame()
        body.setObjectName("dockbody")
        column = QVBoxLayout(body)
        column.setContentsMargins(1, 0, 1, 1)
        column.addWidget(self.bar.overflow)
        column.addWidget(panel, 1)
        self.setWidget(body)
        panel.subtitle_changed.connect(self.bar.subtitle.setText)
        self.visibilityChanged.connect(panel.setVisible)

    def lock(self, locked: bool) -> None:
        """Keep it where it is, or let it be moved again."""
        self.setFeatures(QDockWidget.DockWidgetFeature.NoDockWidgetFeatures if locked else MOVABLE)

    def menu(self, entries: QMenu) -> None:
        """Give "more" its menu."""
        self.bar.more.setMenu(entries)


def _button(tip: str) -> QToolButton:
    button = QToolButton()
    button.setToolTip(tip)
    button.setAccessibleName(tip.partition("  ")[0].partition(":")[0])
    button.setAutoRaise(True)
    return button
