"""Model, planner or critic? The same state and planner with one part after the other put right, in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QStackedLayout, QVBoxLayout, QWidget

from ui import format
from ui.analysis import Advance, AnalysisThread
from ui.context import Context
from ui.controls.elided_label import ElidedLabel
from ui.controls.empty_state import EmptyState
from ui.controls.labels import Label
from ui.panels import plan_words
from ui.panels.base import Panel, run_alone
from ui.panels.simulation_words import Emptiness
from ui.plan_session import plan_session
from ui.tables.plain_table import PlainColumn, PlainRow, PlainTable

if TYPE_CHECKING:
    from workbench.analysis.steps import Analysis
    from workbench.engine.ladder import Ladder, Rung
    from workbench.engine.planning_desk import PlanWish

_COLUMNS = (
    PlainColumn("Same state", 0),
    PlainColumn("Imag.", 54, figures=True),
    PlainColumn("Real", 54, figures=True),
    PlainColumn("Gap", 64, figures=True),
    PlainColumn("Per step", 64, figures=True),
    PlainColumn("ms", 62, figures=True, quiet=True),
)


class LadderPanel(Panel):
    """One click plans on every rung, in a thread; the table grows with them."""

    name: ClassVar[str] = "ladder"
    title: ClassVar[str] = "Model, planner or critic?"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.session = plan_session(context)
        self.ladder: Ladder | None = None
        self.failure = ""
        self.thread_ = AnalysisThread("ladder", self)
        theme = self.theme
        self.run = QPushButton("Run all")
        self.run.setToolTip("Plan from this state on every rung, and execute each plan")
        self.empty = EmptyState(theme)
        self.table = PlainTable(theme, "Rungs of the ladder", _COLUMNS)
        self.findings = Label(theme, "", 12, 500, wrap=True)
        self._refused = Label(theme, "", 11, token="text3", wrap=True)
        self._build()
        self.run.clicked.connect(self.climb)
        self.thread_.advanced.connect(self._advance)
        self.thread_.finished.connect(self._finish)
        self.thread_.failed.connect(self._fail)
        self.thread_.busy_changed.connect(lambda _busy: self.show_ladder())
        theme.changed.connect(self._style)
        self._style()

    def _build(self) -> None:
        self.strip, self._told = QWidget(), ElidedLabel()
        self._bar, self.cancel = QProgressBar(), QPushButton("Cancel")
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self._bar.setFixedWidth(120)
        self.cancel.setProperty("kind", "ghost")
        self.cancel.clicked.connect(self._stop)
        row = QHBoxLayout(self.strip)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._told, 1)
        row.addWidget(self._bar)
        row.addWidget(self.cancel)
        self.strip.hide()
        self._body = QWidget()
        column = QVBoxLayout(self._body)
        column.setContentsMargins(0, 4, 0, 8)
        column.setSpacing(6)
        column.addWidget(self.table, 1)
        words = QVBoxLayout()
        words.setContentsMargins(12, 0, 12, 0)
        words.setSpacing(4)
        for widget in (self.strip, self.findings, self._refused):
            words.addWidget(widget)
        column.addLayout(words)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._body)

    def header_widgets(self) -> list[QWidget]:
        """The one click."""
        return [self.run]

    def activate(self) -> None:
        """Follow the problem."""
        self.session.problem_changed.connect(self.show_ladder)
        self.show_ladder()

    def deactivate(self) -> None:
        """Let go of it; what is being climbed goes on."""
        self.session.problem_changed.disconnect(self.show_ladder)

    # ---- climbing ---------------------------------------------------------------------------------------------------

    def climb(self) -> None:
        """Plan on every rung."""
        wish = self.session.wish
        if wish is None:
            return
        self.ladder, self.failure = None, ""
        self._bar.setValue(0)
        self._told.setText("Planning: estimating")
        self.thread_.start(lambda: self._climb(wish))

    def _climb(self, wish: PlanWish) -> Analysis[Ladder]:
        """In the thread."""
        from workbench.engine.ladder import climb
        from workbench.engine.recorder import Recorder

        return climb(Recorder(self.context.project), wish)

    def _advance(self, advance: Advance) -> None:
        ladder: Any = advance.partial
        if ladder is not None:
            self.ladder = ladder
        self._bar.setValue(round(1000 * advance.fraction))
        self._told.setText(f"Tried {advance.sentence}")
        self.show_ladder()

    def _finish(self, ladder: Any) -> None:
        self.ladder = ladder
        self.show_ladder()

    def _fail(self, sentence: str, _error: object) -> None:
        self.ladder, self.failure = None, sentence
        self.show_ladder()

    def _stop(self) -> None:
        self.thread_.cancel()
        self.show_ladder()

    # ---- what is shown ----------------------------------------------------------------------------------------------

    def show_ladder(self) -> None:
        """The rungs so far, what they say, and what could not be."""
        ladder, busy = self.ladder, self.thread_.busy
        self.run.setEnabled(self.session.ready and not busy)
        self.strip.setVisible(busy)
        if ladder is None and not busy:
            said = self._emptiness()
            self.empty.say(said.icon, said.title, said.text, said.steps, said.token)
            self._stack.setCurrentWidget(self.empty)
            return
        rungs = () if ladder is None else ladder.rungs
        self.table.show_rows([_row(rung) for rung in rungs])
        same = ladder is None or ladder.wish == self.session.wish
        findings = "" if ladder is None or busy else "\n".join(ladder.findings())
        note = "" if same else "This was another problem than the one posed now.\n"
        self.findings.setText(note + findings)
        self.findings.setVisible(bool(note + findings))
        refused = [f"{rung.name}: {_sentence(rung.refusal)}" for rung in rungs if rung.refusal]
        if findings:
            refused.append("Of this one state; differences of the real reward per step below 5 % count as none.")
        self._refused.setText(" ".join(refused))
        self._refused.setVisible(bool(refused))
        self._stack.setCurrentWidget(self._body)

    def _emptiness(self) -> Emptiness:
        if self.failure:
            again = (("Try again", self.climb),)
            return Emptiness("warn", "The ladder could not be climbed", self.failure, again, "bad")
        if not self.session.ready:
            return plan_words.emptiness(self.session)
        text = "Plans from the same state in the true dynamics, in the learned ones, with and without the critic."
        return Emptiness("layers", "Who is to blame", text, (("Run all", self.climb),))

    def _style(self) -> None:
        side = self.theme.px(14)
        self.run.setIcon(self.theme.icon("play", filled=True))
        self.run.setIconSize(QSize(side, side))


def _row(rung: Rung) -> PlainRow:
    gap = rung.gap
    sign = "+" if gap is not None and gap > 0 else ""
    cells = (
        *(rung.name, _figure(rung.promised), _figure(rung.paid)),
        *(sign + _figure(gap), _figure(rung.per_step), _figure(rung.milliseconds)),
    )
    return PlainRow(cells, changed=rung.key == "base", token="text3" if rung.refusal else "text", subject=rung)


def _figure(value: float | None) -> str:
    return format.MISSING if value is None else plan_words.figure(value)


def _sentence(words: str) -> str:
    return words if words.endswith(".") else f"{words}."


def _alone(context: Context) -> LadderPanel:
    """In a window of its own the engine is loaded at once."""
    context.engine.start()
    return LadderPanel(context)


if __name__ == "__main__":
    raise SystemExit(run_alone(_alone))
