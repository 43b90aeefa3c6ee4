"""What a synthetic participant sends: a camera that shows the moving code, a microphone that hums its tone."""

import asyncio
import time
from fractions import Fraction
from typing import Any

import av
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from rehearsal import picture, tone
from rehearsal.picture import Code

LATE_SECONDS = 0.25
"""What is later than this is given up, as a real camera and microphone do on a machine that cannot keep up."""


class Pace:
    """Lets one thing happen every ``seconds``. A little lateness is made up for; much of it skips turns."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._start: float | None = None
        self._turn = 0

    async def next(self) -> int:
        """Wait for the next turn and return its number, counted from 0."""
        now = time.monotonic()
        if self._start is None:
            self._start = now
        late = now - self._start - self._turn * self._seconds
        if late > LATE_SECONDS:
            self._turn += int(late / self._seconds)
        elif late < 0:
            await asyncio.sleep(-late)
        self._turn += 1
        return self._turn - 1


class Camera(MediaStreamTrack):
    """Moving codes of one participant, encoded to VP8 by aiortc, so that a request for a keyframe gets one.

    Numbers are consecutive whatever turns are skipped: a number that does not arrive was lost on the way.
    """

    kind = "video"

    def __init__(self, participant: int, rate: int = picture.RATE) -> None:
        super().__init__()
        self.participant = participant
        self.sent = 0
        """Frames shown so far; the next one has this number."""
        self._rate = rate
        self._pace = Pace(1 / rate)

    async def recv(self) -> av.VideoFrame:
        """Return the next frame when its time has come."""
        if self.readyState != "live":
            raise MediaStreamError
        turn = await self._pace.next()
        frame = picture.draw(Code(self.participant, self.sent))
        frame.pts, frame.time_base = turn, Fraction(1, self._rate)
        self.sent += 1
        return frame


class Microphone(MediaStreamTrack):
    """The tone of one participant as Opus packets made beforehand."""

    kind = "audio"

    def __init__(self, participant: int, packet_ms: int = tone.PACKET_MS) -> None:
        super().__init__()
        self.participant = participant
        self._packets = tone.encode(participant, packet_ms=packet_ms)
        self._samples = packet_ms * tone.RATE // 1000
        self._pace = Pace(packet_ms / 1000)

    async def recv(self) -> "av.Packet[Any]":
        """Return the next packet when its time has come."""
        if self.readyState != "live":
            raise MediaStreamError
        turn = await self._pace.next()
        packet = av.Packet(self._packets[turn % len(self._packets)])
        packet.pts, packet.time_base = turn * self._samples, Fraction(1, tone.RATE)
        return packet
