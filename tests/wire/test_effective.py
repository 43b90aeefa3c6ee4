"""Mute, remove, hold and end take effect between one packet and the next, whatever is on its way."""

import asyncio
from collections.abc import Callable

import pytest

from bench.lab.participant import Participant
from media import commands, rtcp
from tests.wire.peers import Desk, FakeRecorders
from tests.wire.room import publish, room, speak, subscribe, vp8

Act = Callable[[Desk, Participant, Participant], None]


def mute(desk: Desk, _publisher: Participant, _viewer: Participant) -> None:
    for kind in ("audio", "video"):
        desk.send(commands.Silence(session="s", endpoint="a", publication="camera", kind=kind, on=True))


def hold(desk: Desk, _publisher: Participant, _viewer: Participant) -> None:
    desk.send(commands.Forward(session="s", on=False))


def remove_publisher(desk: Desk, _publisher: Participant, _viewer: Participant) -> None:
    desk.send(commands.Remove(session="s", endpoint="a"))


def remove_viewer(desk: Desk, _publisher: Participant, _viewer: Participant) -> None:
    desk.send(commands.Remove(session="s", endpoint="b"))


def withdraw(desk: Desk, _publisher: Participant, viewer: Participant) -> None:
    desk.send(commands.Withdraw(resource=viewer.resource))


def end(desk: Desk, _publisher: Participant, _viewer: Participant) -> None:
    desk.send(commands.CloseSession(session="s", reason="ended-by-host"))


ACTS = [mute, hold, remove_publisher, remove_viewer, withdraw, end]


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
async def test_not_one_packet_follows_the_act(act: Act) -> None:
    """What the relay takes from its socket after the command goes nowhere, though it was sent before it."""
    async with room(FakeRecorders(), recorded=True) as (_, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        publisher.send_rtp(publisher.rtp("video", 0, 0, vp8(True)))
        await speak(publisher, 0, 3)
        assert len(viewer.heads) == 4
        for index in range(3, 23):  # in the socket's buffer when the command comes
            publisher.send_rtp(publisher.rtp("audio", index, index * 960, b"late"))
            publisher.send_rtp(publisher.rtp("video", index, index * 3000, vp8(False)))
        act(desk, publisher, viewer)
        await asyncio.sleep(0.05)
        for index in range(23, 28):
            publisher.send_rtp(publisher.rtp("audio", index, index * 960, b"late"))
        await asyncio.sleep(0.05)
        assert len(viewer.heads) == 4


@pytest.mark.parametrize("act", [mute, hold, remove_viewer], ids=lambda act: act.__name__)
async def test_repair_and_replay_do_not_bring_back_what_was_taken(act: Act) -> None:
    """A NACK for what was forwarded before, and a new subscription where there still is one, get nothing."""
    async with room() as (service, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        await speak(publisher, 0, 3)
        act(desk, publisher, viewer)
        viewer.send_rtcp(nack(viewer))
        await asyncio.sleep(0.03)
        other = await subscribe(desk, "s", "c", "a")
        publisher.send_rtp(publisher.rtp("video", 0, 0, vp8(True)))
        await asyncio.sleep(0.03)
        assert service.counters.resent == 0
        assert len(viewer.heads) == 3
        assert bool(other.heads) == (act is remove_viewer)


def nack(viewer: Participant) -> bytes:
    """What a viewer sends that says it lost its first packets."""
    return rtcp.nack(1, viewer.heads[0][3], [head[1] for head in viewer.heads])
