"""The live wire: every message between an endpoint and the server, as frozen dataclasses.

The table of ``docs/PROTOCOL.md`` and the browser's ``protocol.js`` are generated from this module. The server refuses
unknown members from clients; clients ignore unknown members from the server.
"""

from datetime import datetime
from typing import Literal

from core.wire import Codec, message

VERSION = 1

MediaKind = Literal["audio", "video"]
DeviceState = Literal["on", "off", "lost"]
Document = Literal["id-card", "passport", "permit", "licence", "other"]
"""What was held beside the face: identity card, passport, travel or residence permit, driving licence, another one."""


# From the endpoint


@message
class Hello:
    """First message on a connection: spends a join ticket or comes back with a resume secret; exactly one of both."""

    version: int
    ticket: str | None = None
    resume: str | None = None
    seen: int = 0
    """Number of the last server event seen."""
    agent: str = ""
    """Browser or terminal software, for the log of devices."""
    locale: str = ""
    """Language of the page, ``zh-CN`` or ``en``; without it that of the account."""


@message
class Device:
    """Microphone or camera of this endpoint as it is now. Loss where the kind forbids it is an alarm."""

    kind: MediaKind
    state: DeviceState
    changed: bool = False
    """Another device than before is in use from now on; everybody who may see devices is told."""


@message
class Page:
    """The page of this endpoint went into the background (another tab or program, a locked screen), or is back."""

    hidden: bool


@message
class CheckDone:
    """Result of the device check, kept with the session's log."""

    picture: bool
    microphone: bool
    speaker: bool
    loss: float
    delay_ms: float
    way: str = "udp"


@message
class NamePerson:
    """Name a person present at this endpoint: an account's id, or a name as given for those without one."""

    role: str
    name: str
    person: str | None = None
    number: str = ""
    """Officer's number, licence number: as shown to the others."""
    endpoint: str | None = None
    """Host: the room's endpoint this person sits at, when it is not the host's own."""


@message
class DropPerson:
    """A person present has left this endpoint."""

    present: str


@message
class ConfirmPerson:
    """Host, or a co-operating officer for the person beside them: the person present is who was named; ``how`` is
    ``document``, ``known``, ``facility`` or ``other``. All but ``other`` verify the identity."""

    present: str
    how: Literal["document", "known", "facility", "other"]
    document: Document | None = None
    """Which document was compared with the face."""
    officer: str | None = None
    """Person present at this endpoint who compared; without it the first officer there."""


@message
class DoubtPerson:
    """Host, or a co-operating officer for the person beside them: document and face were compared and do not fit, the
    check was refused, or the person says "not me".

    Written into the log; the person counts as unconfirmed until confirmed anew."""

    present: str
    why: Literal["no-match", "refused", "not-me"]
    document: Document | None = None
    officer: str | None = None


@message
class SkipIdentity:
    """Host: go on although it is not verified who the person is, for a stated reason."""

    present: str
    reason: Literal["no-document", "guardian", "urgent", "later"]


@message
class AskStills:
    """Host: ask the guest for one still picture of the face and one of the document. Never in a visit."""

    present: str


@message
class AnswerStills:
    """Guest: yes or no to still pictures. A no after pictures were sent has them deleted."""

    request: str
    consent: bool


@message
class VerifyPerson:
    """Host: have the outside service compare name and document number. The number is sent on and kept nowhere."""

    present: str
    document: Document
    number: str


@message
class ConfirmName:
    """Guest: "that is me", or "that is not me" (``me`` false), which alarms the host."""

    me: bool


@message
class Admit:
    """Host: let a waiting endpoint in. When all required persons are here the recorder is armed."""

    endpoint: str


@message
class Refuse:
    """Host: send a waiting endpoint away."""

    endpoint: str
    reason: Literal["wrong-person", "not-now", "other"]


@message
class Eject:
    """Host: remove an admitted endpoint; it may not come back by itself."""

    endpoint: str
    reason: Literal["wrong-person", "disturbance", "other"]


@message
class Start:
    """Host: begin, when all required persons are confirmed."""


@message
class Hold:
    """Host: stop forwarding. Anyone may press stop in kinds that record; ``reason`` is written to the log."""

    reason: str


@message
class Resume:
    """Host: go on after a hold. A stated reason is required."""

    reason: str


@message
class Extend:
    """Ask for more time: granted when every hold can be kept."""

    minutes: int


@message
class End:
    """Host (or the lawyer of a visit): end the session."""

    reason: str = ""


@message
class Leave:
    """This endpoint goes for good (or until it joins anew)."""


@message
class Chat:
    """A line to all, an entry of the chain. Only in kinds that have it."""

    text: str


@message
class Marker:
    """Host: a labelled instant."""

    label: str


@message
class Share:
    """Start or stop sharing a screen (publication ``screen``)."""

    on: bool


@message
class Prefer:
    """How large the picture of a publication is shown here: ``small`` asks for the small layer where its sender has
    one. Holds for the present resource; a new one begins with the large layer."""

    endpoint: str
    publication: str
    size: Literal["small", "large"]


@message
class Help:
    """Silent call to the duty post."""


@message
class Ping:
    """Keeps the connection; answered by ``Pong``."""


ClientMessage = (
    Hello
    | Device
    | Page
    | CheckDone
    | NamePerson
    | DropPerson
    | ConfirmPerson
    | DoubtPerson
    | SkipIdentity
    | AskStills
    | AnswerStills
    | VerifyPerson
    | ConfirmName
    | Admit
    | Refuse
    | Eject
    | Start
    | Hold
    | Resume
    | Extend
    | End
    | Leave
    | Chat
    | Marker
    | Share
    | Prefer
    | Help
    | Ping
)


# To the endpoint


@message
class PersonView:
    """A person present, as this viewer may see them."""

    id: str
    role: str
    name: str
    number: str
    confirmed: bool


@message
class LineView:
    """Quality of an endpoint's line: loss as a fraction, round trip in ms, and the way it is connected."""

    up_loss: float
    down_loss: float
    rtt_ms: float | None
    way: str


@message
class CameraView:
    """A camera of a room: what it shows, how it comes, and whether it is there."""

    view: Literal["close", "wide"]
    way: Literal["whip", "rtsp"]
    state: Literal["on", "away"]
    line: LineView | None


@message
class EndpointView:
    """An endpoint of the session, as this viewer may see it."""

    id: str
    role: Literal["host", "post", "party", "guest", "room"]
    label: str
    """What the others call it: room name, or name of its first person."""
    state: Literal["waiting", "admitted", "away"]
    audio: DeviceState
    video: DeviceState
    publications: tuple[str, ...]
    """Which can be received now: subset of ``camera``, ``screen``, and of a room's own cameras ``close``, ``wide``."""
    persons: tuple[PersonView, ...]
    name_confirmed: bool | None
    """Guests: whether they said "that is me"; ``None``: not answered yet."""
    line: LineView | None
    hidden: bool = False
    """Its page is in the background, so that nobody looks at it there."""
    cameras: tuple[CameraView, ...] = ()
    """Cameras of the room beside its terminal, there or away."""


@message
class Rights:
    """What this endpoint may do now, so that a page shows no button that would be refused."""

    publish: bool
    subscribe: bool
    mute: bool
    share: bool
    chat: bool
    host: bool
    """Admit, refuse, confirm, hold, resume, end."""
    start: bool
    stop: bool
    """May press stop (hold)."""
    end: bool
    extend: bool
    check: bool = False
    """May say whether somebody is who was named: the host, and a co-operating officer beside that person."""


@message
class IdentityView:
    """Where the identity check of a person present stands, for those who check."""

    present: str
    result: Literal["open", "match", "no-match", "refused", "not-me", "skipped"]
    way: str
    """``sight``, ``beside``, ``stills``, ``known``, ``facility`` or ``service``; of a skipped check its reason."""
    document: str
    by: str
    """Name of the officer who compared."""
    service: str
    """What the outside service said last: ``match``, ``no-match``, ``unsure``, ``unavailable``; ``asked`` before."""
    stills: Literal["none", "asked", "refused", "granted", "sent", "withdrawn", "barred"]
    """``barred``: none may be asked for from this endpoint."""
    pictures: tuple[str, ...]
    """Ids of the stills that were sent, the face first: ``/sessions/{session}/stills/{id}``."""


@message
class StillsView:
    """A guest's own view of still pictures that were asked for."""

    request: str
    state: Literal["asked", "granted", "sent"]
    sent: tuple[str, ...]
    """Which have arrived: ``face``, ``document``."""
    by: str
    """Name and number of who asks."""


@message
class Custody:
    """What the facility has confirmed about the person in custody."""

    brought: datetime | None
    identity_checked: datetime | None
    escort_left: datetime | None
    returned: datetime | None


@message
class View:
    """The whole session as this endpoint may see it. Sent after joining and after every change."""

    number: int
    now: datetime
    session: str
    kind: str
    title: str
    """Already in the endpoint's language."""
    state: Literal["waiting", "arming", "live", "held", "ended"]
    reason: str
    """Why held or ended: stable code."""
    reason_text: str
    """The same as a sentence in the endpoint's language."""
    since: datetime
    """When the state was entered."""
    policy: Literal["clear", "attendance"]
    recording: Literal["off", "arming", "on", "failed", "ended"]
    durable: datetime | None
    """Everything up to this instant is on disk."""
    start: datetime
    end: datetime
    hard_end: datetime | None
    """When the session will be ended by the window, ``None`` where the window never ends it."""
    missing: tuple[str, ...]
    """Roles still required before it can start."""
    you: str
    rights: Rights
    custody: Custody | None
    endpoints: tuple[EndpointView, ...]
    identity: tuple[IdentityView, ...] = ()
    """Persons whose identity is verified in this session, for those who check."""
    identity_first: bool = False
    """Nothing is shown or written to the person before the check has a result."""
    stills: StillsView | None = None


@message
class Welcome:
    """Answer to ``Hello``: who you are, how to come back, and where media go."""

    version: int
    endpoint: str
    resume: str
    """Secret for the next connection; the one before it is void."""
    token: str
    """Bearer token for WHIP and WHEP of this connection."""
    whip: str
    """Address to POST offers to; append the publication name."""
    whep: str
    """Address to POST offers to; append ``{endpoint}/{publication}``."""
    ice_servers: tuple[dict[str, str], ...]
    locale: str


@message
class Durable:
    """The record is on disk up to ``until``. Sent once a second, not numbered."""

    until: datetime


@message
class Warning:
    """``minutes`` to the end of the window (10, 5, 1; 0: it is over and goes on, or ends after the grace)."""

    number: int
    minutes: int
    text: str


@message
class Said:
    """A chat line."""

    number: int
    at: datetime
    endpoint: str
    name: str
    text: str


@message
class Notice:
    """Something everybody, or this endpoint, should read: ``level`` is ``info``, ``warn`` or ``alarm``."""

    number: int
    at: datetime
    level: Literal["info", "warn", "alarm"]
    code: str
    text: str


@message
class Republish:
    """The relay was restarted: send new offers for everything published and received."""

    number: int


@message
class IceServers:
    """New credentials for TURN, sent before those of ``Welcome`` or of the last such message expire. For every
    connection made from now on; one that stands keeps what it has."""

    ice_servers: tuple[dict[str, str], ...]


@message
class Refused:
    """A request of this endpoint changed nothing: why, as a stable code and a sentence."""

    code: str
    text: str


@message
class Replaced:
    """A newer connection of the same endpoint has taken over; this one is closed."""


@message
class Ended:
    """The session is over: the digest of its record, to be signed by those present, where there is one."""

    number: int
    at: datetime
    reason: str
    reason_text: str
    digest: str | None


@message
class Pong:
    now: datetime


ServerMessage = (
    Welcome | View | Durable | Warning | Said | Notice | Republish | IceServers | Refused | Replaced | Ended | Pong
)

FROM_ENDPOINT: Codec = Codec(ClientMessage.__args__)
TO_ENDPOINT: Codec = Codec(ServerMessage.__args__)
