"""What is planned: which run and checkpoint, from where, in which dynamics, by which planner with which settings."""

from __future__ import annotations

from typing import Any, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QFrame, QPushButton, QScrollArea, QVBoxLayout, QWidget

from storage import ArtifactRow, RunFilter
from ui import format
from ui.context import Context
from ui.controls.compact_field import CompactField
from ui.controls.labels import Label, hairline
from ui.controls.run_box import RunBox
from ui.controls.segmented import Segmented
from ui.draft import label
from ui.panels import plan_words
from ui.panels.base import Panel, run_alone
from ui.panels.problem_start import StartState
from ui.plan_draft import EPISODE, HAND, LEARNED, LIVE, TRUE
from ui.plan_session import plan_session
from workbench.planners.presets import PRESETS

_MODELS = (
    (LEARNED, "Learned", "The world model of the chosen checkpoint"),
    (TRUE, "True dynamics", "The simulator itself, with the run's value at the end where that is asked for"),
)


class ProblemPanel(Panel):
    """Every change begins the search again, with the same noise."""

    name: ClassVar[str] = "problem"
    title: ClassVar[str] = "Problem"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.session = plan_session(context)
        self.draft = self.session.draft
        self.rows: dict[str, CompactField] = {}
        self._listed: tuple[ArtifactRow, ...] = ()
        self._build()
        self._connect()

    # ---- building ---------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        theme = self.theme
        self.runs, self.checkpoints, self.planners = RunBox("Run to plan for"), QComboBox(), QComboBox()
        self.checkpoints.setAccessibleName("Checkpoint")
        self.planners.setAccessibleName("Planner")
        self.runs.setMinimumContentsLength(8)
        for box in (self.checkpoints, self.planners):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(8)
        for at, (name, title) in enumerate(self.draft.offers()):
            self.planners.addItem(title, name)
            if name in PRESETS:
                self.planners.setItemData(at, PRESETS[name].source, Qt.ItemDataRole.ToolTipRole)
        first = next(at for at, (name, _) in enumerate(self.draft.offers()) if name in PRESETS)
        self.planners.insertSeparator(first)
        self.start = StartState(theme)
        self.models = Segmented(theme, "Dynamics", _MODELS)
        self._changed = QPushButton()
        self._changed.setProperty("kind", "link")
        self._changed.setProperty("small", True)
        self._changed.setToolTip("Back to the planner's own settings")
        self.beside = QPushButton()
        self.beside.setToolTip("Keep this search and compare the next planner with it, from the same state  B")
        self._failure = Label(theme, "", 11, 500, "bad", wrap=True)
        self._fields = QWidget()
        self._form = QVBoxLayout(self._fields)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setSpacing(2)
        self._lay_out()

    def _lay_out(self) -> None:
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(6)

        def group(title: str, *widgets: QWidget) -> None:
            column.addWidget(Label(self.theme, title, 12, 600))
            for widget in widgets:
                column.addWidget(widget)
            column.addWidget(hairline())

        group("Run and checkpoint", self.runs, self.checkpoints)
        group("Start state", self.start)
        group("Dynamics to plan in", self.models)
        column.addWidget(Label(self.theme, "Planner", 12, 600))
        column.addWidget(self.planners)
        column.addWidget(self.beside)
        column.addWidget(self._failure)
        column.addWidget(self._changed, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._fields)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(body)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)

    def _connect(self) -> None:
        session, draft = self.session, self.draft
        self.runs.picked.connect(lambda run: self.context.selection.select([run.id]))
        self.checkpoints.activated.connect(lambda index: session.choice.choose(session.choice.rows[index]))
        self.planners.activated.connect(lambda index: draft.use(self.planners.itemData(index)))
        self.models.chosen.connect(lambda model: draft.choose(model=model))
        self._changed.clicked.connect(lambda: draft.reset_all())
        self.beside.clicked.connect(session.put_beside)
        self.start.chosen.connect(self._choose_start)
        self.start.seeded.connect(lambda seed: draft.choose(reset_seed=seed))
        self.start.sought.connect(session.start.set_moment)
        self.start.live_wanted.connect(session.start.take_live)

    def activate(self) -> None:
        """Show the problem as it is by now."""
        self.show_problem()

    def followed(self) -> tuple[tuple[Any, Any], ...]:
        """The problem, and what is stored."""
        session = self.session
        return (
            (session.problem_changed, self.show_problem),
            (session.failed, self.show_problem),
            (session.moved, self._show_beside),
            (session.choice.listed, self.show_problem),
            (self.context.feed.runs_changed, self.show_problem),
        )

    # ---- what is so -------------------------------------------------------------------------------------------------

    def show_problem(self, *_: object) -> None:
        """Everything as the draft has it."""
        session, draft, choice = self.session, self.draft, self.session.choice
        runs = self.context.project.runs.page(RunFilter(), sort=(("id", "desc"),), limit=500)
        self.runs.list_runs([row for row in runs if row.step > 0], choice.run)
        if choice.rows != self._listed or self.checkpoints.count() != len(choice.rows):
            self._listed = choice.rows
            self.checkpoints.clear()
            self.checkpoints.addItems([f"Checkpoint {format.count(row.step)}" for row in choice.rows])
        self.checkpoints.setCurrentIndex(choice.rows.index(choice.row) if choice.row in choice.rows else -1)
        self.checkpoints.setEnabled(bool(choice.rows))
        self.start.show_start(session)
        self.models.set_value(draft.model)
        self.planners.setCurrentIndex(self.planners.findData(draft.preset))
        if list(self.rows) != [field.path for field in draft.fields()]:
            self._make_rows()
        for path, row in self.rows.items():
            row.edit.show_text(draft.text(path))
            row.show_state(draft.problems.get(path, ""), draft.base_text(path) if path in draft.texts else "")
        changed = len(draft.texts)
        self._changed.setText(f"{changed} changed, reset" if changed else "")
        self._changed.setVisible(changed > 0)
        self._failure.setText(session.failure)
        self._failure.setVisible(bool(session.failure))
        self._show_beside()
        run = choice.run
        self.subtitle_changed.emit("" if run is None else run.environment)

    def _show_beside(self) -> None:
        other = self.session.beside
        self.beside.setText(f"Let go of {other[0].facts.planner} beside" if other else "Put this search beside")
        self.beside.setEnabled(bool(other) or self.session.look is not None)

    def _make_rows(self) -> None:
        """The fields of another planner."""
        while (item := self._form.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.rows = {}
        group = None
        for field in self.draft.fields():
            if field.group != group:
                group = field.group
                self._form.addSpacing(4)
                self._form.addWidget(Label(self.theme, group, 11, token="text3"))
            row = CompactField(self.theme, field, label(field.path))
            row.edit.edited.connect(lambda text, path=field.path: self.draft.set_text(path, text))
            row.reset.connect(lambda path=field.path: self.draft.set_text(path, self.draft.base_text(path)))
            self.rows[field.path] = row
            self._form.addWidget(row)

    def _choose_start(self, kind: str) -> None:
        start = self.session.start
        if kind == LIVE:
            start.take_live()
        elif kind == HAND:
            start.set_by_hand(plan_words.start_words(start))
        elif kind == EPISODE and start.episode is not None:
            start.set_moment(start.episode, start.frame)
        else:
            self.draft.choose(start=kind)
        self.show_problem()  # what must be waited for is not chosen yet


def _alone(context: Context) -> ProblemPanel:
    """In a window of its own the engine is loaded at once."""
    context.engine.start()
    return ProblemPanel(context)


if __name__ == "__main__":
    raise SystemExit(run_alone(_alone))
