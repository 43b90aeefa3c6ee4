"""Participants behind a TURN server: over UDP, TCP and TLS, with credentials that expire."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection
from aiortc.rtcconfiguration import RTCIceTransportPolicy

from media import commands
from tests.wire.coturn import HOST, Turn, coturn
from tests.wire.peers import Client
from tests.wire.room import room


@pytest.fixture
async def turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Turn]:
    async with coturn(tmp_path) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
        yield server


def behind(server: RTCIceServer) -> Client:
    """A client that has no other way than the TURN server."""
    client = Client()
    configuration = RTCConfiguration(iceServers=[server], iceTransportPolicy=RTCIceTransportPolicy.RELAY)
    client.connection = RTCPeerConnection(configuration)
    client.connection.on("track", client._on_track)
    return client


@pytest.mark.parametrize("way", ["udp", "tcp", "tls"])
async def test_media_pass_through_turn(turn: Turn, way: str) -> None:
    """A publisher behind TURN is seen by a viewer, and shown as coming by TURN."""
    async with room(turn_addresses=(HOST,)) as (_, desk):
        publisher = await behind(turn.server(way)).publish(desk, "s", "a", luma=90)
        assert (await desk.wait(commands.Connected, endpoint="a")).way.startswith("turn-")
        viewer = await Client().subscribe(desk, "s", "b", "a")
        await viewer.next_frame("video")
        await publisher.close()
        await viewer.close()


async def test_a_session_survives_the_turn_server(turn: Turn) -> None:
    """When TURN dies in a call, a new POST another way replaces the old resource; viewers keep theirs."""
    async with room() as (_, desk):
        publisher = await behind(turn.server("udp")).publish(desk, "s", "a")
        viewer = await Client().subscribe(desk, "s", "b", "a")
        await viewer.next_frame("video")
        await turn.stop()
        again = await Client().publish(desk, "s", "a")
        await desk.wait(commands.Left, cause="replaced", resource=publisher.resource)
        await viewer.next_frame("video")
        for client in (again, viewer):
            await client.close()
        with suppress(TimeoutError):  # aioice goes on asking the dead server for a minute
            await asyncio.wait_for(publisher.close(), 0.2)


async def test_expired_credentials_get_no_relay(turn: Turn) -> None:
    """A name whose time is over gathers no candidate."""
    client = behind(turn.server("udp", expired=True))
    client.connection.addTransceiver("audio", direction="recvonly")
    try:
        offer = await client.offer()
    except Exception:
        offer = ""
    assert "typ relay" not in offer
    await client.close()


async def test_turn_refuses_to_reach_loopback(tmp_path: Path) -> None:
    """Without the test's permission the TURN server refuses peers on loopback, so nothing connects."""
    async with coturn(tmp_path, loopback_peers=False) as server, room(forwarding=False) as (_, desk):
        client = await behind(server.server("udp")).publish(desk, "s", "a")
        await asyncio.sleep(2)
        assert not desk.seen(commands.Connected)
        await client.close()
