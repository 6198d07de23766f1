"""Brings a project's database to the present schema: ordered Alembic revisions, each in a transaction of its own.

Revisions are numbered 1, 2, 3, ...; the file `versions/revision_N.py` holds revision "N". A published revision is
never edited: a change is a new file, and `tables.py` follows it.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

SCRIPTS = Path(__file__).parent


def head(scripts: Path | None = None) -> int:
    """The newest revision that this application knows, without importing Alembic (the window opens first)."""
    folder = (scripts or SCRIPTS) / "versions"
    return max(int(path.stem.removeprefix("revision_")) for path in folder.glob("revision_*.py"))


def upgrade(engine: Engine, application: str, scripts: Path | None = None) -> None:
    """Runs the revisions that are missing; `application` is the version noted as having written the schema."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(scripts or SCRIPTS).replace("%", "%%"))
    config.attributes["application"] = application
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
