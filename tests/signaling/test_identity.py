"""Who somebody is, compared by the host in the session: result, refusal and "not me" are in the log of the chain."""

import pytest

from signaling import events, messages
from signaling.restore import restore
from signaling.states import State
from tests.signaling.acts import a_statement
from tests.signaling.rosters import Driver, live
from tests.signaling.world import World


def witness(driver: Driver) -> str:
    return next(iter(driver.session.presence.endpoints["guest"].persons))


@pytest.mark.parametrize("why", ["no-match", "refused", "not-me"])
def test_a_doubt_is_recorded_and_the_person_no_longer_counts(why: str) -> None:
    """The session is held, the host is alarmed, the chain says why; a new comparison mends it."""
    driver = live("statement")
    person = witness(driver)
    effects = driver.ask("host", messages.DoubtPerson(present=person, why=why))  # type: ignore[arg-type]  # each word
    assert driver.logged("person-doubted") == [{"event": "person-doubted", "present": person, "why": why, "by": "host"}]
    alarms = [e for e in effects if isinstance(e, events.Tell) and e.code == "person-doubted"]
    assert [alarm.to for alarm in alarms] == [frozenset({"host"})]
    assert driver.state is State.HELD
    driver.ask("host", messages.ConfirmPerson(present=person, how="document"))
    driver.ask("host", messages.Resume(reason="已核验"))
    assert driver.state is State.LIVE


def test_nobody_but_the_host_doubts() -> None:
    """A guest or the second officer changes nothing by it."""
    driver = live("statement")
    for seat in ("guest", "second"):
        driver.ask(seat, messages.DoubtPerson(present=witness(driver), why="not-me"))
    assert driver.logged("person-doubted") == []
    assert driver.state is State.LIVE


async def test_a_doubt_outlives_a_crash(world: World) -> None:
    """Restored from the log the person is still unconfirmed."""
    session = await a_statement(world)
    host = await world.join(await world.account("officer"), session)
    guest = await world.join(await world.guest(session, None), session)
    person = guest.of("view")[-1]["endpoints"][-1]["persons"][0]["id"]
    await host.say(messages.ConfirmPerson(present=person, how="document"))
    await host.until(lambda m: m["type"] == "view" and m["endpoints"][-1]["persons"][0]["confirmed"])
    await host.say(messages.DoubtPerson(present=person, why="no-match"))
    await host.a("notice", code="person-doubted")
    live_ = world.live(session)
    again = restore(live_.roster, list(live_.log), world.clock.now())
    found = again.presence.find(person)
    assert found is not None
    assert found[1].how is None
