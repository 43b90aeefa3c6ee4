"""A server of our own for one rehearsal: started as an operator would, on free ports, in a fresh data directory."""

import asyncio
import contextlib
import os
import signal
import socket
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from core.errors import OperatorError

READY_SECONDS = 60.0
STOP_SECONDS = 30.0
LOG = "rehearsal-server.log"
"""In the data directory: what the server wrote. Also the mark of a directory that an earlier rehearsal kept."""


@dataclass(frozen=True, slots=True)
class OwnServer:
    """A running server: where it is, its data, and an operator's token (none for a demo site)."""

    url: str
    data_dir: Path
    token: str

    def begin_earlier(self, booking: str) -> None:
        """Move a booking of ours so that it has begun: windows begin on the next quarter, at night in the morning, and
        nobody waits."""
        now, quarter = time.time_ns() // 1000, 15 * 60 * 1_000_000
        with contextlib.closing(sqlite3.connect(self.data_dir / "yuanjian.sqlite3", timeout=10)) as database, database:
            database.execute(
                "UPDATE bookings SET starts = starts - moved, ends = ends - moved"
                " FROM (SELECT max(?, starts - ?) AS moved FROM bookings WHERE id = ?) WHERE id = ?",
                (quarter, now, booking, booking),
            )


@asynccontextmanager
async def own_server(command: Sequence[str], keep: Path | None, *, demo: bool = False) -> AsyncIterator[OwnServer]:
    """Run ``command serve …`` until the context is left; the data are kept in ``keep``, or not at all.

    ``demo``: with the demo site, whose accounts the sessions of real kinds need.

    Raises ``OperatorError`` when the server does not get ready, with the end of what it wrote.
    """
    with contextlib.ExitStack() as stack:
        if keep is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="yuanjian-", ignore_cleanup_errors=True))
            data_dir = Path(folder)
        else:
            data_dir = _kept(keep)
        port, media_port = _free_port(socket.SOCK_STREAM), _free_port(socket.SOCK_DGRAM)
        url = f"http://127.0.0.1:{port}"
        where = ["--data-dir", str(data_dir)]
        ports = ["--host", "127.0.0.1", "--port", str(port), "--media-port", str(media_port)]
        log = stack.enter_context((data_dir / LOG).open("ab"))
        process = await asyncio.create_subprocess_exec(
            *command,
            "serve",
            *where,
            *ports,
            *(["--demo"] if demo else []),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_environment(),
        )
        try:
            await _ready(url, process, data_dir / LOG)
            token = "" if demo else await _token(command, data_dir)
            yield OwnServer(url=url, data_dir=data_dir, token=token)
        finally:
            await _stop(process)


def read_token(path: Path) -> str:
    """Return the token in ``path``: one line. Raises ``OperatorError``."""
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path}: the token cannot be read: {type(error).__name__}") from None
    if not token or len(token.split()) != 1:
        raise OperatorError(f"{path}: one token on one line is expected")
    return token


def _kept(keep: Path) -> Path:
    """Make the directory to keep; one with anything in it but an earlier rehearsal is left alone."""
    try:
        keep.mkdir(parents=True, exist_ok=True, mode=0o700)
        if any(keep.iterdir()) and not (keep / LOG).exists():
            raise OperatorError(f"{keep}: is not empty; name a new directory")
    except OSError as error:
        raise OperatorError(f"{keep}: cannot be used: {error.strerror}") from None
    return keep.resolve()


def _environment() -> dict[str, str]:
    """Ours, without settings meant for the site's own server, and without the demo's day, in which people are busy."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("YUANJIAN_")}
    return {**kept, "YUANJIAN_DEMO_DAY": "false"}


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _ready(url: str, process: asyncio.subprocess.Process, log: Path) -> None:
    """Return when pages, relay and worker are up."""
    try:
        async with asyncio.timeout(READY_SECONDS), aiohttp.ClientSession() as http:
            while process.returncode is None:
                with contextlib.suppress(aiohttp.ClientError, OSError):
                    async with http.get(f"{url}/health/ready") as response:
                        if response.status == 200:
                            return
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise OperatorError(f"the server was not ready within {READY_SECONDS:.0f} s:\n{_tail(log)}") from None
    raise OperatorError(f"the server ended at once:\n{_tail(log)}")


async def _token(command: Sequence[str], data_dir: Path) -> str:
    """Have an operator's token made for the server's data directory."""
    file = data_dir / "rehearsal.token"
    process = await asyncio.create_subprocess_exec(
        *command,
        *("token", "create", "--data-dir", str(data_dir), "--file", str(file)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(),
    )
    _, words = await process.communicate()
    if process.returncode != 0:
        raise OperatorError(f"no operator's token could be made:\n{words.decode(errors='replace')[-2000:]}")
    try:
        return read_token(file)
    finally:
        file.unlink(missing_ok=True)


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Ask the server to stop; after ``STOP_SECONDS`` end it."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _tail(log: Path) -> str:
    with contextlib.suppress(OSError):
        return log.read_text(encoding="utf-8", errors="replace")[-3000:]
    return ""
