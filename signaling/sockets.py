"""``GET /live/{session}/socket``: the WebSocket of one endpoint, from the first message to the close code."""

import asyncio
import contextlib
import json
from collections.abc import Collection
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from core.clock import Clock
from core.config import Settings
from core.errors import Denied, PeerError, PersonError, Unavailable
from core.texts import LOCALES, Texts, choose
from people.principals import Principal
from signaling import events, messages
from signaling.connection import Close, Connection
from signaling.events import Seat
from signaling.hub import Hub
from signaling.live import Live
from signaling.places import Place

log = structlog.get_logger()

HELLO_WITHIN = 5.0
"""Seconds for the first message."""
MOST_BYTES = 16 * 1024
"""Largest message of an endpoint."""
HEARTBEAT = 10.0
"""Seconds between protocol pings; without an answer within half of it the connection is lost."""
SEND_WITHIN = 10.0
"""Seconds a message may take to leave before the connection is cut."""
RATE, BURST = 20, 60
"""Messages per second an endpoint may send, and how many at once."""
MOST_BAD = 5
"""Unreadable messages before the connection is closed."""

HUB: web.AppKey[Hub] = web.AppKey("hub", Hub)


async def socket(request: web.Request) -> web.StreamResponse:
    """Serve one endpoint until either side closes."""
    hub = request.app[HUB]
    if not _is_own_origin(request, hub.settings):
        raise Denied("foreign-origin", "This connection came from another page, so it was refused.")
    ws = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=MOST_BYTES, compress=False, timeout=2.0)
    await ws.prepare(request)
    connection = Connection(_locale(request, hub.settings))
    writer = asyncio.create_task(_write(ws, connection))
    try:
        live, place = await _enter(ws, hub, request, connection)
        await _serve(ws, hub, live, place, connection)
    except _Shut as shut:
        hub.metrics.count("refused")
        if shut.code:
            connection.offer(messages.Refused(code=shut.code, text=connection.texts(shut.text, **shut.values)))
        connection.close(shut.close)
    finally:
        connection.close(Close.LEFT)
        with contextlib.suppress(asyncio.CancelledError):
            await writer
    return ws


def _is_own_origin(request: web.Request, settings: Settings) -> bool:
    """Upgrades are GETs, which the forgery rule of pages does not see. Programs send no Origin and need a ticket."""
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    base = urlsplit(settings.base_url)
    scheme, host = request.scheme, request.host
    if settings.trusted_proxy and request.remote == settings.trusted_proxy:
        scheme = request.headers.get("X-Forwarded-Proto", scheme)
        host = request.headers.get("X-Forwarded-Host", host)
    return origin in (f"{base.scheme}://{base.netloc}", f"{scheme}://{host}")


def _locale(request: web.Request, settings: Settings) -> str:
    """The language the visitor chose for pages; else that of the browser."""
    return choose(request.get("locale"), request.headers.get("Accept-Language"), settings.locale)


async def _write(ws: web.WebSocketResponse, connection: Connection) -> None:
    """Send what waits, then close; a peer that takes nothing is cut."""
    try:
        while taken := await connection.take():
            for message in taken:
                async with asyncio.timeout(SEND_WITHIN):
                    await ws.send_str(messages.TO_ENDPOINT.encode(message).decode())
        await ws.close(code=connection.closing or WSCloseCode.OK)
    except (ConnectionError, TimeoutError, RuntimeError):
        connection.close(Close.TOO_SLOW)
        await ws.close(code=Close.TOO_SLOW)


# The first message


class _Shut(Exception):
    """The first message does not let anybody in."""

    def __init__(self, close: Close, code: str = "", text: str = "", values: dict[str, object] | None = None) -> None:
        super().__init__(code)
        self.close = close
        self.code = code
        self.text = text
        self.values = values or {}


async def _enter(
    ws: web.WebSocketResponse, hub: Hub, request: web.Request, connection: Connection
) -> tuple[Live, Place]:
    """Spend the ticket or the resume secret of the first message, or raise ``_Shut``."""
    session = request.match_info["session"]
    hello = await _hello(ws)
    try:
        if hello.ticket is not None:
            browsers = request.get("browsers", frozenset())
            return await _by_ticket(hub, session, hello, hello.ticket, browsers, connection)
        return _by_resume(hub, session, hello, connection)
    except PersonError as error:
        close = Close.LATER if isinstance(error, Unavailable) else Close.DENIED
        raise _Shut(close, error.code, error.text, error.values) from None


async def _hello(ws: web.WebSocketResponse) -> messages.Hello:
    try:
        async with asyncio.timeout(HELLO_WITHIN):
            first = await ws.receive()
    except TimeoutError:
        raise _Shut(Close.NO_HELLO) from None
    if first.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
        raise _Shut(Close.PROTOCOL)
    try:
        hello = messages.FROM_ENDPOINT.decode(first.data)
    except PeerError as error:
        raise _Shut(Close.PROTOCOL, error.code, error.text) from None
    if not isinstance(hello, messages.Hello) or (hello.ticket is None) == (hello.resume is None):
        text = "The first message is a hello with either a ticket or a resume secret."
        raise _Shut(Close.PROTOCOL, "no-hello", text)
    if hello.version != messages.VERSION:
        raise _Shut(Close.PROTOCOL, "version", "This page is older or newer than the server. Please load it again.")
    return hello


async def _by_ticket(
    hub: Hub, session: str, hello: messages.Hello, ticket: str, browsers: Collection[str], connection: Connection
) -> tuple[Live, Place]:
    entry = await hub.desk.spend(session, ticket, browsers, running=hub.is_running(session))
    live = await hub.open(entry.roster)
    if live.would_meet(entry):
        live.take(events.KeptApart())
        raise await hub.desk.stopped(session, entry.principal)
    principal = replace(entry.principal, locale=_speaks(hello, entry.principal))
    connection.texts = Texts(principal.locale)
    live.take(events.RosterChanged(entry.roster))
    place = live.places.of(principal, entry.participant, entry.role.value)
    live.enter(place, entry.seat(place.endpoint), connection)
    hub.rooms.close_rooms()
    _note_agent(live, place, hello.agent)
    hub.metrics.count("joined")
    return live, place


def _by_resume(hub: Hub, session: str, hello: messages.Hello, connection: Connection) -> tuple[Live, Place]:
    """Come back without asking the database, so that it works while that is away."""
    live = hub.get(session)
    place = live.places.by_resume(hello.resume or "") if live else None
    endpoint = live.session.presence.get(place.endpoint) if live and place else None
    if live is None or place is None or endpoint is None:
        raise _Shut(Close.UNKNOWN, "resume-unknown", "This way back is not valid any more. Please join again.")
    connection.texts = Texts(_speaks(hello, place.principal))
    seat = Seat(endpoint.id, endpoint.role, endpoint.label, room=endpoint.room, custody=endpoint.custody)
    live.enter(place, seat, connection)
    hub.rooms.close_rooms()
    live.catch_up(place, hello.seen)
    hub.metrics.count("returned")
    return live, place


def _speaks(hello: messages.Hello, principal: Principal) -> str:
    return hello.locale if hello.locale in LOCALES else principal.locale


def _note_agent(live: Live, place: Place, agent: str) -> None:
    """Which software joined, for the log of devices; cut to what a name of software needs."""
    if agent:
        live.note({"event": "agent", "endpoint": place.endpoint, "agent": agent[:200]})


# The others


class _Bucket:
    """Allows ``RATE`` messages per second, ``BURST`` at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left = float(BURST)
        self._at = clock.monotonic_ns()

    def take(self) -> bool:
        now = self._clock.monotonic_ns()
        self._left = min(BURST, self._left + (now - self._at) / 1e9 * RATE)
        self._at = now
        self._left -= 1
        return self._left >= 0


async def _serve(ws: web.WebSocketResponse, hub: Hub, live: Live, place: Place, connection: Connection) -> None:
    bucket, bad = _Bucket(hub.clock), 0
    try:
        async for received in ws:
            if connection.closing is not None:
                break
            if received.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                break
            if not bucket.take():
                connection.close(Close.TOO_MANY)
                break
            if not _take(hub, live, place, connection, received.data):
                bad += 1
                if bad >= MOST_BAD:
                    connection.close(Close.PROTOCOL)
                    break
    finally:
        live.gone(place, connection)


def _take(hub: Hub, live: Live, place: Place, connection: Connection, data: Any) -> bool:
    """Take one message; ``False`` when it could not be read."""
    try:
        message = messages.FROM_ENDPOINT.decode(data)
    except PeerError as error:
        hub.metrics.count("unreadable")
        connection.offer(messages.Refused(code=error.code, text=error.text))
        return False
    if isinstance(message, messages.Ping):
        connection.offer(messages.Pong(now=hub.clock.now()))
    elif isinstance(message, messages.Hello):
        connection.offer(messages.Refused(code="hello-again", text=connection.texts("You are in already.")))
    else:
        live.take(events.Asked(place.endpoint, message))
    return True


def problem(status: int, code: str, text: str, **headers: str) -> web.Response:
    """An error of a media address, as RFC 9457 problem details with our stable code."""
    body = json.dumps({"code": code, "text": text, "title": code, "detail": text, "status": status}, ensure_ascii=False)
    return web.Response(status=status, text=body, content_type="application/problem+json", headers=headers)
