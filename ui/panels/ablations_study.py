"""A stored study: how far each variant is, what failed, and seeds to add."""

from __future__ import annotations

from collections import Counter

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from storage import RunRow
from ui import format
from ui.controls.labels import Label
from ui.controls.stacked_bar import StackedBar
from ui.controls.status_shape import STATE_TOKENS, StatusShape
from ui.theme import Theme
from workbench.engine.duration import Duration
from workbench.engine.study_plan import StudyPlan, VariantProgress

#: the order in which states are told
_ORDER = ("finished", "running", "pausing", "stopping", "queued", "paused", "stopped", "interrupted", "failed")


class StudyView(QWidget):
    """``opened`` names a run to look at, ``seeds_wanted`` the text of the seeds to add."""

    opened = Signal(int)
    seeds_wanted = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._failed: int | None = None
        self._told: list[tuple[str, dict[str, int], tuple[int, ...]]] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.about = Label(theme, size=11, token="text2", wrap=True)
        column.addWidget(self.about)
        self._grid = QGridLayout()
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(0, 1)
        column.addLayout(self._grid)
        row = QHBoxLayout()
        row.addWidget(Label(theme, "Seeds", token="text2"))
        self.seeds = QLineEdit()
        self.seeds.setAccessibleName("Seeds to add")
        self.seeds.returnPressed.connect(lambda: self.seeds_wanted.emit(self.seeds.text()))
        row.addWidget(self.seeds, 1)
        self.add = QPushButton("Add seeds")
        self.add.setToolTip("Run every variant with these seeds too")
        self.add.clicked.connect(lambda: self.seeds_wanted.emit(self.seeds.text()))
        row.addWidget(self.add)
        column.addLayout(row)
        self.runs = Label(theme, size=12, weight=600)
        self.words = Label(theme, size=11, token="text2", wrap=True)
        self.bar = StackedBar(theme, "Runs of the study", 6)
        for each in (self.runs, self.words, self.bar):
            column.addWidget(each)
        column.addWidget(self._build_banner())
        theme.changed.connect(self._repaint)
        self._repaint()

    def _build_banner(self) -> QFrame:
        self.banner = QFrame()
        self.banner.setProperty("role", "banner-bad")
        row = QHBoxLayout(self.banner)
        row.setContentsMargins(10, 6, 6, 6)
        self.fault = Label(self._theme, size=12, wrap=True)
        row.addWidget(self.fault, 1)
        look = QPushButton("Open")
        look.setProperty("kind", "ghost")
        look.setToolTip("Select the failed run")
        look.clicked.connect(lambda: self.opened.emit(self._failed or 0))
        row.addWidget(look)
        return self.banner

    def _repaint(self) -> None:
        self.add.setIcon(self._theme.icon("plus"))

    def show_study(
        self, plan: StudyPlan, variants: tuple[VariantProgress, ...], rows: dict[int, RunRow], left: Duration | None
    ) -> None:
        """How far it is; ``rows`` are its runs by number, ``left`` the time for what is missing."""
        base = plan.base
        begun = f"{base.preset or base.agent} on {base.environment}, {format.count(base.total_steps)} steps each"
        self.about.setText(f"Base: {begun}.")
        if not self.seeds.hasFocus():
            self.seeds.setText(", ".join(map(str, base.seeds)))
        self._show_variants(variants)
        states: Counter[str] = sum((variant.states for variant in variants), Counter())
        missing = sum(len(variant.missing) for variant in variants)
        total = states.total() + missing
        arms, seeds = format.plural(len(variants), "variant"), format.plural(len(base.seeds), "seed")
        self.runs.setText(f"{arms} × {seeds} = {format.plural(total, 'run')}")
        told = [f"{states[state]} {state}" for state in _ORDER if states[state]]
        told += [f"{missing} not queued"] if missing else []
        words = ", ".join(told) + "."
        if states["finished"] < total and left is not None:
            words += f" About {format.duration(left.seconds)} left ({format.duration(left.low)} to "
            words += f"{format.duration(left.high)})."
        self.words.setText(words)
        colour = self._theme.color
        shares = {state: states[state] / total for state in _ORDER if states[state]}
        self.bar.set_parts([(state, share, colour(STATE_TOKENS[state])) for state, share in shares.items()])
        self._show_fault(variants, rows)

    def _show_variants(self, variants: tuple[VariantProgress, ...]) -> None:
        told = [(variant.name, dict(variant.states), variant.missing) for variant in variants]
        if told == self._told:
            return  # nothing that is written here has changed
        self._told = told
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for number, variant in enumerate(variants):
            self._grid.addWidget(Label(self._theme, variant.name, weight=500, wrap=True), number, 0)
            self._grid.addWidget(self._states_of(variant), number, 1)

    def _states_of(self, variant: VariantProgress) -> QWidget:
        widget = QWidget()
        row = QHBoxLayout(widget)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addStretch(1)
        for state in _ORDER:
            if variant.states[state]:
                row.addWidget(StatusShape(self._theme, state, 13))
                count = Label(self._theme, str(variant.states[state]), size=12)
                count.setToolTip(f"{variant.states[state]} {state}")
                row.addWidget(count)
        if variant.missing:
            row.addWidget(Label(self._theme, f"{len(variant.missing)} missing", size=11, token="text3"))
        widget.setAccessibleName(", ".join(f"{count} {state}" for state, count in variant.states.items()))
        return widget

    def _show_fault(self, variants: tuple[VariantProgress, ...], rows: dict[int, RunRow]) -> None:
        failed = [(variant, run) for variant in variants for run in variant.runs if run.status == "failed"]
        self.banner.setVisible(bool(failed))
        self._failed = None
        if failed:
            variant, run = failed[0]
            self._failed = run.id
            row = rows.get(run.id)
            reason = (row.reason.rstrip(".") if row is not None else "") or "it did not say why"
            others = f" {len(failed) - 1} more failed." if len(failed) > 1 else ""
            step = format.count(run.step)
            self.fault.setText(f"{variant.name}, seed {run.seed} failed at step {step}: {reason}.{others}")
