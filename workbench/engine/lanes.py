"""Several seeds of one spec in lockstep: each goes on by itself until it wants an update, then all update at once.

Lanes share nothing but that moment: each has an environment, a replay, networks and noise of its own, so that its
numbers are those of the same seed alone. One seed is one lane.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Sequence

from workbench import events
from workbench.agents.base import GradientAgent, Metrics, UpdateInputs, UpdateRequest
from workbench.engine.acceleration import GroupUpdate
from workbench.engine.session import TrainingSession


class Lane:
    """One session on its way, and the update that it waits for."""

    def __init__(self, session: TrainingSession) -> None:
        self.session = session
        #: seconds in which it went on, or waited for the other lanes
        self.active_seconds = 0.0
        #: seconds of its longest item
        self.longest_item = 0.0
        #: what ended it early
        self.fault: Exception | None = None
        #: the update that it waits for; nothing was drawn for it yet, so that a checkpoint may be taken
        self.request: UpdateRequest | None = None
        self._answer: Metrics | Exception | None = None
        self._items = session.run()
        self._waiting_since: float | None = None

    def advance(self) -> events.Message | None:
        """One item further. None: it waits for an update, its budget is spent, or it has a ``fault``."""
        begin = time.perf_counter()
        answer, self._answer = self._answer, None
        item: events.Message | UpdateRequest | None = None
        try:
            item = self._items.throw(answer) if isinstance(answer, Exception) else self._items.send(answer)
        except StopIteration:
            pass
        except Exception as error:  # noqa: BLE001  it ends this lane, and the others go on
            self.fault = error
        seconds = time.perf_counter() - begin
        self.active_seconds += seconds
        self.longest_item = max(self.longest_item, seconds)
        if isinstance(item, UpdateRequest):
            self.request = item
            return None
        return item

    def answer(self, outcome: Metrics | Exception, seconds: float) -> None:
        """The update that it waits for took ``seconds`` and gave these metrics, or could not be made."""
        self.request, self._answer = None, outcome
        self._spend("update", seconds)

    def begin_waiting(self, others: bool) -> None:
        """Its turn is over; ``others``: it is that of others now, which counts as time."""
        self._waiting_since = time.perf_counter() if others else None

    def end_waiting(self) -> None:
        """Its turn has come."""
        if self._waiting_since is not None:
            self._spend("waiting", time.perf_counter() - self._waiting_since)
            self._waiting_since = None

    def close(self) -> None:
        """Take no more items."""
        self._items.close()

    def _spend(self, share: str, seconds: float) -> None:
        self.active_seconds += seconds
        self.session.shares.add(share, seconds)


class Lanes:
    """Sessions of one spec on one device. Whoever drives them may take one out, or put it back, between two items."""

    def __init__(self, sessions: Iterable[TrainingSession]) -> None:
        #: those that go on, in order
        self.lanes = [Lane(session) for session in sessions]
        self._members = list(self.lanes)  # in the group update's order, those at rest too
        self._group: GroupUpdate | None = None
        self._reason: str | None = None  # why updates are not made as the settings ask
        self._told: str | None = None

    def run(self) -> Generator[tuple[Lane, events.Message | None], None, None]:
        """Go on until no lane is left; a lane comes with None once it has left: its budget is spent, or it failed.

        Lanes at different steps still wait for each other at every update: an evaluation of one holds up the others,
        and then all go on.
        """
        while self.lanes:
            for lane in tuple(self.lanes):
                if lane.request is None and lane in self.lanes:
                    yield from self._advance(lane)
            if self.lanes and all(lane.request is not None for lane in self.lanes):
                if self._reason == self._told:
                    self._update()
                else:
                    yield from self._tell_reason()

    def leave(self, lane: Lane) -> None:
        """``lane`` goes on no more for now."""
        self.lanes.remove(lane)
        lane.begin_waiting(others=False)

    def join(self, lane: Lane) -> None:
        """A lane that left goes on with the others, at whatever step it is."""
        self.lanes.append(lane)

    def drop(self, lane: Lane) -> None:
        """``lane``, which has left, does not come back."""
        if self._group is not None:
            self._group.drop(self._members.index(lane))
        self._members.remove(lane)

    # ---- inside -----------------------------------------------------------------------------------------------------

    def _advance(self, lane: Lane) -> Generator[tuple[Lane, events.Message | None], None, None]:
        lane.end_waiting()
        message = lane.advance()
        if lane.request is None:
            if message is None:
                self.leave(lane)
            yield lane, message
        if lane in self.lanes:
            lane.begin_waiting(others=len(self.lanes) > 1)

    def _tell_reason(self) -> Generator[tuple[Lane, events.Message | None], None, None]:
        # Not right after the update: between its making and its counting nobody may take a checkpoint.
        if self._reason is not None:
            for lane in tuple(self.lanes):
                yield lane, lane.session.note(self._reason)
        self._told = self._reason

    def _update(self) -> None:
        try:
            group = self._group = self._group or self._new_group()
        except Exception as error:  # noqa: BLE001  it ends all lanes, each in order
            for lane in self.lanes:
                lane.answer(error, 0.0)
            return
        # One by one eager updates take as long, and one that raises ends its own lane alone.
        for lanes in [[lane] for lane in self.lanes] if group.mode == "eager" else [self.lanes]:
            self._answer(lanes, group)
        self._reason = group.reason

    def _answer(self, lanes: Sequence[Lane], group: GroupUpdate) -> None:
        """Make the updates that ``lanes`` wait for, in one call; where it fails, it fails for each of them."""
        for lane in lanes:
            lane.end_waiting()
        begin = time.perf_counter()
        inputs = [_inputs(member) if member in lanes else None for member in self._members]
        outcomes: Sequence[Metrics | Exception | None]
        try:
            outcomes = group(inputs)
        except Exception as error:  # noqa: BLE001  it ends the lanes that it was made for
            outcomes = [error] * len(inputs)
        seconds = time.perf_counter() - begin
        for lane, outcome in zip(self._members, outcomes, strict=True):
            if lane in lanes and outcome is not None:
                lane.answer(outcome, seconds)
                lane.begin_waiting(others=len(self.lanes) > 1)

    def _new_group(self) -> GroupUpdate:
        session = self._members[0].session
        agents = [member.session.agent for member in self._members]
        learning = [agent for agent in agents if isinstance(agent, GradientAgent)]
        return GroupUpdate(learning, session.spec.engine, session.device)


def _inputs(lane: Lane) -> UpdateInputs | None:
    return None if lane.request is None else lane.request.inputs
