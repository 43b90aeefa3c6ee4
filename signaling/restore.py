"""Rebuild a session from its log after a crash of the web process: what was live comes back as held. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cases.kinds import EndpointRole, Role
from people.veil import Veil
from scheduler.roster import Roster
from signaling import identity
from signaling.checks import Stills
from signaling.events import Named, Seat
from signaling.presence import Endpoint, Standing
from signaling.session import Session
from signaling.states import Record, State


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a session's log."""

    number: int
    at: datetime
    public: Mapping[str, Any]
    private: Mapping[str, Any]


def veiled(entry: Entry, veil: Veil) -> Entry:
    """The entry with aliases in the place of names."""
    return replace(entry, private=veil.value(dict(entry.private)))


def restore(roster: Roster, entries: Iterable[Entry], now: datetime) -> Session:
    """Fold the log into a session that nobody is connected to, and whose persons do not count before they are back.

    What was arming, live or held is ``HELD``; a session that had ended is ``ENDED`` with its chain still to be closed.
    """
    session = Session(roster, now)
    for entry in entries:
        session.since = entry.at if entry.public.get("event") == "state" else session.since
        _fold(session, entry)
    for endpoint in session.presence:
        endpoint.connected, endpoint.away_since = False, None
    _settle(session, now)
    return session


def _settle(session: Session, now: datetime) -> None:
    if session.record in (Record.ON, Record.ARMING):
        session.record = Record.FAILED
    session.record_since = now
    if session.state in (State.ARMING, State.LIVE, State.HELD):
        session.state, session.reason, session.since = State.HELD, "server-restarted", now
    if session.state is State.ENDED and not session.awaits_return:
        session.record = Record.CLOSING


def _fold(session: Session, entry: Entry) -> None:
    public, private = entry.public, entry.private
    match public.get("event"):
        case "state":
            _state(session, entry)
        case "recorder-ready":
            session.record = Record.ON
        case "joined":
            _joined(session, public, private)
        case "person":
            if endpoint := session.presence.get(public["endpoint"]):
                session.presence.name(endpoint, _person(public, private), public["present"])
        case "person-confirmed" | "person-doubted" | "identity-skipped" | "identity-service" | "identity-open":
            _checked(session, public)
        case "stills-asked" | "stills-answered" | "still-kept":
            _pictured(session, public)
        case "person-dropped":
            if found := session.presence.find(public["present"]):
                del found[0].persons[public["present"]]
        case "name":
            if endpoint := session.presence.get(public["endpoint"]):
                endpoint.name_confirmed = public["me"]
                for person in endpoint.persons.values() if not public["me"] else ():
                    identity.note_not_me(person)
        case "admitted":
            _stand(session, public, Standing.ADMITTED)
        case "withdrawn" if public.get("reason") == "withdrawn":
            _stand(session, public, Standing.LEFT)
        case "refused" | "ejected" | "withdrawn":
            if endpoint := _stand(session, public, Standing.SENT_AWAY):
                endpoint.knocks = True
        case "left":
            _stand(session, public, Standing.LEFT)
        case "device" if endpoint := session.presence.get(public["endpoint"]):
            setattr(endpoint, public["kind"], public["state"])
        case "page-hidden" | "page-shown" as event if endpoint := session.presence.get(public["endpoint"]):
            endpoint.hidden = event == "page-hidden"


def _checked(session: Session, public: Mapping[str, Any]) -> None:
    found = session.presence.find(public["present"])
    if found is None:
        return
    match public["event"]:
        case "person-confirmed":
            identity.note_confirmed(found[1], public)
        case "person-doubted":
            identity.note_doubt(found[1], public)
        case "identity-skipped":
            identity.note_skip(found[1], public)
        case "identity-service":
            identity.note_service(found[1], public["outcome"])
        case "identity-open":
            session.reminded.add(found[1].id)


def _pictured(session: Session, public: Mapping[str, Any]) -> None:
    request = public["request"]
    if public["event"] == "stills-asked":
        session.stills[request] = Stills(request, public["present"], public["endpoint"], public["by"])
    elif public["event"] == "stills-answered":
        identity.note_answer(session.stills[request], public["consent"])
    else:
        identity.note_still(session.stills[request], public["part"], public["still"])


def _state(session: Session, entry: Entry) -> None:
    session.state, session.reason = State(entry.public["to"]), entry.public.get("reason", "")
    session.reason_values = dict(entry.private)
    if session.state is State.ARMING and session.record is Record.OFF:
        session.record = Record.ARMING
    if session.state is State.LIVE and session.started is None:
        session.started = entry.at
    if session.state is State.ENDED:
        session.ended = entry.at


def _joined(session: Session, public: Mapping[str, Any], private: Mapping[str, Any]) -> None:
    known = session.presence.get(public["endpoint"])
    if known is not None:
        known.standing = Standing(public["standing"])
        return
    seat = Seat(
        public["endpoint"],
        EndpointRole(public["role"]),
        str(private.get("label", "")),
        room=public.get("room"),
        custody=bool(public.get("custody")),
    )
    session.presence.add(seat, Standing(public["standing"]))


def _person(public: Mapping[str, Any], private: Mapping[str, Any]) -> Named:
    return Named(
        Role(public["role"]),
        str(private.get("name", "")),
        str(private.get("number", "")),
        str(private.get("person", "")) or None,
        public.get("how"),
    )


def _stand(session: Session, public: Mapping[str, Any], standing: Standing) -> Endpoint | None:
    endpoint = session.presence.get(public["endpoint"])
    if endpoint is not None:
        endpoint.standing = standing
    return endpoint
