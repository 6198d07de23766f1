"""The tables of a project. `migrations/` creates them; a test keeps the two equal."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, LargeBinary, MetaData, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Names every constraint alike, so that a later revision can address it."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ix": "ix_%(table_name)s_%(column_0_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {dict[str, Any]: JSON, bytes: LargeBinary}


class About(Base):
    """Facts about the project itself; `written_by` is the Foresight version that made the present schema."""

    __tablename__ = "about"
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class RunGroup(Base):
    """Runs that belong together: the seeds of one spec, the arms of a study."""

    __tablename__ = "run_groups"
    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    kind: Mapped[str]
    info: Mapped[dict[str, Any]]
    created: Mapped[float]


class Run(Base):
    """One run. Times are seconds since 1970; `spec` is the RunSpec's JSON; the parent is known by its uuid,
    because it may live in another project."""

    __tablename__ = "runs"
    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(index=True)
    agent: Mapped[str] = mapped_column(index=True)
    environment: Mapped[str] = mapped_column(index=True)
    seed: Mapped[int] = mapped_column(BigInteger)
    device: Mapped[str]
    precision: Mapped[str]
    spec: Mapped[dict[str, Any]]
    content_hash: Mapped[str] = mapped_column(index=True)
    total_steps: Mapped[int]
    group_id: Mapped[int | None] = mapped_column(ForeignKey("run_groups.id", ondelete="SET NULL"), index=True)
    parent_uuid: Mapped[str | None] = mapped_column(index=True)
    parent_step: Mapped[int | None]
    study: Mapped[str | None] = mapped_column(index=True)
    preset: Mapped[str | None]
    versions: Mapped[dict[str, Any]]
    host: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str] = mapped_column(default="")
    fault: Mapped[str | None]
    step: Mapped[int] = mapped_column(default=0, index=True)
    updates: Mapped[int] = mapped_column(default=0)
    latest_return: Mapped[float | None]
    best_return: Mapped[float | None] = mapped_column(index=True)
    steps_per_second: Mapped[float | None]
    updates_per_second: Mapped[float | None]
    active_seconds: Mapped[float] = mapped_column(default=0.0)
    created: Mapped[float] = mapped_column(index=True)
    started: Mapped[float | None]
    ended: Mapped[float | None]
    heartbeat: Mapped[float | None]
    next_heartbeat: Mapped[float | None]
    owner_pid: Mapped[int | None]
    owner_host: Mapped[str | None]
    note: Mapped[str] = mapped_column(default="")
    starred: Mapped[bool] = mapped_column(default=False)
    archived: Mapped[bool] = mapped_column(default=False)
    deleted: Mapped[float | None]
    queue_position: Mapped[int | None]
    # Numbers are what users type and write down, so a purged run's number is never given out again.
    __table_args__ = ({"sqlite_autoincrement": True},)


class RunTag(Base):
    """One tag of one run."""

    __tablename__ = "run_tags"
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True, index=True)


class Metric(Base):
    """A metric's name, stored once."""

    __tablename__ = "metrics"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class SeriesHead(Base):
    """Where a series ends, and how many of its points are still rows. A value that is not a number is NULL."""

    __tablename__ = "series_heads"
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    metric_id: Mapped[int] = mapped_column(ForeignKey("metrics.id"), primary_key=True)
    last_step: Mapped[int]
    last_value: Mapped[float | None]
    tail_points: Mapped[int]


class SeriesPoint(Base):
    """One point of a series' open tail. A value that is not a number is NULL."""

    __tablename__ = "series_points"
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    metric_id: Mapped[int] = mapped_column(ForeignKey("metrics.id"), primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    updates: Mapped[int]
    active_seconds: Mapped[float]
    wall_time: Mapped[float]
    value: Mapped[float | None]
    __table_args__ = ({"sqlite_with_rowid": False},)


class SeriesChunk(Base):
    """A closed part of a series: `points` points packed column by column (see `series.py`)."""

    __tablename__ = "series_chunks"
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    metric_id: Mapped[int] = mapped_column(ForeignKey("metrics.id"), primary_key=True)
    first_step: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last_step: Mapped[int]
    points: Mapped[int]
    data: Mapped[bytes]


class LogEntry(Base):
    """One event of a run's log, in order of `id`."""

    __tablename__ = "log_entries"
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    kind: Mapped[str]
    step: Mapped[int]
    updates: Mapped[int]
    wall_time: Mapped[float]
    data: Mapped[dict[str, Any]]
    __table_args__ = (Index("ix_log_entries_run_kind", "run_id", "kind", "id"), {"sqlite_autoincrement": True})


class ArtifactFile(Base):
    """A file of a run, with what it must be: size in bytes and SHA-256. `path` is relative to `files/`."""

    __tablename__ = "artifacts"
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    kind: Mapped[str]
    name: Mapped[str]
    step: Mapped[int]
    path: Mapped[str] = mapped_column(unique=True)
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    info: Mapped[dict[str, Any]]
    created: Mapped[float]
    __table_args__ = (UniqueConstraint("run_id", "name"), Index("ix_artifacts_run_kind", "run_id", "kind", "step"))
