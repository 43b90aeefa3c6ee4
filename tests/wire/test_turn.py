"""Participants behind a TURN server: over UDP, TCP and TLS, with credentials that expire."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from aioice import stun
from aioice import turn as aioice_turn
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection
from aiortc.rtcconfiguration import RTCIceTransportPolicy

from media import commands
from tests.wire.coturn import HOST, Turn, coturn
from tests.wire.peers import Client
from tests.wire.room import room


@pytest.fixture
async def turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Turn]:
    async with coturn(tmp_path) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))
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
    client = behind(turn.server("udp", expires=-timedelta(minutes=50)))
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


DEPLOYED = (Path(__file__).parents[2] / "deploy" / "turnserver.conf").read_text().splitlines()


@asynccontextmanager
async def allocation(server: Turn, entry: RTCIceServer) -> AsyncIterator[Callable[..., Awaitable[int]]]:
    """An allocation of ``entry``: ask for something of it, and get the error code, 0 for none."""
    transport, _ = await aioice_turn.create_turn_endpoint(
        asyncio.DatagramProtocol,
        server_addr=(HOST, server.port),
        username=entry.username,
        password=entry.credential,
    )
    protocol = transport._TurnTransport__inner_protocol

    async def ask(method: stun.Method, **attributes: object) -> int:
        message = stun.Message(method, stun.Class.REQUEST)
        message.attributes.update({name.replace("_", "-"): value for name, value in attributes.items()})
        try:
            await protocol.request_with_retry(message)
        except stun.TransactionFailed as error:
            return int(error.response.attributes["ERROR-CODE"][0])
        return 0

    try:
        yield ask
    finally:
        transport.close()


async def test_a_way_that_stands_outlives_its_credentials(tmp_path: Path) -> None:
    """F20: after its name has expired, and with a new nonce, an allocation is still refreshed; a new one is refused."""
    async with coturn(tmp_path, more=("--stale-nonce=1",)) as server:
        entry = server.server("udp", expires=timedelta(seconds=2))
        async with allocation(server, entry) as ask:
            await asyncio.sleep(4)
            assert await ask(stun.Method.REFRESH, LIFETIME=600) == 0
            assert await ask(stun.Method.CREATE_PERMISSION, XOR_PEER_ADDRESS=(HOST, 5004)) == 0
        with pytest.raises(stun.TransactionFailed):
            async with allocation(server, entry):
                pass
        async with allocation(server, server.server("udp")) as ask:
            assert await ask(stun.Method.REFRESH, LIFETIME=600) == 0


async def test_the_deployed_turn_server_reaches_the_relay_and_nothing_else(tmp_path: Path) -> None:
    """F20: of all peers a participant may name only the relay's address is permitted; loopback in no spelling."""
    rules = [f"--{line}" for line in DEPLOYED if line.startswith(("allowed-peer-ip", "denied-peer-ip", "no-multicast"))]
    async with (
        coturn(tmp_path, loopback_peers=False, more=rules) as server,
        allocation(server, server.server("udp")) as ask,
    ):

        async def permit(peer: str) -> int:
            return await ask(stun.Method.CREATE_PERMISSION, XOR_PEER_ADDRESS=(peer, 5004))

        assert await permit("203.0.113.10") == 0
        for peer in ("127.0.0.1", "127.8.8.8", "0.0.0.0", "169.254.169.254", "10.0.0.1", "203.0.113.11"):
            assert await permit(peer) == 403, peer
        for peer in ("::1", "::ffff:127.0.0.1", "fe80::1", "::127.0.0.1"):
            assert await permit(peer) in (403, 443), peer
