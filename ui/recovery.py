"""After a kill: says which runs were interrupted and offers to resume them."""

from __future__ import annotations

import time

from storage import RunFilter, RunRow, RunState
from ui.context import Context
from ui.controls.banner import Banner
from ui.format import count
from ui.run_control import REFUSALS

#: the preference that lists interrupted runs (uuid and when they ended) which are to be left alone
LEFT = "recovery.left"


class RecoveryBanner(Banner):
    """Shown while there are interrupted runs that were neither resumed nor left."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.theme, "warn")
        self._context = context
        self._rows: list[RunRow] = []
        self.resume_button = self.add_button("Resume", self.resume, "play")
        self.leave_button = self.add_button("Leave it", self.leave, kind="ghost")
        context.engine.ready.connect(self._show_engine)
        context.engine.failed.connect(self._show_engine)
        context.feed.runs_changed.connect(self.look)
        self.look()

    def look(self) -> None:
        """Read again which runs wait for an answer."""
        project = self._context.project
        if not project.writable:
            return
        left = self._context.preferences.get(LEFT, [])
        rows = project.runs.page(RunFilter(statuses=(RunState.INTERRUPTED,)), sort=(("ended", "desc"),))
        self._rows = [row for row in rows if _mark(row) not in left]
        if not self._rows:
            self.hide()
            return
        several = len(self._rows) > 1
        self.resume_button.setText("Resume all" if several else "Resume")
        self.leave_button.setText("Leave them" if several else "Leave it")
        self._show_engine()
        self.say(self._sentence())

    def resume(self) -> None:
        """Queue every run that was interrupted."""
        queue = self._context.engine.queue
        if queue is None:
            return
        with queue.held():  # seeds of one group go on together
            for row in self._rows:
                try:
                    queue.resume(row.id)
                except REFUSALS as error:
                    self._context.notices.add("bad", str(error))
                    self._remember([row])
        self._context.selection.select([self._rows[0].id])
        self.look()
        self._context.feed.runs_changed.emit()

    def leave(self) -> None:
        """Do not ask again about these."""
        self._remember(self._rows)
        self.look()

    def _remember(self, rows: list[RunRow]) -> None:
        left = self._context.preferences.get(LEFT, [])
        self._context.preferences.set(LEFT, [*left, *(_mark(row) for row in rows)][-500:])

    def _show_engine(self, *_: object) -> None:
        ready = self._context.engine.queue is not None
        self.resume_button.setEnabled(ready)
        state = self._context.engine.state
        waiting = "The engine is missing." if state == "failed" else "Preparing the engine."
        self.resume_button.setToolTip("" if ready else waiting)

    def _sentence(self) -> str:
        if len(self._rows) == 1:
            row = self._rows[0]
            when = f" {moment_in_words(row.heartbeat or row.ended)}"
            return f"“{row.name}” was interrupted{when}, at step {count(row.step)}. {self._safe(row)}"
        names = [f"“{row.name}”" for row in self._rows[:3]]
        rest = len(self._rows) - len(names)
        listed = ", ".join(names) + (f" and {rest} more" if rest else "")
        return f"{len(self._rows)} runs were interrupted: {listed}. Each goes on from its last resume point."

    def _safe(self, row: RunRow) -> str:
        points = self._context.project.artifacts.list(row.id, "resume")
        if not points:
            return "It has no resume point yet and would begin again."
        return f"Nothing before step {count(points[-1].step)} is lost."


def moment_in_words(timestamp: float | None) -> str:
    """A moment inside a sentence: "today at 21:14", "yesterday at 21:14", "on 18 Nov at 21:14"."""
    if timestamp is None:
        return "earlier"
    then = time.localtime(timestamp)
    clock = time.strftime("%H:%M", then)
    for days, word in ((0, "today"), (1, "yesterday")):
        if time.localtime(time.time() - 86_400 * days)[:3] == then[:3]:
            return f"{word} at {clock}"
    return f"on {then.tm_mday} {time.strftime('%b', then)} at {clock}"


def _mark(row: RunRow) -> list[object]:
    return [row.uuid, row.ended]
