"""Effects of a session as commands to its media process. Pure."""

from dataclasses import dataclass
from datetime import datetime

from media import commands
from signaling import events
from signaling.events import Effect
from signaling.resources import Resources
from signaling.session import Session

LEAST_PLANNED = 600
"""Seconds a recorder makes room for at least."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the database says of where the session's media and chain are."""

    recording: str
    media: int
    checkpoint: str = ""
    """Newest signed checkpoint of the ledger when the session was opened."""


def command_for(
    effect: Effect, session: Session, facts: Facts, resources: Resources, now: datetime
) -> commands.Command | None:
    """The command that carries out ``effect``, or ``None`` when there is nothing to be done."""
    name = session.roster.session
    match effect:
        case events.OpenMedia():
            return commands.OpenSession(session=name)
        case events.ArmRecorder():
            return _arm(session, facts, now)
        case events.Forward(on):
            return commands.Forward(session=name, on=on)
        case events.Silence(endpoint, publication, kind, on):
            return commands.Silence(session=name, endpoint=endpoint, publication=publication, kind=kind, on=on)
        case events.RemoveMedia(endpoint):
            return commands.Remove(session=name, endpoint=endpoint)
        case events.StopPublication(endpoint, publication):
            resource = resources.published(endpoint, publication)
            return commands.Withdraw(resource=resource) if resource else None
        case events.PreferLayer(endpoint, source, publication, layer):
            resource = resources.receiving(endpoint, source, publication)
            return commands.Prefer(resource=resource, layer=layer) if resource else None
        case events.CloseMedia(reason):
            return commands.CloseSession(session=name, reason=reason)
    return None


def _arm(session: Session, facts: Facts, now: datetime) -> commands.Arm:
    left = int((session.roster.end - now).total_seconds())
    return commands.Arm(
        session=session.roster.session,
        recording=facts.recording,
        kind=session.kind.code,
        policy=session.kind.recording.value,
        planned_seconds=max(LEAST_PLANNED, left),
        checkpoint=facts.checkpoint,
    )
