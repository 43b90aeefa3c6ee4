"""Whole sessions as the tests of hub and media begin them."""

from scheduler.bookings import request_booking, start_now, start_rehearsal
from scheduler.decisions import confirm
from scheduler.models import Booking
from signaling import messages
from tests.signaling.world import Peer, World


async def a_statement(world: World) -> str:
    """A witness statement that was started now."""
    booking = await start_now(world.site.db, world.clock, world.site.who["officer"], world.site.statement(0))
    assert isinstance(booking, Booking), booking
    return booking.id


async def a_visit(world: World, hours: float = 2) -> str:
    """A confirmed visit some hours from now."""
    site = world.site
    booking = await request_booking(site.db, world.clock, site.who["lawyer"], site.visit(hours))
    assert isinstance(booking, Booking), booking
    await confirm(site.db, world.clock, site.who["duty"], booking.id)
    return booking.id


async def an_interrogation(world: World, hours: float = 0.25) -> str:
    """A confirmed interrogation."""
    site = world.site
    booking = await request_booking(site.db, world.clock, site.who["officer"], site.interrogation(hours))
    assert isinstance(booking, Booking), booking
    if booking.state.value == "requested":
        await confirm(site.db, world.clock, site.who["duty"], booking.id)
    return booking.id


async def a_rehearsal(world: World, participants: int = 2) -> tuple[str, str]:
    """A rehearsal and the token that plays it."""
    token = await world.token()
    booking = await start_rehearsal(world.site.db, world.clock, world.principals[token], participants=participants)
    return booking.id, token


async def live_rehearsal(world: World, session: str, token: str) -> tuple[Peer, Peer]:
    """Two participants of a rehearsal, live."""
    host = await world.join(token, session, 1)
    other = await world.join(token, session, 2)
    for peer, name in ((host, "一"), (other, "二")):
        await peer.say(messages.NamePerson(role="synthetic", name=name))
    view = await host.until(
        lambda m: m["type"] == "view" and len(m["endpoints"]) == 2 and all(e["persons"] for e in m["endpoints"])
    )
    waiting = next(e for e in view["endpoints"] if e["state"] == "waiting")
    await host.say(messages.ConfirmPerson(present=waiting["persons"][0]["id"], how="known"))
    await host.say(messages.Admit(endpoint=waiting["id"]))
    await host.a("view", state="live")
    await other.a("view", state="live")
    return host, other


async def live_visit(world: World) -> tuple[str, Peer, Peer]:
    """A visit that runs: the lawyer and the room's terminal."""
    session = await a_visit(world, 0.25)
    world.clock.advance(15 * 60)
    lawyer = await world.join(await world.account("lawyer"), session)
    room = await world.join(await world.terminal(await room_of(world, session)), session)
    await world.steps(session)
    await lawyer.a("view", state="live")
    await room.a("view", state="live")
    return session, lawyer, room


async def ready_interrogation(world: World) -> tuple[str, Peer, Peer]:
    """An interrogation that may start: two officers at one screen, and the room's terminal."""
    session = await an_interrogation(world)
    world.clock.advance(15 * 60)
    host = await world.join(await world.account("officer"), session)
    room = await world.join(await world.terminal(await room_of(world, session)), session)
    await world.steps(session)
    second = world.site.who["officer2"]
    await host.say(messages.NamePerson(role="officer", name="", person=second.id))
    await host.until(lambda m: m["type"] == "view" and m["rights"]["start"])
    return session, host, room


async def live_interrogation(world: World) -> tuple[str, Peer, Peer]:
    """The same, running."""
    session, host, room = await ready_interrogation(world)
    await host.say(messages.Start())
    await host.a("view", state="live")
    await room.a("view", state="live")
    return session, host, room


async def room_of(world: World, session: str) -> str:
    """The room the person in custody is brought to."""
    roster = await world.hub.desk.roster(session)
    assert roster is not None
    return next(room.id for room in roster.rooms if room.custody)


async def stills_asked(world: World) -> tuple[str, Peer, Peer]:
    """A statement whose guest has been asked for still pictures: session, host and guest."""
    session = await a_statement(world)
    host = await world.join(await world.account("officer"), session)
    guest = await world.join(await world.guest(session, None), session)
    person = guest.of("view")[-1]["endpoints"][-1]["persons"][0]["id"]
    await host.say(messages.AskStills(present=person))
    await guest.until(lambda m: m["type"] == "view" and m["stills"])
    return session, host, guest
