"""A sending and a receiving peer against a plain aiortc connection: what one sends the other recognises."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription

from core.errors import PeerError
from rehearsal import peers, seams
from rehearsal.peers import Answer, Receiving, Sending
from rehearsal.tracks import Camera, Microphone


class Far:
    """The other end: a plain aiortc connection that answers an offer."""

    def __init__(self, *tracks: Camera | Microphone) -> None:
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.tracks = tracks

    async def answer(self, offer: str) -> Answer:
        await self.peer.setRemoteDescription(RTCSessionDescription(sdp=offer, type="offer"))
        for track in self.tracks:
            self.peer.addTrack(track)
        seams.gather_only(self.peer, ["127.0.0.1"])
        await self.peer.setLocalDescription(await self.peer.createAnswer())
        return Answer(self.peer.localDescription.sdp, "/media/1")


@asynccontextmanager
async def closing(*things: Sending | Receiving | RTCPeerConnection) -> AsyncIterator[None]:
    try:
        yield
    finally:
        for thing in things:
            await thing.close()


async def until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_receiver_recognises_code_and_tone() -> None:
    """Pictures show participant 3 only, windows of sound hold its tone, nothing is lost."""
    far = Far(Camera(3), Microphone(3))
    receiving = Receiving(far.answer)
    async with closing(receiving, far.peer):
        await receiving.open()
        await until(lambda: receiving.seen.frames >= 10 and receiving.heard.windows >= 2)
        assert receiving.resource == "/media/1"
        assert set(receiving.seen.numbers) == {3}
        assert receiving.seen.missing(3) == 0
        assert set(receiving.heard.tones) <= {3}
        assert receiving.first_packet_at is not None
        assert receiving.first_frame_at is not None
        assert receiving.first_packet_at <= receiving.first_frame_at
        received, lost = receiving.packets
        assert received > 20
        assert lost == 0


async def test_a_sender_sends_both_kinds() -> None:
    """The far end gets decodable frames of both tracks, and a frame number for each picture sent."""
    far = Far()
    sending = Sending(far.answer, participant=2)
    got: dict[str, int] = {}

    async def count(track: object) -> None:
        while True:
            await track.recv()  # type: ignore[attr-defined]
            got[track.kind] = got.get(track.kind, 0) + 1  # type: ignore[attr-defined]

    tasks: list[asyncio.Task[None]] = []
    far.peer.on("track", lambda track: tasks.append(asyncio.create_task(count(track))))
    async with closing(sending, far.peer):
        await sending.open()
        await until(lambda: got.get("audio", 0) > 5 and got.get("video", 0) > 5)
        assert sending.camera.sent >= got["video"]
        assert sending.packets >= got["audio"] + got["video"]
    for task in tasks:
        task.cancel()


async def test_only_the_given_address_is_gathered() -> None:
    """An offer for loopback names 127.0.0.1 and nothing else."""
    offers: list[str] = []

    async def refuse(offer: str) -> Answer:
        offers.append(offer)
        raise PeerError("no", "refused")

    receiving = Receiving(refuse)
    async with closing(receiving):
        with pytest.raises(PeerError):
            await receiving.open()
    addresses = {line.split()[4] for line in offers[0].splitlines() if line.startswith("a=candidate:")}
    assert addresses == {"127.0.0.1"}


async def test_a_server_that_answers_but_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer whose media port is dead ends in a PeerError, not in a wait for ever."""
    monkeypatch.setattr(peers, "CONNECT_SECONDS", 0.3)
    far = Far(Camera(1), Microphone(1))

    async def answer_and_die(offer: str) -> Answer:
        answer = await far.answer(offer)
        await far.peer.close()
        return answer

    receiving = Receiving(answer_and_die)
    async with closing(receiving):
        with pytest.raises(PeerError) as caught:
            await receiving.open()
        assert caught.value.code == "not-connected"


async def test_a_decode_error_asks_for_a_keyframe() -> None:
    """After ``ask_keyframe`` the next packet makes aiortc send a PLI."""
    asked = asyncio.Event()
    far = Far(Camera(1), Microphone(1))
    receiving = Receiving(far.answer)
    async with closing(receiving, far.peer):
        await receiving.open()
        await receiving.recognised.wait()
        sender: RTCRtpSender = next(s for s in far.peer.getSenders() if s.kind == "video")
        sender._send_keyframe = asked.set
        seams.ask_keyframe(receiving._receivers[1])
        async with asyncio.timeout(20):
            await asked.wait()
