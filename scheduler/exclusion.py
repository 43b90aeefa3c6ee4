"""The database itself refuses two holds of one resource at one time.

PostgreSQL: an exclusion constraint over (resource, tstzrange). SQLite: triggers that abort. Both arrive as an
``IntegrityError`` that carries ``NAME``. Windows are half-open: back to back passes.
"""

from typing import Any

from sqlalchemy import Connection, event, text
from sqlalchemy.exc import IntegrityError

from core.guards import Guard
from scheduler.models import Hold

NAME = "ex_holds_overlap"

_CONSTRAINT = """
ALTER TABLE holds ADD CONSTRAINT {name}
  EXCLUDE USING gist (resource WITH =, tstzrange(starts, ends, '[)') WITH &&)
"""

_TRIGGER = """
CREATE TRIGGER IF NOT EXISTS {name}_{verb} BEFORE {verb} ON holds
WHEN EXISTS (
  SELECT 1 FROM holds AS other
  WHERE other.resource = NEW.resource AND other.id != NEW.id AND other.ends > NEW.starts AND other.starts < NEW.ends
)
BEGIN SELECT RAISE(ABORT, '{name}'); END
"""


def install(connection: Connection) -> None:
    """Put constraint or triggers in place; nothing happens when they are there. Called after every migration."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("CREATE EXTENSION IF NOT EXISTS btree_gist"))
        if missing(connection):
            connection.execute(text(_CONSTRAINT.format(name=NAME)))
    else:
        for verb in ("INSERT", "UPDATE"):
            connection.exec_driver_sql(_TRIGGER.format(name=NAME, verb=verb))


def remove(connection: Connection) -> None:
    """Take them away, as a migration that rebuilds the table must."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"ALTER TABLE holds DROP CONSTRAINT IF EXISTS {NAME}"))
    else:
        for verb in ("INSERT", "UPDATE"):
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {NAME}_{verb}")


def missing(connection: Connection) -> list[str]:
    """Names of what is not in place; the service does not start unless this is empty."""
    if connection.dialect.name == "postgresql":
        query = (
            "SELECT conname FROM pg_constraint WHERE conname = :name AND contype = 'x' AND conrelid = 'holds'::regclass"
        )
        wanted = {NAME}
        found = set(connection.execute(text(query), {"name": NAME}).scalars())
    else:
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'holds'"
        wanted = {f"{NAME}_INSERT", f"{NAME}_UPDATE"}
        found = set(connection.execute(text(query)).scalars())
    return sorted(wanted - found)


def is_overlap(error: IntegrityError) -> bool:
    """Whether the database refused because a resource is taken."""
    return NAME in str(error.orig)


@event.listens_for(Hold.__table__, "after_create")
def _with_the_table(_target: Any, connection: Connection, **_: Any) -> None:
    install(connection)


GUARD = Guard(install, missing)
"""Handed to ``core.migrate``: put back after every migration, looked for at every start."""
