"""Backup of a whole site, and its restoration elsewhere: what a recording needs to be found, opened and played.

Beside recordings and keys (``backup``) that is the ledger, the database where it is SQLite, and, with the private keys,
the site's secrets and its own TLS authority. A PostgreSQL database is its own to dump: ``pg_dump``, named when it is.

The ledger is taken before the database, so that the database is never older than what was signed: an older one is
refused as rolled back.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url

from core.config import Settings
from recordings import backup as recorded
from recordings.backup import BackupRefused, Copied, copy_checked
from recordings.filesystem import Disk

DATABASE = "yuanjian.sqlite3"
LEDGER, SECRETS, TLS = "ledger", "secrets", "tls"
_FIRST = "checkpoint"
"""Of the ledger: its newest signed head. Copied before the tiles, which only grow."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a backup or restore did."""

    copied: Copied
    database: bool
    """Whether the database is in it."""


def database_file(settings: Settings) -> Path | None:
    """The database's file where it is SQLite, there or not."""
    address = make_url(settings.database)
    return Path(address.database) if address.get_backend_name() == "sqlite" and address.database else None


def backup(settings: Settings, target: Path, disk: Disk, *, with_keys: bool = False) -> Taken:
    """Copy the site to ``target``, also while it runs; private keys, secrets and TLS authority only ``with_keys``.

    Raises ``OSError`` and ``BackupRefused``.
    """
    recorded.require_outside(settings.data_dir, target)
    source = database_file(settings)
    has_database = source is not None and source.is_file()
    done = _copy_tree(settings.ledger_dir, target / LEDGER, disk)
    if source is not None and has_database:
        done += _copy_database(source, target / DATABASE, disk)
    done += recorded.backup(settings.data_dir, target, disk, with_keys=with_keys)
    if with_keys:
        done += _copy_tree(settings.secrets, target / SECRETS, disk)
        done += _copy_tree(settings.data_dir / TLS, target / TLS, disk)
    return Taken(done, has_database)


def restore(source: Path, settings: Settings, disk: Disk) -> Taken:
    """Bring everything of a backup to an empty data directory. Raises ``OSError`` and ``BackupRefused``."""
    database, has_database = database_file(settings), (source / DATABASE).is_file()
    if has_database and database is not None and database.exists():
        raise BackupRefused("there is a database here already: restore into a new data directory")
    done = recorded.restore(source, settings.data_dir, disk)
    done += _copy_tree(source / LEDGER, settings.ledger_dir, disk)
    done += _copy_tree(source / SECRETS, settings.secrets, disk)
    done += _copy_tree(source / TLS, settings.data_dir / TLS, disk)
    if has_database and database is not None:
        done += _copied(copy_checked(source / DATABASE, database, disk))
        os.chmod(database, 0o600)
    return Taken(done, has_database and database is not None)


def _copied(size: int) -> Copied:
    return Copied(int(size > 0), size, int(size == 0))


def _copy_tree(source: Path, target: Path, disk: Disk) -> Copied:
    """Every file of a directory that may grow meanwhile; what is gone by the time it is its turn was replaced."""
    done = Copied(0, 0, 0)
    for name in _names(source):
        with contextlib.suppress(FileNotFoundError):
            done += _copied(copy_checked(source / name, target / name, disk))
    for place in (target, *(path for path in target.rglob("*") if path.is_dir())) if target.is_dir() else ():
        place.chmod(0o700)
    return done


def _names(source: Path) -> Iterator[Path]:
    found = sorted(path.relative_to(source) for path in source.rglob("*") if path.is_file())
    yield from sorted((name for name in found if not name.name.endswith(".new")), key=lambda name: name.name != _FIRST)


def _copy_database(source: Path, target: Path, disk: Disk) -> Copied:
    """A consistent copy of a SQLite database in use (its online backup), checked before it counts."""
    disk.make_dir(target.parent)
    beside = target.with_name(f".{target.name}.copy")
    beside.unlink(missing_ok=True)
    os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with (
            contextlib.closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as now,
            contextlib.closing(sqlite3.connect(beside)) as copy,
        ):
            now.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
            (said,) = copy.execute("PRAGMA quick_check").fetchone()
        if said != "ok":
            raise OSError(f"the copy of the database is damaged: {said}")
        return _copied(copy_checked(beside, target, disk))
    except sqlite3.Error as error:
        raise OSError(f"the database cannot be copied: {error}") from None
    finally:
        beside.unlink(missing_ok=True)
