"""A session that is open, and synthetic participants in it: where nearly every test of the relay begins."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bench.lab.participant import Participant
from core.clock import Clock
from media import commands
from media.service import MediaService
from tests.wire.peers import Desk, FakeRecorders, relay


@asynccontextmanager
async def room(
    recorders: FakeRecorders | None = None,
    *,
    forwarding: bool = True,
    recorded: bool = False,
    clock: Clock | None = None,
    **settings: Any,
) -> AsyncIterator[tuple[MediaService, Desk]]:
    """A relay with the session ``s`` open; ``recorded`` arms its recorder, ``forwarding`` opens its routes."""
    async with relay(recorders, clock, **settings) as service:
        desk = Desk(service)
        desk.send(commands.OpenSession(session="s"))
        if recorded:
            desk.send(commands.Arm(session="s", recording="r", kind="interrogation", policy="clear"))
            await desk.wait(commands.RecorderReady)
        if forwarding:
            desk.send(commands.Forward(session="s", on=True))
        yield service, desk


def vp8(keyframe: bool, size: int = 200) -> bytes:
    """A VP8 payload that begins a frame: one byte of descriptor, then the frame's first byte."""
    return bytes((0x10, 0x00 if keyframe else 0x01)) + bytes(size)


async def publish(desk: Desk, session: str, endpoint: str, name: str = "camera", **options: str) -> Participant:
    """A synthetic publisher that is connected."""
    participant = Participant(**options)
    answered = desk.ask(
        commands.Publish, session=session, endpoint=endpoint, role="officer", publication=name,
        offer=participant.offer(),
    )  # fmt: skip
    await participant.connect(answered.answer)
    participant.resource = answered.resource
    return participant


def h264_offer(participant: Participant) -> str:
    """A viewer that takes H.264 in mode 1."""
    offer = participant.offer("recvonly").replace("VP8/90000", "H264/90000")
    return offer + "a=fmtp:96 packetization-mode=1;profile-level-id=42e01f\r\n"


async def subscribe(
    desk: Desk, session: str, endpoint: str, source: str, name: str = "camera", *, h264: bool = False, **options: str
) -> Participant:
    """A synthetic viewer that is connected; ``heads`` collects (payload type, sequence, timestamp, SSRC)."""
    participant = Participant(**options)
    answered = desk.ask(
        commands.Subscribe, session=session, endpoint=endpoint, source=source, publication=name,
        offer=h264_offer(participant) if h264 else participant.offer("recvonly"),
    )  # fmt: skip
    participant.heads, participant.payloads = [], []

    def take(packet: memoryview) -> None:
        _, number, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", packet)
        participant.heads.append((number & 0x7F, sequence, timestamp, ssrc))
        participant.payloads.append(bytes(packet[12:]))

    participant.on_rtp = take
    await participant.connect(answered.answer)
    participant.resource = answered.resource
    return participant


async def speak(publisher: Participant, first: int, count: int) -> None:
    """Send ``count`` packets of sound, 20 ms each on the clock of the packets, one per millisecond of ours."""
    for index in range(first, first + count):
        publisher.send_rtp(publisher.rtp("audio", index, index * 960, b"sound %d" % index))
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.03)
