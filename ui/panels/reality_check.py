"""The plan executed in the true simulator: what was imagined against what it paid."""

from __future__ import annotations

from typing import Any, ClassVar

from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from ui import format
from ui.context import Context
from ui.controls.empty_state import EmptyState
from ui.controls.labels import Label
from ui.controls.segmented import Segmented
from ui.panels import plan_words
from ui.panels.base import Panel, run_alone
from ui.plan_reality import BEST, PLAN, plan_reality
from ui.plan_session import plan_session
from ui.plots.reward_plot import RewardPlot

_WHICH = (
    (PLAN, "Plan", "What the planner would execute"),
    (BEST, "Best", "The best sequence that the search has met"),
)


class RealityCheckPanel(Panel):
    """Follows the iteration that is shown."""

    name: ClassVar[str] = "reality_check"
    title: ClassVar[str] = "Reality check"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.session, self.reality = plan_session(context), plan_reality(context)
        theme = self.theme
        self.which = Segmented(theme, "Execute", _WHICH)
        self.which.set_value(self.reality.which)
        self.which.chosen.connect(self.reality.choose)
        self.empty, self.plot = EmptyState(theme), RewardPlot(theme)
        self.imagined, self.real, self.gap = (Label(theme, "", 20, 600) for _ in range(3))
        self._share = Label(theme, "", 12, token="text2")
        self.verdict = Label(theme, "", 12, 600, wrap=True)
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
            pair.addWidget(Label(theme, words, 11, token="text2"))
            figures.addLayout(pair, 1)
        self._body = QWidget()
        column = QVBoxLayout(self._body)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(8)
        column.addLayout(figures)
        column.addWidget(self.plot, 1)
        column.addWidget(self.verdict)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._body)
        theme.changed.connect(self._style)
        self._style()

    def header_widgets(self) -> list[QWidget]:
        """What is executed."""
        return [self.which]

    def activate(self) -> None:
        """Have the plan that is shown executed."""
        for signal, slot in self._followed():
            signal.connect(slot)
        self.reality.want(self.name, True)
        self.show_answer()

    def deactivate(self) -> None:
        """Nobody looks any more."""
        self.reality.want(self.name, False)
        for signal, slot in self._followed():
            signal.disconnect(slot)

    def _followed(self) -> tuple[tuple[Any, Any], ...]:
        session = self.session
        return (
            (self.reality.changed, self.show_answer),
            (session.moved, self.show_answer),
            (session.problem_changed, self.show_answer),
        )

    def show_answer(self) -> None:
        """Figures, curves and the sentence; or why there are none."""
        look, answer = self.session.look, self.reality.answer
        if look is None or answer is None:
            said = plan_words.reality_emptiness(self.session, self.reality.failure)
            self.empty.say(said.icon, said.title, said.text, said.steps, said.token)
            self._stack.setCurrentWidget(self.empty)
            self.subtitle_changed.emit("")
            return
        check = answer.check
        self.imagined.setText(plan_words.figure(check.imagined_return))
        self.real.setText(plan_words.figure(check.real_return))
        sign = "+" if check.gap > 0 else ""
        self.gap.setText(f"{sign}{plan_words.figure(check.gap)}")
        self._share.setText(plan_words.share(answer))
        self.plot.show_rewards(check.imagined_rewards, check.real_rewards)
        self.verdict.setText(plan_words.verdict(answer))
        self.setAccessibleDescription(self.verdict.text())
        self.subtitle_changed.emit(f"{format.plural(len(check.real_rewards), 'step')} in the true simulator")
        self._stack.setCurrentWidget(self._body)

    def _style(self) -> None:
        for label, number in ((self.imagined, 1), (self.real, 0)):
            palette = label.palette()
            palette.setColor(label.foregroundRole(), self.theme.series(number).words)
            label.setPalette(palette)


def _alone(context: Context) -> RealityCheckPanel:
    """In a window of its own the engine is loaded at once."""
    context.engine.start()
    return RealityCheckPanel(context)


if __name__ == "__main__":
    raise SystemExit(run_alone(_alone))
