"""Synthetic rooms: participants that send pre-encoded VP8 and Opus at a steady pace, and viewers that count."""

import asyncio
import fractions
import heapq
import itertools
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache

import av
import numpy

from bench.lab.participant import Participant

FPS, SECONDS = 30, 3
VIDEO_BITRATE = 600_000
PAYLOAD = 1_000
AUDIO_BYTES = 80
"""An Opus packet of 20 ms at 32 kb/s."""
STAMP = struct.Struct("!Q")
TOGETHER = 10
"""Rooms that are filled at once: Janus misses the first ClientHello, and each joining then takes a second."""


@cache
def frames() -> tuple[tuple[bytes, ...], ...]:
    """Three seconds of VP8 640×480 at about 0.6 Mb/s, one tuple of RTP payloads per frame (RFC 7741).

    Not with the realtime deadline: that one looks at the clock, and a busy machine would get another load.
    """
    encoder = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 640, 480, "yuv420p"
    encoder.bit_rate, encoder.time_base = VIDEO_BITRATE, fractions.Fraction(1, FPS)
    encoder.gop_size = FPS * SECONDS // 2
    encoder.options = {
        "deadline": "good", "cpu-used": "5", "lag-in-frames": "0", "error-resilient": "1",
        "minrate": str(VIDEO_BITRATE), "maxrate": str(VIDEO_BITRATE), "bufsize": str(VIDEO_BITRATE // 4),
        "max-intra-rate": "400",
    }  # fmt: skip
    noise = numpy.random.default_rng(1)
    ground = numpy.kron(noise.integers(60, 190, (30, 40), dtype=numpy.uint8), numpy.ones((16, 16), dtype=numpy.uint8))
    encoded = []
    for index in range(FPS * SECONDS):
        picture = numpy.full((720, 640), 128, dtype=numpy.uint8)
        picture[:480] = numpy.roll(ground, index * 3, axis=1)
        picture[200:280, 280:360] = noise.integers(0, 255, (80, 80), dtype=numpy.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = index
        encoded += [packetize(bytes(packet)) for packet in encoder.encode(frame)]
    return tuple(encoded)


def packetize(data: bytes) -> tuple[bytes, ...]:
    """Cut one VP8 frame into payloads of equal size with the shortest descriptor."""
    count = -(-len(data) // PAYLOAD)
    size = -(-len(data) // count)
    return tuple((b"\x10" if at == 0 else b"\x00") + data[at : at + size] for at in range(0, len(data), size))


@dataclass
class Tally:
    """What one viewer got: packets and sequence numbers by SSRC, delays of sound in milliseconds."""

    packets: int = 0
    first: dict[int, int] = field(default_factory=dict)
    highest: dict[int, int] = field(default_factory=dict)
    counted: dict[int, int] = field(default_factory=dict)
    delays: list[float] = field(default_factory=list)
    measuring: bool = False
    stamped: bool = True

    def take(self, packet: memoryview) -> None:
        self.packets += 1
        _, number, sequence, _, ssrc = struct.unpack_from("!BBHII", packet)
        if ssrc not in self.first:
            self.first[ssrc] = self.highest[ssrc] = sequence
            self.counted[ssrc] = 0
        self.counted[ssrc] += 1
        self.highest[ssrc] += max(0, (sequence - self.highest[ssrc] + 0x8000 & 0xFFFF) - 0x8000)
        if self.measuring and self.stamped and number & 0x7F == 111:
            self.delays.append((time.monotonic_ns() - STAMP.unpack_from(packet, len(packet) - 8)[0]) / 1e6)

    def lost(self) -> int:
        return sum(self.highest[ssrc] - self.first[ssrc] + 1 - self.counted[ssrc] for ssrc in self.first)


class Sender:
    """Sends one participant's sound every 20 ms and picture 30 times a second."""

    def __init__(self, participant: Participant, phase: float) -> None:
        self.participant = participant
        self.sent = 0
        self.phase = phase
        self._sound = self._picture = 0
        self._sequence = 0

    def sound(self) -> None:
        index, self._sound = self._sound, self._sound + 1
        payload = bytes((0x78,)) + bytes(AUDIO_BYTES - 9) + STAMP.pack(time.monotonic_ns())
        self.participant.send_rtp(self.participant.rtp("audio", index, index * 960, payload))
        self.sent += 1

    def picture(self) -> None:
        index, self._picture = self._picture, self._picture + 1
        payloads = frames()[index % len(frames())]
        for payload in payloads:
            last = payload is payloads[-1]
            packet = self.participant.rtp("video", self._sequence, index * 3000, payload, marker=last)
            self._sequence += 1
            self.participant.send_rtp(packet)
        self.sent += len(payloads)


class Pacer:
    """One timer for all senders."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[], None], float]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def add(self, sender: Sender) -> None:
        now = self._loop.time() + sender.phase
        heapq.heappush(self._heap, (now, id(sender), sender.sound, 0.02))
        heapq.heappush(self._heap, (now + 0.007, id(sender), sender.picture, 1 / FPS))
        if self._timer is None:
            self._timer = self._loop.call_at(self._heap[0][0], self._due)

    def _due(self) -> None:
        """Send what is due. A machine too slow for the load falls behind in time, not in answering."""
        now = self._loop.time()
        until = now + 0.005
        while self._heap[0][0] <= now and self._loop.time() < until:
            at, number, act, period = self._heap[0]
            heapq.heapreplace(self._heap, (max(at, now - 0.2) + period, number, act, period))
            act()
        self._timer = self._loop.call_at(self._heap[0][0], self._due)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


Publish = Callable[[str, str, Participant], Awaitable[None]]
Subscribe = Callable[[str, str, str, Participant], Awaitable[None]]


class Rooms:
    """Rooms of equal size; everybody sends and sees everybody else."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.senders: list[Sender] = []
        self.tallies: list[Tally] = []
        self.everybody: list[Participant] = []
        self.pacer = Pacer()

    async def fill(self, rooms: int, size: int, publish: Publish, subscribe: Subscribe, *, stamped: bool) -> None:
        """Let everybody in and start sending; a few rooms at a time, in each one after the other."""
        frames()
        places = asyncio.Semaphore(TOGETHER)

        async def publishers(room: int) -> None:
            async with places:
                for member in range(size):
                    participant = Participant(self.host)
                    self.everybody.append(participant)
                    await publish(f"r{room}", f"p{member}", participant)
                    sender = Sender(participant, (len(self.senders) * 0.6180339 % 1) * 0.033)
                    self.senders.append(sender)
                    self.pacer.add(sender)

        async def viewers(room: int) -> None:
            async with places:
                for member, other in itertools.permutations(range(size), 2):
                    await self._see(f"r{room}", f"p{member}", f"p{other}", subscribe, stamped)

        await asyncio.gather(*(publishers(room) for room in range(rooms)))
        await asyncio.gather(*(viewers(room) for room in range(rooms)))

    async def _see(self, room: str, who: str, whom: str, subscribe: Subscribe, stamped: bool) -> None:
        participant, tally = Participant(self.host), Tally(stamped=stamped)
        participant.on_rtp = tally.take
        self.everybody.append(participant)
        self.tallies.append(tally)
        await subscribe(room, who, whom, participant)

    def received(self) -> int:
        return sum(tally.packets for tally in self.tallies)

    def measure(self, on: bool) -> None:
        for tally in self.tallies:
            tally.measuring = on

    def delays(self) -> list[float]:
        return sorted(delay for tally in self.tallies for delay in tally.delays)

    def loss(self) -> float:
        lost = sum(tally.lost() for tally in self.tallies)
        return lost / max(1, lost + self.received())

    async def leave(self) -> None:
        self.pacer.stop()
        await asyncio.sleep(0.1)
        for participant in self.everybody:
            participant.close()
