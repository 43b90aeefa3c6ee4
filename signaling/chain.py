"""The media process and the chain it keeps for a session: armed, failed, asked again, closed. Pure.

Nothing is forwarded without a chain that is on. A failure holds the session; while it is held the recorder is asked
again by itself, so that the break is on record, but going on stays an act of the host.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cases.kinds import Recording
from signaling import events
from signaling.events import Effect, Event, Record, Tell
from signaling.states import REASONS, State
from signaling.states import Record as Chain

if TYPE_CHECKING:
    from signaling.session import Session

ARM_TIMEOUT = timedelta(seconds=8)
"""A recorder that has not answered by then has failed (evidence: held within 8 s)."""
SILENT_FOR = timedelta(seconds=8)
"""A recorder that acknowledged seconds and then no more for this long is not recording, whatever keeps it from saying
so: a process that hangs as a whole sends no failure (evidence: stale for more than 8 s is held)."""
AWAKE = timedelta(seconds=3)
"""Ticks further apart than this tell that it was this process that did not listen."""
REARM_EVERY = timedelta(seconds=3)
"""How often a failed recorder is asked again while the session is held."""
RETURN_WAIT = timedelta(minutes=30)
"""How long the custody side stays on record after the end when nobody confirms the return."""
OWN_WORDS = frozenset({"overloaded", "clock-off", "space-low"})
"""Failures whose code is the reason of the hold: somebody in particular must act. Others are told as one."""
CLOSE_WAIT = timedelta(minutes=2)
"""How long the media process may take to close the chain before the session is let go without its digest."""


def take(session: "Session", event: Event, now: datetime) -> list[Effect]:
    """Take an event of the media process or its recorder."""
    match event:
        case events.RelayUp(fresh):
            return _relay_up(session, fresh, now)
        case events.RelayDown():
            return _relay_down(session, now)
        case events.RecorderReady(number):
            return _ready(session, number, now)
        case events.RecorderFailed(code):
            return _failed(session, code, now)
        case events.MediaClosed():
            return _closed(session, event)
        case events.DurableUntil(until):
            session.durable, session.heard = until, now
        case events.GapSeen(endpoint, from_ms, to_ms, cause):
            return [Record({"event": "gap", "endpoint": endpoint, "from_ms": from_ms, "to_ms": to_ms, "cause": cause})]
    return []


def arm(session: "Session", now: datetime) -> list[Effect]:
    """Ask the recorder to be ready."""
    session.mark(Chain.ARMING, now)
    return [events.ArmRecorder()]


def close(session: "Session", now: datetime) -> list[Effect]:
    """Close the chain, or be done at once when there never was one. A broken chain is recovered first."""
    before = session.record
    if before is Chain.OFF and not session.relay:
        return _closed(session, events.MediaClosed(None))
    session.mark(Chain.CLOSING, now)
    if not session.relay:
        return []
    return [events.ArmRecorder()] if before is Chain.FAILED else [events.CloseMedia(session.reason)]


def due(session: "Session", now: datetime) -> list[Effect]:
    """What is due by now: a silent recorder, a failed one, the return, a close that never came."""
    age, silent = now - session.record_since, _is_silent(session, now)
    match session.record:
        case Chain.ARMING if age >= ARM_TIMEOUT:
            return _failed(session, "recorder-slow", now)
        case Chain.ON if silent:
            return _failed(session, "recorder-slow", now)
        case Chain.FAILED if session.relay and age >= REARM_EVERY and _is_wanted(session):
            return [events.OpenMedia(), *arm(session, now)]  # the media process may have refused to open it before
        case Chain.CLOSING if age >= CLOSE_WAIT:
            return [events.CloseMedia(session.reason), *_closed(session, events.MediaClosed(None))]
    if session.state is State.ENDED and session.record in (Chain.ON, Chain.FAILED, Chain.ARMING):
        return _await_return(session, now)
    return []


def _is_silent(session: "Session", now: datetime) -> bool:
    """Whether a recorder that was heard before has said nothing for too long, while somebody listened."""
    looked, session.looked = session.looked, now
    awake = looked is not None and now - looked <= AWAKE
    acknowledges = session.kind.recording is Recording.CLEAR
    return acknowledges and awake and session.heard is not None and now - session.heard > SILENT_FOR


def _is_wanted(session: "Session") -> bool:
    return session.state is State.HELD or session.awaits_return


def _await_return(session: "Session", now: datetime) -> list[Effect]:
    assert session.ended is not None
    if not session.awaits_return:
        return close(session, now)
    if now - session.ended < RETURN_WAIT:
        return []
    waited = Record({"event": "return-not-confirmed", "waited_minutes": RETURN_WAIT // timedelta(minutes=1)})
    return [waited, *close(session, now)]


def _relay_up(session: "Session", fresh: bool, now: datetime) -> list[Effect]:
    """Adopt what is there; begin a new take where the chain was running."""
    session.relay = True
    effects: list[Effect] = [events.OpenMedia()]
    if fresh:
        session.presence.lost_media()
        effects.append(events.Republish())
        if session.state is State.HELD and session.reason == "relay-lost":
            session.reason = "relay-restarted"
    if session.record is Chain.CLOSING:
        return [*effects, events.ArmRecorder() if fresh else events.CloseMedia(session.reason)]
    if session.record is Chain.FAILED and _is_wanted(session):
        effects += arm(session, now)
    return effects


def _relay_down(session: "Session", now: datetime) -> list[Effect]:
    session.relay = False
    if session.record in (Chain.ON, Chain.ARMING):
        session.mark(Chain.FAILED, now)
    if session.state in (State.ARMING, State.LIVE):
        return session.hold("relay-lost", now)
    return []


def _ready(session: "Session", number: int, now: datetime) -> list[Effect]:
    if session.record is Chain.CLOSING:
        return [events.CloseMedia(session.reason)]
    if session.record in (Chain.ENDED, Chain.ON):
        return []
    session.mark(Chain.ON, now)
    session.told_of_failure, session.heard = False, None
    return [Record({"event": "recorder-ready", "take": number}), *session.armed(now)]


def _failed(session: "Session", code: str, now: datetime) -> list[Effect]:
    """Fail closed: no record, no transmission (questioning stops; resuming is an act)."""
    if session.record is Chain.CLOSING:
        return [events.CloseMedia(session.reason)]
    if session.record in (Chain.OFF, Chain.ENDED):
        return []
    reason = code if code in OWN_WORDS else "recorder-failed"
    repeated = session.state in (State.HELD, State.ENDED) and session.told_of_failure
    session.mark(Chain.FAILED, now)
    effects: list[Effect] = []
    if session.state in (State.ARMING, State.LIVE):
        effects = session.hold(reason, now, public={"code": code})
    if repeated:
        return effects
    session.told_of_failure = True
    alarm = Tell("alarm", reason, REASONS[reason])
    return [*effects, Record({"event": "recorder-failed", "code": code}), alarm]


def _closed(session: "Session", event: events.MediaClosed) -> list[Effect]:
    if session.finished or session.state is not State.ENDED:
        return []
    session.record, session.digest, session.finished = Chain.ENDED, event.digest, True
    figures = {"frames": event.frames, "duration_ms": event.duration_ms, "gaps": event.gaps}
    return [Record({"event": "closed", "digest": event.digest, **figures}), events.Finish()]
