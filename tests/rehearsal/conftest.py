"""A site that speaks the public protocol for a rehearsal and can be told to fail in one way at a time."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from aiohttp import WSMsgType, web
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from rehearsal import picture, seams, tone
from rehearsal.picture import Code
from rehearsal.tracks import Camera, Microphone

SESSION = "0000000000000000000000"


def write_webm(path: Path, participant: int, seconds: float, *, shown: int | None = None, mute: bool = False) -> None:
    """A WebM as the product derives it: VP8 with the moving code of ``shown``, Opus with the participant's tone."""
    with av.open(str(path), "w", format="webm") as container:
        video, audio = (
            container.add_stream("libvpx", rate=picture.RATE),
            container.add_stream("libopus", rate=tone.RATE),
        )
        video.width, video.height, video.pix_fmt, video.bit_rate = picture.WIDTH, picture.HEIGHT, "yuv420p", 400_000
        video.codec_context.gop_size = 30
        video.options = {"deadline": "realtime", "cpu-used": "-6", "lag-in-frames": "0"}
        packets: list[av.Packet[Any]] = []
        for number in range(round(seconds * picture.RATE)):
            frame = picture.draw(Code(shown or participant, 100 + number))
            frame.pts, frame.time_base = number, Fraction(1, picture.RATE)
            packets += video.encode(frame)
        audio.layout = "mono"
        silence = bytes(2 * 960)
        samples = tone.pcm(participant).tobytes()
        for index in range(round(seconds * 50)):
            sound = av.AudioFrame(format="s16", layout="mono", samples=960)
            start = index % 50 * 1920
            sound.planes[0].update(silence if mute else samples[start : start + 1920])
            sound.sample_rate, sound.pts, sound.time_base = tone.RATE, index * 960, Fraction(1, tone.RATE)
            packets += audio.encode(sound)
        packets += video.encode(None)
        packets += audio.encode(None)
        for packet in sorted(packets, key=lambda item: float((item.dts or 0) * item.time_base)):
            container.mux(packet)


class FakeSite:
    """``forwards(receiver, sender)`` says whose picture and sound is really sent for ``sender``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.forwards: Callable[[int, int], int] = lambda receiver, sender: sender
        self.recorded: dict[str, Any] = {}
        """Keyword arguments of ``write_webm`` for every file."""
        self.verdict = "INTACT"
        self.token = "operator"
        self.moves: list[dict[str, Any]] = []
        self.peers: list[RTCPeerConnection] = []
        self.url = ""
        self._sockets: dict[int, web.WebSocketResponse] = {}
        self._named: set[int] = set()
        self._inside: set[int] = {1}
        self._confirmed: set[int] = set()
        self._published: set[int] = set()
        self._state = "waiting"
        self._number = 0

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/api/rehearsals", self.book)
        app.router.add_get("/api/rehearsals/{session}", self.facts)
        app.router.add_get("/files/{number}.webm", self.file)
        app.router.add_post("/live/{session}/ticket", self.ticket)
        app.router.add_get("/live/{session}/socket", self.socket)
        app.router.add_post("/whip/{number}/camera", self.whip)
        app.router.add_post("/whep/{number}/{source}/camera", self.whep)
        return app

    async def book(self, request: web.Request) -> web.Response:
        if request.headers["Authorization"] != f"Bearer {self.token}":
            return web.json_response({"code": "signed-out", "text": "who are you"}, status=401)
        return web.json_response({"session": SESSION}, status=201)

    async def ticket(self, request: web.Request) -> web.Response:
        number = (await request.json())["participant"]
        return web.json_response({"ticket": str(number), "socket": f"/live/{SESSION}/socket"})

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        number = int((await socket.receive_json())["ticket"])
        self._sockets[number] = socket
        place = {"token": str(number), "whip": f"/whip/{number}/", "whep": f"/whep/{number}/", "ice_servers": []}
        await socket.send_json({"type": "welcome", "endpoint": f"e{number}", "resume": "", **place})
        await self.show()
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self.take(number, json.loads(message.data))
        return socket

    async def take(self, number: int, move: dict[str, Any]) -> None:
        self.moves.append({"by": number, **move})
        match move["type"]:
            case "name_person":
                self._named.add(number)
            case "admit":
                self._inside.add(int(move["endpoint"][1:]))
            case "confirm_person":
                self._confirmed.add(int(move["present"][1:]))
            case "start":
                self._state = "live"
            case "end":
                self._state = "ended"
                for socket in self._sockets.values():
                    await socket.send_json({"type": "ended", "number": self._number, "digest": "aa"})
        await self.show()

    async def show(self) -> None:
        self._number += 1
        endpoints = [
            {
                "id": f"e{number}",
                "state": "admitted" if number in self._inside else "waiting",
                "persons": [{"id": f"p{number}", "confirmed": number in self._confirmed}] * (number in self._named),
                "publications": ["camera"] * (number in self._published),
            }
            for number in self._sockets
        ]
        complete = self._state == "waiting" and len(self._confirmed) == len(self._sockets)
        for number, socket in self._sockets.items():
            rights = {"publish": True, "subscribe": True, "host": number == 1, "start": complete and number == 1}
            view = {"number": self._number, "you": f"e{number}", "state": self._state, "policy": "clear"}
            await socket.send_json({"type": "view", "rights": rights, "endpoints": endpoints, **view})

    async def whip(self, request: web.Request) -> web.Response:
        self._published.add(int(request.match_info["number"]))
        answer = await self._answer(request)
        await self.show()
        return answer

    async def whep(self, request: web.Request) -> web.Response:
        source = int(request.match_info["source"][1:])
        real = self.forwards(int(request.match_info["number"]), source)
        return await self._answer(request, Camera(real), Microphone(real))

    async def _answer(self, request: web.Request, *tracks: Camera | Microphone) -> web.Response:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.peers.append(peer)
        await peer.setRemoteDescription(RTCSessionDescription(sdp=await request.text(), type="offer"))
        for track in tracks:
            peer.addTrack(track)
        seams.gather_only(peer, ["127.0.0.1"])
        await peer.setLocalDescription(await peer.createAnswer())
        headers = {"Location": f"/media/{len(self.peers)}"}
        return web.Response(status=201, text=peer.localDescription.sdp, content_type="application/sdp", headers=headers)

    async def facts(self, request: web.Request) -> web.Response:
        files = [
            {"endpoint": f"e{number}", "publication": "camera", "url": f"/files/{number}.webm", "type": "video/webm"}
            for number in sorted(self._published)
        ]
        facts = {"recording": "r", "verdict": self.verdict, "recorded_ms": 3000, "files": files}
        return web.json_response({"session": SESSION, "state": self._state, "digest": "aa", **facts})

    async def file(self, request: web.Request) -> web.FileResponse:
        number = int(request.match_info["number"])
        path = self.folder / f"{number}.webm"
        await asyncio.to_thread(write_webm, path, number, 3.0, **self.recorded)
        return web.FileResponse(path)


@pytest.fixture
async def fake_site(tmp_path: Path) -> AsyncIterator[FakeSite]:
    """A running fake site."""
    fake = FakeSite(tmp_path)
    runner = web.AppRunner(fake.app(), shutdown_timeout=1)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", 0)
    await listener.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield fake
    await asyncio.gather(*(peer.close() for peer in fake.peers))
    await runner.cleanup()


@pytest.fixture
def webm() -> Callable[..., None]:
    """``write_webm``."""
    return write_webm
