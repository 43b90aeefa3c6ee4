"""The port of a virus scanner, and its one carrier: clamd (ClamAV), asked over a socket for what was handed in.

``INSTREAM`` as ``clamd(8)`` describes it: the content in chunks, each after its length, ended by a length of nought.
"""

import asyncio
import struct
from typing import Protocol

from core.errors import Unavailable

CHUNK = 64 * 1024
PATIENCE = 60.0
"""Seconds for one file; clamd itself gives up earlier."""
MOST_SAID = 4096


class Scanner(Protocol):
    """Looks through a file for what is known to be malicious."""

    async def scan(self, content: bytes) -> str | None:
        """The name of what was found, or ``None``. Raises ``Unavailable`` when the scanner gave no clear answer."""
        ...


class Clamd:
    """At ``unix:/run/clamav/clamd.ctl`` or ``tcp:host:port``; ``core.config`` has looked at the address."""

    def __init__(self, address: str) -> None:
        self._kind, _, self._where = address.partition(":")

    async def scan(self, content: bytes) -> str | None:
        """Send ``content``; whatever is not said to be clean or to hold something is no answer."""
        try:
            async with asyncio.timeout(PATIENCE):
                said = await self._ask(content)
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            raise _away() from None
        if said == "stream: OK":
            return None
        if said.startswith("stream: ") and said.endswith(" FOUND"):
            return said.removeprefix("stream: ").removesuffix(" FOUND")
        raise _away()

    async def _ask(self, content: bytes) -> str:
        reader, writer = await self._open()
        try:
            writer.write(b"zINSTREAM\0")
            for at in range(0, len(content), CHUNK):
                part = content[at : at + CHUNK]
                writer.write(struct.pack("!L", len(part)) + part)
                await writer.drain()
            writer.write(struct.pack("!L", 0))
            await writer.drain()
            return (await reader.readuntil(b"\0"))[:-1].decode("utf-8", "replace").strip()
        finally:
            writer.close()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._kind == "unix":
            return await asyncio.open_unix_connection(self._where, limit=MOST_SAID)
        host, _, port = self._where.rpartition(":")
        return await asyncio.open_connection(host.strip("[]"), int(port), limit=MOST_SAID)


def of(address: str) -> Scanner | None:
    """The scanner a site has configured; an empty address: none."""
    return Clamd(address) if address else None


def _away() -> Unavailable:
    return Unavailable("scanner-away", "Files cannot be checked for viruses at the moment. Please try again later.")
