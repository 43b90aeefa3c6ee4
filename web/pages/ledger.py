"""The ledger as people read it: auditors search it, everybody sees who looked at the records of own sessions.

Auditors get ids, never names: what is found can be handed on without telling who it is about.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode

from aiohttp import web

from core.ledger import Wanted
from core.texts import msgid as m
from people import accountability
from people.accountability import Line
from scheduler import store as calendar
from web import store
from web.context import context
from web.csv_file import csv_response
from web.forms import Form, query
from web.identity import account
from web.rendering import page

PER_PAGE, PER_FILE = 50, 1000
_FIELDS = ("tag", "actor", "subject", "since", "until")
BACK = timedelta(days=365)
"""How far back "who looked" goes."""
MOST_SESSIONS = 500
LOOKS = {
    "recording.log-viewed": m("opened the record"),
    "recording.play-granted": m("played the recording"),
    "recording.still-viewed": m("looked at a still picture of the identity check"),
    "recording.verified": m("checked the recording"),
    "recording.exported": m("exported the recording"),
    "recording.released": m("was given the original"),
    "recording.held": m("placed a hold on it"),
    "recording.hold-lifted": m("lifted a hold"),
    "recording.erased": m("erased the recording"),
}
"""What may be said of a session's record; other acts are told by their tag."""


async def search(request: web.Request) -> web.StreamResponse:
    """``GET /ledger?tag=&actor=&subject=&since=&until=&before=``: newest first; the search itself is an entry."""
    asked = query(request)
    lines = await _find(request, asked, PER_PAGE)
    values = {name: asked.raw(name)[:64] for name in _FIELDS}
    kept = urlencode({name: value for name, value in values.items() if value})
    older = f"/ledger?{kept}&before={lines[-1].number}" if len(lines) == PER_PAGE else None
    return page(request, "ledger/search.html", lines=lines, values=values, kept=kept, older=older)


async def export(request: web.Request) -> web.StreamResponse:
    """``GET /ledger.csv``: the same search as a file."""
    lines = await _find(request, query(request), PER_FILE)
    head = ("number", "at", "tag", "actor", "subject", "details")
    rows = [
        (line.number, line.at.isoformat(timespec="seconds"), line.tag, line.actor, line.subject, _said(line))
        for line in lines
    ]
    return csv_response("ledger", head, rows)


def _said(line: Line) -> str:
    return " ".join(f"{name}={value}" for name, value in sorted(line.details.items()))


async def _find(request: web.Request, asked: Form, limit: int) -> Sequence[Line]:
    principal, found = account(request), context(request)
    actor, subject = asked.raw("actor").strip()[:64], asked.raw("subject").strip()[:64]
    wanted = Wanted(
        tag=asked.raw("tag").strip()[:64],
        actors=(actor,) if actor else None,
        subjects=(subject,) if subject else None,
        since=_midnight(request, asked, "since"),
        until=_midnight(request, asked, "until", days=1),
        before=asked.number("before", 1, 999_999_999) if asked.has("before") else None,
    )
    return await accountability.search(
        found.database, found.clock, principal, wanted, private=store.privileged, limit=limit
    )


def _midnight(request: web.Request, asked: Form, name: str, *, days: int = 0) -> datetime | None:
    """The beginning of the day asked for in the site's zone, or of so many days later."""
    if not asked.has(name):
        return None
    day = asked.day(name, date.min)
    return datetime.combine(day + timedelta(days=days), time.min, context(request).settings.zone)


async def looked(request: web.Request) -> web.StreamResponse:
    """``GET /looked``: who looked at the records of the asker's own sessions, newest first."""
    principal, found = account(request), context(request)
    async with found.database.transaction(write=False) as tx:
        since = found.clock.now() - BACK
        bookings = await calendar.bookings_of_person(tx, principal.id, since, MOST_SESSIONS)
        sessions = {booking.id: booking for booking in bookings if booking.started is not None}
        recordings = await store.sessions_of_recordings(tx, sessions)
    lines = await accountability.who_looked(found.database, principal, [*sessions, *recordings])
    rows = [(line, sessions[recordings.get(line.subject, line.subject)]) for line in lines]
    return page(request, "ledger/looked.html", rows=rows, looks=LOOKS)


def routes() -> list[web.RouteDef]:
    return [web.get("/ledger", search), web.get("/ledger.csv", export), web.get("/looked", looked)]
