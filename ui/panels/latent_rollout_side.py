"""One side of the latent-rollout panel: asks for rollouts in a thread of its own and shows the newest answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from storage import Project
from ui.analysis import Advance, AnalysisThread

if TYPE_CHECKING:
    from workbench.analysis.steps import Analysis
    from workbench.engine.rollout_desk import RolloutDesk, RolloutWish


class RolloutSide(QObject):
    """What was asked last is all that is told: ``answered`` as soon as 200 steps are there, and again with more."""

    answered = Signal(object)  # RolloutAnswer
    failed = Signal(str, object)  # a sentence, the exception

    def __init__(self, project: Project, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._desk: RolloutDesk | None = None
        self.worker = AnalysisThread(name, self)
        self.worker.advanced.connect(self._advance)
        self.worker.finished.connect(self.answered)
        self.worker.failed.connect(self.failed)

    def ask(self, wish: RolloutWish) -> None:
        """Roll this out; whatever was asked before is dropped."""
        self.worker.start(lambda: self._answer(wish))

    def rest(self) -> None:
        """Nothing is wanted any more."""
        self.worker.cancel()

    def _answer(self, wish: RolloutWish) -> Analysis[Any]:
        """In the thread."""
        from workbench.engine.recorder import Recorder
        from workbench.engine.rollout_desk import RolloutDesk

        if self._desk is None:
            self._desk = RolloutDesk(Recorder(self._project))
        return self._desk.answer(wish)

    def _advance(self, advance: Advance) -> None:
        if advance.partial is not None:
            self.answered.emit(advance.partial)
