"""Participants that fall silent, crowds, floods, and cycles that must leave nothing behind."""

import asyncio
import gc
import itertools
import json
import os
import time
import tracemalloc
from collections.abc import Coroutine
from typing import Any

import pytest

from bench.lab.participant import Participant
from core.clock import FakeClock
from media import commands
from tests.campaigns import campaign, rounds
from tests.wire.peers import NOW, Desk, FakeRecorders, relay
from tests.wire.room import publish, room, speak, subscribe
from tests.wire.strangers import ALERT, CLIENT_HELLO, Stranger

CYCLES = rounds(25, 1_000)


async def test_a_silent_participant_is_told_inactive_then_left() -> None:
    """Eight silent seconds are told, its return too, and after twenty it is gone; the others are not touched."""
    clock = FakeClock(NOW)
    async with room(clock=clock, forwarding=False) as (service, desk):
        lost = await publish(desk, "s", "lost")
        other = await publish(desk, "s", "other")
        for participant in (lost, other):
            participant._checks.cancel()
        await speak(lost, 0, 1)
        clock.advance(9)
        await speak(other, 0, 1)
        service._on_tick()
        assert [event.endpoint for event in desk.seen(commands.Inactive)] == ["lost"]
        await speak(lost, 1, 1)
        service._on_tick()
        assert [event.endpoint for event in desk.seen(commands.Active)] == ["lost"]
        clock.advance(21)
        await speak(other, 1, 1)
        service._on_tick()
        assert desk.seen(commands.Left, endpoint="lost", cause="silent")
        assert desk.seen(commands.Unpublished, endpoint="lost")
        assert not desk.seen(commands.Left, endpoint="other")


@pytest.mark.parametrize("seconds", [5, 30, 120])
async def test_f7_others_are_recorded_without_a_gap_while_one_is_cut_off(seconds: int) -> None:
    """Whoever stays is on record with every packet; whoever comes back is recorded again, and nobody stays a ghost."""
    clock, recorders = FakeClock(NOW), FakeRecorders()
    async with room(recorders, clock=clock, recorded=True) as (service, desk):
        lost, other = await publish(desk, "s", "lost"), await publish(desk, "s", "other")
        for participant in (lost, other):
            participant._checks.cancel()
        await speak(lost, 0, 1)
        for second in range(seconds):
            await other_says(other, second)
            clock.advance(1)
            service._on_tick()
            assert bool(desk.seen(commands.Left)) is (second >= 20)
        if seconds > 20:
            assert desk.seen(commands.Left, endpoint="lost", cause="silent")
            lost = await publish(desk, "s", "lost")
        await speak(lost, 1, 1)
        recorder = recorders.made[0]
        kept = {(track.endpoint, number): recorder.packets[number] for number, track in recorder.tracks.items()}
        said = [packet[12:] for (endpoint, _), packets in kept.items() if endpoint == "other" for packet in packets]
        assert said == [b"still %d" % second for second in range(seconds)]
        assert [packet[12:] for (endpoint, _), packets in kept.items() if endpoint == "lost" for packet in packets] == [
            b"sound 0",
            b"sound 1",
        ]
        assert recorder.missing == []


async def other_says(publisher: Participant, number: int) -> None:
    """One packet, and a moment for it to arrive."""
    publisher.send_rtp(publisher.rtp("audio", number, number * 48_000, b"still %d" % number))
    await asyncio.sleep(0.004)


async def test_checks_alone_keep_a_viewer() -> None:
    """A viewer sends no media; its connectivity checks count as life."""
    clock = FakeClock(NOW)
    async with room(clock=clock, forwarding=False) as (service, desk):
        await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        for _ in range(5):
            clock.advance(6)
            viewer.check()
            await asyncio.sleep(0.02)
            service._on_tick()
        assert not desk.seen(commands.Left, endpoint="b")


async def test_an_answer_nobody_takes_up_is_withdrawn() -> None:
    """A resource that does not connect within fifteen seconds is gone."""
    clock = FakeClock(NOW)
    async with room(clock=clock, forwarding=False) as (service, desk):
        desk.ask(
            commands.Publish, session="s", endpoint="a", role="x", publication="camera", offer=Participant().offer()
        )
        clock.advance(16)
        service._on_tick()
        assert desk.seen(commands.Left, cause="failed")
        assert len(service.transports) == 0


async def test_an_echo_ends_by_itself() -> None:
    """A device check has fifteen seconds."""
    clock = FakeClock(NOW)
    async with relay(clock=clock) as service:
        desk = Desk(service)
        participant = Participant()
        answered = desk.ask(commands.Echo, check="ticket", offer=participant.offer("sendrecv"))
        await participant.connect(answered.answer)
        await desk.wait(commands.Connected, endpoint="ticket")
        clock.advance(16)
        service._on_tick()
        assert desk.seen(commands.Left, endpoint="ticket", cause="closed")


async def test_a_microphone_that_stops_is_told_within_three_seconds() -> None:
    """Two seconds without packets of a kind are told, and its return; the other kind is not affected."""
    clock = FakeClock(NOW)
    async with room(clock=clock, forwarding=False) as (service, desk):
        publisher = await publish(desk, "s", "a")
        await speak(publisher, 0, 1)
        publisher.send_rtp(publisher.rtp("video", 0, 0, b"\x10\0"))
        await asyncio.sleep(0.03)
        clock.advance(2.1)
        publisher.send_rtp(publisher.rtp("video", 1, 3000, b"\x10\x01"))
        await asyncio.sleep(0.03)
        service._on_tick()
        assert [(event.kind, event.silent) for event in desk.seen(commands.TrackSilent)] == [("audio", True)]
        await speak(publisher, 1, 1)
        service._on_tick()
        assert [(event.kind, event.silent) for event in desk.seen(commands.TrackSilent)][1:] == [("audio", False)]


async def test_a_line_is_reported() -> None:
    """Every five seconds each endpoint's loss, delay and rates."""
    clock = FakeClock(NOW)
    async with room(clock=clock, forwarding=False) as (service, desk):
        publisher = await publish(desk, "s", "a")
        await speak(publisher, 0, 10)
        await speak(publisher, 11, 9)
        for _ in range(10):
            service._on_tick()
        report = desk.seen(commands.LineReport, endpoint="a")[-1]
        assert report.up_kbps > 0
        assert report.way == "udp"


async def talk(publisher: Participant, count: int) -> None:
    """Speak in real time, a packet every 20 ms."""
    for index in range(count):
        publisher.send_rtp(publisher.rtp("audio", index, index * 960, b"sound %d" % index))
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.05)


async def later(seconds: float, act: Coroutine[Any, Any, None]) -> None:
    await asyncio.sleep(seconds)
    await act


async def test_a_crowd_joins_while_strangers_flood() -> None:
    """A hundred joins and as many bad offers in five seconds under forged handshakes: all honest ones connect."""
    async with room() as (service, desk):
        first = await publish(desk, "s", "first")
        viewer = await subscribe(desk, "s", "viewer", "first")
        stranger = Stranger(service.port)

        async def flood() -> None:
            while True:
                for _ in range(20):
                    stranger.send(CLIENT_HELLO)
                    stranger.send(ALERT)
                    stranger.send(os.urandom(64))
                await asyncio.sleep(0.02)

        async def join(index: int) -> None:
            bad = desk.ask(
                commands.Publish, session="s", endpoint=f"x{index}", role="x", publication="camera", offer="v=0"
            )
            assert bad.code == "bad-sdp"
            await publish(desk, "s", f"e{index}")

        flooding = asyncio.ensure_future(flood())
        heard: list[float] = []
        take = viewer.on_rtp
        viewer.on_rtp = lambda packet: (heard.append(time.monotonic()), take(packet))
        talking = asyncio.ensure_future(talk(first, 250))
        await asyncio.gather(*(later(0.05 * index, join(index)) for index in range(100)))
        await talking
        flooding.cancel()
        gaps = [after - before for before, after in itertools.pairwise(heard)]
        print(json.dumps({"joins": 100, "longest_audio_gap_ms": round(max(gaps) * 1000)}))
        assert max(gaps) < 3 * 0.2
        assert viewer.payloads == [b"sound %d" % index for index in range(250)]
        assert len(desk.seen(commands.Connected)) == 102
        assert service.counters.dropped["foreign"] > 0
        assert stranger.answers() == 0


@campaign
async def test_cycles_of_joining_and_leaving_leave_nothing_behind() -> None:
    """After many cycles the tables, tasks and file descriptors are those of the beginning, and memory is near."""

    async def cycle() -> None:
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        await speak(publisher, 0, 2)
        publisher.close()
        viewer.close()
        await desk.wait(commands.Left, resource=publisher.resource)
        await desk.wait(commands.Left, resource=viewer.resource)
        desk.events.clear()

    recorders = FakeRecorders()
    async with room(recorders) as (service, desk):
        for _ in range(5):
            await cycle()
        gc.collect()
        files, tasks = len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks())
        tracemalloc.start()
        for _ in range(CYCLES):
            await cycle()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert len(os.listdir("/proc/self/fd")) == files
        assert len(asyncio.all_tasks()) == tasks
        assert service.resources.all == {}
        assert len(service.transports) == 0
        assert service.sessions["s"].publications == {}
        assert all(not port.peers for port in service._ports)
        assert service.feedback._repairing == set()
        assert grown < 20_000 + 400 * CYCLES
