"""Is the K-step estimate a bound? Its parts for every K against the true return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from storage import ArtifactRow
from ui import format
from ui.analysis import AnalysisThread
from ui.analysis_files import AnalysisFiles
from ui.checkpoint import checkpoint_choice
from ui.context import Context
from ui.controls.busy_state import BusyState
from ui.controls.empty_state import EmptyState
from ui.controls.labels import Label
from ui.panels.base import Panel, run_alone
from ui.panels.q_bias_words import Emptiness, emptiness
from ui.plots.bound_plots import DiscountPlot, PartsPlot, SharePlot
from workbench.analysis.bound_numbers import Bound

if TYPE_CHECKING:
    from workbench.analysis.steps import Analysis

_LONGEST = 10


class BoundPanel(Panel):
    """The measurement of the chosen run nearest to the cursor's training step."""

    name: ClassVar[str] = "bound"
    title: ClassVar[str] = "Bound"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.choice = checkpoint_choice(context)
        self.files = AnalysisFiles(context.project, Bound.read)
        self.thread_ = AnalysisThread("bound", self)
        self._row: ArtifactRow | None = None
        self.bound: Bound | None = None
        self._failure = ""
        self._build()
        self.now.clicked.connect(self.measure_now)
        self.busy.cancelled.connect(self._stop)
        self.thread_.advanced.connect(self.busy.show_advance)
        self.thread_.finished.connect(lambda _row: self.refresh())
        self.thread_.failed.connect(lambda sentence, _error: self._fail(sentence))
        self.files.loaded.connect(self._take)
        self.files.failed.connect(self._fail)

    def _build(self) -> None:
        theme = self.theme
        self.verdict = Label(theme, "", 13, 600, wrap=True)
        self.words = Label(theme, "", 11, token="text3", wrap=True)
        self.parts, self.shares, self.discounts = PartsPlot(theme), SharePlot(theme), DiscountPlot(theme)
        self.longest, self.now = QSpinBox(), QPushButton("Measure now")
        self.longest.setRange(1, 100)
        self.longest.setValue(_LONGEST)
        self.longest.setPrefix("K up to ")
        self.longest.setAccessibleName("The largest K")
        self.now.setToolTip("Measure the checkpoint that is chosen above, on about 1,000 states")
        self.empty, self.busy, self._body = EmptyState(theme), BusyState(theme), QWidget()
        column = QVBoxLayout(self._body)
        column.setContentsMargins(12, 8, 12, 10)
        column.setSpacing(6)
        head = QHBoxLayout()
        head.addWidget(self.longest)
        head.addStretch(1)
        head.addWidget(self.now)
        column.addLayout(head)
        column.addWidget(self._build_pictures(), 1)
        self._stack = QStackedWidget()
        for page in (self.empty, self.busy, self._body):
            self._stack.addWidget(page)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._stack)

    def _build_pictures(self) -> QScrollArea:
        """The answer, the plots, and how it was measured; in a low dock the plots keep their height."""
        pictures, scroll = QWidget(), QScrollArea()
        column, lower = QVBoxLayout(pictures), QHBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        lower.setSpacing(8)
        for plot in (self.shares, self.discounts):
            plot.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
            plot.setMinimumHeight(self.theme.px(116))
            lower.addWidget(plot, 1)
        self.parts.setMinimumHeight(self.theme.px(150))
        column.addWidget(self.verdict)
        column.addWidget(self.parts, 6)
        column.addLayout(lower, 5)
        column.addWidget(self.words)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(pictures)
        return scroll

    def activate(self) -> None:
        """Follow the choice of run and checkpoint."""
        for signal in self._followed():
            signal.connect(self.refresh)
        self.refresh()

    def deactivate(self) -> None:
        """Let go of it; what is being measured goes on."""
        for signal in self._followed():
            signal.disconnect(self.refresh)

    def _followed(self) -> list[Any]:
        return [self.choice.changed, self.choice.listed, self.context.cursor.step_changed, self.context.engine.ready]

    # ---- what there is ----------------------------------------------------------------------------------------------

    def refresh(self, *_: object) -> None:
        """Look again at what was measured, and which measurement the cursor means."""
        if not self.active:
            return
        run, cursor = self.choice.run, self.context.cursor.step
        step = cursor if cursor is not None else self.choice.row.step if self.choice.row is not None else 0
        rows = () if run is None else self.context.project.artifacts.list(run.id, "analysis")
        own = [row for row in rows if row.info.get("analysis") == "bound"]
        row = min(own, key=lambda each: (abs(each.step - step), each.step), default=None)
        if row != self._row:
            self._row, self.bound, self._failure = row, None, ""
            self.files.cancel()
            if row is not None:
                self.files.load(row)
        self._show()

    def _take(self, row: ArtifactRow, bound: Bound) -> None:
        if row == self._row:
            self.bound = bound
            self._show()

    def _fail(self, sentence: str) -> None:
        self._failure = sentence
        self._show()

    # ---- measuring --------------------------------------------------------------------------------------------------

    @property
    def can_measure(self) -> bool:
        """Whether there is a checkpoint, an engine, a project to store into, and nothing being measured."""
        ready = self.context.engine.state == "ready" and self.context.project.writable
        return ready and self.choice.row is not None and not self.thread_.busy

    def measure_now(self) -> None:
        """Measure the chosen checkpoint."""
        run, row, project, longest = self.choice.run, self.choice.row, self.context.project, self.longest.value()
        if run is None or row is None or not self.can_measure:
            return
        run_id, name = run.id, row.name

        def job() -> Analysis[Any]:
            from workbench.engine.bias import measure_bound_of
            from workbench.engine.recorder import Recorder

            return measure_bound_of(Recorder(project), run_id, name, longest)

        self._failure = ""
        self.busy.begin("Measuring the bound", "Training goes on meanwhile." if self.context.feed.running else "")
        self.thread_.start(job)
        self._show()

    def _stop(self) -> None:
        self.thread_.cancel()
        self._show()

    # ---- what is shown ----------------------------------------------------------------------------------------------

    def _show(self) -> None:
        if not self.active:
            return
        self.now.setEnabled(self.can_measure)
        run, bound = self.choice.run, self.bound
        if self.thread_.busy:
            self._stack.setCurrentWidget(self.busy)
        elif self._failure or bound is None or self._row is None:
            self._say_why()
        else:
            self._stack.setCurrentWidget(self._body)
            self._draw(bound)
        step = "" if self._row is None else f" · step {format.count(self._row.step)}"
        self.subtitle_changed.emit("" if run is None else f"{run.name}{step}")

    def _say_why(self) -> None:
        ready = self.context.engine.state == "ready"
        said = emptiness(self.choice.run, self.choice.row is not None, ready)
        if self._failure:
            said = Emptiness("warn", "The bound could not be measured.", self._failure, measures=True, token="warn")
        elif said.measures:
            text = (
                f"For K = 0 to {self.longest.value()}: what do rewards, intrinsic terms and the final Q add up to, "
                "and does it stay below what the policy's episodes return (Theorem 3.1)? It takes some seconds."
            )
            said = Emptiness("diagnose", "The bound was not measured yet.", text, measures=True)
        steps = (("Measure now", self.measure_now),) if said.measures and ready else ()
        self.empty.say(said.icon, said.title, said.text, steps, said.token)
        self._stack.setCurrentWidget(self.empty)

    def _draw(self, bound: Bound) -> None:
        own = min(bound.rollout_length, bound.longest)
        table = bound.table()
        self.verdict.setText(bound.verdict())
        self.parts.show_parts(table, float(bound.returns.mean()), own)
        self.shares.show_shares(table)
        optimal = bound.optimal_discount(bound.longest)
        self.discounts.show_weights(bound.given_discount(bound.longest), optimal)
        falling = format.percent(table[own].falling)
        text = f"{bound.states:,} states, as Q-bias visits them; rewards and values where Theorem 3.1 has logarithms. "
        text += f"From K = {own - 1} to {own} the estimate falls in {falling} of the states (App. A.6: in all). "
        text += f"Right: weights of the horizons up to {bound.longest}, grey as discounting gives them, "
        text += "green as App. A.4 would have them." if optimal is not None else (
            "without App. A.4's, which do not exist where rewards or returns are negative."
        )
        self.words.setText(text)


if __name__ == "__main__":
    raise SystemExit(run_alone(BoundPanel))
