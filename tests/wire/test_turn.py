"""Participants behind a TURN server: over UDP, TCP and TLS, with credentials that expire."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection
from aiortc.rtcconfiguration import RTCIceTransportPolicy
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from media import commands
from signaling.turn import turn_credentials
from tests.wire.peers import Client
from tests.wire.room import room

SECRET = "only for tests"
HOST = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return sock.getsockname()[1]


def certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate for the loopback address and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "turn")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = directory / "cert.pem", directory / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_file, key_file


class Turn:
    """A coturn on free loopback ports."""

    def __init__(self, directory: Path, *, loopback_peers: bool = True) -> None:
        self.port, self.tls_port = free_port(), free_port()
        self.certificate, key = certificate(directory)
        self._arguments = [
            "turnserver", "--no-stdout-log", "--log-file", str(directory / "log"), "-n", "--no-cli",
            "--listening-ip", HOST, "--relay-ip", HOST, "--listening-port", str(self.port),
            "--tls-listening-port", str(self.tls_port), "--cert", str(self.certificate), "--pkey", str(key),
            "--use-auth-secret", "--static-auth-secret", SECRET, "--realm", "test", "--no-tcp-relay",
            "--pidfile", str(directory / "pid"), "--userdb", str(directory / "db"),
            *(["--allow-loopback-peers"] if loopback_peers else []),
        ]  # fmt: skip

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        for _ in range(100):
            try:
                _, writer = await asyncio.open_connection(HOST, self.tls_port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
        raise AssertionError("coturn did not start")

    async def stop(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def server(self, way: str, *, expired: bool = False) -> RTCIceServer:
        """The entry a browser would be given."""
        now = datetime.now(UTC) - (timedelta(hours=1) if expired else timedelta())
        name, password = turn_credentials(SECRET, "p", now)
        url = {
            "udp": f"turn:{HOST}:{self.port}",
            "tcp": f"turn:{HOST}:{self.port}?transport=tcp",
            "tls": f"turns:{HOST}:{self.tls_port}?transport=tcp",
        }[way]
        return RTCIceServer(urls=url, username=name, credential=password)


@pytest.fixture
async def turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Turn]:
    if shutil.which("turnserver") is None:
        if os.environ.get("CI"):
            pytest.fail("coturn is not installed")
        pytest.skip("coturn is not installed")
    server = Turn(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    await server.start()
    yield server
    await server.stop()


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
    if shutil.which("turnserver") is None:
        pytest.skip("coturn is not installed")
    server = Turn(tmp_path, loopback_peers=False)
    await server.start()
    try:
        async with room(forwarding=False) as (_, desk):
            client = await behind(server.server("udp")).publish(desk, "s", "a")
            await asyncio.sleep(2)
            assert not desk.seen(commands.Connected)
            await client.close()
    finally:
        await server.stop()
