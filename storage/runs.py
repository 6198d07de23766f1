"""The table of runs: create, find, page, mark, order, truncate."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from difflib import get_close_matches
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Select, delete, func, insert, or_, select, update

from storage.database import Database
from storage.errors import StateRefused, UnknownRun
from storage.names import checked_name, one_line
from storage.run_filters import RunFilter, order
from storage.run_lines import RunLine, line_key, line_keys, lines
from storage.run_rows import GroupRow, Lineage, NewRun, RunRow, run_row, select_rows, shown
from storage.run_states import ENDED_STATES, RunState, change_state
from storage.tables import Run, RunGroup, RunTag
from storage.truncation import truncate_run


class Runs:
    """What is known of every run. Whatever changes a run waits for its commit, except `heartbeat`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- making

    def create(self, new: NewRun) -> int:
        """Adds a queued run, at the end of the queue, and returns its number.

        Raises ValueError when the spec is not strict JSON, UnknownRun for a parent that is not there.
        """
        json.dumps(new.spec, allow_nan=False)  # SQLite could not look into NaN or infinity

        def operation(connection: Connection) -> int:
            values = asdict(new)
            parent = values.pop("parent_run_id")
            values["parent_uuid"] = None if parent is None else _uuid_of(connection, parent)
            place = select(func.coalesce(func.max(Run.queue_position), 0) + 1).scalar_subquery()
            values |= {"uuid": str(uuid4()), "created": time.time(), "status": RunState.QUEUED.value}
            row = insert(Run).values(**values, queue_position=place).returning(Run.id)
            return connection.execute(row).scalar_one()

        return self._database.writer.call(operation)

    def create_group(self, name: str, kind: str = "seeds", info: dict[str, Any] | None = None) -> int:
        """Adds a group and returns its number."""
        values = {"uuid": str(uuid4()), "name": name, "kind": kind, "info": info or {}, "created": time.time()}
        row = insert(RunGroup).values(values).returning(RunGroup.id)
        return self._database.writer.call(lambda connection: connection.execute(row).scalar_one())

    # --- looking

    def get(self, run_id: int) -> RunRow:
        """The run with this number. Raises UnknownRun."""
        found = self._rows(lambda query: query.where(Run.id == run_id))
        if not found:
            raise self._unknown(str(run_id))
        return found[0]

    def find(self, text: str) -> RunRow:
        """The run that a number, a name, or the beginning of a uuid (four characters or more) means.

        Raises UnknownRun, naming what is near, or all that the text fits.
        """
        text = text.strip()
        if text.isdecimal() and len(text) < 19:
            found = self._rows(lambda query: query.where(Run.id == int(text)))
            if found:
                return found[0]
        match = Run.name == text
        if len(text) >= 4:
            match = or_(match, Run.uuid.startswith(text.lower(), autoescape=True))
        found = self._rows(lambda query: query.where(match, Run.deleted.is_(None)).order_by(Run.id))
        if len(found) > 1:
            numbers = ", ".join(str(row.id) for row in found[:20])
            raise UnknownRun(f"{text} fits {len(found)} runs: {numbers}.", "", "Name the run by its number.")
        if not found:
            raise self._unknown(text)
        return found[0]

    def page(
        self,
        filter: RunFilter | None = None,
        sort: Sequence[tuple[str, str]] = (("id", "desc"),),
        limit: int | None = None,
        offset: int = 0,
    ) -> list[RunRow]:
        """The runs that a filter leaves, in order of (field, "asc" or "desc") pairs; raises ExpressionError."""
        chosen = filter or RunFilter()
        status, _ = shown(self._database)
        conditions, terms = chosen.conditions(status), order(sort, status)
        return self._rows(lambda query: query.where(*conditions).order_by(*terms).limit(limit).offset(offset))

    def count(self, filter: RunFilter | None = None) -> int:
        """How many runs a filter leaves; raises ExpressionError."""
        status, _ = shown(self._database)
        conditions = (filter or RunFilter()).conditions(status)
        with self._database.reading() as connection:
            return connection.scalar(select(func.count(Run.id)).where(*conditions)) or 0

    def lines(
        self,
        filter: RunFilter | None = None,
        sort: Sequence[tuple[str, str]] = (("id", "desc"),),
        limit: int | None = None,
        offset: int = 0,
        *,
        folded: bool = True,
    ) -> list[RunLine]:
        """The lines of a table of the runs that a filter leaves, with the runs of a group folded into one.

        The fields of `LINE_SORT_FIELDS` can be sorted by. Raises ExpressionError.
        """
        chosen = filter or RunFilter()
        status, _ = shown(self._database)
        wanted = line_keys(chosen, status, sort, folded).limit(limit).offset(offset)
        with self._database.reading() as connection:
            keys = list(connection.scalars(wanted))
        conditions = [*chosen.conditions(status), line_key(folded).in_(keys)]
        rows = self._rows(lambda query: query.where(*conditions).order_by(Run.seed, Run.id))
        return lines(keys, rows, self._groups({row.group_id for row in rows} - {None}), folded)

    def count_by_status(self, filter: RunFilter | None = None) -> dict[RunState, int]:
        """How many runs that a filter leaves are in each state; states without any are left out."""
        status, _ = shown(self._database)
        conditions = (filter or RunFilter()).conditions(status)
        with self._database.reading() as connection:
            found = connection.execute(select(status, func.count(Run.id)).where(*conditions).group_by(status))
            return {RunState(state): count for state, count in found}

    def tags(self) -> tuple[str, ...]:
        """Every tag in use, sorted."""
        with self._database.reading() as connection:
            return tuple(connection.scalars(select(RunTag.tag).distinct().order_by(RunTag.tag)))

    def group(self, group_id: int) -> GroupRow:
        """A group. Raises UnknownRun."""
        found = self._groups({group_id})
        if group_id not in found:
            raise UnknownRun(f"There is no group {group_id}.")
        return found[group_id]

    def lineage(self, run_id: int) -> Lineage:
        """The runs that a run was forked from, oldest first, and those forked from it."""
        ancestors: list[RunRow] = []
        row = self.get(run_id)
        children = self._rows(lambda query: query.where(Run.parent_uuid == row.uuid).order_by(Run.id))
        while row.parent_run_id is not None:
            row = self.get(row.parent_run_id)
            ancestors.insert(0, row)
        return Lineage(tuple(ancestors), tuple(children))

    # --- the course of a run

    def change_state(self, run_id: int, state: RunState, reason: str = "", fault: str | None = None) -> None:
        """Moves a run to a state, with a log event in the same transaction; `fault` is a traceback.

        Becoming running makes this process its owner; becoming queued puts it at the end of the queue.
        Raises StateRefused where `TRANSITIONS` does not allow it, UnknownRun.
        """
        holder = self._database.holder()
        self._database.writer.call(
            lambda connection: change_state(connection, run_id, RunState(state), reason, fault, holder)
        )

    def put_away(self, run_id: int) -> None:
        """Notes that a paused run is no longer in this process's memory, because its resume point holds everything.

        It then stays paused when the process ends; any other paused run becomes interrupted.
        """
        away = update(Run).where(Run.id == run_id, Run.status == RunState.PAUSED.value)
        self._change(away.values(owner_pid=None, owner_host=None), run_id, "is not paused")

    def heartbeat(
        self,
        run_id: int,
        step: int,
        updates: int,
        active_seconds: float,
        latest_return: float | None,
        best_return: float | None,
        steps_per_second: float | None,
        updates_per_second: float | None,
        next_in_seconds: float,
    ) -> None:
        """Posts where a run is, and promises the next heartbeat."""
        now = time.time()
        beat = (
            update(Run)
            .where(Run.id == run_id)
            .values(
                step=int(step),
                updates=int(updates),
                active_seconds=float(active_seconds),
                latest_return=_finite(latest_return),
                best_return=_finite(best_return),
                steps_per_second=_finite(steps_per_second),
                updates_per_second=_finite(updates_per_second),
                heartbeat=now,
                next_heartbeat=now + next_in_seconds,
            )
        )
        self._database.writer.post(lambda connection: connection.execute(beat))

    def truncate_after(self, run_id: int, step: int) -> None:
        """Takes a run back to a step, in one transaction: everything beyond it in series, log and artifacts goes.

        Log events of the kinds state, fault and resume stay. The run's step, updates, active seconds and returns are
        made those of what is left. Files go after the commit. Raises UnknownRun.
        """
        self.get(run_id)
        for path in self._database.writer.call(lambda connection: truncate_run(connection, run_id, step)):
            (self._database.files / path).unlink(missing_ok=True)

    def set_total_steps(self, run_id: int, total_steps: int) -> None:
        """Changes the budget (environment steps including warm-up)."""
        self._set(run_id, total_steps=int(total_steps))

    def set_spec(self, run_id: int, spec: dict[str, Any], content_hash: str) -> None:
        """Replaces a run's spec by the same one in another writing, such as with fields that came later.

        Raises ValueError when it is not strict JSON.
        """
        json.dumps(spec, allow_nan=False)
        self._set(run_id, spec=spec, content_hash=content_hash)

    def set_versions(self, run_id: int, versions: dict[str, Any]) -> None:
        """Notes the versions of the libraries that run it now."""
        self._set(run_id, versions=versions)

    def reorder(self, run_id: int, position: int) -> None:
        """Moves a queued run to a place in the queue, 0 being the next to start. Raises StateRefused."""

        def operation(connection: Connection) -> None:
            queued = select(Run.id).where(Run.status == RunState.QUEUED.value).order_by(Run.queue_position, Run.id)
            queue = list(connection.scalars(queued))
            if run_id not in queue:
                raise StateRefused(f"Run {run_id} is not queued, so it has no place in the queue.")
            queue.remove(run_id)
            queue.insert(max(position, 0), run_id)
            for place, queued_id in enumerate(queue, start=1):
                connection.execute(update(Run).where(Run.id == queued_id).values(queue_position=place))

        self._database.writer.call(operation)

    # --- what users note

    def set_tags(self, run_id: int, tags: Iterable[str]) -> None:
        """Replaces the tags of a run; blanks around them and repetitions are dropped. Raises StorageError: too long."""
        wanted = sorted({checked_name(tag, "tag") for tag in tags if one_line(tag)})

        def operation(connection: Connection) -> None:
            _uuid_of(connection, run_id)
            connection.execute(delete(RunTag).where(RunTag.run_id == run_id))
            if wanted:
                connection.execute(insert(RunTag), [{"run_id": run_id, "tag": tag} for tag in wanted])

        self._database.writer.call(operation)

    def set_note(self, run_id: int, note: str) -> None:
        """Replaces the note of a run."""
        self._set(run_id, note=note)

    def rename(self, run_id: int, name: str) -> None:
        """Gives a run another name."""
        self._set(run_id, name=checked_name(name, "run"))

    def rename_group(self, group_id: int, name: str) -> None:
        """Gives a group another name; the names of its runs stay."""
        self.group(group_id)
        renamed = update(RunGroup).where(RunGroup.id == group_id).values(name=checked_name(name, "group"))
        self._database.writer.call(lambda connection: connection.execute(renamed).rowcount)

    def star(self, run_id: int, starred: bool = True) -> None:
        """Stars a run, or takes the star away."""
        self._set(run_id, starred=starred)

    def archive(self, run_id: int, archived: bool = True) -> None:
        """Hides a run from the table, or shows it again."""
        self._set(run_id, archived=archived)

    def delete(self, run_id: int) -> None:
        """Puts a run in the bin, from which `undelete` takes it back. Raises StateRefused unless it has ended."""
        mark = update(Run).where(Run.id == run_id, Run.status.in_([state.value for state in ENDED_STATES]))
        self._change(mark.values(deleted=time.time()), run_id, "has not ended; stop it first")

    def undelete(self, run_id: int) -> None:
        """Takes a run back from the bin."""
        self._set(run_id, deleted=None)

    def purge(self, run_id: int) -> None:
        """Removes a run of the bin for good, with its files. Raises StateRefused for a run that is not in the bin."""

        def operation(connection: Connection) -> str:
            uuid = _uuid_of(connection, run_id)
            gone = connection.execute(delete(Run).where(Run.id == run_id, Run.deleted.is_not(None)))
            if gone.rowcount == 0:
                raise StateRefused(f"Run {run_id} is not in the bin.", remedy="Delete it first.")
            return uuid

        uuid = self._database.writer.call(operation)
        shutil.rmtree(self._database.files / uuid, ignore_errors=True)  # what stays is swept at the next opening

    # --- inside

    def _rows(self, narrow: Any) -> list[RunRow]:
        query: Select[Any] = narrow(select_rows(*shown(self._database)))
        with self._database.reading() as connection:
            found = connection.execute(query).mappings().all()
            # A large page is cheaper by all tags than by a list of its numbers.
            tagged = select(RunTag.run_id, RunTag.tag).order_by(RunTag.tag)
            if len(found) <= 1_000:
                tagged = tagged.where(RunTag.run_id.in_([row["id"] for row in found]))
            tags: dict[int, list[str]] = {}
            for run_id, tag in connection.execute(tagged):
                tags.setdefault(run_id, []).append(tag)
        return [run_row(dict(row), tuple(tags.get(row["id"], ()))) for row in found]

    def _groups(self, group_ids: set[int | None]) -> dict[int, GroupRow]:
        query = select(*RunGroup.__table__.columns).where(RunGroup.id.in_(group_ids))
        with self._database.reading() as connection:
            return {row["id"]: GroupRow(**row) for row in connection.execute(query).mappings()}

    def _unknown(self, text: str) -> UnknownRun:
        with self._database.reading() as connection:
            rows = connection.execute(select(Run.id, Run.name).where(Run.deleted.is_(None)).order_by(Run.id)).all()
        names = {name: run_id for run_id, name in rows}
        near = [f"{names[name]} ({name})" for name in get_close_matches(text, names, n=5, cutoff=0.5)]
        near = near or [f"{run_id} ({name})" for run_id, name in rows[-5:]]
        hint = f"Near to it: {', '.join(near)}." if near else "There are no runs in this project yet."
        return UnknownRun(f"There is no run {text}.", "", f"{hint} `foresight list` shows all.")

    def _set(self, run_id: int, **values: Any) -> None:
        self._change(update(Run).where(Run.id == run_id).values(**values), run_id, "cannot be changed")

    def _change(self, statement: Any, run_id: int, refusal: str) -> None:
        def operation(connection: Connection) -> None:
            if connection.execute(statement).rowcount == 0:
                _uuid_of(connection, run_id)
                raise StateRefused(f"Run {run_id} {refusal}.", "The run was not changed.")

        self._database.writer.call(operation)


def _uuid_of(connection: Connection, run_id: int) -> str:
    uuid = connection.scalar(select(Run.uuid).where(Run.id == run_id))
    if uuid is None:
        raise UnknownRun(f"There is no run {run_id}.", remedy="`foresight list` shows the runs.")
    return uuid


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
