"""The link to a media process over its socket: requests, events, and coming back."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import Unavailable
from media import commands
from signaling import link as links
from signaling.link import MediaLink


class Media:
    """The other end: a socket that says hello and keeps what it reads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.read: list[Any] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.mute = False

    async def open(self, boot: str) -> None:
        self.boot = boot
        self.server = await asyncio.start_unix_server(self._accept, self.path)

    async def kill(self) -> None:
        self.server.close()
        for writer in self.writers:
            writer.transport.abort()
        self.path.unlink(missing_ok=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        self.say(commands.Hello(boot=self.boot, sessions=("s",)))
        while line := await reader.readline():
            command = commands.COMMANDS.decode(line)
            self.read.append(command)
            if isinstance(command, commands.Measure) and not self.mute:
                self.say(commands.Measured(request=command.request, text="x 1\n"))

    def say(self, event: commands.Event) -> None:
        self.writers[-1].write(commands.EVENTS.encode(event) + b"\n")


class Ends:
    """What the link told, and waiting for it."""

    def __init__(self, path: Path) -> None:
        self.told: list[Any] = []
        self.link = MediaLink(
            0,
            path,
            on_up=lambda _, hello: self.told.append(hello),
            on_down=lambda _: self.told.append("down"),
            on_event=lambda _, event: self.told.append(event),
        )

    async def until(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.told) < count:
                await asyncio.sleep(0.005)


@pytest.fixture
async def ends(tmp_path: Path) -> AsyncIterator[tuple[Media, Ends]]:
    media, end = Media(tmp_path / "m.sock"), Ends(tmp_path / "m.sock")
    task = asyncio.create_task(end.link.run())
    yield media, end
    task.cancel()
    await media.kill()


async def test_it_waits_for_the_media_process_and_comes_back_to_a_new_one(ends: tuple[Media, Ends]) -> None:
    """Up with the first boot, down when it dies, up with the second."""
    media, end = ends
    assert not end.link.up
    assert not end.link.send(commands.Forward(session="s", on=True))
    await media.open("one")
    await end.until(1)
    await media.kill()
    await end.until(2)
    assert not end.link.up
    await media.open("two")
    await end.until(3)
    assert [getattr(t, "boot", t) for t in end.told] == ["one", "down", "two"]


async def test_commands_and_events_cross(ends: tuple[Media, Ends]) -> None:
    """What is sent is read; what is said is told; an answer goes to its request."""
    media, end = ends
    await media.open("one")
    await end.until(1)
    assert end.link.send(commands.Forward(session="s", on=True))
    reply = await end.link.request(lambda request: commands.Measure(request=request))
    assert isinstance(reply, commands.Measured)
    assert media.read[0] == commands.Forward(session="s", on=True)
    media.say(commands.RecorderFailed(session="s", recording="r", code="disk-full"))
    await end.until(2)
    assert end.told[1] == commands.RecorderFailed(session="s", recording="r", code="disk-full")


async def test_a_request_without_an_answer_ends(ends: tuple[Media, Ends], monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience is bounded; a death ends what waits at once."""
    media, end = ends
    monkeypatch.setattr(links, "PATIENCE", 0.05)
    await media.open("one")
    await end.until(1)
    media.mute = True
    with pytest.raises(Unavailable, match="media-slow"):
        await end.link.request(lambda request: commands.Measure(request=request))
    monkeypatch.setattr(links, "PATIENCE", 30)
    asyncio.get_running_loop().call_later(0.05, lambda: [w.transport.abort() for w in media.writers])
    with pytest.raises(Unavailable, match="media-away"):
        await end.link.request(lambda request: commands.Measure(request=request))


async def test_a_line_that_is_no_event_breaks_only_the_connection(ends: tuple[Media, Ends]) -> None:
    """It is dropped and made anew."""
    media, end = ends
    await media.open("one")
    await end.until(1)
    media.writers[-1].write(b"nonsense\n")
    await end.until(3)
    assert [getattr(t, "boot", t) for t in end.told] == ["one", "down", "one"]
