"""The real server, started as an operator would, and real browsers, for journeys through the whole product."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.async_api import Playwright, async_playwright

from rehearsal.site import Site

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
"""Seconds any single step may take on a busy machine before the journey counts as stuck."""


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """A running ``yuanjian serve --demo`` with a data directory of its own."""

    data_dir: Path
    port: int = field(default_factory=lambda: free_port(socket.SOCK_STREAM))
    media_port: int = field(default_factory=lambda: free_port(socket.SOCK_DGRAM))
    extra: tuple[str, ...] = ("--demo",)
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.data_dir.parent / f"{self.data_dir.name}.log"

    def start(self) -> None:
        command = [sys.executable, "-m", "main", "serve", "--data-dir", str(self.data_dir)]
        command += ["--port", str(self.port), "--media-port", str(self.media_port), *self.extra]
        with self.log.open("ab") as log:
            # journeys bring what they need: a day of others' sessions would be in their way
            environment = {**os.environ, "YUANJIAN_DEMO_DAY": "false", **self.environment}
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=environment)

    def wait_ready(self) -> None:
        """Return when pages, relay and worker are up; fail with the log when the server ends instead."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()[-4000:]
            try:
                with urllib.request.urlopen(self.url + "/health/ready", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        pytest.fail("the server did not become ready:\n" + self.log.read_text()[-4000:])

    def pid(self, name: str) -> int:
        """Process id of ``web``, ``worker`` or ``media-0``."""
        return int((self.data_dir / "run" / f"{name}.pid").read_text())

    def kill(self, name: str) -> None:
        """Kill one of the processes as the kernel would, without warning."""
        os.kill(self.pid(name), signal.SIGKILL)

    def kill_recorder(self, relay: str) -> None:
        """Kill the recorder process of a relay."""
        for children in Path(f"/proc/{self.pid(relay)}/task").glob("*/children"):
            for child in children.read_text().split():
                if b"recordings.process" in Path(f"/proc/{child}/cmdline").read_bytes():
                    os.kill(int(child), signal.SIGKILL)

    def stop(self) -> int:
        """Stop in an orderly way and return the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A demo server for the journeys of one module."""
    running = Server(tmp_path_factory.mktemp("journey") / "data")
    running.start()
    running.wait_ready()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def token(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An operator's token of the running server."""
    file = tmp_path_factory.mktemp("token") / "token"
    yuanjian("token", "create", "--data-dir", str(server.data_dir), "--file", str(file))
    return file.read_text().strip()


@pytest.fixture
async def site(server: Server, token: str) -> AsyncIterator[Site]:
    async with Site(server.url, token) as opened:
        yield opened


@pytest.fixture
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as started:
        yield started


async def until(condition: object, what: str) -> None:
    """Wait until the callable ``condition`` is true, or fail naming ``what`` was waited for."""
    assert callable(condition)
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for: {what}"
        await asyncio.sleep(0.1)


def yuanjian(*arguments: str, environment: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run the command line to its end and return what it printed; a failure fails the test."""
    command = [sys.executable, "-m", "main", *arguments]
    variables = {**os.environ, **(environment or {})}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False, env=variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return done
