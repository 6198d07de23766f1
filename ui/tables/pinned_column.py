"""Keeps the first column of a tree in sight while the others are scrolled sideways."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRect, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractItemDelegate

from ui.guard import guarded, guarded_or
from ui.tables.run_header import RunHeader
from ui.tables.run_tree import RunTree


class PinnedColumn(RunTree):
    """A second view of the same model and selection over the left of ``main``, shown only while that is scrolled."""

    def __init__(self, main: RunTree, delegate: QAbstractItemDelegate) -> None:
        super().__init__(main.theme, main)
        self._main = main
        self.pinned = True
        self.setModel(main.model())
        self.setSelectionModel(main.selectionModel())
        self.setHeader(RunHeader(main.theme, self))
        self.setItemDelegateForColumn(0, delegate)
        for column in range(1, self.model().columnCount()):
            self.setColumnHidden(column, True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("")
        for policy in (self.setVerticalScrollBarPolicy, self.setHorizontalScrollBarPolicy):
            policy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.hide()
        main.expanded.connect(lambda index: self.setExpanded(index, True))
        main.collapsed.connect(lambda index: self.setExpanded(index, False))
        self.expanded.connect(lambda index: main.setExpanded(index, True))
        self.collapsed.connect(lambda index: main.setExpanded(index, False))
        main.verticalScrollBar().valueChanged.connect(self.verticalScrollBar().setValue)
        self.verticalScrollBar().valueChanged.connect(main.verticalScrollBar().setValue)
        main.horizontalScrollBar().valueChanged.connect(lambda _: self.place())
        main.header().sectionResized.connect(lambda *_: self.place())
        main.viewport().installEventFilter(self)

    def place(self) -> None:
        """Lie where the first column would be if it were not scrolled away."""
        width = self._main.columnWidth(0)
        room = self._main.viewport()
        wanted = self.pinned and self._main.horizontalScrollBar().value() > 0 and width < room.width() * 0.6
        if wanted:
            header = self._main.header().height()
            self.setGeometry(QRect(room.x(), room.y() - header, width + 1, room.height() + header))
            self.setColumnWidth(0, width)
            self.verticalScrollBar().setValue(self._main.verticalScrollBar().value())
            self.raise_()
        self.setVisible(wanted)

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        """Qt's; a hairline says where the scrolled part begins."""
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        painter.setPen(self.theme.color("ctl"))
        area = self.viewport().rect()
        painter.drawLine(area.topRight(), area.bottomRight())
        painter.end()

    @guarded_or(False)
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Qt's; follows the size of the main view."""
        if event.type() is QEvent.Type.Resize:
            self.place()
        return super().eventFilter(watched, event)

    @guarded
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Qt's; as in the main view."""
        index = self.indexAt(event.position().toPoint())
        if index.isValid():
            self._main.activated.emit(index)
