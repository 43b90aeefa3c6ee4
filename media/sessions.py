"""What the relay knows of a session: publications, subscriptions, and the resources that carry them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from media.commands import Event
from media.congestion import Uplink
from media.incoming import Incoming
from media.peer import Peer
from media.routing import Flow
from media.sdp import Codec, Relayed

if TYPE_CHECKING:
    from media.taping import Taping

Emit = Callable[[Event], None]


@dataclass(slots=True, eq=False)
class Resource:
    """One WHIP or WHEP resource: one transport and what it carries."""

    id: str
    kind: Literal["publish", "subscribe", "echo"]
    endpoint: str
    session: "Session | None"
    publication: "Publication | None"
    etag: str
    created_ns: int
    relayed: tuple[Relayed, ...] = ()
    mid: str = "0"
    rids: tuple[str, ...] = ()
    """Simulcast layers of the video we answered, largest first."""
    rid_extension: int = 0
    flows: list[Flow] = field(default_factory=list)
    uplink: Uplink = field(default_factory=Uplink)
    connected: bool = False
    inactive: bool = False
    limited: bool = False
    """Whether the log has it that its packets are too many."""
    way: str = "udp"
    emit: Emit | None = None
    """Where the events of a resource without a session go."""
    _peer: Peer | None = None

    @property
    def peer(self) -> Peer:
        assert self._peer is not None
        return self._peer

    @peer.setter
    def peer(self, peer: Peer) -> None:
        self._peer = peer


@dataclass(slots=True, eq=False)
class Publication:
    """What an endpoint shows under one name. It outlives its resource while somebody is subscribed."""

    session: "Session"
    endpoint: str
    name: str
    role: str
    codecs: dict[str, Codec] = field(default_factory=dict)
    nacks: frozenset[str] = frozenset()
    """Kinds of media for which NACK was negotiated with the publisher."""
    resource: Resource | None = None
    pending: Resource | None = None
    """A newer resource that is not connected yet; it replaces the present one when it is."""
    streams: dict[str, Incoming] = field(default_factory=dict)
    """By kind: what the publication shows and the recorder takes."""
    layers: list[Incoming] = field(default_factory=list)
    """Simulcast layers that have come, largest first; empty without simulcast."""
    flows: dict[str, list[Flow]] = field(default_factory=lambda: {"audio": [], "video": []})
    silenced: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    """Kinds told to be silent."""
    connected_ns: int = 0
    announced: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.endpoint, self.name


@dataclass(slots=True, eq=False)
class Session:
    """Forwarding is off until told; ``owner`` is the web process that opened or adopted the session last."""

    id: str
    video: str
    audio_level: bool
    owner: Emit | None
    forwarding: bool = False
    tracks: int = 0
    publications: dict[tuple[str, str], Publication] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    taping: "Taping | None" = None
    unowned_ns: int = 0
    """Since when no web process controls it; 0 while one does."""

    def emit(self, event: Event) -> None:
        if self.owner is not None:
            self.owner(event)

    @property
    def recorder_broken(self) -> bool:
        return self.taping is not None and self.taping.broken

    @property
    def recorded(self) -> bool:
        """Whether media of this session is being recorded now."""
        return self.taping is not None and self.taping.sink is not None
