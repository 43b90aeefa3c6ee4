"""``POST /whip/camera/{id}``: a room's camera sends its picture as any WHIP encoder does (RFC 9725), by a static key.

Taken only while the room's session is open and its endpoint may publish; else 503 with ``Retry-After``, so that an
encoder that tries again by itself is there when the session is. An unknown camera and a wrong key look the same.
``GET`` of the same address says whether a stream is taken now.
"""

import structlog
from aiohttp import web

from people import throttle
from people.cameras import Camera
from people.throttle import CAMERA_KEY, CAMERA_NETWORK
from signaling.live import Live
from signaling.presence import Endpoint
from signaling.resources import Resource
from signaling.sockets import HUB
from signaling.whip import Refusal, created, negotiate, text, token_of

log = structlog.get_logger()

RETRY_AFTER = 5
"""Seconds after which an encoder should try again."""


async def publish(request: web.Request) -> web.Response:
    """Answer the offer of a camera."""
    camera = await _known(request)
    live, endpoint = _open(request, camera)
    offer = await text(request, "application/sdp")
    answered = await negotiate(live, endpoint, camera.view.value, offer)
    live.resources.add(Resource(answered.resource, endpoint.id, "publish", camera.view.value, answered.etag))
    live.cameras.attached(camera, endpoint.id, answered.resource)
    if live.cameras.stand(live.session, camera.room) is not endpoint:  # taken away while the media process answered
        live.close_resource(answered.resource)
        raise _closed()
    return created(answered)


async def standing(request: web.Request) -> web.Response:
    """Say whether the camera's stream is taken: 204, or 404. Encoders do not always notice that theirs was ended."""
    camera = await _known(request)
    if any(live.cameras.holds(camera) for live in request.app[HUB].rooms.using(camera.room)):
        return web.Response(status=204, headers={"Cache-Control": "no-store"})
    raise Refusal(404, "not-taken", "Nothing is taken from this camera now.")


async def _known(request: web.Request) -> Camera:
    """The camera whose id and key the request carries. Tries are counted before the key is looked at."""
    hub, wanted = request.app[HUB], request.match_info["camera"]
    remote = throttle.network(str(request.get("remote") or request.remote or ""))
    hub.throttle.take(CAMERA_NETWORK, remote)
    hub.throttle.take(CAMERA_KEY, remote, wanted)
    camera = await hub.rooms.authenticate(wanted, token_of(request))
    if camera is None:
        log.warning("a camera was refused", camera=wanted)
        text = "This camera is not known here, or its key is not right."
        raise Refusal(401, "camera-unknown", text, **{"WWW-Authenticate": "Bearer"})
    hub.throttle.forgive(CAMERA_KEY, remote, wanted)
    return camera


def _open(request: web.Request, camera: Camera) -> tuple[Live, Endpoint]:
    """The session that is open in the camera's room and the endpoint there."""
    lives = request.app[HUB].rooms.using(camera.room)
    for live in lives:
        endpoint = live.cameras.stand(live.session, camera.room)
        if endpoint is not None:
            live.cameras.proved(camera)
            return live, endpoint
    private = [live for live in lives if not live.session.kind.takes_room_cameras]
    for live in private:
        live.cameras.refuse(camera)
    if private:
        text = "A session that nobody may listen to is open in this room, so no camera of the room is connected."
        raise Refusal(503, "no-camera-here", text, **{"Retry-After": str(RETRY_AFTER)})
    raise _closed()


def _closed() -> Refusal:
    text = "No session is open in this room now. The camera is taken as soon as one is."
    return Refusal(503, "not-open", text, **{"Retry-After": str(RETRY_AFTER)})
