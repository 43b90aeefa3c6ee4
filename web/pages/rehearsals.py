"""The operator's self-test over HTTP: begin a rehearsal, ask what became of its recording, fetch its files."""

from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.errors import Invalid, NotFound
from people.permissions import Action, allowed, relations
from people.principals import Principal
from recordings import store as recorded
from recordings.models import Recording
from scheduler import bookings
from scheduler import store as calendar
from scheduler.access import no_booking
from scheduler.models import Booking
from web.context import context
from web.forms import json_body, path_id
from web.identity import signed_in
from web.playback import serve

_ADDRESS = "/api/rehearsals"


async def begin(request: web.Request) -> web.StreamResponse:
    """``POST /api/rehearsals`` ``{"kind": "rehearsal", "participants", "minutes"}`` → 201 ``{"session"}``."""
    principal, found, body = signed_in(request), context(request), await json_body(request)
    if body.get("kind", "rehearsal") != "rehearsal":
        raise Invalid("unknown-kind", "Only rehearsals are begun here.", field="kind")
    booking = await bookings.start_rehearsal(
        found.database,
        found.clock,
        principal,
        participants=_number(body, "participants", 2, 2, 12),
        minutes=_number(body, "minutes", 15, 15, 120),
    )
    return web.json_response({"session": booking.id}, status=201)


def _number(body: dict[str, Any], name: str, default: int, low: int, high: int) -> int:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Invalid("field-number", "Please give a number from {low} to {high}.", field=name, low=low, high=high)
    return value


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /api/rehearsals/{id}``: state, verdict and files; ``null`` and empty until the worker is through."""
    found, session = context(request), path_id(request)
    async with found.database.transaction(write=False) as tx:
        booking = await _own(tx, signed_in(request), session)
        recording = await recorded.of_session(tx, session)
        files = await recorded.files(tx, recording.id) if recording else ()
    live = found.hub.snapshot(session) if found.hub is not None else None
    return web.json_response(
        {
            "session": session,
            "state": str(live.state) if live is not None else _state(booking),
            **_result(recording),
            "files": [
                {
                    "endpoint": file.endpoint,
                    "publication": file.publication,
                    "url": f"{_ADDRESS}/{session}/media/{file.file}",
                    "type": file.media_type,
                }
                for file in files
            ],
        }
    )


def _state(booking: Booking) -> str:
    return "ended" if booking.ended is not None or booking.state.value == "done" else "waiting"


def _result(recording: Recording | None) -> dict[str, Any]:
    if recording is None or recording.finalized is None:
        return {
            "recording": recording.id if recording else None,
            "verdict": None,
            "recorded_ms": 0,
            "digest": None,
        }
    return {
        "recording": recording.id,
        "verdict": recording.verdict,
        "recorded_ms": recording.duration_ms,
        "digest": recording.digest,
    }


async def _own(tx: AsyncSession, principal: Principal, session: str) -> Booking:
    """The rehearsal, for the token that began it."""
    booking = await calendar.booking(tx, session)
    own = relations(principal, owner=booking.created_by) if booking else ()
    if booking is None or booking.kind != "rehearsal" or not allowed(principal, Action.VIEW_RECORD, own):
        raise no_booking()
    return booking


async def media(request: web.Request) -> web.StreamResponse:
    """``GET /api/rehearsals/{id}/media/{file}``; the ledger is told before the first byte."""
    principal, found, session = signed_in(request), context(request), path_id(request)
    async with found.database.transaction() as tx:
        await _own(tx, principal, session)
        recording = await recorded.of_session(tx, session)
        if recording is None or found.recordings is None:
            raise NotFound("no-recording", "There is no recording of this session yet.")
        await ledger.append(tx, "recording.play-granted", actor=principal.id, subject=session, at=found.clock.now())
    return await serve(request, await found.recordings.open(recording.id, request.match_info["file"]))


def routes() -> list[web.RouteDef]:
    return [
        web.post(_ADDRESS, begin),
        web.get(_ADDRESS + "/{id}", show),
        web.get(_ADDRESS + "/{id}/media/{file}", media),
    ]
