"""Loss on the line is repaired: NACK and PLI in both directions, through a seeded bad network."""

import asyncio
import struct
from contextlib import asynccontextmanager

from bench.lab.participant import Participant
from media import commands, rtcp
from tests.wire.forwarder import Forwarder
from tests.wire.peers import Desk, FakeRecorders, relay
from tests.wire.room import publish, speak, subscribe, vp8


@asynccontextmanager
async def through(forwarder: Forwarder, recorders: FakeRecorders | None = None):
    """A relay that advertises the forwarder's port."""
    async with relay(recorders, public=(f"127.0.0.1:{forwarder.port}",)) as service:
        forwarder.to(service.port)
        desk = Desk(service)
        desk.send(commands.OpenSession(session="s"))
        desk.send(commands.Forward(session="s", on=True))
        try:
            yield service, desk
        finally:
            forwarder.close()


def answering(publisher: Participant) -> dict[int, bytes]:
    """Let a publisher keep what it sends and send it again on NACK, as browsers do."""
    kept: dict[int, bytes] = {}
    send = publisher.send_rtp

    def remember(packet: bytes) -> None:
        kept[struct.unpack_from("!H", packet, 2)[0]] = packet
        send(packet)

    def again(packet: bytes) -> None:
        for item in rtcp.parse(packet):
            if isinstance(item, rtcp.Lost):
                for sequence in item.sequences:
                    send(kept[sequence])

    publisher.send_rtp = remember
    publisher.on_rtcp = again
    return kept


async def test_loss_on_the_way_up_is_repaired() -> None:
    """With a tenth of the packets lost on the way to the relay, the record is complete."""
    recorders = FakeRecorders()
    forwarder = Forwarder(seed=3)
    async with through(forwarder, recorders) as (service, desk):
        desk.send(commands.Arm(session="s", recording="r", kind="k", policy="clear"))
        await desk.wait(commands.RecorderReady)
        publisher = await publish(desk, "s", "a")
        answering(publisher)
        forwarder.up.loss = forwarder.down.loss = 0.1
        await speak(publisher, 0, 300)
        forwarder.up.loss = 0.0
        await speak(publisher, 300, 1)
        await asyncio.sleep(0.6)
        sequences = {struct.unpack_from("!H", packet, 2)[0] for packet in recorders.made[0].packets[1]}
        assert sequences == set(range(301))
        assert service.counters.feedback["nack", "to-publisher"] > 20


async def test_loss_on_the_way_down_is_answered_from_the_ring() -> None:
    """A viewer's NACK brings the very packet again; the publisher hears nothing of it."""
    forwarder = Forwarder(seed=4)
    async with through(forwarder) as (service, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        await speak(publisher, 0, 1)
        forwarder.down.loss = 1.0
        await speak(publisher, 1, 3)
        forwarder.down.loss = 0.0
        await speak(publisher, 4, 1)
        first = viewer.heads[0][1]
        assert [head[1] - first for head in viewer.heads] == [0, 4]
        viewer.send_rtcp(rtcp.nack(1, viewer.heads[0][3], [first + 1, first + 2, first + 3]))
        await asyncio.sleep(0.05)
        assert viewer.payloads[2:] == [b"sound 1", b"sound 2", b"sound 3"]
        assert [head[1] - first for head in viewer.heads[2:]] == [1, 2, 3]
        assert viewer.heads[2][2] == viewer.heads[0][2] + 960
        assert service.counters.feedback["nack", "to-publisher"] == 0


async def test_what_cannot_be_repaired_is_stated_and_a_picture_asked_for() -> None:
    """A packet that never comes is told to the recorder as lost, and video gets a PLI."""
    recorders = FakeRecorders()
    forwarder = Forwarder(seed=5)
    async with through(forwarder, recorders) as (service, desk):
        desk.send(commands.Arm(session="s", recording="r", kind="k", policy="clear"))
        await desk.wait(commands.RecorderReady)
        publisher = await publish(desk, "s", "a")
        publisher.send_rtp(publisher.rtp("video", 0, 0, vp8(True)))
        await asyncio.sleep(0.6)
        before = service.counters.feedback["pli", "to-publisher"]
        publisher.send_rtp(publisher.rtp("video", 3, 3000, vp8(False)))
        async with asyncio.timeout(20):
            while not recorders.made[0].missing:
                await asyncio.sleep(0.05)
        assert recorders.made[0].missing == [(1, 1, 2)]
        assert service.counters.feedback["pli", "to-publisher"] > before
        assert service.counters.feedback["nack", "to-publisher"] >= 10


async def test_a_nat_that_forgets_its_mapping_costs_less_than_two_seconds() -> None:
    """After rebinding on the way, media flow again by themselves in both directions."""
    forwarder = Forwarder(seed=6)
    async with through(forwarder) as (_, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        await speak(publisher, 0, 2)
        forwarder.rebind()
        loop = asyncio.get_running_loop()
        lost_at, index = loop.time(), 2
        while len(viewer.heads) < 4 and loop.time() < lost_at + 6:
            await speak(publisher, index, 1)
            index += 1
        assert len(viewer.heads) >= 4
        assert loop.time() - lost_at < 6


RTX = "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"


def with_rtx(offer: str) -> str:
    """Add an RTX payload type for VP8 to an offer."""
    return offer.replace("UDP/TLS/RTP/SAVPF 96\r\n", "UDP/TLS/RTP/SAVPF 96 97\r\n") + RTX


async def test_a_nack_is_answered_over_rtx_where_negotiated() -> None:
    """The packet comes on the RTX stream the answer named, original number first; the media stream stays clean."""
    forwarder = Forwarder(seed=7)
    async with through(forwarder) as (_, desk):
        publisher = await publish(desk, "s", "a")
        viewer = Participant()
        answered = desk.ask(
            commands.Subscribe, session="s", endpoint="b", source="a", publication="camera",
            offer=with_rtx(viewer.offer("recvonly")),
        )  # fmt: skip
        group = next(line for line in answered.answer.splitlines() if line.startswith("a=ssrc-group:FID "))
        media, rtx = (int(word) for word in group.split()[1:])
        packets: list[bytes] = []
        viewer.on_rtp = lambda packet: packets.append(bytes(packet))
        await viewer.connect(answered.answer)
        for index in range(3):
            publisher.send_rtp(publisher.rtp("video", index, index * 3000, vp8(index == 0)))
        await asyncio.sleep(0.05)
        wanted = packets[1][2:4]
        viewer.send_rtcp(rtcp.nack(1, media, [int.from_bytes(wanted, "big")]))
        await asyncio.sleep(0.05)
        again = packets[3]
        assert again[1] & 0x7F == 97
        assert int.from_bytes(again[8:12], "big") == rtx
        assert again[12:14] == wanted
        assert again[14:] == packets[1][12:]
        assert again[4:8] == packets[1][4:8]


async def test_a_publishers_rtx_fills_the_hole_and_nothing_else() -> None:
    """A retransmission becomes the packet it repeats; repeated again, or pure padding, it is dropped."""
    recorders = FakeRecorders()
    forwarder = Forwarder(seed=8)
    async with through(forwarder, recorders) as (service, desk):
        desk.send(commands.Arm(session="s", recording="r", kind="k", policy="clear"))
        await desk.wait(commands.RecorderReady)
        publisher = Participant()
        answered = desk.ask(
            commands.Publish, session="s", endpoint="a", role="x", publication="camera",
            offer=with_rtx(publisher.offer()),
        )  # fmt: skip
        assert "a=rtpmap:97 rtx/90000" in answered.answer
        await publisher.connect(answered.answer)
        packets = [publisher.rtp("video", index, index * 3000, vp8(index == 0)) for index in range(3)]
        publisher.send_rtp(packets[0])
        publisher.send_rtp(packets[2])
        original = packets[1]
        rtx = struct.pack("!BBHII", 0x80, 97, 500, 3000, 4242) + original[2:4] + original[12:]
        publisher.send_rtp(rtx)
        publisher.send_rtp(rtx[:2] + b"\x01\xf5" + rtx[4:])
        publisher.send_rtp(rtx[:2] + b"\x01\xf6" + rtx[4:12])
        await asyncio.sleep(0.05)
        assert recorders.made[0].packets[1] == [packets[0], packets[2], packets[1]]
        assert service.counters.dropped["duplicate"] == 1
        assert service.counters.dropped["padding"] == 1
