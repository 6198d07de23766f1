"""Episodes: an evaluation of the base and one of the group that is looked at, side by side and in step."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QBoxLayout, QComboBox, QStackedWidget, QVBoxLayout, QWidget

from storage import ArtifactRow, RunRow
from ui.comparison import Compared, ComparedRuns
from ui.context import Context
from ui.controls.empty_state import EmptyState
from ui.guard import guarded
from ui.panels.base import Panel, run_alone
from ui.panels.episode_side import EpisodeSide, PairReel
from ui.panels.simulation_transport import Transport
from ui.panels.simulation_words import Emptiness, engine_emptiness
from workbench.analysis.comparison import Group

#: height to width from which on the pictures stand one over the other
_TALL = 1.1
_NO_PAIR = Emptiness(
    "eye",
    "No two episodes to compare",
    "Choose runs of two variants in Results. The base stands at the left, the row that you click there at the right.",
)


class EpisodesPanel(Panel):
    """Of the same seed where both have one, at the evaluation that is nearest to the shared cursor, else the last."""

    name: ClassVar[str] = "episodes"
    title: ClassVar[str] = "Episodes"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.compared = ComparedRuns.of(context)
        self.reel = PairReel()
        self.sides = (EpisodeSide(context), EpisodeSide(context))
        self.transport = Transport(self.theme)
        self.empty = EmptyState(self.theme)
        self.seed = QComboBox()
        self.seed.setAccessibleName("Seed")
        self.seed.setToolTip("Which seed's episodes are shown")
        self.seed.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._pair = False
        self._build()
        self._connect()

    # ---- parts ------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(9, 9, 9, 9)
        column.setSpacing(7)
        self._pictures = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._pictures.setSpacing(6)
        for side in self.sides:
            self._pictures.addWidget(side, 1)
        column.addLayout(self._pictures, 1)
        column.addWidget(self.transport)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(body)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._stack)

    def _connect(self) -> None:
        reel, transport, context = self.reel, self.transport, self.context
        for side in self.sides:
            side.changed.connect(self._take)
            side.renderer.rendered.connect(self._show_frame)
            side.view.toggled.connect(reel.toggle)
            side.view.restarted.connect(reel.rewind)
            side.view.stepped.connect(reel.step)
        transport.toggled.connect(reel.toggle)
        transport.rewound.connect(reel.rewind)
        transport.wound.connect(reel.wind)
        transport.sought.connect(reel.seek)
        transport.speed_chosen.connect(reel.set_speed)
        reel.moved.connect(self._show_frame)
        reel.playing_changed.connect(lambda _playing: self._show_frame())
        self.seed.activated.connect(lambda _place: self._choose())
        self.compared.changed.connect(self._choose)
        self.compared.focused.connect(self._choose)
        context.cursor.step_changed.connect(lambda _step: self._choose())
        context.engine.ready.connect(self._choose)
        context.engine.failed.connect(lambda _problem: self._choose())
        self.theme.changed.connect(self._choose)
        application = QApplication.instance()
        assert application is not None
        for side in self.sides:
            application.aboutToQuit.connect(side.renderer.close)

    def header_widgets(self) -> list[QWidget]:
        """The seed."""
        return [self.seed]

    # ---- in sight or not --------------------------------------------------------------------------------------------

    def activate(self) -> None:
        """Follow what is compared, and draw."""
        self.compared.watch()
        self._choose()
        self.reel.wake()

    def deactivate(self) -> None:
        """Let go of it and of OpenGL."""
        self.compared.unwatch()
        self.reel.sleep()
        for side in self.sides:
            side.rest()

    # ---- which episodes ---------------------------------------------------------------------------------------------

    def _choose(self) -> None:
        """Find both episodes, or say why there are none."""
        compared = self.compared.compared
        if not self.active or compared is None:
            return
        groups = self._groups(compared)
        waiting = engine_emptiness(self.context.engine)
        if waiting is not None or groups is None:
            self._say(waiting or _NO_PAIR)
            return
        choices = [_episodes_by_seed(self.context, compared, group) for group in groups]
        missing = [group for group, found in zip(groups, choices, strict=True) if not found]
        assert compared.comparison is not None
        names = {result.group.key: result.name for result in compared.comparison.results}
        if missing:
            text = f"No evaluation of {names[missing[0].key]} was recorded yet. Click another row in Results."
            self._say(Emptiness("eye", "No episode yet", text))
            return
        seeds = self._offer_seeds(choices)
        styles = self.compared.styles()
        for side, group, found, seed in zip(self.sides, groups, choices, seeds, strict=True):
            run, artifacts = found[seed]
            side.want(run, self._nearest(artifacts), names[group.key], styles[group.key])
        self._pair = True
        self._take()

    def _groups(self, compared: Compared) -> tuple[Group, Group] | None:
        if compared.comparison is None or len(compared.comparison.results) < 2:
            return None
        base, others = compared.comparison.base, compared.comparison.others
        other = next((each for each in others if each.group.key == self.compared.focus), others[0])
        return base.group, other.group

    def _offer_seeds(self, choices: list[dict[int, tuple[RunRow, tuple[ArtifactRow, ...]]]]) -> tuple[int, int]:
        """The seed of each side: the chosen one if both have it, else the first shared one, else each its own first."""
        shared = sorted(choices[0].keys() & choices[1].keys())
        present = self.seed.currentData()
        self.seed.clear()
        for seed in shared:
            self.seed.addItem(f"seed {seed}", seed)
        self.seed.setVisible(bool(shared))
        if not shared:
            return min(choices[0]), min(choices[1])
        chosen = present if present in shared else shared[0]
        self.seed.setCurrentIndex(shared.index(chosen))
        return chosen, chosen

    def _nearest(self, artifacts: tuple[ArtifactRow, ...]) -> ArtifactRow:
        step = self.context.cursor.step
        return artifacts[-1] if step is None else min(artifacts, key=lambda each: abs(each.step - step))

    # ---- what is shown ----------------------------------------------------------------------------------------------

    def _take(self) -> None:
        """After a side has its episode, its scene, or a problem."""
        if not self.active or not self._pair:
            return
        problem = next((side.problem for side in self.sides if side.problem), "")
        if problem:
            self._say(Emptiness("warn", "The episodes cannot be shown", problem, token="warn"))
            return
        self._stack.setCurrentIndex(1)
        first, second = self.sides
        if (self.reel.episode, self.reel.other) != (first.episode, second.episode):
            self.reel.load_pair(first.episode, second.episode)
        if first.facts is not None:
            self.reel.time_step = first.facts.time_step
        for side in self.sides:
            side.begin()
        steps = {f"{side.episode.row.step:,}" for side in self.sides if side.episode is not None}
        self.subtitle_changed.emit(f"in step · evaluation at step {' and '.join(sorted(steps))}" if steps else "")
        self._show_frame()

    def _show_frame(self) -> None:
        if not self.active or not self._pair:
            return
        reel = self.reel
        self.transport.show_state(reel.position, reel.count, playing=reel.playing, live=False)
        for side in self.sides:
            side.renderer.gives_way = bool(self.context.feed.running)
            side.show_position(reel.position, still=not reel.playing)

    def _say(self, emptiness: Emptiness) -> None:
        self._pair = False
        self.reel.pause()
        for side in self.sides:
            side.rest()
        self.seed.hide()
        self.subtitle_changed.emit("")
        self.empty.say(emptiness.icon, emptiness.title, emptiness.text, emptiness.steps, emptiness.token)
        self._stack.setCurrentIndex(0)

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's; in a tall panel the pictures stand one over the other, where a body is not cut off at its sides."""
        super().resizeEvent(event)
        tall = self.height() > _TALL * self.width()
        ways = QBoxLayout.Direction
        self._pictures.setDirection(ways.TopToBottom if tall else ways.LeftToRight)

    @guarded
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Qt's; the keys of the pictures work beside them too."""
        if not self._pair or not self.sides[0].view.take_key(event):
            super().keyPressEvent(event)


def _episodes_by_seed(
    context: Context, compared: Compared, group: Group
) -> dict[int, tuple[RunRow, tuple[ArtifactRow, ...]]]:
    """Runs of a group that recorded evaluations, by seed, with these by step; of several runs of a seed the newest."""
    found: dict[int, tuple[RunRow, tuple[ArtifactRow, ...]]] = {}
    for run in sorted(group.runs, key=lambda each: each.id):
        rows = context.project.artifacts.list(run.id, "episode")
        evaluations = tuple(row for row in rows if not {"q_bias_episode", "driven"} & row.info.keys())
        if evaluations:
            found[run.seed] = (compared.rows[run.id], evaluations)
    return found


def _alone(context: Context) -> EpisodesPanel:
    """Without the application nothing loads the engine; episodes need of it only that OpenGL was chosen."""
    from workbench.environments.rendering import choose_gl_backend

    choose_gl_backend()
    context.engine.state = "ready"
    return EpisodesPanel(context)


if __name__ == "__main__":
    raise SystemExit(run_alone(_alone))
