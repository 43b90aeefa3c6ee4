"""JSON for the operator's self-test: begin a rehearsal, read its result, fetch its files. Bearer tokens only."""

import json
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.errors import Denied, Invalid, NotFound
from people.permissions import Action, allowed
from people.principals import Principal
from recordings import store as recordings
from recordings.models import DerivedFile, Recording
from scheduler import access
from scheduler import store as bookings
from scheduler.bookings import start_rehearsal
from web.context import context
from web.forms import path_id
from web.identity import signed_in
from web.playback import serve


def operator(request: web.Request) -> Principal:
    """Whoever asks with an operator's token; raises ``Denied``."""
    principal = signed_in(request)
    if principal.kind != "token":
        raise Denied("not-a-token", "This address is for programs with an operator's token.")
    return principal


async def begin(request: web.Request) -> web.Response:
    """``POST /api/rehearsals`` with ``{"participants": 2, "minutes": 15}``: 201 ``{"session"}``; starts now."""
    principal, found = operator(request), context(request)
    asked = await _body(request)
    if asked.get("kind", "rehearsal") != "rehearsal":
        raise Invalid("kind", "Only rehearsals can be started here.", field="kind")
    booking = await start_rehearsal(
        found.database,
        found.clock,
        principal,
        participants=_count(asked, "participants", 2, 2, 16),
        minutes=_count(asked, "minutes", 15, 1, 240),
    )
    return web.json_response({"session": booking.id}, status=201)


async def result(request: web.Request) -> web.Response:
    """``GET /api/rehearsals/{session}``: state, verdict and files; ``verdict`` is null until the worker is done."""
    principal, found, session = operator(request), context(request), path_id(request)
    async with found.database.transaction(write=False) as tx:
        await _own(tx, principal, session, Action.VIEW_RECORD)
        recording = await recordings.of_session(tx, session)
        files = await recordings.files(tx, recording.id) if recording else ()
    live = found.hub.snapshot(session) if found.hub else None
    return web.json_response(
        {
            "session": session,
            "state": live.state if live else "ended" if recording else "waiting",
            **_recorded(recording),
            "files": [_file(session, item) for item in files],
        }
    )


async def play(request: web.Request) -> web.StreamResponse:
    """``GET /api/rehearsals/{session}/files/{file}``: one playable file, with Range."""
    principal, found, session = operator(request), context(request), path_id(request)
    async with found.database.transaction() as tx:
        await _own(tx, principal, session, Action.PLAY_RECORD)
        recording = await recordings.of_session(tx, session)
        if recording is None:
            raise NotFound("no-recording", "There is no such recording.")
        await ledger.append(
            tx, "recording.viewed", actor=principal.id, subject=recording.id, at=found.clock.now(), details={}
        )
    return await serve(request, await found.recordings.open(recording.id, request.match_info["file"]))


async def _own(tx: AsyncSession, principal: Principal, session: str, action: Action) -> None:
    """Raise ``NotFound`` unless ``principal`` may do ``action`` with the rehearsal."""
    booking = await bookings.booking(tx, session)
    if booking is None or not allowed(principal, action, await access.relations_to(tx, principal, booking)):
        raise NotFound("no-booking", "There is no such booking.")


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise Invalid("not-json", "The request is not JSON.") from None
    if not isinstance(body, dict):
        raise Invalid("not-json", "The request is not a JSON object.")
    return body


def _count(body: dict[str, Any], name: str, default: int, low: int, high: int) -> int:
    value = body.get(name, default)
    if type(value) is not int or not low <= value <= high:
        raise Invalid("number", "Use a whole number between {low} and {high}.", field=name, low=low, high=high)
    return value


def _recorded(recording: Recording | None) -> dict[str, Any]:
    if recording is None or recording.finalized is None:
        return {"recording": recording.id if recording else None, "verdict": None, "recorded_ms": None, "digest": None}
    return {
        "recording": recording.id,
        "verdict": recording.verdict,
        "recorded_ms": recording.duration_ms,
        "digest": recording.digest,
    }


def _file(session: str, item: DerivedFile) -> dict[str, Any]:
    return {
        "endpoint": item.endpoint,
        "publication": item.publication,
        "url": f"/api/rehearsals/{session}/files/{item.file}",
        "type": item.media_type,
    }


def routes() -> list[web.RouteDef]:
    return [
        web.post("/api/rehearsals", begin),
        web.get("/api/rehearsals/{id}", result),
        web.get("/api/rehearsals/{id}/files/{file}", play),
    ]
