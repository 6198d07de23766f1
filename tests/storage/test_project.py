"""Opening a project: made, read beside a writer, locked, damaged, newer, older, without the right to write."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import storage
from storage import (
    Project,
    ProjectDamaged,
    ProjectLocked,
    ProjectMissing,
    ProjectReadOnly,
    ProjectTooNew,
    ProjectTooOld,
    RunState,
    StorageError,
    default_project_folder,
    migrations,
    open_project,
)
from storage.sqlite import reading_engine
from storage.tables import Base

Start = Callable[..., "subprocess.Popen[str]"]
AddRun = Callable[..., int]


def test_a_project_is_made_and_read_again(folder: Path, add_run: AddRun) -> None:
    with open_project(folder, write=True) as project:
        run_id = add_run(project, name="first")
        assert project.writable
        assert project.host_pid_info is not None
        assert (project.host_pid_info.pid, project.host_pid_info.host) == (os.getpid(), socket.gethostname())
    with open_project(str(folder)) as project:
        assert project.runs.get(run_id).name == "first"
        assert project.host_pid_info is None
        assert not project.writable


def test_a_reader_sees_what_a_writer_committed_and_changes_nothing(project: Project, add_run: AddRun) -> None:
    with open_project(project.folder) as reader:
        run_id = add_run(project)
        assert reader.runs.get(run_id).name == "quick"
        with pytest.raises(ProjectReadOnly, match="opened for reading"):
            reader.runs.rename(run_id, "other")
        with pytest.raises(ProjectReadOnly):
            reader.log.append(run_id, "note", 0, 0, 0.0, {})


def test_reading_needs_a_project(tmp_path: Path) -> None:
    with pytest.raises(ProjectMissing, match=str(tmp_path / "none")):
        open_project(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_the_default_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_project_folder().name == "project"
    assert default_project_folder().parent.name == "foresight"


def test_folder_names_may_hold_what_a_uri_may_not(tmp_path: Path, add_run: AddRun) -> None:
    folder = tmp_path / "50% of #1? ünd more"
    with open_project(folder, write=True) as project:
        add_run(project)
    with open_project(folder) as project:
        assert project.runs.count() == 1


def test_a_second_writer_in_this_process_is_refused(project: Project) -> None:
    with pytest.raises(ProjectLocked, match=f"process {os.getpid()} on {socket.gethostname()}"):
        open_project(project.folder, write=True)


HOLD = """
import sys
from storage import open_project
with open_project(sys.argv[1], write=True) as project:
    print(project.host_pid_info.since, flush=True)
    sys.stdin.readline()
"""


def test_a_second_writing_process_is_told_who_holds_the_project(folder: Path, start: Start) -> None:
    process = start(HOLD, folder)
    assert process.stdout is not None
    since = float(process.stdout.readline())
    with pytest.raises(ProjectLocked, match=f"process {process.pid} on {socket.gethostname()} since 20") as refused:
        open_project(folder, write=True)
    assert (refused.value.pid, refused.value.host) == (process.pid, socket.gethostname())
    assert refused.value.since == pytest.approx(since)
    with open_project(folder) as reader:
        assert reader.host_pid_info is not None
        assert reader.host_pid_info.pid == process.pid
    process.communicate("go\n", timeout=20)
    with open_project(folder, write=True) as project:
        assert project.writable


RUNNING = """
import os, sys
from storage import NewRun, RunState, open_project
project = open_project(sys.argv[1], write=True)
for name in ("queued", "running", "pausing", "paused", "put away", "stopping", "finished"):
    run_id = project.runs.create(NewRun(name=name, agent="alm", environment="Ant-v5", seed=1, device="cpu",
        precision="float32", spec={}, content_hash="", total_steps=1))
    if name != "queued":
        project.runs.change_state(run_id, RunState.RUNNING)
    if name not in ("queued", "running"):
        project.runs.change_state(run_id, RunState("paused" if name == "put away" else name))
    if name == "put away":
        project.runs.put_away(run_id)
print("ready", flush=True)
sys.stdin.readline()
os.kill(os.getpid(), 9)
"""
ALIVE = {name: name for name in ("queued", "running", "pausing", "paused", "stopping", "finished")}
DEAD = dict.fromkeys(("running", "pausing", "paused", "stopping"), "interrupted")


def wait_for_end(process: subprocess.Popen[str]) -> None:
    """Waits until a process has ended, without taking note of it: its number is still taken, as with a busy parent."""
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)


def statuses(project: Project) -> dict[str, str]:
    return {row.name: str(row.status) for row in project.runs.page()}


def test_runs_of_a_dead_process_are_interrupted(folder: Path, start: Start) -> None:
    process = start(RUNNING, folder)
    assert process.stdout is not None
    process.stdout.readline()
    with open_project(folder) as reader:
        assert statuses(reader) == ALIVE | {"put away": "paused"}
        assert process.stdin is not None
        process.stdin.write("die\n")
        process.stdin.flush()
        wait_for_end(process)
        # The reader shows it without writing, and filters and sorts by what it shows.
        assert statuses(reader) == ALIVE | {"put away": "paused"} | DEAD
        shown = reader.runs.page(storage.RunFilter(statuses=[RunState.INTERRUPTED]), [("status", "asc")])
        assert {row.name for row in shown} == DEAD.keys()
        assert shown[0].reason == "The process that ran it is gone."
        assert reader.runs.count(storage.RunFilter(expression="status = running")) == 0
    with sqlite3.connect(folder / "project.db") as raw:
        assert raw.execute("SELECT count(*) FROM runs WHERE status = 'interrupted'").fetchone() == (0,)
    raw.close()
    with open_project(folder, write=True) as project:
        assert statuses(project) == ALIVE | {"put away": "paused"} | DEAD
        assert len(project.interrupted) == 4
        event = project.log.read(project.interrupted[0], ["state"])[-1]
        assert event.data["to"] == "interrupted"
    with open_project(folder, write=True) as project:
        assert project.interrupted == ()


def test_a_run_of_another_host_lives_as_long_as_its_heartbeats(project: Project, add_run: AddRun) -> None:
    run_id = add_run(project, RunState.RUNNING)
    project.runs.heartbeat(run_id, 1, 1, 1.0, None, None, None, None, next_in_seconds=30)
    set_owner = "UPDATE runs SET owner_host = 'elsewhere', owner_pid = 1"
    project.writer.call(lambda connection: connection.exec_driver_sql(set_owner).rowcount)
    with open_project(project.folder) as reader:
        assert reader.runs.get(run_id).status is RunState.RUNNING
        late = "UPDATE runs SET heartbeat = heartbeat - 61, next_heartbeat = next_heartbeat - 61"
        project.writer.call(lambda connection: connection.exec_driver_sql(late).rowcount)
        assert reader.runs.get(run_id).status is RunState.INTERRUPTED


# --- damaged, newer, older


@pytest.fixture
def closed(folder: Path, add_run: AddRun) -> Path:
    with open_project(folder, write=True) as project:
        for seed in range(50):
            add_run(project, seed=seed)
    return folder / "project.db"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def refused_untouched(path: Path, kind: type[StorageError], match: str) -> None:
    before = digest(path)
    for write in (False, True):
        with pytest.raises(kind, match=match) as refused:
            open_project(path.parent, write=write)
        assert refused.value.safe.startswith("Nothing was changed")
        assert refused.value.remedy
    assert digest(path) == before


def test_garbage_is_refused_untouched(closed: Path) -> None:
    closed.write_bytes(os.urandom(20_000))
    refused_untouched(closed, ProjectDamaged, "is damaged")


def test_a_truncated_database_is_refused_untouched(closed: Path) -> None:
    with closed.open("rb+") as stream:
        stream.truncate(closed.stat().st_size // 2)
    before = digest(closed)
    with pytest.raises(ProjectDamaged, match="is damaged"):
        open_project(closed.parent, write=True)
    with pytest.raises(ProjectDamaged), open_project(closed.parent) as project:
        project.runs.page()
    assert digest(closed) == before


def test_damage_inside_is_found(closed: Path) -> None:
    with closed.open("rb+") as stream:
        for page in range(8, closed.stat().st_size // 4096):
            stream.seek(page * 4096)
            stream.write(os.urandom(64))
    with pytest.raises(ProjectDamaged, match="is damaged"):
        open_project(closed.parent, write=True)


def test_an_emptied_database_of_a_project_with_files_is_refused(closed: Path) -> None:
    (closed.parent / "files" / "a-run").mkdir()
    (closed.parent / "files" / "a-run" / "resume").mkdir()
    closed.write_bytes(b"")
    refused_untouched(closed, ProjectDamaged, "it is empty")


def test_another_programs_database_is_refused(folder: Path) -> None:
    folder.mkdir()
    with sqlite3.connect(folder / "project.db") as raw:
        raw.execute("CREATE TABLE songs (title)")
    raw.close()
    refused_untouched(folder / "project.db", ProjectDamaged, "another program")


def test_a_newer_project_is_refused_naming_its_author(closed: Path) -> None:
    with sqlite3.connect(closed) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '99'")
        raw.execute("UPDATE about SET value = '7.8.9' WHERE key = 'written_by'")
        raw.execute("DROP TABLE runs")
    raw.close()
    refused_untouched(closed, ProjectTooNew, r"Foresight 7\.8\.9")


REVISION_2 = """
import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"


def upgrade():
    op.add_column("runs", sa.Column("colour", sa.String(), nullable=False, server_default="blue"))
    op.create_table("extra", sa.Column("id", sa.Integer(), primary_key=True))
    {fault}
"""


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes this application one that knows a second revision, which may hold a fault."""

    def make(fault: str = "") -> None:
        scripts = tmp_path / "migrations"
        shutil.copytree(migrations.SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
        (scripts / "versions" / "revision_2.py").write_text(REVISION_2.format(fault=fault))
        monkeypatch.setattr(migrations, "SCRIPTS", scripts)

    return make


def revision_of(path: Path) -> str:
    with sqlite3.connect(path) as raw:
        revision = raw.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    raw.close()
    return str(revision)


def test_an_older_project_is_backed_up_and_migrated(closed: Path, later: Callable[..., None]) -> None:
    later()
    with pytest.raises(ProjectTooOld, match="schema 1 of an earlier Foresight"):
        open_project(closed.parent)
    with open_project(closed.parent, write=True) as project:
        assert project.runs.count() == 50
    assert revision_of(closed) == "2"
    with sqlite3.connect(closed) as raw:
        assert raw.execute("SELECT DISTINCT colour FROM runs").fetchall() == [("blue",)]
    raw.close()
    backup = closed.with_name("project-revision-1.backup.db")
    assert revision_of(backup) == "1"


def test_a_migration_that_fails_changes_nothing(closed: Path, later: Callable[..., None]) -> None:
    later("raise RuntimeError('broken half-way')")
    with pytest.raises(StorageError, match="broken half-way") as refused:
        open_project(closed.parent, write=True)
    assert "backup" in refused.value.safe
    assert revision_of(closed) == "1"
    with sqlite3.connect(closed) as raw:
        assert raw.execute("SELECT count(*) FROM runs").fetchone() == (50,)
        assert raw.execute("SELECT name FROM sqlite_master WHERE name = 'extra'").fetchone() is None
        assert "colour" not in raw.execute("SELECT sql FROM sqlite_master WHERE name = 'runs'").fetchone()[0]
    raw.close()


def test_a_start_that_died_before_the_first_revision_is_no_obstacle(folder: Path) -> None:
    folder.mkdir()
    with sqlite3.connect(folder / "project.db") as raw:
        raw.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    raw.close()
    with open_project(folder, write=True) as project:
        assert project.runs.count() == 0


def test_the_migrations_make_the_tables_that_the_code_uses(project: Project) -> None:
    engine = reading_engine(project.folder / "project.db", lambda: True)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    config = Config()
    config.set_main_option("script_location", str(migrations.SCRIPTS))
    heads = ScriptDirectory.from_config(config).get_heads()
    assert heads == [str(migrations.head())]
