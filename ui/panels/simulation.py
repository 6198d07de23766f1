"""The simulation of the selected run: its training environment live, or its recorded evaluation episodes."""

from __future__ import annotations

import contextlib
from typing import ClassVar

from PySide6.QtCore import QCoreApplication, QSize
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QStackedLayout, QToolButton, QVBoxLayout, QWidget

from storage import ArtifactRow, RunRow, UnknownRun
from ui.context import Context
from ui.controls.empty_state import EmptyState
from ui.controls.segmented import Segmented
from ui.cursor import EpisodeAt
from ui.guard import guarded
from ui.live_runs import watched_run
from ui.panels import simulation_words as words
from ui.panels.base import Panel, run_alone
from ui.panels.simulation_chooser import EpisodeChooser
from ui.panels.simulation_episodes import EpisodeLoader, RecordedEpisode
from ui.panels.simulation_pictures import offer_picture, save_picture
from ui.panels.simulation_reel import EpisodeReel, LiveReel, Reel
from ui.panels.simulation_transport import Transport
from ui.panels.simulation_view import SimulationView
from ui.plots.reward_strip import RewardStrip
from ui.render_thread import Facts, Moment, RenderThread, Stage, Trouble
from ui.scene_colors import stage_of
from workbench.events import EvaluationFinished, Event

LIVE, RECORDED = "live", "recorded"
_MODES = (
    (LIVE, "Live", "The training environment's own states"),
    (RECORDED, "Recorded", "The first episode of each evaluation"),
)
#: px of height below which the plots of reward and return give way to the picture
_LOW = 380


class SimulationPanel(Panel):
    """Follows the run that was selected last, or the seed of its group that trains.

    Shows a run live while it trains here and its recorded episodes otherwise, unless the user chooses.
    """

    name: ClassVar[str] = "simulation"
    title: ClassVar[str] = "Simulation"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.mode = RECORDED
        self._row: RunRow | None = None
        self._chosen = ""  # the mode that the user wants for this run
        self._episode_problem = ""
        self._stage: Stage | None = None
        self._facts: Facts | None = None
        self._trouble: tuple[Stage, Trouble] | None = None
        self._shown: object = None
        self._late = False  # a frame came while the one before it was not yet drawn
        self.renderer, self._loader = RenderThread(), EpisodeLoader(context.project)
        self.live, self.recorded = LiveReel(context.engine), EpisodeReel()
        self._build()
        self._connect()
        offer_picture(context, self)

    # ---- building ---------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        theme = self.theme
        self.modes = Segmented(theme, "What is shown", _MODES)
        self.camera = QToolButton()
        self.camera.setToolTip("Save this picture")
        self.camera.setAccessibleName("Save this picture")
        self.chooser, self.view = EpisodeChooser(), SimulationView(theme, self.renderer)
        self.transport, self.strip = Transport(theme), RewardStrip(theme)
        self.empty = EmptyState(theme)
        self._body = QWidget()
        column = QVBoxLayout(self._body)
        column.setContentsMargins(9, 9, 9, 9)
        column.setSpacing(7)
        for widget in (self.chooser, self.view, self.transport, self.strip):
            column.addWidget(widget, 1 if widget is self.view else 0)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._body)
        self._repaint()

    def _connect(self) -> None:
        context, view, transport = self.context, self.view, self.transport
        self.modes.chosen.connect(self.choose_mode)
        self.camera.clicked.connect(self.shoot)
        self.chooser.wanted_changed.connect(self._load_episode)
        self.chooser.picked.connect(lambda row: context.cursor.set_step(row.step))
        for toggled in (view.toggled, transport.toggled):
            toggled.connect(lambda: self.reel.toggle())
        for rewound in (view.restarted, transport.rewound):
            rewound.connect(lambda: self.reel.rewind())
        for sought in (transport.sought, self.strip.sought):
            sought.connect(lambda position: self.reel.seek(position))
        transport.wound.connect(lambda: self.reel.wind())
        transport.speed_chosen.connect(self.recorded.set_speed)
        view.stepped.connect(lambda frames: self.reel.step(frames))
        view.speed_changed.connect(transport.change_speed)
        for reel in (self.live, self.recorded):
            reel.moved.connect(self._show_frame)
            reel.playing_changed.connect(self._show_frame)
        self.renderer.rendered.connect(self._catch_up)
        self.renderer.opened.connect(self._take_facts)
        self.renderer.failed.connect(self._take_trouble)
        self.renderer.shot.connect(lambda picture: save_picture(picture, context, self))
        self._loader.loaded.connect(self._take_episode)
        self._loader.failed.connect(self._take_episode_problem)
        self.theme.changed.connect(self._repaint)
        QCoreApplication.instance().aboutToQuit.connect(self.renderer.close)  # type: ignore[union-attr]

    def header_widgets(self) -> list[QWidget]:
        """Live or recorded, and the camera."""
        return [self.modes, self.camera]

    # ---- in sight or not --------------------------------------------------------------------------------------------

    def activate(self) -> None:
        """Follow selection, runs and cursor, and draw."""
        for signal, slot in self._followed():
            signal.connect(slot)
        self._follow_frame(self.context.cursor.frame)  # it and the episode may have changed out of sight
        self._choose()
        if self.mode == RECORDED and (meant := self.chooser.row_of(self.context.cursor.episode)) is not None:
            self.chooser.want(meant)
        self.reel.wake()

    def deactivate(self) -> None:
        """Let go of them, of the session and of OpenGL."""
        for signal, slot in self._followed():
            signal.disconnect(slot)
        self.live.sleep()
        self.recorded.sleep()
        self.renderer.stop()

    def _followed(self):
        context = self.context
        return (
            (context.selection.changed, self._choose),
            (context.feed.runs_changed, self._choose),
            (context.feed.events, self._take_events),
            (context.engine.ready, self._refresh),
            (context.engine.failed, self._refresh),
            (context.cursor.step_changed, self._follow_step),
            (context.cursor.episode_changed, self._follow_episode),
            (context.cursor.frame_changed, self._follow_frame),
        )

    # ---- which run, live or recorded --------------------------------------------------------------------------------

    @property
    def reel(self) -> Reel:
        """What is shown."""
        return self.live if self.mode == LIVE else self.recorded

    def choose_mode(self, mode: str) -> None:
        """Show this run's training live, or its recorded episodes, whatever its state is."""
        self._chosen = mode
        self._choose()

    def _choose(self) -> None:
        running, row, present = self.context.feed.running, watched_run(self.context), self._row
        if row and present and self._chosen == RECORDED and row.group_id == present.group_id is not None:
            with contextlib.suppress(UnknownRun):  # an episode is looked at, and another seed that trains may wait
                row = self.context.project.runs.get(present.id)
        if row is None or self._row is None or row.id != self._row.id:
            self._leave_run()
        self._row = row
        self.renderer.gives_way = bool(running)
        self.live.follow(None if row is None else row.id)
        self._set_mode(self._chosen or (LIVE if row is not None and row.id in running else RECORDED))
        self._list_episodes()
        self.subtitle_changed.emit("" if row is None else row.name)
        self._refresh()

    def _leave_run(self) -> None:
        self._chosen = ""
        self._episode_problem = ""
        self.chooser.list_episodes(())
        self._loader.cancel()
        self.recorded.pause()
        self.recorded.load(None)
        self._clear()

    def _clear(self) -> None:
        self._shown = None
        self.renderer.clear()
        self.view.clear()

    def _set_mode(self, mode: str) -> None:
        changed = mode != self.mode
        if changed:
            self.reel.pause()
            self.mode = mode
            self._clear()
        self.modes.set_value(mode)
        if mode == LIVE and (changed or not self.live.count):
            self.live.play()

    # ---- episodes ---------------------------------------------------------------------------------------------------

    def _list_episodes(self) -> None:
        rows = () if self._row is None else self.context.project.artifacts.list(self._row.id, "episode")
        self.chooser.list_episodes(rows[::-1])
        if self.mode == RECORDED:
            self.chooser.want_first(self.context.cursor)

    def _load_episode(self, row: ArtifactRow) -> None:
        self._episode_problem = ""
        self._loader.request(row)
        self.context.cursor.set_episode(EpisodeAt(row.run_id, row.name))
        self._refresh()

    def _take_episode(self, episode: RecordedEpisode) -> None:
        cursor, at = self.context.cursor, EpisodeAt(episode.row.run_id, episode.row.name)
        self.strip.show_episode(episode.rewards, episode.returns)
        self.recorded.load(episode, cursor.frame if cursor.episode == at else 0)
        self._refresh()

    def _take_episode_problem(self, row: ArtifactRow, problem: str) -> None:
        self._episode_problem = problem
        self.recorded.load(None)
        self._refresh()

    def _take_events(self, run_id: int, events: list[Event]) -> None:
        if self._row is None or run_id != self._row.id:
            return
        if any(isinstance(event, EvaluationFinished) for event in events):
            self._list_episodes()
            self._refresh()

    # ---- the shared cursor ------------------------------------------------------------------------------------------

    def _follow_step(self, step: int | None) -> None:
        nearest = None if step is None else self.chooser.nearest(step)
        if nearest is not None and self.mode == RECORDED:
            self.chooser.want(nearest)

    def _follow_episode(self, episode: EpisodeAt | None) -> None:
        known = self.chooser.row_of(episode)
        if known is None and episode is not None and self._row is not None and episode.run_id == self._row.id:
            self._list_episodes()  # another panel may just have stored it
            known = self.chooser.row_of(episode)
        if known is not None and known != self.chooser.wanted:
            self.chooser.want(known)
            self.choose_mode(RECORDED)

    def _follow_frame(self, frame: int) -> None:
        if self._cursor_is_here and frame != self.recorded.position:
            self.recorded.seek(frame)

    @property
    def _cursor_is_here(self) -> bool:
        """Whether the cursor means the recorded episode that is shown."""
        row = None if self.recorded.episode is None else self.recorded.episode.row
        return row is not None and self.context.cursor.episode == EpisodeAt(row.run_id, row.name)

    # ---- what is drawn ----------------------------------------------------------------------------------------------

    def _take_facts(self, facts: Facts) -> None:
        self._facts = facts
        self.recorded.time_step = facts.time_step
        self.view.set_has_camera(facts.has_camera)
        self._show_frame()

    def _take_trouble(self, trouble: Trouble) -> None:
        if self._stage is not None:
            self._trouble = (self._stage, trouble)
        self._stage = None
        self._refresh()

    def _refresh(self, *_: object) -> None:
        """Show the picture and its controls, or why there is nothing to show."""
        if not self.active:
            return
        emptiness = self._emptiness()
        self.camera.setEnabled(emptiness is None)
        self.modes.setEnabled(self._row is not None)
        if emptiness is not None:
            self._say(emptiness)
            return
        self._stack.setCurrentWidget(self._body)
        assert self._row is not None
        stage = stage_of(self._row, self.theme)
        if stage != self._stage:
            if self._stage is None or stage.task != self._stage.task:
                self._facts = None
            self._stage = stage
            self.renderer.open(stage)
        self.renderer.start()
        self.chooser.setVisible(self.mode == RECORDED)
        self._show_strip()
        self._show_frame()

    def _emptiness(self) -> words.Emptiness | None:
        row = self._row
        if row is None:
            return words.NOTHING_SELECTED
        waiting = words.engine_emptiness(self.context.engine)
        if waiting is not None:
            return waiting
        channel = self.live.channel
        if self.mode == LIVE and channel is None and not self.live.count:
            return words.live_emptiness((lambda: self.choose_mode(RECORDED)) if self.chooser.rows else None)
        if self.mode == RECORDED and not self.chooser.rows:
            return words.episodes_emptiness(row, channel.evaluate_now if channel is not None else None)
        if self.mode == RECORDED and self._episode_problem:
            other = self.chooser.other()
            return words.damage_emptiness(self._episode_problem, (lambda: self.chooser.want(other)) if other else None)
        if self._trouble is not None and self._trouble[0].task == stage_of(row, self.theme).task:
            trouble = self._trouble[1]
            explain = lambda: self._say(words.remedy_emptiness(trouble))  # noqa: E731
            return words.trouble_emptiness(trouble, explain, self._try_again)
        return None

    def _say(self, emptiness: words.Emptiness) -> None:
        self.empty.say(emptiness.icon, emptiness.title, emptiness.text, emptiness.steps, emptiness.token)
        self._stack.setCurrentWidget(self.empty)

    def _try_again(self) -> None:
        self._trouble = None
        self._refresh()

    def _show_strip(self) -> None:
        self.strip.setVisible(self.mode == RECORDED and self.height() >= self.theme.px(_LOW))

    def _show_frame(self, *_: object) -> None:
        """Hand the frame at the position to the renderer and to the controls."""
        reel, live, row = self.reel, self.mode == LIVE, self._row
        self._late = reel.playing and self.renderer.busy
        if not self.active or row is None or self._late:
            return
        self.transport.show_state(reel.position, reel.count, playing=reel.playing, live=live)
        frame = reel.frame()
        if frame is None:
            return
        if not live:
            self.strip.show_step(frame.step)
        if not live and self._cursor_is_here:
            self.context.cursor.set_frame(frame.step)
        note = "The run is paused" if live and self.live.run_paused else ""
        readout = words.readout(row, frame, self._facts, None if live else self.recorded.episode, note)
        still = not reel.playing or bool(note)
        if (readout, reel.position, still) != self._shown:
            self._shown = (readout, reel.position, still)
            self.renderer.show(Moment(frame.qpos, frame.qvel, readout), still=still)

    def _catch_up(self) -> None:
        if self._late:
            self._show_frame()

    # ---- pictures ---------------------------------------------------------------------------------------------------

    @property
    def drawn(self) -> bool:
        """Whether there is a picture in sight."""
        return self.view.isVisible() and self.view.picture is not None

    def shoot(self) -> None:
        """Draw the present moment finely, then ask where to put the picture."""
        if self.drawn:
            self.renderer.shoot()

    # ---- Qt ---------------------------------------------------------------------------------------------------------

    def _repaint(self) -> None:
        side = self.theme.px(16)
        self.camera.setIcon(self.theme.icon("camera"))
        self.camera.setIconSize(QSize(side, side))
        self._refresh()

    @guarded
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's; the keys of the picture work on the scrubber and its neighbours too."""
        if self._stack.currentWidget() is self.empty or not self.view.take_key(event):
            super().keyPressEvent(event)

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's."""
        super().resizeEvent(event)
        self._show_strip()


def _alone(context: Context) -> SimulationPanel:
    """Without the application nothing loads the engine; episodes need of it only that OpenGL was chosen."""
    from workbench.environments.rendering import choose_gl_backend

    choose_gl_backend()
    context.engine.state = "ready"
    return SimulationPanel(context)


if __name__ == "__main__":
    raise SystemExit(run_alone(_alone))
