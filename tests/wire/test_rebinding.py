"""NAT rebinding without signaling: heard from the new port at once, answered when that has proved itself."""

import asyncio
import socket

from aioice import stun

from bench.lab.participant import Participant
from media import commands, rtcp, sdp
from media.rebinding import AGAIN_S, TRIALS_PER_S
from tests.wire.forwarder import Forwarder
from tests.wire.peers import Desk
from tests.wire.room import publish, room, speak, subscribe
from tests.wire.strangers import Stranger


def uncheck(*participants: Participant) -> None:
    """Let them send no connectivity check any more."""
    for participant in participants:
        participant._checks.cancel()


async def test_a_publisher_is_heard_from_its_new_port_with_its_first_packet() -> None:
    """No check comes from the new port, and not one packet is missing."""
    async with room() as (service, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        uncheck(publisher, viewer)
        await speak(publisher, 0, 2)
        publisher.rebind()
        await speak(publisher, 2, 3)
        assert viewer.payloads == [b"sound %d" % index for index in range(5)]
        assert service.counters.rebound == 1
        peer = service.resources.all[publisher.resource].peer
        assert peer.address == publisher.socket.getsockname()


async def test_a_viewer_gets_its_media_at_its_new_port_after_its_next_report() -> None:
    """An RTCP report from there brings a check of ours, and the answer to that brings the media."""
    async with room() as (_, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        uncheck(publisher, viewer)
        await speak(publisher, 0, 2)
        viewer.rebind()
        await speak(publisher, 2, 2)
        assert len(viewer.payloads) == 2
        viewer.send_rtcp(rtcp.receiver_report(1, []))
        await asyncio.sleep(0.05)
        await speak(publisher, 4, 2)
        assert viewer.payloads[2:] == [b"sound 4", b"sound 5"]


async def test_many_behind_one_nat_come_back() -> None:
    """When a NAT forgets all its mappings at once, each of ten peers is found by its own keys."""
    forwarder = Forwarder(seed=5)
    async with room(public=(f"127.0.0.1:{forwarder.port}",)) as (service, desk):
        forwarder.to(service.port)
        publishers = [await publish(desk, "s", f"p{index}") for index in range(5)]
        viewers = [await subscribe(desk, "s", f"v{index}", f"p{index}") for index in range(5)]
        uncheck(*publishers, *viewers)
        forwarder.rebind()
        for viewer in viewers:
            viewer.send_rtcp(rtcp.receiver_report(1, []))
        await asyncio.sleep(0.1)
        for index, publisher in enumerate(publishers):
            await speak(publisher, 10 * index, 3)
        for index, viewer in enumerate(viewers):
            assert viewer.payloads == [b"sound %d" % number for number in range(10 * index, 10 * index + 3)]
        forwarder.close()


async def stolen(desk: Desk, publisher: Participant, index: int) -> bytes:
    """A packet of the publisher's that somebody caught before it arrived."""
    caught: list[bytes] = []
    send, publisher.send = publisher.send, lambda data: caught.append(bytes(data))
    publisher.send_rtp(publisher.rtp("audio", index, index * 960, b"sound %d" % index))
    publisher.send = send
    return caught[0]


async def test_who_carries_packets_of_another_is_sent_nothing_but_checks() -> None:
    """A caught packet is taken as true, but what we send stays where it went; replays and forgeries change nothing."""
    async with room() as (service, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        await speak(publisher, 0, 2)
        thief = Stranger(service.port)
        packet = await stolen(desk, publisher, 2)
        thief.send(packet[:-1] + bytes((packet[-1] ^ 1,)))
        await asyncio.sleep(0.02)
        assert service.counters.dropped["foreign"] == 1
        thief.send(packet)
        await asyncio.sleep(0.02)
        assert viewer.payloads[2:] == [b"sound 2"]
        asked = stun.parse_message(thief.socket.recv(2000))
        forged = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=asked.transaction_id)
        forged.attributes["XOR-MAPPED-ADDRESS"] = ("127.0.0.1", 9)
        forged.add_message_integrity(b"not the password of the offer")
        thief.send(bytes(forged))
        thief.send(packet)
        await asyncio.sleep(0.02)
        peer = service.resources.all[publisher.resource].peer
        assert peer.address == publisher.socket.getsockname()
        assert service.counters.dropped["stun-forged"] == 1
        assert len(viewer.payloads) == 3
        await asyncio.sleep(sum(AGAIN_S) + 0.1)
        assert thief.answers() < 4 * 150
        await speak(publisher, 3, 1)
        assert viewer.payloads[-1] == b"sound 3"


async def test_strangers_cost_a_bounded_number_of_trials() -> None:
    """Beyond the limit of a second nothing is tried; a peer that moves then comes back by its check."""
    async with room() as (service, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        stranger = Stranger(service.port)
        stranger.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        service.rebinding._window_ns = 1 << 62
        for index in range(TRIALS_PER_S * 2):
            stranger.send(publisher.rtp("audio", index, index, bytes(60)))
            if index % 50 == 0:
                await asyncio.sleep(0.001)
        await asyncio.sleep(0.05)
        assert service.rebinding._left == 0
        assert service.counters.dropped["foreign"] == TRIALS_PER_S * 2
        assert stranger.answers() == 0
        uncheck(publisher)
        publisher.rebind()
        await speak(publisher, 0, 1)
        assert viewer.payloads == []
        publisher.check()
        await asyncio.sleep(0.05)
        await speak(publisher, 1, 1)
        assert viewer.payloads == [b"sound 1"]


async def test_an_ice_restart_changes_the_password_our_checks_are_answered_with() -> None:
    """After a PATCH that names new credentials a moved peer proves itself with those."""
    async with room() as (service, desk):
        viewer = Participant()
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        uncheck(viewer)
        viewer.ufrag, viewer.password = "newfrag", "x" * 24
        fragment = "a=ice-ufrag:newfrag\r\na=ice-pwd:" + "x" * 24 + "\r\n"
        desk.ask(commands.Restart, resource=viewer.resource, fragment=fragment)
        viewer.rebind()
        viewer.send_rtcp(rtcp.receiver_report(1, []))
        await asyncio.sleep(0.05)
        await speak(publisher, 0, 1)
        assert viewer.payloads == [b"sound 0"]
        assert service.counters.dropped["stun-forged"] == 0


def test_a_fragment_without_credentials_that_hold_names_none() -> None:
    """Too short, absent, or of other characters."""
    assert sdp.credentials("a=ice-ufrag:abcd\r\na=ice-pwd:" + "p" * 22 + "\r\n") == ("abcd", "p" * 22)
    for text in ("", "a=ice-ufrag:abcd", "a=ice-ufrag:abcd\na=ice-pwd:short", "a=ice-ufrag:a b\na=ice-pwd:" + "p" * 22):
        assert sdp.credentials(text) is None
