"""Curves by variant: the compared groups over training as the results have them, and beside it every seed's end."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from ui.comparison import ComparedRuns
from ui.context import Context
from ui.guard import guarded
from ui.panels.base import run_alone
from ui.panels.curves import CurvesPanel
from ui.plots.curve_states import Words
from ui.plots.loader import Variants
from ui.plots.seed_plot import SeedColumn, SeedPlot

#: px at scale 100 % of width from which on there is room for the seeds
_ROOMY = 640


class VariantCurvesPanel(CurvesPanel):
    """The curves of another workspace with choices of their own, grouped and named as the results are."""

    name: ClassVar[str] = "variant_curves"
    title: ClassVar[str] = "Curves by variant"

    def __init__(self, context: Context) -> None:
        self.compared = ComparedRuns.of(context)
        self.seeds = SeedPlot(context.theme)
        super().__init__(context)
        self.compared.changed.connect(self._take_comparison)
        self.compared.focused.connect(self._focus)
        context.theme.changed.connect(self._show_seeds)

    def _build(self) -> None:
        super()._build()
        outer = self.layout()
        assert isinstance(outer, QVBoxLayout)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self._stack, 5)
        row.addWidget(self.seeds, 3)
        outer.addLayout(row, 1)

    def activate(self) -> None:
        """Follow what is compared too."""
        self.compared.watch()
        super().activate()
        self._show_seeds()

    def deactivate(self) -> None:
        """Rest."""
        self.compared.unwatch()
        super().deactivate()

    def nothing_selected(self) -> Words:
        """The choice is made in the results, which stand below."""
        return Words("compare", "Nothing to compare", "Choose the runs under Show in Results.")

    def variants(self) -> Variants | None:
        """As the results have them; as they were queued until these are read."""
        compared = self.compared.compared
        if compared is None or compared.comparison is None:
            return None
        groups = compared.comparison.results
        found = {run.id: (each.group.key, each.name) for each in groups for run in each.group.runs}
        return found if set(self.context.selection.runs) <= set(found) else None

    def _take_comparison(self) -> None:
        if self.active:
            self._load()
            self._show_seeds()

    def _show_seeds(self) -> None:
        compared, styles = self.compared.compared, self.compared.styles()
        results = compared.comparison.results if compared is not None and compared.comparison is not None else ()
        columns = [
            SeedColumn(each.name, each.finals, each.mean, styles[each.group.key]) for each in results if each.finals
        ]
        self.seeds.show_columns(columns)
        self.seeds.setVisible(len(columns) > 1 and self.width() >= self.theme.px(_ROOMY))

    def _focus(self) -> None:
        self.plot.set_focus(self.compared.focus or None)

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's; a narrow panel has no room for the seeds."""
        super().resizeEvent(event)
        self._show_seeds()


if __name__ == "__main__":
    raise SystemExit(run_alone(VariantCurvesPanel))
