"""A simulator state that is set by hand: the numbers of another one, and what was typed over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from ui.analysis import AnalysisThread
from ui.context import Context
from ui.draft import sentence

if TYPE_CHECKING:
    from workbench.analysis.steps import Analysis
    from workbench.engine.start_state import HandSet, StartFacts, StartState
    from workbench.environments.coordinates import Coordinate

POSITIONS, VELOCITIES = "qpos", "qvel"


class HandState(QObject):
    """Fields are called ``qpos[0]`` and ``qvel[3]``. ``facts`` is None until a state was taken to begin with.

    ``origin`` says in words what that was; ``problems`` are sentences by field; ``failure`` says why none was taken.
    """

    changed = Signal()
    taken = Signal()  # there are numbers to change

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.facts: StartFacts | None = None
        self.origin, self.failure = "", ""
        self.texts: dict[str, str] = {}
        self.problems: dict[str, str] = {}
        self._state: HandSet | None = None
        self._coming = ""
        self.thread_ = AnalysisThread("start state", self)
        self.thread_.finished.connect(self._take)
        self.thread_.failed.connect(self._fail)

    def close(self) -> None:
        """Read nothing more."""
        self.thread_.close()

    @property
    def state(self) -> HandSet | None:
        """What was set; None while nothing was taken or something is wrong. The same object until it changes."""
        return None if self.problems else self._state

    def take(self, run_id: int, checkpoint: str, state: StartState, origin: str) -> None:
        """Begin with the numbers of ``state``, which are read in a thread; ``taken`` follows."""
        self._coming = origin
        self.thread_.start(lambda: self._read(run_id, checkpoint, state))

    def fields(self) -> list[tuple[str, Coordinate]]:
        """Every number and what it is: positions, then velocities."""
        if self.facts is None:
            return []
        parts = self.facts.coordinates
        rows = ((POSITIONS, parts.positions), (VELOCITIES, parts.velocities))
        return [(f"{name}[{at}]", part) for name, each in rows for at, part in enumerate(each)]

    def base_text(self, field: str) -> str:
        """The number that it began with."""
        return f"{self._own(field):.4g}"

    def text(self, field: str) -> str:
        """What stands in a field."""
        return self.texts.get(field, self.base_text(field))

    def set_text(self, field: str, text: str) -> None:
        """Something was typed; what it began with is no change."""
        text = text.strip()
        if text == self.text(field):
            return
        if text == self.base_text(field):
            self.texts.pop(field, None)
        else:
            self.texts[field] = text
        self._check()
        self.changed.emit()

    def reset_all(self) -> None:
        """Back to the numbers that it began with."""
        self.texts = {}
        self._check()
        self.changed.emit()

    # ---- inside -----------------------------------------------------------------------------------------------------

    def _read(self, run_id: int, checkpoint: str, state: StartState) -> Analysis[StartFacts]:
        """In the thread."""
        from workbench.engine.recorder import Recorder
        from workbench.engine.start_state import look_at_start

        return look_at_start(Recorder(self._context.project), run_id, checkpoint, state)

    def _take(self, facts: StartFacts) -> None:
        self.facts, self.origin, self.failure, self.texts = facts, self._coming, "", {}
        self._check()
        self.taken.emit()
        self.changed.emit()

    def _fail(self, words: str, _error: object) -> None:
        self.failure = words
        self.changed.emit()

    def _own(self, field: str) -> float:
        assert self.facts is not None
        name, place = _split(field)
        return float(getattr(self.facts, name)[place])

    def _check(self) -> None:
        """Numbers out of the texts, and what is wrong with them."""
        from workbench.engine.start_state import BodiesAt, HandSet

        facts = self.facts
        assert facts is not None
        self.problems = {}
        made: dict[str, Any] = {POSITIONS: facts.qpos.copy(), VELOCITIES: facts.qvel.copy()}
        for field, text in self.texts.items():
            name, place = _split(field)
            try:
                made[name][place] = float(text)
            except ValueError:
                self.problems[field] = "Not a number."
        names = {field: part.name for field, part in self.fields()}
        wrong = facts.coordinates.problems(made[POSITIONS], made[VELOCITIES], facts.qpos, facts.qvel)
        for problem in wrong:
            told = problem.message.removeprefix(f"{names[problem.field]}: ")
            self.problems.setdefault(problem.field, sentence(told))
        self._state = HandSet(BodiesAt(facts.qpos, facts.qvel), made[POSITIONS], made[VELOCITIES])


def _split(field: str) -> tuple[str, int]:
    name, _, place = field.partition("[")
    return name, int(place.rstrip("]"))
