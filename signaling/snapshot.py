"""A live session as pages may show it: presence and time, never picture or sound. Pure."""

from dataclasses import dataclass
from datetime import datetime

from signaling.session import Session
from signaling.views import endpoint_state


@dataclass(frozen=True, slots=True)
class EndpointSnapshot:
    """An endpoint: ``persons`` are (role, name, confirmed)."""

    id: str
    role: str
    label: str
    state: str
    """``waiting``, ``admitted`` or ``away``."""
    room: str | None
    persons: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True, slots=True)
class SessionSnapshot:
    """A session of this process as it stands."""

    session: str
    kind: str
    state: str
    reason: str
    """Stable code of why it is held or ended."""
    since: datetime
    started: datetime | None
    end: datetime
    recording: str
    """``off``, ``arming``, ``on``, ``failed``, ``closing`` or ``ended``; for kinds without a recording the state of
    their chain."""
    missing: tuple[str, ...]
    calls: tuple[tuple[str, datetime], ...]
    """Silent calls to the duty post: label of the endpoint and when."""
    endpoints: tuple[EndpointSnapshot, ...]


def snapshot(session: Session, now: datetime) -> SessionSnapshot:
    """What the day list and other pages show of ``session``."""
    here = [e for e in session.presence if e.in_room]
    return SessionSnapshot(
        session=session.roster.session,
        kind=session.kind.code,
        state=session.state.value,
        reason=session.reason,
        since=session.since,
        started=session.started,
        end=session.roster.end,
        recording=session.record.value,
        missing=tuple(str(role) for role in session.presence.missing(now)),
        calls=tuple((e.shown_label, session.calls[e.id]) for e in session.presence if e.id in session.calls),
        endpoints=tuple(
            EndpointSnapshot(
                e.id,
                e.role.value,
                e.shown_label,
                endpoint_state(e),
                e.room,
                tuple((p.role.value, p.name, p.how is not None) for p in e.persons.values()),
            )
            for e in here
        ),
    )
