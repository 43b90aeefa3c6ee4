"""One booking: what stands in it, and what its viewer can do with it."""

from collections.abc import Awaitable, Callable, Sequence
from zoneinfo import ZoneInfo

from aiohttp import web
from aiohttp.typedefs import Handler

from core.errors import PersonError
from core.texts import msgid as m
from scheduler import decisions, offers, practice, promises, reasons, reviews, versions, waiting
from scheduler.ics import appointment
from scheduler.reasons import WHY_TEXT
from scheduler.refusals import Slot
from scheduler.views import BookingView, booking_view
from scheduler.windows import Entry
from web.context import context
from web.forms import Form, form, path_id, query
from web.identity import account
from web.language import locale_of, see_other
from web.lines import line
from web.mistakes import Mistake, of_error, of_refusal
from web.rendering import page

TOLD = {
    "booked": m("It is booked."),
    "asked": m("Your request has been sent."),
    "withdrawn": m("Your request was withdrawn. The time is free again."),
    "cancelled": m("It is cancelled. The time is free again, and everybody who takes part sees it."),
    "moved": m("It is moved."),
    "taken": m("The time is yours."),
    "refused": m("You did not take the offered time. Somebody else may have it now."),
}


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /bookings/{id}``."""
    return await _show(request, None)


async def _show(request: web.Request, mistake: Mistake | None) -> web.Response:
    principal, found = account(request), context(request)
    booking = await booking_view(found.database, found.clock, principal, path_id(request))
    entry = booking.entry
    told = query(request).raw("told")
    if told == "booked" and str(booking.state) == "requested":
        told = "asked"
    mine = await promises.promise(found.database, found.clock, principal, booking.id)
    offered = await waiting.offered_to(found.database, principal, booking.id)
    amends = "amend" in booking.may
    return page(
        request,
        "book/booking.html",
        status=mistake.status if mistake else 200,
        zone=ZoneInfo(booking.zone),
        promise=mine,
        offered=booking.review == "offered" and amends,
        may_move=amends and offered is None,
        deadline=offered.deadline if offered else booking.start,
        review=WHY_TEXT.get(booking.review or "", ""),
        proposals=await _proposals(request, booking) if amends else [],
        acts=versions.ACT_TEXT,
        history=await versions.versions(found.database, principal, booking.id),
        practice=await practice.practice(found.database, found.clock, principal, booking.id),
        booking=booking,
        line=line(booking, principal, found.hub),
        told=TOLD.get(told, ""),
        error=mistake,
        entry=entry if isinstance(entry, Entry) else None,
        refused=None if isinstance(entry, Entry) else of_refusal(request, entry),
        reason=reasons.REASON_TEXT.get(booking.reason or "", ""),
        cancel_reasons=[(reason.value, text) for reason, text in reasons.CANCELLED_TEXT.items()],
        can_invite=_invites(booking),
        recorded=not booking.kind_entry.privileged and str(booking.state) == "done",
    )


def _invites(booking: BookingView) -> bool:
    return "invite" in booking.may and any(p.person is None and p.custody_person is None for p in booking.parties)


async def _proposals(request: web.Request, booking: BookingView) -> Sequence[Slot]:
    """Equivalent windows for a booking that cannot stay as it is."""
    if booking.review not in WHY_TEXT:
        return ()
    found = context(request)
    return await reviews.proposals(found.database, found.clock, account(request), booking.id)


Act = Callable[[web.Request, str, Form, int], Awaitable[None]]


def _act(told: str, do: Act) -> Handler:
    """A press of a button on the booking's page: done and told, or the page again with the sentence why not."""

    async def handler(request: web.Request) -> web.StreamResponse:
        booking, typed = path_id(request), await form(request)
        version = typed.number("version", 1, 10**6)
        try:
            await do(request, booking, typed, version)
        except PersonError as error:
            if error.status >= 500:
                raise
            return await _show(request, of_error(request, error))
        return see_other(f"/bookings/{booking}?told={told}")

    return handler


async def _take(request: web.Request, booking: str, _: Form, version: int) -> None:
    principal, found = account(request), context(request)
    row = await waiting.offered_to(found.database, principal, booking)
    if row is not None:
        await waiting.accept(found.database, found.clock, principal, row.id)
    else:
        await offers.take_offer(found.database, found.clock, principal, booking, version=version)


async def _refuse(request: web.Request, booking: str, typed: Form, version: int) -> None:
    principal, found = account(request), context(request)
    row = await waiting.offered_to(found.database, principal, booking)
    if row is not None:
        await waiting.leave(found.database, found.clock, principal, row.id)
    else:
        await _withdraw(request, booking, typed, version)


async def _withdraw(request: web.Request, booking: str, _: Form, version: int) -> None:
    found = context(request)
    await decisions.withdraw(found.database, found.clock, account(request), booking, version=version)


async def _cancel(request: web.Request, booking: str, typed: Form, version: int) -> None:
    found, reason = context(request), typed.raw("reason")
    await decisions.cancel(found.database, found.clock, account(request), booking, reason, version=version)
    if found.hub is not None:
        await found.hub.window_changed(booking)


take = _act("taken", _take)
"""``POST /bookings/{id}/take``: yes to the time that was offered."""
refuse = _act("refused", _refuse)
"""``POST /bookings/{id}/refuse``: no to the time that was offered; it goes to the next."""
withdraw = _act("withdrawn", _withdraw)
"""``POST /bookings/{id}/withdraw``: take back a request that was not answered yet."""
cancel = _act("cancelled", _cancel)
"""``POST /bookings/{id}/cancel``: give a confirmed time back."""


async def calendar(request: web.Request) -> web.StreamResponse:
    """``GET /bookings/{id}/calendar.ics``: for the viewer's own calendar; names nobody."""
    principal, found = account(request), context(request)
    booking = await booking_view(found.database, found.clock, principal, path_id(request))
    file = appointment(
        booking=booking.id,
        kind=booking.kind,
        start=booking.start,
        end=booking.end,
        place=line(booking, principal, found.hub).place,
        address=f"{found.settings.base_url}/bookings/{booking.id}",
        sequence=booking.version,
        stamped=found.clock.now(),
        locale=locale_of(request),
        method="PUBLISH",
    )
    headers = {"Content-Disposition": 'attachment; filename="session.ics"'}
    return web.Response(body=file, content_type="text/calendar", charset="utf-8", headers=headers)


def routes() -> list[web.RouteDef]:
    return [
        web.get("/bookings/{id}", show),
        web.post("/bookings/{id}/take", take),
        web.post("/bookings/{id}/refuse", refuse),
        web.post("/bookings/{id}/withdraw", withdraw),
        web.post("/bookings/{id}/cancel", cancel),
        web.get("/bookings/{id}/calendar.ics", calendar),
    ]
