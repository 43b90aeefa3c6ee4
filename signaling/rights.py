"""What an endpoint may do now: one pure function, asked by views and by every request alike."""

from datetime import datetime
from typing import TYPE_CHECKING

from cases.kinds import EndpointRole, Recording, Role
from signaling import identity
from signaling.messages import Rights
from signaling.presence import Endpoint, Standing
from signaling.states import State

if TYPE_CHECKING:
    from signaling.session import Session

PUBLICATIONS = frozenset({"camera", "screen"})
"""Names an endpoint may publish under; the cameras of its room stand beside them (``signaling.cameras``)."""


def rights(session: "Session", endpoint: Endpoint, now: datetime) -> Rights:
    """Work out the rights of ``endpoint`` in the session as it stands."""
    state, kind = session.state, session.kind
    admitted = endpoint.standing is Standing.ADMITTED
    running = state is not State.ENDED
    host = admitted and endpoint.role is kind.host and running
    leads = running and admitted and (host or _defends(session, endpoint))
    return Rights(
        publish=may_publish(session, endpoint),
        subscribe=admitted and running and endpoint.role is not EndpointRole.POST,
        mute=endpoint.role not in kind.mute_forbidden and endpoint.role is not EndpointRole.POST,
        share=admitted and running and endpoint.role in kind.share and not identity.holds_back(session, endpoint),
        chat=admitted and kind.chat and state is State.LIVE and endpoint.role is not EndpointRole.ROOM,
        host=host,
        start=host and state is State.WAITING and session.may_begin(now),
        stop=admitted and state in (State.LIVE, State.ARMING) and (host or kind.recording is Recording.CLEAR),
        end=leads,
        extend=leads,
        check=identity.may_check(session, endpoint),
    )


def may_publish(session: "Session", endpoint: Endpoint) -> bool:
    """Everybody in the waiting room before the start; later only who was let in, so that no lobby is on record.

    After the end the room of a person in custody goes on publishing until the person is returned (2014 recording
    rules: the custody side is recorded throughout).
    """
    if endpoint.role is EndpointRole.POST or not endpoint.in_room:
        return False
    if session.state is State.ENDED:
        brought = endpoint.custody or any(p.role is Role.DETAINEE for p in endpoint.persons.values())
        return session.awaits_return and brought
    return endpoint.standing is Standing.ADMITTED or session.state is State.WAITING


def _defends(session: "Session", endpoint: Endpoint) -> bool:
    """The lawyer of a privileged session extends it and ends it."""
    return session.kind.privileged and any(p.role is Role.LAWYER for p in endpoint.persons.values())
