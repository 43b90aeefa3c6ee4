"""One transport: the ICE, DTLS and SRTP state behind one WHIP or WHEP resource."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from media.dtls import Dtls, NoDtls

if TYPE_CHECKING:
    from media.incoming import Incoming
    from media.routing import Flow

Send = Callable[[bytes | bytearray | memoryview, Any], object]
ADDRESSES = 6
"""Validated addresses kept per peer; the oldest goes."""


class Peer:
    """Owned by ``media.transports``; the packet path reads it. ``owner`` is the resource it belongs to."""

    __slots__ = (
        "address", "addresses", "dtls", "flows", "inbound", "limited", "local", "nominated", "octets", "outbound",
        "owner", "packets", "payload_types", "port", "remote_password", "remote_ufrag", "rtcp", "rtx", "seen_ns",
        "send", "sent_octets", "sent_packets", "ssrc", "ssrcs_seen", "started", "streams", "timer",
    )  # fmt: skip

    def __init__(
        self, owner: Any, dtls: Dtls | NoDtls, ssrc: int, *, remote_ufrag: str = "", remote_password: str = ""
    ) -> None:
        self.owner = owner
        self.dtls: Any = dtls
        self.remote_ufrag = remote_ufrag
        self.remote_password = remote_password
        self.local: dict[str, str] = {}
        """Our passwords by our ufrag: two while an ICE restart is under way."""
        self.ssrc = ssrc
        """Our SSRC as the sender of feedback."""
        self.port: Any = None
        self.send: Send | None = None
        self.address: Any = None
        self.addresses: list[tuple[Any, Any]] = []
        """(port, address) that passed a check, oldest first."""
        self.nominated = False
        self.started = False
        self.timer: Any = None
        self.inbound: Any = None
        """libsrtp handle for what arrives, None until DTLS is up."""
        self.outbound: Any = None
        self.seen_ns = 0
        self.streams: dict[int, Incoming] = {}
        self.payload_types: dict[int, Any] = {}
        self.rtx: dict[int, int] = {}
        """Payload type of retransmissions → payload type of what they repeat."""
        self.flows: dict[int, Flow] = {}
        self.ssrcs_seen = 0
        self.packets = self.octets = self.rtcp = 0
        """Received in the present window, for the limits."""
        self.limited = False
        self.sent_packets = self.sent_octets = 0
        """Sent in the present window, for the counters."""

    @property
    def local_ufrag(self) -> str:
        """Ours, the newest."""
        return next(reversed(self.local))

    def transmit(self, data: bytes | memoryview) -> bool:
        """Send one datagram to where the peer is now; False when it could not be."""
        if self.send is None:
            return False
        try:
            self.send(data, self.address)
        except OSError:
            return False
        return True
