"""The terminal of a room: pairing it once, what it shows while idle, and which session it enters by itself.

Other detained persons read the screen: while idle it tells the room's name and times, and nothing else.
"""

from typing import Any

from aiohttp import web

from core.errors import Denied, Invalid
from core.refusals import Refused
from people import terminal_keys, terminals
from people.principals import Principal
from people.terminals import Health
from scheduler.day import Agenda, terminal_agenda
from scheduler.roster import Roster, roster
from scheduler.windows import may_enter
from web.context import context, principal_of
from web.forms import json_body
from web.guards import remote_of
from web.identity import DOOR, clear_cookie, cookie_name, set_cookie, set_start
from web.language import locale_of
from web.rendering import page
from web.scripts import imported

PAIRING = "yj-pairing"
"""Cookie of a device that shows a code and waits for it to be confirmed."""


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /terminal``: the same page for every device; what it is it learns from its cookie."""
    facts = {"locale": locale_of(request), "now": context(request).clock.now().isoformat()}
    return page(request, "terminal/terminal.html", page=facts, modules=imported("terminal.js"))


async def pair(request: web.Request) -> web.StreamResponse:
    """``POST /terminal/pair`` ``{"public_key"}``: begin pairing; ``{"code", "seconds"}`` for the screen."""
    found = context(request)
    public_key = str((await json_body(request)).get("public_key", ""))
    if not public_key:
        raise Invalid("key-missing", "This browser made no key of its own. Update it, or use another one.")
    gate, address = request.config_dict[DOOR].throttle, remote_of(request)
    begun = await terminals.begin(found.database, found.clock, gate, address=address, public_key=public_key)
    seconds = int(begun.lasts.total_seconds())
    response = web.json_response({"code": begun.code, "seconds": seconds})
    secure = found.settings.base_url.startswith("https:")
    response.set_cookie(
        PAIRING, begun.device, path="/terminal", max_age=seconds, httponly=True, secure=secure, samesite="Strict"
    )
    return response


async def state(request: web.Request) -> web.StreamResponse:
    """``GET /terminal/state``: ``{"paired": false, "waiting"}``, ``{"paired": true, "start": true}`` while the device
    has not proved itself, or what to show and which session to enter now."""
    terminal = principal_of(request)
    if terminal is None:
        return await _unpaired(request)
    return web.json_response(await _idle(request, terminal))


async def _unpaired(request: web.Request) -> web.StreamResponse:
    found, device = context(request), request.cookies.get(PAIRING)
    if await terminal_keys.is_known(found.database, _key(request)):
        return web.json_response({"paired": True, "waiting": False, "start": True})
    if not device:
        return web.json_response({"paired": False, "waiting": False})
    try:
        key = await terminals.collect(found.database, found.clock, device)
    except Denied:
        key, device = None, None
    response = web.json_response({"paired": key is not None, "waiting": device is not None, "start": key is not None})
    if key is not None:
        set_cookie(request, response, "terminal", key)
        response.del_cookie(PAIRING, path="/terminal")
    return response


def _key(request: web.Request) -> str:
    return request.cookies.get(cookie_name(request, "terminal"), "")


async def challenge(request: web.Request) -> web.StreamResponse:
    """``POST /terminal/challenge``: ``{"secret", "challenge"}`` for a device whose pairing stands."""
    found = context(request)
    secret, asked = await terminal_keys.challenge(found.database, found.clock, _key(request))
    return web.json_response({"secret": secret, "challenge": asked})


async def start(request: web.Request) -> web.StreamResponse:
    """``POST /terminal/start`` ``{"secret", "signature"}``: a start is proved and gets its cookie.

    A device that lost its key forgets its pairing too, so that it shows a code again.
    """
    found, body = context(request), await json_body(request)
    secret, signature = str(body.get("secret", "")), str(body.get("signature", ""))
    try:
        cookie = await terminal_keys.start(
            found.database, found.clock, _key(request), secret=secret, signature=signature
        )
    except Denied as refused:
        if refused.code != "terminal-refused":
            raise
        response = web.json_response({"started": False})
        clear_cookie(request, response, "terminal")
        return response
    response = web.json_response({"started": True})
    set_start(request, response, cookie)
    return response


async def _idle(request: web.Request, terminal: Principal) -> dict[str, Any]:
    found = context(request)
    agenda = await terminal_agenda(found.database, found.clock, terminal)
    return {
        "paired": True,
        "waiting": False,
        "now": found.clock.now().isoformat(),
        "zone": agenda.zone,
        "room": agenda.room_name,
        "times": [{"start": item.start.isoformat(), "end": item.end.isoformat()} for item in agenda.items],
        "session": await _to_enter(request, agenda),
    }


async def _to_enter(request: web.Request, agenda: Agenda) -> str | None:
    """The session of this room whose door is open: in its window and, in custody, confirmed by the duty post."""
    found = context(request)
    for session in _candidates(request, agenda):
        async with found.database.transaction(write=False) as tx:
            booked = await roster(tx, session)
        if booked is not None and _is_open(request, booked, agenda.room):
            return session
    return None


def _candidates(request: web.Request, agenda: Agenda) -> list[str]:
    """What runs comes first: a questioning may have outlasted its slot."""
    hub = context(request).hub
    running = [str(session) for session in hub.live_sessions()] if hub is not None else []
    return [*running, *([agenda.next_session] if agenda.next_session else [])]


def _is_open(request: web.Request, booked: Roster, room: str) -> bool:
    place = next((one for one in booked.rooms if one.id == room), None)
    if place is None or booked.returned or (place.custody and not booked.custody_ready):
        return False
    found = context(request)
    running = found.hub is not None and found.hub.snapshot(booked.session) is not None
    now = found.clock.now()
    entry = may_enter(booked.kind_entry, booked.start, booked.end, booked.state, now, running=running)
    return not isinstance(entry, Refused)


async def seen(request: web.Request) -> web.StreamResponse:
    """``POST /terminal/seen`` ``{"camera", "microphone", "network", "version"}``: the device lives."""
    terminal = principal_of(request)
    if terminal is None:
        raise Denied("not-paired", "This device is not paired to a room.")
    body = await json_body(request)
    health = Health(
        camera=body.get("camera") is True,
        microphone=body.get("microphone") is True,
        network=str(body.get("network", ""))[:32],
        version=str(body.get("version", ""))[:200],
    )
    found = context(request)
    await terminals.seen(found.database, found.clock, terminal, health)
    return web.json_response({})


def routes() -> list[web.RouteDef]:
    return [
        web.get("/terminal", show),
        web.post("/terminal/pair", pair),
        web.post("/terminal/challenge", challenge),
        web.post("/terminal/start", start),
        web.get("/terminal/state", state),
        web.post("/terminal/seen", seen),
    ]
