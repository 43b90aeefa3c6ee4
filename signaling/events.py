"""What happens to a live session, and what the session wants done about it: frozen values, no behaviour.

Events come from endpoints, from the media process, from the pages and from the clock; effects are carried out by the
session's owner task. Texts are msgids: the shell translates them for each reader.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from cases.kinds import EndpointRole, Role
from people.cameras import Camera
from scheduler.roster import Roster
from signaling import messages

MediaKind = Literal["audio", "video"]
Level = Literal["info", "warn", "alarm"]


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody who sits at an endpoint: from the roster, an account or an invitation, or as typed by the host."""

    role: Role
    name: str
    number: str = ""
    person: str | None = None
    """Id of the account's person or of the person in custody; ``None`` for a name alone."""
    how: str | None = None
    """How they are confirmed already (``account``), or ``None``."""


@dataclass(frozen=True, slots=True)
class Seat:
    """As what an endpoint takes part: worked out at the door from the roster and the principal."""

    endpoint: str
    role: EndpointRole
    label: str
    persons: tuple[Named, ...] = ()
    room: str | None = None
    custody: bool = False
    """A person in custody is brought to this room: the duty post's steps admit it, not the host."""
    name_confirmed: bool | None = None
    """Guests: whether they already said "that is me"."""


# Events


@dataclass(frozen=True, slots=True)
class Joined:
    """An endpoint has a connection: for the first time, or again."""

    seat: Seat


@dataclass(frozen=True, slots=True)
class Gone:
    """The connection of an endpoint is lost."""

    endpoint: str


@dataclass(frozen=True, slots=True)
class Asked:
    """An endpoint sent a message (any client message but ``Hello`` and ``Ping``)."""

    endpoint: str
    message: object


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What an endpoint came by has ended: its owner was signed out, suspended, the terminal or invitation revoked."""

    endpoint: str


@dataclass(frozen=True, slots=True)
class KeptApart:
    """Somebody was not let in, or must leave, because of who is here: two persons who must never meet."""

    endpoint: str | None = None
    """The endpoint that must leave; ``None``: it was stopped at the door."""


@dataclass(frozen=True, slots=True)
class TimeRefused:
    """The calendar cannot give an endpoint the time it asked for."""

    endpoint: str
    code: str
    text: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TimeClaimed:
    """The calendar's answer to ``ClaimTime``: until when everything is kept, and how many bookings wait behind."""

    end: datetime
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class StillKept:
    """A still picture of an endpoint is stored under the id ``still``; ``digest`` is the SHA-256 of what is stored."""

    endpoint: str
    request: str
    part: str
    still: str
    digest: str


@dataclass(frozen=True, slots=True)
class ServiceAnswered:
    """What the outside service says of a person: ``match``, ``no-match``, ``unsure`` or ``unavailable``."""

    present: str
    outcome: str
    reference: str = ""
    """The service's own number of its answer."""


@dataclass(frozen=True, slots=True)
class RosterChanged:
    """The booking was changed: custody steps, window, parties."""

    roster: Roster


@dataclass(frozen=True, slots=True)
class EndAsked:
    """A page ends the session: ``reason`` is a stable code, ``by`` the id of who did it."""

    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class CallsAnswered:
    """The duty post has seen the silent calls; ``by`` is the id of who did."""

    by: str


@dataclass(frozen=True, slots=True)
class RelayUp:
    """The media process is there; ``fresh``: it knows nothing of this session, all resources are gone."""

    fresh: bool


@dataclass(frozen=True, slots=True)
class RelayDown:
    """The connection to the media process is lost: it has stopped forwarding."""


@dataclass(frozen=True, slots=True)
class RecorderReady:
    take: int


@dataclass(frozen=True, slots=True)
class RecorderFailed:
    code: str


@dataclass(frozen=True, slots=True)
class DurableUntil:
    """Everything received up to ``until`` is on disk."""

    until: datetime


@dataclass(frozen=True, slots=True)
class GapSeen:
    endpoint: str
    from_ms: int
    to_ms: int
    cause: str


@dataclass(frozen=True, slots=True)
class PublicationSeen:
    """A publication can be received (``on``), or no longer."""

    endpoint: str
    publication: str
    on: bool


@dataclass(frozen=True, slots=True)
class TrackSilent:
    """A track of a live publication brings no packets (``silent``), or brings them again."""

    endpoint: str
    publication: str
    kind: MediaKind
    silent: bool


@dataclass(frozen=True, slots=True)
class LineLost:
    """Nothing authenticated came from the endpoint's media for 8 s (``lost``), or it is back."""

    endpoint: str
    lost: bool


@dataclass(frozen=True, slots=True)
class LineSeen:
    """Quality of an endpoint's line, or of that of a camera beside it (``publication``)."""

    endpoint: str
    line: messages.LineView
    publication: str = ""


@dataclass(frozen=True, slots=True)
class CamerasKnown:
    """Which cameras are in use in the session's rooms."""

    cameras: tuple[Camera, ...]


@dataclass(frozen=True, slots=True)
class CameraAway:
    """A camera of an endpoint's room could not be connected."""

    endpoint: str
    view: str


@dataclass(frozen=True, slots=True)
class CameraRefused:
    """A camera tried to get into a session that takes none."""

    camera: Camera


@dataclass(frozen=True, slots=True)
class MediaClosed:
    """The media process has closed the session; ``digest`` of the chain where there is one."""

    digest: str | None
    frames: int = 0
    duration_ms: int = 0
    gaps: int = 0


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Event = (
    Joined
    | Gone
    | Asked
    | Withdrawn
    | KeptApart
    | TimeRefused
    | TimeClaimed
    | StillKept
    | ServiceAnswered
    | RosterChanged
    | EndAsked
    | CallsAnswered
    | RelayUp
    | RelayDown
    | RecorderReady
    | RecorderFailed
    | DurableUntil
    | GapSeen
    | PublicationSeen
    | TrackSilent
    | LineLost
    | LineSeen
    | CamerasKnown
    | CameraAway
    | CameraRefused
    | MediaClosed
    | Tick
)


# Effects


@dataclass(frozen=True, slots=True)
class Record:
    """Put an entry into the session's log and chain; ``private`` holds personal data, as commitments in the chain."""

    public: Mapping[str, Any]
    private: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OpenMedia:
    """Make room at the media process, or adopt what it holds."""


@dataclass(frozen=True, slots=True)
class ArmRecorder:
    """Ask the recorder to be ready."""


@dataclass(frozen=True, slots=True)
class Forward:
    """Open or close all routes."""

    on: bool


@dataclass(frozen=True, slots=True)
class Silence:
    """Stop (``on``) or resume forwarding one kind of media of a publication."""

    endpoint: str
    publication: str
    kind: MediaKind
    on: bool


@dataclass(frozen=True, slots=True)
class RemoveMedia:
    """Close every media resource of an endpoint."""

    endpoint: str


@dataclass(frozen=True, slots=True)
class StopPublication:
    """Close one publication of an endpoint."""

    endpoint: str
    publication: str


@dataclass(frozen=True, slots=True)
class PreferLayer:
    """Send an endpoint the layer of a publication that fits how large it shows it."""

    endpoint: str
    source: str
    publication: str
    layer: Literal["large", "small"]


@dataclass(frozen=True, slots=True)
class CloseMedia:
    """Close the session and its recording at the media process."""

    reason: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Something to read: for the endpoints in ``to``, or for all that are admitted."""

    level: Level
    code: str
    text: str
    values: Mapping[str, object] = field(default_factory=dict)
    to: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Deny:
    """A request of an endpoint changed nothing, and why."""

    endpoint: str
    code: str
    text: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Say:
    """A chat line for all that are admitted."""

    endpoint: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Warn:
    """``minutes`` to the end of the window; 0: it is over."""

    minutes: int
    text: str


@dataclass(frozen=True, slots=True)
class Dismiss:
    """Close the connection of an endpoint with a sentence; its resume secret is void."""

    endpoint: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class AskTime:
    """Ask the calendar for more time on behalf of an endpoint."""

    endpoint: str
    minutes: int


@dataclass(frozen=True, slots=True)
class ClaimTime:
    """The session goes on past its window: have the calendar keep rooms and people longer."""


@dataclass(frozen=True, slots=True)
class AskService:
    """Have the outside service compare name and document number of a person. The number enters no log."""

    present: str
    name: str
    document: str
    number: str = field(repr=False)
    by: str
    """Endpoint that asked; the shell makes it the id of who sits there."""


@dataclass(frozen=True, slots=True)
class RemoveStills:
    """Consent was withdrawn: delete these pictures now."""

    stills: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallPost:
    """Show a silent call from an endpoint in the facility's day list."""

    endpoint: str


@dataclass(frozen=True, slots=True)
class Republish:
    """Every endpoint sends its offers anew."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The record is closed: tell everybody the digest, keep it, let the session go."""


Effect = (
    Record
    | OpenMedia
    | ArmRecorder
    | Forward
    | Silence
    | RemoveMedia
    | StopPublication
    | PreferLayer
    | CloseMedia
    | Tell
    | Deny
    | Say
    | Warn
    | Dismiss
    | AskTime
    | ClaimTime
    | AskService
    | RemoveStills
    | CallPost
    | Republish
    | Finish
)
