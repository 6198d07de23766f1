"""The sequences that one iteration of the planner tried, per action dimension over the horizon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QStackedLayout, QVBoxLayout, QWidget

from ui import format
from ui.context import Context
from ui.controls.choice_menu import ChoiceMenu
from ui.controls.empty_state import EmptyState
from ui.controls.labels import Label
from ui.controls.sample_label import SampleLabel
from ui.controls.segmented import Segmented
from ui.guard import guarded
from ui.panels import plan_words
from ui.panels.base import Panel, run_alone
from ui.plan_session import plan_session
from ui.plots.cloud_grid import CloudGrid
from ui.plots.plan_plots import CANDIDATES, ELITES, PICKED, CloudPlot

if TYPE_CHECKING:
    from workbench.engine.planning_desk import PlanLook

_PREFERENCE = "plan candidates"
#: px of height below which the sentence gives way to the plots
_LOW = 230
CLOUD, QUANTILES = "cloud", "quantiles"
_KINDS = (
    (CLOUD, "Cloud", "Single sequences, as many as can be told apart"),
    (QUANTILES, "Quantiles", "Where 90 % and 50 % of all candidates and 50 % of the elites lie at each step"),
)
#: action dimensions shown before anybody chose
_FIRST = 6
#: px between two entries of the legend
_GAP = 14


class CandidatesPanel(Panel):
    """Follows the iteration that is shown; a search that was put beside has its own plots, at the same scales."""

    name: ClassVar[str] = "candidates"
    title: ClassVar[str] = "Candidates"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.session = plan_session(context)
        self._names: tuple[str, ...] = ()
        self._drawn: object = None
        self._unused: list[SampleLabel] = []  # entries of the legend that nothing in sight needs
        kind = context.preferences.get(_PREFERENCE, CLOUD)
        self._kind = kind if kind in (CLOUD, QUANTILES) else CLOUD
        self._build()

    @property
    def plots(self) -> list[CloudPlot]:
        """The plots of the search that is stepped through."""
        return self.first.plots

    def _build(self) -> None:
        theme = self.theme
        self.empty = EmptyState(theme)
        self.legend = (
            *(SampleLabel(theme, None, ""), SampleLabel(theme, 3, "", solid=True)),
            *(SampleLabel(theme, 1, ""), SampleLabel(theme, 2, "best so far")),
            SampleLabel(theme, PICKED, "", solid=True),
        )
        self.kinds = Segmented(theme, "Show candidates as", _KINDS)
        self.kinds.set_value(self._kind)
        self.kinds.chosen.connect(self._choose_kind)
        self.dimensions = ChoiceMenu(theme, "Action dimensions in sight", "dimensions")
        self.dimensions.changed.connect(self.show_look)
        self._samples = QGridLayout()
        self._samples.setHorizontalSpacing(_GAP)
        self._samples.setVerticalSpacing(2)
        self._samples.setColumnStretch(len(self.legend), 1)
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addLayout(self._samples, 1)
        top.addWidget(self.dimensions, 0, Qt.AlignmentFlag.AlignTop)
        top.addWidget(self.kinds, 0, Qt.AlignmentFlag.AlignTop)
        self.first, self.second = CloudGrid(theme), CloudGrid(theme)
        self.first.pointed.connect(self._pick)
        holder = QWidget()
        self._pair = QHBoxLayout(holder)
        self._pair.setContentsMargins(0, 0, 0, 0)
        self._pair.setSpacing(16)
        self._pair.addWidget(self.first, 1)
        self._pair.addWidget(self.second, 1)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(holder)
        self.answer = Label(theme, "", 12, 600, wrap=True)
        self._body = QWidget()
        column = QVBoxLayout(self._body)
        column.setContentsMargins(12, 8, 12, 10)
        column.setSpacing(6)
        column.addLayout(top)
        column.addWidget(self._scroll, 1)
        column.addWidget(self.answer)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._body)
        self._arrange_legend()

    def activate(self) -> None:
        """Show the session as it is."""
        self.show_look()
        self._prepare()

    def _prepare(self) -> None:
        """Make plots before they are needed, one at a time: the first iteration is not to stop the window."""
        if self.active and self.first.prepare(_FIRST):
            QTimer.singleShot(0, self, self._prepare)

    def followed(self) -> tuple[tuple[Any, Any], ...]:
        """Whatever changes what is shown."""
        session = self.session
        signals = (session.moved, session.problem_changed, session.picked_changed)
        return tuple((signal, self.show_look) for signal in signals)

    # ---- what is shown ----------------------------------------------------------------------------------------------

    def show_look(self) -> None:
        """The iteration that is shown, or what to do first."""
        look = self.session.look
        if look is None:
            said = plan_words.emptiness(self.session)
            self.empty.say(said.icon, said.title, said.text, said.steps, said.token)
            self._stack.setCurrentWidget(self.empty)
            self.subtitle_changed.emit("")
            return
        self.subtitle_changed.emit(f"{look.facts.planner} · iteration {look.step.iteration} · {look.facts.title}")
        if look.facts.action_names != self._names:
            self._names = look.facts.action_names
            self.dimensions.show_choice(self._names, range(min(len(self._names), _FIRST)))
            self.dimensions.setVisible(len(self._names) > 1)
        self._draw(look)
        self._show_legend(look, self.session.look_beside)
        words = (plan_words.progress, plan_words.comparison, plan_words.change)
        sentences = [each(self.session) for each in words]
        self.answer.setText(" ".join(sentence for sentence in sentences if sentence))
        self._body.setAccessibleDescription(self.answer.text())
        self._stack.setCurrentWidget(self._body)

    def _draw(self, look: PlanLook) -> None:
        other, places = self.session.look_beside, self.dimensions.chosen
        shown = [(self.first, look)] if other is None else [(self.first, look), (self.second, other)]
        steps = max(len(each.step.plan) for _, each in shown)
        width = (self.width() - 24 - self._pair.spacing() * (len(shown) - 1)) // len(shown)
        drawn = (look, other, tuple(places), width, self._kind, self.session.picked)
        if drawn == self._drawn:  # a session tells of more than what is drawn here
            return
        self._drawn = drawn
        columns = self.first.columns_for(len(places), width)
        self.second.setVisible(other is not None)
        self.first.heading.setVisible(other is not None)
        for grid, each in shown:
            picked, quantiles = self.session.picked if grid is self.first else None, self._kind == QUANTILES
            grid.show_search(each, places, columns, steps, quantiles=quantiles, picked=picked)
            grid.heading.setText(plan_words.heading(each, beside=grid is self.second))

    def _show_legend(self, look: PlanLook, other: PlanLook | None) -> None:
        step = look.step
        elites = 0 if step.elites is None else len(step.elites)
        others = len(step.returns) - elites
        # Of a stored iteration there are the actions of some candidates alone.
        elites_there = 0 if step.elites is None else len(step.rows(step.elites))
        others_there = len(step.actions) - elites_there
        stored = "" if step.kept is None else "stored "
        grey, chosen, proposal, _, one = self.legend
        picked = self.session.picked
        if picked is not None:
            number = step.candidate(picked)
            one.set_words(f"candidate {number + 1}, return {plan_words.figure(float(step.returns[number]))}")
        if self._kind == QUANTILES:
            grey.set_words(f"90 % and 50 % of {format.plural(others_there, f'{stored}candidate')}")
            chosen.set_words(f"50 % of {format.plural(elites_there, f'{stored}elite')}")
        else:
            grey.set_words(f"{min(others_there, CANDIDATES)} of {format.plural(others, 'candidate')}")
            chosen.set_words(f"{min(elites_there, ELITES)} of {format.plural(elites, 'elite')}")
        beside = None if other is None else other.step
        if not elites and beside is not None and beside.elites is not None:
            chosen.set_words("elites")
        has_elites = elites > 0 or (beside is not None and beside.elites is not None)
        self._unused = ([] if has_elites else [chosen]) + ([] if picked is not None else [one])
        has_mean = {each.mean is not None for each in (step, beside) if each is not None}
        words = {True: "proposal mean ± std", False: "plan"}
        proposal.set_words(words[has_mean.pop()] if len(has_mean) == 1 else "plan, or mean ± std")
        self._arrange_legend()

    def _pick(self, candidate: int) -> None:
        """Pick it, or let go of it if it was picked."""
        self.session.pick(None if candidate == self.session.picked else candidate)

    def _choose_kind(self, kind: str) -> None:
        self._kind = kind
        self.context.preferences.set(_PREFERENCE, kind)
        self.show_look()

    # ---- Qt ---------------------------------------------------------------------------------------------------------

    def _arrange_legend(self) -> None:
        shown = [sample for sample in self.legend if sample not in self._unused]
        needed = sum(sample.sizeHint().width() for sample in shown) + _GAP * len(shown)
        controls = self.dimensions.sizeHint().width() + self.kinds.sizeHint().width() + 40
        beside = len(shown) if needed + controls <= self.width() else -(-len(shown) // 2)
        for at, sample in enumerate(shown + self._unused):
            self._samples.addWidget(sample, at // max(beside, 1), at % max(beside, 1))
            sample.setVisible(sample in shown)

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's."""
        super().resizeEvent(event)
        self._arrange_legend()
        self.answer.setVisible(self.height() >= self.theme.px(_LOW))
        if self.session.look is not None and self._names:
            self._draw(self.session.look)


def _alone(context: Context) -> CandidatesPanel:
    """In a window of its own the engine is loaded at once."""
    context.engine.start()
    return CandidatesPanel(context)


if __name__ == "__main__":
    raise SystemExit(run_alone(_alone))
