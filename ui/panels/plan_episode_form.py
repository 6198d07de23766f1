"""What a planned episode is asked for: how long, how often a plan is made, where each search begins."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QSpinBox, QWidget

from ui.controls.labels import Label
from ui.controls.segmented import Segmented
from ui.plan_episode import LARGEST, PLAN, POLICY, PlanEpisodes
from ui.theme import Theme

_PROPOSALS = (
    (PLAN, "Last plan", "Each search begins at the plan before, shifted: the planner acts in place of the policy"),
    (POLICY, "Policy", "Each search begins at what the policy would do in the model: the planner refines it"),
)
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
        places = {"steps": (0, 0), "replan": (0, 2), "every": (1, 2)}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(6)
        for name, field in self.fields.items():
            title = Label(theme, titles[name], 12, token="text2")
            title.setBuddy(field)
            field.setRange(0 if name == "steps" else 1, LARGEST[name])
            field.setAccessibleName(titles[name])
            field.setToolTip(_HELP[name])
            field.setKeyboardTracking(False)
            field.valueChanged.connect(lambda value, name=name: episodes.choose(**{name: value}))
            row, column = places[name]
            grid.addWidget(title, row, column)
            grid.addWidget(field, row, column + 1)
        self.fields["steps"].setSpecialValueText("All")
        grid.addWidget(Label(theme, "Begin at", 12, token="text2"), 1, 0)
        grid.addWidget(self.proposals, 1, 1, Qt.AlignmentFlag.AlignLeft)
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

    def _style(self) -> None:
        for field in self.fields.values():
            field.setFixedWidth(self._theme.px(84))
