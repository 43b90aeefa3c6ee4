"""The states of a live session and of its record, and which moves are allowed."""

from enum import StrEnum


class State(StrEnum):
    WAITING = "waiting"
    """Endpoints gather; nothing is forwarded, nothing recorded."""
    ARMING = "arming"
    """All required persons are here; the recorder is asked to be ready."""
    LIVE = "live"
    HELD = "held"
    """Forwarding is stopped; in recorded kinds the journal goes on."""
    ENDED = "ended"


MOVES: dict[State, frozenset[State]] = {
    State.WAITING: frozenset({State.ARMING, State.ENDED}),
    State.ARMING: frozenset({State.LIVE, State.HELD, State.ENDED}),
    State.LIVE: frozenset({State.HELD, State.ENDED}),
    State.HELD: frozenset({State.ARMING, State.LIVE, State.ENDED}),
    State.ENDED: frozenset(),
}


class Record(StrEnum):
    """Where the chain of the session stands. Only a chain that is ``ON`` lets a session be live."""

    OFF = "off"
    ARMING = "arming"
    ON = "on"
    FAILED = "failed"
    CLOSING = "closing"
    ENDED = "ended"


REASONS: dict[str, str] = {
    "": "",
    "person-missing": "Somebody who must be here is missing, so nothing is transmitted.",
    "stopped": "{name} has pressed stop: {words}",
    "recorder-failed": "The recording cannot be kept right now, so nothing is transmitted.",
    "clock-off": "The server's clock is wrong, so no recording can begin. The operator of the site must set it right; "
    "it is tried again every few seconds.",
    "space-low": "The server's storage is nearly full, so no new session can begin; running ones go on. The operator "
    "of the site must add storage.",
    "overloaded": "The media server has no room for this right now. It is tried again every few seconds.",
    "recorder-slow": "The recorder does not answer, so nothing is transmitted.",
    "relay-lost": "The connection to the media server is lost. It is being restored.",
    "relay-restarted": "The media server was restarted. Everything up to then is kept.",
    "server-restarted": "The server was restarted. Everything up to then is kept.",
    "ended-by-host": "The host has ended it.",
    "ended-by-lawyer": "The lawyer has ended the visit.",
    "window-closed": "The time is over.",
    "not-started": "It did not begin within its time.",
    "abandoned": "Nobody was connected any more.",
    "cancelled": "The booking was cancelled.",
    "ended-by-page": "It was ended from the list of the day.",
}
"""Why a session is held or ended: stable code → msgid."""
