"""The first schema: runs, groups, tags, series, log, artifacts."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None


def upgrade() -> None:
    """Creates every table."""
    op.create_table("about", _text("key", primary_key=True), _text("value"))
    op.create_table("metrics", _whole("id", primary_key=True), _text("name", unique=True))
    _create_runs()
    _create_series()
    op.create_table(
        "log_entries",
        _whole("id", primary_key=True),
        _whole("run_id", _run()),
        _text("kind"),
        _whole("step"),
        _whole("updates"),
        _real("wall_time"),
        _json("data"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_log_entries_run_kind", "log_entries", ["run_id", "kind", "id"])
    op.create_table(
        "artifacts",
        _whole("id", primary_key=True),
        _whole("run_id", _run()),
        _text("kind"),
        _text("name"),
        _whole("step"),
        _text("path", unique=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        _text("sha256"),
        _json("info"),
        _real("created"),
        sa.UniqueConstraint("run_id", "name"),
    )
    op.create_index("ix_artifacts_run_kind", "artifacts", ["run_id", "kind", "step"])


def _create_runs() -> None:
    op.create_table(
        "run_groups",
        _whole("id", primary_key=True),
        _text("uuid", unique=True),
        _text("name"),
        _text("kind"),
        _json("info"),
        _real("created"),
    )
    group = sa.ForeignKey("run_groups.id", ondelete="SET NULL")
    op.create_table(
        "runs",
        *(_whole("id", primary_key=True), _text("uuid", unique=True)),
        *(_text(name, index=True) for name in ("name", "agent", "environment")),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        *(_text("device"), _text("precision"), _json("spec"), _text("content_hash", index=True)),
        *(_whole("total_steps"), _whole("group_id", group, nullable=True, index=True)),
        *(_text("parent_uuid", nullable=True, index=True), _whole("parent_step", nullable=True)),
        *(_text("study", nullable=True, index=True), _text("preset", nullable=True)),
        *(_json("versions"), _json("host")),
        *(_text("status", index=True), _text("reason"), _text("fault", nullable=True)),
        *(_whole("step", index=True), _whole("updates")),
        *(_real("latest_return", nullable=True), _real("best_return", nullable=True, index=True)),
        *(_real(name, nullable=True) for name in ("steps_per_second", "updates_per_second")),
        *(_real("active_seconds"), _real("created", index=True)),
        *(_real(name, nullable=True) for name in ("started", "ended", "heartbeat", "next_heartbeat")),
        *(_whole("owner_pid", nullable=True), _text("owner_host", nullable=True)),
        *(_text("note"), _truth("starred"), _truth("archived")),
        *(_real("deleted", nullable=True), _whole("queue_position", nullable=True)),
        sqlite_autoincrement=True,
    )
    op.create_table("run_tags", _whole("run_id", _run(), primary_key=True), _text("tag", primary_key=True, index=True))


def _create_series() -> None:
    def key() -> tuple[sa.Column[Any], ...]:
        metric = sa.ForeignKey("metrics.id")
        return _whole("run_id", _run(), primary_key=True), _whole("metric_id", metric, primary_key=True)

    op.create_table(
        "series_heads", *key(), _whole("last_step"), _real("last_value", nullable=True), _whole("tail_points")
    )
    op.create_table(
        "series_points",
        *key(),
        _whole("step", primary_key=True, autoincrement=False),
        _whole("updates"),
        _real("active_seconds"),
        _real("wall_time"),
        _real("value", nullable=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "series_chunks",
        *key(),
        _whole("first_step", primary_key=True, autoincrement=False),
        _whole("last_step"),
        _whole("points"),
        sa.Column("data", sa.LargeBinary(), nullable=False),
    )


def _run() -> sa.ForeignKey:
    return sa.ForeignKey("runs.id", ondelete="CASCADE")


def _column(name: str, kind: Any, *rest: Any, nullable: bool = False, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, *rest, nullable=nullable, **options)


def _text(name: str, **options: Any) -> sa.Column[Any]:
    return _column(name, sa.String(), **options)


def _whole(name: str, *rest: Any, **options: Any) -> sa.Column[Any]:
    return _column(name, sa.Integer(), *rest, **options)


def _real(name: str, **options: Any) -> sa.Column[Any]:
    return _column(name, sa.Double(), **options)


def _truth(name: str) -> sa.Column[Any]:
    return _column(name, sa.Boolean())


def _json(name: str) -> sa.Column[Any]:
    return _column(name, sa.JSON())
