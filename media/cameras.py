"""RTSP cameras of a room: each read by a process of its own, its packets taken as if a publisher had sent them."""

import asyncio
import contextlib
import sys
from collections.abc import Sequence
from typing import Any

import structlog

from core import camera_addresses
from core.camera_addresses import Address
from core.clock import Clock
from core.errors import PeerError
from media import rtsp
from media.endpoint import MAX_DATAGRAM, MIN_DATAGRAM
from media.relay import Relay
from media.resources import Resources
from media.sdp import Codec
from media.sessions import Resource, Session

log = structlog.get_logger()

MAX_CAMERAS = 64
SILENT_S = 15.0
"""A camera that brings nothing for this long, connecting included, is given up."""
CODEC = Codec(
    rtsp.PAYLOAD_TYPE, "h264", 90_000, None,
    "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", frozenset(),
)  # fmt: skip


class Cameras:
    """Starts and stops camera processes."""

    def __init__(self, resources: Resources, relay: Relay, clock: Clock, networks: Sequence[str] = ()) -> None:
        self._resources = resources
        self._networks = networks
        self._relay = relay
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def attach(self, session: Session, endpoint: str, name: str, role: str, address: str) -> Resource:
        """Begin to read the camera at ``address``; raise ``PeerError`` with ``bad-address`` or ``limit``."""
        target = camera_addresses.parse(address)
        if target is None:
            raise PeerError("bad-address", "not an RTSP address")
        if len(self._tasks) >= MAX_CAMERAS:
            raise PeerError("limit", "as many cameras are attached as may be")
        resource = self._resources.source(session, endpoint, name, role, CODEC)
        task = asyncio.get_running_loop().create_task(self._attend(resource, target))
        self._tasks[resource.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(resource.id, None))
        return resource

    async def _attend(self, resource: Resource, target: Address) -> None:
        """Read the camera until it ends or the resource is gone, and say why it ended."""
        cause = "failed"
        try:
            address = await self._looked_up(target)
            if address is None:
                cause = "bad-address"
            else:
                await self._read(resource, address)
        except (asyncio.IncompleteReadError, OSError, TimeoutError):
            pass  # it ends as it began: away
        finally:
            log.warning("a camera ended", resource=resource.id, cause=cause)
            self._resources.close(resource, cause)

    async def _looked_up(self, target: Address) -> str | None:
        """The address with its host looked up once, here: a name cannot point elsewhere by the time it is opened.

        ``None`` when it lies where no camera may be. Raises ``OSError`` for a name nobody knows.
        """
        async with asyncio.timeout(SILENT_S):
            found = await asyncio.get_running_loop().getaddrinfo(target.host, target.port)
        ip = camera_addresses.first_open((str(there[0]) for *_, there in found), self._networks)
        return target.at(ip) if ip else None

    async def _read(self, resource: Resource, address: str) -> None:
        """Take packets from a process, which gets nothing of our environment: that may hold secrets."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "media.rtsp", env={},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(address.encode() + b"\n")
        try:
            while resource.id in self._resources.all:
                async with asyncio.timeout(SILENT_S):
                    head = await process.stdout.readexactly(2)
                    packet = await process.stdout.readexactly(int.from_bytes(head, "big"))
                self._take(resource, packet)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _take(self, resource: Resource, packet: bytes) -> None:
        if resource.id not in self._resources.all:
            return
        if not MIN_DATAGRAM <= len(packet) <= MAX_DATAGRAM:
            self._relay.counters.dropped["short" if len(packet) < MIN_DATAGRAM else "oversize"] += 1
            return
        peer: Any = resource.peer
        peer.seen_ns = self._clock.monotonic_ns()
        peer.packets += 1
        peer.octets += len(packet)
        self._relay.buffer[: len(packet)] = packet
        self._relay.plain(peer, len(packet), peer.seen_ns)
        self._relay.flush()

    async def stop(self) -> None:
        """End all camera processes."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
