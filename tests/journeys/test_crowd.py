"""A crowd at the doors of the whole product, and how soon those on the other side feel what one does or suffers."""

import asyncio
import itertools
import json
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from bench.lab import participant as wire
from rehearsal.participant import Participant
from rehearsal.site import Site
from tests.campaigns import campaign, rounds
from tests.journeys.conftest import Server
from tests.journeys.crew import persons

PLACES = 5
SESSIONS = rounds(4, 20)
WITHIN_S = rounds(1, 5)
SOUND_S = 0.02


class Talk:
    """A live session of two whose host speaks without a pause, packet by packet, to one who notes when they come."""

    def __init__(self, site: Site, session: str) -> None:
        self.site = site
        self.pace = SOUND_S
        self.host, self.other = (Participant(site, session, number) for number in (1, 2))
        self.heard: list[float] = []
        self.said: list[float] = []
        """When each packet was sent: the crowd comes from this process too, and makes the speaker pause."""
        self._voice, self._ear = wire.Participant(), wire.Participant()
        self._ear.on_rtp = lambda _packet: self.heard.append(time.monotonic())

    async def begin(self) -> None:
        """From the tickets to the first packet heard."""
        for one in (self.host, self.other):
            await one.join()
            await one.act("name_person", role="synthetic", name=f"演练 {one.number}")
        await self.host.until(lambda: len(persons(self.host.view)) == 2, "both being named")
        for person in persons(self.host.view):
            await self.host.act("confirm_person", present=person, how="known")
        await self.host.act("admit", endpoint=self.other.endpoint)
        await publish(self.host, self._voice)
        await publish(self.other, wire.Participant())
        await self.host.until(lambda: self.host.view["rights"]["start"] or self.host.state == "live", "the start")
        if self.host.state != "live":
            await self.host.act("start")
        await self.other.until(lambda: self.other.state == "live", "the session being live")
        url, bearer = f"{self.other.welcome['whep']}{self.host.endpoint}/camera", str(self.other.welcome["token"])
        await self._ear.connect((await self.site.exchange(url, bearer)(self._ear.offer("recvonly"))).sdp)
        self._speaking = asyncio.create_task(self._speak())
        await self.sound()

    async def sound(self) -> None:
        """Wait for a packet that is not here yet."""
        have = len(self.heard)
        async with asyncio.timeout(20):
            while len(self.heard) == have:
                await asyncio.sleep(0.002)

    async def _speak(self) -> None:
        due = time.monotonic()
        for index in itertools.count():
            self.said.append(time.monotonic())
            self._voice.send_rtp(self._voice.rtp("audio", index, index * 960, bytes(80)))
            due = max(due + self.pace, time.monotonic() - SOUND_S)
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def fall_silent(self) -> None:
        """Send nothing any more, without a word."""
        self._speaking.cancel()

    def shown(self) -> dict[str, Any]:
        """The host as the other sees it."""
        return next(each for each in self.other.view["endpoints"] if each["id"] == self.host.endpoint)

    async def close(self) -> None:
        self._speaking.cancel()
        self._voice.close()
        self._ear.close()
        await asyncio.gather(self.host.close(), self.other.close())


async def publish(one: Participant, media: wire.Participant) -> None:
    """Send as ``one`` through the product's door; returns when DTLS is up."""
    await one.until(lambda: bool(one.view["rights"]["publish"]), "the right to publish")
    exchange = one.site.exchange(f"{one.welcome['whip']}camera", str(one.welcome["token"]))
    await media.connect((await exchange(media.offer())).sdp)


async def rehearsal(site: Site, participants: int) -> str:
    return str((await site.post("api/rehearsals", {"participants": participants, "minutes": 30}))["session"])


@pytest.fixture
async def talk(site: Site) -> AsyncIterator[Talk]:
    made = Talk(site, await rehearsal(site, 2))
    await made.begin()
    yield made
    await made.close()


@campaign
async def test_f18_a_crowd_comes_in_and_who_talks_notices_nothing(server: Server, token: str, talk: Talk) -> None:
    """Good and bad tickets within five seconds: every good one is in and sends, no bad one is; the talk goes on."""
    async with AsyncExitStack() as doors:
        sites = [await doors.enter_async_context(Site(server.url, token)) for _ in range(SESSIONS)]
        sessions = [(site, await rehearsal(site, PLACES)) for site in sites]
        said, heard = len(talk.said), len(talk.heard)
        took = await crowd(talk, sessions)
    figures = {"p95_s": round(sorted(took)[int(len(took) * 0.95)], 2), "worst_s": round(max(took), 2)}
    gaps = {
        "audio_gap_ms": longest_ms(talk.heard[heard:]),
        "of_which_the_speaker_paused_ms": longest_ms(talk.said[said:]),
    }
    print(json.dumps({"crowd": 2 * len(took), **figures, **gaps}))
    assert len(took) == SESSIONS * PLACES
    assert talk.host.state == "live"
    assert figures["p95_s"] < 3 * 5
    assert gaps["audio_gap_ms"] - gaps["of_which_the_speaker_paused_ms"] < 3 * 200


def longest_ms(instants: list[float]) -> int:
    return round(max(after - before for before, after in itertools.pairwise(instants)) * 1000)


async def crowd(talk: Talk, sessions: list[tuple[Site, str]]) -> list[float]:
    """Seconds that each honest one took from asking for a ticket to sending."""
    took: list[float] = []
    inside: list[Any] = []

    async def honest(site: Site, session: str, number: int) -> None:
        begun = time.monotonic()
        one, media = Participant(site, session, number), wire.Participant()
        inside.extend((one, media))
        await one.join()
        await publish(one, media)
        took.append(time.monotonic() - begun)

    async def forger(site: Site, session: str) -> None:
        socket = await site.socket(f"/live/{session}/socket")
        await socket.send_json({"type": "hello", "version": 1, "ticket": secrets.token_urlsafe(24)})
        assert (await socket.receive_json())["type"] == "refused"
        await socket.close()

    async def later(seconds: float, act: Awaitable[None]) -> None:
        await asyncio.sleep(seconds)
        await act

    joins = [honest(*session, number) for session in sessions for number in range(1, PLACES + 1)]
    forged = [forger(*session) for session in sessions for _ in range(PLACES)]
    every = WITHIN_S / (len(joins) + len(forged))
    acts = [act for pair in zip(joins, forged, strict=True) for act in pair]
    await asyncio.gather(*(later(every * index, act) for index, act in enumerate(acts)))
    await talk.sound()
    for one in inside:
        closing = one.close()
        if closing is not None:
            await closing
    return took


Act = Callable[[Talk], Awaitable[None]]


async def mute(talk: Talk) -> None:
    await talk.host.act("device", kind="audio", state="off")


async def hold(talk: Talk) -> None:
    await talk.host.act("hold", reason="休息")


async def eject(talk: Talk) -> None:
    await talk.host.act("eject", endpoint=talk.other.endpoint, reason="disturbance")


async def end(talk: Talk) -> None:
    await talk.host.act("end", reason="over")


@pytest.mark.parametrize("act", [mute, hold, eject, end], ids=lambda act: act.__name__)
async def test_an_act_is_felt_at_once(talk: Talk, act: Act) -> None:
    """From the WebSocket message of the host to the last packet that somebody hears: printed, goal 100 ms."""
    talk.pace = 0.002
    await talk.sound()
    asked = time.monotonic()
    await act(talk)
    await asyncio.sleep(0.6)
    last = talk.heard[-1]
    print(json.dumps({"act": act.__name__, "last_heard_after_ms": round(max(0.0, last - asked) * 1000, 1)}))
    assert last - asked < 0.3
    assert not [error for error in talk.host.refusals if error]


def logged(server: Server, session: str) -> list[str]:
    """Words of the session's log, as the database has them."""
    with sqlite3.connect(server.data_dir / "yuanjian.sqlite3", timeout=10) as database:
        return [row[0] for row in database.execute("SELECT type FROM session_events WHERE session = ?", (session,))]


async def test_f31_the_other_side_and_the_log_have_it_at_once(server: Server, talk: Talk) -> None:
    """A pulled microphone, another camera, a page in the background, a silence without a word: how soon, printed."""
    took: dict[str, int] = {}

    async def shown(what: str, condition: Callable[[], bool]) -> None:
        begun = time.monotonic()
        await talk.other.until(condition, what)
        took[what] = round((time.monotonic() - begun) * 1000)

    await talk.host.act("device", kind="audio", state="lost")
    await shown("microphone pulled", lambda: talk.shown()["audio"] == "lost")
    await talk.host.act("device", kind="audio", state="on")
    await talk.host.act("device", kind="video", state="on", changed=True)
    await talk.host.act("page", hidden=True)
    await shown("page in the background", lambda: bool(talk.shown()["hidden"]))
    await talk.other.until(lambda: talk.shown()["audio"] == "on", "the microphone being back")
    talk.fall_silent()
    await shown("silence", lambda: talk.shown()["audio"] == "lost")
    print(json.dumps({"shown_to_the_other_after_ms": took}))
    wanted = {"device", "camera-changed", "page-hidden", "track"}
    async with asyncio.timeout(5):
        while not wanted <= set(logged(server, talk.host.session)):
            await asyncio.sleep(0.05)
