"""What a media process is told at start: where it listens, what it advertises, and its limits."""

from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from core.errors import OperatorError


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds enforced against admitted participants and strangers alike."""

    publications_per_endpoint: int = 4
    subscriptions_per_endpoint: int = 64
    sessions: int = 500
    bits_per_second: int = 12_000_000
    """Received from one resource; what exceeds it is dropped and counted."""
    packets_per_second: int = 2_500
    """RTP packets received from one resource."""
    rtcp_per_second: int = 200
    """RTCP datagrams received from one resource."""
    resends_per_second: int = 500
    """Packets resent to one subscriber of one track."""
    handshakes_per_second: int = 200
    """DTLS handshakes begun from one address."""
    admit_loop_lag_ms: float = 250.0
    """New sessions are refused while the loop has for seconds been later than this."""
    admit_packets_per_second: float = 40_000
    """New sessions are refused while the process forwards more than this."""
    admit_disk_lag_ms: float = 4_000.0
    """New sessions are refused while some recording is behind by more than this."""


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """Settings of one media process."""

    control_path: Path
    """Unix-domain socket on which web processes send commands; created with mode 0600."""
    port: int = 0
    """UDP and TCP port of all local addresses; 0 takes a free one."""
    bind: tuple[str, ...] = ()
    """Local addresses to listen on; empty means all but loopback and link-local ones."""
    public: tuple[str, ...] = ()
    """What candidates advertise: ``host``, ``host:port`` or ``[v6]:port``; empty means the bound addresses."""
    loopback: bool = False
    """Listen on 127.0.0.1 as well when ``bind`` is empty."""
    turn_addresses: tuple[str, ...] = ()
    """Addresses TURN servers relay from, only to name the way an endpoint reaches us."""
    camera_networks: tuple[str, ...] = ()
    """Networks RTSP cameras may lie in; empty means everywhere but loopback, link-local and multicast addresses."""
    limits: Limits = field(default_factory=Limits)


def parse_address(text: str) -> tuple[str, int | None]:
    """Return host and port of ``host``, ``host:port``, ``v6`` or ``[v6]:port``; raise ``OperatorError``."""
    host, port = text, ""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    try:
        number = int(port) if port else None
        address = str(ip_address(host))
    except ValueError:
        raise OperatorError(f"not a media address: {text!r}") from None
    if number is not None and not 0 < number < 65536:
        raise OperatorError(f"not a port: {text!r}")
    return address, number
