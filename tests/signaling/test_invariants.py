"""Whatever happens in whatever order: what must never be, never is."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cases.kinds import KINDS, Recording
from scheduler.models import Step
from signaling import events, messages
from signaling.restore import Entry, restore
from signaling.states import MOVES, Record, State
from tests.signaling.rosters import GUEST, HOST, LAWYER, POST, ROOM, SECOND, Driver

SEATS = {seat.endpoint: seat for seat in (HOST, SECOND, ROOM, GUEST, LAWYER, POST)}
WHO = st.sampled_from(sorted(SEATS))
ASKS = st.one_of(
    st.builds(messages.Admit, endpoint=WHO),
    st.builds(messages.Refuse, endpoint=WHO, reason=st.just("not-now")),
    st.builds(messages.Eject, endpoint=WHO, reason=st.just("other")),
    st.builds(
        messages.NamePerson, role=st.sampled_from(["officer", "detainee"]), name=st.just(""), person=st.just("o2")
    ),
    st.builds(messages.DropPerson, present=st.sampled_from(["p1", "p2", "p3"])),
    st.builds(messages.ConfirmPerson, present=st.sampled_from(["p1", "p2", "p3"]), how=st.just("known")),
    st.builds(messages.ConfirmName, me=st.booleans()),
    st.sampled_from(
        [
            messages.Start(),
            messages.Hold(reason="停"),
            messages.Resume(reason="继续"),
            messages.End(reason="完"),
            messages.Leave(),
            messages.Chat(text="你好"),
            messages.Help(),
        ]
    ),
    st.builds(messages.Device, kind=st.just("audio"), state=st.sampled_from(["on", "off", "lost"])),
)
ACTS = st.one_of(
    st.tuples(st.just("join"), WHO),
    st.tuples(st.just("gone"), WHO),
    st.tuples(st.just("ask"), WHO, ASKS),
    st.tuples(st.just("after"), st.sampled_from([0, 1, 6, 30, 600])),
    st.tuples(st.just("step"), st.sampled_from(list(Step))),
    st.tuples(
        st.just("event"),
        st.one_of(
            st.sampled_from(
                [
                    events.RelayDown(),
                    events.RelayUp(True),
                    events.RelayUp(False),
                    events.RecorderReady(1),
                    events.RecorderFailed("disk-full"),
                    events.MediaClosed("00" * 32),
                    events.EndAsked("ended-by-page", "d1"),
                ]
            ),
            st.builds(events.LineLost, WHO, st.booleans()),
            st.builds(events.Withdrawn, WHO),
        ),
    ),
)


def act(driver: Driver, what: tuple) -> list:
    match what:
        case ("join", who):
            return driver.take(events.Joined(SEATS[who]))
        case ("gone", who):
            return driver.take(events.Gone(who))
        case ("ask", who, message):
            return driver.ask(who, message)
        case ("after", seconds):
            return driver.after(seconds)
        case ("step", step):
            roster = driver.session.roster
            return driver.take(events.RosterChanged(replace(roster, steps={**roster.steps, step: driver.now})))
        case ("event", event):
            return driver.take(event)
    raise AssertionError(what)


def check(driver: Driver, forwarding: bool) -> None:
    """The invariants of a session."""
    session, now = driver.session, driver.now
    assert forwarding is (session.state is State.LIVE), "routes are open exactly while live"
    if session.state is State.LIVE:
        assert session.record is Record.ON, "no chain, no session"
        assert session.relay
        assert not session.presence.missing(now), "everybody required is here"
        assert now >= session.roster.start
        if session.kind.privileged:
            assert session.roster.custody_ready, "the escort has left"
    if session.finished:
        assert session.state is State.ENDED
    if session.kind.recording is Recording.ATTENDANCE:
        assert not session.awaits_return


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(acts=st.lists(ACTS, max_size=40), recorder=st.booleans())
def test_no_order_of_events_breaks_an_invariant(kind: str, acts: list, recorder: bool) -> None:
    """Forwarding only while live; live only with chain, people and time; the log alone rebuilds who is there."""
    driver = Driver(kind, recorder=recorder)
    driver.join(*(SEATS[s] for s in ("host", "second", "room", "guest", "lawyer")))
    forwarding, state = False, driver.state
    for what in acts:
        before = len(driver.effects)
        act(driver, what)
        for effect in driver.effects[before:]:
            if isinstance(effect, events.Forward):
                forwarding = effect.on
            if isinstance(effect, events.Record) and effect.public["event"] == "state":
                assert effect.public["from"] == state
                assert effect.public["to"] in MOVES[State(state)]
                state = effect.public["to"]
        check(driver, forwarding)
    records = [e for e in driver.effects if isinstance(e, events.Record)]
    again = restore(
        driver.session.roster, [Entry(n, driver.now, r.public, r.private) for n, r in enumerate(records, 1)], driver.now
    )
    for endpoint in driver.session.presence:
        rebuilt = again.presence.endpoints[endpoint.id]
        assert (rebuilt.standing, rebuilt.persons) == (endpoint.standing, endpoint.persons)
