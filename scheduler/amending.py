"""Changing a booking that stands: another time or place by whoever made it, another room by the duty post."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from cases.kinds import Role
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, Invalid
from core.refusals import Refused
from core.texts import msgid as m
from people.permissions import Action
from people.principals import Principal
from scheduler import access, apart, escalation, exclusion, history, holds, invites, seating, store
from scheduler.access import load
from scheduler.calendar import Calendar
from scheduler.facts import RoomFacts, room_facts
from scheduler.hours import calendars_of
from scheduler.models import Booking, Hold, Party, RoomUse, State
from scheduler.placing import chosen_room, taken_refusal
from scheduler.planning import Plan, make_plan
from scheduler.requests import GuestWish, Request, check_request
from scheduler.rooms import SERVES
from scheduler.rules import Rule, Severity, judge
from scheduler.windows import GRID

STANDING = (State.REQUESTED, State.CONFIRMED)
ROOM_REVIEWS = frozenset({"room", "device", "overrun"})
"""Words in ``Booking.review`` that another room answers."""
WIDEST = timedelta(hours=2)
"""No buffer of a room is longer."""
ROOM_NOT_FREE = Refused("taken", "This room is not free for the whole session. Please choose another.", input="room")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to be different. ``room`` and ``own_room``: an id, ``""`` for any or none, ``None`` as it was."""

    start: datetime | None = None
    end: datetime | None = None
    room: str | None = None
    own_room: str | None = None


async def amend(
    db: Database, clock: Clock, principal: Principal, booking: str, change: Change, *, version: int | None = None
) -> Booking | Refused:
    """Move a booking of one's own. It never collides with itself; what is not changed stays valid under rules that
    came later. Where the facility confirms, a moved booking waits for it again."""
    now = clock.now()
    keys: tuple[str, ...] = ()
    try:
        async with db.transaction() as tx:
            found = await load(tx, booking)
            await check_amendable(tx, principal, found)
            access.check_version(found, version)
            was = await request_of(tx, found)
            wish = amended_request(was, change)
            kind = check_request(wish, now)
            before = await make_plan(tx, principal, was, kind, now)
            made = await make_plan(tx, principal, wish, kind, now)
            if isinstance(made, Refused):
                return made
            plan = made
            refused = _newly_broken(found, before, plan, plan.rules)
            if refused is not None:
                return refused
            far, keys = await chosen_room(tx, plan, wish, but=found.id)
            if not keys:
                await rewrite(tx, found, plan, wish, far)
                if kind.privileged and (found.state is State.CONFIRMED or found.review == "offered"):
                    await escalation.begin(tx, found, now)  # it was answered; this is another request
                found.state = State.REQUESTED if kind.approval else State.CONFIRMED
                found.review = None
                await invites.follow(tx, found)
                await history.record(tx, found, "amended", by=principal.id, at=now, facts=plan.facts)
                return found
    except IntegrityError as error:
        if not exclusion.is_overlap(error):
            raise
    async with db.transaction(write=False) as tx:
        return await taken_refusal(tx, now, principal, wish, keys, plan=plan, but=booking)


async def move_room(
    db: Database, clock: Clock, principal: Principal, booking: str, room: str, *, version: int | None = None
) -> Booking | Refused:
    """The duty post moves a session to another room of the facility, now or ahead, also while it runs."""
    now = clock.now()
    try:
        async with db.transaction() as tx:
            found = await load(tx, booking)
            await access.may(tx, principal, Action.MOVE_BOOKING, found)
            access.check_version(found, version)
            if found.state not in STANDING:
                raise Conflict("state", "This is no longer possible: the booking has moved on.")
            target = await _room_of(tx, found, room)
            parties = [p for p in await store.parties(tx, [booking]) if await _sits_in(tx, p, found.facility)]
            former = {p.room for p in parties if p.room}
            calendars = await calendars_of(tx, {target.facility}, now, found.end)
            start, end = rest_of(found, now)
            if not calendars[target.facility].allows(found.kind, target.id, start, end):
                return ROOM_NOT_FREE
            if await _shut_to(tx, found, [target], parties, (start, end)):
                return ROOM_NOT_FREE
            if not await _swap(tx, found, former, target, (start, end)):
                return ROOM_NOT_FREE
            for party in parties:
                party.room = target.id
            found.review = None if found.review in ROOM_REVIEWS else found.review
            await history.record(tx, found, "moved", by=principal.id, at=now, details={"room": target.id})
            return found
    except IntegrityError as error:
        if exclusion.is_overlap(error):
            return ROOM_NOT_FREE
        raise


def rest_of(booking: Booking, now: datetime) -> tuple[datetime, datetime]:
    """The window another room is needed for: what is left of it, a quarter of an hour at least."""
    start = max(booking.start, now.replace(second=0, microsecond=0))
    return start, max(booking.end, start + GRID)


async def other_rooms(
    db: Database, clock: Clock, principal: Principal, bookings: Collection[str]
) -> dict[str, list[RoomFacts]]:
    """For each booking the rooms of its facility that ``move_room`` would accept now. All at once, for a day list.

    Rooms with seats for everybody; when none is free the smaller ones too: the post sees the people and decides (RM-2).
    """
    now = clock.now()
    async with db.transaction(write=False) as tx:
        found = [b for b in await store.bookings(tx, bookings) if b.state in STANDING and b.facility]
        for booking in found:
            await access.may(tx, principal, Action.MOVE_BOOKING, booking)
        if not found:
            return {}
        reach = min(rest_of(b, now)[0] for b in found) - WIDEST, max(rest_of(b, now)[1] for b in found) + WIDEST
        places = {b.facility for b in found if b.facility}
        rooms = [room_facts(r, f) for place in places for r, f in await store.rooms_of(tx, place, tuple(RoomUse))]
        calendars = await calendars_of(tx, places, *reach)
        there = await store.holds_of(tx, [f"room:{room.id}" for room in rooms], *reach)
        free = {}
        for booking in found:
            rest = rest_of(booking, now)
            fit = [room for room in rooms if _takes(room, booking, calendars, there, rest)]
            parties = [p for p in await store.parties(tx, [booking.id]) if await _sits_in(tx, p, booking.facility)]
            shut = await _shut_to(tx, booking, fit, parties, rest) if fit else set()
            unlocked = [room for room in fit if room.id not in shut]
            seated = [room for room in unlocked if room.seats(len(parties))]
            free[booking.id] = seated or unlocked
        return free


def _takes(
    room: RoomFacts,
    booking: Booking,
    calendars: Mapping[str, Calendar],
    there: Sequence[Hold],
    rest: tuple[datetime, datetime],
) -> bool:
    """Whether a room serves the kind, is open, and nobody holds it in the rest of the window."""
    if room.facility != booking.facility or room.use not in SERVES[booking.kind].far:
        return False
    resource = holds.room_resource(room)
    from_, until = resource.window(*rest)
    taken = any(h.resource == resource.key and h.start < until and from_ < h.end for h in there)
    return not taken and calendars[room.facility].allows(booking.kind, room.id, *rest)


async def request_of(tx: AsyncSession, booking: Booking) -> Request:
    """The request that would make this booking as it stands now."""
    parties = await store.parties(tx, [booking.id])
    officers = [p for p in parties if p.person and p.role in (Role.OFFICER, Role.LAWYER)]
    client = next((p for p in parties if p.custody_person), None)
    guests = [p for p in parties if not p.person and not p.custody_person]
    helping = [p for p in parties if p.role is Role.COOPERATING_OFFICER and p.person]
    far = next((p.room for p in (client, *guests, *helping) if p is not None and p.room), None)
    return Request(
        kind=booking.kind,
        start=booking.start,
        end=booking.end,
        room=far,
        own_room=next((p.room for p in officers if p.room), None),
        custody_person=client.custody_person if client else None,
        case=booking.case,
        officers=tuple(p.person for p in officers if p.person and p.person != booking.created_by),
        cooperating=tuple(p.person for p in helping if p.person),
        interpreters=tuple(p.person for p in parties if p.role is Role.INTERPRETER and p.person),
        guests=tuple(GuestWish(p.role, p.name) for p in guests),
    )


async def check_amendable(tx: AsyncSession, principal: Principal, booking: Booking) -> None:
    """Raise ``Denied``, ``NotFound`` or ``Conflict`` unless ``principal`` can move ``booking`` as it stands."""
    await access.check_maker(tx, principal, booking, m("Only whoever made a booking can move it."))
    if booking.state not in STANDING:
        raise Conflict("state", "This is no longer possible: the booking has moved on.")
    if booking.started is not None:
        raise Conflict("running", "The session has begun and cannot be moved.")


def amended_request(was: Request, change: Change) -> Request:
    """The request with a change laid over it; the length stays where only the start moves."""
    start = change.start or was.start
    end = change.end or start + (was.end - was.start)
    room = was.room if change.room is None else change.room or None
    own = was.own_room if change.own_room is None else change.own_room or None
    return replace(was, start=start, end=end, room=room, own_room=own)


def _newly_broken(booking: Booking, before: Plan | Refused, plan: Plan, rules: tuple[Rule, ...]) -> Refused | None:
    """The first refusal that the change brings. What the booking breaks as it stands is excused when the rule is
    younger than the booking."""
    made = booking.created.date()
    broken = [] if isinstance(before, Refused) else judge(before.facts, rules)
    old = {breach.rule.id for breach in broken if breach.rule.since > made}
    fresh = [b for b in judge(plan.facts, rules) if b.rule.severity is Severity.REFUSE and b.rule.id not in old]
    return fresh[0].refused() if fresh else None


async def rewrite(tx: AsyncSession, booking: Booking, plan: Plan, wish: Request, far: RoomFacts | None) -> None:
    """Give the booking its new window, seats and holds. Its parties stay who they are."""
    place = far or plan.own
    booking.start, booking.end = wish.start, wish.end
    booking.facility = place.facility if place else None
    booking.zone = place.zone if place else booking.zone
    if plan.kind.privileged:
        booking.organisation = plan.organisation
    seats = {"far": far.id if far else None, "own": plan.own.id if plan.own else None, "device": None}
    side = {p.person or p.custody_person or p.name: p for p in plan.parties}
    for party in await store.parties(tx, [booking.id]):
        planned = side[party.person or party.custody_person or party.name]
        party.room, party.endpoint_role = seats[planned.side], planned.endpoint_role
        if party.custody_person:
            party.name = planned.name  # who comes of age before the new day is named again
    await holds.release(tx, booking.id)
    rooms = {room.id: room for room in (far, plan.own) if room is not None}
    wanted = [*holds.people_resources(plan.parties), *(holds.room_resource(room) for room in rooms.values())]
    await holds.insert(tx, booking.id, wanted, wish.start, wish.end)


async def _room_of(tx: AsyncSession, booking: Booking, room: str) -> RoomFacts:
    found = await store.rooms_with_facilities(tx, {room})
    if not found or found[0][1].id != booking.facility or found[0][0].closed is not None:
        raise Invalid("unknown-room", "This room cannot be used. Please choose another.", field="room")
    facts = room_facts(*found[0])
    if facts.use not in SERVES[booking.kind].far:
        raise Invalid("unknown-room", "This room cannot be used. Please choose another.", field="room")
    return facts


async def _sits_in(tx: AsyncSession, party: Party, facility: str | None) -> bool:
    if party.room is None:
        return False
    room = await store.room(tx, party.room)
    return room is not None and room.facility == facility


async def _shut_to(
    tx: AsyncSession, booking: Booking, rooms: list[RoomFacts], parties: list[Party], window: tuple[datetime, datetime]
) -> set[str]:
    """The rooms in which those who would move there could meet somebody they must not, or are away."""
    there = [apart.somebody(booking.case, party) for party in parties]
    screened = await seating.closed(
        tx, await apart.apart_of(tx, there), dict.fromkeys(rooms, there), *window, but=booking.id
    )
    return {room for room, windows in screened.items() if any(a < window[1] and window[0] < b for a, b in windows)}


async def _swap(
    tx: AsyncSession, booking: Booking, former: set[str], target: RoomFacts, window: tuple[datetime, datetime]
) -> bool:
    """Give the former rooms back and hold the target for ``window``, or return False and change nothing."""
    resource = holds.room_resource(target)
    if await holds.conflicts(tx, [resource], *window, but=booking.id):
        return False
    for hold in await store.holds(tx, [booking.id]):
        if hold.resource in {f"room:{room}" for room in former}:
            await tx.delete(hold)
    await tx.flush()
    await holds.insert(tx, booking.id, [resource], *window)
    return True
