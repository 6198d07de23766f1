"""What Alembic runs for `upgrade`: the given connection, one transaction per revision."""

from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from storage.tables import Base

application = context.config.attributes["application"]


def note_version(ctx: MigrationContext, step: Any, heads: Any, run_args: Any) -> None:
    """Notes, in the transaction of the revision, which Foresight made this schema."""
    assert ctx.connection is not None
    ctx.connection.execute(text("DELETE FROM about WHERE key = 'written_by'"))
    ctx.connection.execute(
        text("INSERT INTO about (key, value) VALUES ('written_by', :version)"), {"version": application}
    )


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
    transaction_per_migration=True,
    render_as_batch=True,
    on_version_apply=note_version,
)
with context.begin_transaction():
    context.run_migrations()
