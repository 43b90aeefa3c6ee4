"""Who somebody is, compared by the host in the session: result, refusal and "not me" are in the log of the chain."""

from dataclasses import replace

import pytest

from cases.kinds import KINDS, EndpointRole, NoCheck, Role
from core import ledger
from core.ledger import Wanted
from core.texts import Texts
from signaling import events, messages
from signaling.events import Named, Seat
from signaling.identity import MOST_STILLS, REMIND_AFTER, wanted_still
from signaling.restore import Entry, restore
from signaling.rights import rights
from signaling.states import State
from signaling.views import view
from tests.signaling.acts import a_statement, stills_asked
from tests.signaling.rosters import GUEST, HOST, LAWYER, POST, SECOND, Driver, live
from tests.signaling.world import World


def witness(driver: Driver) -> str:
    return next(iter(driver.session.presence.endpoints["guest"].persons))


@pytest.mark.parametrize("why", ["no-match", "refused", "not-me"])
def test_a_doubt_is_recorded_and_the_person_no_longer_counts(why: str) -> None:
    """The session is held, the host is alarmed, the chain says why; a new comparison mends it."""
    driver = live("statement")
    person = witness(driver)
    effects = driver.ask("host", messages.DoubtPerson(present=person, why=why))  # type: ignore[arg-type]  # each word
    entry = {"event": "person-doubted", "present": person, "why": why, "by": "host", "way": "sight", "officer": "p1"}
    assert driver.logged("person-doubted") == [entry]
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


HELPER = Seat(
    "helper",
    EndpointRole.PARTY,
    "何亮",
    (Named(Role.COOPERATING_OFFICER, "何亮", "041100", "o3", "account"),),
)
"""A co-operating officer at a screen of their own."""


def unchecked() -> Driver:
    """A statement that runs with its witness let in by their own word alone, and a co-operating officer."""
    driver = Driver("statement")
    driver.join(HOST, SECOND, HELPER, GUEST)
    for endpoint in ("second", "helper", "guest"):
        driver.ask("host", messages.Admit(endpoint=endpoint))
    assert driver.state is State.LIVE
    return driver


def check(driver: Driver):
    return driver.session.presence.endpoints["guest"].persons[witness(driver)].check


def view_of(driver: Driver, endpoint: str) -> messages.View:
    seat = driver.session.presence.endpoints[endpoint]
    return view(driver.session, seat, 1, Texts("zh-CN"), driver.now)


def rebuilt(driver: Driver):
    """The session as its log alone tells it."""
    records = [e for e in driver.effects if isinstance(e, events.Record)]
    entries = [Entry(n, driver.now, r.public, r.private) for n, r in enumerate(records, 1)]
    return restore(driver.session.roster, entries, driver.now)


# What waits for the check


def test_a_statement_holds_back_what_is_shown_and_written_until_there_is_a_result() -> None:
    """The invited name alone verifies nothing: neither chat nor screen for those who ask; the guest may write."""
    driver = unchecked()
    for endpoint, message in (("host", messages.Share(on=True)), ("host", messages.Chat(text="问"))):
        assert [e.code for e in driver.ask(endpoint, message) if isinstance(e, events.Deny)] == ["identity-first"]
    assert not any(isinstance(e, events.Deny) for e in driver.ask("guest", messages.Chat(text="听不清")))
    assert view_of(driver, "host").identity_first
    assert not view_of(driver, "host").rights.share
    driver.ask("host", messages.ConfirmPerson(present=witness(driver), how="document", document="id-card"))
    assert not view_of(driver, "host").identity_first
    host = driver.session.presence.endpoints["host"]
    assert rights(driver.session, host, driver.now).share
    assert not any(isinstance(e, events.Deny) for e in driver.ask("host", messages.Chat(text="问")))


def test_an_interrogation_only_reminds() -> None:
    """Its facility checks; without a result the host is warned and nothing is held back."""
    driver = live("interrogation")
    person = next(iter(driver.session.presence.endpoints["room"].persons.values()))
    assert (person.check.result, person.check.way) == ("match", "facility")
    driver.ask("host", messages.DoubtPerson(present=person.id, why="no-match"))
    assert not view_of(driver, "host").identity_first
    assert view_of(driver, "host").identity[0].result == "no-match"


@pytest.mark.parametrize("reason", list(NoCheck))
def test_it_goes_on_without_a_check_only_for_an_enumerated_reason(reason: NoCheck) -> None:
    """The reason is in the log and in the view; the rights come back."""
    driver = unchecked()
    driver.ask("host", messages.SkipIdentity(present=witness(driver), reason=reason.value))
    assert (check(driver).result, check(driver).way) == ("skipped", reason)
    assert driver.logged("identity-skipped")[0]["reason"] == reason
    assert not view_of(driver, "host").identity_first
    assert set(messages.SkipIdentity.__annotations__["reason"].__args__) == {one.value for one in NoCheck}


def test_long_without_a_result_alarms_once() -> None:
    """After ten minutes the host is alarmed and the record says so; not again."""
    driver = unchecked()
    driver.after(REMIND_AFTER.total_seconds() - 1)
    assert driver.logged("identity-open") == []
    effects = driver.after(1)
    assert [e.to for e in effects if isinstance(e, events.Tell)] == [frozenset({"host"})]
    driver.after(3600)
    assert len(driver.logged("identity-open")) == 1


def test_not_me_undoes_a_match() -> None:
    """A guest who says "not me" after a match is unverified, in the rebuilt session too."""
    driver = live("statement")
    driver.ask("guest", messages.ConfirmName(me=False))
    again = rebuilt(driver).presence.endpoints["guest"].persons[witness(driver)]
    for person in (driver.session.presence.endpoints["guest"].persons[witness(driver)], again):
        assert (person.how, person.check.result) == (None, "not-me")


# The co-operating officer


def test_a_cooperating_officer_checks_who_is_beside_them() -> None:
    """By whom, how, with which document: all of it in the log, and shown to the host."""
    driver = unchecked()
    driver.ask("helper", messages.ConfirmPerson(present=witness(driver), how="document", document="passport"))
    officer = next(iter(driver.session.presence.endpoints["helper"].persons))
    assert driver.logged("person-confirmed")[-1] == {
        "event": "person-confirmed",
        "present": witness(driver),
        "how": "document",
        "by": "helper",
        "way": "beside",
        "officer": officer,
        "document": "passport",
    }
    shown = view_of(driver, "host").identity[0]
    assert (shown.result, shown.way, shown.document, shown.by) == ("match", "beside", "passport", "何亮")


def test_a_cooperating_officer_at_the_terminal_of_the_room_checks() -> None:
    """Named by the host beside the witness, the room's own screen gets the control, and the log the room."""
    driver = Driver("statement")
    room = Seat("room", EndpointRole.ROOM, "取证室", (Named(Role.WITNESS, "某乙"),), room="r9")
    driver.join(HOST, SECOND, room)
    for endpoint in ("second", "room"):
        driver.ask("host", messages.Admit(endpoint=endpoint))
    person = next(iter(driver.session.presence.endpoints["room"].persons))
    assert not view_of(driver, "room").rights.check
    driver.ask("room", messages.ConfirmPerson(present=person, how="document"))
    assert driver.logged("person-confirmed") == []
    driver.ask("host", messages.NamePerson(role="cooperating_officer", name="何亮", number="041100", endpoint="room"))
    assert view_of(driver, "room").rights.check
    driver.ask("room", messages.ConfirmPerson(present=person, how="document", document="id-card"))
    assert driver.logged("person-confirmed")[-1]["room"] == "r9"
    assert driver.logged("person-confirmed")[-1]["way"] == "beside"


def test_a_cooperating_officer_checks_nobody_else() -> None:
    """Not the second officer, not by the facility's word, not before being let in; a mere officer elsewhere neither."""
    driver = unchecked()
    second = next(iter(driver.session.presence.endpoints["second"].persons))
    driver.ask("helper", messages.ConfirmPerson(present=second, how="document"))
    driver.ask("helper", messages.ConfirmPerson(present=witness(driver), how="facility"))
    driver.ask("second", messages.ConfirmPerson(present=witness(driver), how="document"))
    driver.ask("guest", messages.ConfirmPerson(present=witness(driver), how="document"))
    assert check(driver).result == "open"
    assert driver.denied().count("not-allowed") == 4
    early = Driver("statement")
    early.join(HOST, HELPER, GUEST)
    early.ask("helper", messages.ConfirmPerson(present=witness(early), how="document"))
    assert check(early).result == "open"


def test_a_cooperating_officer_of_another_room_is_not_beside() -> None:
    """Booked into one room, the officer cannot vouch for the person in another."""
    driver = Driver("statement")
    booked = replace(driver.session.roster.parties[1], role=Role.COOPERATING_OFFICER, person="o3", room="r2")
    driver.session.roster = replace(driver.session.roster, parties=(*driver.session.roster.parties, booked))
    room = Seat("room", EndpointRole.ROOM, "取证室", (Named(Role.WITNESS, "某乙"),), room="r9")
    driver.join(HOST, HELPER, room)
    for endpoint in ("helper", "room"):
        driver.ask("host", messages.Admit(endpoint=endpoint))
    person = next(iter(driver.session.presence.endpoints["room"].persons))
    driver.ask("helper", messages.ConfirmPerson(present=person, how="document"))
    assert driver.denied() == ["not-allowed"]


# Still pictures


def asked(driver: Driver) -> str:
    driver.ask("host", messages.AskStills(present=witness(driver)))
    return next(reversed(driver.session.stills))


def sent(driver: Driver, request: str) -> None:
    for part in ("face", "document"):
        driver.take(events.StillKept("guest", request, part, f"still-{part}", "ab" * 32))


def test_stills_are_asked_consented_sent_and_compared() -> None:
    """The guest sees who asks; the pictures are shown to the host; the match says that it rests on them."""
    driver = unchecked()
    request = asked(driver)
    mine = view_of(driver, "guest").stills
    assert mine is not None
    assert (mine.request, mine.state, mine.by) == (request, "asked", "周建平 031207")
    assert wanted_still(driver.session, "guest", request, "face") == "not-granted"
    driver.ask("guest", messages.AnswerStills(request=request, consent=True))
    assert wanted_still(driver.session, "guest", request, "face") == ""
    sent(driver, request)
    shown = view_of(driver, "host").identity[0]
    assert (shown.stills, shown.pictures) == ("sent", ("still-face", "still-document"))
    assert wanted_still(driver.session, "guest", request, "face") == "already-sent"
    driver.ask("host", messages.ConfirmPerson(present=witness(driver), how="document"))
    assert check(driver).way == "stills"
    assert rebuilt(driver).stills == driver.session.stills


def test_a_refusal_is_recorded_and_the_check_goes_on_by_sight() -> None:
    """Nothing is held against the guest; the host is told and compares on the screen."""
    driver = unchecked()
    request = asked(driver)
    effects = driver.ask("guest", messages.AnswerStills(request=request, consent=False))
    assert [e.code for e in effects if isinstance(e, events.Tell)] == ["stills-refused"]
    assert driver.logged("stills-answered")[0]["consent"] is False
    assert view_of(driver, "guest").stills is None
    assert driver.state is State.LIVE
    driver.ask("host", messages.ConfirmPerson(present=witness(driver), how="document"))
    assert (check(driver).result, check(driver).way) == ("match", "sight")


def test_consent_withdrawn_after_sending_deletes_them() -> None:
    """A no after all has the pictures removed and shown to nobody."""
    driver = unchecked()
    request = asked(driver)
    driver.ask("guest", messages.AnswerStills(request=request, consent=True))
    sent(driver, request)
    effects = driver.ask("guest", messages.AnswerStills(request=request, consent=False))
    assert events.RemoveStills(("still-face", "still-document")) in effects
    assert view_of(driver, "host").identity[0].pictures == ()
    late = driver.take(events.StillKept("guest", request, "face", "late", "ab" * 32))
    assert events.RemoveStills(("late",)) in late


def test_nobody_else_answers_for_the_guest_and_nobody_asks_without_end() -> None:
    """Another endpoint's yes changes nothing; a second question waits; after some there are no more."""
    driver = unchecked()
    request = asked(driver)
    for endpoint in ("host", "second", "helper"):
        driver.ask(endpoint, messages.AnswerStills(request=request, consent=True))
    driver.ask("host", messages.AskStills(present=witness(driver)))
    assert driver.denied() == ["no-stills-asked"] * 3 + ["stills-asked"]
    for _ in range(MOST_STILLS):
        driver.ask("guest", messages.AnswerStills(request=next(reversed(driver.session.stills)), consent=False))
        driver.ask("host", messages.AskStills(present=witness(driver)))
    assert len(driver.session.stills) == MOST_STILLS


def test_there_are_no_stills_in_a_visit() -> None:
    """LV-3: whoever asks, for whomever; no privileged kind knows a check; at a terminal there are none either."""
    driver = live("visit")
    driver.join(POST)
    persons = [p.id for e in driver.session.presence for p in e.persons.values()]
    for endpoint in ("post", LAWYER.endpoint, "room"):
        for person in persons:
            driver.ask(endpoint, messages.AskStills(present=person))
    assert driver.session.stills == {}
    assert driver.logged("stills-asked") == []
    assert not any(kind.privileged and kind.identity for kind in KINDS.values())
    interrogation = live("interrogation")
    brought = next(iter(interrogation.session.presence.endpoints["room"].persons))
    interrogation.ask("host", messages.AskStills(present=brought))
    assert interrogation.denied() == ["no-stills"]


# The outside service


def test_a_match_of_the_service_verifies_and_a_no_opens_the_check() -> None:
    """The number leaves the session by one effect and stands in no entry."""
    driver = unchecked()
    number = "110101 19900307 0000"
    effects = driver.ask("host", messages.VerifyPerson(present=witness(driver), document="id-card", number=number))
    assert [e.number for e in effects if isinstance(e, events.AskService)] == ["110101199003070000"]
    assert "11010119900307" not in repr([e for e in driver.effects if isinstance(e, events.Record)])
    assert "11010119900307" not in repr(effects)
    driver.take(events.ServiceAnswered(witness(driver), "match", "R-1"))
    assert (check(driver).result, check(driver).way) == ("match", "service")
    driver.ask("host", messages.VerifyPerson(present=witness(driver), document="id-card", number=number))
    driver.take(events.ServiceAnswered(witness(driver), "no-match"))
    assert (check(driver).result, check(driver).service) == ("no-match", "no-match")
    assert view_of(driver, "host").identity_first
    assert rebuilt(driver).presence.endpoints["guest"].persons[witness(driver)].check == check(driver)


@pytest.mark.parametrize("outcome", ["unsure", "unavailable"])
def test_no_clear_answer_leaves_it_to_the_officers(outcome: str) -> None:
    """Nothing is verified by silence; a comparison by sight still counts."""
    driver = unchecked()
    driver.ask("host", messages.VerifyPerson(present=witness(driver), document="id-card", number="12345678"))
    driver.take(events.ServiceAnswered(witness(driver), outcome))
    assert check(driver).result == "open"
    driver.ask("host", messages.ConfirmPerson(present=witness(driver), how="document"))
    assert check(driver).result == "match"


# The ledger


async def test_the_ledger_holds_every_step_under_its_author(world: World) -> None:
    """Question, answer, doubt and result stand there with the officer's or the guest's id, without names."""
    session, host, guest = await stills_asked(world)
    person = guest.of("view")[-1]["endpoints"][-1]["persons"][0]["id"]
    await guest.say(messages.AnswerStills(request="s1", consent=False))
    await host.a("notice", code="stills-refused")
    await host.say(messages.DoubtPerson(present=person, why="refused"))
    await host.say(messages.ConfirmPerson(present=person, how="document", document="id-card"))
    await host.until(lambda m: m["type"] == "view" and m["identity"][0]["result"] == "match")
    await world.written(session)
    async with world.site.db.transaction(write=False) as tx:
        found = list(reversed(await ledger.find(tx, Wanted(tag="identity."))))
    officer, invited = world.principals["officer"].id, world.principals["guest"].id
    assert [(entry.tag, entry.actor) for entry in found] == [
        ("identity.stills-asked", officer),
        ("identity.stills-refused", invited),
        ("identity.doubted", officer),
        ("identity.confirmed", officer),
    ]
    assert found[-1].details["document"] == "id-card"
    assert all("孙丽" not in str(entry.details) for entry in found)
