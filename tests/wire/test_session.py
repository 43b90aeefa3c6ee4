"""A session through the real relay: what one publishes, the others see."""

import asyncio
import struct

import pytest

from bench.lab.participant import Participant, attribute
from media import commands
from media.config import Limits
from media.ports import ChainHead
from tests.wire.peers import NOW, Client, Desk, FakeRecorders, luma, relay
from tests.wire.room import publish, room, speak, subscribe, vp8


async def test_a_viewer_sees_and_hears_the_publisher() -> None:
    """A subscriber gets the picture and the sound that another endpoint publishes."""
    async with room(forwarding=False) as (_, desk):
        publisher = await Client().publish(desk, "s", "officer", luma=200)
        viewer = await Client().subscribe(desk, "s", "guest", "officer")
        desk.send(commands.Forward(session="s", on=True))
        await desk.wait(commands.Published, endpoint="officer", kinds=("audio", "video"))
        frame = await viewer.next_frame("video")
        await viewer.next_frame("audio")
        assert abs(luma(frame) - 200) < 4
        await publisher.close()
        await viewer.close()


async def test_nothing_is_forwarded_until_told() -> None:
    """A new session forwards nothing, and stops within one packet when it is told to."""
    async with room(forwarding=False) as (_, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        await speak(publisher, 0, 5)
        assert viewer.heads == []
        desk.send(commands.Forward(session="s", on=True))
        await speak(publisher, 5, 5)
        assert viewer.payloads == [b"sound %d" % index for index in range(5, 10)]
        desk.send(commands.Forward(session="s", on=False))
        await speak(publisher, 10, 5)
        assert len(viewer.heads) == 5


async def test_numbers_go_on_after_a_hold() -> None:
    """Sequence numbers have no hole where forwarding was off, and time goes on."""
    async with room(forwarding=False) as (_, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        desk.send(commands.Forward(session="s", on=True))
        await speak(publisher, 0, 3)
        desk.send(commands.Forward(session="s", on=False))
        await speak(publisher, 3, 30)
        desk.send(commands.Forward(session="s", on=True))
        await speak(publisher, 33, 3)
        sequences = [head[1] for head in viewer.heads]
        assert sequences == list(range(sequences[0], sequences[0] + 6))
        assert viewer.heads[3][2] > viewer.heads[2][2]


async def test_one_kind_can_be_silenced_for_the_others_but_not_for_the_record() -> None:
    """Silence stops forwarding of one kind of media; the recorder keeps it."""
    recorders = FakeRecorders()
    async with room(recorders, recorded=True, forwarding=False) as (_, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        desk.send(commands.Forward(session="s", on=True))
        desk.send(commands.Silence(session="s", endpoint="a", publication="camera", kind="audio", on=True))
        await speak(publisher, 0, 4)
        assert viewer.heads == []
        assert len(recorders.made[0].packets[1]) == 4


async def test_recording_goes_on_while_held() -> None:
    """Packets reach the recorder whether forwarding is on or off, whole and in the clear."""
    recorders = FakeRecorders()
    async with room(recorders, forwarding=False) as (_, desk):
        publisher = await publish(desk, "s", "a")
        await speak(publisher, 0, 2)
        desk.send(commands.Arm(session="s", recording="r", kind="interrogation", policy="clear"))
        await desk.wait(commands.RecorderReady)
        await speak(publisher, 2, 3)
        packets = recorders.made[0].packets[1]
        assert [packet[12:] for packet in packets] == [b"sound 2", b"sound 3", b"sound 4"]
        assert recorders.made[0].tracks[1].codec == "opus"
        assert recorders.made[0].tracks[1].role == "officer"


async def test_an_attendance_recorder_gets_no_media() -> None:
    """A recorder armed for attendance takes log entries and is never attached as a sink."""
    recorders = FakeRecorders()
    async with room(recorders, forwarding=False) as (_, desk):
        publisher = await publish(desk, "s", "a")
        desk.send(commands.Arm(session="s", recording="r", kind="visit", policy="attendance"))
        await desk.wait(commands.RecorderReady)
        desk.send(commands.Log(session="s", number=1, at=NOW, public={}, private={}))
        await speak(publisher, 0, 3)
        assert recorders.made[0].packets == {}
        assert recorders.made[0].entries == [1]


async def test_a_failing_recorder_stops_forwarding_at_once() -> None:
    """When the recorder fails nothing is forwarded until a new take is armed and the host resumes."""
    recorders = FakeRecorders()
    async with room(recorders, recorded=True, forwarding=False) as (_, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        desk.send(commands.Forward(session="s", on=True))
        await speak(publisher, 0, 2)
        recorders.made[0].failed("disk-full")
        assert desk.seen(commands.RecorderFailed, code="disk-full")
        desk.send(commands.Forward(session="s", on=True))
        await speak(publisher, 2, 2)
        assert len(viewer.heads) == 2
        assert len(recorders.made[0].packets[1]) == 2
        desk.send(commands.Arm(session="s", recording="r", kind="interrogation", policy="clear"))
        await desk.wait(commands.RecorderReady, take=2)
        desk.send(commands.Forward(session="s", on=True))
        await speak(publisher, 4, 2)
        assert len(viewer.heads) == 4
        assert [packet[12:] for packet in recorders.made[1].packets[1]] == [b"sound 4", b"sound 5"]


async def test_where_the_chain_stands_is_told_for_the_ledger() -> None:
    """The recorder's head goes out as an event; the checkpoint comes in with the order to record."""
    recorders = FakeRecorders()
    async with room(recorders, forwarding=False) as (_, desk):
        arm = commands.Arm(session="s", recording="r", kind="interrogation", policy="clear", checkpoint="note")
        desk.send(arm)
        await desk.wait(commands.RecorderReady)
        assert recorders.made[0].spec.checkpoint == "note"
        recorders.made[0].head(ChainHead(2, 60_000, "ab"))
        assert desk.seen(commands.Head, recording="r", take=2, media_ms=60_000, digest="ab")


async def test_a_sink_that_raises_is_taken_off_and_the_packets_go_no_further() -> None:
    """A recorder that breaks its promise never to raise counts as failed."""
    recorders = FakeRecorders()
    async with room(recorders, recorded=True, forwarding=False) as (service, desk):
        publisher = await publish(desk, "s", "a")
        await speak(publisher, 0, 1)
        recorders.made[0].packets.clear()
        await speak(publisher, 1, 2)
        assert desk.seen(commands.RecorderFailed, code="sink-error")
        assert len(service.resources.all) == 1


async def test_a_recorder_that_cannot_be_armed_says_why() -> None:
    """An unavailable recorder is reported with its code, and forwarding stays shut."""
    recorders = FakeRecorders()
    recorders.refuse = "disk-unwritable"
    async with room(recorders, forwarding=False) as (service, desk):
        desk.send(commands.Arm(session="s", recording="r", kind="interrogation", policy="clear"))
        await desk.wait(commands.RecorderFailed, code="disk-unwritable")
        desk.send(commands.Forward(session="s", on=True))
        assert not service.sessions["s"].forwarding


async def test_log_entries_before_arming_are_kept_in_order() -> None:
    """What is logged before the recorder is ready comes first in the chain, by number."""
    recorders = FakeRecorders()
    async with room(recorders, forwarding=False) as (_, desk):
        for number in (2, 1, 3):
            desk.send(commands.Log(session="s", number=number, at=NOW, public={}, private={}))
        desk.send(commands.Arm(session="s", recording="r", kind="interrogation", policy="clear"))
        await desk.wait(commands.RecorderReady, last_entry=3)
        desk.send(commands.Log(session="s", number=3, at=NOW, public={}, private={}))
        assert recorders.made[0].entries == [1, 2, 3]


async def test_a_publisher_that_comes_back_keeps_its_viewers() -> None:
    """A second offer of the same publication replaces the first; viewers see the same SSRC with numbers going on."""
    async with room(forwarding=False) as (_, desk):
        first = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        desk.send(commands.Forward(session="s", on=True))
        await speak(first, 100, 3)
        second = await publish(desk, "s", "a")
        await desk.wait(commands.Left, resource=first.resource, cause="replaced")
        await speak(second, 9000, 3)
        sequences = [head[1] for head in viewer.heads]
        assert sequences == list(range(sequences[0], sequences[0] + 6))
        assert len({head[3] for head in viewer.heads}) == 1
        assert viewer.heads[3][2] > viewer.heads[2][2]
        assert not desk.seen(commands.Unpublished)


async def test_a_packet_from_before_a_viewer_began_is_not_for_it() -> None:
    """Late packets go to whom they belong; for the others each is counted as late."""
    async with room() as (service, desk):
        publisher = await publish(desk, "s", "a")
        first = await subscribe(desk, "s", "b", "a")
        await speak(publisher, 0, 1)
        await speak(publisher, 3, 1)
        second = await subscribe(desk, "s", "c", "a")
        await speak(publisher, 4, 1)
        await speak(publisher, 1, 2)
        await speak(publisher, 5, 1)
        assert sorted(first.payloads) == [b"sound %d" % index for index in range(6)]
        assert second.payloads == [b"sound 4", b"sound 5"]
        assert service.counters.dropped["late"] == 2


async def test_video_begins_with_a_keyframe() -> None:
    """A viewer gets nothing of a picture before a keyframe, and the publisher is asked for one."""
    async with room(forwarding=False) as (_, desk):
        publisher = await publish(desk, "s", "a")
        asked: list[bytes] = []
        publisher.on_rtcp = asked.append
        viewer = await subscribe(desk, "s", "b", "a")
        desk.send(commands.Forward(session="s", on=True))
        for index, keyframe in enumerate((False, False, True, False)):
            publisher.send_rtp(publisher.rtp("video", index, index * 3000, vp8(keyframe)))
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        assert len(viewer.heads) == 2
        assert any(packet[1] == 206 and packet[0] & 0x1F == 1 for packet in asked)


async def test_a_second_viewer_is_served_from_the_ring() -> None:
    """A viewer that comes soon after a keyframe gets it again; the publisher is not asked."""
    async with room() as (service, desk):
        publisher = await publish(desk, "s", "a")
        for index in range(5):
            publisher.send_rtp(publisher.rtp("video", index, index * 3000, vp8(index == 0)))
        await asyncio.sleep(0.05)
        before = service.counters.feedback["pli", "to-publisher"]
        viewer = await subscribe(desk, "s", "b", "a")
        await asyncio.sleep(0.05)
        publisher.send_rtp(publisher.rtp("video", 5, 15000, vp8(False)))
        await asyncio.sleep(0.05)
        sequences = [head[1] for head in viewer.heads]
        assert sequences == list(range(sequences[0], sequences[0] + 6))
        assert service.counters.feedback["pli", "to-publisher"] == before


async def test_header_extensions_end_here() -> None:
    """What a publisher puts into header extensions does not reach viewers, but does reach the record."""
    recorders = FakeRecorders()
    async with room(recorders, recorded=True) as (_, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        plain = publisher.rtp("audio", 1, 960, b"")
        extended = bytes((0x90,)) + plain[1:] + bytes.fromhex("bede0001") + b"\x10\x30\0\0" + b"voice"
        publisher.send_rtp(extended)
        await asyncio.sleep(0.05)
        assert viewer.payloads == [b"voice"]
        assert recorders.made[0].packets[1] == [extended]


async def test_sender_reports_are_translated() -> None:
    """A viewer gets the publisher's wall clock with its own SSRC and timestamps, at once when it begins."""
    async with room() as (_, desk):
        publisher = await publish(desk, "s", "a")
        await speak(publisher, 0, 1)
        report = struct.pack("!BBHIQIII", 0x80, 200, 6, publisher.ssrc["audio"], 77 << 32, 0, 1, 10)
        publisher.send_rtcp(report)
        await asyncio.sleep(0.03)
        viewer = await subscribe(desk, "s", "b", "a")
        reports: list[bytes] = []
        viewer.on_rtcp = reports.append
        await speak(publisher, 1, 1)
        _, kind, _, ssrc, ntp, timestamp, packets, _ = struct.unpack_from("!BBHIQIII", reports[0])
        assert kind == 200
        assert ssrc == viewer.heads[0][3]
        assert ntp >> 32 == 77
        shift = (viewer.heads[0][2] - 960) & 0xFFFFFFFF
        assert 0 <= (timestamp - shift) & 0xFFFFFFFF < 48000
        assert packets == 1


async def test_a_replay_counts_as_sent() -> None:
    """The first sender report of a viewer that got the packets since the last keyframe states them."""
    async with room(forwarding=False) as (_, desk):
        publisher, viewer = await publish(desk, "s", "a"), await subscribe(desk, "s", "b", "a")
        for index in range(5):
            publisher.send_rtp(publisher.rtp("video", index, 3000 * index, vp8(index == 2, 200)))
        publisher.send_rtcp(struct.pack("!BBHIQIII", 0x80, 200, 6, publisher.ssrc["video"], 77 << 32, 0, 1, 10))
        await asyncio.sleep(0.03)
        reports: list[bytes] = []
        viewer.on_rtcp = reports.append
        desk.send(commands.Forward(session="s", on=True))
        await asyncio.sleep(0.03)
        assert [head[0] for head in viewer.heads] == [96] * 3
        assert [struct.unpack_from("!BBHIQIII", report)[6:] for report in reports] == [(3, 3 * 202)]


async def test_leaving_and_removing_are_told_with_their_cause() -> None:
    """Withdrawn, removed and closed resources are gone with that word, and the publication with them."""
    async with room(forwarding=False) as (service, desk):
        one = await publish(desk, "s", "a")
        await speak(one, 0, 1)
        two = await publish(desk, "s", "b")
        three = await publish(desk, "s", "c")
        desk.send(commands.Withdraw(resource=one.resource))
        assert desk.seen(commands.Left, resource=one.resource, cause="withdrawn")
        assert desk.seen(commands.Unpublished, endpoint="a", publication="camera")
        desk.send(commands.Remove(session="s", endpoint="b"))
        assert desk.seen(commands.Left, resource=two.resource, cause="removed")
        three.close()
        await desk.wait(commands.Left, resource=three.resource, cause="closed")
        assert service.resources.all == {}
        assert service.sessions["s"].publications == {}


async def test_what_cannot_be_answered_is_rejected_with_a_code() -> None:
    """Bad offers, unknown sessions and publications change nothing and get a stable code."""
    async with room(forwarding=False) as (service, desk):
        offer = Participant().offer()
        fields = {"session": "s", "endpoint": "a", "publication": "camera"}
        assert desk.ask(commands.Publish, role="x", offer="v=0", **fields).code == "bad-sdp"
        only_pcm = offer.replace("opus/48000/2", "PCMU/8000").replace("VP8", "H265")
        assert desk.ask(commands.Publish, role="x", offer=only_pcm, **fields).code == "no-codec"
        assert desk.ask(commands.Publish, role="x", offer=offer, **(fields | {"session": "x"})).code == "no-session"
        assert desk.ask(commands.Subscribe, source="b", offer=offer, **fields).code == "no-publication"
        assert desk.ask(commands.Restart, resource="x", fragment="").code == "no-publication"
        assert service.resources.all == {}
        assert len(service.transports) == 0


async def test_an_endpoint_has_a_bounded_number_of_publications() -> None:
    """The fifth publication of one endpoint is refused."""
    async with room(forwarding=False) as (_, desk):
        for index in range(4):
            await publish(desk, "s", "a", f"p{index}")
        refused = desk.ask(
            commands.Publish, session="s", endpoint="a", role="x", publication="p4", offer=Participant().offer()
        )
        assert refused.code == "limit"


async def test_losing_the_web_process_stops_forwarding_but_not_the_record() -> None:
    """A session without a web process records and does not forward; another one can adopt it and is told all."""
    recorders = FakeRecorders()
    async with room(recorders, recorded=True, forwarding=False) as (service, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        desk.send(commands.Forward(session="s", on=True))
        await speak(publisher, 0, 2)
        service.disconnect(desk.emit)
        await speak(publisher, 2, 2)
        assert len(viewer.heads) == 2
        assert len(recorders.made[0].packets[1]) == 4
        other = Desk(service)
        assert other.events[0] == commands.Hello(boot=service.boot, sessions=("s",))
        other.send(commands.Forward(session="s", on=True))
        assert not service.sessions["s"].forwarding
        other.send(commands.OpenSession(session="s"))
        assert {event.resource for event in other.seen(commands.Connected)} == {publisher.resource, viewer.resource}
        assert other.seen(commands.Published, endpoint="a")
        assert other.seen(commands.RecorderReady, take=1)
        other.send(commands.Forward(session="s", on=True))
        await speak(publisher, 4, 1)
        assert len(viewer.heads) == 3


async def test_closing_a_session_ends_its_chain_after_the_last_packet() -> None:
    """CloseSession takes all resources away, closes the recorder and gives its figures."""
    recorders = FakeRecorders()
    async with room(recorders, recorded=True, forwarding=False) as (service, desk):
        publisher = await publish(desk, "s", "a")
        await speak(publisher, 0, 3)
        desk.send(commands.CloseSession(session="s", reason="host"))
        closed = await desk.wait(commands.Closed, session="s")
        assert (closed.recording, closed.frames) == ("r", 3)
        assert recorders.made[0].open == set()
        assert recorders.made[0].closed_for == "host"
        assert service.sessions == {}
        desk.send(commands.CloseSession(session="never", reason="host"))
        assert (await desk.wait(commands.Closed, session="never")).recording is None


async def test_an_echo_comes_back_to_its_sender() -> None:
    """The echo sends a participant's own media back and belongs to no session."""
    async with relay() as service:
        desk = Desk(service)
        participant = Participant()
        answered = desk.ask(commands.Echo, check="ticket", offer=participant.offer("sendrecv"))
        heard: list[bytes] = []
        participant.on_rtp = lambda packet: heard.append(bytes(packet[12:]))
        await participant.connect(answered.answer)
        await speak(participant, 0, 4)
        assert heard == [b"sound 0", b"sound 1", b"sound 2", b"sound 3"]
        assert service.sessions == {}


@pytest.mark.parametrize(("offered", "ours"), [("active", "passive"), ("passive", "active"), ("actpass", "passive")])
async def test_offers_of_all_three_dtls_roles_are_connected(offered: str, ours: str) -> None:
    """An encoder that offers setup:passive makes us the DTLS client; whoever leaves us the choice is the client."""
    async with room() as (_, desk):
        publisher = Participant(setup=offered)
        offer = publisher.offer()
        assert attribute(offer, "setup") == offered
        answered = desk.ask(
            commands.Publish, session="s", endpoint="a", role="officer", publication="camera", offer=offer
        )
        assert attribute(answered.answer, "setup") == ours
        await publisher.connect(answered.answer)
        viewer = await subscribe(desk, "s", "b", "a")
        await speak(publisher, 0, 2)
        assert len(viewer.heads) == 2


async def test_a_peer_that_changes_its_address_goes_on() -> None:
    """After a nominated check from a new port the media of both directions use it."""
    async with room() as (_, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        await speak(publisher, 0, 2)
        for participant in (publisher, viewer):
            participant.rebind()
            participant.check()
        await asyncio.sleep(0.05)
        await speak(publisher, 2, 2)
        assert len(viewer.heads) == 4


async def test_an_overloaded_process_refuses_new_sessions_and_serves_the_old() -> None:
    """A session beyond the limit is told so by every answer; the live one goes on; later there is room again."""
    async with room(limits=Limits(sessions=1), forwarding=False) as (service, desk):
        publisher = await publish(desk, "s", "a")
        service._note_load()
        desk.send(commands.OpenSession(session="t"))
        fields = {"session": "t", "endpoint": "a", "role": "x", "publication": "camera"}
        assert desk.ask(commands.Publish, offer=Participant().offer(), **fields).code == "overloaded"
        assert service.counters.dropped["session-refused"] == 1
        desk.send(commands.Arm(session="t", recording="r", kind="k", policy="clear"))
        assert desk.seen(commands.RecorderFailed, session="t", code="overloaded")
        await speak(publisher, 0, 1)
        assert "yuanjian_media_refuses_sessions 1.0" in service.metrics()
        desk.send(commands.CloseSession(session="s", reason="host"))
        await desk.wait(commands.Closed)
        service._note_load()
        desk.send(commands.OpenSession(session="t"))
        assert "t" in service.sessions


async def test_heads_go_to_the_ledger_once_a_minute_and_with_each_durable_second() -> None:
    """The first of a take and one a minute after it as ``Head``; every second's with its ``Durable``."""
    recorders = FakeRecorders()
    async with room(recorders, recorded=True) as (_service, desk):
        (recorder,) = recorders.made
        for second in (1, 2, 59, 60, 61, 125):
            recorder.head(ChainHead(1, second * 1000, f"{second:064d}"))
            recorder.durable(NOW, second * 1000)
        assert [event.media_ms for event in desk.seen(commands.Head)] == [1000, 60_000, 125_000]
        assert [(e.take, int(e.digest)) for e in desk.seen(commands.Durable)] == [
            (1, second) for second in (1, 2, 59, 60, 61, 125)
        ]
