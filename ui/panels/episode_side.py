"""One of two episodes that are played together: which it is, its frame at a position, its picture."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from storage import ArtifactRow, RunRow
from ui import format
from ui.context import Context
from ui.panels.simulation_episodes import EpisodeLoader, RecordedEpisode
from ui.panels.simulation_reel import EpisodeReel
from ui.panels.simulation_view import Readout, SimulationView
from ui.render_thread import Facts, Moment, RenderThread, Stage, Trouble
from ui.scene_colors import stage_of
from ui.theme import SeriesStyle

#: px of the edge in the colour of the variant
_EDGE = 3


class PairReel(EpisodeReel):
    """Two episodes at one position, in simulated time; the shorter one stays at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.other: RecordedEpisode | None = None

    @property
    def count(self) -> int:
        """Frames of the longer one."""
        return max((each.length + 1 for each in (self.episode, self.other) if each is not None), default=0)

    def load_pair(self, first: RecordedEpisode | None, second: RecordedEpisode | None) -> None:
        """Play these from where it is; what plays goes on playing."""
        self.other = second
        self.load(first, self.position)


class EpisodeSide(QWidget):
    """``changed`` follows another episode, or a sentence on why there is none (``problem``)."""

    changed = Signal()

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.renderer = RenderThread()
        self.view = SimulationView(context.theme, self.renderer)
        self.view.setMinimumSize(90, 80)
        self.episode: RecordedEpisode | None = None
        self.row: RunRow | None = None
        self.name, self.problem = "", ""
        self.facts: Facts | None = None
        self._wanted: tuple[int, str] | None = None
        self._stage: Stage | None = None
        self._shown: object = None
        self._loader = EpisodeLoader(context.project)
        self._edge = QFrame()
        self._edge.setFixedWidth(_EDGE)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self._edge)
        row.addWidget(self.view, 1)
        self._loader.loaded.connect(self._take)
        self._loader.failed.connect(self._fail)
        self.renderer.opened.connect(self._open)
        self.renderer.failed.connect(self._trouble)

    def want(self, run: RunRow, artifact: ArtifactRow, name: str, style: SeriesStyle) -> None:
        """Show this evaluation of a run of the variant called ``name``."""
        self.row, self.name = run, name
        self._edge.setStyleSheet(f"background: {style.line.name()};")
        self.view.setAccessibleName(f"Episode of {name}")
        if self._wanted != (run.id, artifact.name):
            self._wanted = (run.id, artifact.name)
            self.episode, self.problem, self._shown = None, "", None
            self.renderer.clear()
            self.view.clear()
            self._loader.request(artifact)

    def begin(self) -> None:
        """In sight: draw."""
        if self.row is not None:
            stage = stage_of(self.row, self._context.theme)
            if stage != self._stage:
                self._stage = stage
                self.renderer.open(stage)
            self.renderer.start()

    def rest(self) -> None:
        """Out of sight: let go of OpenGL."""
        self.renderer.stop()
        self._shown = None

    def show_position(self, position: int, *, still: bool) -> None:
        """The state at a position, or the last one of a shorter episode; only while nothing else waits to be drawn."""
        episode = self.episode
        if episode is None or (not still and self.renderer.busy):
            return
        at = min(position, episode.length)
        total = format.number(float(episode.returns[-1]))
        ended = " · ended" if at == episode.length and position > at else ""
        so_far = f"{format.number(float(episode.returns[at]))} of {total}{ended}"
        readout = Readout((self.name, so_far))
        if (readout, at, still) != self._shown:
            self._shown = (readout, at, still)
            self.renderer.show(Moment(episode.qpos[at], episode.qvel[at], readout), still=still)

    def _take(self, episode: RecordedEpisode) -> None:
        self.episode = episode
        self.changed.emit()

    def _fail(self, _row: ArtifactRow, problem: str) -> None:
        self.problem = problem
        self.changed.emit()

    def _open(self, facts: Facts) -> None:
        self.facts = facts
        self.view.set_has_camera(facts.has_camera)
        self.changed.emit()

    def _trouble(self, trouble: Trouble) -> None:
        self.problem, self._stage = f"{trouble.sentence} {trouble.remedy}".strip(), None
        self.changed.emit()
