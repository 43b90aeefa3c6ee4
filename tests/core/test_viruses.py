"""clamd over a socket: what it says, what it does not say, and when it is not there."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core import viruses
from core.errors import Unavailable
from core.viruses import Clamd

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""The harmless file every scanner knows, in two pieces so that this file is not it."""


class FakeClamd:
    """Speaks ``INSTREAM``, knows one virus, and can be told to say something else."""

    def __init__(self) -> None:
        self.said = b""
        self.asked = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One file per connection, as clamd does without a session."""
        self.asked += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            assert await reader.readexactly(10) == b"zINSTREAM\0"
            content = b""
            while length := struct.unpack("!L", await reader.readexactly(4))[0]:
                content += await reader.readexactly(length)
            found = b"stream: Eicar-Test-Signature FOUND\0" if EICAR in content else b"stream: OK\0"
            writer.write(self.said or found)
            await writer.drain()
        writer.close()


@pytest.fixture
async def clamd(tmp_path: Path) -> AsyncIterator[tuple[FakeClamd, Clamd]]:
    """A daemon at a Unix socket and who asks it."""
    fake, path = FakeClamd(), tmp_path / "clamd.ctl"
    server = await asyncio.start_unix_server(fake.serve, path)
    async with server:
        yield fake, Clamd(f"unix:{path}")


async def test_a_known_virus_is_named_and_a_clean_file_is_not(clamd: tuple[FakeClamd, Clamd]) -> None:
    """Across the border of two chunks too, and an empty file is clean."""
    _, scanner = clamd
    assert await scanner.scan(b"%PDF-1.7 a paper") is None
    assert await scanner.scan(b"") is None
    assert await scanner.scan(EICAR) == "Eicar-Test-Signature"
    assert await scanner.scan(b"x" * (viruses.CHUNK - 20) + EICAR + b"y" * viruses.CHUNK) == "Eicar-Test-Signature"


@pytest.mark.parametrize(
    "said",
    [
        b"INSTREAM size limit exceeded. ERROR\0",
        b"stream: OK",
        b"\0",
        b"stream: Can't allocate memory ERROR\0",
        b"x" * 2 * viruses.MOST_SAID + b"\0",
        b"\xff\xfe OK\0",
    ],
)
async def test_whatever_is_no_answer_is_not_taken_for_clean(clamd: tuple[FakeClamd, Clamd], said: bytes) -> None:
    """Errors, halves of words, floods and nonsense: nobody knows."""
    fake, scanner = clamd
    fake.said = said
    with pytest.raises(Unavailable):
        await scanner.scan(b"%PDF-1.7 a paper")


async def test_over_tcp_and_away() -> None:
    """A port that answers, and the same port when nobody listens any more."""
    server = await asyncio.start_server(FakeClamd().serve, "127.0.0.1", 0)
    scanner = Clamd(f"tcp:127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        assert await scanner.scan(EICAR) == "Eicar-Test-Signature"
    with pytest.raises(Unavailable):
        await scanner.scan(EICAR)


async def test_a_scanner_that_never_answers_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence ends with the patience."""
    monkeypatch.setattr(viruses, "PATIENCE", 0.05)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_unix_server(silent, tmp_path / "clamd.ctl"):
        with pytest.raises(Unavailable):
            await Clamd(f"unix:{tmp_path}/clamd.ctl").scan(b"x")


def test_without_an_address_there_is_no_scanner() -> None:
    """The default."""
    assert viruses.of("") is None
