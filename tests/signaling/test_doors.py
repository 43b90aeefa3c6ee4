"""The doors: tickets, the first message, one live connection per endpoint, hostile peers."""

import asyncio
import json

import pytest

from media import commands
from signaling import messages
from tests.signaling.acts import a_rehearsal, a_statement, a_visit, live_rehearsal
from tests.signaling.world import World


async def test_a_ticket_opens_one_connection(world: World) -> None:
    """The welcome brings secrets and addresses, the view the session as the host sees it."""
    session = await a_statement(world)
    peer = await world.join(await world.account("officer"), session)
    view = peer.of("view")[-1]
    assert (view["state"], view["rights"]["host"], view["you"]) == ("waiting", True, peer.welcome["endpoint"])
    assert view["endpoints"][0]["persons"][0]["confirmed"]
    assert (peer.welcome["whip"], peer.welcome["whep"]) == (f"/whip/{session}/", f"/whep/{session}/")


async def test_the_language_of_the_page_is_spoken(world: World) -> None:
    """A visitor who reads English is told in English, whatever the account's language; nonsense changes nothing."""
    session = await a_statement(world)
    await world.account("officer")
    for asked, title in (("en", "Witness statement"), ("", "询问"), ("../x", "询问")):
        peer = await world.socket(session)
        ticket = (await world.ticket("officer", session))["ticket"]
        await peer.say(messages.Hello(version=1, ticket=ticket, locale=asked))
        view = await peer.a("view")
        assert view["title"].startswith(title), view["title"]


async def test_a_ticket_works_once(world: World) -> None:
    """A reused ticket is refused in words and with a code."""
    session = await a_statement(world)
    ticket = (await world.ticket(await world.account("officer"), session))["ticket"]
    for code in (None, 4403):
        peer = await world.socket(session)
        await peer.say(messages.Hello(version=1, ticket=ticket))
        if code is None:
            await peer.a("welcome")
        else:
            assert await peer.closed() == code
            assert peer.of("refused")[0]["code"] == "ticket-used"


async def test_an_expired_ticket_is_refused(world: World) -> None:
    """After half a minute a ticket is worth nothing."""
    session = await a_statement(world)
    ticket = (await world.ticket(await world.account("officer"), session))["ticket"]
    world.clock.advance(31)
    peer = await world.socket(session)
    await peer.say(messages.Hello(version=1, ticket=ticket))
    assert await peer.closed() == 4403
    assert peer.of("refused")[0]["code"] == "ticket-expired"


async def test_a_ticket_of_another_session_is_refused(world: World) -> None:
    """A ticket belongs to the session it was asked for."""
    session, token = await a_rehearsal(world)
    other = await a_statement(world)
    ticket = (await world.ticket(token, session))["ticket"]
    peer = await world.socket(other)
    await peer.say(messages.Hello(version=1, ticket=ticket))
    assert await peer.closed() == 4403
    assert peer.of("refused")[0]["code"] == "ticket-unknown"


async def test_a_ticket_taken_to_another_browser_is_refused_and_stays_good(world: World) -> None:
    """Whoever got hold of a ticket has no way in without the cookie that asked for it; its owner still has."""
    session = await a_statement(world)
    asked = {"X-Browser": "b" * 64}
    ticket = (await world.ticket(await world.account("officer"), session, **asked))["ticket"]
    for elsewhere in ({}, {"X-Browser": "c" * 64}):
        peer = await world.socket(session, **elsewhere)
        await peer.say(messages.Hello(version=1, ticket=ticket))
        assert await peer.closed() == 4403
        assert peer.of("refused")[0]["code"] == "ticket-foreign"
    peer = await world.socket(session, **asked)
    await peer.say(messages.Hello(version=1, ticket=ticket))
    await peer.a("view")


async def test_too_early_says_when(world: World) -> None:
    """Two hours before the visit the ticket is refused with both times."""
    session = await a_visit(world)
    answer = await world.ticket(await world.account("lawyer"), session)
    assert (answer["status"], answer["code"]) == (403, "too-early")


async def test_too_late_says_so(world: World) -> None:
    """After the visit and its grace nobody gets in."""
    session = await a_visit(world, 1)
    world.clock.advance(3 * 3600)
    answer = await world.ticket(await world.account("lawyer"), session)
    assert (answer["status"], answer["code"]) == (403, "too-late")


@pytest.mark.parametrize("who", ["", "lawyer2", "officer3", "reviewer", "duty-west", "admin"])
async def test_who_does_not_belong_learns_nothing(world: World, who: str) -> None:
    """Strangers, police and other duty posts get the same answer for a visit and for nothing at all."""
    session = await a_visit(world, 0.25)
    world.clock.advance(10 * 60)
    if who:
        await world.account(who)
    there, nowhere = await world.ticket(who, session), await world.ticket(who, "0" * 22)
    assert there == nowhere
    assert there["status"] in (403, 404)


async def test_the_officers_of_the_case_get_nothing_of_a_visit(world: World) -> None:
    """Police may not join, observe or learn of a visit through this door."""
    session = await a_visit(world, 0.25)
    world.clock.advance(10 * 60)
    for officer in ("officer", "officer2"):
        assert (await world.ticket(await world.account(officer), session))["code"] == "no-session"


async def test_the_newest_connection_wins(world: World) -> None:
    """A second tab of the same person replaces the first, which is told and closed with 4000."""
    session = await a_statement(world)
    first = await world.join(await world.account("officer"), session)
    second = await world.join("officer", session)
    assert await first.closed() == 4000
    assert first.got[-1]["type"] == "replaced"
    assert second.welcome["endpoint"] == first.welcome["endpoint"]
    view = second.of("view")[-1]
    assert [e["state"] for e in view["endpoints"]] == ["admitted"]


async def test_twenty_rejoins_leave_one_connection(world: World) -> None:
    """Reload after reload: one endpoint, one person, one open connection."""
    session = await a_statement(world)
    peer = await world.join(await world.account("officer"), session)
    for _ in range(20):
        peer = await world.come_back(session, peer.welcome["resume"])
        await peer.a("view")
    assert world.hub.health().connections == 1
    assert len(world.live(session).session.presence.endpoints) == 1


async def test_a_resume_secret_rotates(world: World) -> None:
    """Each secret works once; the one before is void."""
    session = await a_statement(world)
    first = await world.join(await world.account("officer"), session)
    second = await world.come_back(session, first.welcome["resume"])
    await second.a("view")
    assert second.welcome["endpoint"] == first.welcome["endpoint"]
    third = await world.come_back(session, first.welcome["resume"])
    assert await third.closed() == 4401


async def test_returning_tells_what_was_missed(world: World) -> None:
    """Chat lines said while away are told again by number, and only those."""
    session, token = await a_rehearsal(world)
    host, other = await live_rehearsal(world, session, token)
    await host.say(messages.Chat(text="一"))
    seen = (await other.a("said"))["number"]
    await other.ws.close()
    await host.say(messages.Chat(text="二"))
    await host.a("said", text="二")
    back = await world.come_back(session, other.welcome["resume"], seen)
    await back.a("said", text="二")
    assert [m["text"] for m in back.of("said")] == ["二"]


async def test_participants_of_a_rehearsal_are_endpoints_of_their_own(world: World) -> None:
    """One operator's token plays every participant; the first leads."""
    session, token = await a_rehearsal(world)
    roles = [(await world.ticket(token, session, n))["endpoint_role"] for n in (1, 2)]
    assert roles == ["host", "party"]
    assert (await world.ticket(token, session, 3))["status"] == 404
    host, other = await live_rehearsal(world, session, token)
    assert host.welcome["endpoint"] != other.welcome["endpoint"]


HOSTILE = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"hello"',
    b"{}",
    b'{"type": 1}',
    b'{"type": "hello"}',
    b'{"type": "hello", "version": 1}',
    b'{"type": "hello", "version": 1, "ticket": "a", "resume": "b"}',
    b'{"type": "hello", "version": 99, "ticket": "a"}',
    b'{"type": "hello", "version": 1, "ticket": "a", "admin": true}',
    b'{"type": "end", "reason": ""}',
    b'{"type": "welcome"}',
    b"\xff\xfe",
    b"[" * 5000,
    json.dumps({"type": "hello", "version": 1, "ticket": ["a"]}).encode(),
]


@pytest.mark.parametrize("first", HOSTILE)
async def test_a_hostile_first_message_is_refused(world: World, first: bytes) -> None:
    """Whatever it is: a close code of ours, no session made, nothing changed."""
    session = await a_statement(world)
    peer = await world.socket(session)
    await peer.ws.send_bytes(first)
    assert await peer.closed() in (4001, 4403)
    assert world.hub.live_sessions() == ()


async def test_a_first_message_that_never_comes_closes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who says nothing is not kept."""
    from signaling import sockets

    monkeypatch.setattr(sockets, "HELLO_WITHIN", 0.05)
    peer = await world.socket(await a_statement(world))
    assert await peer.closed() == 4002


async def test_an_oversize_message_closes_only_its_sender(world: World) -> None:
    """More than 16 kB: that connection is closed with 1009, the other goes on."""
    session, token = await a_rehearsal(world)
    host, other = await live_rehearsal(world, session, token)
    await other.ws.send_str(json.dumps({"type": "chat", "text": "x" * 20_000}))
    assert await other.closed() == 1009
    await host.say(messages.Ping())
    await host.a("pong")


async def test_unreadable_messages_are_refused_and_then_close(world: World) -> None:
    """Each gets a code; after a handful the connection is closed."""
    session = await a_statement(world)
    peer = await world.join(await world.account("officer"), session)
    for _ in range(5):
        await peer.ws.send_str('{"type": "admit", "endpoint": 7}')
    assert await peer.closed() == 4001
    assert [m["code"] for m in peer.of("refused")] == ["bad-message"] * 5


async def test_too_many_messages_close(world: World) -> None:
    """A flood ends the connection of its sender."""
    session = await a_statement(world)
    peer = await world.join(await world.account("officer"), session)
    for _ in range(70):
        await peer.say(messages.Ping())
    assert await peer.closed() == 4006


async def test_a_foreign_page_cannot_open_a_socket(world: World) -> None:
    """The Origin of the upgrade must be ours."""
    session = await a_statement(world)
    answer = await world.client.get(f"/live/{session}/socket", headers={"Origin": "https://evil.example"})
    assert answer.status == 403


@pytest.mark.parametrize("body", ["[", "[]", "[" * 1024, '{"participant": -1}', '{"participant": "1"}', "x" * 2000])
async def test_a_bad_ticket_request_is_invalid(world: World, body: str) -> None:
    """Unreadable bodies are a 422 with a code."""
    session, token = await a_rehearsal(world)
    answer = await world.client.post(f"/live/{session}/ticket", data=body, headers={"X-As": token})
    assert answer.status == 422


async def test_being_in_a_session_keeps_one_signed_in(world: World) -> None:
    """Who is connected counts as active, however long no page is asked for."""
    from people import logins

    session = await a_statement(world)
    await world.join(await world.account("officer"), session)
    before = (await logins.my_logins(world.site.db, world.principals["officer"]))[0].seen
    world.clock.advance(90 * 60)
    await world.hub.touch()
    after = (await logins.my_logins(world.site.db, world.principals["officer"]))[0].seen
    assert (after - before).total_seconds() >= 90 * 60


async def test_withdrawn_access_closes_the_connection(world: World) -> None:
    """Signing out elsewhere ends the open session of that login; its media are closed."""
    from people import logins

    session = await a_statement(world)
    peer = await world.join(await world.account("officer"), session)
    await logins.sign_out(world.site.db, world.clock, world.principals["officer"])
    await world.hub.withdraw_gone()
    assert await peer.closed() == 4403
    assert peer.of("refused")[0]["code"] == "withdrawn"
    again = await world.come_back(session, peer.welcome["resume"])
    assert await again.closed() == 4401


async def test_whoever_is_away_is_withdrawn_too(world: World) -> None:
    """Closing the WebSocket and going on by media alone keeps nobody in (F26)."""
    from people import logins

    session = await a_statement(world)
    peer = await world.join(await world.account("officer"), session)
    endpoint, token = peer.welcome["endpoint"], peer.welcome["token"]
    await peer.ws.close()
    async with asyncio.timeout(20):
        while world.hub.health().connections:
            await asyncio.sleep(0.01)
    assert world.hub.by_token(token) is not None
    await world.hub.withdraw_gone()
    assert world.hub.by_token(token) is not None, "a login that stands keeps its place"
    await logins.sign_out(world.site.db, world.clock, world.principals["officer"])
    await world.hub.withdraw_gone()
    assert [each.endpoint for each in world.link.commands_of(commands.Remove)] == [endpoint]
    assert world.hub.by_token(token) is None
    assert await (await world.come_back(session, peer.welcome["resume"])).closed() == 4401


@pytest.mark.parametrize("crashed", [False, True])
async def test_a_host_who_signed_out_elsewhere_comes_back_as_host(world: World, crashed: bool) -> None:
    """A new sign-in is a new right: nobody else could let the only host in, also after a restart."""
    from people import logins

    session = await a_statement(world)
    peer = await world.join(await world.account("officer"), session)
    await logins.sign_out(world.site.db, world.clock, world.principals["officer"])
    await world.hub.withdraw_gone()
    assert await peer.closed() == 4403
    await world.written(session)
    if crashed:
        await world.crash()
    again = await world.join(await world.account("officer"), session)
    assert again.welcome["endpoint"] == peer.welcome["endpoint"]
    mine = next(each for each in again.of("view")[-1]["endpoints"] if each["id"] == peer.welcome["endpoint"])
    assert mine["state"] == "admitted"
