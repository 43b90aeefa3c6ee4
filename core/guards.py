"""What the database itself must enforce, whoever writes to it: triggers and constraints.

Batch migrations on SQLite drop triggers, so a package that relies on one hands in a ``Guard``; ``core.migrate``
installs all of them after migrating and refuses a start without them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text


@dataclass(frozen=True)
class Guard:
    """Something the database itself must enforce."""

    install: Callable[[Connection], None]
    """Put it in place; harmless when it is there already."""
    missing: Callable[[Connection], Sequence[str]]
    """Names of what is not in place; empty when all is well."""


def triggers_missing(connection: Connection, *names: str) -> list[str]:
    """Those of the triggers that the database does not have, or has switched off."""
    if connection.dialect.name == "sqlite":
        rows = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
    else:
        rows = connection.execute(text("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"))
    present = {row[0] for row in rows}
    return [name for name in names if name not in present]
