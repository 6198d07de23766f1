"""Model error by horizon: latent, reward and observation, on recorded episodes and on states that the policy visits."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QSpinBox, QStackedLayout, QVBoxLayout, QWidget

from storage import ArtifactRow, StorageError
from ui import format
from ui.analysis import AnalysisThread
from ui.analysis_files import AnalysisFiles
from ui.checkpoint import checkpoint_choice
from ui.context import Context
from ui.controls.busy_state import BusyState
from ui.controls.elided_label import ElidedLabel
from ui.controls.empty_state import EmptyState
from ui.controls.labels import Label, hairline
from ui.panels import latent_rollout_words as words
from ui.panels.base import Panel, run_alone
from ui.panels.simulation_words import Emptiness
from ui.plots.rollout_plots import HorizonPlot

if TYPE_CHECKING:
    from workbench.analysis.model_error import ModelError
    from workbench.analysis.steps import Analysis

_logger = logging.getLogger(__name__)

_KINDS = (("held_out", "Recorded evaluations of the whole training"), ("visited", "Fresh episodes of this policy"))
_ABOUT = {
    "held_out": "Of the whole training, eight at most; no gradient ever saw them",
    "visited": "Recorded for this measurement: the states that this policy visits",
}
_MEASURES = (
    ("latent", "L2 error of the latent", "better baseline"),
    ("reward", "Error of the reward", "mean reward"),
    ("observation", "Error of the observation (std)", "copy last"),
)
_LONGEST = 1000


class ModelErrorPanel(Panel):
    """Measures the chosen checkpoint on demand; what was measured is stored and shown again."""

    name: ClassVar[str] = "model_error"
    title: ClassVar[str] = "Model error"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.choice = checkpoint_choice(context)
        self._known: dict[tuple[int, str, int], dict[str, ModelError]] = {}
        self._asked: tuple[int, str, int] | None = None
        self._looked_for: set[tuple[int, str]] = set()
        self.worker = AnalysisThread("model error", self)
        self.files = AnalysisFiles(context.project, _read)
        self._build()
        self.measure.clicked.connect(self.start)
        self.horizon.valueChanged.connect(lambda _steps: self._show())
        self.worker.advanced.connect(self.busy.show_advance)
        self.worker.finished.connect(self._take)
        self.worker.failed.connect(self._fail)
        self.worker.lasting.connect(lambda: self._stack.setCurrentWidget(self.busy))
        self.busy.cancelled.connect(self._cancel)
        self.files.loaded.connect(self._take_stored)
        self.files.failed.connect(self._tell_unreadable)

    def _build(self) -> None:
        theme = self.theme
        self.horizon, self.measure = QSpinBox(), QPushButton("Measure now")
        self.horizon.setRange(1, _LONGEST)
        self.horizon.setValue(50)
        self.horizon.setKeyboardTracking(False)
        self.horizon.setAccessibleName("Horizon")
        self.empty, self.busy, self._body = EmptyState(theme), BusyState(theme), QWidget()
        self.plots = {
            (kind, measure): HorizonPlot(theme, f"{title}, {words_of.lower()}")
            for kind, title in _KINDS
            for measure, words_of, _ in _MEASURES
        }
        self._titles = {kind: ElidedLabel(title) for kind, title in _KINDS}
        self.answer = Label(theme, "", 12, 600)
        self._criterion, self._undecoded = ElidedLabel(words.CRITERION), ElidedLabel("No decoder, so no observations")
        for label in (self._criterion, self._undecoded):
            label.setProperty("role", "label")
        self._lay_out()

    def _lay_out(self) -> None:
        theme = self.theme
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(Label(theme, "Horizon", 12, token="text2"))
        head.addWidget(self.horizon)
        head.addWidget(self.measure)
        head.addStretch(1)
        head.addWidget(self._undecoded)
        self._grid = grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(4)
        for column, (kind, _) in enumerate(_KINDS):
            self._titles[kind].setFont(theme.font(11, 600))
            self._titles[kind].setAccessibleDescription(_ABOUT[kind])
            grid.addWidget(self._titles[kind], 0, column)
            grid.setColumnStretch(column, 1)
            for row, (measure, _, _) in enumerate(_MEASURES):
                grid.addWidget(self.plots[kind, measure], row + 1, column)
                self.plots[kind, measure].show_cursor(None)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.answer)
        line.addWidget(self._criterion)
        line.addStretch(1)
        column_of = QVBoxLayout(self._body)
        column_of.setContentsMargins(12, 10, 12, 10)
        column_of.setSpacing(8)
        column_of.addLayout(head)
        column_of.addLayout(grid, 1)
        column_of.addWidget(hairline())
        column_of.addLayout(line)
        self._stack = QStackedLayout(self)
        for page in (self.empty, self.busy, self._body):
            self._stack.addWidget(page)

    # ---- in sight or not --------------------------------------------------------------------------------------------

    def activate(self) -> None:
        """Follow the checkpoint."""
        for signal in self._followed():
            signal.connect(self._show)
        self._show()

    def deactivate(self) -> None:
        """Let go of it; a measurement goes on."""
        for signal in self._followed():
            signal.disconnect(self._show)

    def _followed(self) -> tuple[Any, ...]:
        return self.choice.changed, self.context.engine.ready, self.context.engine.failed

    # ---- measuring --------------------------------------------------------------------------------------------------

    @property
    def _wanted(self) -> tuple[int, str, int] | None:
        run, row = self.choice.run, self.choice.row
        return None if run is None or row is None else (run.id, row.name, self.horizon.value())

    def start(self) -> None:
        """Measure the chosen checkpoint in a thread."""
        wanted = self._wanted
        if wanted is None or self.context.engine.state != "ready":
            return
        self._asked = wanted
        self.busy.begin("Measuring model error", "Training goes on meanwhile." if self.context.feed.running else "")
        self.worker.start(lambda: self._work(*wanted))

    def _work(self, run_id: int, checkpoint: str, horizon: int) -> Analysis[Any]:
        """In the thread."""
        from workbench.analysis.model_error_file import NAME, arrays_of, document_of
        from workbench.engine.judging import held_out_and_visited
        from workbench.engine.recorder import Recorder
        from workbench.engine.subject import keep_analysis, open_subject

        recorder = Recorder(self.context.project)
        subject = open_subject(recorder, run_id, checkpoint)
        found = yield from held_out_and_visited(recorder, subject, horizon)
        if self.context.project.writable:
            document = document_of(found, horizon)
            try:
                keep_analysis(recorder, subject, NAME, arrays_of(found), document, document["summary"])
            except StorageError:
                _logger.exception("The model error could not be stored; it is kept while the window is open.")
        return found

    def _take(self, found: dict[str, ModelError]) -> None:
        assert self._asked is not None
        self._known[self._asked] = found
        self._show()

    def _look_for_stored(self, run_id: int, checkpoint: str, step: int) -> None:
        """Read what was measured of this checkpoint in another session, once."""
        if (run_id, checkpoint) in self._looked_for:
            return
        self._looked_for.add((run_id, checkpoint))
        rows = self.context.project.artifacts.list(run_id, "analysis")
        row = next((each for each in rows if each.name == f"model-error-{step}"), None)
        if row is not None:
            self.files.load(row)

    def _take_stored(self, row: ArtifactRow, stored: tuple[int, dict[str, ModelError]]) -> None:
        horizon, found = stored
        chosen, run = self.choice.row, self.choice.run
        if run is None or chosen is None or (run.id, chosen.step) != (row.run_id, row.step):
            self._looked_for = {each for each in self._looked_for if each[0] != row.run_id}  # another one by now
            return
        self._known.setdefault((run.id, chosen.name, horizon), found)
        with QSignalBlocker(self.horizon):
            self.horizon.setValue(horizon)
        self._show()

    def _tell_unreadable(self, sentence: str) -> None:
        self.context.notices.add("bad", f"The stored model error cannot be read. {sentence}")

    def _fail(self, sentence: str, error: Exception) -> None:
        self._say(words.failure(error, sentence, self.choice.run, None, self.choice.choose, self.start))

    def _cancel(self) -> None:
        self.worker.cancel()
        self._show()

    # ---- showing ----------------------------------------------------------------------------------------------------

    def _show(self, *_: object) -> None:
        if not self.active or self.worker.busy:
            return
        run, row, wanted = self.choice.run, self.choice.row, self._wanted
        self.subtitle_changed.emit("" if run is None or row is None else f"{run.name} · step {format.count(row.step)}")
        emptiness = self._emptiness()
        if emptiness is not None:
            self._say(emptiness)
            return
        assert wanted is not None
        found = self._known[wanted]
        for kind, title in _KINDS:
            self._draw(kind, title, found.get(kind))
        decoded = found["visited"].observation is not None
        self._undecoded.setVisible(not decoded)
        for line in range(len(_MEASURES)):
            self._grid.setRowStretch(line + 1, 1 if decoded or line < len(_MEASURES) - 1 else 0)
        self.answer.setText(_answer(found))
        self._stack.setCurrentWidget(self._body)

    def _emptiness(self) -> Emptiness | None:
        run, row, wanted = self.choice.run, self.choice.row, self._wanted
        if run is None:
            return words.no_run(None)
        if row is None or wanted is None:
            return words.no_checkpoint(run)
        waiting = words.engine_emptiness(self.context)
        if waiting is not None:
            return waiting
        if wanted in self._known:
            return None
        self._look_for_stored(run.id, row.name, row.step)
        title = f"Not measured yet at step {format.count(row.step)}"
        text = "How far the model drifts, on the run's recorded episodes and on four fresh ones of this policy."
        return Emptiness("diagnose", title, text, (("Measure now", self.start),))

    def _say(self, emptiness: Emptiness) -> None:
        self.empty.say(emptiness.icon, emptiness.title, emptiness.text, emptiness.steps, emptiness.token)
        self._stack.setCurrentWidget(self.empty)

    def _draw(self, kind: str, title: str, error: ModelError | None) -> None:
        about = "none" if error is None else f"{error.starts} starts in {format.plural(error.episodes, 'episode')}"
        self._titles[kind].setText(f"{title}: {about}, band: middle 80 %" if error is not None else f"{title}: none")
        for measure, axis, name in _MEASURES:
            plot = self.plots[kind, measure]
            band = None if error is None else getattr(error, measure)
            plot.setVisible(band is not None)
            if error is None or band is None:
                continue
            baseline = getattr(error, f"{measure}_baseline")
            first = np.full(error.horizon + 1 - len(band.mean), np.nan)  # a reward has no step 0
            curves = (band.mean, band.low, band.high, baseline)
            mean, low, high, reference = (np.concatenate((first, curve)) for curve in curves)
            useful = error.useful if measure == "latent" else None
            plot.show_errors((mean, low, high), [(name, reference)], useful, axis)


def _read(arrays: Mapping[str, np.ndarray[Any, Any]], document: Mapping[str, Any]) -> object:
    """In the thread of the files, since it loads torch."""
    from workbench.analysis.model_error_file import read_model_errors

    return read_model_errors(arrays, document)


def _answer(found: dict[str, ModelError]) -> str:
    """The sentence below the plots."""
    held_out, visited = found.get("held_out"), found["visited"]
    own = f"{visited.useful} of {format.plural(visited.horizon, 'step')} on fresh episodes"
    if held_out is None:
        return f"The model is right for {own}"
    return f"The model is right for {held_out.useful} of {format.plural(held_out.horizon, 'step')} on recorded, {own}"


def _alone(context: Context) -> ModelErrorPanel:
    """In a window of its own the engine is loaded at once."""
    context.engine.start()
    return ModelErrorPanel(context)


if __name__ == "__main__":
    raise SystemExit(run_alone(_alone))
