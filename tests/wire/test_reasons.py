"""Limits that are enforced, and the reasons under which drops are counted that no other test has in its hands."""

import asyncio
import struct

import pytest
from aioice import stun

from bench.lab.participant import Participant, attribute, candidate
from media import commands, rtcp
from media.config import Limits
from tests.wire.peers import Desk
from tests.wire.room import publish, room, speak, subscribe
from tests.wire.strangers import Stranger


async def checked(desk: Desk) -> Participant:
    """A participant whose address is known and whose handshake has not begun."""
    participant = Participant()
    answered = desk.ask(
        commands.Publish, session="s", endpoint="a", role="x", publication="camera", offer=participant.offer()
    )
    participant._remote_ufrag, participant._remote_password = (
        attribute(answered.answer, name) for name in ("ice-ufrag", "ice-pwd")
    )
    participant._remote = candidate(answered.answer)
    participant.check()
    participant._checks.cancel()
    await asyncio.sleep(0.05)
    return participant


async def test_media_before_the_handshake_are_early() -> None:
    """From an address that is known, but without keys."""
    async with room(forwarding=False) as (service, desk):
        participant = await checked(desk)
        participant.send(participant.rtp("audio", 1, 1, bytes(60)))
        await asyncio.sleep(0.03)
        assert service.counters.dropped["early"] == 1


async def test_a_check_for_nobody_is_unknown() -> None:
    """Well formed and signed, for a name that nobody has here."""
    async with room(forwarding=False) as (service, _):
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        message.attributes["USERNAME"] = "nobody:theirs"
        message.add_message_integrity(b"x" * 24)
        stranger = Stranger(service.port)
        stranger.send(bytes(message))
        await asyncio.sleep(0.03)
        assert service.counters.dropped["stun-unknown"] == 1
        assert stranger.answers() == 0


async def test_handshakes_from_one_address_are_limited_and_succeed_a_little_later() -> None:
    """Beyond the limit a ClientHello is dropped; its sender repeats it, and comes in with the next second."""
    async with room(forwarding=False, limits=Limits(handshakes_per_second=2)) as (service, desk):
        await asyncio.gather(*(publish(desk, "s", f"e{index}") for index in range(5)))
        assert len(desk.seen(commands.Connected)) == 5
        assert service.counters.dropped["handshake-rate"] >= 1


async def test_bits_beyond_the_limit_are_dropped_and_others_are_not() -> None:
    """A resource may bring so many bytes in a window; what is more is neither forwarded nor recorded."""
    async with room(limits=Limits(bits_per_second=200_000)) as (service, desk):
        greedy, modest = await publish(desk, "s", "greedy"), await publish(desk, "s", "modest")
        viewer = await subscribe(desk, "s", "v", "modest")
        for index in range(40):
            greedy.send_rtp(greedy.rtp("audio", index, index * 960, bytes(1000)))
        await speak(modest, 0, 3)
        assert service.counters.dropped["bit-rate"] > 0
        assert service.counters.dropped["packet-rate"] == 0
        assert len(viewer.heads) == 3


async def test_rtcp_beyond_the_limit_is_dropped() -> None:
    """A participant's reports are limited apart from its media."""
    async with room(limits=Limits(rtcp_per_second=20)) as (service, desk):
        publisher, viewer = await publish(desk, "s", "a"), await subscribe(desk, "s", "b", "a")
        for _ in range(60):
            publisher.send_rtcp(rtcp.receiver_report(1, []))
        await speak(publisher, 0, 3)
        assert service.counters.dropped["rtcp-rate"] >= 40
        assert len(viewer.heads) == 3


async def test_repeats_for_one_viewer_are_limited() -> None:
    """Whoever asks for everything again gets so many packets in a window, and the rest of the request is dropped."""
    async with room(limits=Limits(resends_per_second=10)) as (service, desk):
        publisher, viewer = await publish(desk, "s", "a"), await subscribe(desk, "s", "b", "a")
        await speak(publisher, 0, 20)
        viewer.send_rtcp(rtcp.nack(1, viewer.heads[0][3], [head[1] for head in viewer.heads]))
        await asyncio.sleep(0.05)
        assert service.counters.resent == 5
        assert service.counters.dropped["resend-rate"] == 1


async def test_frames_that_are_too_long_end_a_connection() -> None:
    """A length beyond any datagram is no frame."""
    async with room(forwarding=False) as (service, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(b"\xff\xff" + bytes(100))
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), 2)
        assert service.counters.dropped["tcp-framing"] == 1
        writer.close()


async def test_media_that_do_not_authenticate_are_dropped() -> None:
    """A wrong tag, from the participant's own address."""
    async with room() as (service, desk):
        publisher, viewer = await publish(desk, "s", "a"), await subscribe(desk, "s", "b", "a")
        publisher.send(publisher.rtp("audio", 1, 1, bytes(60)))
        publisher.send(b"\x80\xc9\0\1" + bytes(40))
        await speak(publisher, 2, 1)
        assert service.counters.dropped["unauthenticated"] == 2
        assert len(viewer.heads) == 1


async def test_headers_that_contradict_themselves_are_malformed() -> None:
    """An extension beyond the packet's end, a report longer than its datagram."""
    async with room() as (service, desk):
        publisher = await publish(desk, "s", "a")
        peer = service.resources.all[publisher.resource].peer
        packet = struct.pack("!BBHII", 0x90, 111, 1, 1, 7) + b"\xbe\xde\0\x09" + bytes(8)
        service.relay.buffer[: len(packet)] = packet
        service.relay.plain(peer, len(packet), service._clock.monotonic_ns())
        publisher.send_rtcp(b"\x80\xc8\0\x50" + bytes(40))
        await asyncio.sleep(0.03)
        assert service.counters.dropped["malformed"] == 1
        assert service.counters.dropped["rtcp-malformed"] == 1


async def test_what_cannot_be_sent_is_counted() -> None:
    """To a viewer whose connection is cut, and to one whose keys are gone."""
    async with room() as (service, desk):
        publisher = await publish(desk, "s", "a")
        cut, keyless = await subscribe(desk, "s", "b", "a", way="tcp"), await subscribe(desk, "s", "c", "a")
        await speak(publisher, 0, 1)
        cut.close(goodbye=False)
        await asyncio.sleep(0.05)
        service.resources.all[keyless.resource].peer.outbound = None
        await speak(publisher, 1, 3)
        assert service.counters.dropped["send-failed"] == 3
        assert service.counters.dropped["unprotected"] == 3
        assert not desk.seen(commands.Left)
