"""The writer thread: batches, answers, faulty operations, a full queue, a disk that refuses."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from storage import Project, StorageError
from storage.sqlite import writing_engine
from storage.writer import Writer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "plain.db"
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE numbers (n INTEGER PRIMARY KEY)")
        raw.execute("CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT)")
    raw.close()
    return path


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    writer = Writer(writing_engine(path), path, capacity=50)
    yield writer
    writer.close()


def add(number: int) -> Callable[[Connection], Any]:
    return lambda connection: connection.exec_driver_sql("INSERT INTO numbers VALUES (?)", (number,)).rowcount


def numbers(path: Path) -> list[int]:
    with sqlite3.connect(path) as raw:
        found = [row[0] for row in raw.execute("SELECT n FROM numbers ORDER BY n")]
    raw.close()
    return found


def test_posted_operations_are_committed_soon_without_being_waited_for(writer: Writer, path: Path) -> None:
    for number in range(10):
        writer.post(add(number))
    deadline = time.monotonic() + 5
    while numbers(path) != list(range(10)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert numbers(path) == list(range(10))


def test_a_call_returns_after_the_commit_and_after_what_was_posted_before(writer: Writer, path: Path) -> None:
    writer.post(add(1))
    assert writer.call(lambda connection: connection.exec_driver_sql("SELECT max(n) FROM numbers").scalar()) == 1
    assert numbers(path) == [1]


def test_a_faulty_operation_costs_nothing_but_itself(
    writer: Writer, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fails_half_way(connection: Connection) -> None:
        add(100)(connection)
        raise KeyError("half-way")

    with caplog.at_level(logging.ERROR):
        for operation in (add(1), add(1), fails_half_way, add(2)):
            writer.post(operation)
        with pytest.raises(IntegrityError):
            writer.call(add(2))
        assert writer.call(add(3)) == 1
    assert numbers(path) == [1, 2, 3]
    assert writer.refused == 2
    assert "half-way" in caplog.text
    assert writer.fault is None


def test_a_call_gets_its_own_error_only(writer: Writer) -> None:
    def fails(_: Connection) -> None:
        raise ValueError("mine")

    answers: list[object] = []
    threads = [threading.Thread(target=lambda n=n: answers.append(writer.call(add(n)))) for n in range(5)]
    for thread in threads:
        thread.start()
    with pytest.raises(ValueError, match="mine"):
        writer.call(fails)
    for thread in threads:
        thread.join()
    assert answers == [1] * 5


def test_operations_of_many_threads_all_arrive(writer: Writer, path: Path) -> None:
    def post(start: int) -> None:
        for number in range(start, start + 200):
            writer.post(add(number))

    threads = [threading.Thread(target=post, args=(start,)) for start in range(0, 800, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()  # more than the capacity: posting waits, nothing is dropped
    writer.flush()
    assert numbers(path) == list(range(800))


def test_closing_commits_what_is_pending_and_then_takes_nothing(path: Path) -> None:
    writer = Writer(writing_engine(path), path, interval=60)
    for number in range(5):
        writer.post(add(number))
    writer.close()
    assert numbers(path) == list(range(5))
    with pytest.raises(StorageError, match="is closed"):
        writer.post(add(9))
    writer.close()


class Refusal:
    """Makes SQLite itself refuse: the database may not grow beyond the pages that it has."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.set_pages(1)

    def set_pages(self, pages: int) -> None:
        driver = self.writer._engine.raw_connection()
        driver.execute(f"PRAGMA max_page_count={pages}")
        driver.close()


BLOB = "INSERT INTO about VALUES (?, hex(zeroblob(20000)))"


def test_what_a_full_database_refuses_is_kept_and_saved_once_when_there_is_room(writer: Writer, path: Path) -> None:
    writer.post(add(1))
    writer.flush()
    refusal = Refusal(writer)
    for number in (2, 3):
        writer.post(add(number))
    writer.post(lambda connection: connection.exec_driver_sql(BLOB, ("large",)))
    with pytest.raises(StorageError, match="full"):
        writer.call(add(99))
    assert writer.fault is not None
    assert "kept in memory" in writer.fault.safe
    assert writer.unsaved == 3
    writer.post(add(4))
    assert numbers(path) == [1]
    refusal.set_pages(1_000_000)
    writer.flush()
    assert writer.fault is None
    assert numbers(path) == [1, 2, 3, 4]  # once each; the call that was told is not done after all


def test_the_fault_ends_by_itself(writer: Writer, path: Path) -> None:
    refusal = Refusal(writer)
    with pytest.raises(StorageError):
        writer.call(lambda connection: connection.exec_driver_sql(BLOB, ("large",)))
    assert writer.fault is not None
    refusal.set_pages(1_000_000)
    deadline = time.monotonic() + 10
    while writer.fault is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert writer.fault is None


def test_closing_tells_how_much_is_lost(path: Path) -> None:
    writer = Writer(writing_engine(path), path)
    writer.flush()
    Refusal(writer)
    for number in range(7):
        writer.post(lambda connection, number=number: connection.exec_driver_sql(BLOB, (str(number),)))
    with pytest.raises(StorageError, match="7 operations could not be saved"):
        writer.close()


def test_a_database_that_another_program_locks_is_waited_for(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.writer.call(lambda connection: connection.exec_driver_sql("PRAGMA busy_timeout=50").close())
    raw = sqlite3.connect(project.folder / "project.db", isolation_level=None)
    raw.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="Another program keeps the database"):
        project.writer.flush()
    group = "INSERT INTO run_groups (uuid, name, kind, info, created) VALUES ('u', 'g', 'seeds', '{}', 0)"
    project.writer.post(lambda connection: connection.exec_driver_sql(group))
    raw.execute("ROLLBACK")
    raw.close()
    project.writer.flush()
    assert project.runs.group(1).name == "g"
