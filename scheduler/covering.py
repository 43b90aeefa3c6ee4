"""What the record of a session hides, as whoever composes pictures asks it: names to veil, and whom to mask."""

from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncSession

from cases import volume
from cases.kinds import KINDS
from cases.protection import is_masked
from core.database import Database
from core.errors import NotFound
from people.veil import Cover
from scheduler import store

Covers = Callable[[str], Awaitable[Cover]]
"""The cover of a session, by its id."""


async def cover(tx: AsyncSession, session: str) -> Cover:
    """The cover of one session. Raises ``NotFound`` for one no booking knows: then nobody can say whom it hides."""
    booking = await store.booking(tx, session)
    if booking is None:
        raise NotFound("no-booking", "There is no such booking.")
    if booking.case is None:
        return Cover()
    kind, parties = KINDS[booking.kind], await store.parties(tx, [session])
    roles = {party.name: party.role for party in parties if not party.person and not party.custody_person}
    masked = set()
    for row in await volume.standing(tx, booking.case):
        # One who was not booked may have been named by the host: then the role is not known, and masked they are.
        if row.alias not in roles or is_masked(kind, row.ground, roles[row.alias]):
            masked.add(row.alias)
    veil = await volume.veil(tx, booking.case, booking.start)
    return Cover(veil, frozenset(masked), expected=not masked.isdisjoint(roles))


def covers(database: Database) -> Covers:
    """``cover`` in a transaction of its own each time."""

    async def found(session: str) -> Cover:
        async with database.transaction(write=False) as tx:
            return await cover(tx, session)

    return found
