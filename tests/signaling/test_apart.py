"""Two persons who must never meet are kept apart at the doors of a live session: in its lobby, in it, and next door."""

from cases.kinds import Role
from core import ledger
from core.ledger import Wanted
from people import screening
from people.permissions import Relation
from people.screening import Reason
from scheduler.apart import guest_key
from scheduler.bookings import request_booking
from scheduler.decisions import confirm
from scheduler.models import Booking
from scheduler.requests import GuestWish
from signaling import messages
from tests.signaling.acts import live_visit, room_of
from tests.signaling.world import World


async def state(world: World, one: str, other: str) -> None:
    site = world.site
    async with site.db.transaction() as tx:
        held = {Relation.OWN_CASE}
        await screening.keep_apart(
            tx, site.clock, site.who["officer"], held, one=one, other=other, reason=Reason.THREAT
        )


async def with_guardian(world: World) -> str:
    """An interrogation about to begin, with a guardian who comes from a phone."""
    wish = world.site.interrogation(0.25, guests=(GuestWish(Role.GUARDIAN, "孙丽"),))
    booking = await request_booking(world.site.db, world.clock, world.site.who["officer"], wish)
    assert isinstance(booking, Booking), booking
    world.clock.advance(15 * 60)
    return booking.id


async def guardian(world: World, session: str) -> str:
    """The guardian has accepted an invitation."""
    roster = await world.hub.desk.roster(session)
    assert roster is not None
    return await world.guest(session, next(p.id for p in roster.parties if p.role is Role.GUARDIAN))


async def stops(world: World) -> int:
    async with world.site.db.transaction(write=False) as tx:
        return len(await ledger.find(tx, Wanted(tag="apart.stopped"), 10))


async def test_nobody_enters_a_lobby_where_one_they_must_not_meet_waits(world: World) -> None:
    """The terminal is there; the guest gets a sentence that says nothing, the host an alarm, the ledger an entry."""
    session = await with_guardian(world)
    await state(world, world.site.persons["张伟民"], guest_key(world.site.cases["0317"], "孙丽"))
    host = await world.join(await world.account("officer"), session)
    await world.join(await world.terminal(await room_of(world, session)), session)
    ticket = (await world.ticket(await guardian(world, session), session))["ticket"]
    peer = await world.socket(session)
    await peer.say(messages.Hello(version=1, ticket=ticket))
    assert await peer.closed() == 4403
    refused = peer.of("refused")[0]
    assert refused["code"] == "wait-outside"
    assert "孙丽" not in refused["text"]
    assert (await host.a("notice", code="kept-apart"))["level"] == "alarm"
    assert await stops(world) == 1


async def test_a_statement_made_while_both_are_in_parts_them(world: World) -> None:
    """Whoever came later is out within a second and cannot come back by the resume secret."""
    session = await with_guardian(world)
    await world.join(await world.account("officer"), session)
    await world.join(await world.terminal(await room_of(world, session)), session)
    guest = await world.join(await guardian(world, session), session)
    await state(world, world.site.persons["张伟民"], guest_key(world.site.cases["0317"], "孙丽"))
    await world.hub.withdraw_gone()
    assert await guest.closed() == 4403
    again = await world.socket(session)
    await again.say(messages.Hello(version=1, resume=guest.welcome["resume"]))
    assert await again.closed() == 4401


async def test_a_room_stays_empty_while_the_other_is_in_the_place(world: World) -> None:
    """A session runs in one room: the terminal of another room of the centre gets no ticket for the other person."""
    second = await request_booking(world.site.db, world.clock, world.site.who["lawyer2"], world.site.visit(1, "王立刚"))
    assert isinstance(second, Booking), second
    visit = second.id
    await confirm(world.site.db, world.clock, world.site.who["duty"], visit)
    running, _, _ = await live_visit(world)
    world.clock.advance(40 * 60)
    room = await room_of(world, visit)
    assert room != await room_of(world, running)
    terminal = await world.terminal(room)
    assert "ticket" in await world.ticket(terminal, visit)
    await state(world, world.site.persons["张伟民"], world.site.persons["王立刚"])
    assert (await world.ticket(terminal, visit))["code"] == "wait-outside"
    assert await stops(world) == 1
