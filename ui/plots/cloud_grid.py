"""The clouds of one search: a plot per action dimension, in as many columns as there is room for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from ui import format
from ui.controls.elided_label import ElidedLabel
from ui.controls.labels import Label
from ui.plots.plan_plots import Cloud, CloudPlot, Frame
from ui.theme import Theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.engine.planning_desk import PlanLook
    from workbench.planners.base import PlanStep

#: px of width that a plot needs, and columns at most
_ROOM, _MOST = 172, 5


class CloudGrid(QWidget):
    """Plots are made once and used again for other dimensions. ``heading`` says whose they are, where two are shown."""

    pointed = Signal(int)  # the candidate that was clicked

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._look: PlanLook | None = None
        self._places: tuple[int, ...] = ()
        self.heading = ElidedLabel()
        self._cells: list[_Cell] = []
        self._count, self._columns = 0, 0
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(6)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.heading)
        column.addLayout(self._grid, 1)
        theme.changed.connect(self._style)
        self._style()

    @property
    def plots(self) -> list[CloudPlot]:
        """Those in sight."""
        return [cell.plot for cell in self._cells[: self._count]]

    def columns_for(self, count: int, width: int) -> int:
        """Columns for ``count`` plots in ``width`` px, so that all rows are as full as it goes."""
        fitting = max(1, width // self._theme.px(_ROOM))
        rows = -(-max(count, 1) // min(fitting, _MOST, max(count, 1)))
        return -(-max(count, 1) // rows)

    def show_search(
        self,
        look: PlanLook,
        places: Sequence[int],
        columns: int,
        steps: int,
        *,
        quantiles: bool,
        picked: int | None = None,
    ) -> None:
        """The action dimensions ``places`` of an iteration, in so many columns; ``steps`` along each plot."""
        self._arrange(len(places), columns)
        self._look, self._places = look, tuple(places)
        facts, step = look.facts, look.step
        for at, place in enumerate(places):
            cell = self._cells[at]
            left, bottom = at % columns == 0, at + columns >= len(places)
            frame = Frame(steps, float(facts.low[place]), float(facts.high[place]), left, bottom, quantiles)
            cell.plot.show_cloud(_cloud(step, place, picked), frame)
            cell.show_name(facts.action_names[place], _width(step, place))

    def prepare(self, count: int) -> bool:
        """Make one plot more unless there are ``count``; whether more are to be made."""
        if len(self._cells) < count:
            cell = _Cell(self._theme)
            cell.plot.clicked.connect(partial(self._point, len(self._cells)))
            cell.hide()
            self._grid.addWidget(cell, len(self._cells), 0)
            self._cells.append(cell)
        return len(self._cells) < count

    def _arrange(self, count: int, columns: int) -> None:
        if (count, columns) == (self._count, self._columns):
            return
        while self.prepare(count):
            pass
        for at, cell in enumerate(self._cells):
            if at < count:
                self._grid.addWidget(cell, at // columns, at % columns)
            cell.setVisible(at < count)
        for row in range(len(self._cells)):
            self._grid.setRowStretch(row, 1 if row * columns < count else 0)
        for column in range(_MOST):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
        self._count, self._columns = count, columns

    def _point(self, at: int, point: QPointF) -> None:
        """The candidate that is nearest to where a plot was clicked."""
        if self._look is None or at >= len(self._places):
            return
        actions = self._look.step.actions
        step = min(max(round(point.x()), 0), actions.shape[1] - 1)
        self.pointed.emit(int(np.abs(actions[:, step, self._places[at]] - point.y()).argmin()))

    def _style(self) -> None:
        self.heading.setFont(self._theme.font(11, 600))


class _Cell(QWidget):
    """One plot under its name."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.plot, self._name, self._note = CloudPlot(theme, ""), ElidedLabel(), Label(theme, "", 11, token="text2")
        head = QHBoxLayout()
        head.addWidget(self._name)
        head.addStretch(1)
        head.addWidget(self._note)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.plot, 1)
        theme.changed.connect(self._style)
        self._style()

    def show_name(self, name: str, note: str) -> None:
        """Whose candidates these are, and how wide they are spread."""
        self._name.setText(name)
        self._note.setText(note)
        self.plot.setAccessibleName(f"Candidates of {name}")
        self.plot.setToolTip("Click: pick the nearest candidate")

    def _style(self) -> None:
        self._name.setFont(self._theme.font(11, 600))


def _width(step: PlanStep, place: int) -> str:
    """The proposal's mean width, else that of all candidates; nothing where only some of them are there."""
    if step.std is None and step.kept is not None:
        return ""
    spread = step.actions[:, :, place].std(0) if step.std is None else step.std[:, place]
    return f"std {format.number(float(f'{spread.mean():.2g}'))}"


def _cloud(step: PlanStep, place: int, picked: int | None) -> Cloud:
    elites = np.empty(0, int) if step.elites is None else step.elites
    others = np.setdiff1d(np.arange(len(step.returns)), elites)
    return Cloud(
        candidates=step.actions[step.rows(others), :, place].astype(np.float64),
        elites=step.actions[step.rows(elites), :, place].astype(np.float64),
        mean=None if step.mean is None else step.mean[:, place].astype(np.float64),
        std=None if step.std is None else step.std[:, place].astype(np.float64),
        best=step.best_actions[:, place].astype(np.float64),
        plan=step.plan[:, place].astype(np.float64),
        picked=None if picked is None else step.actions[picked, :, place].astype(np.float64),
    )
