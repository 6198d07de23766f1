"""Ablation studies: which term is left out, shown in the equations; what that makes; and how far a study is."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from storage import RunFilter, RunRow, StudyRow
from ui import study_control
from ui.context import Context
from ui.controls.equation import EquationBox
from ui.controls.labels import Label
from ui.panels.ablations_form import AblationsForm
from ui.panels.ablations_study import StudyView
from ui.panels.base import Panel, run_alone
from ui.study_draft import StudyDraft
from workbench.engine.duration import PastRun, past_runs
from workbench.engine.study_plan import StudyPlan, Variant, VariantProgress, duration_of, progress
from workbench.registry import UnknownName
from workbench.settings import SettingsError
from workbench.spec import RunSpec

#: seconds between two looks at a study whose runs move on
INTERVAL = 2.0
_ROLE = Qt.ItemDataRole.UserRole
#: what the chooser's entries stand for: a new study, one of the paper's, one of the project's
NEW, PAPER, STORED = "new", "paper", "stored"


class AblationsPanel(Panel):
    """A new study as a form, or a stored one with its progress; the equations above show one variant at a time."""

    name: ClassVar[str] = "ablations"
    title: ClassVar[str] = "Ablations"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.draft = StudyDraft(context)
        self.study = ""  # the stored study that is shown; empty while a new one is put together
        self._plan: StudyPlan | None = None  # of the stored study
        self._progress: tuple[VariantProgress, ...] = ()
        self._past: list[PastRun] = []
        self._shown = 0  # which variant the equations show
        self._looked = 0.0
        self._boxes: list[EquationBox] = []
        self._boxes_for: object = None
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 10, 6, 10)
        outer.setSpacing(8)
        page = QWidget()
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(0, 0, 8, 0)
        self._column.setSpacing(8)
        self._build_choosers()
        self._build_equations()
        self.form = AblationsForm(self.theme, self.draft)
        self.form.pointed.connect(self._show_variant_of)
        self.view = StudyView(self.theme)
        self.view.opened.connect(self._open_run)
        self.view.seeds_wanted.connect(self.add_seeds)
        for widget in (self.form, self.view):
            self._column.addWidget(widget)
        self._column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(page)
        outer.addWidget(scroll, 1)
        self.why = Label(self.theme, size=11, token="text3", wrap=True)
        outer.addWidget(self.why)
        outer.addLayout(self._build_buttons())
        self.draft.changed.connect(self._update)
        self.theme.changed.connect(self._repaint)
        self._repaint()

    # ---- building ---------------------------------------------------------------------------------------------------

    def _build_choosers(self) -> None:
        self.chooser, self.base = QComboBox(), QComboBox()
        for words, box in (("Study", self.chooser), ("Base", self.base)):
            box.setAccessibleName(words)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(12)
            row = QHBoxLayout()
            name = Label(self.theme, words, token="text2")
            name.setFixedWidth(40)
            row.addWidget(name)
            row.addWidget(box, 1)
            self._column.addLayout(row)
        for preset in self.draft.presets.values():
            self.base.addItem(f"{preset.name}: {preset.title}", preset.name)
        self.chooser.activated.connect(lambda number: self._choose(*self.chooser.itemData(number)))
        self.base.activated.connect(lambda number: self.draft.use_base(self.base.itemData(number)))
        self.hint = Label(self.theme, size=11, token="text3", wrap=True)
        self.sizes = QPushButton("Take the paper's task and sizes")
        self.sizes.setProperty("kind", "ghost")
        self.sizes.clicked.connect(self.draft.use_paper_sizes)
        self._column.addWidget(self.hint)
        self._column.addWidget(self.sizes, 0, Qt.AlignmentFlag.AlignLeft)

    def _build_equations(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(2)
        self.shown = Label(self.theme, size=11, token="text2")
        self.shown.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row.addWidget(self.shown, 1)
        self._steps: list[tuple[QToolButton, str]] = []
        for icon, words, step in (("back", "The variant before", -1), ("fwd", "The next variant", 1)):
            button = QToolButton()
            button.setToolTip(words)
            button.setAccessibleName(words)
            button.clicked.connect(lambda _checked=False, step=step: self._turn(step))
            self._steps.append((button, icon))
            row.addWidget(button)
        self._column.addLayout(row)
        self._equations = QVBoxLayout()
        self._equations.setSpacing(6)
        self._column.addLayout(self._equations)

    def _build_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 6, 0)
        self.stop_button = QPushButton("Stop study")
        self.stop_button.setToolTip("Every run of it stops with a resume point; Go on takes it up again")
        self.stop_button.clicked.connect(self.stop)
        self.start_button = QPushButton("Start study")
        self.start_button.setProperty("kind", "primary")
        self.start_button.clicked.connect(lambda: self.go_on() if self.study else self.start())
        row.addWidget(self.stop_button)
        row.addWidget(self.start_button, 1)
        return row

    def _repaint(self) -> None:
        for button, icon in self._steps:
            button.setIcon(self.theme.icon(icon))
        self.stop_button.setIcon(self.theme.icon("stop", filled=True))
        for each in (self.start_button, self.stop_button):
            each.setMinimumHeight(self.theme.px(34))
        if self.active:
            self._update()

    # ---- coming and going -------------------------------------------------------------------------------------------

    def activate(self) -> None:
        """Read the studies of the project, and follow what runs."""
        self.context.feed.runs_changed.connect(self._runs_changed)
        self.context.feed.ticked.connect(self._tick)
        self.context.engine.ready.connect(self._update)
        self._runs_changed()

    def deactivate(self) -> None:
        """Let go."""
        self.context.feed.runs_changed.disconnect(self._runs_changed)
        self.context.feed.ticked.disconnect(self._tick)
        self.context.engine.ready.disconnect(self._update)

    def _runs_changed(self) -> None:
        self._past = past_runs(self.context.project.runs.page(RunFilter(archived=None), limit=200))
        self._update()

    def _tick(self) -> None:
        if self.study and time.monotonic() - self._looked > INTERVAL:
            self._update()

    # ---- what is shown ----------------------------------------------------------------------------------------------

    def _choose(self, kind: str, name: str) -> None:
        self._shown = 0
        self.study = name if kind == STORED else ""
        if kind == STORED:
            self._update()
            self.context.selection.select(run.id for variant in self._progress for run in variant.runs)
        else:
            self.draft.use_study(name)

    def show_study(self, name: str) -> None:
        """Show a stored study."""
        self._choose(STORED, name)

    def _update(self) -> None:
        self._looked = time.monotonic()
        studies = self.context.project.studies.list()
        if self.study not in [study.name for study in studies]:
            self.study = ""
        self._fill_chooser(studies)
        self.form.setVisible(not self.study)
        self.view.setVisible(bool(self.study))
        self.base.setEnabled(not self.study)
        if self.study:
            self._update_stored(next(study for study in studies if study.name == self.study))
        else:
            self._update_draft()
        self._show_equations()
        self._show_buttons()

    def _fill_chooser(self, studies: tuple[StudyRow, ...]) -> None:
        wanted = [("New study", (NEW, ""))]
        wanted += [(f"{study.name} (in this project)", (STORED, study.name)) for study in studies]
        paper = self.draft.studies.values()
        wanted += [(f"{each.source.split(';')[0]}: {each.title}", (PAPER, each.name)) for each in paper]
        present = [(self.chooser.itemText(n), self.chooser.itemData(n)) for n in range(self.chooser.count())]
        if present != wanted:
            self.chooser.clear()
            for words, key in wanted:
                self.chooser.addItem(words, key)
        key = (STORED, self.study) if self.study else (PAPER, self.draft.source) if self.draft.source else (NEW, "")
        self.chooser.setCurrentIndex([data for _, data in wanted].index(key))
        self.chooser.setToolTip(self.chooser.currentText())

    def _update_draft(self) -> None:
        draft = self.draft
        self._plan, self._progress = None, ()
        self.base.setCurrentIndex(self.base.findData(draft.preset.name))
        study = draft.studies.get(draft.source)
        self.hint.setVisible(study is not None)
        self.sizes.setVisible(study is not None and draft.preset.name != study.base)
        if study is not None:
            self.hint.setText(" ".join(study.description.split()))
        plan = StudyPlan(draft.text("name"), draft.base, draft.variants)
        judged = duration_of(plan, socket.gethostname(), self._past, _at_once())
        self.form.update_from_draft(judged, _at_once())
        self.subtitle_changed.emit("new study")

    def _update_stored(self, study: StudyRow) -> None:
        self.hint.hide()
        self.sizes.hide()
        rows = self._rows(study.name)
        seeds = study.definition.get("base", {}).get("seeds", ())
        self._progress = progress(study.variants, rows.values(), seeds)
        self.subtitle_changed.emit(f"study {study.name}")
        try:
            others = (Variant(row.name, row.changes) for row in study.variants if not row.base)
            self._plan = StudyPlan.read(study.name, study.definition, others)
        except (SettingsError, UnknownName) as error:
            self._plan = None
            self.view.about.setText(str(error))
            return
        self.base.setCurrentIndex(self.base.findData(self._plan.base.preset))
        left = duration_of(self._plan, socket.gethostname(), self._past, _at_once(), self._progress)
        self.view.show_study(self._plan, self._progress, rows, left)

    def _rows(self, name: str) -> dict[int, RunRow]:
        found = self.context.project.runs.page(RunFilter(study=name, archived=None), sort=(("id", "asc"),))
        return {row.id: row for row in found}

    # ---- equations --------------------------------------------------------------------------------------------------

    @property
    def variants(self) -> tuple[Variant, ...]:
        """What the equations can show beside the base."""
        return (self._plan.variants if self._plan is not None else ()) if self.study else self.draft.variants

    def _turn(self, step: int) -> None:
        count = len(self.variants)
        if count:
            self._shown = (self._shown + step) % count
            self._show_equations()

    def _show_variant_of(self, path: str) -> None:
        for number, variant in enumerate(self.variants):
            if path in variant.changes:
                self._shown = number
                break
        self._show_equations()

    def _show_equations(self) -> None:
        base = self.draft.base if self._plan is None else self._plan.base
        self._make_boxes(base)
        variants = self.variants
        self._shown = min(self._shown, max(len(variants) - 1, 0))
        values: Mapping[str, Any] = base.flat()
        if variants:
            chosen = variants[self._shown]
            values = {**values, **chosen.changes}
            self.shown.setText(f"Shown: {chosen.name}, {self._shown + 1} of {len(variants)}")
            self.shown.setToolTip(chosen.name)
        else:
            self.shown.setText("Shown: the base")
        for button, _ in self._steps:
            button.setEnabled(len(variants) > 1)
        for box in self._boxes:
            box.compare(base.flat(), values)

    def _make_boxes(self, base: RunSpec) -> None:
        if self._boxes_for is type(base.settings):
            return
        for box in self._boxes:
            box.hide()
            box.deleteLater()
        self._boxes = [EquationBox(self.theme, equation) for equation in type(base.settings).equations]
        for box in self._boxes:
            self._equations.addWidget(box)
        self._boxes_for = type(base.settings)

    # ---- what happens -----------------------------------------------------------------------------------------------

    def obstacle(self) -> str:
        """Why the main button cannot be pressed; empty when it can."""
        engine = self.context.engine
        if not self.study and self.draft.problems:
            return next(iter(self.draft.problems.values()))
        if self.study and not (any(variant.left or variant.missing for variant in self._progress) and self._plan):
            return "Nothing is left to run."
        if engine.state == "failed":
            return f"The engine could not be loaded: {engine.problem}"
        if engine.queue is None:
            writable = self.context.project.writable
            return "The engine is being prepared." if writable else "This project is open for reading alone."
        return ""

    def _show_buttons(self) -> None:
        obstacle = self.obstacle()
        self.start_button.setEnabled(not obstacle)
        self.why.setText(obstacle)
        # What is wrong with the form stands at the form already.
        self.why.setVisible(bool(obstacle) and not (not self.study and self.draft.problems))
        failed = sum(variant.states["failed"] for variant in self._progress)
        retry = f"Retry the {failed} failed runs" if failed > 1 else "Retry the failed run" if failed else "Go on"
        self.start_button.setText(retry if self.study else "Start study")
        self.start_button.setIcon(self.theme.icon("restart" if self.study else "play", "on", filled=not self.study))
        busy = any(variant.states[state] for variant in self._progress for state in ("running", "queued"))
        self.stop_button.setVisible(bool(self.study) and busy)

    def start(self) -> list[int]:
        """Store and queue the study of the form; returns its runs."""
        plan = self.draft.plan
        if plan is None or self.obstacle():
            return []
        runs = study_control.begin(self.context, plan)
        if runs:
            self.show_study(plan.name)
        return runs

    def go_on(self) -> list[int]:
        """Queue what the stored study still lacks; returns those runs."""
        return self._grown(study_control.grow(self.context, self.study))

    def add_seeds(self, text: str) -> list[int]:
        """Run every variant of the stored study with the seeds in ``text`` too; returns the runs queued."""
        try:
            seeds = study_control.seeds_of(text)
        except ValueError as error:
            self.context.notices.add("warn", str(error))
            return []
        return self._grown(study_control.grow(self.context, self.study, seeds))

    def _grown(self, runs: list[int]) -> list[int]:
        if runs:
            self.show_study(self.study)
        return runs

    def stop(self) -> None:
        """Stop the running runs of the stored study and take the others out of the queue."""
        study_control.stop(self.context, self._progress)
        self._update()

    def _open_run(self, run: int) -> None:
        self.context.selection.select([run])
        if any(action.id == "workspace.watch" for action in self.context.actions):
            self.context.actions.trigger("workspace.watch")


def _at_once() -> int:
    """Runs that this machine's processor takes at once."""
    return max(1, (os.cpu_count() or 2) - 1)


if __name__ == "__main__":
    raise SystemExit(run_alone(AblationsPanel))
