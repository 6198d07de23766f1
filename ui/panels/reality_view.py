"""Where a plan leads: the start state, and over it the ghost of what followed in the true simulator, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from storage import RunRow
from ui import format
from ui.context import Context
from ui.controls.labels import Label
from ui.controls.scrubber import Scrubber
from ui.panels.plan_words import figure
from ui.panels.simulation_view import Readout, SimulationView
from ui.render_thread import Facts, Moment, RenderThread, Stage, Trouble
from ui.scene_colors import stage_of

if TYPE_CHECKING:
    from workbench.engine.planning_desk import RealityLook

_HELP = (
    "Left and Right go along the plan, Backspace to its beginning. Drag turns, Shift+drag shifts, the wheel zooms, "
    "double-click looks at a point, Ctrl+double-click follows a body."
)
_UNKNOWN = "What this task's state is made of is not known, so that what followed cannot be drawn."
_LEAST = 110


class RealityView(QWidget):
    """``moved`` tells of another step. It draws only between :meth:`begin` and :meth:`rest`."""

    moved = Signal(int)

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._run: RunRow | None = None
        self._stage: Stage | None = None
        self._facts: Facts | None = None
        self._answer: RealityLook | None = None
        self._drawing = False
        self._drawn: object = None
        self.step = 0
        theme = context.theme
        self.renderer = RenderThread()
        self.view = SimulationView(theme, self.renderer)
        self.view.setMinimumHeight(_LEAST)
        self.view.setAccessibleName("The plan in the true simulator")
        self.view.setAccessibleDescription(_HELP)
        self.view.setToolTip(_HELP)
        self.trouble = Label(theme, "", 11, token="text2", wrap=True)
        self.scrubber, self.place = Scrubber(theme, "Step of the plan"), Label(theme, "", 12, 500, "text2")
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.scrubber, 1)
        line.addWidget(self.place)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.view, 1)
        column.addWidget(self.trouble)
        column.addLayout(line)
        self.trouble.hide()
        self._connect()

    def _connect(self) -> None:
        self.scrubber.sought.connect(self.go)
        self.view.stepped.connect(lambda by: self.go(self.step + by))
        self.view.restarted.connect(lambda: self.go(0))
        self.renderer.opened.connect(self._open)
        self.renderer.failed.connect(self._fail)
        self._context.theme.changed.connect(self._recolour)
        application = QCoreApplication.instance()
        assert application is not None
        application.aboutToQuit.connect(self.renderer.close)

    # ---- what is shown ----------------------------------------------------------------------------------------------

    @property
    def steps(self) -> int:
        """Steps that the plan took in the true simulator."""
        return 0 if self._answer is None else len(self._answer.check.real_rewards)

    def show_answer(self, run: RunRow | None, answer: RealityLook | None) -> None:
        """Another plan, from its end; one of as many steps stays at the step that is shown."""
        if answer is self._answer:
            return
        before = self.steps
        self._run, self._answer = run, answer
        self.step = self.step if before == self.steps and before else self.steps
        self._say("" if answer is None or answer.check.qpos is not None else _UNKNOWN)
        self._begin_stage()
        self._show()

    def go(self, step: int) -> None:
        """Show the state after so many steps."""
        step = min(max(step, 0), self.steps)
        if step != self.step:
            self.step = step
            self._show()
            self.moved.emit(step)

    def begin(self) -> None:
        """In sight: draw."""
        self._drawing = True
        self._begin_stage()
        self._show()

    def rest(self) -> None:
        """Out of sight: let go of OpenGL."""
        self._drawing = False
        self._drawn = None
        self.renderer.stop()

    # ---- inside -----------------------------------------------------------------------------------------------------

    def _begin_stage(self) -> None:
        if not self._drawing or self._run is None or self._answer is None or self._answer.check.qpos is None:
            return
        stage = stage_of(self._run, self._context.theme)
        if stage != self._stage:
            if self._stage is not None and stage.task != self._stage.task:
                self.renderer.clear()
                self.view.clear()
            self._stage, self._drawn = stage, None
            self.renderer.open(stage)
        self.renderer.gives_way = bool(self._context.feed.running)
        self.renderer.start()

    def _show(self) -> None:
        answer, steps = self._answer, self.steps
        self.scrubber.show_position(self.step, steps + 1)
        self.place.setText(f"{format.count(self.step)} / {format.count(steps)}")
        wanted = (answer, self.step, self._context.theme.dark, self._facts)
        if answer is None or not self._drawing or wanted == self._drawn:
            return
        qpos, qvel = answer.check.qpos, answer.check.qvel
        if qpos is None or qvel is None:
            return
        from workbench.environments.ghost import Ghost

        self._drawn = wanted
        ghost = Ghost(qpos, qvel, self.step, _parts(self._context.theme.series(0).line))
        self.renderer.show(Moment(qpos[0], qvel[0], self._readout(answer), ghost), still=True)

    def _readout(self, answer: RealityLook) -> Readout:
        check, facts = answer.check, self._facts
        time = "" if facts is None else f" · t = {self.step * facts.time_step:.2f} s"
        what = "Imagined by the simulator itself" if answer.wish.model == "true" else "In the true simulator"
        lines = (what, f"step {format.count(self.step)} of {format.count(self.steps)}{time}")
        if self.step == 0:
            return Readout(lines)
        rewards = check.real_rewards[: self.step]
        weights = answer.wish.settings.discount ** np.arange(self.step)
        so_far = float((weights * rewards).sum())
        return Readout(lines, (("reward", figure(float(rewards[-1]))), ("return so far", figure(so_far))))

    def _open(self, facts: Facts) -> None:
        self._facts = facts
        self.view.set_has_camera(facts.has_camera)
        self._show()

    def _fail(self, trouble: Trouble) -> None:
        self._stage = None
        self._say(f"{trouble.sentence} {trouble.remedy}".strip())

    def _say(self, sentence: str) -> None:
        """In place of the picture."""
        self.trouble.setText(sentence)
        self.trouble.setVisible(bool(sentence))
        self.view.setVisible(not sentence)

    def _recolour(self) -> None:
        self._begin_stage()
        self._show()


def _parts(colour: QColor) -> tuple[float, float, float]:
    return colour.redF(), colour.greenF(), colour.blueF()
