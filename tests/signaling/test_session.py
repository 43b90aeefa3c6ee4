"""The state machine: every state with every event, what each kind forwards and records, the law of holds and ends."""

from dataclasses import replace
from datetime import timedelta

import pytest

from cases.kinds import KINDS, EndpointRole, Recording
from scheduler.models import State as BookingState
from scheduler.models import Step
from scheduler.roster import READY
from signaling import events, messages
from signaling.chain import ARM_TIMEOUT, RETURN_WAIT
from signaling.rights import rights
from signaling.session import ABANDONED, Session, carried
from signaling.states import REASONS, Record, State
from tests.signaling.rosters import GUEST, HOST, LAWYER, POST, ROOM, SECOND, START, WIDE, Driver, live, roster

W, A, L, H, E = State.WAITING, State.ARMING, State.LIVE, State.HELD, State.ENDED


def in_state(state: State) -> Driver:
    """A witness statement in ``state`` with its host, second officer and guest."""
    if state is W:
        driver = Driver("statement")
        driver.join(HOST, SECOND, GUEST)
        return driver
    if state is A:
        driver = Driver("statement", recorder=False)
        driver.join(HOST, SECOND, GUEST)
        driver.ask("host", messages.Admit(endpoint="second"))
        driver.ask("host", messages.Admit(endpoint="guest"))
        return driver
    driver = live("statement")
    if state is H:
        driver.ask("host", messages.Hold(reason="喝水"))
    if state is E:
        driver.recorder = False
        driver.ask("host", messages.End())
    return driver


CLOSED = events.MediaClosed("00" * 32)
ASK = {
    "admit": messages.Admit(endpoint="guest"),
    "start": messages.Start(),
    "hold": messages.Hold(reason="休息"),
    "resume": messages.Resume(reason="继续"),
    "end": messages.End(),
    "leave": messages.Leave(),
    "chat": messages.Chat(text="你好"),
    "marker": messages.Marker(label="要点"),
    "extend": messages.Extend(minutes=15),
}
TABLE: dict[str, tuple[object, tuple[State, State, State, State, State]]] = {
    "tick": (events.Tick(), (W, A, L, H, E)),
    "joined again": (events.Joined(HOST), (W, A, L, H, E)),
    "gone": (events.Gone("guest"), (W, A, L, H, E)),
    "withdrawn": (events.Withdrawn("guest"), (W, H, H, H, E)),
    "kept apart": (events.KeptApart("guest"), (W, H, H, H, E)),
    "roster": (events.RosterChanged(roster("statement")), (W, A, L, H, E)),
    "end asked": (events.EndAsked("ended-by-page", "x"), (E, E, E, E, E)),
    "calls answered": (events.CallsAnswered("d1"), (W, A, L, H, E)),
    "time refused": (events.TimeRefused("host", "taken", "x"), (W, A, L, H, E)),
    "time claimed": (events.TimeClaimed(START), (W, A, L, H, E)),
    "still kept": (events.StillKept("guest", "s1", "face", "x", "00" * 32), (W, A, L, H, E)),
    "service answered": (events.ServiceAnswered("p3", "no-match"), (W, A, L, H, E)),
    "relay up": (events.RelayUp(True), (W, A, L, H, E)),
    "relay down": (events.RelayDown(), (W, H, H, H, E)),
    "recorder ready": (events.RecorderReady(1), (W, L, L, H, E)),
    "recorder failed": (events.RecorderFailed("disk-full"), (W, H, H, H, E)),
    "durable": (events.DurableUntil(START), (W, A, L, H, E)),
    "gap": (events.GapSeen("guest", 0, 10, "loss"), (W, A, L, H, E)),
    "publication": (events.PublicationSeen("guest", "camera", True), (W, A, L, H, E)),
    "track silent": (events.TrackSilent("guest", "camera", "audio", True), (W, A, L, H, E)),
    "line lost": (events.LineLost("guest", True), (W, H, H, H, E)),
    "line": (events.LineSeen("guest", messages.LineView(up_loss=0, down_loss=0, rtt_ms=1, way="udp")), (W, A, L, H, E)),
    "cameras": (events.CamerasKnown((WIDE,)), (W, A, L, H, E)),
    "camera away": (events.CameraAway("guest", "wide"), (W, A, L, H, E)),
    "camera refused": (events.CameraRefused(WIDE), (W, A, L, H, E)),
    "closed": (CLOSED, (W, A, L, H, E)),
    "ask admit": (events.Asked("host", ASK["admit"]), (W, A, L, H, E)),
    "ask start": (events.Asked("host", ASK["start"]), (W, A, L, H, E)),
    "ask hold": (events.Asked("guest", ASK["hold"]), (W, H, H, H, E)),
    "ask resume": (events.Asked("host", ASK["resume"]), (W, A, L, L, E)),
    "ask end": (events.Asked("host", ASK["end"]), (E, E, E, E, E)),
    "ask leave": (events.Asked("guest", ASK["leave"]), (W, H, H, H, E)),
    "ask chat": (events.Asked("guest", ASK["chat"]), (W, A, L, H, E)),
    "ask marker": (events.Asked("host", ASK["marker"]), (W, A, L, H, E)),
    "ask extend": (events.Asked("host", ASK["extend"]), (W, A, L, H, E)),
}
assert {type(event) for event, _ in TABLE.values()} == set(events.Event.__args__)


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("number", range(5), ids=[state.value for state in State])
def test_every_event_in_every_state(name: str, number: int) -> None:
    """Each event moves each state where the table says, and nowhere else."""
    event, after = TABLE[name]
    driver = in_state(list(State)[number])
    driver.session.handle(event, driver.now)  # type: ignore[arg-type]
    assert driver.state is after[number]


@pytest.mark.parametrize("state", [W, A, L, H])
def test_only_the_host_leads(state: State) -> None:
    """A guest who asks for what is the host's changes nothing and is told so."""
    for message in (ASK["admit"], ASK["start"], ASK["resume"], ASK["end"], ASK["marker"], ASK["extend"]):
        driver = in_state(state)
        before = list(driver.session.presence.admitted())
        effects = driver.ask("guest", message)
        assert [type(e) for e in effects] == [events.Deny], message
        assert (driver.state, list(driver.session.presence.admitted())) == (state, before)


CARRIED = {
    # kind: (forward, record) while waiting, arming, live, held, ended before the chain is closed
    "visit": [(0, 0), (0, 0), (1, 0), (0, 0), (0, 0)],
    "interrogation": [(0, 0), (0, 0), (1, 1), (0, 1), (0, 1)],
    "statement": [(0, 0), (0, 0), (1, 1), (0, 1), (0, 0)],
    "rehearsal": [(0, 0), (0, 0), (1, 1), (0, 1), (0, 0)],
}
assert set(CARRIED) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_what_each_kind_carries_in_each_state(kind: str) -> None:
    """Forwarding only while live; the journal of recorded kinds from then on through holds; of a visit never."""
    expected = [tuple(map(bool, pair)) for pair in CARRIED[kind]]
    recording = KINDS[kind].recording
    driver = live(kind)
    assert carried(recording, driver.state, driver.session.record) == expected[2]
    driver.take(driver_hold(driver))
    assert driver.state is H
    assert carried(recording, driver.state, driver.session.record) == expected[3]
    driver.recorder = False
    driver.take(events.EndAsked("ended-by-page", "x"))
    assert carried(recording, driver.state, driver.session.record) == expected[4]
    fresh = Session(roster(kind), START)
    assert carried(recording, fresh.state, fresh.record) == expected[0]
    assert carried(recording, A, Record.ARMING) == expected[1]


def driver_hold(driver: Driver) -> events.Event:
    host = (
        next(e for e in driver.session.presence.admitted() if e.role is driver.session.kind.host)
        if (driver.session.kind.code != "visit")
        else None
    )
    if host is None:
        driver.join(POST)
        return events.Asked("post", messages.Hold(reason="停"))
    return events.Asked(host.id, messages.Hold(reason="停"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_relay_forwards_exactly_while_live(kind: str) -> None:
    """Routes open on entering LIVE and shut on leaving it, before anything else is done."""
    driver = live(kind)
    assert [e.on for e in driver.effects if isinstance(e, events.Forward)] == [True]
    effects = driver.take(driver_hold(driver))
    assert effects[0] == events.Forward(False)


def test_nothing_is_forwarded_before_the_recorder_is_ready() -> None:
    """All required persons are here: the session arms and waits for the recorder."""
    driver = in_state(A)
    assert not [e for e in driver.effects if isinstance(e, events.Forward)]
    driver.take(events.RecorderReady(1))
    assert driver.state is L


def test_a_full_disk_at_the_start_holds_and_says_why() -> None:
    """A recorder that cannot be armed leads to HELD with an alarm, and nothing was forwarded."""
    driver = in_state(A)
    effects = driver.take(events.RecorderFailed("disk-full"))
    assert (driver.state, driver.session.reason) == (H, "recorder-failed")
    assert any(isinstance(e, events.Tell) and e.level == "alarm" for e in effects)
    assert not any(isinstance(e, events.Forward) and e.on for e in driver.effects)


def test_a_media_process_without_room_is_asked_again() -> None:
    """It refused to open the session: held with that reason, opened and armed again every few seconds."""
    driver = in_state(A)
    driver.take(events.RecorderFailed("overloaded"))
    assert (driver.state, driver.session.reason) == (H, "overloaded")
    effects = driver.after(4)
    assert effects.index(events.OpenMedia()) < effects.index(events.ArmRecorder())


@pytest.mark.parametrize("code", ["clock-off", "space-low"])
def test_what_an_operator_must_mend_is_said_as_such(code: str) -> None:
    """A wrong clock and little room hold the session in their own words, which name who must act; it is tried again."""
    driver = in_state(A)
    effects = driver.take(events.RecorderFailed(code))
    assert (driver.state, driver.session.reason) == (H, code)
    assert events.Tell("alarm", code, REASONS[code]) in effects
    assert "operator" in REASONS[code]
    assert events.ArmRecorder() in driver.after(4)


def test_a_recorder_that_falls_silent_holds_the_session() -> None:
    """It acknowledged seconds and then none for more than eight: held, told once, armed again. Where nobody listened
    meanwhile, or it never began, nothing is concluded from that."""
    driver = in_state(L)
    for _ in range(20):
        driver.after(1)
    assert driver.state is L, "never heard: arming has a limit of its own"
    driver.take(events.DurableUntil(driver.now))
    driver.after(60)
    assert driver.state is L, "nobody listened"
    driver.take(events.DurableUntil(driver.now))
    for _ in range(8):
        driver.after(1)
    assert driver.state is L
    effects = driver.after(1)
    assert (driver.state, driver.session.reason) == (H, "recorder-failed")
    assert any(isinstance(e, events.Forward) and not e.on for e in effects)
    assert {e.public.get("code") for e in effects if isinstance(e, events.Record)} >= {"recorder-slow"}
    assert events.ArmRecorder() in driver.after(3)
    assert driver.state is H, "going on is an act of the host"


def test_a_silent_recorder_has_failed() -> None:
    """Without an answer within the limit the session is held."""
    driver = in_state(A)
    driver.after(ARM_TIMEOUT.total_seconds() - 1)
    assert driver.state is A
    driver.after(1)
    assert (driver.state, driver.session.record) == (H, Record.FAILED)


def test_a_failed_recorder_is_asked_again_and_resuming_stays_an_act() -> None:
    """The break comes on record by itself; going on needs the host and a reason."""
    driver = live("interrogation")
    driver.recorder = False
    driver.take(events.RecorderFailed("disk-full"))
    assert driver.state is H
    assert events.ArmRecorder() in driver.after(4)
    driver.take(events.RecorderReady(2))
    assert (driver.state, driver.session.record) == (H, Record.ON)
    driver.ask("host", messages.Resume(reason=" "))
    assert driver.denied()[-1] == "reason-wanted"
    driver.ask("host", messages.Resume(reason="磁盘已更换"))
    assert driver.state is L


def test_resuming_without_a_recorder_arms_it_first() -> None:
    """A resume while the chain is broken goes through ARMING."""
    driver = live("statement")
    driver.recorder = False
    driver.take(events.RecorderFailed("internal"))
    effects = driver.ask("host", messages.Resume(reason="再试"))
    assert events.ArmRecorder() in effects
    assert driver.state is A


def test_repeated_failures_are_told_once() -> None:
    """Retries that fail again fill neither screens nor log."""
    driver = live("statement")
    driver.recorder = False
    driver.take(events.RecorderFailed("disk-full"))
    for _ in range(5):
        driver.after(4)
        driver.take(events.RecorderFailed("disk-full"))
    assert len(driver.logged("recorder-failed")) == 1


# Persons


def test_two_officers_at_one_screen_count_as_two() -> None:
    """The host names the second officer from the roster: an interrogation can start."""
    driver = Driver("interrogation")
    driver.join(HOST, ROOM)
    driver.steps(*READY)
    assert not driver.session.may_begin(driver.now)
    driver.ask("host", messages.NamePerson(role="officer", name="", person="o2"))
    driver.ask("host", messages.Start())
    assert driver.state is L


def test_the_same_officer_twice_counts_once() -> None:
    """An officer named at the host's screen who also joins from a phone is one person."""
    driver = Driver("interrogation")
    driver.join(HOST, ROOM)
    driver.steps(*READY)
    driver.ask("host", messages.NamePerson(role="officer", name="", person="o1"))
    assert driver.denied() == ["already-named"]
    driver.ask("host", messages.Start())
    assert driver.state is W


def test_an_officer_without_a_number_is_not_named() -> None:
    """A typed officer needs the number that can be checked."""
    driver = Driver("interrogation")
    driver.join(HOST)
    driver.ask("host", messages.NamePerson(role="officer", name="王某"))
    driver.ask("host", messages.NamePerson(role="lawyer", name="王某", number="1"))
    assert driver.denied() == ["bad-person", "bad-person"]


def test_the_host_names_an_officer_in_the_room() -> None:
    """Wholly inside one room: the second officer sits with the terminal."""
    driver = Driver("interrogation")
    driver.join(HOST, ROOM)
    driver.steps(*READY)
    driver.ask("host", messages.NamePerson(role="cooperating_officer", name="王某", number="7", endpoint="room"))
    driver.ask("host", messages.Start())
    assert driver.state is L


def together() -> Driver:
    """An interrogation whose officers are booked into the room of the person in custody, with one endpoint."""
    driver = Driver("interrogation")
    parties = tuple(
        replace(p, room="r1") if p.endpoint_role is EndpointRole.HOST else p for p in driver.session.roster.parties
    )
    driver.take(events.RosterChanged(replace(driver.session.roster, parties=parties)))
    driver.join(HOST)
    driver.ask("host", messages.NamePerson(role="officer", name="", person="o2"))
    return driver


def test_an_interrogation_inside_one_room_needs_one_endpoint() -> None:
    """Officers and suspect at one screen: named once the duty post has confirmed, on record until the return."""
    driver = together()
    driver.ask("host", messages.NamePerson(role="detainee", name="随便"))
    assert driver.denied() == ["custody-steps"]
    driver.steps(*READY)
    driver.ask("host", messages.NamePerson(role="detainee", name="随便"))
    names = [p.name for p in driver.session.presence.endpoints["host"].persons.values()]
    assert names == ["周建平", "林晓燕", "某甲"], "named as booked, not as typed"
    driver.ask("host", messages.Start())
    assert driver.state is L
    driver.ask("host", messages.End())
    host = driver.session.presence.endpoints["host"]
    assert rights(driver.session, host, driver.now).publish
    driver.steps(Step.RETURNED)
    assert driver.session.finished


def test_a_remote_interrogation_has_no_suspect_at_the_officers_screen() -> None:
    """Booked into another room, the suspect is in that room."""
    driver = Driver("interrogation")
    driver.join(HOST)
    driver.steps(*READY)
    driver.ask("host", messages.NamePerson(role="detainee", name="某甲"))
    assert driver.denied() == ["bad-person"]


def test_a_missing_officer_holds_and_alarms() -> None:
    """One of two officers away for longer than the grace: forwarding stops, everybody is told (CPL 118)."""
    driver = live("interrogation")
    driver.take(events.Gone("second"))
    driver.after(4)
    assert driver.state is L
    effects = driver.after(2)
    assert (driver.state, driver.session.reason) == (H, "person-missing")
    assert any(isinstance(e, events.Tell) and e.level == "alarm" for e in effects)
    driver.join(SECOND)
    assert driver.state is H, "in recorded kinds going on is an act"
    driver.ask("host", messages.Resume(reason="重新连接"))
    assert driver.state is L


def test_a_dropped_officer_holds_at_once() -> None:
    """Who is said to have left the screen no longer counts."""
    driver = Driver("interrogation")
    driver.join(HOST, ROOM)
    driver.steps(*READY)
    driver.ask("host", messages.NamePerson(role="officer", name="", person="o2"))
    driver.ask("host", messages.Start())
    present = next(p.id for p in driver.session.presence.endpoints["host"].persons.values() if p.person == "o2")
    driver.ask("host", messages.DropPerson(present=present))
    assert (driver.state, driver.session.reason) == (H, "person-missing")


def test_resuming_while_somebody_is_missing_is_refused() -> None:
    """A reason does not replace a person."""
    driver = live("interrogation")
    driver.ask("second", messages.Leave())
    driver.ask("host", messages.Resume(reason="继续"))
    assert driver.denied() == ["person-missing"]


def test_a_reload_is_no_absence() -> None:
    """Back within the grace: nothing was held, and the persons are the same."""
    driver = live("interrogation")
    driver.take(events.Gone("host"))
    driver.after(3)
    driver.join(HOST)
    driver.after(10)
    assert driver.state is L
    assert len(driver.session.presence.endpoints["host"].persons) == 1


# The door


def test_a_guest_who_is_somebody_else_cannot_be_admitted() -> None:
    """ "That is not me" alarms the host and shuts the door."""
    driver = Driver("statement")
    driver.join(HOST, replace(GUEST, name_confirmed=None))
    effects = driver.ask("guest", messages.ConfirmName(me=False))
    assert any(isinstance(e, events.Tell) and e.code == "wrong-person" and e.to == {"host"} for e in effects)
    driver.ask("host", messages.Admit(endpoint="guest"))
    assert driver.denied() == ["wrong-person"]


def test_the_host_cannot_admit_a_room_before_the_duty_post() -> None:
    """The person in custody is let in by the facility's steps alone."""
    driver = Driver("interrogation")
    driver.join(HOST, ROOM)
    driver.steps(Step.BROUGHT)
    driver.ask("host", messages.Admit(endpoint="room"))
    assert driver.denied() == ["custody-steps"]
    driver.steps(*READY)
    assert driver.session.presence.endpoints["room"].standing.value == "admitted"
    confirmed = driver.logged("person-confirmed")
    assert [entry["how"] for entry in confirmed] == ["facility"]


def test_who_was_removed_comes_back_only_by_the_host() -> None:
    """An ejected officer who joins anew waits like anybody."""
    driver = live("statement")
    driver.ask("host", messages.Eject(endpoint="guest", reason="disturbance"))
    assert driver.state is H
    assert events.RemoveMedia("guest") in driver.effects
    driver.join(GUEST)
    assert driver.session.presence.endpoints["guest"].standing.value == "waiting"


def test_nobody_is_removed_from_a_visit() -> None:
    """The duty post cannot eject the lawyer, and ends a visit only with a reason."""
    driver = live("visit")
    driver.join(POST)
    person = next(iter(driver.session.presence.endpoints["lawyer"].persons))
    driver.ask("post", messages.Eject(endpoint="lawyer", reason="other"))
    driver.ask("post", messages.DropPerson(present=person))
    driver.ask("post", messages.End())
    assert driver.denied() == ["not-allowed", "no-such-person", "reason-wanted"]
    assert driver.state is L


def test_who_still_waits_at_the_start_is_not_recorded() -> None:
    """The lobby's media end when arming begins, so that no waiting room is on record."""
    driver = Driver("statement")
    other = replace(GUEST, endpoint="guest2", persons=())
    driver.join(HOST, SECOND, GUEST, other)
    driver.ask("host", messages.Admit(endpoint="second"))
    driver.ask("host", messages.Admit(endpoint="guest"))
    assert driver.state is L
    assert events.RemoveMedia("guest2") in driver.effects


# Visits


def test_a_visit_starts_by_itself() -> None:
    """Lawyer there, custody steps done: nobody has to open a page for the duty post."""
    driver = live("visit")
    assert not [e for e in driver.effects if isinstance(e, events.Deny)]


def test_a_visit_never_starts_before_the_escort_has_left() -> None:
    """Brought and checked is not enough: nobody else may be in the room (CPL 39)."""
    driver = Driver("visit")
    driver.join(LAWYER, ROOM)
    driver.steps(Step.BROUGHT, Step.IDENTITY_CHECKED)
    assert driver.state is W


def test_a_visit_goes_on_by_itself_when_somebody_is_back() -> None:
    """No recording to account for: a lost line ends the hold by coming back."""
    driver = live("visit")
    driver.take(events.Gone("lawyer"))
    driver.after(6)
    assert driver.state is H
    driver.join(LAWYER)
    assert driver.state is L


def test_a_visit_stopped_by_the_post_does_not_go_on_by_itself() -> None:
    """What somebody stopped, somebody resumes."""
    driver = live("visit")
    driver.join(POST)
    driver.ask("post", messages.Hold(reason="警报"))
    driver.after(60)
    assert driver.state is H


def test_the_lawyer_ends_and_extends_a_visit_and_cannot_hold_it() -> None:
    """The visit is the lawyer's time."""
    driver = live("visit")
    driver.ask("lawyer", messages.Hold(reason="停"))
    assert driver.denied() == ["not-allowed"]
    assert events.AskTime("lawyer", 30) in driver.ask("lawyer", messages.Extend(minutes=30))
    driver.ask("lawyer", messages.End())
    assert (driver.state, driver.session.reason) == (E, "ended-by-lawyer")


def test_a_visit_states_its_attendance_every_minute() -> None:
    """Who was connected, and that nothing took their media, stands in the chain each minute."""
    driver = live("visit")
    for _ in range(4):
        driver.after(30)
    entries = driver.logged("attendance")
    assert [entry["sinks"] for entry in entries] == [0, 0]
    assert {e["endpoint"] for e in entries[0]["connected"]} == {"lawyer", "room"}  # type: ignore[attr-defined]


# Edges


def test_a_visit_warns_and_ends_after_its_grace() -> None:
    """Warnings at 10, 5, 1 and 0 minutes; five minutes later it is over."""
    driver = live("visit")
    warned = [(m, e.minutes) for m in range(1, 66) for e in driver.after(60) if isinstance(e, events.Warn)]
    assert warned == [(50, 10), (55, 5), (59, 1), (60, 0)]
    assert (driver.state, driver.session.reason) == (E, "window-closed")


def test_an_interrogation_is_never_cut_by_its_slot() -> None:
    """It warns and goes on for hours."""
    driver = live("interrogation")
    warned = [e.minutes for _ in range(40) for e in driver.after(600) if isinstance(e, events.Warn)]
    assert (warned[0], warned[-1], driver.state) == (10, 0, L)


def test_an_interrogation_past_its_slot_claims_time_without_a_word() -> None:
    """It asks at its end and again at the end it was given; nobody is warned of that one, and it is in the log."""
    driver = live("interrogation")
    driver.after(3600)
    assert [e for e in driver.effects if isinstance(e, events.ClaimTime)] == [events.ClaimTime()]
    later = START + timedelta(minutes=75)
    driver.take(events.TimeClaimed(later, 1))
    driver.end_at(later)
    logged = [e.public for e in driver.effects if isinstance(e, events.Record)]
    assert {"event": "overrun", "until": later.isoformat(), "waiting": 1} in logged
    before = len(driver.effects)
    driver.after(899)
    assert not [e for e in driver.effects[before:] if isinstance(e, events.Warn | events.ClaimTime)]
    driver.after(2)
    assert [e for e in driver.effects[before:] if isinstance(e, events.ClaimTime)] == [events.ClaimTime()]


def test_what_never_began_ends_with_its_window() -> None:
    """An interrogation nobody started is closed at the end of the slot."""
    driver = Driver("interrogation")
    driver.join(HOST)
    driver.after(3600)
    assert (driver.state, driver.session.reason) == (E, "not-started")


def test_an_extension_moves_the_warnings() -> None:
    """More time: the warnings come again before the new end."""
    driver = live("visit")
    driver.after(51 * 60)
    driver.end_at(START + timedelta(minutes=90))
    warned = [e.minutes for _ in range(39) for e in driver.after(60) if isinstance(e, events.Warn)]
    assert warned == [10, 5, 1, 0]


def test_nothing_starts_before_the_window() -> None:
    """Everybody is early: the start waits for the hour and then comes by itself."""
    driver = Driver("visit")
    driver.now = START - timedelta(minutes=5)
    driver.join(LAWYER, ROOM)
    driver.steps(*READY)
    assert driver.state is W
    driver.after(301)
    assert driver.state is L


# Ends


def test_an_interrogation_stays_on_record_until_the_return() -> None:
    """After the end nothing is forwarded and the room stays on record; the return closes the chain."""
    driver = live("interrogation")
    driver.ask("host", messages.End())
    assert (driver.state, driver.session.record) == (E, Record.ON)
    assert not [e for e in driver.effects if isinstance(e, events.CloseMedia)]
    driver.after(600)
    driver.steps(Step.RETURNED)
    assert driver.session.finished
    assert driver.logged("closed")[0]["digest"] == "ab" * 32


def test_a_return_nobody_confirms_is_waited_for_only_so_long() -> None:
    """The bounded wait is over: the chain is closed and says so."""
    driver = live("interrogation")
    driver.ask("host", messages.End())
    driver.after(RETURN_WAIT.total_seconds() + 1)
    assert driver.logged("return-not-confirmed")
    assert driver.session.finished


def test_a_session_nobody_is_connected_to_is_ended() -> None:
    """Everybody gone for half an hour: the record is closed rather than kept open for ever."""
    driver = live("statement")
    for endpoint in ("host", "second", "guest"):
        driver.take(events.Gone(endpoint))
    driver.after(ABANDONED.total_seconds() - 60)
    assert driver.state is H
    driver.after(61)
    assert (driver.state, driver.session.reason) == (E, "abandoned")


def test_a_cancelled_booking_ends_what_has_not_begun() -> None:
    """Those who wait are told that it was cancelled."""
    driver = Driver("statement")
    driver.join(HOST)
    driver.take(events.RosterChanged(replace(driver.session.roster, state=BookingState.CANCELLED)))
    assert (driver.state, driver.session.reason) == (E, "cancelled")


def test_a_close_that_never_comes_is_not_waited_for_for_ever() -> None:
    """The media process does not answer the close: the session is let go without a digest."""
    driver = live("statement")
    driver.recorder = False
    driver.ask("host", messages.End())
    driver.after(121)
    assert (driver.session.finished, driver.session.digest) == (True, None)


# The media process


def test_a_restarted_media_process_holds_republishes_and_records_on() -> None:
    """New boot: held with the reason, everybody publishes anew, a new take begins, resuming is an act."""
    driver = live("interrogation")
    driver.take(events.RelayDown())
    assert (driver.state, driver.session.reason) == (H, "relay-lost")
    effects = driver.take(events.RelayUp(True))
    assert events.Republish() in effects
    assert effects.index(events.OpenMedia()) < effects.index(events.ArmRecorder())
    assert (driver.session.reason, driver.session.record) == ("relay-restarted", Record.ON)
    driver.ask("host", messages.Resume(reason="服务已恢复"))
    assert driver.state is L


def test_a_media_process_that_dies_while_closing_closes_after_its_restart() -> None:
    """The chain is recovered by a new take and then closed."""
    driver = live("statement")
    driver.recorder = False
    driver.ask("host", messages.End())
    driver.take(events.RelayDown())
    assert events.ArmRecorder() in driver.take(events.RelayUp(True))
    assert any(isinstance(e, events.CloseMedia) for e in driver.take(events.RecorderReady(2)))
    driver.take(CLOSED)
    assert driver.session.finished


def test_a_media_process_that_dies_before_the_return_goes_on_recording() -> None:
    """Waiting for the return, a restart of the media process begins a new take of the custody side."""
    driver = live("interrogation")
    driver.ask("host", messages.End())
    driver.take(events.RelayDown())
    driver.take(events.RelayUp(True))
    assert (driver.state, driver.session.record) == (E, Record.ON)
    driver.steps(Step.RETURNED)
    assert driver.session.finished


def test_only_attendance_keeps_no_media() -> None:
    """No privileged kind has a policy under which media are kept in clear."""
    assert all(kind.recording is Recording.ATTENDANCE for kind in KINDS.values() if kind.privileged)


@pytest.mark.parametrize(("kind", "entries"), [("interrogation", 3), ("visit", 0)])
def test_lines_are_in_the_log_of_recorded_kinds(kind: str, entries: int) -> None:
    """Every ten seconds while live, of those who are here; a visit's log holds no course of its lines."""
    driver = live(kind)
    line = messages.LineView(up_loss=0.02, down_loss=0.0, rtt_ms=40.0, way="turn-udp")
    driver.take(events.LineSeen("room", line))
    for _ in range(30):
        driver.after(1)
    logged = driver.logged("lines")
    assert len(logged) == entries
    wanted = {"endpoint": "room", "up_loss": 0.02, "down_loss": 0.0, "rtt_ms": 40.0, "way": "turn-udp"}
    assert all(entry["lines"] == [wanted] for entry in logged)


def test_a_visit_keeps_the_totals_of_its_lines() -> None:
    """At its end one entry: how long each was seen, and the means; where the course is on record there is none."""
    for kind in ("visit", "interrogation"):
        driver = live(kind)
        for loss, way, rtt_ms in ((0.02, "udp", 40.0), (0.04, "turn-tls", None)):
            line = messages.LineView(up_loss=loss, down_loss=0.0, rtt_ms=rtt_ms, way=way)
            driver.take(events.LineSeen("room", line))
            for _ in range(10):
                driver.after(1)
        assert driver.logged("line-totals") == []
        driver.ask("host" if kind == "interrogation" else "lawyer", messages.End(reason="结束"))
        wanted = {"endpoint": "room", "seconds": 20, "up_loss": 0.03, "down_loss": 0.0, "rtt_ms": 40.0}
        totals = [{"lines": [{**wanted, "ways": ["turn-tls", "udp"]}]}] if kind == "visit" else []
        assert [{"lines": entry["lines"]} for entry in driver.logged("line-totals")] == totals
