"""What a synthetic participant sends: a camera that shows the moving code, a microphone that hums its tone."""

import asyncio
import time
from fractions import Fraction
from typing import Any

import av
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from rehearsal import picture, tone
from rehearsal.picture import Code


class Pace:
    """Lets one thing happen every ``seconds``; what was late is made up for, nothing is skipped."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._start: float | None = None
        self._count = 0

    async def next(self) -> int:
        """Wait for the next turn and return its number, counted from 0."""
        if self._start is None:
            self._start = time.monotonic()
        wait = self._start + self._count * self._seconds - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        self._count += 1
        return self._count - 1


class Camera(MediaStreamTrack):
    """Moving codes of one participant, encoded to VP8 by aiortc, so that a request for a keyframe gets one."""

    kind = "video"

    def __init__(self, participant: int) -> None:
        super().__init__()
        self.participant = participant
        self.sent = 0
        """Frames shown so far; the next one has this number."""
        self._pace = Pace(1 / picture.RATE)

    async def recv(self) -> av.VideoFrame:
        """Return the next frame when its time has come."""
        if self.readyState != "live":
            raise MediaStreamError
        number = await self._pace.next()
        frame = picture.draw(Code(self.participant, number))
        frame.pts, frame.time_base = number, Fraction(1, picture.RATE)
        self.sent = number + 1
        return frame


class Microphone(MediaStreamTrack):
    """The tone of one participant as Opus packets made beforehand."""

    kind = "audio"

    def __init__(self, participant: int) -> None:
        super().__init__()
        self.participant = participant
        self.sent = 0
        self._packets = tone.encode(participant)
        self._pace = Pace(tone.PACKET_MS / 1000)

    async def recv(self) -> "av.Packet[Any]":
        """Return the next packet when its time has come."""
        if self.readyState != "live":
            raise MediaStreamError
        number = await self._pace.next()
        packet = av.Packet(self._packets[number % len(self._packets)])
        packet.pts, packet.time_base = number * tone.PACKET_MS * tone.RATE // 1000, Fraction(1, tone.RATE)
        self.sent = number + 1
        return packet
