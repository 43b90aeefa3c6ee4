"""The stock way with aiortc: RTCPeerConnection and MediaRelay, which decode and encode. For comparison only.

python -m bench.lab.stock --port HTTP
"""

import argparse
import asyncio
import json
from collections import defaultdict

from aiohttp import web
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay
from aiortc.mediastreams import MediaStreamTrack

relay = MediaRelay()
tracks: dict[tuple[str, str], dict[str, MediaStreamTrack]] = defaultdict(dict)
connections: set[RTCPeerConnection] = set()


async def answer(connection: RTCPeerConnection, request: web.Request) -> web.Response:
    connections.add(connection)
    await connection.setLocalDescription(await connection.createAnswer())
    return web.Response(status=201, text=connection.localDescription.sdp, content_type="application/sdp")


async def whip(request: web.Request) -> web.Response:
    """Take what a participant sends."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    key = (request.match_info["room"], request.match_info["participant"])
    connection.on("track", lambda track: tracks[key].__setitem__(track.kind, track))
    await connection.setRemoteDescription(RTCSessionDescription(sdp=await request.text(), type="offer"))
    return await answer(connection, request)


async def whep(request: web.Request) -> web.Response:
    """Send what a participant shows, decoded and encoded again."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    key = (request.match_info["room"], request.match_info["participant"])
    for kind in ("audio", "video"):
        connection.addTrack(relay.subscribe(tracks[key][kind]))
    await connection.setRemoteDescription(RTCSessionDescription(sdp=await request.text(), type="offer"))
    return await answer(connection, request)


async def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.lab.stock")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--host", default="127.0.0.1")
    options = parser.parse_args()
    app = web.Application()
    app.router.add_post("/whip/{room}/{participant}", whip)
    app.router.add_post("/whep/{room}/{participant}", whep)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, options.host, options.port)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    print(json.dumps({"http": f"http://{options.host}:{port}"}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
