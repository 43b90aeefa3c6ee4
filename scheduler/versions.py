"""The history of a booking for those who may see it: every version, what was done, and by which side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.database import Database
from core.errors import NotFound
from people.permissions import Action, Relation, allowed
from people.principals import Principal
from scheduler import access, store
from scheduler.models import Booking, BookingChange
from scheduler.reasons import REASON_TEXT

ACT_TEXT: dict[str, str] = {
    "requested": "Asked for",
    "confirmed": "Confirmed",
    "started": "Begun without booking",
    "urgent": "Asked for as urgent",
    "offered": "Another time was offered",
    "amended": "Moved",
    "moved": "Another room",
    "review": "Must be looked at again",
    "declined": "Declined",
    "withdrawn": "Withdrawn",
    "cancelled": "Cancelled",
    "no_show": "Did not take place",
    "begun": "Begun",
    "done": "Ended",
    "extended": "Made longer",
    "overrun": "Goes on past its time",
    "lapsed": "The offer was not taken",
    "brought": "Brought",
    "identity_checked": "Identity checked",
    "escort_left": "Escort has left",
    "returned": "Returned",
}
"""msgid of each act."""
YOU, FACILITY, PLATFORM = "You", "The facility", "Automatically"
_INSIDE = frozenset({Relation.SELF, Relation.PARTICIPANT, Relation.OWN_FACILITY, Relation.OWN_CASE})


@dataclass(frozen=True, slots=True)
class Version:
    """A booking as one act left it."""

    number: int
    at: datetime
    act: str
    """Key of ``ACT_TEXT``."""
    by: str
    """``YOU``, ``FACILITY``, ``PLATFORM`` (msgids), or the name of somebody who takes part."""
    start: datetime
    end: datetime
    moved: bool
    """Whether the window is another than in the version before."""
    rooms: tuple[str, ...]
    reason: str
    """msgid, or empty."""


async def versions(db: Database, principal: Principal, booking: str) -> list[Version]:
    """Every version, newest first. Raises ``NotFound`` for whoever may not see the booking."""
    async with db.transaction(write=False) as tx:
        found = await store.booking(tx, booking)
        held = await access.relations_to(tx, principal, found) if found else frozenset()
        if found is None or not allowed(principal, Action.VIEW_BOOKING, held):
            raise NotFound("no-booking", "There is no such booking.")
        query = select(BookingChange).where(BookingChange.booking == booking)
        changes = (await tx.execute(query.order_by(BookingChange.version, BookingChange.at))).scalars().all()
        rooms = await _room_names(tx, changes) if held & _INSIDE else {}
        names = {p.person: p.name for p in await store.parties(tx, [booking]) if p.person}
    shown, before = [], None
    for change in changes:
        version = _version(change, principal, found, names, rooms, before)
        before = version
        shown.append(version)
    return shown[::-1]


async def _room_names(tx: AsyncSession, changes: Sequence[BookingChange]) -> dict[str, str]:
    ids = {party["room"] for change in changes for party in change.snapshot["parties"] if party["room"]}
    return {room.id: f"{place.name} · {room.name}" for room, place in await store.rooms_with_facilities(tx, ids)}


def _version(
    change: BookingChange,
    principal: Principal,
    booking: Booking,
    names: Mapping[str, str],
    rooms: Mapping[str, str],
    before: Version | None,
) -> Version:
    said = change.snapshot
    start, end = datetime.fromisoformat(said["start"]), datetime.fromisoformat(said["end"])
    return Version(
        number=change.version,
        at=change.at,
        act=change.act,
        by=_who(change.by, principal, names),
        start=start,
        end=end,
        moved=before is not None and (before.start, before.end) != (start, end),
        rooms=tuple(dict.fromkeys(rooms[p["room"]] for p in said["parties"] if p["room"] in rooms)),
        reason=REASON_TEXT.get(said.get("reason") or "", "") if change.act != "review" else "",
    )


def _who(by: str, principal: Principal, names: Mapping[str, str]) -> str:
    """Somebody of the facility is its post, never a name: people learn what was done, not who was on duty."""
    if by == principal.id:
        return YOU
    if by in names:
        return names[by]
    return PLATFORM if by == "system" else FACILITY
