"""Presets and recent runs to begin a new run from."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout

from storage import RunRow
from ui import format
from ui.context import Context
from ui.controls.labels import Label
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
        self.list.setWordWrap(True)
        self.list.setAccessibleName("Presets")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.recent = QListWidget()
        self.recent.setWordWrap(True)
        self.recent.setAccessibleName("Recent runs")
        self.recent.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
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
        self._fill()

    def activate(self) -> None:
        """Show what was run lately."""
        self.context.feed.runs_changed.connect(self._fill_recent)
        self.draft.changed.connect(self._mark)
        self._fill_recent()
        self._mark()

    def deactivate(self) -> None:
        """Let go."""
        self.context.feed.runs_changed.disconnect(self._fill_recent)
        self.draft.changed.disconnect(self._mark)

    def _fill(self) -> None:
        for preset in self.draft.presets.values():
            icon = self.theme.icon("bolt" if "quick" in preset.name else "layers")
            item = QListWidgetItem(icon, f"{preset.name}\n{preset.title}")
            item.setData(_ROLE, preset.name)
            item.setToolTip(preset.description)
            item.setSizeHint(QSize(0, self.theme.px(58)))
            self.list.addItem(item)
        self.list.setFixedHeight(self.theme.px(60) * self.list.count() + 4)

    def _fill_recent(self) -> None:
        rows = self.context.project.runs.page(limit=RECENT)
        if [item.data(_ROLE) for item in self._items()] == [row.id for row in rows]:
            return
        self.recent.clear()
        for row in rows:
            item = QListWidgetItem(self.theme.icon("clock"), f"{row.name}\n{format.moment(row.created)}")
            item.setData(_ROLE, row.id)
            item.setToolTip(f"Open the form with the settings of run {row.id}")
            item.setSizeHint(QSize(0, self.theme.px(44)))
            self.recent.addItem(item)
        self._recent_title.setVisible(bool(rows))

    def _items(self) -> list[QListWidgetItem]:
        return [self.recent.item(number) for number in range(self.recent.count())]

    def _mark(self) -> None:
        for number in range(self.list.count()):
            item = self.list.item(number)
            if item.data(_ROLE) == self.draft.preset.name:
                self.list.setCurrentItem(item)

    def _use(self, item: QListWidgetItem) -> None:
        if item.data(_ROLE) != self.draft.preset.name or self.draft.texts:
            self.draft.use_preset(item.data(_ROLE))

    def _open(self, item: QListWidgetItem) -> None:
        open_with(self.context, self.context.project.runs.get(item.data(_ROLE)))


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
