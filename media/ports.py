"""What the relay asks of others: sinks that take packets, and a recorder that can be armed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

TrackKind = Literal["audio", "video"]


@dataclass(frozen=True, slots=True)
class Track:
    """One incoming RTP stream. A publisher that reconnects opens new tracks with new numbers."""

    number: int
    """Unique within the session while this process lives, counted from 1."""
    session: str
    endpoint: str
    role: str
    """Role of the endpoint as the session names it, for the record only."""
    publication: str
    """``camera``, ``screen``, or of a room's own cameras ``close`` or ``wide``: which picture of the endpoint it is."""
    kind: TrackKind
    codec: str
    """Lower-case RTP encoding name: ``opus``, ``vp8``, ``h264``, ``vp9``, ``av1``."""
    clock_rate: int
    payload_type: int
    ssrc: int
    fmtp: str = ""
    """Format parameters as in the SDP, without the ``a=fmtp:`` prefix."""


Arrival = tuple[int, bytes, int]
"""A decrypted RTP packet with its header, as sinks take it: number of its track, packet, arrival (monotonic ns)."""


class Sink(Protocol):
    """Takes what a session's tracks bring. Called on the relay's loop: copy and return at once, never raise."""

    def opened(self, track: Track) -> None: ...

    arrived: Callable[[Arrival], None]
    """Takes one packet. A member, not a method: what does nothing but keep it can be a list's ``append``."""

    def sender_report(self, track: Track, ntp: int, rtp: int, arrival_ns: int) -> None:
        """An RTCP sender report: 64-bit NTP timestamp and the RTP timestamp of the same instant (RFC 3550 6.4.1)."""

    def lost(self, track: Track, first: int, count: int) -> None:
        """``count`` packets from sequence number ``first`` are given up after NACK."""

    def closed(self, track: Track) -> None: ...


@dataclass(frozen=True, slots=True)
class Closing:
    """How a recording ended: the figures its ``close`` record states."""

    digest: str
    """Hex SHA-256 of the last line of the chain."""
    frames: int
    duration_ms: int
    gaps: int


class Recorder(Sink, Protocol):
    """One armed recording: a sink, and the session's log."""

    take: int
    """Number of the current take, counted from 1; above 1 the recording was recovered."""
    last_entry: int
    """Highest number of a log entry already in the chain, 0 for none: replays up to it are dropped."""

    def log(self, number: int, at: datetime, public: Mapping[str, Any], private: Mapping[str, Any]) -> None:
        """Put a log entry of the session into the chain, once per ``number``; ``private`` only as commitments."""

    async def suspend(self) -> None:
        """End the take but not the chain: everything received is durable when this returns, and arming the same
        recording again opens the next take. Raises ``RecorderUnavailable`` when the last of it cannot be written."""

    async def close(self, reason: str) -> Closing:
        """End the chain: everything received is durable and signed when this returns."""


class RecorderUnavailable(Exception):
    """A recorder cannot be armed; ``code`` is stable (``disk-full``, ``space-low``, ``clock-off``, …)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class RecordingSpec:
    """What to record. Arming a recording that already has a chain recovers it and opens a new take."""

    recording: str
    session: str
    kind: str
    policy: Literal["clear", "attendance"]
    """``attendance`` takes no media: such a recorder is never attached as a sink."""
    planned_seconds: int = 3600
    checkpoint: str = ""
    """Newest signed checkpoint of the site's ledger: says that the recording began after it."""


@dataclass(frozen=True, slots=True)
class ChainHead:
    """Where a chain stands on disk, for the ledger: from then on it cannot be cut shorter unnoticed."""

    take: int
    media_ms: int
    digest: str
    """Hex SHA-256 of its last line."""


HeadSeen = Callable[[ChainHead], None]
"""Called with each durable second, before it is told as durable."""
Durable = Callable[[datetime, int], None]
"""Called with the UTC instant and the media milliseconds up to which everything received is on disk."""
Failed = Callable[[str], None]
"""Called once with a stable code when the recorder can no longer keep what it is given."""
GapSeen = Callable[[Track, int, int, str], None]
"""Called with a track, from and to in media milliseconds, and the cause."""


class Recorders(Protocol):
    """Arms recorders. Callbacks arrive on the caller's event loop."""

    async def arm(
        self, spec: RecordingSpec, *, durable: Durable, failed: Failed, gap: GapSeen, head: HeadSeen
    ) -> Recorder:
        """Return a recorder whose preflight passed (space, keys durable, test frame read back).

        Raises ``RecorderUnavailable``.
        """
