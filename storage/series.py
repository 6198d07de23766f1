"""The series of a run's metrics: closed chunks of packed points, and an open tail of rows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update

from storage.database import Database
from storage.series_data import COLUMNS, Point, SeriesData
from storage.tables import LogEntry, Metric, SeriesChunk, SeriesHead, SeriesPoint

CHUNK_POINTS = 1_000


class Series:
    """Appends and reads the metrics of runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(
        self,
        run_id: int,
        metric: str,
        step: int,
        updates: int,
        active_seconds: float,
        wall_time: float,
        value: float,
    ) -> None:
        """Posts one point. A point at or before the series' last step is not stored, and the log says so."""
        self.append_many(run_id, [(metric, step, updates, active_seconds, wall_time, value)])

    def append_many(self, run_id: int, rows: Sequence[tuple[str, int, int, float, float, float]]) -> None:
        """Posts points (metric, step, updates, active seconds, wall time, value), as `append` does each."""
        points = [
            (run_id, metric, (int(step), int(updates), float(active), float(wall), float(value)))
            for metric, step, updates, active, wall, value in rows
        ]
        self._database.writer.post(AppendPoints(points))

    def read(self, run_id: int, metric: str, after_step: int | None = None) -> SeriesData:
        """The committed points of a series, or only those beyond a step; empty for an unknown series."""
        with self._database.reading() as connection:
            metric_id = connection.scalar(select(Metric.id).where(Metric.name == metric))
            parts = [] if metric_id is None else read_parts(connection, run_id, metric_id, after_step)
        data = SeriesData.joined([*parts, SeriesData.of_rows([])])
        return data if after_step is None else data.part(data.count_until(after_step))

    def metrics(self, run_id: int) -> tuple[str, ...]:
        """The names of a run's metrics, sorted."""
        return tuple(self.latest(run_id))

    def latest(self, run_id: int) -> dict[str, tuple[int, float]]:
        """The last (step, value) of each of a run's metrics, sorted by name."""
        query = (
            select(Metric.name, SeriesHead.last_step, SeriesHead.last_value)
            .join(SeriesHead, SeriesHead.metric_id == Metric.id)
            .where(SeriesHead.run_id == run_id)
            .order_by(Metric.name)
        )
        with self._database.reading() as connection:
            return {name: (step, _number(value)) for name, step, value in connection.execute(query)}

    def truncate_after(self, run_id: int, step: int) -> None:
        """Removes a run's points beyond a step, and waits for the commit."""
        self._database.writer.call(lambda connection: truncate_series(connection, run_id, step))


class AppendPoints:
    """The operation that stores points; those that follow one another in a batch become one."""

    def __init__(self, points: list[tuple[int, str, Point]]) -> None:
        self._points = points

    def merged(self, others: Sequence[AppendPoints]) -> AppendPoints:
        """One operation for the points of all."""
        return AppendPoints([point for operation in (self, *others) for point in operation._points])

    def __call__(self, connection: Connection) -> None:
        """Stores the points whose steps increase, refuses the others in the log, and closes full chunks."""
        metric_ids = _metric_ids(connection, {metric for _, metric, _ in self._points})
        grouped: dict[tuple[int, str], list[Point]] = {}
        for run_id, metric, point in self._points:
            grouped.setdefault((run_id, metric), []).append(point)
        heads = _heads(connection, {run_id for run_id, _ in grouped})
        rows: list[dict[str, Any]] = []
        for (run_id, metric), points in grouped.items():
            metric_id = metric_ids[metric]
            head = heads.get((run_id, metric_id))
            kept = _increasing(points, None if head is None else head[0])
            if len(kept) < len(points):
                _log_refused(connection, run_id, metric, points, kept)
            if kept:
                rows.extend(_point_row(run_id, metric_id, point) for point in kept)
                tail = len(kept) + (0 if head is None else head[1])
                heads[run_id, metric_id] = (kept[-1][0], tail)
                _write_head(connection, run_id, metric_id, kept[-1], tail, new=head is None)
        if rows:
            connection.execute(insert(SeriesPoint.__table__), rows)  # type: ignore[arg-type]
        for run_id, metric in grouped:
            _, tail = heads.get((run_id, metric_ids[metric]), (0, 0))
            if tail >= CHUNK_POINTS:
                close_chunks(connection, run_id, metric_ids[metric])


def _increasing(points: list[Point], last: int | None) -> list[Point]:
    kept = []
    for point in points:
        if last is None or point[0] > last:
            kept.append(point)
            last = point[0]
    return kept


def _point_row(run_id: int, metric_id: int, point: Point) -> dict[str, Any]:
    names = (name for name, _ in COLUMNS)
    return {"run_id": run_id, "metric_id": metric_id, **dict(zip(names, point, strict=True))}


def _metric_ids(connection: Connection, names: set[str]) -> dict[str, int]:
    known = select(Metric.name, Metric.id).where(Metric.name.in_(names))
    ids = {row.name: row.id for row in connection.execute(known)}
    for name in sorted(names - ids.keys()):
        ids[name] = connection.execute(insert(Metric).values(name=name).returning(Metric.id)).scalar_one()
    return ids


def _heads(connection: Connection, run_ids: set[int]) -> dict[tuple[int, int], tuple[int, int]]:
    """(run, metric) -> (last step, rows in the tail)."""
    query = select(SeriesHead.run_id, SeriesHead.metric_id, SeriesHead.last_step, SeriesHead.tail_points)
    rows = connection.execute(query.where(SeriesHead.run_id.in_(run_ids)))
    return {(run_id, metric_id): (step, tail) for run_id, metric_id, step, tail in rows}


def _write_head(connection: Connection, run_id: int, metric_id: int, last: Point, tail: int, *, new: bool) -> None:
    values = {"last_step": last[0], "last_value": last[-1], "tail_points": tail}
    if new:
        connection.execute(insert(SeriesHead).values(run_id=run_id, metric_id=metric_id, **values))
    else:
        connection.execute(update(SeriesHead).where(*_of(SeriesHead, run_id, metric_id)).values(**values))


def _log_refused(connection: Connection, run_id: int, metric: str, points: list[Point], kept: list[Point]) -> None:
    steps = sorted({point[0] for point in points} - {point[0] for point in kept}) or [points[-1][0]]
    refused = len(points) - len(kept)
    data = {
        "metric": metric,
        "points": refused,
        "first_step": steps[0],
        "last_step": steps[-1],
        "reason": "The steps of a series strictly increase; these points are at or before its last step.",
    }
    connection.execute(
        insert(LogEntry).values(
            run_id=run_id, kind="refused", step=steps[0], updates=points[-1][1], wall_time=time.time(), data=data
        )
    )


def _of(table: Any, run_id: int, metric_id: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.run_id == run_id, table.metric_id == metric_id


def read_tail(connection: Connection, run_id: int, metric_id: int, after_step: int | None = None) -> SeriesData:
    """The points of a series that are still rows."""
    columns = [getattr(SeriesPoint, name) for name, _ in COLUMNS]
    query = select(*columns).where(*_of(SeriesPoint, run_id, metric_id)).order_by(SeriesPoint.step)
    if after_step is not None:
        query = query.where(SeriesPoint.step > after_step)
    return SeriesData.of_rows(list(connection.execute(query)))


def read_parts(connection: Connection, run_id: int, metric_id: int, after_step: int | None) -> list[SeriesData]:
    """The chunks that reach beyond a step, and the tail."""
    query = select(SeriesChunk.data).where(*_of(SeriesChunk, run_id, metric_id)).order_by(SeriesChunk.first_step)
    if after_step is not None:
        query = query.where(SeriesChunk.last_step > after_step)
    chunks = [SeriesData.unpack(data) for data in connection.scalars(query)]
    return [*chunks, read_tail(connection, run_id, metric_id, after_step)]


def close_chunks(connection: Connection, run_id: int, metric_id: int) -> None:
    """Packs the full chunks of a series' tail; what is left over stays rows."""
    tail = read_tail(connection, run_id, metric_id)
    closed = len(tail) - len(tail) % CHUNK_POINTS
    for start in range(0, closed, CHUNK_POINTS):
        write_chunk(connection, run_id, metric_id, tail.part(start, start + CHUNK_POINTS))
    last = int(tail.step[closed - 1])
    connection.execute(delete(SeriesPoint).where(*_of(SeriesPoint, run_id, metric_id), SeriesPoint.step <= last))
    head = update(SeriesHead).where(*_of(SeriesHead, run_id, metric_id))
    connection.execute(head.values(tail_points=len(tail) - closed))


def write_chunk(connection: Connection, run_id: int, metric_id: int, data: SeriesData) -> None:
    """Stores points as one closed chunk."""
    connection.execute(
        insert(SeriesChunk).values(
            run_id=run_id,
            metric_id=metric_id,
            first_step=int(data.step[0]),
            last_step=int(data.step[-1]),
            points=len(data),
            data=data.pack(),
        )
    )


def store_series(connection: Connection, run_id: int, metric: str, data: SeriesData) -> None:
    """Stores a whole series, strictly increasing, of a run that has none of this name yet."""
    metric_id = _metric_ids(connection, {metric})[metric]
    closed = len(data) - len(data) % CHUNK_POINTS
    for start in range(0, closed, CHUNK_POINTS):
        write_chunk(connection, run_id, metric_id, data.part(start, start + CHUNK_POINTS))
    _write_points(connection, run_id, metric_id, data.part(closed))
    if len(data):
        _write_head(connection, run_id, metric_id, data.part(-1).rows()[0], len(data) - closed, new=True)


def _write_points(connection: Connection, run_id: int, metric_id: int, data: SeriesData) -> None:
    rows = [_point_row(run_id, metric_id, point) for point in data.rows()]
    if rows:
        connection.execute(insert(SeriesPoint.__table__), rows)  # type: ignore[arg-type]


def truncate_series(connection: Connection, run_id: int, step: int) -> None:
    """Removes a run's points beyond a step, in the caller's transaction: the chunk that straddles it becomes rows."""
    beyond = and_(SeriesChunk.run_id == run_id, SeriesChunk.last_step > step)
    straddling = select(SeriesChunk.metric_id, SeriesChunk.data).where(beyond, SeriesChunk.first_step <= step)
    cut = [(metric_id, SeriesData.unpack(data)) for metric_id, data in connection.execute(straddling)]
    connection.execute(delete(SeriesPoint).where(SeriesPoint.run_id == run_id, SeriesPoint.step > step))
    connection.execute(delete(SeriesChunk).where(beyond))
    for metric_id, data in cut:
        _write_points(connection, run_id, metric_id, data.part(0, data.count_until(step)))
    for (_, metric_id), (last_step, _) in _heads(connection, {run_id}).items():
        if last_step > step:
            _rewrite_head(connection, run_id, metric_id)


def _rewrite_head(connection: Connection, run_id: int, metric_id: int) -> None:
    """Makes the head of a truncated series true again; a series without points has none."""
    tail = read_tail(connection, run_id, metric_id)
    last = tail
    if not len(tail):
        newest = select(SeriesChunk.data).where(*_of(SeriesChunk, run_id, metric_id))
        data = connection.scalar(newest.order_by(SeriesChunk.first_step.desc()).limit(1))
        last = tail if data is None else SeriesData.unpack(data)
    connection.execute(delete(SeriesHead).where(*_of(SeriesHead, run_id, metric_id)))
    if len(last):
        _write_head(connection, run_id, metric_id, last.part(-1).rows()[0], len(tail), new=True)


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
