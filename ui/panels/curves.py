"""Curves: how the metrics of the selected runs went, live while they train."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtGui import QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from ui import format as text
from ui.actions import Action
from ui.context import Context
from ui.controls.empty_state import EmptyState, Step
from ui.guard import guarded
from ui.panels.base import Panel, run_alone
from ui.plots.choices import SMALL_PLOTS, SPREADS, CurveChoices
from ui.plots.cursors import Cursors
from ui.plots.curve_plot import CurvePlot, Styled
from ui.plots.curve_styles import styled_curves
from ui.plots.curve_tools import CurveTools
from ui.plots.export import save_csv, save_png, save_svg
from ui.plots.legend import Legend
from ui.plots.loader import CurveLoader, Loaded
from ui.plots.metric_box import metric_menu
from ui.plots.small_plot import SmallPlot
from ui.series_colors import SeriesColors
from workbench import metrics
from workbench.events import Event

#: ms between two redraws of live curves; longer when making them takes long
REDRAW = 100
#: ms of reading after which the panel says so
PATIENCE = 300
_FORMATS = {"png": "Picture (*.png)", "svg": "Vector graphics (*.svg)", "csv": "Numbers in sight (*.csv)"}
_KEYS = ("Home", "L", "P", "Left", "Right", "Shift+Left", "Shift+Right", "Ctrl+E", "Esc")


class CurvesPanel(Panel):
    """The selected runs' metrics over steps, updates or time; up to three further metrics in small plots."""

    name = "curves"
    title = "Curves"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.choices = CurveChoices.from_json(context.preferences.get("curves"))
        self.loaded: Loaded | None = None
        self._colors = SeriesColors(context)
        self._loader = CurveLoader(context.project, self)
        self._redraw_soon, self._busy_soon = QTimer(self), QTimer(self)
        for timer, interval, act in ((self._redraw_soon, REDRAW, self._load), (self._busy_soon, PATIENCE, self._say_busy)):
            timer.setSingleShot(True)
            timer.setInterval(interval)
            timer.timeout.connect(act)
        self._build()
        self._connect()
        self._add_actions()
        self._show_choices()

    # ---- parts ------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        theme = self.theme
        self.tools, self.legend, self.plot = CurveTools(theme), Legend(theme), CurvePlot(theme)
        self.cursors = Cursors(self.plot, theme, lambda: self.choices.x_axis, lambda: self.choices.spread)
        self.small = [SmallPlot(theme) for _ in range(SMALL_PLOTS)]
        self.empty = EmptyState(theme)
        shown = QWidget()
        column = QVBoxLayout(shown)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.legend)
        column.addWidget(self.plot, 1)
        row = QHBoxLayout()
        row.setSpacing(16)
        for small in self.small:
            row.addWidget(small)
        column.addLayout(row)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(shown)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 8, 12, 8)
        outer.setSpacing(6)
        outer.addWidget(self.tools)
        outer.addWidget(self._stack, 1)
        self._add = QToolButton()
        self._add.setToolTip("Add a small plot of another metric")
        self._add.setAccessibleName("Add a small plot of another metric")
        self._add.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._add.setMenu(QMenu(self._add))
        self._fill_export()
        self._repaint_colors()

    def header_widgets(self) -> list[QWidget]:
        """"+" adds a metric."""
        return [self._add]

    def _fill_export(self) -> None:
        for kind, words in (("png", "Picture (PNG)…"), ("svg", "Vectors (SVG)…"), ("csv", "Numbers in sight (CSV)…")):
            self.tools.export_menu.addAction(words, lambda kind=kind: self.ask_and_export(kind))

    def _connect(self) -> None:
        context = self.context
        self._loader.loaded.connect(self._show_loaded)
        self.tools.changed.connect(self.choose)
        self.tools.home.connect(self.go_home)
        self.legend.hidden_changed.connect(self._show_hidden)
        self.legend.focused.connect(self.plot.set_focus)
        self.plot.x_moved.connect(self._move_small)
        self.cursors.chosen.connect(self._choose_moment)
        self.cursors.hovered.connect(lambda x: self._show_values_at(x if x is not None else self.cursors.cursor))
        for small in self.small:
            small.closed.connect(lambda name: self.choose(self.choices.changed(small=self._without(name))))
            small.enlarged.connect(self._swap)
            small.plot.x_moved.connect(self._follow_small)
        self._add.menu().aboutToShow.connect(self._fill_add)
        self._add.menu().triggered.connect(lambda action: self._add_small(action.data()))
        context.theme.changed.connect(self._repaint_colors)
        context.selection.changed.connect(self._selection_changed)
        context.cursor.step_changed.connect(self._show_moment)
        context.feed.events.connect(self._take_events)
        context.feed.runs_changed.connect(self._runs_changed)
        self.destroyed.connect(self._loader.close)

    def _add_actions(self) -> None:
        """For the command palette; the keys work while the panel has the keyboard, see ``keyPressEvent``."""
        actions = (
            ("log", "Curves: logarithmic axis", self.toggle_log),
            ("home", "Curves: show everything again", self.go_home),
            ("pin", "Curves: pin the cursor", self.cursors.pin),
            ("png", "Curves: save as picture (PNG)", lambda: self.ask_and_export("png")),
            ("svg", "Curves: save as vectors (SVG)", lambda: self.ask_and_export("svg")),
            ("csv", "Curves: save the numbers in sight (CSV)", lambda: self.ask_and_export("csv")),
        )
        known = {action.id for action in self.context.actions}
        for name, words, act in actions:
            if f"curves.{name}" not in known:
                self.context.actions.add(Action(f"curves.{name}", words, act, obstacle=self._obstacle))

    def _obstacle(self) -> str:
        return "" if self.loaded is not None and self._curves() else "There are no curves in sight."

    # ---- when it works ----------------------------------------------------------------------------------------------

    def activate(self) -> None:
        """Everything is read anew: runs may have gone on, or back, while nobody looked."""
        self._loader.forget(self.context.selection.runs)
        self._selection_changed()
        self._show_moment(self.context.cursor.step)

    def deactivate(self) -> None:
        """Nothing is read while it is out of sight."""
        self._redraw_soon.stop()
        self._busy_soon.stop()

    def _selection_changed(self) -> None:
        if not self.active:
            return
        if self.context.selection.runs:
            self._busy_soon.start()
            self._load()
        else:
            self._say_nothing_selected()

    def _load(self) -> None:
        if self.active and self.context.selection.runs:
            self._loader.request(self.context.selection.runs, self.choices)

    def _take_events(self, run_id: int, events: list[Event]) -> None:
        if not self.active or run_id not in self.context.selection.runs:
            return
        told = False
        for event in events:
            for metric, value in metrics.scalars(event).items():
                if metric in self.choices.metrics:
                    point = (event.step, event.updates, event.wall_time, value)
                    self._loader.append(run_id, metric, point)
                    told = True
        if told and not self._redraw_soon.isActive():
            self._redraw_soon.start()

    def _runs_changed(self) -> None:
        if self.active and self.context.selection.runs:
            self._loader.refresh()
            if not self._redraw_soon.isActive():
                self._redraw_soon.start()

    # ---- what is shown ----------------------------------------------------------------------------------------------

    def _curves(self) -> list[Styled]:
        return self._styled(self.choices.metric)

    def _styled(self, metric: str) -> list[Styled]:
        if self.loaded is None:
            return []
        selected = self.context.selection.runs
        curves = self.loaded.curves.get(metric, [])
        return styled_curves(curves, self.loaded.rows, selected, self._colors, self.theme)

    def _show_loaded(self, loaded: Loaded) -> None:
        if not self.active or loaded.runs != self.context.selection.runs or loaded.choices != self.choices:
            return
        self._busy_soon.stop()
        self.loaded = loaded
        self._redraw_soon.setInterval(max(REDRAW, round(5000 * loaded.seconds)))
        self.tools.show_choices(self.choices, loaded.metrics)
        if loaded.problem:
            self._say_problem(loaded.problem)
        elif not loaded.curves.get(self.choices.metric):
            self._say_no_points(loaded)
        else:
            self._draw()

    def _draw(self) -> None:
        choices, styled = self.choices, self._curves()
        axis, info = choices.x_axis, metrics.describe(choices.metric)
        self._stack.setCurrentIndex(1)
        self.legend.show_curves(styled, self._band_words(styled), self._alignment_words(styled))
        self.cursors.hint = f"smoothed, {choices.smoothing_words}" if choices.smooths else ""
        self.plot.setAccessibleName(f"Curves of {info.title}")
        self.plot.set_clip(choices.clip)
        self.plot.set_axes(axis.scale, axis.axis_title, info.axis_title, log=choices.log)
        self.plot.set_hidden(self.legend.hidden)
        self.plot.set_curves(styled)
        for small, metric in zip(self.small, choices.small, strict=False):
            small.show_metric(metric, axis, self._without_labels(metric), clip=choices.clip)
            small.plot.set_hidden(self.legend.hidden)
        self._arrange_small()
        self._follow_range()
        self._show_moment(self.context.cursor.step)
        self._say_subtitle(styled)

    def _follow_range(self) -> None:
        for small in self.small:
            if self.plot.x_at_home:
                small.plot.follow_x()
            else:
                small.plot.set_x_range(*self.plot.x_range())

    def _without_labels(self, metric: str) -> list[Styled]:
        return [Styled(each.curve, each.style) for each in self._styled(metric)]

    def _band_words(self, styled: list[Styled]) -> str:
        several = any(each.curve.count is not None for each in styled)
        return SPREADS[self.choices.spread][1] if several else ""

    def _alignment_words(self, styled: list[Styled]) -> str:
        several = [each.curve for each in styled if each.curve.count is not None]
        if not several:
            return ""
        if any(curve.interpolated for curve in several):
            return "Seeds are joined by straight lines between their own points, and counted only inside their own range."
        return "Seeds are compared at the points that they share; n says how many have got so far."

    def _say_subtitle(self, styled: list[Styled]) -> None:
        runs = sum(len(each.curve.runs) for each in styled)
        words = text.plural(runs, "run")
        if self.choices.grouped and runs != len(styled):
            words = f"{text.plural(len(styled), 'group')} · {words}"
        self.subtitle_changed.emit(words)

    # ---- states without curves --------------------------------------------------------------------------------------

    def _say(self, icon: str, title: str, words: str, steps: list[Step], token: str = "text3") -> None:
        self._busy_soon.stop()
        self.empty.say(icon, title, words, steps, token)
        self._stack.setCurrentIndex(0)
        self.subtitle_changed.emit("")

    def _say_nothing_selected(self) -> None:
        self.loaded = None
        steps: list[Step] = []
        newest = self.context.project.runs.page(limit=1)
        if newest:
            steps.append(("Select the newest run", lambda: self.context.selection.select([newest[0].id])))
        if any(action.id == "file.new_run" for action in self.context.actions):
            steps.append(("New run", lambda: self.context.actions.trigger("file.new_run")))
        words = "Click a run in the table below to see its curves. Ctrl+click adds another."
        self._say("diagnose", "No runs selected.", words, steps)

    def _say_busy(self) -> None:
        if self._stack.currentIndex() == 0 or self.loaded is None:
            self._say("clock", f"Reading {text.plural(len(self.context.selection.runs), 'run')}.", "", [])

    def _say_problem(self, problem: str) -> None:
        again: list[Step] = [("Try again", self.activate)]
        self._say("warn", "The curves cannot be read.", problem, again, "bad")

    def _say_no_points(self, loaded: Loaded) -> None:
        title = f"No points of {metrics.describe(self.choices.metric).title} yet."
        others = [name for infos in metrics.in_families(list(loaded.metrics)).values() for name in infos]
        if others:
            steps: list[Step] = [
                (f"Show {info.title}", lambda name=info.name: self.choose(self.choices.changed(metric=name)))
                for info in others[:2]
            ]
            self._say("diagnose", title, "The selected runs have logged other metrics so far.", steps)
        elif loaded.rows:
            self._say("clock", title, "Curves begin with the first episode, loss or evaluation of the run.", [])
        else:
            self._say("diagnose", "The selected runs are not in the table any more.", "Select others.", [])

    # ---- what the user does -----------------------------------------------------------------------------------------

    def choose(self, choices: CurveChoices) -> None:
        """Show something else, and remember it."""
        before, self.choices = self.choices, choices
        self.context.preferences.set("curves", choices.to_json())
        if choices.axis != before.axis:
            self.cursors.forget()
            self.go_home()
        self._show_choices()
        self._load()

    def _show_choices(self) -> None:
        self.tools.show_choices(self.choices, self.loaded.metrics if self.loaded is not None else ())

    def toggle_log(self) -> None:
        """Linear or logarithmic."""
        self.choose(self.choices.changed(log=not self.choices.log))

    def go_home(self) -> None:
        """Show everything again, and follow it."""
        for plot in (self.plot, *(small.plot for small in self.small)):
            plot.reset()

    def _show_hidden(self, keys: frozenset[str]) -> None:
        for plot in (self.plot, *(small.plot for small in self.small)):
            plot.set_hidden(keys)
        self._follow_range()
        self.cursors.refresh()

    # ---- small plots ------------------------------------------------------------------------------------------------

    def _fill_add(self) -> None:
        known = self.loaded.metrics if self.loaded is not None else ()
        menu = self._add.menu()
        metric_menu(menu, [name for name in known if name not in self.choices.metrics])
        if menu.isEmpty():
            menu.addAction("No other metric has been logged").setEnabled(False)

    def _add_small(self, name: object) -> None:
        if isinstance(name, str) and name:
            self.choose(self.choices.changed(small=(*self.choices.small, name)[-SMALL_PLOTS:]))

    def _without(self, name: str) -> tuple[str, ...]:
        return tuple(metric for metric in self.choices.small if metric != name)

    def _swap(self, name: str) -> None:
        small = tuple(self.choices.metric if metric == name else metric for metric in self.choices.small)
        self.choose(self.choices.changed(metric=name, small=small))

    def _arrange_small(self) -> None:
        """Three, two or one beside each other as there is room, and none in a panel that is too low."""
        width, px = self.width(), self.theme.px
        room = 3 if width >= px(620) else 2 if width >= px(430) else 1
        low = self.height() < px(360)
        for number, small in enumerate(self.small):
            small.setVisible(not low and number < min(room, len(self.choices.small)))

    def _move_small(self, low: float, high: float) -> None:
        for small in self.small:
            small.plot.set_x_range(low, high)

    def _follow_small(self, low: float, high: float) -> None:
        self.plot.set_x_range(low, high)
        self._move_small(low, high)

    # ---- cursor -----------------------------------------------------------------------------------------------------

    def _choose_moment(self, x: float) -> None:
        styled = self._curves()
        if styled:
            self.context.cursor.set_step(styled[0].curve.step_at(x))

    def _show_moment(self, step: int | None) -> None:
        styled = self._curves()
        x = styled[0].curve.x_at(step) if styled and step is not None else None
        self.cursors.set_cursor(x)
        self._show_values_at(self.cursors.hover if self.cursors.hover is not None else x)

    def _show_values_at(self, x: float | None) -> None:
        for small in self.small:
            small.show_value_at(x)

    # ---- export -----------------------------------------------------------------------------------------------------

    def ask_and_export(self, kind: str) -> None:
        """Ask for a file and write it."""
        folder = Path(str(self.context.preferences.get("curves.folder", Path.home())))
        proposal = folder / f"{self.choices.metric.replace('/', '-')}.{kind}"
        chosen, _ = QFileDialog.getSaveFileName(self, "Save the curves", str(proposal), _FORMATS[kind])
        if chosen:
            self.context.preferences.set("curves.folder", str(Path(chosen).parent))
            self.export(kind, Path(chosen).with_suffix(f".{kind}"))

    def export(self, kind: str, path: Path) -> None:
        """Write what is in sight as ``png``, ``svg`` or ``csv``; a notice says whether it worked."""
        try:
            if kind == "csv":
                curves = [each.curve for each in self.plot.visible_curves]
                save_csv(curves, self.choices, *self.plot.x_range(), path)
            else:
                save: Callable[..., None] = save_png if kind == "png" else save_svg
                save(self.plot, self.theme, self.choices, path)
        except OSError as error:
            words = f"{path.name} could not be written: {error.strerror or error}. Choose another folder."
            self.context.notices.add("bad", words, "Choose", lambda: self.ask_and_export(kind))
            return
        self.context.notices.add("ok", f"Saved {path}.")

    # ---- Qt's -------------------------------------------------------------------------------------------------------

    def _repaint_colors(self) -> None:
        self._add.setIcon(self.theme.icon("plus"))
        for part in (self.tools, self.legend, self.plot, self.cursors, *self.small):
            part.repaint_colors()
        if self.loaded is not None and self._curves():
            self._draw()

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's."""
        super().resizeEvent(event)
        self._arrange_small()

    @guarded
    def event(self, event: QEvent) -> bool:
        """Qt's; the panel's keys go before the window's."""
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _key(event) in _KEYS:
            event.accept()
            return True
        return bool(super().event(event))

    @guarded
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's."""
        key = _key(event)
        acts: dict[str, Callable[[], Any]] = {
            "Home": self.go_home,
            "L": self.toggle_log,
            "P": self.cursors.pin,
            "Left": lambda: self.cursors.step(-1),
            "Right": lambda: self.cursors.step(1),
            "Shift+Left": lambda: self.cursors.step(-10),
            "Shift+Right": lambda: self.cursors.step(10),
            "Ctrl+E": lambda: self.tools.export_button.showMenu(),
        }
        if key in acts:
            acts[key]()
        elif not (key == "Esc" and self.cursors.clear_pins()):
            super().keyPressEvent(event)


def _key(event: QKeyEvent) -> str:
    return QKeySequence(event.keyCombination()).toString(QKeySequence.SequenceFormat.PortableText)


if __name__ == "__main__":
    raise SystemExit(run_alone(CurvesPanel))
