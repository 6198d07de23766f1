"""Curves: how the metrics of the selected runs went, live while they train."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtGui import QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QMenu, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from ui import format as text
from ui.actions import Action
from ui.context import Context
from ui.controls.empty_state import EmptyState
from ui.controls.labels import Label
from ui.guard import guarded
from ui.panels.base import Panel, run_alone
from ui.plots import curve_states
from ui.plots.choices import SMALL_PLOTS, SPREADS, CurveChoices
from ui.plots.cursors import Cursors
from ui.plots.curve_files import KINDS, CurveFiles
from ui.plots.curve_plot import CurvePlot, Styled
from ui.plots.curve_styles import styled_curves
from ui.plots.curve_tools import CurveTools
from ui.plots.legend import Legend
from ui.plots.loader import CurveLoader, Loaded, Variants
from ui.plots.metric_box import metric_menu
from ui.plots.reference_curves import reference_curves
from ui.plots.small_plots import SmallPlots
from ui.series_colors import SeriesColors
from workbench import metrics
from workbench.analysis.references import Reference, references_for
from workbench.events import Event

#: ms between two redraws of live curves; more when making them takes long
REDRAW = 100
#: ms of reading after which the panel says so
PATIENCE = 300
_KEYS = ("Home", "L", "P", "Left", "Right", "Shift+Left", "Shift+Right", "Ctrl+E", "Esc")


class CurvesPanel(Panel):
    """The selected runs' metrics over steps, updates or time; up to three further metrics in small plots."""

    name = "curves"
    title = "Curves"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.choices = CurveChoices.from_json(context.preferences.get(self.name))
        self.loaded: Loaded | None = None
        self._colors = SeriesColors(context)
        self._loader = CurveLoader(context.project, self)
        self._redraw_soon = _once(self, REDRAW, self._load)
        self._busy_soon = _once(self, PATIENCE, self._say_busy)
        self._build()
        self._connect()
        self._add_actions()
        self._show_choices()

    # ---- parts ------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        theme = self.theme
        self.tools, self.legend, self.plot = CurveTools(theme), Legend(theme), CurvePlot(theme)
        self.cursors = Cursors(self.plot, theme, lambda: self.choices.x_axis, lambda: self.choices.spread)
        self.small, self.empty = SmallPlots(theme, self.plot), EmptyState(theme)
        self.files = CurveFiles(self.context, self.plot, lambda: self.choices)
        shown = QWidget()
        column = QVBoxLayout(shown)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.source = Label(theme, size=11, token="text3", wrap=True)
        for part, stretch in ((self.legend, 0), (self.plot, 1), (self.source, 0), (self.small, 0)):
            column.addWidget(part, stretch)
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
        self._add_menu = QMenu(self._add)
        self._add.setMenu(self._add_menu)
        for kind, (words, _) in KINDS.items():
            self.tools.export_menu.addAction(words, partial(self.files.ask, kind))
        self._repaint_colors()

    def header_widgets(self) -> list[QWidget]:
        """A plus that adds a metric."""
        return [self._add]

    def _connect(self) -> None:
        context = self.context
        self._loader.loaded.connect(self._show_loaded)
        self.tools.changed.connect(self.choose)
        self.tools.home.connect(self.go_home)
        self.legend.hidden_changed.connect(self._show_hidden)
        self.legend.focused.connect(self.plot.set_focus)
        self.cursors.chosen.connect(self._choose_moment)
        self.cursors.hovered.connect(lambda _x: self._show_values())
        self.small.closed.connect(lambda name: self.choose(self.choices.changed(small=self._without(name))))
        self.small.enlarged.connect(self._swap)
        self._add_menu.aboutToShow.connect(self._fill_add)
        self.tools.options_menu.aboutToShow.connect(lambda: self.tools.offer_references(self._published()))
        self._add_menu.triggered.connect(lambda action: self.add_small(action.data()))
        context.theme.changed.connect(self._repaint_colors)
        context.selection.changed.connect(self._selection_changed)
        context.cursor.step_changed.connect(self._show_moment)
        context.feed.events.connect(self._take_events)
        context.feed.runs_changed.connect(self._runs_changed)
        self.destroyed.connect(self._loader.close)

    def _add_actions(self) -> None:
        """For the command palette; the keys work while the panel has the keyboard, see ``keyPressEvent``."""
        acts: list[tuple[str, str, Callable[[], object]]] = [
            ("log", "linear or logarithmic axis", self.toggle_log),
            ("home", "show everything again", self.go_home),
            ("pin", "pin the cursor", self.cursors.pin),
        ]
        for kind, (words, _) in KINDS.items():
            acts.append((kind, f"save {words[0].lower()}{words[1:]}", partial(self.files.ask, kind)))
        known = {action.id for action in self.context.actions}
        for name, words, act in acts:
            if f"{self.name}.{name}" not in known:
                action = Action(f"{self.name}.{name}", f"{self.title}: {words}", act, obstacle=self._obstacle)
                self.context.actions.add(action)

    def _obstacle(self) -> str:
        return "" if self._curves() else "There are no curves in sight."

    # ---- when it works ----------------------------------------------------------------------------------------------

    def activate(self) -> None:
        """Everything is read anew: runs may have gone on, or back, while nobody looked."""
        self._loader.forget(self.context.selection.runs)
        self._selection_changed()

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
            self.loaded = None
            self._say(self.nothing_selected())

    def _load(self) -> None:
        if self.active and self.context.selection.runs:
            self._loader.request(self.context.selection.runs, self.choices, self.variants())

    def nothing_selected(self) -> curve_states.Words:
        """What to do while no run is selected."""
        return curve_states.nothing_selected(self.context)

    def variants(self) -> Variants | None:
        """How runs are grouped, where it is not as they were queued."""
        return None

    def _take_events(self, run_id: int, events: list[Event]) -> None:
        if not self.active or run_id not in self.context.selection.runs:
            return
        for event in events:
            for metric, value in metrics.scalars(event).items():
                if metric in self.choices.metrics:
                    self._loader.append(run_id, metric, (event.step, event.updates, event.wall_time, value))
                    self._redraw()

    def _runs_changed(self) -> None:
        if self.active and self.context.selection.runs:
            self._loader.refresh()
            self._redraw()

    def _redraw(self) -> None:
        if not self._redraw_soon.isActive():
            self._redraw_soon.start()

    # ---- what is shown ----------------------------------------------------------------------------------------------

    def _curves(self) -> list[Styled]:
        published = [each for each in self._published() if each.name in self.choices.references]
        curves = self._styled(self.choices.metric)
        return curves + reference_curves(published, self.choices, self.theme) if curves else []

    def _styled(self, metric: str) -> list[Styled]:
        if self.loaded is None:
            return []
        curves = self.loaded.curves.get(metric, [])
        return styled_curves(curves, self.loaded.rows, self.loaded.runs, self._colors, self.theme)

    def _published(self) -> list[Reference]:
        """The published curves that fit the runs and what is shown of them."""
        loaded, choices = self.loaded, self.choices
        if loaded is None or choices.axis != "steps":
            return []
        fitting = references_for(row.environment for row in loaded.rows.values())
        return [each for each in fitting if each.metric == choices.metric]

    def _show_loaded(self, loaded: Loaded) -> None:
        if not self.active or loaded.runs != self.context.selection.runs or loaded.choices != self.choices:
            return
        self.loaded = loaded
        self._redraw_soon.setInterval(max(REDRAW, round(5000 * loaded.seconds)))
        self.tools.show_choices(self.choices, loaded.metrics)
        if loaded.problem:
            self._say(curve_states.broken(loaded.problem, self.activate))
        elif not loaded.curves.get(self.choices.metric):
            show = lambda metric: self.choose(self.choices.changed(metric=metric))  # noqa: E731
            self._say(curve_states.no_points(loaded, show))
        else:
            self._draw()

    def _draw(self) -> None:
        self._busy_soon.stop()
        self._stack.setCurrentIndex(1)
        choices, styled = self.choices, self._curves()
        axis, info = choices.x_axis, metrics.describe(choices.metric)
        self.legend.show_curves(styled, *_seeds_words(styled, choices))
        self.cursors.hint = f"smoothed, {choices.smoothing_words}" if choices.smooths else ""
        self.plot.setAccessibleName(f"Curves of {info.title}")
        self.plot.show_axes(axis.scale, axis.axis_title, info.axis_title, log=choices.log, clip=choices.clip)
        self.plot.set_hidden(self.legend.hidden)
        self.plot.set_curves(styled)
        self._show_notes()
        self.small.show_curves(choices, self._styled, self.legend.hidden)
        self._show_moment(self.context.cursor.step)
        own = [each.curve for each in styled if not each.curve.source]
        runs = sum(len(curve.runs) for curve in own)
        groups = f"{text.plural(len(own), 'group')} · " if choices.grouped and runs != len(own) else ""
        self.subtitle_changed.emit(groups + text.plural(runs, "run"))

    def _say(self, words: curve_states.Words) -> None:
        self._busy_soon.stop()
        self.empty.say(words.icon, words.title, words.text, words.steps, words.token)
        self._stack.setCurrentIndex(0)
        self.subtitle_changed.emit("")

    def _say_busy(self) -> None:
        self._say(curve_states.reading(len(self.context.selection.runs)))

    # ---- what the user does -----------------------------------------------------------------------------------------

    def choose(self, choices: CurveChoices) -> None:
        """Show something else, and remember it."""
        before, self.choices = self.choices, choices
        self.context.preferences.set(self.name, choices.to_json())
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
        self.plot.reset()
        self.small.go_home()

    def _show_notes(self) -> None:
        curves = [each.curve for each in self.plot.visible_curves]
        notes = [f"{curve.label}: {curve.source}. Warm-up added." for curve in curves if curve.source]
        if left_out := self.plot.left_out:
            notes.append(f"The logarithmic axis leaves out {text.plural(left_out, 'point')} at 0 or below.")
        self.source.setText("\n".join(notes))
        self.source.setVisible(bool(notes))

    def _show_hidden(self, keys: frozenset[str]) -> None:
        self.plot.set_hidden(keys)
        self._show_notes()
        self.small.set_hidden(keys)
        self.cursors.refresh()

    def _fill_add(self) -> None:
        known = self.loaded.metrics if self.loaded is not None else ()
        metric_menu(self._add_menu, [name for name in known if name not in self.choices.metrics])
        if self._add_menu.isEmpty():
            self._add_menu.addAction("No other metric has been logged").setEnabled(False)

    def add_small(self, name: object) -> None:
        """One more metric; the oldest gives way where there are three."""
        if isinstance(name, str) and name and name not in self.choices.metrics:
            self.choose(self.choices.changed(small=(*self.choices.small, name)[-SMALL_PLOTS:]))

    def _without(self, name: str) -> tuple[str, ...]:
        return tuple(metric for metric in self.choices.small if metric != name)

    def _swap(self, name: str) -> None:
        small = tuple(self.choices.metric if metric == name else metric for metric in self.choices.small)
        self.choose(self.choices.changed(metric=name, small=small))

    # ---- cursor -----------------------------------------------------------------------------------------------------

    def _choose_moment(self, x: float) -> None:
        styled = self._curves()
        if styled:
            self.context.cursor.set_step(styled[0].curve.step_at(x))

    def _show_moment(self, step: int | None) -> None:
        styled = self._curves()
        self.cursors.set_cursor(styled[0].curve.x_at(step) if styled and step is not None else None)
        self._show_values()

    def _show_values(self) -> None:
        self.small.show_values_at(self.cursors.hover if self.cursors.hover is not None else self.cursors.cursor)

    # ---- Qt's -------------------------------------------------------------------------------------------------------

    def _repaint_colors(self) -> None:
        self._add.setIcon(self.theme.icon("plus"))
        self.tools.repaint_colors()
        self.legend.repaint_colors()
        self.plot.repaint_colors()
        self.cursors.repaint_colors()
        self.small.repaint_colors()
        if self.active and self._curves():
            self._draw()

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's."""
        super().resizeEvent(event)
        self.small.make_room(self.size())

    def event(self, event: QEvent) -> bool:
        """Qt's; the panel's keys go before the window's."""
        return bool(self._takes_key(event)) or super().event(event)

    @guarded
    def _takes_key(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _key(event) in _KEYS:
            event.accept()
            return True
        return False

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
            "Ctrl+E": self.tools.export_button.showMenu,
        }
        if key in acts:
            acts[key]()
        elif not (key == "Esc" and self.cursors.clear_pins()):
            super().keyPressEvent(event)


def _seeds_words(styled: list[Styled], choices: CurveChoices) -> tuple[str, str]:
    """What the band is, and how seeds are brought to one x; empty where every curve is one run."""
    several = [each.curve for each in styled if each.curve.count is not None]
    if not several:
        return "", ""
    if any(curve.interpolated for curve in several):
        way = "Seeds are joined by straight lines between their own points and count inside their own range only."
    else:
        way = "Seeds are compared at the points that they share; n says how many have got so far."
    return SPREADS[choices.spread][1], way


def _once(parent: QWidget, interval: int, act: Callable[[], None]) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(interval)
    timer.timeout.connect(act)
    return timer


def _key(event: QKeyEvent) -> str:
    return QKeySequence(event.keyCombination()).toString(QKeySequence.SequenceFormat.PortableText)


if __name__ == "__main__":
    raise SystemExit(run_alone(CurvesPanel))
