"""The vocabulary between the web processes and a media process.

Commands go to the media process, events come back. Nothing here knows of law, people or HTTP: sessions and
endpoints are opaque ids, roles are labels for the record.
"""

from datetime import datetime
from typing import Any, Literal

from core.wire import Codec, message

Policy = Literal["clear", "attendance"]


# Commands


@message
class OpenSession:
    """Make room for a session, or adopt the one already there. Forwarding is off until ``Forward``."""

    session: str
    video: Literal["vp8", "h264", "any"] = "vp8"
    audio_level: bool = True
    """Whether the audio-level header extension may be accepted (never in sealed sessions)."""


@message
class Arm:
    """Get the recorder ready; answered by ``RecorderReady`` or ``RecorderFailed``."""

    session: str
    recording: str
    kind: str
    policy: Policy
    planned_seconds: int = 3600
    checkpoint: str = ""
    """Newest signed checkpoint of the ledger, for the first record of the chain."""


@message
class Publish:
    """A WHIP offer (RFC 9725). Replaces the endpoint's earlier resource of the same publication, unnoticed by
    viewers. Answered by ``Answered`` or ``Rejected``."""

    request: str
    session: str
    endpoint: str
    role: str
    publication: str
    offer: str


@message
class Subscribe:
    """A WHEP offer of ``endpoint`` for the publication of ``source``. Answered by ``Answered`` or ``Rejected``."""

    request: str
    session: str
    endpoint: str
    source: str
    publication: str
    offer: str


@message
class AttachCamera:
    """Show an RTSP camera of a room as a publication of ``endpoint``. Answered by ``Answered`` with an empty
    answer, or ``Rejected``; ended by ``Withdraw``."""

    request: str
    session: str
    endpoint: str
    role: str
    publication: str
    address: str
    """``rtsp://`` or ``rtsps://``; may hold a password, so it is never logged."""


@message
class Echo:
    """An offer whose media come back to the sender for at most 15 s; belongs to no session, never recorded."""

    request: str
    check: str
    offer: str


@message
class Restart:
    """ICE restart of a resource: ``fragment`` is the ``application/trickle-ice-sdpfrag`` body (RFC 8840)."""

    request: str
    resource: str
    fragment: str


@message
class Withdraw:
    """Close one resource."""

    resource: str


@message
class Forward:
    """Open or close all routes of a session, within one packet. Recording is not affected."""

    session: str
    on: bool


@message
class Silence:
    """Stop or resume forwarding one kind of media of one publication to the others; the record keeps it."""

    session: str
    endpoint: str
    publication: str
    kind: Literal["audio", "video"]
    on: bool


@message
class Prefer:
    """Which simulcast layer a subscription should get: ``small`` where its picture is a small tile."""

    resource: str
    layer: Literal["large", "small"]


@message
class Remove:
    """Close all resources of an endpoint."""

    session: str
    endpoint: str


@message
class Log:
    """Put one numbered entry of the session's log into its chain; repeated numbers are dropped."""

    session: str
    number: int
    at: datetime
    public: dict[str, Any]
    private: dict[str, Any]


@message
class CloseSession:
    """Close all resources and the recording; answered by ``Closed``."""

    session: str
    reason: str


@message
class Measure:
    """Ask for the metrics of the media process; answered by ``Measured``."""

    request: str


Command = (
    OpenSession
    | Arm
    | Publish
    | Subscribe
    | AttachCamera
    | Echo
    | Restart
    | Withdraw
    | Forward
    | Silence
    | Prefer
    | Remove
    | Log
    | CloseSession
    | Measure
)


# Events


@message
class Hello:
    """First event on every connection: which media process this is and what it already holds."""

    boot: str
    """Changes with every start of the process: a new one means that all resources are gone."""
    sessions: tuple[str, ...]


@message
class Answered:
    request: str
    resource: str
    """Opaque id of the new resource."""
    answer: str
    etag: str


@message
class Rejected:
    """``code``: ``bad-sdp``, ``no-codec``, ``no-session``, ``no-publication``, ``limit``, ``overloaded``,
    ``bad-address``."""

    request: str
    code: str
    reason: str


@message
class Connected:
    """DTLS is up for a resource."""

    session: str
    endpoint: str
    resource: str
    way: str = "udp"
    """How the endpoint reaches us: ``udp``, ``tcp``, ``turn-udp``, ``turn-tcp``, ``turn-tls``; ``turn``
    where the offer did not name it; ``rtsp``: we read a camera."""
    publication: str = ""
    """What it publishes; empty for a resource that receives."""


@message
class Inactive:
    """Nothing authenticated came for 8 s."""

    session: str
    endpoint: str
    resource: str


@message
class Active:
    """Packets are back after ``Inactive``."""

    session: str
    endpoint: str
    resource: str


@message
class Left:
    """A resource is gone: ``cause`` is ``withdrawn``, ``replaced``, ``silent``, ``closed``, ``removed``, ``failed``;
    of an RTSP camera ``bad-address`` too: it lies where no camera may be."""

    session: str
    endpoint: str
    resource: str
    cause: str


@message
class Published:
    """A publication can be subscribed to: first packet of it was authenticated."""

    session: str
    endpoint: str
    publication: str
    kinds: tuple[str, ...]


@message
class Unpublished:
    session: str
    endpoint: str
    publication: str


@message
class TrackSilent:
    """A track of a live publication brings no packets for 2 s (``silent``) or brings them again (not ``silent``)."""

    session: str
    endpoint: str
    publication: str
    kind: Literal["audio", "video"]
    silent: bool


@message
class RecorderReady:
    session: str
    recording: str
    take: int
    last_entry: int
    """Highest log number already in the chain: send what is above it again."""


@message
class RecorderFailed:
    session: str
    recording: str
    code: str


@message
class Durable:
    """Everything received up to ``until`` is on disk; ``digest`` is of the last line of the chain then."""

    session: str
    recording: str
    until: datetime
    media_ms: int
    take: int = 0
    digest: str = ""


@message
class Head:
    """Where the chain stands on disk, once a minute: to be put into the ledger."""

    session: str
    recording: str
    take: int
    media_ms: int
    digest: str


@message
class Gap:
    session: str
    recording: str
    endpoint: str
    from_ms: int
    to_ms: int
    cause: str


@message
class LineReport:
    """Quality of an endpoint's line over the last seconds; up is from the endpoint to us. A camera of the room has a
    line of its own."""

    session: str
    endpoint: str
    up_loss: float
    down_loss: float
    rtt_ms: float | None
    up_kbps: float
    down_kbps: float
    way: str = "udp"
    publication: str = ""
    """``close`` or ``wide``: the line of that camera of the room; empty: of everything else of the endpoint."""


@message
class Closed:
    """The session is closed; for a recorded one with the figures of its chain."""

    session: str
    recording: str | None
    digest: str | None
    frames: int
    duration_ms: int
    gaps: int


@message
class Measured:
    """Metrics in the Prometheus text format."""

    request: str
    text: str


Event = (
    Hello
    | Answered
    | Rejected
    | Connected
    | Inactive
    | Active
    | Left
    | Published
    | Unpublished
    | TrackSilent
    | RecorderReady
    | RecorderFailed
    | Durable
    | Head
    | Gap
    | LineReport
    | Closed
    | Measured
)

COMMANDS: Codec = Codec(Command.__args__)
EVENTS: Codec = Codec(Event.__args__)
