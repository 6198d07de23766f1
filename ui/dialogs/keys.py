"""Every key in one list: those of the commands, and those that plots and views listen to themselves."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ui.context import Context

PANEL_KEYS: dict[str, tuple[tuple[str, str], ...]] = {
    "Curves": (
        ("Mouse wheel", "Zoom"),
        ("Home", "Reset the view"),
        ("L", "Logarithmic axis"),
        ("Left, Right", "Move the cursor"),
        ("P", "Pin the cursor"),
    ),
    "Simulation": (
        ("Space", "Run or pause"),
        ("Backspace", "Reset"),
        ("Left, Right", "One frame back or on"),
        ("-  =", "Slower, faster"),
        ("[  ]", "Cameras"),
        ("Esc", "Free camera"),
        ("0 … 5", "Groups of shapes"),
        ("C  F  J  T", "Contacts, forces, joints, transparent"),
        ("Drag, Shift+drag, wheel", "Turn, shift, zoom"),
        ("Double-click, Ctrl+double-click", "Look there, follow the body"),
    ),
}


class KeysDialog(QDialog):
    """The list, with a search field."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        self.resize(context.theme.px(560), context.theme.px(620))
        self.field = QLineEdit()
        self.field.setPlaceholderText("Find a key or a command")
        self.field.setAccessibleName("Find a key or a command")
        self.tree = QTreeWidget()
        self.tree.setColumnCount(2)
        self.tree.setHeaderLabels(["Command", "Key"])
        self.tree.setAccessibleName("Keys")
        self.tree.header().setStretchLastSection(False)
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 12)
        for widget in (self.field, self.tree, close):
            column.addWidget(widget)
        self._fill(context)
        self.field.textChanged.connect(self._narrow)

    def _fill(self, context: Context) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for action in context.actions:
            keys = context.actions.qt(action.id).shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            if keys:
                groups.setdefault(action.menu.partition("/")[0] or "Anywhere", []).append((keys, action.title))
        for panel, keys_of_panel in PANEL_KEYS.items():
            groups[f"{panel}, while it has the keyboard"] = list(keys_of_panel)
        for title, listed in groups.items():
            group = QTreeWidgetItem([title])
            group.setFont(0, context.theme.font(12, 600))
            group.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.tree.addTopLevelItem(group)
            for keys, command in listed:
                group.addChild(QTreeWidgetItem([command, keys]))
        self.tree.expandAll()

    def _narrow(self, text: str) -> None:
        wanted = text.lower()
        for group in self.tree.findItems("", Qt.MatchFlag.MatchContains):  # the top level alone
            shown = 0
            for child in (group.child(row) for row in range(group.childCount())):
                fits = wanted in f"{child.text(0)} {child.text(1)}".lower()
                child.setHidden(not fits)
                shown += fits
            group.setHidden(not shown)
