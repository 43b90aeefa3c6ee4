"""What strangers send changes nothing, and what an admitted participant sends harms at most itself."""

import asyncio
import os
import random
from collections.abc import Iterator

import pytest
from aioice import stun
from structlog.testing import capture_logs

from bench.lab.participant import Participant
from media import commands, rtcp
from media.dtls import Dtls, Identity
from tests.campaigns import campaign, rounds, seed
from tests.wire.peers import FakeRecorders
from tests.wire.room import publish, room, speak, subscribe
from tests.wire.strangers import ALERT, CLIENT_HELLO, Stranger


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "short"),
        (b"\x80", "short"),
        (b"\x80" * 1501, "oversize"),
        (b"\x80" * 65_000, "oversize"),
        (b"\x80\x6f" + bytes(60), "foreign"),
        (CLIENT_HELLO, "foreign"),
        (ALERT, "foreign"),
        (b"\x00\x01" + bytes(30), "stun-malformed"),
        (b"\x50" + bytes(30), "unknown-kind"),
        (b"\xff" + bytes(30), "unknown-kind"),
    ],
)
async def test_a_foreign_datagram_is_dropped_counted_and_not_answered(data: bytes, reason: str) -> None:
    """Whatever a stranger sends, a live session goes on and the drop has its reason."""
    async with room() as (service, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        stranger = Stranger(service.port)
        stranger.send(data)
        await speak(publisher, 0, 3)
        assert len(viewer.heads) == 3
        assert service.counters.dropped[reason] == 1
        assert stranger.answers() == 0
        assert not desk.seen(commands.Left)


async def test_empty_datagrams_from_a_peers_own_address_change_nothing() -> None:
    """The empty datagram that closes a stock transport is dropped here, even from an admitted participant."""
    async with room() as (_, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        for data in (b"", b"\x80", b"\x80" * 1600, os.urandom(400)):
            publisher.send(data)
        await speak(publisher, 0, 3)
        assert len(viewer.heads) == 3


async def test_a_handshake_in_progress_survives_forged_flights() -> None:
    """ClientHellos and alerts from elsewhere do not reach the handshake of a peer."""
    async with room(forwarding=False) as (service, desk):
        stranger = Stranger(service.port)
        participant = Participant()
        answered = desk.ask(
            commands.Publish, session="s", endpoint="a", role="x", publication="camera", offer=participant.offer()
        )
        connecting = asyncio.ensure_future(participant.connect(answered.answer))
        for _ in range(50):
            stranger.send(CLIENT_HELLO)
            stranger.send(ALERT)
            await asyncio.sleep(0)
        await connecting
        await desk.wait(commands.Connected, endpoint="a")
        assert service.counters.dropped["foreign"] == 100


async def test_a_client_hello_is_answered_once_however_often_it_comes() -> None:
    """From an address that has proved itself, which may have been forged by its owner: one flight, not a hundred."""
    async with room(forwarding=False) as (service, desk):
        participant = Participant()
        answered = desk.ask(
            commands.Publish, session="s", endpoint="a", role="x", publication="camera", offer=participant.offer()
        )
        flights: list[int] = []
        participant._sort = lambda length, _: flights.append(length) if 19 < participant._in.data[0] < 64 else None
        connecting = asyncio.ensure_future(participant.connect(answered.answer))
        await asyncio.sleep(0.05)
        (hello,) = Dtls(Identity(), server=False, fingerprints=[]).start()
        for _ in range(100):
            participant.send(hello)
        await asyncio.sleep(0.3)
        assert 1 <= len(flights) <= 2
        assert sum(flights) < 1500
        connecting.cancel()
        assert "internal" not in service.counters.dropped


async def test_dtls_that_means_nothing_in_a_call_is_counted() -> None:
    """Garbage, alerts and other ClientHellos from a participant's own address change nothing and have a reason."""
    async with room() as (service, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        for data in (
            CLIENT_HELLO,
            ALERT,
            b"\x17\xfe\xfd" + bytes(40),
            *Dtls(Identity(), server=False, fingerprints=[]).start(),
        ):
            publisher.send(data)
        await speak(publisher, 0, 3)
        assert service.counters.dropped["dtls-ignored"] == 4
        assert len(viewer.heads) == 3
        assert not desk.seen(commands.Left)


async def test_a_check_with_a_wrong_password_opens_nothing() -> None:
    """Knowing a ufrag is not enough: without the password an address is not learned."""
    async with room(forwarding=False) as (service, desk):
        participant = Participant()
        answered = desk.ask(
            commands.Publish, session="s", endpoint="a", role="x", publication="camera", offer=participant.offer()
        )
        forged = answered.answer.replace("a=ice-pwd:", "a=ice-pwd:wrong")
        with pytest.raises(TimeoutError):
            await participant.connect(forged, timeout=0.3)
        assert service.counters.dropped["stun-forged"] > 0
        assert all(not port.peers for port in service._ports)


async def test_a_certificate_that_was_not_announced_is_refused() -> None:
    """The fingerprint of the offer decides; another certificate fails the handshake."""
    async with room(forwarding=False) as (_, desk):
        participant = Participant()
        offer = participant.offer()
        genuine = offer.split("a=fingerprint:sha-256 ")[1][:5]
        forged = offer.replace(genuine, "00:00" if genuine != "00:00" else "11:11")
        answered = desk.ask(commands.Publish, session="s", endpoint="a", role="x", publication="camera", offer=forged)
        participant_connects = asyncio.ensure_future(participant.connect(answered.answer))
        await desk.wait(commands.Left, cause="failed")
        participant_connects.cancel()
        assert not desk.seen(commands.Connected)


async def test_garbage_of_an_admitted_participant_is_survived() -> None:
    """Authenticated but malformed RTP and RTCP is dropped; the other participants notice nothing."""
    chaos = random.Random(7)
    async with room() as (service, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        hostile = await publish(desk, "s", "c")
        for index in range(60):
            noise = chaos.randbytes(chaos.randrange(0, 300))
            hostile.send_rtcp(bytes((0x80 | chaos.randrange(32), chaos.randrange(200, 208))) + noise + bytes(6))
            packet = bytearray(hostile.rtp("video", index, index, noise))
            packet[0] = 0x80 | chaos.randrange(64)
            hostile.send_rtp(bytes(packet))
            viewer.send_rtcp(bytes((0x80 | chaos.randrange(32), chaos.randrange(200, 208))) + noise + bytes(6))
        await speak(publisher, 0, 5)
        assert len(viewer.heads) == 5
        assert service.counters.dropped["internal"] == 0


async def test_a_flood_of_an_admitted_participant_is_limited() -> None:
    """Packets beyond the rate are dropped and counted; other participants are forwarded as before."""
    async with room() as (service, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        hostile = await publish(desk, "s", "c")
        for index in range(3000):
            hostile.send_rtp(hostile.rtp("audio", index, index * 960, b"x"))
            if index % 200 == 0:
                await asyncio.sleep(0)
        await speak(publisher, 0, 5)
        assert len(viewer.heads) == 5
        assert service.counters.dropped["packet-rate"] > 500


async def test_f14_ten_thousand_packets_a_second_leave_the_record_of_others_whole() -> None:
    """The flood is cut to its limit, also on record, and the log says so; what another says meanwhile is on
    record without a hole."""
    recorders = FakeRecorders()
    async with room(recorders, recorded=True) as (service, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        hostile = await publish(desk, "s", "c")
        with capture_logs() as logged:
            for index in range(100):
                publisher.send_rtp(publisher.rtp("audio", index, index * 960, b"sound %d" % index))
                for number in range(100 * index, 100 * index + 100):
                    hostile.send_rtp(hostile.rtp("audio", number, number * 960, b"x"))
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            recorder = recorders.made[0]
            kept = {track.endpoint: recorder.packets[number] for number, track in recorder.tracks.items()}
            assert [packet[12:] for packet in kept["a"]] == [b"sound %d" % index for index in range(100)]
            assert len(viewer.heads) == 100
            assert service.counters.dropped["packet-rate"] > 1_000
            assert len(kept["c"]) + service.counters.dropped["packet-rate"] == 10_000
            for _ in range(2):
                service._on_tick()
        told = [entry["event"].partition(":")[0] for entry in logged if entry.get("resource") == hostile.resource]
        assert (told[0], told[-1]) == (
            "a participant sends more than it may",
            "a participant keeps to its limits again",
        )
        assert len(told) <= 4


async def test_foreign_payload_types_and_endless_ssrcs_are_dropped() -> None:
    """Only negotiated payload types bind, and a resource may use a bounded number of SSRCs."""
    async with room(forwarding=False) as (service, desk):
        hostile = await publish(desk, "s", "c")
        packet = bytearray(hostile.rtp("audio", 1, 1, b"x"))
        packet[1] = 97
        hostile.send_rtp(bytes(packet))
        for ssrc in range(40):
            hostile.ssrc["audio"] = 1000 + ssrc
            hostile.send_rtp(hostile.rtp("audio", 1, 1, b"x"))
        await asyncio.sleep(0.05)
        assert service.counters.dropped["payload-type"] == 1
        assert service.counters.dropped["ssrc-limit"] == 24


async def test_feedback_about_streams_of_others_is_dropped() -> None:
    """Whose SSRC is named decides nothing: only what the peer itself sends or receives is its to speak of."""
    async with room() as (service, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        hostile = await publish(desk, "s", "c")
        await speak(publisher, 0, 2)
        theirs, ours = publisher.ssrc["audio"], viewer.heads[0][3]
        hostile.send_rtcp(rtcp.sender_report(theirs, 1 << 40, 1, 1, 1))
        hostile.send_rtcp(rtcp.nack(1, ours, [head[1] for head in viewer.heads]))
        hostile.send_rtcp(rtcp.pli(1, publisher.ssrc["video"]))
        await asyncio.sleep(0.05)
        assert service.counters.dropped["rtcp-ssrc"] == 3
        assert service.counters.resent == 0
        assert service.counters.feedback["pli", "to-publisher"] == 0


async def test_a_replayed_packet_is_dropped() -> None:
    """The same protected bytes sent twice are forwarded once."""
    async with room() as (service, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        sent: list[bytes] = []
        send = publisher.send
        publisher.send = lambda data: (sent.append(bytes(data)), send(data))
        await speak(publisher, 0, 1)
        send(sent[0])
        await asyncio.sleep(0.03)
        assert len(viewer.heads) == 1
        assert service.counters.dropped["replayed"] == 1


async def test_a_large_split_client_hello_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Handshake flights far above 1500 bytes, cut into many datagrams, arrive in both directions."""
    monkeypatch.setattr("media.dtls.DATAGRAM", 300)
    async with room(forwarding=False) as (service, desk):
        participant = await publish(desk, "s", "a")
        await speak(participant, 0, 1)
        assert len(next(iter(service.resources.all.values())).peer.streams) == 1


async def test_a_flaw_of_ours_closes_at_most_one_transport(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should a packet ever raise inside the relay, its own peer is closed, counted, and the others go on."""
    async with room() as (service, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        await speak(publisher, 0, 1)
        unlucky = await publish(desk, "s", "c")

        def broken(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(service.relay, "bind", broken)
        unlucky.send_rtp(unlucky.rtp("audio", 1, 1, b"x"))
        await desk.wait(commands.Left, endpoint="c", cause="failed")
        await speak(publisher, 1, 2)
        assert len(viewer.heads) == 3
        assert service.counters.dropped["internal"] == 1


def flights(publisher: Participant) -> Iterator[bytes]:
    """Genuine datagrams of every kind that the relay takes, caught on their way from ``publisher``."""
    caught: list[bytes] = []
    send, publisher.send = publisher.send, lambda data: caught.append(bytes(data))
    publisher.check()
    publisher._checks.cancel()
    publisher.send_rtp(publisher.rtp("audio", 50, 50 * 960, bytes(60)))
    publisher.send_rtp(publisher.rtp("video", 50, 50 * 3000, bytes(900)))
    publisher.send_rtcp(b"\x80\xc9\0\1" + bytes(4))
    publisher.send = send
    yield from caught
    yield from Dtls(Identity(), server=False, fingerprints=[]).start()
    yield from (CLIENT_HELLO, ALERT)


def forgeries(chaos: random.Random, genuine: list[bytes], ufrag: str) -> Iterator[bytes]:
    """For ever: what somebody could send who has seen everything and knows no key."""
    while True:
        data = bytearray(chaos.choice(genuine))
        match chaos.randrange(5):
            case 0:
                data = bytearray(chaos.randbytes(chaos.randrange(12, 1500)))
            case 1:
                data = data[: chaos.randrange(12, len(data))]
            case 2:
                data += chaos.randbytes(chaos.randrange(1, 200))
            case 3:
                message = stun.Message(stun.Method.BINDING, chaos.choice(list(stun.Class)))
                message.attributes["USERNAME"] = f"{ufrag}:{chaos.randrange(1 << 32):x}"
                message.attributes["USE-CANDIDATE"] = None
                if chaos.random() < 0.5:
                    message.add_message_integrity(chaos.randbytes(chaos.randrange(1, 40)))
                data = bytearray(bytes(message))
            case 4:
                at = chaos.randrange(len(data) - 8 if data[0] < 4 else len(data))  # STUN ends with a mere checksum
                data[at] ^= 1 << chaos.randrange(8)
        yield bytes(data)


@campaign
async def test_nothing_answers_a_stranger_and_each_drop_has_its_reason() -> None:
    """Bent copies of everything genuine bring not one byte back, so nothing is amplified; each is counted once."""
    chaos, count = random.Random(seed(5)), rounds(600, 60_000)
    async with room() as (service, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        await speak(publisher, 0, 2)
        genuine = list(flights(publisher))
        ufrag = next(iter(service.resources.all[publisher.resource].peer.local))
        stranger = Stranger(service.port)
        for number, data in zip(range(count), forgeries(chaos, genuine, ufrag), strict=False):
            stranger.send(data)
            if number % 50 == 0:
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.1)
        assert stranger.answers() == 0
        assert sum(service.counters.dropped.values()) == count
        assert "internal" not in service.counters.dropped
        assert {"foreign", "stun-malformed", "stun-forged", "unknown-kind"} <= set(service.counters.dropped)
        await speak(publisher, 60, 3)
        assert viewer.payloads[-3:] == [b"sound 60", b"sound 61", b"sound 62"]
        assert not desk.seen(commands.Left)


async def test_nothing_answers_a_strange_connection() -> None:
    """The same over TCP: frames of a stranger bring nothing back."""
    chaos = random.Random(seed(6))
    async with room() as (service, desk):
        publisher = await publish(desk, "s", "a")
        genuine = list(flights(publisher))
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        for _, data in zip(range(200), forgeries(chaos, genuine, "x"), strict=False):
            writer.write(len(data[:1500]).to_bytes(2, "big") + data[:1500])
        await writer.drain()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.3)
        assert sum(service.counters.dropped.values()) == 200
        writer.close()
