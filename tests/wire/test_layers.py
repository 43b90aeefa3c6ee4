"""Simulcast layers, weak lines, and what publishers are told of them."""

import asyncio
import struct

from bench.lab.participant import Participant
from core.clock import FakeClock
from media import commands, rtcp
from tests.wire.peers import NOW, Desk, FakeRecorders
from tests.wire.room import publish, room, speak, subscribe, vp8

RID_ID = 4
SIMULCAST = f"a=extmap:{RID_ID} urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n" + (
    "a=rid:h send\r\na=rid:l send\r\na=simulcast:send h;l"
)


class Layers:
    """Sends two layers of one picture, each with numbers of its own."""

    def __init__(self, publisher: Participant) -> None:
        self.publisher = publisher
        self.ssrc = {"h": 1111, "l": 2222}
        self.sequence = {"h": 100, "l": 40_000}
        self.picture = {"h": 10, "l": 20_000}
        self.frame = 0

    def send(self, *rids: str, keyframe: bool = False) -> None:
        """One frame of each layer, at the same instant of the sender's clock."""
        self.frame += 1
        for rid in rids:
            timestamp = self.frame * 3000 + (1_000_000 if rid == "l" else 0)
            head = struct.pack("!BBHII", 0x90, 0xE0, self.sequence[rid], timestamp, self.ssrc[rid])
            head += struct.pack("!HHB", 0xBEDE, 1, RID_ID << 4) + rid.encode() + bytes(2)
            number = self.picture[rid]
            frame = bytes((0x90, 0x80, 0x80 | number >> 8, number & 0xFF)) + vp8(keyframe)[1:] + rid.encode()
            self.publisher.send_rtp(head + frame)
            self.sequence[rid] += 1
            self.picture[rid] += 1


async def simulcast(desk: Desk) -> Layers:
    publisher = Participant()
    answered = desk.ask(
        commands.Publish, session="s", endpoint="a", role="x", publication="camera",
        offer=publisher.offer(video=SIMULCAST),
    )  # fmt: skip
    assert "a=simulcast:recv h;l" in answered.answer
    await publisher.connect(answered.answer)
    return Layers(publisher)


def pictures(viewer: Participant) -> list[int]:
    """Picture ids a viewer got."""
    return [(payload[2] & 0x7F) << 8 | payload[3] for payload in viewer.payloads]


async def test_a_viewer_changes_layers_without_a_visible_seam() -> None:
    """Large first, small when the tile is small, at a keyframe; numbers, times and picture ids go on by one."""
    async with room() as (_, desk):
        layers = await simulcast(desk)
        layers.send("h", "l", keyframe=True)
        await asyncio.sleep(0.03)
        viewer = await subscribe(desk, "s", "b", "a")
        for _ in range(3):
            layers.send("h", "l")
            await asyncio.sleep(0.033)
        desk.send(commands.Prefer(resource=viewer.resource, layer="small"))
        layers.send("h", "l")
        await asyncio.sleep(0.033)
        layers.send("h", "l", keyframe=True)
        await asyncio.sleep(0.033)
        layers.send("h", "l")
        await asyncio.sleep(0.05)
        assert b"".join(payload[-1:] for payload in viewer.payloads) == b"hhhhhhll"
        sequences = [head[1] for head in viewer.heads]
        assert sequences == list(range(sequences[0], sequences[0] + 8))
        assert pictures(viewer) == list(range(10, 18))
        steps = [later[2] - earlier[2] for earlier, later in zip(viewer.heads, viewer.heads[1:], strict=False)]
        assert all(0 < step < 9000 for step in steps)


async def test_what_is_not_for_a_viewer_by_design_is_counted() -> None:
    """Pictures before the first keyframe, and those of the layer that a viewer is not shown, once for each viewer."""
    async with room() as (service, desk):
        layers, dropped = await simulcast(desk), service.counters.dropped
        for _ in range(2):  # nobody sees them
            layers.send("h", "l")
        await asyncio.sleep(0.03)
        first, second = await subscribe(desk, "s", "b", "a"), await subscribe(desk, "s", "c", "a")
        before = dropped["no-keyframe"], dropped["other-layer"]
        for _ in range(5):
            layers.send("h", "l")
        await asyncio.sleep(0.03)
        layers.send("h", "l", keyframe=True)
        await asyncio.sleep(0.03)
        for _ in range(3):
            layers.send("h", "l")
        await asyncio.sleep(0.03)
        service._on_tick()
        assert (len(first.payloads), len(second.payloads)) == (4, 4)
        assert (dropped["no-keyframe"] - before[0], dropped["other-layer"] - before[1]) == (2 * 5, 2 * 9)
        text = service.metrics()
        assert 'dropped_total{reason="no-keyframe"}' in text
        assert 'dropped_total{reason="other-layer"}' in text


async def test_the_record_takes_the_largest_layer_there_is() -> None:
    """The small layer is not recorded beside the large one; when the large one stops, it is."""
    recorders = FakeRecorders()
    async with room(recorders, recorded=True, forwarding=False) as (_, desk):
        layers = await simulcast(desk)
        for _ in range(3):
            layers.send("l", "h", keyframe=True)
            await asyncio.sleep(0.02)
        recorder = recorders.made[0]
        large = [number for number, track in recorder.tracks.items() if track.ssrc == 1111]
        assert [len(recorder.packets[number]) for number in large] == [3]
        for _ in range(40):
            layers.send("l")
            await asyncio.sleep(0.05)
        open_ssrcs = {recorder.tracks[number].ssrc for number in recorder.open}
        assert open_ssrcs == {2222}


async def test_a_packet_without_a_layers_name_is_dropped() -> None:
    """In a simulcast section an unknown SSRC must say which layer it is."""
    async with room(forwarding=False) as (service, desk):
        layers = await simulcast(desk)
        layers.publisher.send_rtp(layers.publisher.rtp("video", 1, 1, vp8(True)))
        await asyncio.sleep(0.05)
        assert service.counters.dropped["no-rid"] == 1


async def test_a_weak_line_loses_its_picture_but_never_its_sound() -> None:
    """After two seconds above ten percent loss the picture pauses for that viewer alone; sound goes on."""
    async with room() as (service, desk):
        publisher = await publish(desk, "s", "a")
        weak = await subscribe(desk, "s", "weak", "a")
        good = await subscribe(desk, "s", "good", "a")
        publisher.send_rtp(publisher.rtp("video", 0, 0, vp8(True)))
        await speak(publisher, 0, 1)
        ssrc = next(head[3] for head in weak.heads if head[0] == 96)
        flow = next(flow for resource in service.resources.all.values() for flow in resource.flows if flow.ssrc == ssrc)
        for index in range(60):
            report = rtcp.Report(ssrc=ssrc, fraction=0.3, lost=9, highest=9, jitter=0, lsr=0, dlsr=0)
            weak.send_rtcp(rtcp.receiver_report(1, [report]))
            publisher.send_rtp(publisher.rtp("video", 1 + index, 3000 * index, vp8(False)))
            await speak(publisher, 1 + index, 1)
            await asyncio.sleep(0.04)
        assert not flow.open
        before = len(weak.heads), len(good.heads)
        publisher.send_rtp(publisher.rtp("video", 61, 3000 * 61, vp8(False)))
        await speak(publisher, 61, 1)
        assert [head[0] for head in weak.heads[before[0] :]] == [111]
        assert sorted(head[0] for head in good.heads[before[1] :]) == [96, 111]


async def test_a_weak_line_loses_pictures_in_time_before_it_loses_the_picture() -> None:
    """Where the sender has temporal layers a weak viewer gets every other frame under numbers without a hole."""
    clock = FakeClock(NOW)

    async def frames(first: int, count: int) -> None:
        for index in range(first, first + count):
            layer = index % 2
            head = bytes((0x90, 0xE0, 0x80 | index >> 8, index & 0xFF, index // 2 & 0xFF, layer << 6 | 0x20))
            payload = head + vp8(index == 0)[1:] + bytes((layer,))
            publisher.send_rtp(publisher.rtp("video", index, index * 3000, payload))
        await asyncio.sleep(0.03)

    async with room(clock=clock) as (service, desk):
        publisher = await publish(desk, "s", "a")
        weak, good = await subscribe(desk, "s", "weak", "a"), await subscribe(desk, "s", "good", "a")
        await frames(0, 4)
        report = rtcp.Report(ssrc=weak.heads[0][3], fraction=0.3, lost=9, highest=9, jitter=0, lsr=0, dlsr=0)
        for second in range(4):
            weak.send_rtcp(rtcp.receiver_report(1, [report]))
            await frames(4 + 2 * second, 2)
            clock.advance(1)
            service._on_tick()
            service._on_tick()
        weak.payloads.clear()
        good.payloads.clear()
        before = service.counters.dropped["thinned"]
        await frames(12, 10)
        assert service.counters.dropped["thinned"] - before == 5
        assert 'yuanjian_media_dropped_total{reason="thinned"}' in service.metrics()
        assert [payload[-1] for payload in weak.payloads] == [0] * 5
        assert [payload[-1] for payload in good.payloads] == [0, 1] * 5
        sequences = [head[1] for head in weak.heads]
        assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
        weak.send_rtcp(rtcp.nack(1, weak.heads[0][3], [sequences[-2]]))
        await asyncio.sleep(0.03)
        assert service.counters.resent == 1


async def test_a_publisher_is_told_what_its_viewers_can_take() -> None:
    """REMB once a second, from the viewers' loss, to publishers that understand it."""
    async with room(forwarding=False) as (_, desk):
        publisher = Participant()
        answered = desk.ask(
            commands.Publish, session="s", endpoint="a", role="x", publication="camera",
            offer=publisher.offer(video="a=rtcp-fb:96 goog-remb"),
        )  # fmt: skip
        estimates: list[rtcp.Remb] = []
        publisher.on_rtcp = lambda packet: estimates.extend(
            item for item in rtcp.parse(packet) if isinstance(item, rtcp.Remb)
        )
        await publisher.connect(answered.answer)
        publisher.send_rtp(publisher.rtp("video", 0, 0, vp8(True)))
        await asyncio.sleep(1.2)
        assert estimates
        assert estimates[0].ssrcs == (publisher.ssrc["video"],)
        assert estimates[0].bitrate > 2_000_000
