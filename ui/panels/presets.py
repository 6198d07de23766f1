"""Presets and recent runs to begin a new run from."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout

from storage import RunRow
from ui import format
from ui.context import Context
from ui.controls.labels import Label
from ui.controls.named_item import NamedItemDelegate
from ui.draft import Draft
from ui.panels.base import Panel, run_alone
from workbench.registry import UnknownName
from workbench.settings import SettingsError
from workbench.spec import RunSpec

#: how many recent runs are listed
RECENT = 6
_ROLE = Qt.ItemDataRole.UserRole


class PresetsPanel(Panel):
    """Choosing one fills the form; nothing starts."""

    name: ClassVar[str] = "presets"
    title: ClassVar[str] = "Presets"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.draft = Draft.of(context)
        self.list = QListWidget()
        self.list.setAccessibleName("Presets")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.recent = QListWidget()
        self.recent.setAccessibleName("Recent runs")
        self.recent.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._delegate = NamedItemDelegate(self.theme)
        for widget in (self.list, self.recent):
            widget.setItemDelegate(self._delegate)
            widget.setMouseTracking(True)
        self._recent_title = Label(self.theme, "Recent", 11, token="text3")
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 8, 6, 8)
        column.setSpacing(6)
        column.addWidget(self.list)
        column.addWidget(self._recent_title)
        column.addWidget(self.recent, 1)
        self.list.itemActivated.connect(self._use)
        self.list.itemClicked.connect(self._use)
        self.recent.itemActivated.connect(self._open)
        self.recent.itemClicked.connect(self._open)
        self.theme.changed.connect(self._repaint)
        self._fill()

    def activate(self) -> None:
        """Show what was run lately; what starts the run has its keys here too."""
        if "form.start" in self.context.actions:
            self.addAction(self.context.actions.qt("form.start"))
        self.context.feed.runs_changed.connect(self._fill_recent)
        self.draft.changed.connect(self._mark)
        self._fill_recent()
        self._mark()

    def deactivate(self) -> None:
        """Let go."""
        self.context.feed.runs_changed.disconnect(self._fill_recent)
        self.draft.changed.disconnect(self._mark)

    def _fill(self) -> None:
        # What is done in minutes comes first.
        for preset in sorted(self.draft.presets.values(), key=lambda preset: "quick" not in preset.name):
            item = QListWidgetItem(f"{preset.name}\n{preset.title}")
            item.setData(_ROLE, preset.name)
            item.setToolTip(preset.description)
            self.list.addItem(item)
        self._repaint()

    def _repaint(self) -> None:
        px = self.theme.px
        for widget in (self.list, self.recent):
            widget.setIconSize(QSize(px(16), px(16)))
        for item in _items(self.list):
            item.setIcon(self.theme.icon("bolt" if "quick" in item.data(_ROLE) else "layers"))
            item.setSizeHint(QSize(0, px(58)))
        self.list.setFixedHeight(px(60) * self.list.count() + 4)
        for item in _items(self.recent):
            item.setIcon(self.theme.icon("clock"))
            item.setSizeHint(QSize(0, px(44)))

    def _fill_recent(self) -> None:
        rows = self.context.project.runs.page(limit=RECENT)
        if [item.data(_ROLE) for item in _items(self.recent)] == [row.id for row in rows]:
            return
        self.recent.clear()
        for row in rows:
            item = QListWidgetItem(f"{row.name}\n{format.moment(row.created)}")
            item.setData(_ROLE, row.id)
            item.setToolTip(f"Open the form with the settings of run {row.id}")
            self.recent.addItem(item)
        self._recent_title.setVisible(bool(rows))
        self._repaint()

    def _mark(self) -> None:
        for item in _items(self.list):
            if item.data(_ROLE) == self.draft.preset.name:
                self.list.setCurrentItem(item)

    def _use(self, item: QListWidgetItem) -> None:
        if item.data(_ROLE) != self.draft.preset.name or self.draft.texts:
            self.draft.use_preset(item.data(_ROLE))

    def _open(self, item: QListWidgetItem) -> None:
        open_with(self.context, self.context.project.runs.get(item.data(_ROLE)))


def _items(of: QListWidget) -> list[QListWidgetItem]:
    return [of.item(number) for number in range(of.count())]


def open_with(context: Context, row: RunRow) -> None:
    """Fill the form with the settings of a run."""
    try:
        spec = RunSpec.from_json(row.spec)
    except (SettingsError, UnknownName) as error:
        context.notices.add("warn", f"The settings of run {row.id} cannot be read: {error}")
        return
    Draft.of(context).use_spec(spec, f"Copied from run {row.id}", row.seed)


if __name__ == "__main__":
    raise SystemExit(run_alone(PresetsPanel))
