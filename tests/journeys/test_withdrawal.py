"""Whoever loses the right to be there is out of a live session and of a running download within two seconds (F26):
the whole product, asked through its pages; how soon is printed."""

import asyncio
import itertools
import json
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from typing import Any

import pytest
from yarl import URL

from bench.lab import participant as wire
from core.errors import PeerError
from people.withdrawal import WITHIN
from rehearsal.conduct import host_moves
from rehearsal.kinds import casting
from rehearsal.participant import Participant
from rehearsal.server import OwnServer
from rehearsal.site import Site
from rehearsal.troupe import Troupe
from tests.journeys.conftest import PATIENCE, Server
from tests.journeys.test_crowd import publish
from tests.journeys.test_tickets import signed_in

SLACK = 3
"""Times more on a machine that has other things to do."""
OPUS_5_MS = 0xE8
"""First byte of an Opus packet of 5 ms (RFC 6716 section 3.1)."""
PACE_S = 0.005
RECORDED_S = 6.0


class Call:
    """A live session of two; both speak without a pause, packet by packet, and note when they hear one."""

    def __init__(self, troupe: Troupe) -> None:
        self.troupe = troupe
        self.host, self.other = troupe.everybody
        self._media: list[wire.Participant] = []
        self._speaking: list[asyncio.Task[None]] = []
        self.heard: dict[int, list[float]] = {1: [], 2: []}
        """By the number of whoever hears."""

    async def begin(self) -> None:
        """From the tickets to the first packet heard at both ends."""
        for one in (self.host, self.other):
            await one.join()
            await self.troupe.name(one)
        conducting = asyncio.create_task(self._conduct())
        voices = [await self._publishing(one) for one in (self.host, self.other)]
        for one in (self.host, self.other):
            await one.until(lambda one=one: one.state == "live", "the session being live")  # type: ignore[misc]
        conducting.cancel()
        self._speaking = [asyncio.create_task(speak(voice)) for voice in voices]
        await self._listen(self.host, self.other)
        await self._listen(self.other, self.host)
        async with asyncio.timeout(PATIENCE):
            while not all(self.heard.values()):
                await asyncio.sleep(0.01)

    async def _conduct(self) -> None:
        """The host lets in, confirms and starts, where a host does."""
        while self.troupe.hosted:
            for move in host_moves(self.host.view, 2):
                await self.host.act(move["type"], **{name: value for name, value in move.items() if name != "type"})
            await asyncio.sleep(0.2)

    async def _publishing(self, one: Participant) -> wire.Participant:
        media = wire.Participant()
        self._media.append(media)
        await publish(one, media)
        return media

    async def _listen(self, one: Participant, source: Participant) -> None:
        ear, heard = wire.Participant(), self.heard[one.number]
        self._media.append(ear)
        ear.on_rtp = lambda _packet: heard.append(time.monotonic())
        url, bearer = f"{one.welcome['whep']}{source.endpoint}/camera", str(one.welcome["token"])
        await one.until(lambda: "camera" in publications(one, source), "the other's publication")
        await ear.connect((await one.site.exchange(url, bearer)(ear.offer("recvonly"))).sdp)

    async def close(self) -> None:
        for task in self._speaking:
            task.cancel()
        for media in self._media:
            media.close()
        await asyncio.gather(self.host.close(), self.other.close())


def publications(one: Participant, source: Participant) -> list[str]:
    return next(list(each["publications"]) for each in one.view["endpoints"] if each["id"] == source.endpoint)


async def speak(voice: wire.Participant) -> None:
    """Sound that is large, so that a few seconds of it are more than the buffers of a download hold."""
    due = time.monotonic()
    for index in itertools.count():
        packet = bytes([OPUS_5_MS]) + bytes((index + byte) % 256 for byte in range(1_000))
        voice.send_rtp(voice.rtp("audio", index, index * 240, packet))
        due = max(due + PACE_S, time.monotonic() - 0.02)
        await asyncio.sleep(max(0.0, due - time.monotonic()))


@asynccontextmanager
async def call(server: Server, kind: str) -> AsyncIterator[Call]:
    async with AsyncExitStack() as stack:
        made = Call(await cast(stack, server, kind))
        try:
            await made.begin()
            yield made
        finally:
            await made.close()


async def cast(stack: AsyncExitStack, server: Server, kind: str) -> Troupe:
    """Gather a troupe, as soon as the end of the session before has set its officers free."""
    while True:
        try:
            return await stack.enter_async_context(casting(kind, OwnServer(server.url, server.data_dir, ""))())
        except PeerError as error:
            if error.code != "http-409":
                raise
            await asyncio.sleep(2)  # each try signs in anew, and sign-ins are counted


@asynccontextmanager
async def browser(server: Server, login: str) -> AsyncIterator[Site]:
    async with Site(server.url) as site:
        await signed_in(site, login)
        yield site


async def press(site: Site, page: str, act: Callable[[str], bool]) -> None:
    """Send the first form of a page whose address is wanted."""
    form = next(form for form in (await site.show(page)).forms() if act(form.action))
    await site.send(form)


async def cut(of: str, talk: Call, one: Participant, withdraw: Any) -> None:
    """Withdraw, and print after how many seconds the WebSocket was closed, and the last packet came at either end."""
    began = time.monotonic()
    await withdraw
    async with asyncio.timeout(PATIENCE):
        while not one._gone:
            await asyncio.sleep(0.005)
    closed = time.monotonic() - began
    await asyncio.sleep(1.0)
    told = {"socket_s": closed, **{f"heard_{n}_s": times[-1] - began for n, times in talk.heard.items()}}
    print(json.dumps({"withdrawn": of, **{name: round(seconds, 2) for name, seconds in told.items()}}))
    assert one.refusals[-1]["code"] == "withdrawn"
    assert max(told.values()) <= SLACK * WITHIN
    before = {number: len(times) for number, times in talk.heard.items()}
    await asyncio.sleep(0.5)
    assert {number: len(times) for number, times in talk.heard.items()} == before, "not one packet more, either way"


def person(server: Server, login: str) -> str:
    with closing(sqlite3.connect(server.data_dir / "yuanjian.sqlite3", timeout=10)) as file:
        return str(file.execute("SELECT person FROM accounts WHERE login = ?", (login,)).fetchone()[0])


async def test_a_revoked_terminal(server: Server) -> None:
    """The duty post puts it out of use while a visit is on."""
    async with call(server, "visit") as talk, browser(server, "duty") as duty:
        await cut("terminal", talk, talk.other, press(duty, "terminals", lambda to: to.endswith("/revoke")))


async def test_a_revoked_invitation(server: Server) -> None:
    """The officer takes it back while the witness speaks."""
    async with call(server, "statement") as talk:
        page = f"bookings/{talk.host.session}/invitations"
        await cut("invitation", talk, talk.other, press(talk.host.site, page, lambda to: to.endswith("/revoke")))
        await finish(talk.host)


@pytest.mark.parametrize("act", ["end", "suspend"])
async def test_an_account(server: Server, act: str) -> None:
    """An administrator signs an officer out everywhere, or suspends the account, in a session that is live. With the
    next sign-in the officer is its host again."""
    async with call(server, "statement") as talk, browser(server, "admin") as admin:
        page = f"people/{person(server, 'officer')}"
        await cut(act, talk, talk.host, press(admin, page, lambda to: to.endswith(f"/{act}")))
        if act == "suspend":
            await press(admin, page, lambda to: to.endswith("/restore"))
        async with browser(server, "officer") as officer:
            again = Participant(officer, talk.host.session, 1, {})
            await again.join()
            await finish(again)
            await again.close()


async def finish(host: Participant) -> None:
    await host.act("end", reason="over")
    await host.until(lambda: host.ended is not None, "the end")


@pytest.mark.parametrize("act", ["end", "suspend"])
async def test_a_running_download(server: Server, recorded: str, act: str) -> None:
    """A reviewer reads slowly; whoever is signed out everywhere or suspended reads no more, with most still to come."""
    async with browser(server, "reviewer") as reviewer, browser(server, "admin") as admin:
        page = f"people/{person(server, 'reviewer')}"
        cookies = reviewer._session.cookie_jar.filter_cookies(URL(server.url))
        with closing(
            Download(server, recorded, "; ".join(f"{each.key}={each.value}" for each in cookies.values()))
        ) as got:
            await got.begin()
            began = time.monotonic()
            await press(admin, page, lambda to: to.endswith(f"/{act}"))
            await got.to_the_end()
            seconds = time.monotonic() - began
        if act == "suspend":
            await press(admin, page, lambda to: to.endswith("/restore"))
    print(json.dumps({"withdrawn": act, "download_s": round(seconds, 2), "read": got.read, "of": got.length}))
    assert got.read < got.length
    assert seconds <= SLACK * WITHIN


@pytest.fixture(scope="module")
def recorded(server: Server) -> str:
    """The address of a file of a finished recording that a reviewer may read."""

    async def make() -> str:
        async with call(server, "statement") as talk:
            await asyncio.sleep(RECORDED_S)
            await finish(talk.host)
            async with asyncio.timeout(2 * PATIENCE):
                while not (files := (await talk.troupe.record())["files"]):
                    await asyncio.sleep(0.5)
            return str(files[0]["url"])

    return asyncio.run(make())


class Download:
    """A reader with small buffers, which takes a little at a time."""

    def __init__(self, server: Server, path: str, cookie: str) -> None:
        self._server, self._path, self._cookie = server, path, cookie
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.setblocking(False)
        self.read = self.length = 0

    async def begin(self) -> None:
        """Ask, and read the first bytes."""
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self._socket, ("127.0.0.1", self._server.port))
        asked = f"GET {self._path} HTTP/1.1\r\nHost: 127.0.0.1:{self._server.port}\r\nCookie: {self._cookie}\r\n\r\n"
        await loop.sock_sendall(self._socket, asked.encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += await loop.sock_recv(self._socket, 1024)
        assert head.startswith(b"HTTP/1.1 200"), head
        self.length = int(head.lower().partition(b"content-length:")[2].split()[0])

    async def to_the_end(self) -> None:
        """Read on until the connection is cut."""
        loop = asyncio.get_running_loop()
        with suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE):
                while self.read < self.length and (piece := await loop.sock_recv(self._socket, 1024)):
                    self.read += len(piece)
                    await asyncio.sleep(0.02)

    def close(self) -> None:
        self._socket.close()
