"""The strip over the workspace Plan: steps the planner, shows where it is, and what a decision costs."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ui import format
from ui.actions import Action
from ui.context import Context
from ui.controls.field_edit import TextEdit
from ui.controls.labels import Label
from ui.controls.number_steps import Steps
from ui.controls.stops import Stops
from ui.guard import guarded
from ui.panels import plan_words
from ui.plan_cost import plan_cost
from ui.plan_session import plan_session

#: px below which buttons lose their words, and below which the seed goes too
_NARROW, _TIGHT = 1300, 820
_SEVERAL = 5


class PlanStrip(QFrame):
    """Restart, back, step, run 5, to the end; one mark per iteration; the noise's seed; milliseconds."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context, self._theme = context, context.theme
        self.session, self.costs = plan_session(context), plan_cost(context)
        self._ready: bool | None = None
        self.setObjectName("strip")
        self.setAccessibleName("Planner")
        theme = context.theme
        self.restart, self.back, self.step = QPushButton(), QPushButton(), QPushButton()
        self.several, self.end, self.cancel = QPushButton(), QPushButton(), QPushButton()
        self._title, self.value = Label(theme, "Iteration", 12, 600), Label(theme, "", 12, 600, "accent")
        self.stops = Stops(theme, "Iteration")
        self._seed_title = Label(theme, "Seed", 12, token="text2")
        self.seed = TextEdit(theme, "Seed of the planner's noise", steps=Steps())
        self.cost, self._foreseen = Label(theme, "", 12, 600), Label(theme, "", 11, token="text3")
        self._costs = QWidget()
        column = QVBoxLayout(self._costs)
        column.setContentsMargins(6, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.cost)
        column.addWidget(self._foreseen)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(6)
        for button in self._buttons():
            row.addWidget(button)
        row.addSpacing(8)
        for widget in (self._title, self.value, self.stops, self._seed_title, self.seed, self._costs):
            row.addWidget(widget, 1 if widget is self.stops else 0)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._connect()
        self._style()
        self._show()

    def _buttons(self) -> tuple[QPushButton, ...]:
        return (self.restart, self.back, self.step, self.several, self.end, self.cancel)

    def add_keys(self, scope: QWidget) -> None:
        """Register the keys, which work in all of ``scope``."""
        actions, session = self._context.actions, self.session
        if "plan.step" in actions:
            return

        def obstacle() -> str:
            return "" if session.ready else "Choose a run, a start state and settings that fit first."

        def step() -> None:
            # With the keyboard on a button or a switch, Space presses that one.
            focused = QApplication.focusWidget()
            if isinstance(focused, QAbstractButton) and focused not in self._buttons():
                focused.click()
            else:
                session.step()

        rows = (
            ("plan.step", "Step the planner", step, "Space", "fwd"),
            ("plan.several", "Run 5 iterations", lambda: session.step(_SEVERAL), "Shift+Space", "play"),
            ("plan.end", "Run the planner to the end", session.to_the_end, "End", "end"),
            ("plan.back", "Iteration before", session.back, "Backspace", "back"),
            ("plan.restart", "Restart with the same noise", session.restart, "Home", "restart"),
            ("plan.beside", "Put this search beside the next, or let go of it", session.put_beside, "B", "compare"),
            ("plan.cancel", "Stop the planner", session.cancel, "Escape", "x"),
        )
        for name, title, run, keys, icon in rows:
            actions.add(Action(name, title, run, keys, icon=icon, obstacle=obstacle, scope=scope))
        actions.refresh()

    def _connect(self) -> None:
        session = self.session
        session.moved.connect(self._show)
        session.problem_changed.connect(self._show)
        session.busy_changed.connect(lambda _busy: self._show())
        self.costs.changed.connect(self._show_cost)
        self._theme.changed.connect(self._style)
        self.restart.clicked.connect(session.restart)
        self.back.clicked.connect(session.back)
        self.step.clicked.connect(lambda: session.step())
        self.several.clicked.connect(lambda: session.step(_SEVERAL))
        self.end.clicked.connect(session.to_the_end)
        self.cancel.clicked.connect(session.cancel)
        self.stops.sought.connect(session.go)
        self.seed.edited.connect(self._set_seed)

    def _set_seed(self, text: str) -> None:
        fits = text.strip().isdigit() and int(text) < 2**31
        self.seed.set_wrong(not fits)
        self.seed.setToolTip("" if fits else "Must be a whole number from 0.")
        if fits:
            self.session.draft.choose(seed=int(text))

    # ---- what is so -------------------------------------------------------------------------------------------------

    def _show(self) -> None:
        session = self.session
        rounds = max(len(session.looks), session.rounds)
        if session.ended:
            rounds = len(session.looks)
        self.stops.show_stops(range(rounds + 1), session.shown)
        self.value.setText(f"{format.count(session.shown)} of {format.count(rounds)}")
        ready, more = session.ready and not session.draft.problems, session.shown < rounds
        if ready != self._ready:
            self._ready = ready
            self._context.actions.refresh()  # a key whose command is disabled goes nowhere
        for button in (self.step, self.several, self.end):
            button.setEnabled(ready and more)
        self._paint_step()
        for button in (self.back, self.restart):
            button.setEnabled(session.shown > 0)
        self.stops.setEnabled(ready and rounds > 0)
        self.cancel.setVisible(session.thread_.busy)
        self.seed.show_text(str(session.draft.seed))
        self._show_cost()

    def _show_cost(self) -> None:
        measured, foreseen, tip = plan_words.cost(self.session, self.costs.cost)
        self.cost.setText(measured)
        self._foreseen.setText(foreseen)
        for label in (self.cost, self._foreseen):
            label.setVisible(bool(label.text()))
            label.setToolTip(tip)

    def _paint_step(self) -> None:
        self.step.setIcon(self._theme.icon("fwd", "on" if self.step.isEnabled() else "text3"))

    # ---- Qt ---------------------------------------------------------------------------------------------------------

    def _style(self) -> None:
        theme, side = self._theme, self._theme.px(15)
        self.setFixedHeight(theme.px(46))
        self.step.setProperty("kind", "primary")
        dresses = (
            (self.restart, "restart", "text2", "Restart", "Home"),
            (self.back, "back", "text2", "Back", "Backspace"),
            (self.step, "fwd", "on", "Step", "Space"),
            (self.several, "play", "text", f"Run {_SEVERAL}", "Shift+Space"),
            (self.end, "end", "text", "To the end", "End"),
            (self.cancel, "x", "text", "Cancel", "Esc"),
        )
        wide = self.width() >= theme.px(_NARROW)
        for button, icon, token, words, keys in dresses:
            button.setIcon(theme.icon(icon, token, filled=icon == "play"))
            button.setIconSize(QSize(side, side))
            button.setText(words if wide or button is self.step else "")
            button.setToolTip(f"{words}  {keys}")
            button.setAccessibleName(words)
            if button in (self.restart, self.back):
                button.setProperty("kind", "ghost")
        self._paint_step()
        self.seed.setFixedWidth(theme.px(70))
        self.value.setMinimumWidth(theme.px(52))
        self._costs.setMinimumWidth(theme.px(64))
        roomy = self.width() >= theme.px(_TIGHT)
        for widget in (self._seed_title, self.seed, self._title):
            widget.setVisible(roomy)

    @guarded
    def showEvent(self, event: QShowEvent) -> None:
        """Qt's."""
        super().showEvent(event)
        self.costs.follow(True)

    @guarded
    def hideEvent(self, event: QHideEvent) -> None:
        """Qt's."""
        super().hideEvent(event)
        self.costs.follow(False)

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's."""
        super().resizeEvent(event)
        self._style()
