"""``POST /live/{session}/stills/{request}/{part}``: a guest's own still picture, taken and masked in their browser.

It comes under the token of the endpoint's connection, for a request of this session that this endpoint agreed to,
each part once. What is not needed was covered before it left the browser; the uncovered picture never comes here.
"""

from datetime import timedelta

from aiohttp import web

from core.vault import Vault
from people import stills
from people.stills import Coming
from signaling import events, identity
from signaling.checks import PARTS
from signaling.jpeg import LARGEST, NotPicture, picture_only
from signaling.live import Live
from signaling.presence import Endpoint
from signaling.sockets import HUB
from signaling.whip import Refusal, bearer, body

VAULT: web.AppKey[Vault] = web.AppKey("still-vault", Vault)
_REFUSED = {
    "no-request": (404, "Nobody asks for this picture."),
    "not-granted": (409, "This picture is not wanted any more."),
    "already-sent": (409, "This picture has been sent already."),
}


async def receive(request: web.Request) -> web.Response:
    """Take one picture of a request; answer with its id."""
    live, place, endpoint = bearer(request)
    wanted, part = request.match_info["request"], request.match_info["part"]
    _may_come(live, endpoint, wanted, part)
    data = await body(request, "image/jpeg", LARGEST)
    _may_come(live, endpoint, wanted, part)
    try:
        picture = picture_only(data)
    except NotPicture:
        raise Refusal(422, "not-picture", "This is not a still picture that can be taken here.") from None
    hub = request.app[HUB]
    coming = Coming(live.id, wanted, part, endpoint.id, live.session.stills[wanted].present)
    lasts = timedelta(hours=hub.settings.still_hours)
    kept = await stills.keep(
        hub.database, hub.clock, request.app[VAULT], coming, picture, by=place.principal.id, lasts=lasts
    )
    live.take(events.StillKept(endpoint.id, wanted, part, kept.id, kept.digest))
    return web.json_response({"still": kept.id, "digest": kept.digest}, status=201)


def _may_come(live: Live, endpoint: Endpoint, request: str, part: str) -> None:
    why = identity.wanted_still(live.session, endpoint.id, request, part) if part in PARTS else "no-request"
    if why or live.over:
        status, text = _REFUSED[why or "not-granted"]
        raise Refusal(status, why or "not-granted", text)
