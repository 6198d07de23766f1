"""What a planned episode is asked for: how long, how often a plan is made, where each search begins."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QSpinBox, QWidget

from ui.controls.labels import Label
from ui.controls.segmented import Segmented
from ui.guard import guarded
from ui.plan_episode import LARGEST, PLAN, POLICY, PlanEpisodes
from ui.theme import Theme

_PROPOSALS = (
    (PLAN, "Last plan", "Each search begins at the plan before, shifted: the planner acts in place of the policy"),
    (POLICY, "Policy", "Each search begins at what the policy would do in the model: the planner refines it"),
)
_ORDER = ("steps", "replan", "proposal", "every")
_HELP = {
    "steps": "Environment steps at most; 0 goes on until the task ends the episode",
    "replan": "So many actions of each plan are executed before the next one is made",
    "every": "Of every so many-th decision the iterations are stored, to be looked at afterwards",
}


class PlanEpisodeForm(QWidget):
    """Three numbers and a choice; every change is remembered at once."""

    def __init__(self, theme: Theme, episodes: PlanEpisodes) -> None:
        super().__init__()
        self._theme, self._episodes = theme, episodes
        self.fields = {name: QSpinBox() for name in LARGEST}
        self.proposals = Segmented(theme, "Begin each search at", _PROPOSALS)
        self.proposals.chosen.connect(lambda proposal: episodes.choose(proposal=proposal))
        titles = {"steps": "Steps", "replan": "Replan every", "every": "Store every"}
        self._grid = grid = QGridLayout(self)
        self._titles: dict[str, Label] = {}
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(6)
        for name, field in self.fields.items():
            title = self._titles[name] = Label(theme, titles[name], 12, token="text2")
            title.setBuddy(field)
            field.setRange(0 if name == "steps" else 1, LARGEST[name])
            field.setAccessibleName(titles[name])
            field.setToolTip(_HELP[name])
            field.setKeyboardTracking(False)
            field.valueChanged.connect(lambda value, name=name: episodes.choose(**{name: value}))
        self._titles["proposal"] = Label(theme, "Begin at", 12, token="text2")
        self.fields["steps"].setSpecialValueText("All")
        self._wide: bool | None = None
        self._arrange(wide=True)
        grid.setColumnStretch(4, 1)
        theme.changed.connect(self._style)
        self._style()

    def show_choice(self) -> None:
        """As it is remembered, without telling; no more steps of a plan than it has."""
        choice, settings = self._episodes.choice, self._episodes.session.draft.settings
        for name, field in self.fields.items():
            field.blockSignals(True)
            if name == "replan":
                field.setMaximum(LARGEST[name] if settings is None else settings.horizon)
            field.setValue(choice[name])
            field.blockSignals(False)
        self.proposals.set_value(choice["proposal"])
        self.setEnabled(not self._episodes.driver.busy)

    def _arrange(self, *, wide: bool) -> None:
        """Two beside each other, or all below each other."""
        if wide == self._wide:
            return
        self._wide = wide
        for at, name in enumerate(_ORDER):
            row, column = (at // 2, at % 2 * 2) if wide else (at, 0)
            self._grid.addWidget(self._titles[name], row, column)
            self._grid.addWidget(self._control(name), row, column + 1, Qt.AlignmentFlag.AlignLeft)

    def _control(self, name: str) -> QWidget:
        return self.proposals if name == "proposal" else self.fields[name]

    def minimumSizeHint(self) -> QSize:
        """Qt's; as wide as it is with all below each other."""
        titles = max(title.sizeHint().width() for title in self._titles.values())
        return QSize(titles + 8 + self.proposals.sizeHint().width(), super().minimumSizeHint().height())

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's."""
        super().resizeEvent(event)
        widths = [title.sizeHint().width() for title in (self._titles[name] for name in _ORDER)]
        titles = max(widths[::2]) + max(widths[1::2])
        controls = self.proposals.sizeHint().width() + self.fields["replan"].width()
        self._arrange(wide=titles + controls + 3 * self._grid.horizontalSpacing() <= self.width())

    def _style(self) -> None:
        for field in self.fields.values():
            field.setFixedWidth(self._theme.px(84))
