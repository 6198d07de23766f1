"""The plan executed in the true simulator: where it leads, and what was imagined against what it paid."""

from __future__ import annotations

from typing import Any, ClassVar

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSpinBox, QStackedLayout, QVBoxLayout, QWidget

from ui import format
from ui.context import Context
from ui.controls.empty_state import EmptyState
from ui.controls.labels import Label
from ui.controls.segmented import Segmented
from ui.guard import guarded
from ui.panels import plan_words
from ui.panels.base import Panel, run_alone
from ui.panels.reality_view import RealityView
from ui.plan_reality import BEST, CANDIDATE, MEAN, PLAN, plan_reality
from ui.plan_session import plan_session
from ui.plots.reward_plot import RewardPlot

_WHICH = (
    (PLAN, "Plan", "What the planner would execute"),
    (BEST, "Best", "The best sequence that the search has met"),
    (MEAN, "Mean", "The mean of the proposal"),
    (CANDIDATE, "Candidate", "The candidate that is picked, at first the best one of the iteration"),
)
_NO_MEAN = "This planner has no proposal, so it has no mean"
#: px of height below which the picture gives way to the curves
_LOW = 330


class RealityCheckPanel(Panel):
    """Follows the iteration that is shown."""

    name: ClassVar[str] = "reality_check"
    title: ClassVar[str] = "Reality check"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.session, self.reality = plan_session(context), plan_reality(context)
        theme = self.theme
        self.which = Segmented(theme, "Execute", _WHICH)
        self.which.chosen.connect(self._choose)
        self.empty, self.view, self.plot = EmptyState(theme), RealityView(context), RewardPlot(theme)
        self.candidate = QSpinBox()
        self.candidate.setAccessibleName("Candidate")
        self.candidate.setKeyboardTracking(False)
        self.rank = Label(theme, "", 11, token="text2")
        self.imagined, self.real, self.gap = (Label(theme, "", 20, 600) for _ in range(3))
        self._share = Label(theme, "", 12, token="text2")
        self.verdict = Label(theme, "", 12, 600, wrap=True)
        self._lay_out()
        self.candidate.valueChanged.connect(lambda number: self.session.pick(number - 1))
        self.view.moved.connect(self.plot.show_step)
        self.plot.clicked.connect(lambda at: self.view.go(round(at.x()) + 1))
        theme.changed.connect(self._style)
        self._style()

    def _lay_out(self) -> None:
        picked = QHBoxLayout()
        picked.setSpacing(8)
        picked.addWidget(self.candidate)
        picked.addWidget(self.rank, 1)
        figures = QHBoxLayout()
        for value, words in ((self.imagined, "imagined"), (self.real, "real"), (self.gap, "gap")):
            pair = QVBoxLayout()
            pair.setSpacing(0)
            line = QHBoxLayout()
            line.setSpacing(6)
            line.addWidget(value)
            if value is self.gap:
                line.addWidget(self._share)
            line.addStretch(1)
            pair.addLayout(line)
            pair.addWidget(Label(self.theme, words, 11, token="text2"))
            figures.addLayout(pair, 1)
        self._body = QWidget()
        column = QVBoxLayout(self._body)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(6)
        column.addLayout(picked)
        column.addWidget(self.view, 3)
        column.addLayout(figures)
        column.addWidget(self.plot, 2)
        column.addWidget(self.verdict)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._body)

    def header_widgets(self) -> list[QWidget]:
        """What is executed."""
        return [self.which]

    def activate(self) -> None:
        """Have the plan that is shown executed."""
        self.reality.want(self.name, True)
        self.show_answer()
        self._arrange()

    def deactivate(self) -> None:
        """Nobody looks any more."""
        self.reality.want(self.name, False)
        self.view.rest()

    def followed(self) -> tuple[tuple[Any, Any], ...]:
        """The answer, and the iteration that it is of."""
        session = self.session
        return (
            (self.reality.changed, self.show_answer),
            (session.moved, self.show_answer),
            (session.problem_changed, self.show_answer),
        )

    def _choose(self, which: str) -> None:
        self.reality.choose(which)
        self.show_answer()

    # ---- what is shown ----------------------------------------------------------------------------------------------

    def show_answer(self) -> None:
        """Picture, figures, curves and the sentence; or why there are none."""
        look, answer = self.session.look, self.reality.answer
        self._show_choice()
        if look is None or answer is None:
            said = plan_words.reality_emptiness(self.session, self.reality.failure)
            self.empty.say(said.icon, said.title, said.text, said.steps, said.token)
            self._stack.setCurrentWidget(self.empty)
            self.view.show_answer(None, None)
            self.subtitle_changed.emit("")
            return
        check = answer.check
        self.imagined.setText(plan_words.figure(check.imagined_return))
        self.real.setText(plan_words.figure(check.real_return))
        sign = "+" if check.gap > 0 else ""
        self.gap.setText(f"{sign}{plan_words.figure(check.gap)}")
        self._share.setText(plan_words.share(answer))
        self.plot.show_rewards(check.imagined_rewards, check.real_rewards)
        self.verdict.setText(plan_words.verdict(answer, self.reality.answered))
        self.setAccessibleDescription(self.verdict.text())
        self.subtitle_changed.emit(f"{format.plural(len(check.real_rewards), 'step')} in the true simulator")
        self._stack.setCurrentWidget(self._body)
        run = self.session.choice.run
        self.view.show_answer(run if run is not None and run.id == answer.wish.run_id else None, answer)
        self.plot.show_step(self.view.step)

    def _show_choice(self) -> None:
        look, picked = self.session.look, self.session.picked
        self.which.set_value(self.reality.which if look is None else self.reality.executed(look))
        mean = self.which.button(MEAN)
        known = look is not None and look.step.mean is not None
        mean.setEnabled(known)
        mean.setToolTip(_WHICH[2][2] if known else _NO_MEAN)
        self.which.button(CANDIDATE).setEnabled(look is not None)
        shown = look is not None and picked is not None and self.reality.executed(look) == CANDIDATE
        self.candidate.setVisible(shown)
        self.rank.setVisible(shown)
        if shown and look is not None and picked is not None:
            self.candidate.blockSignals(True)
            # Of a stored iteration some candidates alone can be executed; the words beside it say which one this is.
            self.candidate.setPrefix("Candidate " if look.step.kept is None else "Stored ")
            self.candidate.setRange(1, len(look.step.actions))
            self.candidate.setValue(picked + 1)
            self.candidate.blockSignals(False)
            self.rank.setText(plan_words.candidate_words(look, picked))

    # ---- Qt ---------------------------------------------------------------------------------------------------------

    def _arrange(self) -> None:
        """Draw where there is room for it."""
        room = self.height() >= self.theme.px(_LOW)
        self.view.setVisible(room)
        if self.active:
            self.view.begin() if room else self.view.rest()

    def _style(self) -> None:
        for label, number in ((self.imagined, 1), (self.real, 0)):
            palette = label.palette()
            palette.setColor(label.foregroundRole(), self.theme.series(number).words)
            label.setPalette(palette)

    def minimumSizeHint(self) -> QSize:
        """Qt's; without the picture, which goes where there is no room for it."""
        return QSize(self.theme.px(260), self.theme.px(200))

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's."""
        super().resizeEvent(event)
        self._arrange()


def _alone(context: Context) -> RealityCheckPanel:
    """In a window of its own the engine is loaded at once."""
    context.engine.start()
    return RealityCheckPanel(context)


if __name__ == "__main__":
    raise SystemExit(run_alone(_alone))
