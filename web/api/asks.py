"""What systems ask: places, free windows, bookings for an officer, and what became of them."""

from core.refusals import Refused
from scheduler import bookings, decisions, search, systems
from scheduler.requests import GuestWish
from web.api.messages import (
    Booking,
    BookingPath,
    Bookings,
    Cancellation,
    Facilities,
    Facility,
    Result,
    Results,
    Room,
    Search,
    Since,
    Span,
    Windows,
    Wish,
)
from web.api.operations import Call, window


async def facilities(call: Call) -> Facilities:
    """The facilities of the system's organisation and those below."""
    found = await systems.places(call.found.database, call.principal)
    return Facilities(
        facilities=[
            Facility(
                facility=place.facility,
                name=place.name,
                kind=place.kind,
                zone=place.zone,
                rooms=[Room(room=room.room, name=room.name, use=room.use) for room in place.rooms],
            )
            for place in found
        ]
    )


def _wish(sent: Wish) -> systems.Wish:
    return systems.Wish(
        kind=sent.kind,
        case=sent.case,
        start=sent.start,
        end=sent.end,
        person=sent.person,
        officers=tuple(sent.officers),
        cooperating=tuple(sent.cooperating),
        interpreters=tuple(sent.interpreters),
        guests=tuple(GuestWish(guest.role, guest.name) for guest in sent.guests),
        room=sent.room,
        own_room=sent.own_room,
    )


async def free_windows(call: Call) -> Windows | Refused:
    """When it could be: the refusal is the one booking would give."""
    sent: Search = call.body
    db, clock = call.found.database, call.found.clock
    officer, request = await systems.wished(db, call.principal, sent.officer, _wish(sent))
    found = await search.free_slots(db, clock, officer, request, until=sent.until)
    return found if isinstance(found, Refused) else Windows(windows=[window(slot) for slot in found[: systems.MOST]])


async def book(call: Call) -> Booking | Refused:
    """Book on behalf of an officer."""
    sent: Wish = call.body
    db, clock = call.found.database, call.found.clock
    officer, request = await systems.wished(db, call.principal, sent.officer, _wish(sent))
    made = await bookings.request_booking(db, clock, officer, request)
    return made if isinstance(made, Refused) else await _booking(call, made.id)


async def list_bookings(call: Call) -> Bookings:
    """Bookings of a span of time."""
    span: Span = call.query
    found = await systems.planned(call.found.database, call.principal, from_=span.from_, until=span.until)
    return Bookings(bookings=[_planned(one) for one in found])


async def get_booking(call: Call) -> Booking:
    """One booking."""
    path: BookingPath = call.path
    return await _booking(call, path.booking)


async def cancel(call: Call) -> Booking:
    """Give a window back."""
    path: BookingPath = call.path
    sent: Cancellation = call.body
    db, clock = call.found.database, call.found.clock
    officer = await systems.acting(db, call.principal, sent.officer)
    await systems.one_planned(db, call.principal, path.booking)
    await decisions.cancel(db, clock, officer, path.booking, sent.reason.value, version=sent.version)
    return await _booking(call, path.booking)


async def results(call: Call) -> Results:
    """Sessions that took place."""
    asked: Since = call.query
    found = await systems.results(call.found.database, call.principal, since=asked.since, after=asked.after or "")
    sent = [
        Result(
            booking=one.booking,
            kind=one.kind,
            case=one.case,
            state=one.state,
            started=one.started,
            ended=one.ended,
        )
        for one in found
    ]
    return Results(results=sent, more=len(sent) == systems.MOST)


async def _booking(call: Call, booking: str) -> Booking:
    return _planned(await systems.one_planned(call.found.database, call.principal, booking))


def _planned(one: systems.Planned) -> Booking:
    return Booking(
        booking=one.booking,
        kind=one.kind,
        case=one.case,
        state=one.state,
        start=one.start,
        end=one.end,
        zone=one.zone,
        facility=one.facility,
        rooms=list(one.rooms),
        officers=list(one.officers),
        reason=one.reason,
        review=one.review,
        started=one.started,
        ended=one.ended,
        version=one.version,
    )
