"""Bookings as a viewer may see them: what is not for their eyes is not in the value."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from cases.kinds import KINDS, Kind, Role
from core.clock import Clock
from core.database import Database
from core.errors import NotFound
from core.refusals import Refused
from people.permissions import Action, Relation, allowed
from people.principals import Principal
from scheduler import access, escalation, naming, store
from scheduler.models import Booking, CustodyStep, Facility, Party, Room, State, Step
from scheduler.windows import Entry, may_enter


@dataclass(frozen=True, slots=True)
class PartyView:
    """Somebody who takes part."""

    id: str
    role: Role
    name: str
    number: str
    person: str | None
    custody_person: str | None
    room: str | None
    room_name: str
    lead: bool


@dataclass(frozen=True, slots=True)
class RoomView:
    """A room held for the session."""

    id: str
    name: str
    facility: str
    facility_name: str
    movable: bool
    """A terminal on wheels rather than a place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingView:
    """One booking for one viewer."""

    id: str
    kind: str
    state: State
    start: datetime
    end: datetime
    zone: str
    facility: str | None
    facility_name: str
    facility_phone: str
    case_number: str
    """Empty where the viewer has no business with the case."""
    parties: tuple[PartyView, ...]
    rooms: tuple[RoomView, ...]
    steps: dict[Step, datetime]
    reason: str | None
    owner: str | None
    deadline: datetime | None
    """By when a request for a visit must be answered: the 48-hour clock."""
    review: str | None
    """Why it must be looked at again: a key of ``reasons.WHY_TEXT``."""
    created: datetime
    arrived: datetime | None
    """Since when whoever asked is there, as the post wrote it down."""
    started: datetime | None
    ended: datetime | None
    version: int
    may: frozenset[str]
    """What the viewer can do now: ``confirm``, ``decline``, ``withdraw``, ``cancel``, ``no_show``, ``join``,
    ``custody``, ``arrive``, ``invite``, ``amend`` (owner), ``move`` (another room, by the post)."""
    entry: Entry | Refused

    @property
    def kind_entry(self) -> Kind:
        """The data of its kind."""
        return KINDS[self.kind]


async def booking_view(db: Database, clock: Clock, principal: Principal, booking: str) -> BookingView:
    """One booking, or ``NotFound`` — the same whether it does not exist or is not for this viewer."""
    async with db.transaction(write=False) as tx:
        found = await store.booking(tx, booking)
        if found is not None:
            held = await access.relations_to(tx, principal, found)
            if allowed(principal, Action.VIEW_BOOKING, held):
                return (await views(tx, principal, [found], clock.now()))[0]
    raise NotFound("no-booking", "There is no such booking.")


async def views_of(db: Database, clock: Clock, principal: Principal, ids: Collection[str]) -> list[BookingView]:
    """Those of these bookings that the principal may see, by start."""
    async with db.transaction(write=False) as tx:
        found = await store.bookings(tx, ids)
        held = [allowed(principal, Action.VIEW_BOOKING, await access.relations_to(tx, principal, b)) for b in found]
        return await views(tx, principal, [b for b, may in zip(found, held, strict=True) if may], clock.now())


async def views(
    tx: AsyncSession, principal: Principal, bookings: Sequence[Booking], now: datetime
) -> list[BookingView]:
    """Views of bookings this principal is allowed to see, in the given order."""
    ids = [b.id for b in bookings]
    parties = _by_booking(await store.parties(tx, ids))
    steps = _by_booking(await store.custody_steps(tx, ids))
    rooms = {
        room.id: (room, place)
        for room, place in await store.rooms_with_facilities(
            tx, {p.room for some in parties.values() for p in some if p.room}
        )
    }
    facilities = {f.id: f for f in await store.facilities(tx, {b.facility for b in bookings if b.facility})}
    numbers = await store.case_numbers(tx, {b.case for b in bookings if b.case})
    found = []
    for booking in bookings:
        held = await access.relations_to(tx, principal, booking)
        shown = [p for p in parties.get(booking.id, []) if _shown(p, booking, principal, held, rooms)]
        found.append(
            _view(
                booking,
                shown,
                await naming.told(tx, principal, booking, shown, held),
                steps.get(booking.id, []),
                rooms,
                facilities.get(booking.facility or ""),
                numbers.get(booking.case or "", "") if _case_shown(booking, held) else "",
                _may(principal, booking, held, now),
                now,
            )
        )
    return found


_INSIDE = frozenset({Relation.SELF, Relation.PARTICIPANT, Relation.OWN_FACILITY, Relation.OWN_CASE})


def _shown(
    party: Party,
    booking: Booking,
    principal: Principal,
    held: Collection[Relation],
    rooms: dict[str, tuple[Room, Facility]],
) -> bool:
    """Of a visit, the post of the lawyer's room learns who comes to its own room, and nothing of the client."""
    if not KINDS[booking.kind].privileged or not _INSIDE.isdisjoint(held):
        return True
    return party.room is not None and rooms[party.room][1].id == principal.facility


def _case_shown(booking: Booking, held: Collection[Relation]) -> bool:
    return Relation.OWN_CASE in held or (Relation.PARTICIPANT in held)


def _may(principal: Principal, booking: Booking, held: frozenset[Relation], now: datetime) -> frozenset[str]:
    """The buttons: only what would be accepted now."""
    kind, state = KINDS[booking.kind], booking.state
    waiting, standing = state is State.REQUESTED, state is State.CONFIRMED
    begun = booking.started is not None
    can = {
        "confirm": waiting and allowed(principal, Action.CONFIRM_BOOKING, held),
        "decline": waiting and allowed(principal, Action.CONFIRM_BOOKING, held),
        "withdraw": waiting and allowed(principal, Action.CANCEL_BOOKING, held),
        "cancel": standing and not begun and allowed(principal, Action.CANCEL_BOOKING, held),
        "no_show": standing and now >= booking.start and allowed(principal, Action.CONFIRM_CUSTODY, held),
        "custody": kind.custody and standing and allowed(principal, Action.CONFIRM_CUSTODY, held),
        "arrive": standing and booking.arrived is None and allowed(principal, Action.CONFIRM_CUSTODY, held),
        "amend": (waiting or standing) and not begun and Relation.SELF in held,
        "move": standing and allowed(principal, Action.MOVE_BOOKING, held),
        "invite": standing and not kind.privileged and allowed(principal, Action.INVITE_GUEST, held),
        "join": standing and allowed(principal, Action.JOIN, held),
    }
    return frozenset(name for name, holds in can.items() if holds)


def _view(
    booking: Booking,
    parties: Sequence[Party],
    names: Mapping[str, str],
    steps: Sequence[CustodyStep],
    rooms: dict[str, tuple[Room, Facility]],
    facility: Facility | None,
    case_number: str,
    may: frozenset[str],
    now: datetime,
) -> BookingView:
    used = dict.fromkeys(p.room for p in parties if p.room)
    running = booking.started is not None and booking.ended is None
    kind = KINDS[booking.kind]
    return BookingView(
        id=booking.id,
        kind=booking.kind,
        state=booking.state,
        start=booking.start,
        end=booking.end,
        zone=booking.zone,
        facility=booking.facility,
        facility_name=facility.name if facility else "",
        facility_phone=facility.phone if facility else "",
        case_number=case_number,
        parties=tuple(_party(p, names.get(p.id, p.name), rooms) for p in parties),
        rooms=tuple(RoomView(r.id, r.name, f.id, f.name, r.movable) for r, f in (rooms[room] for room in used)),
        steps={step.step: step.at for step in steps},
        reason=booking.reason,
        owner=booking.owner,
        deadline=escalation.deadline_of(booking) if booking.state is State.REQUESTED else None,
        review=booking.review,
        created=booking.created,
        arrived=booking.arrived,
        started=booking.started,
        ended=booking.ended,
        version=booking.version,
        may=may,
        entry=may_enter(kind, booking.start, booking.end, booking.state, now, running=running),
    )


def _party(party: Party, name: str, rooms: dict[str, tuple[Room, Facility]]) -> PartyView:
    return PartyView(
        id=party.id,
        role=party.role,
        name=name,
        number=party.number,
        person=party.person,
        custody_person=party.custody_person,
        room=party.room,
        room_name=rooms[party.room][0].name if party.room else "",
        lead=party.lead,
    )


def _by_booking(rows: Sequence[Party] | Sequence[CustodyStep]) -> dict[str, list]:  # type: ignore[type-arg]  # rows of either table
    found: dict[str, list] = {}  # type: ignore[type-arg]
    for row in rows:
        found.setdefault(row.booking, []).append(row)
    return found
