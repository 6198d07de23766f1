"""Does the critic promise what the policy gets? Q-bias over training, and state by state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from storage import ArtifactRow, RunRow, UnknownRun
from ui import format
from ui.analysis import Advance, AnalysisThread
from ui.bias_files import BiasFiles
from ui.checkpoint import checkpoint_choice
from ui.context import Context
from ui.controls.busy_state import BusyState
from ui.controls.elided_label import ElidedLabel
from ui.controls.empty_state import EmptyState
from ui.cursor import EpisodeAt
from ui.panels import q_bias_words as words
from ui.panels.base import Panel, run_alone
from ui.panels.q_bias_controls import BiasControls
from ui.panels.q_bias_view import BiasView, estimate_style
from ui.plots.bias_plots import TrainingCurve
from ui.series_colors import SeriesColors, series_key
from workbench.analysis.bias_curves import bias_curve
from workbench.analysis.bias_numbers import CRITIC, K_STEP, QBias
from workbench.events import AnalysisFinished, Event

if TYPE_CHECKING:
    from workbench.analysis.steps import Analysis

_NAMES = {K_STEP: "K-step", CRITIC: "critic's Q"}
_BUSY = "Measuring Q-bias"


class QBiasPanel(Panel):
    """The selected runs over training, and the states of the measurement nearest to the cursor's training step."""

    name: ClassVar[str] = "q_bias"
    title: ClassVar[str] = "Q-bias"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.choice = checkpoint_choice(context)
        self.files = BiasFiles(context.project)
        self.thread_ = AnalysisThread("Q-bias", self)
        self._colors = SeriesColors(context)
        self._runs: list[RunRow] = []
        self._stored: dict[int, dict[int, ArtifactRow]] = {}  # run -> training step -> measurement
        self._row: ArtifactRow | None = None
        self.measured: QBias | None = None
        self._defined_by: int | None = None
        self._failure = ""
        self._build()
        self._connect()

    def _build(self) -> None:
        theme = self.theme
        self.controls = BiasControls(theme)
        self.view = BiasView(theme, self.controls)
        self.empty, self.busy = EmptyState(theme), BusyState(theme)
        self._body = QWidget()
        body = QVBoxLayout(self._body)
        body.setContentsMargins(12, 8, 12, 10)
        body.setSpacing(6)
        body.addWidget(self.controls)
        body.addWidget(self._build_strip())
        self._scroll = QScrollArea()  # in a low dock the plots keep their height
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(self.view)
        body.addWidget(self._scroll, 1)
        self._stack = QStackedWidget()
        for page in (self.empty, self.busy, self._body):
            self._stack.addWidget(page)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._stack)

    def _build_strip(self) -> QWidget:
        """Progress beside pictures that stay."""
        self.strip, self._told = QWidget(), ElidedLabel()
        self._bar, self.cancel = QProgressBar(), QPushButton("Cancel")
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self._bar.setFixedWidth(120)
        self.cancel.setProperty("kind", "ghost")
        row = QHBoxLayout(self.strip)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._told, 1)
        row.addWidget(self._bar)
        row.addWidget(self.cancel)
        self.strip.hide()
        return self.strip

    def _connect(self) -> None:
        controls, thread, files = self.controls, self.thread_, self.files
        controls.changed.connect(self._show)
        controls.measure.connect(self.measure_now)
        controls.measure_all.connect(self.measure_all)
        self.busy.cancelled.connect(self._stop)
        self.cancel.clicked.connect(self._stop)
        self.view.state_chosen.connect(self._open_state)
        self.view.sought.connect(self.context.cursor.set_step)
        thread.lasting.connect(self._show)
        thread.advanced.connect(self._advance)
        thread.finished.connect(lambda _rows: self.refresh())
        thread.failed.connect(self._fail)
        files.loaded.connect(self._take)
        files.failed.connect(self._fail_to_read)
        files.kept.connect(self._point)
        files.not_kept.connect(self._say_not_kept)
        self.theme.changed.connect(self._show)

    def activate(self) -> None:
        """Follow the choice of run and checkpoint, the selection, and what is measured in training."""
        for signal, slot in self._followed():
            signal.connect(slot)
        self.refresh()

    def deactivate(self) -> None:
        """Let go of them; what is being measured goes on."""
        for signal, slot in self._followed():
            signal.disconnect(slot)

    def _followed(self) -> list[tuple[Any, Any]]:
        context = self.context
        return [
            (self.choice.changed, self.refresh),
            (self.choice.listed, self.refresh),
            (context.selection.changed, self.refresh),
            (context.cursor.step_changed, self.refresh),
            (context.feed.events, self._hear),
            (context.engine.ready, self.refresh),
        ]

    # ---- what there is ----------------------------------------------------------------------------------------------

    def refresh(self, *_: object) -> None:
        """Look again at what was measured of the selected runs, and which measurement the cursor means."""
        if not self.active:
            return
        run = self.choice.run
        self._runs = self._wanted_runs(run)
        self._stored = {each.id: self._measurements(each.id) for each in self._runs}
        if run is not None and self._defined_by != run.id:
            if self._defined_by is None:
                self.controls.set_definition(words.default_definition(run))
            self._defined_by = run.id
        own = {} if run is None else self._stored.get(run.id, {})
        step = self.context.cursor.step
        if step is None:
            step = self.choice.row.step if self.choice.row is not None else 0
        row = min(own.values(), key=lambda each: (abs(each.step - step), each.step), default=None)
        if row != self._row:
            self._row, self.measured, self._failure = row, None, ""
            self.files.cancel()
            if row is not None:
                self.files.load(row)
        self._show()

    def _wanted_runs(self, run: RunRow | None) -> list[RunRow]:
        """The selected runs, the chosen one among them."""
        found: list[RunRow] = []
        for run_id in dict.fromkeys((*self.context.selection.runs, *(() if run is None else (run.id,)))):
            try:
                found.append(self.context.project.runs.get(run_id))
            except UnknownRun:
                continue
        return found

    def _measurements(self, run_id: int) -> dict[int, ArtifactRow]:
        rows = self.context.project.artifacts.list(run_id, "analysis")
        return {row.step: row for row in rows if row.info.get("analysis") == "q-bias"}

    def _take(self, row: ArtifactRow, measured: QBias) -> None:
        if row == self._row:
            self.measured = measured
            self._show()

    def _hear(self, run_id: int, events: list[Event]) -> None:
        if run_id in self._stored and any(isinstance(event, AnalysisFinished) for event in events):
            self.refresh()

    # ---- measuring --------------------------------------------------------------------------------------------------

    @property
    def can_measure(self) -> bool:
        """Whether there is a checkpoint, an engine, a project to store into, and nothing being measured."""
        context = self.context
        ready = context.engine.state == "ready" and context.project.writable
        return ready and self.choice.row is not None and not self.thread_.busy

    def measure_now(self) -> None:
        """Measure the chosen checkpoint."""
        if self.choice.row is not None:
            self._measure([self.choice.row.name])

    def measure_all(self) -> None:
        """Measure every checkpoint of the chosen run that was not measured."""
        run = self.choice.run
        if run is not None:
            done = self._measurements(run.id)
            self._measure([row.name for row in self.choice.rows if row.step not in done])

    def _measure(self, names: list[str]) -> None:
        run, project = self.choice.run, self.context.project
        if run is None or not names or not self.can_measure:
            return
        run_id = run.id

        def job() -> Analysis[Any]:
            from workbench.engine.bias import measure_checkpoints
            from workbench.engine.recorder import Recorder

            return measure_checkpoints(Recorder(project), run_id, names)

        self._failure = ""
        note = "Training goes on meanwhile." if run_id in self.context.feed.running else ""
        self.busy.begin(_BUSY, note)
        self._told.setText(f"{_BUSY}. Estimating.")
        self._bar.setValue(0)
        self.thread_.start(job)
        self._show()

    def _advance(self, advance: Advance) -> None:
        self.busy.show_advance(advance)
        self._bar.setValue(round(1000 * advance.fraction))
        self._told.setText(f"{_BUSY}. {advance.sentence}.")
        if advance.partial is not None:
            self.refresh()

    def _stop(self) -> None:
        self.thread_.cancel()
        self._show()

    def _fail(self, sentence: str, _error: object) -> None:
        if self._row is not None:  # the pictures that there are stay
            self.context.notices.add("bad", f"Q-bias could not be measured. {sentence}")
        else:
            self._failure = sentence
        self._show()

    def _fail_to_read(self, sentence: str) -> None:
        self._failure = sentence
        self._show()

    # ---- a state in Simulation --------------------------------------------------------------------------------------

    def _open_state(self, state: int) -> None:
        if self._row is not None and self.measured is not None:
            self.files.keep_episode(self._row, self.measured, state)

    def _point(self, at: EpisodeAt, frame: int) -> None:
        self.context.cursor.set_episode(at)
        self.context.cursor.set_frame(frame)
        if "panel.simulation" in self.context.actions:  # it may stand behind this panel
            self.context.actions.trigger("panel.simulation")

    def _say_not_kept(self, sentence: str) -> None:
        self.context.notices.add("warn", f"The state's episode cannot be opened in Simulation. {sentence}")

    # ---- what is shown ----------------------------------------------------------------------------------------------

    def _show(self, *_: object) -> None:
        if not self.active:
            return
        shown, busy = self.measured, self.thread_.busy
        self.controls.now.setEnabled(self.can_measure)
        self.controls.all.setEnabled(self.can_measure)
        self.strip.setVisible(busy)
        self.subtitle_changed.emit(self._subtitle())
        if self._failure or self._row is None:
            self._say_why(busy)
            return
        self._stack.setCurrentWidget(self._body)
        if shown is not None:
            self.controls.offer_k_step(K_STEP in shown.estimates)
            self.view.show_states(shown)
        self.view.show_training(self._curves(), self._row.step)

    def _say_why(self, busy: bool) -> None:
        if busy:
            self._stack.setCurrentWidget(self.busy)
            return
        run, ready = self.choice.run, self.context.engine.state == "ready"
        said = words.emptiness(run, self.choice.row is not None, ready)
        if self._failure and self._row is not None:
            said = words.Emptiness("warn", "This measurement cannot be shown.", self._failure, True, "warn")
        elif self._failure:
            said = words.failure(self._failure)
        steps = (("Measure now", self.measure_now), ("Measure all checkpoints", self.measure_all))
        self.empty.say(said.icon, said.title, said.text, steps if said.measures and ready else (), said.token)
        self._stack.setCurrentWidget(self.empty)

    def _subtitle(self) -> str:
        if self.choice.run is None or self._row is None:
            return "" if self.choice.run is None else self.choice.run.name
        states = format.plural(int(self._row.info.get("states", 0)), "state")
        return f"{self.choice.run.name} · step {format.count(self._row.step)} · {states}"

    def _curves(self) -> list[TrainingCurve]:
        """One group: both estimates, with the chosen one's seeds behind. Several: the chosen estimate of each."""
        groups: dict[str, list[RunRow]] = {}
        for run in self._runs:
            if self._stored[run.id]:
                groups.setdefault(series_key(run), []).append(run)
        chosen = self.controls.estimate
        if len(groups) > 1:
            return [
                self._curve([run.id for run in runs], chosen, self._colors.style(runs[0]), _title(runs))
                for runs in groups.values()
            ]
        curves = []
        for runs in groups.values():
            ids = [run.id for run in runs]
            style = estimate_style(self.theme, chosen)
            if len(ids) > 1:
                curves += [self._curve([each], chosen, style, "", strong=False) for each in ids]
            for estimate in (K_STEP, CRITIC):
                curves.append(self._curve(ids, estimate, estimate_style(self.theme, estimate), _NAMES[estimate]))
        return [curve for curve in curves if len(curve.step)]

    def _curve(self, runs: list[int], estimate: str, style: Any, name: str, *, strong: bool = True) -> TrainingCurve:
        infos: list[Mapping[int, Mapping[str, Any]]] = [
            {step: row.info for step, row in self._stored[run].items()} for run in runs
        ]
        curve = bias_curve(infos, estimate, self.controls.definition)
        return TrainingCurve(name, style, curve.step, curve.mean, curve.std, band=strong, strong=strong)


def _title(runs: list[RunRow]) -> str:
    return runs[0].name.rpartition(" seed ")[0] or runs[0].name


if __name__ == "__main__":
    raise SystemExit(run_alone(QBiasPanel))
