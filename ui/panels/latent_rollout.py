"""Latent rollout against the encoder: what the model alone makes of an episode, beside what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QStackedLayout, QVBoxLayout, QWidget

from storage import ArtifactRow
from ui import format
from ui.analysis import Advance, AnalysisThread
from ui.checkpoint import checkpoint_choice
from ui.context import Context
from ui.controls.busy_state import BusyState
from ui.controls.empty_state import EmptyState
from ui.cursor import EpisodeAt
from ui.panels import latent_rollout_words as words
from ui.panels.base import Panel, run_alone
from ui.panels.latent_rollout_controls import RolloutControls
from ui.panels.latent_rollout_second import SecondRollout
from ui.panels.latent_rollout_side import RolloutSide
from ui.panels.latent_rollout_view import RolloutView
from ui.panels.simulation_words import Emptiness
from workbench.events import EvaluationFinished, Event

if TYPE_CHECKING:
    from workbench.analysis.steps import Analysis
    from workbench.engine.rollout_desk import RolloutAnswer, RolloutWish


#: px that the panel needs
_NARROWEST = 420


class LatentRolloutPanel(Panel):
    """Follows the checkpoint chosen over the workspace, and the shared cursor's episode and frame."""

    name: ClassVar[str] = "latent_rollout"
    title: ClassVar[str] = "Latent rollout"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.choice = checkpoint_choice(context)
        self.episode: ArtifactRow | None = None
        self._pinned = False  # the episode was chosen by the user, and stays when the checkpoint changes
        self._offset = 0  # the cursor, in steps from the start
        self.sides = [RolloutSide(context.project, f"rollout {number}", self) for number in (1, 2)]
        self.recording = AnalysisThread("fresh episode", self)
        self._build()
        self._connect()

    # ---- building ---------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        theme = self.theme
        self.controls = RolloutControls(theme)
        self.view, self.second = RolloutView(theme), SecondRollout(self.context)
        self.view.title.hide()
        self.second.hide()
        self.empty, self.busy = EmptyState(theme), BusyState(theme)
        for widget in (self.controls, self.view, self.second):  # they leave out what has no room
            widget.setSizePolicy(QSizePolicy.Policy.Ignored, widget.sizePolicy().verticalPolicy())
        sides = QHBoxLayout()
        sides.setSpacing(16)
        sides.addWidget(self.view, 1)
        sides.addWidget(self.second, 1)
        self._body = QWidget()
        column = QVBoxLayout(self._body)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(8)
        column.addWidget(self.controls)
        column.addLayout(sides, 1)
        self.setMinimumWidth(theme.px(_NARROWEST))
        self._stack = QStackedLayout(self)
        for page in (self.empty, self.busy, self._body):
            self._stack.addWidget(page)

    def _connect(self) -> None:
        controls = self.controls
        controls.episode_picked.connect(self._pick_episode)
        controls.start_sought.connect(self._move_start)
        controls.horizon_set.connect(lambda _steps: self._ask())
        controls.order_set.connect(self._reorder)
        controls.record_wanted.connect(self.record)
        controls.compare_wanted.connect(self._compare)
        self.second.changed.connect(self._ask_second)
        self.second.closed.connect(self._close_second)
        for view in (self.view, self.second.view):
            view.sought.connect(self._seek)
        self.sides[0].answered.connect(self._take)
        self.sides[0].failed.connect(self._fail)
        self.sides[1].answered.connect(self._take_second)
        self.sides[1].failed.connect(lambda sentence, _error: self.second.say("Nothing to compare with", sentence))
        self.recording.advanced.connect(self._show_recording)
        self.recording.finished.connect(self._take_recording)
        self.recording.failed.connect(self._fail_recording)
        self.recording.lasting.connect(lambda: self._stack.setCurrentWidget(self.busy))
        self.busy.cancelled.connect(self._cancel_recording)

    # ---- in sight or not --------------------------------------------------------------------------------------------

    def activate(self) -> None:
        """Follow the checkpoint, the cursor and the runs."""
        for signal, slot in self._followed():
            signal.connect(slot)
        self._choose_episode()

    def deactivate(self) -> None:
        """Let go of them; what is being rolled out is dropped."""
        for signal, slot in self._followed():
            signal.disconnect(slot)
        for side in self.sides:
            side.rest()

    def _followed(self) -> tuple[tuple[Any, Any], ...]:
        context = self.context
        return (
            (self.choice.changed, self._choose_episode),
            (context.feed.events, self._take_events),
            (context.engine.ready, self._ask),
            (context.engine.failed, self._ask),
            (context.cursor.episode_changed, self._follow_episode),
            (context.cursor.frame_changed, self._follow_frame),
        )

    # ---- which episode, from where ----------------------------------------------------------------------------------

    def _choose_episode(self, *_: object) -> None:
        """The one that the user pinned, else the one recorded nearest to the checkpoint."""
        rows = self._episodes()
        run, row = self.choice.run, self.choice.row
        kept = self.episode if self._pinned and self.episode in rows else None
        if kept is None and row is not None:
            step = row.step
            kept = min(
                reversed(rows),
                key=lambda each: ("driven" in each.info, abs(each.step - step), not each.name.startswith("evaluation")),
                default=None,
            )
        self._pinned = self._pinned and kept is not None and kept == self.episode
        self.episode = kept
        self.controls.list_episodes(rows[::-1], kept)
        named = "" if run is None else run.name
        self.subtitle_changed.emit(f"{named} · step {format.count(row.step)}" if row is not None else named)
        if kept is not None:
            frame = self.context.cursor.frame
            same = self.context.cursor.episode == EpisodeAt(kept.run_id, kept.name)
            self.context.cursor.set_episode(EpisodeAt(kept.run_id, kept.name))
            if not same and frame < self._length:
                self.context.cursor.set_frame(frame)
        self._ask()

    def _episodes(self) -> tuple[ArtifactRow, ...]:
        run = self.choice.run
        return () if run is None else self.context.project.artifacts.list(run.id, "episode")

    def _pick_episode(self, row: ArtifactRow) -> None:
        self.episode, self._pinned = row, True
        self.context.cursor.set_episode(EpisodeAt(row.run_id, row.name))
        self._ask()

    def _follow_episode(self, at: EpisodeAt | None) -> None:
        if at is not None and self.choice.run is not None and at.run_id == self.choice.run.id:
            self.controls.list_episodes(self._episodes()[::-1], self.episode)  # another panel may just have stored it
        row = next((each for each in self.controls.rows if EpisodeAt(each.run_id, each.name) == at), None)
        if row is not None and row != self.episode:
            self.episode = row
            self._pinned = self._pinned or "q_bias_episode" in row.info  # a state of it was clicked
            self.controls.list_episodes(self.controls.rows, row)
            self._ask()

    @property
    def start(self) -> int:
        """The step that the rollout begins at."""
        return self.controls.start.value()

    @property
    def _length(self) -> int:
        """Steps of the episode, as its list entry says."""
        return 0 if self.episode is None else int(self.episode.info.get("length", 1))

    def _move_start(self, start: int) -> None:
        """The rollout follows at once, and the cursor keeps its distance to the start."""
        self.controls.show_start(start, self._length)
        self._ask()
        self.context.cursor.set_frame(min(start + self._offset, self._length))

    def _seek(self, step: int) -> None:
        self.context.cursor.set_frame(min(self.start + step, self._length))

    def _follow_frame(self, frame: int) -> None:
        offset = frame - self.start
        inside = 0 <= offset <= min(self.controls.horizon.value(), self._length - self.start)
        if inside:
            self._offset = offset
        for view in (self.view, self.second.view):
            view.show_cursor(offset if inside else None)

    # ---- asking and showing -----------------------------------------------------------------------------------------

    def _ask(self, *_: object) -> None:
        """Roll out, or say why there is nothing to roll out."""
        if not self.active or self.recording.busy:
            return
        emptiness = self._emptiness()
        if emptiness is not None:
            self._say(emptiness)
            return
        self.controls.show_start(min(self.start, max(self._length - 1, 0)), self._length)
        assert self.choice.run is not None
        assert self.choice.row is not None
        self.sides[0].ask(self._wish(self.choice.run.id, self.choice.row.name))
        self._ask_second()

    def _wish(self, run_id: int, checkpoint: str) -> RolloutWish:
        from workbench.engine.rollout_desk import RolloutWish

        assert self.episode is not None
        place = (self.episode.run_id, self.episode.name, self.start, self.controls.horizon.value())
        return RolloutWish(run_id, checkpoint, *place)

    def _emptiness(self) -> Emptiness | None:
        run, row = self.choice.run, self.choice.row
        if run is None:
            actions = self.context.actions
            known = "file.new_run" in actions
            return words.no_run((lambda: actions.trigger("file.new_run")) if known else None)
        if row is None:
            return words.no_checkpoint(run)
        waiting = words.engine_emptiness(self.context)
        if waiting is not None:
            return waiting
        if self.episode is None:
            return words.no_episode(run, self.record)
        return None

    def _say(self, emptiness: Emptiness) -> None:
        for side in self.sides:
            side.rest()
        self.empty.say(emptiness.icon, emptiness.title, emptiness.text, emptiness.steps, emptiness.token)
        self._stack.setCurrentWidget(self.empty)

    def _take(self, answer: RolloutAnswer) -> None:
        self.controls.show_start(answer.start, answer.episode_length)
        self.view.show_answer(answer, self.controls.by)
        self._stack.setCurrentWidget(self._body)
        self._follow_frame(self.context.cursor.frame)

    def _fail(self, sentence: str, error: Exception) -> None:
        rows, row = self.choice.rows, self.choice.row
        others = [each for each in rows if each != row]
        neighbour = None if row is None else min(others, key=lambda each: abs(each.step - row.step), default=None)
        self._say(words.failure(error, sentence, self.choice.run, neighbour, self.choice.choose, self._ask))

    def _reorder(self) -> None:
        for view in (self.view, self.second.view):
            if view.answer is not None:
                view.show_answer(view.answer, self.controls.by)

    def _take_events(self, run_id: int, events: list[Event]) -> None:
        evaluated = any(isinstance(event, EvaluationFinished) for event in events)
        if evaluated and self.choice.run is not None and run_id == self.choice.run.id:
            if self.episode is None:
                self._choose_episode()
            else:
                self.controls.list_episodes(self._episodes()[::-1], self.episode)

    # ---- the second run ---------------------------------------------------------------------------------------------

    def _compare(self) -> None:
        if self.choice.run is not None and self.choice.row is not None:
            self.second.offer(self.choice.run, self.choice.row)
            self.second.show()
            self.view.title.show()
            self.controls.compare.setEnabled(False)
            self._ask_second()

    def _close_second(self) -> None:
        self.second.hide()
        self.view.title.hide()
        self.sides[1].rest()
        self.controls.compare.setEnabled(True)

    def _ask_second(self) -> None:
        run, row = self.choice.run, self.choice.row
        if run is not None and row is not None:
            self.view.title.setText(f"{run.name} · step {format.count(row.step)}")
        if self.second.isHidden() or self.episode is None or not self.active:
            return
        if self.second.run is None or self.second.row is None:
            self.second.say("No checkpoint", "This run has no checkpoint to look into.")
            return
        self.sides[1].ask(self._wish(self.second.run.id, self.second.row.name))

    def _take_second(self, answer: RolloutAnswer) -> None:
        self.second.view.show_answer(answer, self.controls.by)
        self.second.stack.setCurrentWidget(self.second.view)
        self._follow_frame(self.context.cursor.frame)

    # ---- a fresh episode --------------------------------------------------------------------------------------------

    def record(self) -> None:
        """Run one episode of the chosen checkpoint in a thread, keep it, and look at it."""
        run, row = self.choice.run, self.choice.row
        if run is None or row is None or self.context.engine.state != "ready":
            return
        if not self.context.project.writable:
            self.context.notices.add("warn", "The project is open for reading alone, so no episode can be kept.")
            return
        self.busy.begin("Recording an episode", "Training goes on meanwhile." if self.context.feed.running else "")
        self.recording.start(lambda: self._record(run.id, row.name))

    def _record(self, run_id: int, checkpoint: str) -> Analysis[ArtifactRow]:
        """In the thread."""
        from workbench.engine.episodes import record_fresh
        from workbench.engine.recorder import Recorder

        return record_fresh(Recorder(self.context.project), run_id, checkpoint)

    def _show_recording(self, advance: Advance) -> None:
        self.busy.show_advance(advance)

    def _take_recording(self, row: ArtifactRow) -> None:
        self.context.feed.runs_changed.emit()  # other panels list the run's episodes too
        if self.choice.run is None or self.choice.run.id != row.run_id:  # another run is looked into by now
            self.context.notices.add("ok", f"The fresh episode at step {format.count(row.step)} is kept with its run.")
            self._choose_episode()
            return
        self.controls.list_episodes(self._episodes()[::-1], row)
        self._pick_episode(row)

    def _fail_recording(self, sentence: str, error: Exception) -> None:
        self._say(Emptiness("warn", "No episode could be recorded", sentence, (("Try again", self.record),), "bad"))

    def _cancel_recording(self) -> None:
        self.recording.cancel()
        self._stack.setCurrentWidget(self._body if self.view.answer is not None else self.empty)
        self._ask()


def _alone(context: Context) -> LatentRolloutPanel:
    """In a window of its own the engine is loaded at once."""
    context.engine.start()
    return LatentRolloutPanel(context)


if __name__ == "__main__":
    raise SystemExit(run_alone(_alone))
