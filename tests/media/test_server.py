"""The door of the media process."""

import asyncio
import stat
from pathlib import Path
from typing import Any

from core.clock import SystemClock
from media import commands
from media.commands import COMMANDS, EVENTS
from media.config import MediaSettings
from media.server import serve
from tests.wire.peers import NOW, FakeRecorders


class Line:
    """A web process at the other end of the socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, path: Path) -> "Line":
        for _ in range(200):
            if path.exists():
                try:
                    return cls(*await asyncio.open_unix_connection(path))
                except ConnectionRefusedError:
                    pass
            await asyncio.sleep(0.01)
        raise AssertionError("no socket")

    def send(self, command: commands.Command) -> None:
        self.writer.write(COMMANDS.encode(command) + b"\n")

    async def next(self) -> Any:
        line = await asyncio.wait_for(self.reader.readline(), 5)
        return EVENTS.decode(line) if line else None


async def test_commands_go_in_and_events_come_out(tmp_path: Path) -> None:
    """Hello first, answers after; the socket is ours alone; at the end takes are ended, chains left open."""
    recorders, stop = FakeRecorders(), asyncio.Event()
    path = tmp_path / "run" / "media.sock"
    settings = MediaSettings(control_path=path, bind=("127.0.0.1",))
    running = asyncio.ensure_future(serve(settings, recorders, SystemClock(), stopping=stop))
    line = await Line.open(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    hello = await line.next()
    assert (hello.sessions, len(hello.boot)) == ((), 22)
    line.send(commands.OpenSession(session="s"))
    line.send(commands.Log(session="s", number=1, at=NOW, public={"what": "x"}, private={}))
    line.send(commands.Arm(session="s", recording="r", kind="k", policy="clear"))
    assert isinstance(await line.next(), commands.RecorderReady)
    line.send(commands.Measure(request="m"))
    measured = await line.next()
    assert "yuanjian_media_sessions 1" in measured.text
    stop.set()
    assert await line.next() is None
    await running
    assert recorders.made[0].suspended
    assert not path.exists()


async def test_what_is_no_command_closes_the_connection_only(tmp_path: Path) -> None:
    """A broken web process is cut off; its sessions stay and can be adopted."""
    stop = asyncio.Event()
    path = tmp_path / "media.sock"
    settings = MediaSettings(control_path=path, bind=("127.0.0.1",))
    running = asyncio.ensure_future(serve(settings, FakeRecorders(), SystemClock(), stopping=stop))
    line = await Line.open(path)
    first = await line.next()
    line.send(commands.OpenSession(session="s"))
    line.writer.write(b'{"type": "explode"}\n')
    assert await line.next() is None
    again = await (await Line.open(path)).next()
    assert again == commands.Hello(boot=first.boot, sessions=("s",))
    stop.set()
    await running
