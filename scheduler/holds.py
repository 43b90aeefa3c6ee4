"""Holds: one resource taken for one window. The database has the last word; here it is asked politely."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from scheduler import store
from scheduler.facts import PlannedParty, RoomFacts
from scheduler.models import Hold


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that can be taken once at a time, and how much longer than the window it is taken."""

    key: str
    before: timedelta = timedelta(0)
    after: timedelta = timedelta(0)

    def window(self, start: datetime, end: datetime) -> tuple[datetime, datetime]:
        """The window with the buffers."""
        return start - self.before, end + self.after


def room_resource(room: RoomFacts) -> Resource:
    """A room, with its buffers."""
    return Resource(f"room:{room.id}", room.before, room.after)


def people_resources(parties: Iterable[PlannedParty]) -> tuple[Resource, ...]:
    """Everybody who cannot be in two sessions: account holders and persons in custody. Guests manage their own day."""
    keys = [f"person:{p.person}" for p in parties if p.person]
    keys += [f"custody:{p.custody_person}" for p in parties if p.custody_person]
    return tuple(Resource(key) for key in dict.fromkeys(keys))


async def conflicts(
    tx: AsyncSession, resources: Iterable[Resource], start: datetime, end: datetime, *, but: str | None = None
) -> frozenset[str]:
    """Keys of the resources that are taken in the window by a booking other than ``but``.

    Whoever else wants one of them waits from here on until this transaction ends.
    """
    wanted = {resource.key: resource.window(start, end) for resource in resources}
    if not wanted:
        return frozenset()
    await take_turns(tx, wanted)
    first, last = min(w[0] for w in wanted.values()), max(w[1] for w in wanted.values())
    there = await store.holds_of(tx, wanted, first, last)
    return frozenset(h.resource for h in there if h.booking != but and _touch(wanted[h.resource], (h.start, h.end)))


async def insert(tx: AsyncSession, booking: str, resources: Iterable[Resource], start: datetime, end: datetime) -> None:
    """Hold ``resources`` for ``booking``. Raises ``IntegrityError`` when the database sees an overlap; the transaction
    is lost then."""
    for resource in sorted(resources, key=lambda r: r.key):
        from_, until = resource.window(start, end)
        tx.add(Hold(booking=booking, resource=resource.key, start=from_, end=until))
    await tx.flush()


async def release(tx: AsyncSession, booking: str) -> None:
    """Give everything back that ``booking`` holds."""
    for hold in await store.holds(tx, [booking]):
        await tx.delete(hold)
    await tx.flush()


async def take_turns(tx: AsyncSession, keys: Collection[str]) -> None:
    """On PostgreSQL two inserters of one resource would wait for each other until one is shot; a lock per resource,
    always in the same order, makes the second wait instead. SQLite has one writer anyway."""
    if tx.get_bind().dialect.name != "postgresql":
        return
    numbers = sorted(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], signed=True) for key in keys)
    # one statement: the rows of a function come, and are locked, in the order of its array
    await tx.execute(
        text("SELECT pg_advisory_xact_lock(n) FROM unnest(CAST(:numbers AS bigint[])) n"), {"numbers": numbers}
    )


def _touch(one: tuple[datetime, datetime], other: tuple[datetime, datetime]) -> bool:
    """Whether two half-open windows share an instant."""
    return one[0] < other[1] and other[0] < one[1]
