"""The platform's append-only log of who did what: written in the same transaction as what it tells.

Entries hold ids and enumerated tags, never names or free text. Each carries the hash of its predecessor, so that
a changed or deleted row is found by ``check``; ``core.checkpoints`` signs heads of the tree over all of them.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Connection, Index, String, Text, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.database import Base, UtcDateTime
from core.guards import Guard, triggers_missing
from core.merkle import leaf_hash

GENESIS = "0" * 64
LARGEST = 16_384
"""Bytes an entry may have."""


class Entry(Base):
    """One act. ``hash`` covers every other column and the previous entry's hash."""

    __tablename__ = "ledger"
    __table_args__ = (Index("ix_ledger_subject", "subject"), Index("ix_ledger_actor", "actor"))

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    tag: Mapped[str] = mapped_column(String(64))
    """What was done, for example ``booking.confirmed`` or ``recording.viewed``."""
    actor: Mapped[str] = mapped_column(String(64))
    """Id of the person, terminal or ``system``."""
    subject: Mapped[str] = mapped_column(String(64))
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    previous: Mapped[str] = mapped_column(String(64), unique=True)
    hash: Mapped[str] = mapped_column(String(64))


class Checkpoint(Base):
    """A signed head of the tree over the first ``size`` entries, see ``core.checkpoints``."""

    __tablename__ = "ledger_checkpoints"

    size: Mapped[int] = mapped_column(BigInteger(), primary_key=True, autoincrement=False)
    root: Mapped[str] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(Text())
    at: Mapped[datetime] = mapped_column(UtcDateTime())


_HEAD = select(Entry.number, Entry.hash).order_by(Entry.number.desc()).limit(1)
_INSERT = insert(Entry)


def entry_bytes(entry: Entry) -> bytes:
    """The canonical form of everything the entry says and its predecessor's hash: the leaf others keep copies of."""
    said = [
        entry.number,
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        entry.tag,
        entry.actor,
        entry.subject,
        entry.details,
        entry.previous,
    ]
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def entry_hash(entry: Entry) -> str:
    """Hex leaf hash of the entry (RFC 6962 2.1)."""
    return leaf_hash(entry_bytes(entry)).hex()


async def append(
    tx: AsyncSession, tag: str, *, actor: str, subject: str, at: datetime, details: Mapping[str, Any] | None = None
) -> Entry:
    """Add an entry to the caller's transaction. Two writers at once: the unique ``previous`` lets one win.

    The entry returned is a copy to read; it belongs to no session.
    """
    await _serialise(tx)
    told = {"at": at, "tag": tag, "actor": actor, "subject": subject, "details": dict(details or {})}
    return await tx.run_sync(_append, told)


def _append(session: Session, told: dict[str, Any]) -> Entry:
    """Two plain statements and no unit of work: every act of the platform waits for this."""
    connection = session.connection()
    last = connection.execute(_HEAD).first()
    entry = Entry(number=last.number + 1 if last else 1, previous=last.hash if last else GENESIS, **told)
    said = entry_bytes(entry)
    if len(said) > LARGEST:
        raise ValueError("a ledger entry holds ids and tags, not documents")
    entry.hash = leaf_hash(said).hex()
    connection.execute(_INSERT, told | {"number": entry.number, "previous": entry.previous, "hash": entry.hash})
    return entry


async def _serialise(tx: AsyncSession) -> None:
    """Make appenders take turns until commit; SQLite's write lock already does."""
    if tx.get_bind().dialect.name == "postgresql":
        await tx.execute(text("SELECT pg_advisory_xact_lock(8367122)"))


@dataclass(frozen=True)
class Wanted:
    """Which entries are looked for; an empty field asks for nothing."""

    tag: str = ""
    """A whole tag, or its beginning with a final dot: ``recording.``."""
    actors: Collection[str] | None = None
    subjects: Collection[str] | None = None
    by_people: bool = False
    """Without what the system itself did."""
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    """Only entries numbered below: the last number of the page before."""


async def find(tx: AsyncSession, wanted: Wanted, limit: int = 100) -> Sequence[Entry]:
    """Entries that fit, newest first."""
    query = select(Entry).order_by(Entry.number.desc()).limit(limit)
    if wanted.tag.endswith("."):
        query = query.where(Entry.tag.startswith(wanted.tag, autoescape=True))
    elif wanted.tag:
        query = query.where(Entry.tag == wanted.tag)
    if wanted.actors is not None:
        query = query.where(Entry.actor.in_(wanted.actors))
    if wanted.subjects is not None:
        query = query.where(Entry.subject.in_(wanted.subjects))
    if wanted.by_people:
        query = query.where(Entry.actor != "system")
    if wanted.since is not None:
        query = query.where(Entry.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(Entry.at < wanted.until)
    if wanted.before is not None:
        query = query.where(Entry.number < wanted.before)
    return (await tx.execute(query)).scalars().all()


async def newest_checkpoint(tx: AsyncSession) -> str:
    """The newest signed head as a note, empty when none was made yet."""
    query = select(Checkpoint.note).order_by(Checkpoint.size.desc()).limit(1)
    return (await tx.execute(query)).scalar() or ""


async def check(tx: AsyncSession) -> int | None:
    """Return the number of the first entry that does not fit its predecessor, or ``None`` when all do."""
    expected, previous = 1, GENESIS
    async for entry in await tx.stream_scalars(select(Entry).order_by(Entry.number)):
        if (entry.number, entry.previous, entry.hash) != (expected, previous, entry_hash(entry)):
            return entry.number
        expected, previous = entry.number + 1, entry.hash
    return None


_TRIGGERS = ("ledger_no_update", "ledger_no_delete")

_SQLITE = """
CREATE TRIGGER IF NOT EXISTS ledger_no_{verb} BEFORE {verb} ON ledger
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
"""

_POSTGRESQL = """
CREATE OR REPLACE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$;
CREATE OR REPLACE TRIGGER ledger_no_{verb} BEFORE {verb} ON ledger FOR EACH ROW EXECUTE FUNCTION ledger_append_only()
"""


def _install(connection: Connection) -> None:
    template = _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL
    for verb in ("update", "delete"):
        connection.exec_driver_sql(template.format(verb=verb))


GUARD = Guard(_install, lambda connection: triggers_missing(connection, *_TRIGGERS))
"""The database itself refuses to change or delete an entry; whoever gets around it is found by ``check``."""
