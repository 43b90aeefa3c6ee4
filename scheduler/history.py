"""Every act on a booking leaves a version, an entry in the ledger and notices, in the act's own transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from scheduler import notices, store, webhooks
from scheduler.facts import Facts, snapshot
from scheduler.models import Booking, BookingChange, Party


async def record(
    tx: AsyncSession,
    booking: Booking,
    act: str,
    *,
    by: str,
    at: datetime,
    via: str | None = None,
    details: Mapping[str, Any] | None = None,
    first: bool = False,
    facts: Facts | None = None,
    note: str = "",
    parties: Sequence[Party] | None = None,
) -> None:
    """Write down that ``by`` did ``act``; raises the booking's version unless it is the ``first``.

    ``via`` is the system's token through which it was asked.
    ``parties`` are those of the booking, in the order they were added, when the caller has them at hand.
    ``facts`` are what the rules saw, kept so that the decision can be replayed; ``note`` is an enumerated word.
    """
    if not first:
        booking.version += 1
    await tx.flush()
    if parties is None:
        parties = await store.parties(tx, [booking.id])
    tx.add(
        BookingChange(
            booking=booking.id,
            version=booking.version,
            at=at,
            by=by,
            act=act,
            snapshot={
                "state": booking.state.value,
                "start": booking.start.isoformat(),
                "end": booking.end.isoformat(),
                "reason": booking.reason,
                "owner": booking.owner,
                "parties": [{"id": p.id, "role": p.role.value, "room": p.room} for p in parties],
                **({"facts": snapshot(facts)} if facts else {}),
                **({"note": note} if note else {}),
            },
        )
    )
    said = {"kind": booking.kind, "version": booking.version, **(details or {})}
    if via:
        said["via"] = via
    if booking.reason:
        said["reason"] = booking.reason
    await notices.about(tx, booking, parties, act, by=by, at=at)
    await webhooks.queue(tx, booking, act, at)
    # last, because every other writer of the ledger waits from here until the commit
    await ledger.append(tx, f"booking.{act}", actor=by, subject=booking.id, at=at, details=said)
