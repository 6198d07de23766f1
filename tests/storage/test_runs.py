"""The table of runs: states, marks, queue, lineage, truncation."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from storage import TRANSITIONS, Project, RunFilter, RunState, StateRefused, StorageError, UnknownRun, open_project

AddRun = Callable[..., int]


def test_a_run_comes_back_as_it_was_made(project: Project, add_run: AddRun) -> None:
    group = project.runs.create_group("quick x 3", info={"seeds": [1, 2, 3]})
    fields: dict[str, Any] = {
        "name": "mine",
        "seed": 2**40,
        "spec": {"settings": {"rates": [1e-4, 3]}},
        "group_id": group,
        "study": "k",
        "preset": "alm-quick",
        "versions": {"torch": "2.13"},
        "host": {"cpu": "x"},
    }
    row = project.runs.get(add_run(project, **fields))
    assert {name: getattr(row, name) for name in fields} == fields
    assert (row.id, row.status, row.step, row.updates, row.queue_position) == (1, RunState.QUEUED, 0, 0, 1)
    assert (row.latest_return, row.started, row.fault, row.tags, row.note) == (None, None, None, (), "")
    assert row.created == pytest.approx(time.time(), abs=30)
    assert project.runs.group(group).info == {"seeds": [1, 2, 3]}
    with pytest.raises(UnknownRun, match="group 9"):
        project.runs.group(9)


def test_a_spec_must_be_strict_json(project: Project, add_run: AddRun) -> None:
    with pytest.raises(ValueError, match="JSON"):
        add_run(project, spec={"x": float("nan")})
    assert project.runs.count() == 0


WAYS = {  # how to bring a fresh run into each state
    RunState.QUEUED: [],
    RunState.RUNNING: [RunState.RUNNING],
    **{state: [RunState.RUNNING, state] for state in RunState if state not in {RunState.QUEUED, RunState.RUNNING}},
}


@pytest.mark.parametrize("before", list(RunState))
def test_only_allowed_changes_of_state_are_made(project: Project, add_run: AddRun, before: RunState) -> None:
    for after in RunState:
        run_id = add_run(project)
        for state in WAYS[before]:
            project.runs.change_state(run_id, state)
        events = len(project.log.read(run_id))
        if after in TRANSITIONS[before]:
            project.runs.change_state(run_id, after, "because")
            assert project.runs.get(run_id).status is after
            event = project.log.read(run_id)[-1]
            assert (event.kind, event.data["from"], event.data["to"]) == ("state", before, after)
            assert event.data["reason"] == "because"
        else:
            with pytest.raises(StateRefused, match=f"is {before} and cannot become {after}"):
                project.runs.change_state(run_id, after)
            assert project.runs.get(run_id).status is before
            assert len(project.log.read(run_id)) == events


def test_states_carry_times_owner_and_fault(project: Project, add_run: AddRun) -> None:
    run_id = add_run(project, RunState.RUNNING)
    row = project.runs.get(run_id)
    assert row.owner_pid == os.getpid()
    assert row.started is not None
    assert row.heartbeat is not None
    assert row.next_heartbeat is not None
    assert row.next_heartbeat > row.heartbeat
    assert row.queue_position is None
    project.runs.change_state(run_id, RunState.FAILED, "loss/value was not finite at step 7", fault="Traceback ...")
    row = project.runs.get(run_id)
    assert (row.owner_pid, row.next_heartbeat, row.fault) == (None, None, "Traceback ...")
    assert row.reason == "loss/value was not finite at step 7"
    assert row.ended is not None
    project.runs.change_state(run_id, RunState.RUNNING)
    again = project.runs.get(run_id)
    assert (again.ended, again.fault, again.started) == (None, None, row.started)
    with pytest.raises(UnknownRun, match="run 99"):
        project.runs.change_state(99, RunState.RUNNING)


def test_only_a_paused_run_is_put_away(project: Project, add_run: AddRun) -> None:
    run_id = add_run(project, RunState.RUNNING)
    with pytest.raises(StateRefused, match="is not paused"):
        project.runs.put_away(run_id)
    project.runs.change_state(run_id, RunState.PAUSED)
    project.runs.put_away(run_id)
    assert project.runs.get(run_id).owner_pid is None


def test_a_heartbeat_is_noted(project: Project, add_run: AddRun) -> None:
    run_id = add_run(project, RunState.RUNNING)
    project.runs.heartbeat(run_id, 100, 50, 3.5, float("nan"), 12.5, 30.0, 15.0, next_in_seconds=10)
    project.writer.flush()
    row = project.runs.get(run_id)
    assert (row.step, row.updates, row.active_seconds, row.latest_return, row.best_return) == (100, 50, 3.5, None, 12.5)
    assert (row.steps_per_second, row.updates_per_second) == (30.0, 15.0)
    assert row.heartbeat is not None
    assert row.next_heartbeat == pytest.approx(row.heartbeat + 10)


def test_runs_are_found_by_number_name_and_uuid(project: Project, add_run: AddRun) -> None:
    first, second = add_run(project, name="cheetah alm"), add_run(project, name="walker alm")
    add_run(project, name="2024")
    assert project.runs.find("2").id == second
    assert project.runs.find(" cheetah alm ").id == first
    assert project.runs.find(project.runs.get(second).uuid[:8].upper()).id == second
    assert project.runs.find("2024").id == 3
    with pytest.raises(UnknownRun, match=re.escape("Near to it: 1 (cheetah alm)")):
        project.runs.find("cheeta alm")
    with pytest.raises(UnknownRun, match="There is no run 77"):
        project.runs.find("77")
    add_run(project, name="cheetah alm")
    with pytest.raises(UnknownRun, match="fits 2 runs: 1, 4"):
        project.runs.find("cheetah alm")
    with pytest.raises(UnknownRun, match="There is no run 99999999999999999999"):
        project.runs.find("99999999999999999999")


def test_marks_are_kept(project: Project, add_run: AddRun) -> None:
    run_id = add_run(project)
    project.runs.set_tags(run_id, ["b", " a ", "b", ""])
    project.runs.set_note(run_id, "learns\nslowly")
    project.runs.rename(run_id, " new ")
    project.runs.star(run_id)
    project.runs.archive(run_id)
    project.runs.set_total_steps(run_id, 24_000)
    project.runs.set_versions(run_id, {"torch": "3"})
    row = project.runs.get(run_id)
    assert (row.tags, row.note, row.name, row.starred, row.archived) == (
        ("a", "b"),
        "learns\nslowly",
        "new",
        True,
        True,
    )
    assert (row.total_steps, row.versions) == (24_000, {"torch": "3"})
    project.runs.set_tags(run_id, [])
    project.runs.star(run_id, False)
    assert (project.runs.get(run_id).tags, project.runs.get(run_id).starred) == ((), False)
    with pytest.raises(StorageError, match="cannot be empty"):
        project.runs.rename(run_id, " ")
    for change in (project.runs.star, project.runs.undelete, project.runs.put_away, project.runs.purge):
        with pytest.raises(UnknownRun):
            change(99)
    with pytest.raises(UnknownRun):
        project.runs.set_tags(99, ["a"])


def test_deleting_goes_by_the_bin(project: Project, add_run: AddRun) -> None:
    run_id = add_run(project, RunState.RUNNING)
    with pytest.raises(StateRefused, match="has not ended"):
        project.runs.delete(run_id)
    project.runs.change_state(run_id, RunState.FINISHED)
    project.runs.set_tags(run_id, ["a"])
    project.series.append(run_id, "m", 1, 1, 1.0, 1.0, 1.0)
    file = project.artifacts.file(project.artifacts.save(run_id, "snapshot", 1, "s", {}, {}).path)
    with pytest.raises(StateRefused, match="not in the bin"):
        project.runs.purge(run_id)
    project.runs.delete(run_id)
    assert project.runs.page() == []
    assert [row.id for row in project.runs.page(RunFilter(deleted=True))] == [run_id]
    project.runs.undelete(run_id)
    assert project.runs.count() == 1
    project.runs.delete(run_id)
    assert file.exists()
    project.runs.purge(run_id)
    assert not file.exists()
    assert list((project.folder / "files").iterdir()) == []
    assert project.runs.count(RunFilter(archived=None, deleted=None)) == 0
    assert project.series.metrics(run_id) == ()
    assert project.log.read(run_id) == []
    assert add_run(project) == run_id + 1  # a number is never given out twice


def test_the_queue_can_be_reordered(project: Project, add_run: AddRun) -> None:
    runs = [add_run(project) for _ in range(4)]
    project.runs.reorder(runs[3], 0)
    project.runs.reorder(runs[0], 2)

    def queue() -> list[int]:
        return [row.id for row in project.runs.page(RunFilter(statuses=["queued"]), [("queue_position", "asc")])]

    assert queue() == [4, 2, 1, 3]
    project.runs.change_state(4, RunState.RUNNING)
    project.runs.change_state(4, RunState.STOPPED)
    project.runs.change_state(4, RunState.QUEUED)
    assert queue() == [2, 1, 3, 4]
    project.runs.change_state(2, RunState.RUNNING)
    with pytest.raises(StateRefused, match="not queued"):
        project.runs.reorder(2, 0)


def test_lineage_goes_both_ways(project: Project, add_run: AddRun) -> None:
    root = add_run(project)
    middle = add_run(project, parent_run_id=root, parent_step=500)
    leaves = [add_run(project, parent_run_id=middle, parent_step=step) for step in (600, 700)]
    lineage = project.runs.lineage(middle)
    assert [row.id for row in lineage.ancestors] == [root]
    assert [row.id for row in lineage.children] == leaves
    row = project.runs.get(leaves[0])
    assert (row.parent_run_id, row.parent_step, row.parent_uuid) == (middle, 600, project.runs.get(middle).uuid)
    assert [row.id for row in project.runs.lineage(leaves[1]).ancestors] == [root, middle]
    with pytest.raises(UnknownRun):
        add_run(project, parent_run_id=99)


def test_a_resumed_run_goes_back_to_its_checkpoint_in_one_step(project: Project, add_run: AddRun) -> None:
    run_id = add_run(project, RunState.RUNNING)
    for step in range(1, 2001):
        rows = [("loss/a", step, step // 2, step / 100, 0.0, 1.0)]
        if step % 500 == 0:
            rows.append(
                ("evaluation/return", step, step // 2, step / 100, 0.0, [0.0, 9.0, 4.0, 99.0, 7.0][step // 500])
            )
        project.series.append_many(run_id, rows)
    entries = {"episode": (900, 1100), "fault": (1800,), "resume": (1900,), "quarantine": (1950,), "state": (2000,)}
    for kind, step in ((kind, step) for kind, steps in entries.items() for step in steps):
        project.log.append(run_id, kind, step, step // 2, 0.0, {})
    kept = project.artifacts.save(run_id, "resume", 1000, "resume-1000", {"w": np.ones(3)}, {"replay_segments": []})
    gone = project.artifacts.save(run_id, "snapshot", 1001, "snapshot-1001", {"w": np.ones(3)}, {})
    project.runs.heartbeat(run_id, 2000, 1000, 20.0, 7.0, 99.0, 1.0, 1.0, 30)
    project.runs.truncate_after(run_id, 1000)
    row = project.runs.get(run_id)
    assert (row.step, row.updates, row.active_seconds) == (1000, 500, 10.0)
    assert (row.latest_return, row.best_return) == (4.0, 9.0)
    assert project.series.latest(run_id) == {"evaluation/return": (1000, 4.0), "loss/a": (1000, 1.0)}
    kinds = [(event.kind, event.step) for event in project.log.read(run_id)]
    later = [("fault", 1800), ("resume", 1900), ("quarantine", 1950), ("state", 2000)]
    assert kinds == [("state", 0), ("episode", 900), *later]
    assert project.artifacts.list(run_id) == (kept,)
    assert not project.artifacts.file(gone.path).exists()
    project.artifacts.load(kept)
    project.runs.truncate_after(run_id, 0)
    row = project.runs.get(run_id)
    assert (row.step, row.updates, row.active_seconds, row.latest_return, row.best_return) == (0, 0, 0.0, None, None)
    with pytest.raises(UnknownRun):
        project.runs.truncate_after(99, 0)


def test_the_log_is_read_in_parts(project: Project, add_run: AddRun) -> None:
    run_id = add_run(project)
    for number in range(6):
        project.log.append(
            run_id, "even" if number % 2 == 0 else "odd", number, 0, 1.5, {"n": number, "x": [None, 0.5]}
        )
    project.writer.flush()
    rows = project.log.read(run_id)
    assert [row.data["n"] for row in rows] == list(range(6))
    assert (rows[3].step, rows[3].wall_time, rows[3].data) == (3, 1.5, {"n": 3, "x": [None, 0.5]})
    assert [row.data["n"] for row in project.log.read(run_id, ["odd"], after=rows[1].id)] == [3, 5]
    assert [row.data["n"] for row in project.log.read(run_id, limit=2)] == [0, 1]


def test_a_table_of_two_thousand_runs_is_paged_quickly(project: Project, add_run: AddRun) -> None:
    first = project.runs.get(add_run(project))
    copies = (
        "INSERT INTO runs (uuid, name, agent, environment, seed, device, precision, spec, content_hash, total_steps, "
        "versions, host, status, reason, step, updates, active_seconds, created, note, starred, archived) "
        "WITH RECURSIVE counter(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counter WHERE n < 1999) "
        "SELECT hex(randomblob(16)), name || n, agent, environment, n, device, precision, spec, content_hash, "
        "total_steps, versions, host, 'finished', '', n, n, 0, created, '', 0, 0 FROM runs, counter"
    )
    project.writer.call(lambda connection: connection.exec_driver_sql(copies).rowcount)
    assert first.id == 1
    with open_project(project.folder) as reader:
        reader.runs.page(limit=1)
        start = time.perf_counter()
        page = reader.runs.page(RunFilter(text="quick", expression="step > 500"), [("step", "desc")], limit=100)
        count = reader.runs.count(RunFilter(expression="settings.rollout_length = 3"))
        elapsed = time.perf_counter() - start
    assert ([row.step for row in page], count) == (list(range(1999, 1899, -1)), 2000)
    assert elapsed < 0.2
