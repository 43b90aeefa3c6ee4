"""The ways to the relay: UDP and TCP, IPv4 and IPv6, several addresses, ICE restart."""

import asyncio
import contextlib
import socket

import pytest

from bench.lab.participant import Participant, attribute
from media import commands, tcp
from tests.wire.peers import relay
from tests.wire.room import publish, room, speak, subscribe


async def test_a_session_over_tcp() -> None:
    """Where no UDP gets out, both directions work over the passive TCP candidate, and the way is told."""
    async with room() as (_, desk):
        publisher = await publish(desk, "s", "a", way="tcp")
        viewer = await subscribe(desk, "s", "b", "a", way="tcp")
        await speak(publisher, 0, 20)
        assert viewer.payloads == [b"sound %d" % index for index in range(20)]
        assert {event.way for event in desk.seen(commands.Connected)} == {"tcp"}
        publisher.close()
        await desk.wait(commands.Left, endpoint="a", cause="closed")


async def test_a_slow_tcp_receiver_loses_packets_and_harms_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the backlog packets to that receiver are dropped and counted; others get theirs."""
    monkeypatch.setattr(tcp, "BACKLOG", 2_000)
    async with room() as (service, desk):
        publisher = await publish(desk, "s", "a")
        slow = await subscribe(desk, "s", "slow", "a", way="tcp")
        viewer = await subscribe(desk, "s", "b", "a")
        asyncio.get_running_loop().remove_reader(slow.socket.fileno())
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        port = next(port for port in service._ports if port.way == "tcp")
        for sock in (connection._transport.get_extra_info("socket") for connection in port._connections.values()):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        for index in range(600):
            publisher.send_rtp(publisher.rtp("audio", index, index * 960, bytes(1100)))
            await asyncio.sleep(0)
        await asyncio.sleep(0.1)
        assert len(viewer.heads) == 600
        assert service.counters.dropped["tcp-backlog"] > 0


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"\xff\xff" + bytes(100), b"\x00\x00" * 50])
async def test_a_foreign_tcp_connection_is_cut_or_ignored(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that are no frames close the connection; frames of a stranger are dropped; in the end it is closed."""
    monkeypatch.setattr(tcp, "STRANGER_S", 0.1)
    async with relay() as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(data)
        try:
            answer = await asyncio.wait_for(reader.read(), 5)
        except ConnectionResetError:
            answer = b""
        assert answer == b""
        writer.close()


async def test_strangers_can_hold_only_so_many_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound the oldest of the most crowded host makes room; nobody is kept out, no other host is touched."""
    monkeypatch.setattr(tcp, "MAX_STRANGERS", 3)
    async with room(forwarding=False) as (service, desk):
        port = next(port for port in service._ports if port.way == "tcp")
        single, writer = await asyncio.open_connection("127.0.0.1", service.port, local_addr=("127.0.0.9", 0))
        crowd = [await asyncio.open_connection("127.0.0.1", service.port) for _ in range(4)]
        await asyncio.sleep(0.05)
        assert service.counters.dropped["tcp-connections"] == 2
        assert len(port._connections) == 3
        for reader, _ in crowd[:2]:
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(), 1) == b""
        await publish(desk, "s", "a", way="tcp")
        assert len(desk.seen(commands.Connected)) == 1
        assert len(port._connections) == 3
        assert not single.at_eof()
        for _, each in (*crowd, (single, writer)):
            each.close()


async def test_participants_are_not_cut_for_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    """When participants hold all places, the next connection is refused."""
    monkeypatch.setattr(tcp, "MAX_CONNECTIONS", 1)
    async with room() as (service, desk):
        publisher = await publish(desk, "s", "a", way="tcp")
        viewer = await subscribe(desk, "s", "b", "a")
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 1) == b""
        assert service.counters.dropped["tcp-connections"] == 1
        await speak(publisher, 0, 1)
        assert viewer.payloads == [b"sound 0"]
        writer.close()


async def test_ipv6_and_several_addresses_on_one_port() -> None:
    """Each local address has its candidates, and an IPv6 participant meets an IPv4 one."""
    async with room(bind=("127.0.0.1", "::1")) as (service, desk):
        publisher = Participant("::1")
        answered = desk.ask(
            commands.Publish, session="s", endpoint="a", role="x", publication="camera", offer=publisher.offer()
        )
        lines = [line.split() for line in answered.answer.splitlines() if line.startswith("a=candidate")]
        assert {(parts[2], parts[4]) for parts in lines} == {
            ("udp", "127.0.0.1"), ("udp", "::1"), ("tcp", "127.0.0.1"), ("tcp", "::1"),
        }  # fmt: skip
        assert {parts[5] for parts in lines} == {str(service.port)}
        six = "\r\n".join(line for line in answered.answer.splitlines() if "candidate" not in line or " ::1 " in line)
        await publisher.connect(six)
        viewer = await subscribe(desk, "s", "b", "a")
        await speak(publisher, 0, 3)
        assert len(viewer.heads) == 3


async def test_an_ice_restart_gives_new_credentials_and_keeps_the_media() -> None:
    """After PATCH the peer goes on under new credentials without a new handshake; the old ones hold meanwhile."""
    async with room() as (_, desk):
        publisher = await publish(desk, "s", "a")
        viewer = await subscribe(desk, "s", "b", "a")
        await speak(publisher, 0, 2)
        restarted = desk.ask(commands.Restart, resource=publisher.resource, fragment="a=ice-ufrag:x\r\n")
        assert isinstance(restarted, commands.Answered)
        assert restarted.etag == attribute(restarted.answer, "ice-ufrag")
        await speak(publisher, 2, 2)
        publisher.restart(restarted.answer)
        publisher.rebind()
        publisher.check()
        await asyncio.sleep(0.05)
        await speak(publisher, 4, 2)
        assert len(viewer.heads) == 6


async def test_the_way_over_turn_is_named_by_the_offers_relayed_candidate() -> None:
    """A peer whose address is a relayed candidate of its offer is shown as coming by TURN."""
    async with room(forwarding=False) as (_, desk):
        participant = Participant()
        port = participant.socket.getsockname()[1]
        relayed = f"a=candidate:1 1 udp {1 << 24 | 99} 127.0.0.1 {port} typ relay raddr 0.0.0.0 rport 0\r\n"
        answered = desk.ask(
            commands.Publish, session="s", endpoint="a", role="x", publication="camera",
            offer=participant.offer() + relayed,
        )  # fmt: skip
        await participant.connect(answered.answer)
        assert (await desk.wait(commands.Connected)).way == "turn-tcp"
