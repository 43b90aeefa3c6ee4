"""Participants for tests: real aiortc clients that publish by WHIP and subscribe by WHEP through a ``MediaService``.

How an aiortc client reaches a relay on loopback: aioice never gathers 127.0.0.1 and the relay answers on the
address a packet came to, so both ends must use the same one. ``loopback_clients()`` replaces
``aioice.ice.get_host_addresses`` (the name that aioice looks up when it gathers) by one that returns 127.0.0.1
alone. Call it once before the first ``setLocalDescription``; Chromium needs
``--allow-loopback-in-peer-connection`` instead.
"""

import asyncio
import fractions
import itertools
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aioice.ice
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, MediaStreamTrack, VideoStreamTrack
from av import VideoFrame

from core.clock import Clock, SystemClock
from media import commands
from media.config import MediaSettings
from media.ports import Arrival, Closing, RecorderUnavailable, RecordingSpec, Track
from media.service import MediaService

WAIT_S = 10.0


def loopback_clients() -> None:
    """Let aiortc clients of this process use 127.0.0.1 and nothing else."""
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


class FakeRecorder:
    """Keeps in memory what a recorder would keep on disk."""

    def __init__(self, spec: RecordingSpec, take: int, durable: Any, failed: Any, gap: Any, head: Any) -> None:
        self.spec, self.take, self.last_entry = spec, take, 0
        self.durable, self.failed, self.gap, self.head = durable, failed, gap, head
        self.packets: dict[int, list[bytes]] = {}
        self.tracks: dict[int, Track] = {}
        self.open: set[int] = set()
        self.reports: list[tuple[int, int, int]] = []
        self.missing: list[tuple[int, int, int]] = []
        self.entries: list[int] = []
        self.closed_for: str | None = None
        self.suspended = False

    def opened(self, track: Track) -> None:
        self.tracks[track.number] = track
        self.open.add(track.number)
        self.packets[track.number] = []

    def arrived(self, arrival: Arrival) -> None:
        number, packet, _ = arrival
        assert number in self.open
        self.packets[number].append(packet)

    def sender_report(self, track: Track, ntp: int, rtp: int, arrival_ns: int) -> None:
        self.reports.append((track.number, ntp, rtp))

    def lost(self, track: Track, first: int, count: int) -> None:
        self.missing.append((track.number, first, count))

    def closed(self, track: Track) -> None:
        self.open.discard(track.number)

    def log(self, number: int, at: datetime, public: Any, private: Any) -> None:
        if number > self.last_entry:
            self.last_entry = number
            self.entries.append(number)

    async def suspend(self) -> None:
        self.suspended = True

    async def close(self, reason: str) -> Closing:
        self.closed_for = reason
        return Closing("0" * 64, sum(map(len, self.packets.values())), 1000, 0)


class FakeRecorders:
    """Arms ``FakeRecorder``; refuses with ``refuse`` when that is set."""

    def __init__(self) -> None:
        self.made: list[FakeRecorder] = []
        self.refuse: str | None = None

    async def arm(self, spec: RecordingSpec, *, durable: Any, failed: Any, gap: Any, head: Any) -> FakeRecorder:
        await asyncio.sleep(0)
        if self.refuse:
            raise RecorderUnavailable(self.refuse)
        recorder = FakeRecorder(spec, len(self.made) + 1, durable, failed, gap, head)
        if self.made:
            recorder.last_entry = self.made[-1].last_entry
        self.made.append(recorder)
        return recorder


class Desk:
    """A web process: sends commands to a service and keeps the events."""

    def __init__(self, service: MediaService) -> None:
        self.service = service
        self.events: list[commands.Event] = []
        self._news = asyncio.Event()
        self._numbers = itertools.count(1)
        self.emit: Callable[[commands.Event], None] = self._take
        service.connect(self.emit)

    def _take(self, event: commands.Event) -> None:
        self.events.append(event)
        self._news.set()

    def send(self, command: commands.Command) -> None:
        self.service.handle(command, self.emit)

    def seen(self, kind: type, **fields: Any) -> list[Any]:
        return [
            event
            for event in self.events
            if isinstance(event, kind) and all(getattr(event, key) == value for key, value in fields.items())
        ]

    async def wait(self, kind: type, count: int = 1, **fields: Any) -> Any:
        """Return the ``count``-th event of ``kind`` with these fields, waiting for it."""
        async with asyncio.timeout(WAIT_S):
            while len(found := self.seen(kind, **fields)) < count:
                self._news.clear()
                await self._news.wait()
        return found[count - 1]

    def ask(self, kind: type, **fields: Any) -> Any:
        """Send a command that is answered at once; return ``Answered`` or ``Rejected``."""
        request = f"r{next(self._numbers)}"
        self.send(kind(request=request, **fields))
        return next(event for event in reversed(self.events) if getattr(event, "request", None) == request)


class Picture(VideoStreamTrack):
    """A small picture in one colour that can be told from others."""

    def __init__(self, luma: int, width: int = 160, height: int = 120) -> None:
        super().__init__()
        self._luma, self._width, self._height = luma, width, height

    async def recv(self) -> VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = VideoFrame(self._width, self._height, "yuv420p")
        for index, plane in enumerate(frame.planes):
            plane.update(bytes([self._luma if index == 0 else 128]) * plane.buffer_size)
        frame.pts, frame.time_base = pts, fractions.Fraction(time_base)
        return frame


class Client:
    """One RTCPeerConnection over one resource."""

    def __init__(self) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.resource = ""
        self.frames: dict[str, list[Any]] = {"audio": [], "video": []}
        self._readers: list[asyncio.Task[None]] = []
        self.connection.on("track", self._on_track)

    def _on_track(self, track: MediaStreamTrack) -> None:
        self._readers.append(asyncio.ensure_future(self._read(track)))

    async def _read(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                self.frames[track.kind].append(await track.recv())
        except MediaStreamError:
            return

    async def offer(self) -> str:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return self.connection.localDescription.sdp

    async def accept(self, answered: Any) -> None:
        assert isinstance(answered, commands.Answered), answered
        self.resource = answered.resource
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp=answered.answer, type="answer"))

    async def publish(
        self, desk: Desk, session: str, endpoint: str, name: str = "camera", luma: int = 180, audio: bool = True
    ) -> "Client":
        if audio:
            self.connection.addTransceiver(AudioStreamTrack(), direction="sendonly")
        self.connection.addTransceiver(Picture(luma), direction="sendonly")
        answered = desk.ask(
            commands.Publish, session=session, endpoint=endpoint, role="officer", publication=name,
            offer=await self.offer(),
        )  # fmt: skip
        await self.accept(answered)
        return self

    async def subscribe(self, desk: Desk, session: str, endpoint: str, source: str, name: str = "camera") -> "Client":
        for kind in ("audio", "video"):
            self.connection.addTransceiver(kind, direction="recvonly")
        answered = desk.ask(
            commands.Subscribe, session=session, endpoint=endpoint, source=source, publication=name,
            offer=await self.offer(),
        )  # fmt: skip
        await self.accept(answered)
        return self

    async def next_frame(self, kind: str) -> Any:
        """Wait for a frame that is not there yet."""
        have = len(self.frames[kind])
        async with asyncio.timeout(WAIT_S):
            while len(self.frames[kind]) <= have:
                await asyncio.sleep(0.01)
        return self.frames[kind][-1]

    async def close(self) -> None:
        await self.connection.close()
        for reader in self._readers:
            reader.cancel()


def luma(frame: VideoFrame) -> float:
    """Mean brightness of a frame."""
    plane = frame.planes[0]
    rows = memoryview(bytes(plane))
    return sum(sum(rows[y * plane.line_size :][: frame.width]) for y in range(frame.height)) / (
        frame.width * frame.height
    )


@asynccontextmanager
async def relay(recorders: FakeRecorders | None = None, clock: Clock | None = None, **settings: Any):
    """A service on a free loopback port, stopped at the end."""
    loopback_clients()
    made = MediaSettings(control_path=Path("unused"), **({"bind": ("127.0.0.1",)} | settings))
    service = MediaService(made, recorders or FakeRecorders(), clock or SystemClock())
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
