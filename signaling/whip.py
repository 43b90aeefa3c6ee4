"""Media over HTTP: publish by WHIP (RFC 9725), receive by WHEP in the same way, and the echo of the device check.

The client always offers, the server always answers; nothing is renegotiated. A new POST of the same publication
replaces the resource before it without its viewers noticing.
"""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler

from core.errors import PersonError
from core.ids import new_id
from core.texts import Texts, choose
from media import commands
from people.permissions import Action, require
from signaling.cameras import VIEWS
from signaling.hub import Hub
from signaling.link import Reply
from signaling.live import Live
from signaling.places import Place
from signaling.presence import Endpoint, Standing
from signaling.resources import Resource
from signaling.rights import PUBLICATIONS, rights
from signaling.sockets import HUB, problem
from signaling.states import State
from signaling.turn import ice_servers

MOST_SDP = 64 * 1024
"""Bytes of the largest offer or fragment."""
READ_WITHIN = 10.0
"""Seconds a body may take to arrive."""

_STATUS = {"bad-sdp": 400, "no-codec": 406, "no-session": 404, "no-publication": 409, "no-resource": 404}
"""What the media process rejects, as an HTTP status; anything else is 503 with ``Retry-After``."""
_WORDS = {
    "bad-sdp": "The offer cannot be read.",
    "no-codec": "The offer holds no codec that is spoken here.",
    "no-session": "This session is not open.",
    "no-publication": "This picture is not there yet. Please try again in a moment.",
    "no-resource": "This connection is closed.",
}


class Refusal(Exception):
    """A request of a media address changed nothing."""

    def __init__(self, status: int, code: str, text: str, **headers: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.text = text
        self.headers = headers


def answering(handler: Callable[[web.Request], Awaitable[web.Response]]) -> Handler:
    """Turn refusals into problem details in the language of the browser."""

    async def answer(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except Refusal as refusal:
            return problem(refusal.status, refusal.code, _texts(request)(refusal.text), **refusal.headers)
        except PersonError as error:
            return problem(error.status, error.code, _texts(request)(error.text, **error.values))

    return answer


def _texts(request: web.Request) -> Texts:
    wanted = choose(request.get("locale"), request.headers.get("Accept-Language"), request.app[HUB].settings.locale)
    return Texts(wanted)


# Doors


async def publish(request: web.Request) -> web.Response:
    """``POST /whip/{session}/{publication}``: an endpoint's camera or screen."""
    live, place, endpoint = bearer(request)
    publication = request.match_info["publication"]
    _may_publish(live, endpoint, publication)
    offer = await text(request, "application/sdp")
    answered = await negotiate(live, endpoint, publication, offer)
    resource = Resource(answered.resource, place.endpoint, "publish", publication, answered.etag)
    return _keep(live, resource, answered, lambda: _may_publish(live, endpoint, publication))


async def receive(request: web.Request) -> web.Response:
    """``POST /whep/{session}/{endpoint}/{publication}``: what another endpoint publishes."""
    live, place, endpoint = bearer(request)
    source, publication = request.match_info["endpoint"], request.match_info["publication"]
    _may_receive(live, endpoint, source, publication)
    offer = await text(request, "application/sdp")
    reply = await live.link.request(
        lambda number: commands.Subscribe(
            request=number,
            session=live.id,
            endpoint=place.endpoint,
            source=source,
            publication=publication,
            offer=offer,
        )
    )
    answered = _answered(reply)
    resource = Resource(answered.resource, place.endpoint, "subscribe", publication, answered.etag, source)
    return _keep(live, resource, answered, lambda: _may_receive(live, endpoint, source, publication))


async def restart(request: web.Request) -> web.Response:
    """``PATCH /media/{resource}``: ICE restart by a trickle fragment (RFC 9725 4.3.2, RFC 8840)."""
    live, resource = _own_resource(request)
    expected = request.headers.get("If-Match")
    if expected is None:
        raise Refusal(428, "if-match", "If-Match is wanted: the ETag of the resource, or * for an ICE restart.")
    if expected not in ("*", resource.etag):
        raise Refusal(412, "etag", "The resource has changed in the meantime.")
    fragment = await text(request, "application/trickle-ice-sdpfrag")
    if "a=ice-ufrag" not in fragment:
        return web.Response(status=204)  # candidates of the client: an ICE-lite server needs none
    reply = await live.link.request(
        lambda number: commands.Restart(request=number, resource=resource.id, fragment=fragment)
    )
    answered = _answered(reply)
    live.resources.restarted(resource, answered.etag)
    return web.Response(
        text=answered.answer, content_type="application/trickle-ice-sdpfrag", headers={"ETag": answered.etag}
    )


async def withdraw(request: web.Request) -> web.Response:
    """``DELETE /media/{resource}``: stop publishing or receiving."""
    hub = request.app[HUB]
    if hub.echoes.end(request.match_info["resource"], request.get("principal")):
        return web.Response(status=200)
    live, resource = _own_resource(request)
    live.close_resource(resource.id)
    return web.Response(status=200)


async def echo_servers(request: web.Request) -> web.Response:
    """``GET /echo``: the TURN servers a device check may use, with credentials of its own."""
    hub = request.app[HUB]
    require(request.get("principal"), Action.CHECK_DEVICES)
    servers = ice_servers(hub.turn, new_id(), hub.clock.now())
    return web.json_response({"ice_servers": servers}, headers={"Cache-Control": "no-store"})


async def echo(request: web.Request) -> web.Response:
    """``POST /echo``: the offer's media come back for some seconds; belongs to no session, is never recorded."""
    hub = request.app[HUB]
    principal = require(request.get("principal"), Action.CHECK_DEVICES)
    offer = await text(request, "application/sdp")
    link = next((link for link in hub.links if link.up), hub.links[0])
    hub.echoes.replace(principal)
    reply = await link.request(lambda number: commands.Echo(request=number, check=new_id(), offer=offer))
    answered = _answered(reply)
    hub.echoes.add(answered.resource, principal, link, hub.clock.now())
    return created(answered)


# What all of them ask


def bearer(request: web.Request) -> tuple[Live, Place, Endpoint]:
    """The endpoint whose media token the request carries, in the session of the address."""
    found = _by_token(request)
    if found is None or found[0].id != request.match_info["session"]:
        raise _unauthorised()
    return found


def _by_token(request: web.Request) -> tuple[Live, Place, Endpoint] | None:
    token = token_of(request)
    found = _hub(request).by_token(token) if token else None
    if found is None:
        return None
    endpoint = found[0].session.presence.get(found[1].endpoint)
    return (*found, endpoint) if endpoint is not None else None


def token_of(request: web.Request) -> str:
    """The bearer token a request carries (RFC 6750 2.1), or nothing."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def _hub(request: web.Request) -> Hub:
    return request.app[HUB]


def _unauthorised() -> Refusal:
    text = "The token of your connection to the session is wanted. Please join again."
    return Refusal(401, "no-token", text, **{"WWW-Authenticate": "Bearer"})


def _own_resource(request: web.Request) -> tuple[Live, Resource]:
    """A resource of whoever asks: of an endpoint by its media token, of a camera by its key."""
    wanted = request.match_info["resource"]
    found = _by_token(request)
    live = found[0] if found else _hub(request).rooms.by_key(wanted, token_of(request))
    if live is None:
        raise _unauthorised()
    resource = live.resources.get(wanted)
    if resource is None or (found is not None and resource.endpoint != found[1].endpoint):
        raise Refusal(404, "no-resource", _WORDS["no-resource"])
    return live, resource


def _may_publish(live: Live, endpoint: Endpoint, publication: str) -> None:
    if publication not in PUBLICATIONS:
        raise Refusal(404, "no-such-publication", "A camera or a screen can be published, nothing else.")
    held = rights(live.session, endpoint, live.now())
    if not (held.publish and (publication == "camera" or held.share)):
        raise Refusal(403, "may-not-publish", "You cannot send picture and sound in this session now.")


def _may_receive(live: Live, endpoint: Endpoint, source: str, publication: str) -> None:
    other = live.session.presence.get(source)
    there = other is not None and other is not endpoint and other.standing is Standing.ADMITTED
    if publication not in PUBLICATIONS | VIEWS or not there:
        raise Refusal(409, "no-publication", _WORDS["no-publication"])
    if not rights(live.session, endpoint, live.now()).subscribe or live.session.state is State.ENDED:
        raise Refusal(403, "may-not-receive", "You cannot receive picture and sound in this session now.")


async def body(request: web.Request, content_type: str, largest: int) -> bytes:
    """The body. Refuses other types, more than ``largest`` bytes, and what does not arrive in time."""
    if request.content_type != content_type:
        raise Refusal(415, "content-type", "This address takes another type of content.", Accept=content_type)
    data = bytearray()
    try:
        async with asyncio.timeout(READ_WITHIN):
            async for chunk in request.content.iter_chunked(8192):
                data += chunk
                if len(data) > largest:
                    raise Refusal(413, "too-large", "This is larger than is accepted here.")
    except TimeoutError:
        raise Refusal(408, "too-slow", "The request took too long to arrive.") from None
    return bytes(data)


async def text(request: web.Request, content_type: str) -> str:
    """An offer or fragment. Refuses what is not UTF-8 too."""
    data = await body(request, content_type, MOST_SDP)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refusal(400, "bad-sdp", _WORDS["bad-sdp"]) from None


async def negotiate(live: Live, endpoint: Endpoint, publication: str, offer: str) -> commands.Answered:
    """Have the media process answer the offer to publish; one that had no room for the session when it was opened is
    asked to open it again."""

    def make(number: str) -> commands.Publish:
        return commands.Publish(
            request=number,
            session=live.id,
            endpoint=endpoint.id,
            role=endpoint.recorded_role,
            publication=publication,
            offer=offer,
        )

    reply = await live.link.request(make)
    if isinstance(reply, commands.Rejected) and reply.code in ("overloaded", "no-session"):
        live.link.send(commands.OpenSession(session=live.id))
        reply = await live.link.request(make)
    return _answered(reply)


def _answered(reply: Reply) -> commands.Answered:
    if isinstance(reply, commands.Answered):
        return reply
    code = reply.code if isinstance(reply, commands.Rejected) else "internal"
    if code in _STATUS:
        raise Refusal(_STATUS[code], code, _WORDS[code])
    text = "The media server takes nothing more right now. Please try again in a moment."
    raise Refusal(503, code, text, **{"Retry-After": "2"})


def _keep(live: Live, resource: Resource, answered: commands.Answered, still_may: Callable[[], None]) -> web.Response:
    """Note the resource, unless the right was taken away while the media process answered."""
    live.resources.add(resource)
    try:
        still_may()
    except Refusal:
        live.close_resource(resource.id)
        raise
    return created(answered)


def created(answered: commands.Answered) -> web.Response:
    headers = {"Location": f"/media/{answered.resource}", "ETag": answered.etag}
    return web.Response(status=201, text=answered.answer, content_type="application/sdp", headers=headers)
