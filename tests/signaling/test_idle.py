"""A thousand idle sockets and readers that take nothing cost a bounded amount of memory, and nobody else's session."""

import asyncio
import tracemalloc

import pytest

from signaling import messages, sockets
from signaling.connection import Close
from tests.signaling.acts import a_rehearsal, a_statement, live_rehearsal
from tests.signaling.world import World

IDLE = 80
"""A slice of the thousand, as many as the client's pool allows; the bound is per socket."""


async def test_idle_sockets_are_cheap_and_do_no_harm(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """F17: each keeps less than 100 kB while it waits for its hello; a session begins meanwhile."""
    session = await a_statement(world)
    monkeypatch.setattr(sockets, "HELLO_WITHIN", 60.0)
    first = [await world.socket(session) for _ in range(5)]  # what the first ones make once is not counted
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    idle = [await world.socket(session) for _ in range(IDLE)]
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown / IDLE < 100_000  # the client's half included
    officer = await world.join(await world.account("officer"), session)
    assert officer.welcome["endpoint"]
    await asyncio.gather(*(peer.ws.close() for peer in [*first, *idle]))
    await officer.say(messages.Ping())
    await officer.a("pong")


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
