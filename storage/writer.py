"""The one thread that writes: it takes operations from everybody and commits them in batches."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar, cast, runtime_checkable

from sqlalchemy import Connection, Engine, update
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from storage.errors import StorageError
from storage.sqlite import storage_error
from storage.tables import About

T = TypeVar("T")
Operation = Callable[[Connection], Any]
_Outcome = tuple[Future[Any], Any, Exception | None]  # who waits, the result, what was raised instead
_URGENT_LENGTH = 5_000
_logger = logging.getLogger(__name__)


@runtime_checkable
class Mergeable(Protocol):
    """An operation that can do the work of its like that follow it at once; a batch of them costs one statement."""

    def __call__(self, connection: Connection) -> Any: ...

    def merged(self, others: Sequence[Self]) -> Operation:
        """One operation that does what this one and then the others do."""
        ...


@dataclass(slots=True)
class _Pending:
    operation: Operation
    answer: Future[Any] | None  # None: posted, nobody waits


class Writer:
    """Owns the connection that writes.

    An operation gets a connection inside a transaction and must have no other effect, because a batch that the disk
    refused is run again. A batch is one transaction, begun at most `interval` seconds after its first operation was
    handed in. An operation that raises is left out; the others of its batch are kept.

    On a full disk or another fault of the database as a whole, `fault` is set, posted operations stay in memory in
    their order, and the batch is tried again with growing pauses until it succeeds, which clears `fault`; those who
    wait in `call` are told at once, and what they asked for is dropped.
    """

    def __init__(
        self, engine: Engine, path: Path, *, interval: float = 0.25, capacity: int = 50_000, longest_pause: float = 5.0
    ) -> None:
        self._engine = engine
        self._path = path
        self._interval = interval
        self._capacity = capacity
        self._longest_pause = longest_pause
        self._changed = threading.Condition()
        self._queue: deque[_Pending] = deque()
        self._batch: list[_Pending] = []
        self._urgent = False
        self._closing = False
        self._closing_before_batch = False
        self._fault: StorageError | None = None
        self._refused = 0
        self._saved_at = time.time()
        self._thread = threading.Thread(target=self._work, name="storage writer", daemon=True)
        self._thread.start()

    @property
    def fault(self) -> StorageError | None:
        """Why nothing can be saved at the moment; None when all is well."""
        return self._fault

    @property
    def refused(self) -> int:
        """How many posted operations raised and were left out since the start (each is in the Python log)."""
        return self._refused

    @property
    def saved_at(self) -> float:
        """When the last batch was committed (seconds since 1970), at first when the writer began."""
        return self._saved_at

    @property
    def unsaved(self) -> int:
        """How many operations wait to be committed."""
        return len(self._queue) + len(self._batch)

    def post(self, operation: Operation) -> None:
        """Hands in an operation and returns at once; waits only while too many are pending.

        Raises StorageError after `close`.
        """
        with self._changed:
            while not self._closing and self.unsaved >= self._capacity:
                self._urgent = True
                self._changed.notify_all()
                self._changed.wait()
            self._enqueue(_Pending(operation, None), urgent=len(self._queue) >= _URGENT_LENGTH)

    def call(self, operation: Callable[[Connection], T]) -> T:
        """Hands in an operation, waits for its commit and returns its result.

        Everything posted before is committed with it or earlier. Raises what the operation raised, or the writer's
        fault when the disk refuses; then the operation has no effect.
        """
        answer: Future[T] = Future()
        with self._changed:
            self._enqueue(_Pending(operation, answer), urgent=True)
        return answer.result()

    def flush(self) -> None:
        """Waits until everything posted so far is committed; raises the writer's fault when it cannot be."""
        self.call(lambda _connection: None)

    def close(self) -> None:
        """Commits what is pending and ends the thread; raises the fault with the number of unsaved operations."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        self._engine.dispose()
        fault, lost = self._fault, self.unsaved
        if fault is not None and lost:
            self._queue.clear()
            self._batch.clear()
            raise type(fault)(
                f"{lost} operations could not be saved. {fault.what}",
                "What was committed before is safe.",
                "Free some space on that disk, then resume the runs from their last resume points.",
            )

    def _enqueue(self, pending: _Pending, *, urgent: bool) -> None:
        if self._closing:
            raise StorageError(f"The project {self._path.parent} is closed.", remedy="Open it again.")
        self._queue.append(pending)
        if urgent or len(self._queue) == 1:
            self._urgent = self._urgent or urgent
            self._changed.notify_all()

    def _work(self) -> None:
        while self._wait_for_work():
            pause = self._interval
            while True:
                last_try = self._closing_before_batch
                if self._write_batch():
                    break
                if last_try:
                    return
                with self._changed:
                    self._changed.wait_for(lambda: self._urgent or self._closing, timeout=pause)
                    self._take_queue()
                pause = min(2 * pause, self._longest_pause)

    def _wait_for_work(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing)
            self._changed.wait_for(lambda: self._urgent or self._closing, timeout=self._interval)
            self._take_queue()
            return bool(self._batch)

    def _take_queue(self) -> None:
        self._batch.extend(self._queue)
        self._queue.clear()
        self._urgent = False
        self._closing_before_batch = self._closing

    def _write_batch(self) -> bool:
        """Commits the batch; False when the database as a whole refuses, which leaves posted operations in it."""
        batch = self._batch or [_Pending(_probe, None)]
        try:
            outcomes = self._run(batch)
        except SQLAlchemyError as error:
            self._fault = self._fault_of(error) or StorageError(f"Saving in {self._path} failed ({error}).")
            with self._changed:
                self._batch = [pending for pending in self._batch if pending.answer is None]
            for pending in batch:
                if pending.answer is not None:
                    pending.answer.set_exception(self._fault)
            return False
        self._fault = None
        self._saved_at = time.time()
        with self._changed:
            self._batch = []
            self._changed.notify_all()
        for answer, result, failure in outcomes:
            if failure is not None:
                answer.set_exception(failure)
            else:
                answer.set_result(result)
        return True

    def _fault_of(self, error: Exception) -> StorageError | None:
        return storage_error(error, self._path) if isinstance(error, DBAPIError) else None

    def _run(self, batch: list[_Pending]) -> list[_Outcome]:
        """Runs a batch as one transaction; where an operation raises, again with a savepoint around each."""
        try:
            with self._engine.begin() as connection:
                results = [(pending.answer, pending.operation(connection)) for pending in _merged(batch)]
            return [(answer, result, None) for answer, result in results if answer is not None]
        except Exception as error:
            if self._fault_of(error) is not None:
                raise
            _logger.debug("an operation of a batch failed; all are run again, one by one", exc_info=True)
        with self._engine.begin() as connection:
            outcomes = [self._run_apart(connection, pending) for pending in batch]
        return [outcome for outcome in outcomes if outcome is not None]

    def _run_apart(self, connection: Connection, pending: _Pending) -> _Outcome | None:
        try:
            with connection.begin_nested():
                result = pending.operation(connection)
        except Exception as error:
            if self._fault_of(error) is not None:
                raise
            if pending.answer is not None:
                return pending.answer, None, error
            self._refused += 1
            _logger.exception("a posted operation failed and was left out")
            return None
        return None if pending.answer is None else (pending.answer, result, None)


def _merged(batch: list[_Pending]) -> list[_Pending]:
    """The batch with runs of like, mergeable operations made one each."""
    merged: list[_Pending] = []
    for kind, alike in groupby(batch, key=_kind):
        run = list(alike)
        if kind is None or len(run) == 1:
            merged.extend(run)
        else:
            first, *others = (cast("Mergeable", pending.operation) for pending in run)
            merged.append(_Pending(first.merged(others), None))
    return merged


def _kind(pending: _Pending) -> type | None:
    mergeable = pending.answer is None and isinstance(pending.operation, Mergeable)
    return type(pending.operation) if mergeable else None


def _probe(connection: Connection) -> None:
    """Writes without changing anything, to learn whether the disk takes it again."""
    connection.execute(update(About).values(value=About.value))
