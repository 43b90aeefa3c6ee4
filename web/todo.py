"""What somebody has to do, gathered from the whole calendar: the most urgent first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from core.texts import msgid as m
from core.texts import translate
from people.principals import Principal
from scheduler import counsel, notices, papers, waiting
from scheduler.reasons import WHY_TEXT
from scheduler.views import BookingView
from web.context import context
from web.language import locale_of


@dataclass(frozen=True, slots=True)
class Todo:
    """One thing to do: what it is, where, until when."""

    title: str
    """In the visitor's language."""
    more: str
    address: str
    symbol: str
    until: datetime | None = None


async def todos(request: web.Request, principal: Principal, bookings: Iterable[BookingView]) -> Sequence[Todo]:
    """Offers to answer, bookings that cannot stay, papers that are missing, requests to take, messages not read."""
    found, locale = context(request), locale_of(request)

    def say(text: str, **values: object) -> str:
        return translate(locale, text, values)

    deadlines = {
        one.booking: one.deadline for one in await waiting.my_waiting(found.database, principal) if one.booking
    }
    things = []
    for booking in bookings:
        address = f"/bookings/{booking.id}"
        if booking.review == "offered" and "amend" in booking.may:
            until = deadlines.get(booking.id) or booking.start
            things.append(Todo(say(m("A time is offered to you")), "", address, "hourglass-split", until))
        elif booking.review in WHY_TEXT and "amend" in booking.may:
            text = say(WHY_TEXT[booking.review or ""])
            things.append(Todo(say(m("A session needs another time")), text, address, "exclamation-triangle"))
    if principal.has("lawyer"):
        for mandate in await papers.my_mandates(found.database, found.clock, principal):
            if mandate.missing:
                lacking = say(", ").join(say(papers.PAPER_TEXT[kind]) for kind in mandate.missing)
                title = say(m("A paper is missing for {name}"), name=mandate.client)
                things.append(Todo(title, lacking, f"/papers/{mandate.id}", "folder-x"))
        things += [
            Todo(say(m("Somebody in custody asks for a lawyer")), one.facility_name, "/counsel", "bell", one.deadline)
            for one in await counsel.of_lawyer(found.database, principal)
            if one.taken is None
        ]
    new = await notices.unread(found.database, principal)
    if new:
        things.append(Todo(say(m("New messages: {count}"), count=new), "", "/messages", "envelope"))
    return sorted(things, key=lambda one: (one.until is None, one.until or found.clock.now()))
