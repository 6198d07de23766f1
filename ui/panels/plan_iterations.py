"""The search over its iterations: returns, convergence, what the planner has of its own, and imagined latents."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QStackedLayout, QVBoxLayout, QWidget

from ui.context import Context
from ui.controls.empty_state import EmptyState
from ui.guard import guarded
from ui.panels import plan_words
from ui.panels.base import Panel, run_alone
from ui.panels.plan_side import Search, SearchSide
from ui.plan_reality import plan_reality
from ui.plan_session import plan_session

#: px of width that a plot needs, at least
_ROOM = 190
#: milliseconds from a new iteration until it is drawn here; a picture of the window fits in between
_SOON = 10


class PlanIterationsPanel(Panel):
    """A search that was put beside has its own plots, at the same scales."""

    name: ClassVar[str] = "plan_iterations"
    title: ClassVar[str] = "Iterations"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.session, self.reality = plan_session(context), plan_reality(context)
        theme = self.theme
        self.empty = EmptyState(theme)
        self.first, self.second = SearchSide(theme), SearchSide(theme)
        holder = QWidget()
        self._pair = QHBoxLayout(holder)
        self._pair.setContentsMargins(12, 6, 12, 6)
        self._pair.setSpacing(16)
        self._pair.addWidget(self.first, 1)
        self._pair.addWidget(self.second, 1)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(holder)
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._scroll)
        self._body = body
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(body)
        self._drawn: object = None
        self.soon = QTimer(self)
        self.soon.setSingleShot(True)
        self.soon.setInterval(_SOON)
        self.soon.timeout.connect(self.show_look)
        theme.changed.connect(self._draw_again)

    def activate(self) -> None:
        """Show the session as it is, and have its plan executed."""
        self.reality.want(self.name, True)
        self.show_look()

    def deactivate(self) -> None:
        """Nothing is executed for it any more."""
        self.reality.want(self.name, False)

    def followed(self) -> tuple[tuple[Any, Any], ...]:
        """Whatever changes what is shown."""
        session = self.session
        return (
            (session.moved, self._show_soon),
            (session.problem_changed, self._say),
            (self.reality.changed, self._show_latents),
        )

    # ---- what is shown ----------------------------------------------------------------------------------------------

    def show_look(self) -> None:
        """All plots of the iteration that is shown."""
        self._say()
        first, second = self._searches()
        if first is None:
            return
        drawn = (first.look, len(first.looks), len(first.before), second and second.look, second and len(second.looks))
        if drawn == self._drawn:  # a session tells of more than what is drawn here
            return
        self._drawn = drawn
        self.first.show_search(first, second, self._real(first))
        self.first.heading.setVisible(second is not None)
        self.first.heading.setText(plan_words.heading(first.look, beside=False))
        self.second.setVisible(second is not None)
        if second is not None:
            self.second.show_search(second, first, None)
            self.second.heading.setText(plan_words.heading(second.look, beside=True))
        self._arrange()

    def _show_soon(self) -> None:
        """Draw after the other panels: the window is not to stop for all of them at once."""
        if self.session.look is None:
            self.soon.stop()
            self.show_look()
        else:
            self.soon.start()

    def _draw_again(self) -> None:
        self._drawn = None
        self.show_look()

    def _searches(self) -> tuple[Search | None, Search | None]:
        """The search that is stepped through, and the one beside it."""
        session = self.session
        if session.look is None:
            return None, None
        first, beside = Search(session.looks, session.shown, session.before), session.look_beside
        if beside is None:
            return first, None
        return first, Search(session.beside, session.beside.index(beside) + 1, (), first.look.facts)

    def _real(self, search: Search) -> Any:
        """Where the plan in sight really led, once it has been executed."""
        answer, look = self.reality.answer, search.look
        same = answer is not None and answer.wish == look.wish and np.array_equal(answer.actions, look.step.plan)
        return answer.path if same and answer is not None else None

    def _show_latents(self) -> None:
        first, second = self._searches()
        if first is not None:
            self.first.show_latents(first, second, self._real(first))

    def _say(self) -> None:
        known = self.session.look is not None
        if not known:
            said = plan_words.emptiness(self.session)
            self.empty.say(said.icon, said.title, said.text, (), said.token)
        self._stack.setCurrentWidget(self._body if known else self.empty)

    # ---- Qt ---------------------------------------------------------------------------------------------------------

    def _arrange(self) -> None:
        """As many beside each other as there is room for; the others below."""
        first, second = self._searches()
        if first is None:
            return
        count = 1 if second is None else 2
        width = (self.width() - 24 - self._pair.spacing() * (count - 1)) // count
        columns = self.first.columns_for(width)
        sides = [(self.first, first)] if second is None else [(self.first, first), (self.second, second)]
        plots = [side.wanted(search, paired=count == 2) for side, search in sides]
        rows = max(self.first.rows_for(each, columns) for each in plots)
        for (side, _), each in zip(sides, plots, strict=True):
            side.arrange(each, columns, rows)

    def minimumSizeHint(self) -> QSize:
        """Qt's; one plot is enough, the others go below."""
        return QSize(self.theme.px(_ROOM), self.theme.px(150))

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's."""
        super().resizeEvent(event)
        self._arrange()


def _alone(context: Context) -> PlanIterationsPanel:
    """In a window of its own the engine is loaded at once."""
    context.engine.start()
    return PlanIterationsPanel(context)


if __name__ == "__main__":
    raise SystemExit(run_alone(_alone))
