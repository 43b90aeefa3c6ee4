"""A thousand idle sockets and readers that take nothing cost a bounded amount of memory, and nobody else's session."""

import asyncio
import gc
import json
import time
import tracemalloc

import aiohttp
import pytest

from signaling import messages, sockets
from signaling.connection import Close
from tests.campaigns import campaign, rounds
from tests.signaling.acts import a_rehearsal, a_statement, live_rehearsal
from tests.signaling.world import World

IDLE = rounds(80, 1_000)
TOGETHER = 50
"""Sockets opened at once, as many as a listening socket lets wait."""


@campaign
async def test_idle_sockets_are_cheap_and_do_no_harm(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """F17: each keeps less than 100 kB while it waits for its hello; a session begins meanwhile."""
    session = await a_statement(world)
    monkeypatch.setattr(sockets, "HELLO_WITHIN", 600.0)
    url = world.client.make_url(f"/live/{session}/socket")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        first = [await http.ws_connect(url) for _ in range(5)]  # what the first ones make once is not counted
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        idle: list[aiohttp.ClientWebSocketResponse] = []
        while len(idle) < IDLE:
            idle += await asyncio.gather(*(http.ws_connect(url) for _ in range(TOGETHER)))
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        lags: list[float] = []
        watching = asyncio.ensure_future(watch(lags))
        officer = await world.join(await world.account("officer"), session)
        assert officer.welcome["endpoint"]
        await asyncio.sleep(2)
        watching.cancel()
        figures = {"kb_each": round(grown / len(idle) / 1000, 1), "loop_lag_p99_ms": round(percentile(lags), 1)}
        print(json.dumps({"idle": len(idle), **figures}))
        assert grown / len(idle) < 100_000  # the client's half included
        assert not any(peer.closed for peer in idle)
        await asyncio.gather(*(peer.close() for peer in [*first, *idle]))
    await officer.say(messages.Ping())
    await officer.a("pong")


async def watch(lags: list[float]) -> None:
    """Note how late a timer of 5 ms is, in milliseconds."""
    while True:
        begun = time.monotonic()
        await asyncio.sleep(0.005)
        lags.append((time.monotonic() - begun - 0.005) * 1000)


def percentile(lags: list[float]) -> float:
    return sorted(lags)[int(len(lags) * 0.99)]


async def test_a_reader_that_takes_nothing_is_cut_and_the_others_go_on(world: World) -> None:
    """F17: its outbox does not grow without end; it is closed as too slow, the other endpoint still hears."""
    session, token = await a_rehearsal(world)
    host, other = await live_rehearsal(world, session, token)
    live = world.live(session)
    place = next(p for p in live.places if p.endpoint == other.welcome["endpoint"])
    assert place.connection is not None
    for number in range(5000):
        if place.connection.closing is not None:
            break
        place.connection.offer(messages.Pong(now=world.clock.now()))
        assert number < 4999, "an outbox without a bound"
    assert await other.closed() == Close.TOO_SLOW
    await host.say(messages.Ping())
    await host.a("pong")
