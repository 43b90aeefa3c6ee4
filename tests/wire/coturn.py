"""A TURN server of Debian's on loopback, with a certificate that an authority of the test's gave it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiortc import RTCIceServer

from core import tls
from signaling.turn import LIFETIME, turn_credentials
from tests.chromium import need

SECRET = "only for tests"
HOST = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return sock.getsockname()[1]


def certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate for the loopback address and its key; ``ca.crt`` beside it is the authority that gave it."""
    made = tls.ensure(directory, (HOST,), datetime.now(UTC))
    return made.certificate, made.key


class Turn:
    """A coturn on free loopback ports."""

    def __init__(
        self, directory: Path, *, loopback_peers: bool = True, relay: str = HOST, more: Sequence[str] = ()
    ) -> None:
        self.port, self.tls_port = free_port(), free_port()
        given, key = certificate(directory)
        self.authority = directory / "ca.crt"
        self._arguments = [
            "turnserver", "--no-stdout-log", "--log-file", str(directory / "log"), "-n", "--no-cli",
            "--listening-ip", HOST, "--relay-ip", relay, "--listening-port", str(self.port),
            "--tls-listening-port", str(self.tls_port), "--cert", str(given), "--pkey", str(key),
            "--use-auth-secret", "--static-auth-secret", SECRET, "--realm", "test", "--no-tcp-relay",
            "--pidfile", str(directory / "pid"), "--userdb", str(directory / "db"),
            *(["--allow-loopback-peers"] if loopback_peers else []), *more,
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

    def server(self, way: str, *, expires: timedelta = LIFETIME) -> RTCIceServer:
        """The entry a browser would be given; its name is good until ``expires`` from now."""
        name, password = turn_credentials(SECRET, "p", datetime.now(UTC) - LIFETIME + expires)
        url = {
            "udp": f"turn:{HOST}:{self.port}",
            "tcp": f"turn:{HOST}:{self.port}?transport=tcp",
            "tls": f"turns:{HOST}:{self.tls_port}?transport=tcp",
        }[way]
        return RTCIceServer(urls=url, username=name, credential=password)


@asynccontextmanager
async def coturn(directory: Path, **options: Any) -> AsyncIterator[Turn]:
    """A running one; without coturn on the machine the test is skipped, in CI it fails."""
    need("/usr/bin/turnserver", "coturn")
    server = Turn(directory, **options)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
