"""The sequences that one iteration of the planner tried, per action dimension over the horizon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QStackedLayout, QVBoxLayout, QWidget

from ui import format
from ui.context import Context
from ui.controls.elided_label import ElidedLabel
from ui.controls.empty_state import EmptyState
from ui.controls.labels import Label
from ui.controls.sample_label import SampleLabel
from ui.guard import guarded
from ui.panels import plan_words
from ui.panels.base import Panel, run_alone
from ui.plan_session import plan_session
from ui.plots.plan_plots import CANDIDATES, ELITES, Cloud, CloudPlot, picked

if TYPE_CHECKING:
    from workbench.engine.planning_desk import PlanLook

#: px of width that a plot needs, and columns at most
_ROOM, _MOST = 230, 5
#: px of width from which the legend stands in one row
_WIDE = 560


class CandidatesPanel(Panel):
    """Follows the iteration that is shown."""

    name: ClassVar[str] = "candidates"
    title: ClassVar[str] = "Candidates"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.session = plan_session(context)
        self.plots: list[CloudPlot] = []
        self._cells: list[QWidget] = []
        self._heads: list[tuple[ElidedLabel, Label]] = []
        self._build()
        self.theme.changed.connect(self._style)

    def _build(self) -> None:
        theme = self.theme
        self.empty = EmptyState(theme)
        self.legend = (
            *(SampleLabel(theme, None, ""), SampleLabel(theme, 3, "", solid=True)),
            *(SampleLabel(theme, 1, ""), SampleLabel(theme, 2, "best so far")),
        )
        self._top = QGridLayout()
        self._top.setHorizontalSpacing(14)
        self._top.setVerticalSpacing(2)
        self._top.setColumnStretch(len(self.legend), 1)
        self._grid_holder = QWidget()
        self._grid = QGridLayout(self._grid_holder)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(8)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(self._grid_holder)
        self.answer = Label(theme, "", 12, 600, wrap=True)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(12, 8, 12, 10)
        column.setSpacing(6)
        column.addLayout(self._top)
        column.addWidget(self._scroll, 1)
        column.addWidget(self.answer)
        self._body = body
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(body)

    def activate(self) -> None:
        """Follow the session."""
        for signal, slot in self._followed():
            signal.connect(slot)
        self.show_look()

    def deactivate(self) -> None:
        """Let go of it."""
        for signal, slot in self._followed():
            signal.disconnect(slot)

    def _followed(self) -> tuple[tuple[Any, Any], ...]:
        session = self.session
        return ((session.moved, self.show_look), (session.problem_changed, self.show_look))

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
        self._make_plots(look)
        self._draw(look)
        self._show_legend(look)
        self.answer.setText(f"{plan_words.progress(self.session)} {plan_words.comparison(self.session)}".strip())
        self._stack.setCurrentWidget(self._body)

    def _make_plots(self, look: PlanLook) -> None:
        names = look.facts.action_names
        if [plot.accessibleName() for plot in self.plots] == [f"Candidates of {name}" for name in names]:
            return
        for cell in self._cells:
            cell.hide()
            cell.deleteLater()
        self.plots, self._cells, self._heads = [], [], []
        for name in names:
            plot, title = CloudPlot(self.theme, f"Candidates of {name}"), ElidedLabel(name)
            width = Label(self.theme, "", 11, token="text2")
            head = QHBoxLayout()
            head.addWidget(title)
            head.addStretch(1)
            head.addWidget(width)
            cell = QWidget()
            column = QVBoxLayout(cell)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(0)
            column.addLayout(head)
            column.addWidget(plot, 1)
            self.plots.append(plot)
            self._cells.append(cell)
            self._heads.append((title, width))
        self._style()
        self._arrange()

    def _draw(self, look: PlanLook) -> None:
        step, facts = look.step, look.facts
        elites = np.empty(0, int) if step.elites is None else step.elites
        others = np.setdiff1d(np.arange(len(step.actions)), elites)
        shown, best = others[picked(len(others), CANDIDATES)], elites[picked(len(elites), ELITES)]
        columns = self._columns()
        for at, plot in enumerate(self.plots):
            cloud = Cloud(
                candidates=step.actions[shown, :, at].astype(np.float64),
                elites=step.actions[best, :, at].astype(np.float64),
                mean=None if step.mean is None else step.mean[:, at].astype(np.float64),
                std=None if step.std is None else step.std[:, at].astype(np.float64),
                best=step.best_actions[:, at].astype(np.float64),
                plan=step.plan[:, at].astype(np.float64),
            )
            last_row = at + columns >= len(self.plots)
            low, high = float(facts.low[at]), float(facts.high[at])
            plot.show_cloud(cloud, low, high, left=at % columns == 0, bottom=last_row)
            spread = step.actions[:, :, at].std(0) if step.std is None else step.std[:, at]
            self._heads[at][1].setText(f"std {format.number(float(f'{spread.mean():.2g}'))}")

    def _show_legend(self, look: PlanLook) -> None:
        step = look.step
        elites = 0 if step.elites is None else len(step.elites)
        others = len(step.actions) - elites
        grey, chosen, proposal, _ = self.legend
        grey.set_words(f"{min(others, CANDIDATES)} of {format.plural(others, 'candidate')}")
        chosen.set_words(f"{min(elites, ELITES)} of {format.plural(elites, 'elite')}")
        chosen.setVisible(elites > 0)
        proposal.set_words("plan" if step.mean is None else "proposal mean ± std")

    # ---- Qt ---------------------------------------------------------------------------------------------------------

    def _columns(self) -> int:
        fitting = max(1, (self.width() - 24) // self.theme.px(_ROOM))
        count = max(len(self.plots), 1)
        rows = -(-count // min(fitting, _MOST, count))
        return -(-count // rows)  # as even as it goes

    def _arrange(self) -> None:
        columns = self._columns()
        for at, cell in enumerate(self._cells):
            self._grid.addWidget(cell, at // columns, at % columns)
        beside = len(self.legend) if self.width() >= self.theme.px(_WIDE) else 2
        for at, sample in enumerate(self.legend):
            self._top.addWidget(sample, at // beside, at % beside)
        for row in range(len(self._cells)):
            self._grid.setRowStretch(row, 1 if row * columns < len(self._cells) else 0)
        for column in range(_MOST):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)

    def _style(self) -> None:
        for title, _ in self._heads:
            title.setFont(self.theme.font(11, 600))

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's."""
        super().resizeEvent(event)
        if self.session.look is not None and self.plots:
            self._arrange()
            self._draw(self.session.look)


def _alone(context: Context) -> CandidatesPanel:
    """In a window of its own the engine is loaded at once."""
    context.engine.start()
    return CandidatesPanel(context)


if __name__ == "__main__":
    raise SystemExit(run_alone(_alone))
