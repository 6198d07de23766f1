"""Draws simulated scenes in one thread that owns OpenGL from beginning to end, and hands pictures to a widget.

The widget's side only writes down what it wants, under a lock: the scene, the moment, the size, what the camera is to
do. A picture is made when the last one was painted (:meth:`RenderThread.take`), so a slow screen is never flooded.
The thread is not a daemon: one that still drew while the interpreter ends would crash it. It ends on :meth:`stop`, or
by itself when the main thread has ended.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from ui.render_pace import FRAME_INTERVAL, Pace
from workbench.environments.scene_look import SceneLook

if TYPE_CHECKING:
    from workbench.environments.ghost import Ghost
    from workbench.environments.renderers import Renderer
    from workbench.environments.scene import SceneRenderer, Viewpoint

_logger = logging.getLogger(__name__)

#: seconds without news after which a still moment is drawn once more, finely
QUIET = 0.15
#: pixels of a fast and of a fine picture at most; the widget stretches what is smaller than itself
FAST_PIXELS = 640 * 480
FINE_PIXELS = 1920 * 1200
#: tasks whose camera is remembered
_REMEMBERED = 8
#: seconds between two looks at whether the main thread lives
_WATCH = 1.0


@dataclass(frozen=True)
class Stage:
    """Which task is drawn, with its constructor options, in which colours."""

    environment: str
    options: dict[str, Any]
    look: SceneLook

    @property
    def task(self) -> tuple[str, dict[str, Any]]:
        """What is drawn, whatever its colours."""
        return self.environment, self.options


@dataclass(frozen=True)
class Facts:
    """What a task's renderer knows: seconds per environment step, whether it goes along x, whether it has a camera."""

    time_step: float
    travels: bool
    has_camera: bool


@dataclass(frozen=True, eq=False)
class Moment:
    """A state to draw; ``about`` is whatever the widget wants to know of it again when it paints the picture.

    ``ghost`` is a second body that is drawn over it.
    """

    qpos: NDArray[np.float64]
    qvel: NDArray[np.float64]
    about: Any = None
    ghost: Ghost | None = None


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels `[height, width, 3]` of a moment; ``view`` says in words how camera and overlays differ from the first."""

    pixels: NDArray[np.uint8]
    moment: Moment
    view: str
    fine: bool


@dataclass(frozen=True)
class Trouble:
    """Why nothing can be drawn; ``remedy`` is what would give this machine a renderer, else empty."""

    sentence: str
    remedy: str = ""


@dataclass
class _Wish:
    """What the widget wants; every field is read and written under the lock."""

    stage: Stage | None = None
    moment: Moment | None = None
    still: bool = False
    size: tuple[int, int] = (0, 0)
    commands: list[Callable[[SceneRenderer], object]] = field(default_factory=list)
    changed: bool = False
    shot: bool = False


class RenderThread(QObject):
    """One at a time: a new thread first waits for the one before it to let go of OpenGL."""

    opened = Signal(object)  # Facts of the stage
    rendered = Signal()  # a picture waits to be taken
    shot = Signal(object)  # a fine Picture that was asked for
    failed = Signal(object)  # Trouble

    def __init__(self) -> None:
        super().__init__()
        #: whether moving pictures are to leave the processors to something else, such as runs that train
        self.gives_way = False
        self._changed = threading.Condition()
        self._wish = _Wish()
        self._picture: Picture | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._viewpoints: list[tuple[Any, Viewpoint]] = []  # task and where it was looked at from, newest last

    # ---- the widget's side ------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether a thread draws, or may."""
        return self._thread is not None and self._thread.is_alive() and not self._stop.is_set()

    @property
    def busy(self) -> bool:
        """Whether the last moment still waits to be drawn: another one now would only replace it."""
        return self._wish.changed and self._wish.moment is not None

    def start(self) -> None:
        """Begin; returns at once. What was wished for before is drawn."""
        if self.running:
            return
        self._stop = threading.Event()
        with self._changed:
            self._wish.changed = True
            self._picture = None
        self._thread = threading.Thread(target=self._work, args=(self._stop, self._thread), name="render")
        self._thread.start()

    def stop(self) -> None:
        """Let the thread end after the picture it is at; returns at once."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Stop, and wait until the thread has let go of OpenGL."""
        self.stop()
        if self._thread is not None:
            self._thread.join()

    def open(self, stage: Stage) -> None:
        """Draw this task from now on; the same one in other colours keeps its camera."""
        self._write(stage=stage)

    def show(self, moment: Moment, *, still: bool) -> None:
        """Draw this state; ``still`` says that no other one follows soon, so that a fine picture is worth its time."""
        self._write(moment=moment, still=still)

    def clear(self) -> None:
        """Nothing is to be drawn until the next moment."""
        self._write(moment=None)
        self.take()

    def resize(self, width: int, height: int) -> None:
        """Pixels of the pictures to come."""
        if (width, height) != self._wish.size:
            self._write(size=(width, height))

    def command(self, act: Callable[[SceneRenderer], object]) -> None:
        """Have ``act`` called with the scene before the next picture; a task without a camera ignores it."""
        with self._changed:
            self._wish.commands.append(act)
            self._wish.changed = True
            self._changed.notify_all()

    def shoot(self) -> None:
        """Ask for a fine picture of the present moment; ``shot`` brings it."""
        with self._changed:
            self._wish.shot = True
            self._changed.notify_all()

    def take(self) -> Picture | None:
        """The newest picture; from now on the next one is made."""
        with self._changed:
            picture, self._picture = self._picture, None
            self._changed.notify_all()
        return picture

    def _write(self, **changes: Any) -> None:
        with self._changed:
            for name, value in changes.items():
                setattr(self._wish, name, value)
            self._wish.changed = True
            self._changed.notify_all()

    # ---- the thread's side ------------------------------------------------------------------------------------------

    def _work(self, stop: threading.Event, previous: threading.Thread | None) -> None:
        if previous is not None:
            previous.join()
        hand = _Hand(self._viewpoints)
        try:
            while True:
                job = self._next(stop, hand)
                if job is None:
                    return
                try:
                    self._do(job, hand)
                except Exception as error:  # noqa: BLE001  the thread's outermost handler: the panel says it, and lives on
                    self._give_up(error, job)
        finally:
            hand.close()

    def _next(self, stop: threading.Event, hand: _Hand) -> _Job | None:
        """What to do next; None when the thread is to end."""
        wish = self._wish
        with self._changed:
            while not stop.is_set() and threading.main_thread().is_alive():
                patience = _WATCH
                if wish.stage is not None and wish.moment is not None and min(wish.size) > 0:
                    if wish.shot:
                        wish.shot = False
                        return self._job(wish.stage, wish.moment, fine=True, shot=True)
                    wait = hand.not_before - time.monotonic()
                    if wish.changed and self._picture is None:
                        if wait <= 0:
                            wish.changed = False
                            return self._job(wish.stage, wish.moment, fine=hand.prefers_fine)
                        patience = wait
                    elif wish.still and hand.coarse and self._picture is None:
                        quiet = hand.drawn_at + QUIET - time.monotonic()
                        if quiet <= 0:
                            return self._job(wish.stage, wish.moment, fine=True)
                        patience = quiet
                self._changed.wait(min(patience, _WATCH))
        return None

    def _job(self, stage: Stage, moment: Moment, *, fine: bool, shot: bool = False) -> _Job:
        commands, self._wish.commands = self._wish.commands, []
        return _Job(stage, moment, self._wish.still, self.gives_way, self._wish.size, commands, fine, shot)

    def _do(self, job: _Job, hand: _Hand) -> None:
        if hand.prepare(job.stage):
            self.opened.emit(hand.facts())
        picture = hand.draw(job)
        if job.shot:
            self.shot.emit(picture)
            return
        with self._changed:
            if self._wish.stage != job.stage or self._wish.moment is None:
                return  # It was of something else.
            self._picture = picture
        self.rendered.emit()

    def _give_up(self, error: Exception, job: _Job) -> None:
        from workbench.environments.problem import EnvironmentProblem

        with self._changed:
            if self._wish.stage == job.stage:
                self._wish.stage = None
        if isinstance(error, EnvironmentProblem):
            self.failed.emit(Trouble(str(error), getattr(error, "remedy", "")))
            return
        _logger.error("the scene could not be drawn", exc_info=error)
        self.failed.emit(Trouble(f"The scene could not be drawn: {type(error).__name__}: {error}"))


@dataclass(frozen=True, eq=False)
class _Job:
    stage: Stage
    moment: Moment
    still: bool
    gives_way: bool
    size: tuple[int, int]
    commands: list[Callable[[SceneRenderer], object]]
    fine: bool
    shot: bool


class _Hand:
    """What one thread draws with."""

    def __init__(self, viewpoints: list[tuple[Any, Viewpoint]]) -> None:
        self._viewpoints = viewpoints
        self._stage: Stage | None = None
        self._renderer: Renderer | None = None
        self._pace = Pace()
        self._ghost: Ghost | None = None
        self.drawn_at = 0.0
        self.not_before = 0.0
        self.coarse = False  # the last picture was a fast one, and a fine one would differ

    @property
    def prefers_fine(self) -> bool:
        """Whether a fine picture costs next to nothing: a graphics card draws it."""
        return self._renderer is not None and self._renderer.has_camera and not self._renderer.in_software

    def prepare(self, stage: Stage) -> bool:
        """Have a renderer for ``stage``; returns whether it is a new one."""
        if stage == self._stage:
            return False
        if self._stage is not None and self._renderer is not None and stage.task == self._stage.task:
            self._renderer.recolour(stage.look)
            self._stage = stage
            return False
        self.close()
        from workbench.environments.renderers import open_renderer

        self._renderer = open_renderer(stage.environment, stage.options, stage.look)
        self._stage = stage
        for task, viewpoint in self._viewpoints:
            if task == stage.task and self._renderer.has_camera:
                cast("SceneRenderer", self._renderer).viewpoint = viewpoint
        return True

    def facts(self) -> Facts:
        """What the renderer knows."""
        renderer = self._renderer
        assert renderer is not None
        return Facts(renderer.time_step, renderer.travels, renderer.has_camera)

    def draw(self, job: _Job) -> Picture:
        """A picture; it settles when the next one may be drawn."""
        renderer: Any = self._renderer
        if renderer.has_camera:
            for command in job.commands:
                command(renderer)
        width, height = job.size
        scale = min(1.0, ((FINE_PIXELS if job.fine else FAST_PIXELS) / (width * height)) ** 0.5)
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
        begin, used = time.monotonic(), time.thread_time()
        if job.moment.ghost is not self._ghost:
            renderer.show_ghost(job.moment.ghost)
            self._ghost = job.moment.ghost
        pixels = renderer.render(job.moment.qpos, job.moment.qvel, width, height, fine=job.fine)
        self.drawn_at = time.monotonic()
        interval = FRAME_INTERVAL
        if job.gives_way and not job.still:
            interval = self._pace.note(time.thread_time() - used)
        self.not_before = begin + interval
        self.coarse = renderer.has_camera and not job.fine
        return Picture(pixels, job.moment, renderer.description, job.fine)

    def close(self) -> None:
        """Let go of OpenGL; where it was looked at from is remembered."""
        if self._renderer is None or self._stage is None:
            return
        renderer, task = self._renderer, self._stage.task
        self._renderer = self._stage = self._ghost = None
        if renderer.has_camera:
            others = [each for each in self._viewpoints if each[0] != task]
            self._viewpoints[:] = [*others, (task, cast("SceneRenderer", renderer).viewpoint)][-_REMEMBERED:]
        renderer.close()
