"""A session rebuilt from its log is the session that was, held and with nobody connected."""

import pytest

from cases.kinds import KINDS
from scheduler.models import Step
from signaling import events, messages
from signaling.restore import Entry, restore
from signaling.session import Session
from signaling.states import Record, State
from tests.signaling.rosters import GUEST, HOST, ROOM, SECOND, Driver, live


def rebuilt(driver: Driver) -> Session:
    """What the log of ``driver`` says."""
    records = [e for e in driver.effects if isinstance(e, events.Record)]
    entries = [Entry(n, driver.now, r.public, r.private) for n, r in enumerate(records, 1)]
    return restore(driver.session.roster, entries, driver.now)


@pytest.mark.parametrize("kind", KINDS)
def test_a_live_session_comes_back_held_with_the_same_people(kind: str) -> None:
    """Endpoints, standings, persons and confirmations are those of before; recording is to be armed again."""
    driver = live(kind)
    again = rebuilt(driver)
    assert (again.state, again.reason, again.record) == (State.HELD, "server-restarted", Record.FAILED)
    assert again.started == driver.session.started
    for before in driver.session.presence:
        after = again.presence.endpoints[before.id]
        assert (after.standing, after.role, after.room, after.custody) == (
            before.standing,
            before.role,
            before.room,
            before.custody,
        )
        assert after.persons == before.persons
        assert not after.is_here(driver.now)


def test_devices_and_pages_come_back_as_they_were() -> None:
    """A camera that is off and a page in the background are so after a restart, until the page says otherwise."""
    driver = live("statement")
    driver.ask("guest", messages.Device(kind="video", state="off"))
    driver.ask("guest", messages.Page(hidden=True))
    driver.ask("host", messages.Page(hidden=True))
    driver.ask("host", messages.Page(hidden=False))
    guest, host = (rebuilt(driver).presence.endpoints[name] for name in ("guest", "host"))
    assert (guest.video, guest.hidden, host.hidden) == ("off", True, False)


def test_new_persons_get_new_ids_after_a_restart() -> None:
    """An id of a person is never used twice in one log."""
    driver = live("interrogation")
    again = rebuilt(driver)
    known = {p.id for e in again.presence for p in e.persons.values()}
    for seat in (HOST, SECOND):
        again.handle(events.Joined(seat), driver.now)
    again.handle(events.RelayUp(True), driver.now)
    again.handle(events.Asked("host", messages.NamePerson(role="interpreter", name="徐文静")), driver.now)
    assert len({p.id for e in again.presence for p in e.persons.values()} - known) == 1


def test_it_records_on_as_soon_as_the_relay_is_there() -> None:
    """Held, but the break comes on record: the recorder is armed without anybody's act."""
    driver = live("interrogation")
    again = rebuilt(driver)
    effects = again.handle(events.RelayUp(True), driver.now)
    assert events.ArmRecorder() in effects
    assert events.Republish() in effects
    again.handle(events.RecorderReady(2), driver.now)
    assert (again.state, again.record) == (State.HELD, Record.ON)


def test_a_visit_goes_on_when_both_are_back() -> None:
    """Nothing is recorded: no act is asked for."""
    driver = live("visit")
    again = rebuilt(driver)
    again.handle(events.RelayUp(False), driver.now)
    again.handle(events.RecorderReady(2), driver.now)
    for endpoint in list(driver.session.presence):
        seat = events.Seat(endpoint.id, endpoint.role, endpoint.label)
        again.handle(events.Joined(seat), driver.now)
    assert again.state is State.LIVE


def test_who_was_sent_away_stays_away() -> None:
    """An ejected guest knocks like a stranger after the restart too."""
    driver = live("statement")
    driver.ask("host", messages.Eject(endpoint="guest", reason="disturbance"))
    again = rebuilt(driver)
    again.handle(events.Joined(GUEST), driver.now)
    assert again.presence.endpoints["guest"].standing.value == "waiting"


def test_a_room_that_was_sent_away_is_not_let_in_by_a_restart() -> None:
    """It knocked again before the crash: only the host lets it in, though the duty post's steps are done."""
    driver = live("interrogation")
    driver.ask("host", messages.Eject(endpoint="room", reason="other"))
    driver.join(ROOM)
    assert driver.session.presence.endpoints["room"].standing.value == "waiting"
    again = rebuilt(driver)
    again.handle(events.Joined(ROOM), driver.now)
    assert again.presence.endpoints["room"].standing.value == "waiting"


def test_an_ended_session_comes_back_to_be_closed() -> None:
    """The chain is recovered and closed; nobody is let in again."""
    driver = live("statement")
    driver.recorder = False
    driver.ask("host", messages.End())
    again = rebuilt(driver)
    assert (again.state, again.record) == (State.ENDED, Record.CLOSING)
    assert events.ArmRecorder() in again.handle(events.RelayUp(True), driver.now)
    assert any(isinstance(e, events.CloseMedia) for e in again.handle(events.RecorderReady(2), driver.now))


def test_an_ended_interrogation_still_waits_for_the_return() -> None:
    """The custody side goes back on record until the person is returned."""
    driver = live("interrogation")
    driver.ask("host", messages.End())
    again = rebuilt(driver)
    assert again.awaits_return
    assert events.ArmRecorder() in again.handle(events.RelayUp(True), driver.now)
    assert Step.RETURNED not in again.roster.steps
