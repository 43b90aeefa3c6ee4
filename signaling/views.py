"""The session as one endpoint may see it. Pure; whatever a viewer is not shown is left out here and nowhere else.

- Who waits sees themselves and who leads the session; never another who waits.
- The duty post of a visit sees who is there and the time, never picture, sound, devices or lines.
- Who takes part sees those who were let in; the host also sees who waits.
"""

from datetime import datetime
from typing import Literal

from cases.kinds import EndpointRole, Recording
from core.texts import Texts
from scheduler.models import Step
from signaling import cameras, devices, edge, identity
from signaling.messages import Custody, EndpointView, PersonView, View
from signaling.presence import Endpoint, Present, Standing
from signaling.rights import rights
from signaling.session import Session
from signaling.states import REASONS, Record, State

_RECORDING = {
    Record.OFF: "off",
    Record.ARMING: "arming",
    Record.ON: "on",
    Record.FAILED: "failed",
    Record.CLOSING: "ended",
    Record.ENDED: "ended",
}


def view(session: Session, viewer: Endpoint, number: int, texts: Texts, now: datetime) -> View:
    """The whole session for ``viewer``; ``number`` is that of the last entry of the log."""
    roster, kind = session.roster, session.kind
    recorded = kind.recording is Recording.CLEAR
    return View(
        number=number,
        now=now,
        session=roster.session,
        kind=kind.code,
        title=_title(session, viewer, texts),
        state=session.state.value,
        reason=session.reason,
        reason_text=reason_text(session, viewer, texts),
        since=session.since,
        policy=kind.recording.value,
        recording=_RECORDING[session.record] if recorded else "off",  # type: ignore[arg-type]  # words of the table
        durable=session.durable if recorded and viewer.standing is Standing.ADMITTED else None,
        start=roster.start,
        end=roster.end,
        hard_end=edge.hard_end(kind, roster.end, started=session.started is not None),
        missing=tuple(session.presence.missing(now)) if viewer.standing is Standing.ADMITTED else (),
        you=viewer.id,
        rights=rights(session, viewer, now),
        custody=_custody(session) if _sees_custody(session, viewer) else None,
        endpoints=tuple(_endpoint(session, e, viewer) for e in session.presence if _sees(session, viewer, e)),
        identity=identity.shown(session, viewer),
        identity_first=viewer.standing is Standing.ADMITTED and identity.holds_back(session, viewer),
        stills=identity.asked_of(session, viewer),
    )


def reason_text(session: Session, viewer: Endpoint, texts: Texts) -> str:
    """Why held or ended, as a sentence. The words of whoever pressed stop are for those who were let in."""
    if session.reason == "stopped" and viewer.standing is not Standing.ADMITTED:
        return texts("It is interrupted for a moment.")
    return texts(REASONS.get(session.reason, ""), **session.reason_values)


def _title(session: Session, viewer: Endpoint, texts: Texts) -> str:
    """Kind and, for those who lead, the number of the case."""
    name = texts(session.kind.name)
    leads = viewer.role in (EndpointRole.HOST, EndpointRole.PARTY) and bool(session.roster.label)
    return f"{name} · {session.roster.label}" if leads else name


def _sees(session: Session, viewer: Endpoint, other: Endpoint) -> bool:
    if other is viewer:
        return True
    if not other.in_room:
        return False
    if viewer.standing is not Standing.ADMITTED:
        return other.standing is Standing.ADMITTED and other.role is session.kind.host
    if other.standing is Standing.ADMITTED:
        return other.role is not EndpointRole.POST or viewer.role is not EndpointRole.POST
    return viewer.role is session.kind.host


def _sees_custody(session: Session, viewer: Endpoint) -> bool:
    roles = (EndpointRole.HOST, EndpointRole.POST, EndpointRole.PARTY)
    return session.kind.custody and viewer.role in roles and viewer.standing is Standing.ADMITTED


def _custody(session: Session) -> Custody:
    steps = session.roster.steps
    return Custody(
        brought=steps.get(Step.BROUGHT),
        identity_checked=steps.get(Step.IDENTITY_CHECKED),
        escort_left=steps.get(Step.ESCORT_LEFT),
        returned=steps.get(Step.RETURNED),
    )


def _endpoint(session: Session, other: Endpoint, viewer: Endpoint) -> EndpointView:
    hears = viewer.role is not EndpointRole.POST
    receives = hears and viewer.standing is Standing.ADMITTED and other.standing is Standing.ADMITTED
    silent_role = other.role is EndpointRole.POST or not hears
    own = other is viewer
    return EndpointView(
        id=other.id,
        role=other.role.value,
        label=other.shown_label,
        state=endpoint_state(other),
        audio="off" if silent_role else devices.shown(other, "audio"),
        video="off" if silent_role else devices.shown(other, "video"),
        publications=tuple(sorted(other.publications)) if receives or own else (),
        persons=tuple(_person(p) for p in other.persons.values()),
        name_confirmed=other.name_confirmed,
        line=other.line if receives or own else None,
        hidden=other.hidden and not silent_role,
        cameras=cameras.shown(session, other) if receives or own else (),
    )


def endpoint_state(endpoint: Endpoint) -> Literal["waiting", "admitted", "away"]:
    """Where an endpoint stands, in one word."""
    if endpoint.standing is Standing.WAITING:
        return "waiting" if endpoint.connected else "away"
    return "admitted" if endpoint.connected and not endpoint.line_lost else "away"


def _person(person: Present) -> PersonView:
    return PersonView(
        id=person.id, role=person.role, name=person.name, number=person.number, confirmed=person.how is not None
    )


def is_over(session: Session) -> bool:
    """Whether the session has ended and its record is closed."""
    return session.state is State.ENDED and session.finished
