"""The HTTP doors of live sessions: tickets, the WebSocket, media. ``add_routes`` puts them into the application."""

import json
from typing import Any

from aiohttp import web

from core.errors import Invalid
from core.vault import Vault
from signaling import camera_door, sockets, stills, whip
from signaling.hub import Hub

MOST_JSON = 1024


async def ticket(request: web.Request) -> web.Response:
    """``POST /live/{session}/ticket``: trade identity for the right to open one connection, once, within seconds."""
    hub = request.app[sockets.HUB]
    session = request.match_info["session"]
    participant = _participant(await _json(request))
    secret, role = await hub.desk.ticket(
        session, request.get("principal"), participant, running=hub.is_running(session), browser=request.get("browser")
    )
    return web.json_response(
        {
            "ticket": secret,
            "socket": f"/live/{session}/socket",
            "session": session,
            "endpoint_role": role.value,
        }
    )


async def _json(request: web.Request) -> dict[str, Any]:
    """The body as an object; none is an empty one."""
    data = await request.content.read(MOST_JSON + 1)
    if not data:
        return {}
    try:
        body = json.loads(data) if len(data) <= MOST_JSON else None
    except (ValueError, RecursionError):  # the second: a thousand nested brackets
        body = None
    if not isinstance(body, dict):
        raise Invalid("bad-json", "The request cannot be read.")
    return body


def _participant(body: dict[str, Any]) -> int:
    """Which synthetic participant of a rehearsal a token speaks for; 0 when none is named."""
    wanted = body.get("participant", 0)
    if isinstance(wanted, bool) or not isinstance(wanted, int) or not 0 <= wanted < 100:
        raise Invalid("bad-participant", "The number of a participant begins with 1.", field="participant")
    return wanted


def add_routes(app: web.Application, hub: Hub) -> None:
    """Serve live sessions of ``hub`` in ``app``.

    Identity comes from its middlewares as ``request["principal"]``, and the hash of the cookie it was found by as
    ``request["browser"]``; at the socket, where nobody is looked up, ``request["browsers"]`` are those of all cookies.
    """
    app[sockets.HUB] = hub
    app[stills.VAULT] = Vault(hub.settings.secrets)
    app[stills.VAULT].ensure(hub.clock.now())
    app.add_routes(
        [
            web.post("/live/{session}/ticket", ticket),
            web.get("/live/{session}/socket", sockets.socket),
            web.post("/live/{session}/stills/{request}/{part}", whip.answering(stills.receive)),
            web.post("/whip/camera/{camera:[0-9a-z]{22}}", whip.answering(camera_door.publish)),
            web.get("/whip/camera/{camera:[0-9a-z]{22}}", whip.answering(camera_door.standing)),
            web.post("/whip/{session}/{publication}", whip.answering(whip.publish)),
            web.post("/whep/{session}/{endpoint}/{publication}", whip.answering(whip.receive)),
            web.patch("/media/{resource}", whip.answering(whip.restart)),
            web.delete("/media/{resource}", whip.answering(whip.withdraw)),
            web.get("/echo", whip.answering(whip.echo_servers)),
            web.post("/echo", whip.answering(whip.echo)),
        ]
    )
