"""Faults of docs/FAULTS.md as those in a session meet them: cut lines, rejoining, crowds, devices that stop."""

import asyncio
import json
import secrets
import time

import pytest

from media import commands
from signaling import messages
from tests.campaigns import campaign, rounds
from tests.signaling.acts import a_rehearsal, a_statement, live_interrogation, live_visit
from tests.signaling.test_hub import log
from tests.signaling.test_whip import publish
from tests.signaling.world import Peer, World

SESSIONS = rounds(5, 20)
PLACES = 5


def state_of(view: dict, endpoint: str) -> dict:
    return next(each for each in view["endpoints"] if each["id"] == endpoint)


@pytest.mark.parametrize("seconds", [5, 30, 120])
async def test_f7_who_was_cut_off_is_no_ghost_and_comes_back_as_the_same(world: World, seconds: int) -> None:
    """After 5, 30 and 120 s the same endpoint with the same persons; away for the others meanwhile, never there."""
    session, host, room = await live_interrogation(world)
    me = room.welcome["endpoint"]
    before = state_of(host.of("view")[-1], me)["persons"]
    await room.ws.close()
    for _ in range(seconds):
        world.advance(1)
        await asyncio.sleep(0)
    away = await host.until(lambda m: m["type"] == "view" and state_of(m, me)["state"] == "away")
    assert away["number"] > 0
    back = await world.come_back(session, room.welcome["resume"])
    view = await back.a("view")
    assert view["you"] == me
    assert state_of(view, me)["persons"] == before
    assert state_of(view, me)["state"] == "admitted"
    assert len(view["endpoints"]) == len(host.of("view")[-1]["endpoints"])
    assert len(world.live(session).session.presence.endpoints) == 2


async def test_f8_one_live_stream_per_person_whatever_is_opened(world: World) -> None:
    """Twenty reloads, a second tab and a second device: the newest has the place, the others are told and closed."""
    session = await a_statement(world)
    officer = await world.account("officer")
    peer = await world.join(officer, session)
    me = peer.welcome["endpoint"]
    for _ in range(20):
        peer = await world.come_back(session, peer.welcome["resume"])
        await peer.a("view")
        await publish(world, peer)
    tab = await world.join(officer, session)
    assert await peer.closed() == 4000
    device = await world.join(await world.account("officer"), session)
    assert await tab.closed() == 4000
    assert {peer.welcome["endpoint"], tab.welcome["endpoint"], device.welcome["endpoint"]} == {me}
    published = world.link.commands_of(commands.Publish)
    assert {(each.endpoint, each.publication) for each in published} == {(me, "camera")}
    assert world.hub.health().connections == 1


async def test_f8_a_reused_ticket_opens_nothing_and_disturbs_nobody(world: World) -> None:
    """The second use is refused in words; who came by the first use stays."""
    session = await a_statement(world)
    ticket = (await world.ticket(await world.account("officer"), session))["ticket"]
    first, second = await world.socket(session), await world.socket(session)
    await first.say(messages.Hello(version=1, ticket=ticket))
    await first.a("view")
    await second.say(messages.Hello(version=1, ticket=ticket))
    assert (await second.a("refused"))["text"]
    await first.say(messages.Ping())
    await first.a("pong")


@campaign
async def test_f18_a_crowd_with_bad_tickets_keeps_nobody_out(world: World) -> None:
    """Good and bad tickets at once: every good one is in, every bad one is refused, and a live session goes on."""
    session, host, _ = await live_interrogation(world)
    rooms = [await a_rehearsal(world, PLACES) for _ in range(SESSIONS)]
    took: list[float] = []

    async def honest(where: str, token: str, number: int) -> None:
        begun = time.monotonic()
        await world.join(token, where, number)
        took.append(time.monotonic() - begun)

    async def forger(where: str) -> None:
        peer = await world.socket(where)
        await peer.say(messages.Hello(version=1, ticket=secrets.token_urlsafe(24)))
        assert (await peer.a("refused"))["code"]
        assert await peer.closed() is not None

    async def talk() -> None:
        for _ in range(5):
            await host.say(messages.Ping())
            await host.a("pong")
            await asyncio.sleep(0.1)

    joins = [honest(where, token, number) for where, token in rooms for number in range(1, PLACES + 1)]
    await asyncio.gather(talk(), *joins, *(forger(where) for where, _ in rooms for _ in range(PLACES)))
    print(json.dumps({"joins": len(took), "p95_s": round(sorted(took)[int(len(took) * 0.95)], 3)}))
    assert len(took) == SESSIONS * PLACES
    assert world.live(session).session.state.value == "live"


@pytest.mark.parametrize(("kind", "said"), [("audio", "lost"), ("video", "lost")])
async def test_f31_a_pulled_device_is_shown_on_both_sides_and_in_the_log(world: World, kind: str, said: str) -> None:
    """What the browser says of a device that is gone stands in the views of both and in the log, with the instant."""
    session, host, room = await live_interrogation(world)
    me = room.welcome["endpoint"]
    await room.say(messages.Device(kind=kind, state=said))
    await both(host, room, me, kind, "lost")
    await room.say(messages.Device(kind=kind, state="on"))
    await both(host, room, me, kind, "on")
    told = [(e["kind"], e["state"]) for e in await log(world, session) if e["event"] == "device"]
    assert told == [(kind, "lost"), (kind, "on")]


@pytest.mark.parametrize("kind", ["audio", "video"])
async def test_f31_a_tab_in_the_background_or_a_phone_call_is_seen_by_the_relay(world: World, kind: str) -> None:
    """A page that says nothing and sends nothing: the relay tells after two seconds, both see it, the log has it."""
    session, host, room = await live_interrogation(world)
    me = room.welcome["endpoint"]
    fact = {"session": session, "endpoint": me, "publication": "camera", "kind": kind}
    world.link.emit(commands.TrackSilent(**fact, silent=True))
    await both(host, room, me, kind, "lost")
    world.link.emit(commands.TrackSilent(**fact, silent=False))
    await both(host, room, me, kind, "on")
    told = [(e["kind"], e["silent"]) for e in await log(world, session) if e["event"] == "track"]
    assert told == [(kind, True), (kind, False)]


async def both(host: Peer, room: Peer, endpoint: str, kind: str, state: str) -> None:
    """Wait until both sides are shown it."""
    for peer in (host, room):
        await peer.until(lambda m: m["type"] == "view" and state_of(m, endpoint)[kind] == state)


@pytest.mark.parametrize(("kind", "word"), [("audio", "microphone-changed"), ("video", "camera-changed")])
async def test_f31_another_device_is_told_to_both_sides_and_in_the_log(world: World, kind: str, word: str) -> None:
    """Each is told in their words that another device is in use; the log has it once."""
    session, host, room = await live_interrogation(world)
    await room.say(messages.Device(kind=kind, state="on", changed=True))
    for peer in (host, room):
        assert (await peer.a("notice", code=word))["text"]
    await room.say(messages.Device(kind=kind, state="on"))
    await room.say(messages.Ping())
    await room.a("pong")
    entries = [e for e in await log(world, session) if e["event"] == word]
    assert [e["endpoint"] for e in entries] == [room.welcome["endpoint"]]


async def test_f31_a_page_in_the_background_is_shown_and_in_the_log(world: World) -> None:
    """Whose page nobody looks at is shown to both sides, and its return; the log has both."""
    session, host, room = await live_interrogation(world)
    me = room.welcome["endpoint"]
    for hidden in (True, True, False):
        await room.say(messages.Page(hidden=hidden))
        for peer in (host, room):
            await peer.until(lambda m, hidden=hidden: m["type"] == "view" and state_of(m, me)["hidden"] is hidden)
    told = [e["event"] for e in await log(world, session) if e["event"].startswith("page-")]
    assert told == ["page-hidden", "page-shown"]


async def test_f31_where_a_page_is_looked_at_in_a_visit_is_written_nowhere(world: World) -> None:
    """The other side sees it; the log, which police may read, does not have it."""
    session, lawyer, room = await live_visit(world)
    await lawyer.say(messages.Page(hidden=True))
    me = lawyer.welcome["endpoint"]
    await room.until(lambda m: m["type"] == "view" and state_of(m, me)["hidden"])
    assert not [e for e in await log(world, session) if e["event"].startswith("page-")]
