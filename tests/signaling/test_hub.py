"""The hub: whole sessions from the first endpoint to the digest, crashes on either side, a database that is away."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NoReturn

import pytest
from sqlalchemy import select

from core import ledger
from core.database import Database
from core.errors import Unavailable
from core.jobs import Job
from media import commands
from scheduler import store as calendar
from scheduler.bookings import request_booking
from scheduler.models import Booking, Step
from signaling import keeping, messages, store
from signaling.hub import Hub
from signaling.models import LiveSession
from tests.signaling.acts import (
    a_rehearsal,
    a_statement,
    an_interrogation,
    live_interrogation,
    live_rehearsal,
    live_visit,
    ready_interrogation,
)
from tests.signaling.world import World


async def row(world: World, session: str) -> LiveSession:
    async with world.site.db.transaction(write=False) as tx:
        return await tx.get_one(LiveSession, session)


async def log(world: World, session: str) -> list[dict[str, Any]]:
    """Public parts of the log in the database."""
    await world.written(session)
    async with world.site.db.transaction(write=False) as tx:
        return [dict(entry.public) for entry in await store.entries(tx, session)]


@contextmanager
def away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The database cannot be reached."""

    def transaction(self: Database, *, write: bool = True) -> NoReturn:
        raise Unavailable("database-unavailable", "x")

    monkeypatch.setattr(keeping, "RETRY", 0.02)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Database, "transaction", transaction)
        yield


async def test_a_rehearsal_from_admit_to_digest(world: World) -> None:
    """Armed before forwarded; at the end everybody reads the digest, the job is there, the booking is done."""
    session, token = await a_rehearsal(world)
    host, other = await live_rehearsal(world, session, token)
    order = [type(c).__name__ for c in world.link.sent if isinstance(c, commands.Arm | commands.Forward)]
    assert order == ["Arm", "Forward"]
    await host.say(messages.End())
    for peer in (host, other):
        ended = await peer.a("ended")
        assert (ended["digest"], ended["reason"]) == ("cd" * 32, "ended-by-host")
        assert await peer.closed() == 4005
    await _let_go(world, session)
    kept = await row(world, session)
    assert (kept.state, kept.digest) == ("ended", "cd" * 32)
    async with world.site.db.transaction(write=False) as tx:
        job = (await tx.execute(select(Job).where(Job.kind == "finalize_recording"))).scalar_one()
        booking = await tx.get_one(Booking, session)
    assert job.payload == {"session": session, "recording": kept.recording}
    assert (booking.state.value, booking.started, booking.ended) == (
        "done",
        world.clock.now().replace(),
        world.clock.now(),
    )
    assert (await world.ticket(token, session))["code"] == "ended"


async def _let_go(world: World, session: str) -> None:
    async with asyncio.timeout(20):
        while world.hub.get(session) is not None:
            await asyncio.sleep(0.02)


async def test_the_log_in_the_chain_is_the_log_in_the_database(world: World) -> None:
    """Every entry goes to both under one number; personal data only in the private part."""
    session, token = await a_rehearsal(world)
    host, _ = await live_rehearsal(world, session, token)
    await host.say(messages.Marker(label="要点"))
    await host.say(messages.Chat(text="你好"))
    await host.a("said")
    entries = await log(world, session)
    sent = {c.number: c for c in world.link.commands_of(commands.Log)}
    assert [sent[n].public for n in sorted(sent)] == entries
    assert sorted(sent) == list(range(1, len(entries) + 1))
    everything = repr(entries)
    assert "要点" not in everything
    assert "你好" not in everything
    assert "一" not in everything


async def test_a_visit_leaves_no_media(world: World) -> None:
    """An attendance chain is armed, no finalising job exists, nobody is told of a recording."""
    session, lawyer, room = await live_visit(world)
    assert [c.policy for c in world.link.commands_of(commands.Arm)] == ["attendance"]
    view = lawyer.of("view")[-1]
    assert (view["policy"], view["recording"], view["durable"]) == ("attendance", "off", None)
    world.link.emit(commands.Durable(session=session, recording="x", until=world.clock.now(), media_ms=0))
    await lawyer.say(messages.End())
    assert (await room.a("ended"))["reason"] == "ended-by-lawyer"
    assert not lawyer.of("durable")
    await _let_go(world, session)
    async with world.site.db.transaction(write=False) as tx:
        assert (await tx.execute(select(Job).where(Job.kind == "finalize_recording"))).first() is None


async def test_an_interrogation_is_on_record_until_the_return(world: World) -> None:
    """After the end the room keeps publishing; the duty post's return closes the chain."""
    session, host, room = await live_interrogation(world)
    await host.say(messages.End())
    view = await room.a("view", state="ended")
    assert (view["rights"]["publish"], view["rights"]["subscribe"], view["recording"]) == (True, False, "on")
    assert not world.link.commands_of(commands.CloseSession)
    await world.steps(session, Step.RETURNED)
    assert (await room.a("ended"))["digest"] == "cd" * 32


async def test_a_room_that_lost_power_is_on_record_again_until_the_return(world: World) -> None:
    """The terminal forgets its secret after the end: it is called back, past the slot too, and publishes on."""
    session, host, room = await live_interrogation(world)
    world.advance(4 * 3600)
    await host.say(messages.End())
    await room.a("view", state="ended")
    await room.ws.close()
    world.advance(60)
    assert world.hub.live_sessions() == (session,)
    back = await world.join("terminal", session)
    view = next(m for m in reversed(back.got) if m["type"] == "view")
    assert (view["state"], view["rights"]["publish"]) == ("ended", True)
    await world.steps(session, Step.RETURNED)
    await back.a("ended")
    assert world.hub.live_sessions() == ()


async def test_durable_is_told_to_those_inside(world: World) -> None:
    """ "Recorded to" moves with what is on disk, and is not numbered."""
    session, host, _ = await live_interrogation(world)
    until = world.clock.now()
    world.link.emit(commands.Durable(session=session, recording="x", until=until, media_ms=1000))
    assert (await host.a("durable"))["until"] == until.isoformat().replace("+00:00", "Z")


async def test_the_ledger_learns_where_the_chain_stands(world: World) -> None:
    """Each head of the relay and the end of the chain, as entries; the recorder is armed with the newest checkpoint."""
    async with world.site.db.transaction() as tx:
        tx.add(ledger.Checkpoint(size=7, root="00", note="the newest head", at=world.clock.now()))
    session, host, room = await live_interrogation(world)
    assert {arm.checkpoint for arm in world.link.commands_of(commands.Arm)} == {"the newest head"}
    recording = world.link.armed[session]
    world.link.emit(commands.Head(session=session, recording=recording, take=1, media_ms=1000, digest="ab" * 32))
    await host.say(messages.End())
    await world.steps(session, Step.RETURNED)
    await room.a("ended")
    await _let_go(world, session)
    async with world.site.db.transaction(write=False) as tx:
        query = select(ledger.Entry.details).where(ledger.Entry.subject == recording).order_by(ledger.Entry.number)
        told = list((await tx.execute(query)).scalars())
    assert [(said["take"], said["ms"], said["digest"][:2]) for said in told] == [(1, 1000, "ab"), (0, 1000, "cd")]


async def test_a_failed_recorder_holds_on_every_screen(world: World) -> None:
    """HELD with its reason in the reader's language; a resume with a reason goes on."""
    session, host, room = await live_interrogation(world)
    world.link.recorder_fails = "disk-full"
    world.link.emit(commands.RecorderFailed(session=session, recording="x", code="disk-full"))
    for peer in (host, room):
        view = await peer.a("view", state="held")
        assert (view["reason"], view["recording"]) == ("recorder-failed", "failed")
    world.link.recorder_fails = ""
    world.advance(4)
    await host.a("view", state="held", recording="on")
    await host.say(messages.Resume(reason="已清理磁盘"))
    await room.a("view", state="live")
    assert next(e for e in await log(world, session) if e["event"] == "resume")["after"] == "recorder-failed"


@pytest.mark.parametrize(("code", "words"), [("clock-off", "校准时钟"), ("space-low", "扩充存储空间")])
async def test_every_screen_says_who_must_act(world: World, code: str, words: str) -> None:
    """A wrong clock and a disk nearly full are told to all in the reader's language, with who must mend it."""
    session, host, room = await live_interrogation(world)
    assert world.hub.recordings == 1
    world.link.recorder_fails = code
    world.link.emit(commands.RecorderFailed(session=session, recording="x", code=code))
    for peer in (host, room):
        view = await peer.a("view", state="held")
        assert view["reason"] == code
        assert words in view["reason_text"]
        assert "运维人员" in view["reason_text"]
    assert world.hub.recordings == 0


async def test_a_restarted_media_process_is_republished_to(world: World) -> None:
    """New boot: held, everybody reads republish, the session is opened and armed again."""
    _session, host, room = await live_interrogation(world)
    world.link.sent.clear()
    world.link.last_entry = 3
    world.link.restart()
    for peer in (host, room):
        await peer.a("republish")
        await peer.a("view", reason="relay-restarted", recording="on")
    kinds = [type(c).__name__ for c in world.link.sent]
    assert kinds.index("OpenSession") < kinds.index("Arm")
    numbers = [c.number for c in world.link.commands_of(commands.Log)]
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 4, "the new take is told what it does not have yet"


async def test_a_killed_web_process_comes_back_held_with_everybody(world: World) -> None:
    """The session is rebuilt from its log, recording goes on, endpoints return by their secrets as who they were."""
    session, host, room = await live_interrogation(world)
    await world.written(session)
    recording = (await row(world, session)).recording
    await world.crash()
    live = world.live(session)
    assert (live.session.state.value, live.session.reason) == ("held", "server-restarted")
    assert live.session.record.value in ("arming", "on")
    back = await world.come_back(session, host.welcome["resume"])
    view = await back.a("view")
    assert (view["state"], view["reason"]) == ("held", "server-restarted")
    assert back.welcome["endpoint"] == host.welcome["endpoint"]
    own = next(e for e in view["endpoints"] if e["id"] == view["you"])
    assert [p["confirmed"] for p in own["persons"]] == [True, True]
    await back.say(messages.Resume(reason="服务器已重启"))
    assert "person-missing" in (await back.a("refused"))["code"]
    again = await world.come_back(session, room.welcome["resume"])
    await again.a("view")
    await back.say(messages.Resume(reason="服务器已重启"))
    await back.a("view", state="live")
    kept = await row(world, session)
    assert (kept.fence, kept.recording) == (2, recording)


async def test_numbers_the_chain_has_are_never_used_again(world: World) -> None:
    """The process before had sent entries it could not write: the log goes on above whatever the chain has."""
    session, _, _ = await live_interrogation(world)
    await world.written(session)
    before = len(await log(world, session))
    world.link.last_entry = before + 5000
    world.link.sent.clear()
    await world.crash()
    async with asyncio.timeout(20):
        while not world.link.commands_of(commands.Log):
            await asyncio.sleep(0.01)
    await world.written(session)
    async with world.site.db.transaction(write=False) as tx:
        numbers = [entry.number for entry in await store.entries(tx, session, above=before)]
    assert numbers[0] > before + 900
    assert all(command.number > before + 5000 for command in world.link.commands_of(commands.Log))


async def test_a_waiting_session_survives_a_crash(world: World) -> None:
    """Nobody has begun: it waits on, and the host is still let in."""
    session = await a_statement(world)
    host = await world.join(await world.account("officer"), session)
    await world.written(session)
    await world.crash()
    back = await world.come_back(session, host.welcome["resume"])
    assert (await back.a("view"))["state"] == "waiting"


async def test_a_crash_after_the_end_still_closes_the_chain(world: World) -> None:
    """Ended but not yet closed when the process died: the next one recovers and closes."""
    session, host, _ = await live_interrogation(world)
    await host.say(messages.End())
    await host.a("view", state="ended")
    await world.written(session)
    await world.crash()
    assert world.live(session).session.state.value == "ended"
    await world.steps(session, Step.RETURNED)
    await _let_go(world, session)
    assert (await row(world, session)).digest == "cd" * 32


async def test_an_older_owner_writes_nothing_more(world: World) -> None:
    """Fencing: who was taken over lets its connections go and leaves the log alone."""
    session = await a_statement(world)
    host = await world.join(await world.account("officer"), session)
    await world.written(session)
    other = Hub(settings=world.settings, database=world.site.db, clock=world.clock, links=[world.link])
    await other.start()
    before = len(await log(world, session))
    await host.say(messages.Help())
    assert await host.closed() == 1012
    await other.stop()
    async with world.site.db.transaction(write=False) as tx:
        entries = await store.entries(tx, session)
    assert not [e for e in entries[before:] if e.public["event"] == "help"]


async def test_another_node_waits_for_the_lease(world: World) -> None:
    """A node that is not ours may take a session over only after its lease."""
    session = await a_statement(world)
    await world.join(await world.account("officer"), session)
    async with world.site.db.transaction() as tx:
        with pytest.raises(Unavailable):
            await store.take(tx, session, kind="statement", owner="other", media=0, now=world.clock.now())
        later = world.clock.now() + store.LEASE + timedelta(seconds=1)
        taken, new = await store.take(tx, session, kind="statement", owner="other", media=0, now=later)
        assert (taken.fence, new) == (2, False)


async def test_a_session_goes_on_while_the_database_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chat, reload and markers work; once it is back every entry is written once and in order."""
    session, token = await a_rehearsal(world)
    host, other = await live_rehearsal(world, session, token)
    await world.written(session)
    with away(monkeypatch):
        for number in range(5):
            await host.say(messages.Chat(text=str(number)))
            await other.a("said", text=str(number))
        back = await world.come_back(session, other.welcome["resume"])
        await back.a("view", state="live")
        assert world.hub.health().backlog > 5
    entries = await log(world, session)
    assert len([e for e in entries if e["event"] == "chat"]) == 5
    async with world.site.db.transaction(write=False) as tx:
        assert [e.number for e in await store.entries(tx, session)] == list(range(1, len(entries) + 1))
    assert world.hub.health().backlog == 0


async def test_the_lawyer_gets_more_time_when_holds_are_free(world: World) -> None:
    """One tap: the booking is longer, everybody reads the new end."""
    session, lawyer, room = await live_visit(world)
    end = world.live(session).roster.end
    await lawyer.say(messages.Extend(minutes=30))
    notice = await room.a("notice", code="window")
    assert notice["number"] > 0
    view = await lawyer.until(lambda m: m["type"] == "view" and m["end"] != end.isoformat().replace("+00:00", "Z"))
    assert view["end"] == (end + timedelta(minutes=30)).isoformat().replace("+00:00", "Z")


async def test_a_beginning_is_written_before_media_can_flow(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the database is away no recorder is asked for; once it is there a crash comes back as held."""
    session, host, _ = await ready_interrogation(world)
    await world.written(session)
    with away(monkeypatch):
        await host.say(messages.Start())
        await host.a("view", state="arming")
        await asyncio.sleep(0.1)
        assert not world.link.commands_of(commands.Arm)
    async with asyncio.timeout(20):
        while not world.link.commands_of(commands.Arm):
            await asyncio.sleep(0.01)
    await world.crash()
    assert world.live(session).session.state.value == "held"


async def test_a_silent_call_reaches_the_day_list_and_nobody_else(world: World) -> None:
    """The terminal's help button: the post's page knows, the other side reads nothing."""
    session, lawyer, room = await live_visit(world)
    await room.say(messages.Help())
    await room.a("notice", code="help-called")
    snapshot = world.hub.snapshot(session)
    assert snapshot is not None
    assert len(snapshot.calls) == 1
    await world.hub.calls_answered(session, "duty")
    await room.a("notice", code="help-answered")
    snapshot = world.hub.snapshot(session)
    assert snapshot is not None
    assert snapshot.calls == ()
    await lawyer.say(messages.Ping())
    await lawyer.a("pong")
    assert not [m for m in lawyer.of("notice") if "help" in m["code"]]


async def test_pages_see_presence_and_can_end(world: World) -> None:
    """Snapshot, list and end as the day list uses them."""
    session = await an_interrogation(world)
    world.clock.advance(15 * 60)
    assert world.hub.snapshot(session) is None
    host = await world.join(await world.account("officer"), session)
    snapshot = world.hub.snapshot(session)
    assert snapshot is not None
    assert (snapshot.state, [e.state for e in snapshot.endpoints]) == ("waiting", ["admitted"])
    assert world.hub.live_sessions() == (session,)
    await world.hub.end(session, "ended-by-page", "duty")
    assert (await host.a("ended"))["reason"] == "ended-by-page"
    assert world.hub.live_sessions() == ()


async def test_metrics_name_no_session(world: World) -> None:
    """Prometheus text of ours and of the media process, without ids."""
    session = await a_statement(world)
    await world.join(await world.account("officer"), session)
    text = await world.hub.all_metrics()
    assert 'yuanjian_live_sessions{kind="statement",state="waiting"} 1.0' in text
    assert "relay_up 1" in text
    assert session not in text


async def test_a_stop_asks_everybody_to_come_back(world: World) -> None:
    """A planned restart closes with 1012 and keeps what was said."""
    session = await a_statement(world)
    host = await world.join(await world.account("officer"), session)
    await world.hub.stop()
    assert await host.closed() == 1012
    assert [e["event"] for e in await log(world, session)][:2] == ["opened", "joined"]


async def test_a_questioning_past_its_slot_keeps_its_room_and_then_moves_the_next(world: World) -> None:
    """A quarter of an hour more while that is free; whoever comes next in the room is marked and told."""
    session, _, _ = await live_interrogation(world)
    site = world.site
    first = await site.booking(session)
    behind = first.end + timedelta(minutes=15)
    async with site.db.transaction(write=False) as tx:
        parties = await calendar.parties(tx, [session])
    person, room = next((p.custody_person, p.room) for p in parties if p.custody_person)
    names = {id_: name for name, id_ in site.persons.items()}
    wish = site.interrogation(person=names[str(person)], start=behind, end=behind + timedelta(hours=1), room=room)
    following = await request_booking(site.db, site.clock, site.who["officer"], wish)
    assert isinstance(following, Booking)
    site.clock.set(first.end)
    await _until(lambda: _stands(site, session, "end", behind))
    site.clock.set(behind)
    await _until(lambda: _stands(site, following.id, "review", "overrun"))
    assert (await site.booking(session)).end == behind
    assert {e["waiting"] for e in await log(world, session) if e["event"] == "overrun"} == {0, 1}


async def _stands(site: Any, booking: str, name: str, value: object) -> bool:
    return bool(getattr(await site.booking(booking), name) == value)


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await holds():
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("loss", ["process", "recorder"])
async def test_the_ledger_learns_the_last_second_acknowledged_when_the_recorder_is_lost(
    world: World, loss: str
) -> None:
    """Whoever cuts a chain after a crash cuts what the ledger knows, also within the minute between two heads."""
    session, _host, _ = await live_interrogation(world)
    recording = world.link.armed[session]
    world.link.emit(commands.Head(session=session, recording=recording, take=1, media_ms=1000, digest="ab" * 32))
    for ms in (1000, 2000, 3000):
        digest = f"{ms // 1000:02d}" * 32
        now = world.clock.now()
        world.link.emit(
            commands.Durable(session=session, recording=recording, until=now, media_ms=ms, take=1, digest=digest)
        )
    if loss == "process":
        world.hub.link_down(world.link)
    else:
        world.link.emit(commands.RecorderFailed(session=session, recording=recording, code="disk-stalled"))
        world.link.emit(commands.RecorderFailed(session=session, recording=recording, code="disk-stalled"))
    await world.written(session)
    async with world.site.db.transaction(write=False) as tx:
        query = select(ledger.Entry.details).where(ledger.Entry.subject == recording).order_by(ledger.Entry.number)
        told = list((await tx.execute(query)).scalars())
        copied = list((await tx.execute(select(Job.payload).where(Job.kind == "copy_segments"))).scalars())
    assert [(said["ms"], said["digest"][:2]) for said in told] == [(1000, "ab"), (3000, "03")]
    assert copied == [{"recording": recording}] * 2, "with each head the worker brings what has ended"
