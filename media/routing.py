"""Who gets which stream, and under which numbers. Pure: no sockets, no clock, no logging.

A ``Flow`` is what one subscriber gets of one kind of media of one publication. It has its own SSRC and payload
type and keeps sequence numbers and timestamps continuous through holds and through a publisher's reconnect.
While it runs on one source the numbers differ from the source's by constant offsets; each such stretch is a run,
remembered so that a NACK for an older number still finds its packet.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

from media.congestion import Congestion
from media.pictures import Pictures
from media.thinning import Thinning

RUNS, THIN_RUNS = 4, 64
"""Stretches remembered for NACKs, the latter while frames are left out; older ones have left the ring anyway."""


class Source(Protocol):
    """What a flow reads of the incoming stream it runs on."""

    @property
    def sequence(self) -> int:
        """Newest sequence number received, 16 bits."""

    @property
    def timestamp(self) -> int:
        """Newest RTP timestamp received, 32 bits."""

    packets: int
    octets: int
    peer: Any
    """The transport it comes from: streams of one share their sender's clock."""


@dataclass(frozen=True, slots=True)
class Run:
    """From our sequence number ``first`` on, ``source`` sends what we number ``offset`` higher."""

    first: int
    source: Any
    offset: int
    timestamp_offset: int

    def theirs(self, sequence: int) -> int:
        """The source's number of our ``sequence``."""
        return (sequence - self.offset) & 0xFFFF


@dataclass(slots=True)
class Line:
    """How a subscriber says it receives: newest fraction lost, round trip, and the reports it can answer."""

    loss: float = 0.0
    rtt_ms: float | None = None
    sent: dict[int, int] = field(default_factory=dict)
    octets_mark: int = 0


@dataclass(slots=True)
class Retransmission:
    """The RTX stream of a flow (RFC 4588)."""

    payload_type: int
    ssrc: int
    sequence: int

    def next(self) -> int:
        self.sequence = (self.sequence + 1) & 0xFFFF
        return self.sequence


class Flow:
    """Numbers of one subscriber's stream. ``waiting`` means that the next fitting packet begins a run."""

    __slots__ = (
        "_left_ns",
        "_next",
        "_runs",
        "_timestamp",
        "_waited",
        "clock_rate",
        "congestion",
        "kind",
        "line",
        "octet_mark",
        "octets",
        "open",
        "packet_mark",
        "packets",
        "payload_type",
        "peer",
        "pictures",
        "resends",
        "rtx",
        "sequence_offset",
        "small",
        "source",
        "ssrc",
        "target",
        "thinning",
        "timestamp_offset",
        "waiting",
    )  # fmt: skip

    def __init__(
        self, *, kind: str, ssrc: int, payload_type: int, clock_rate: int, sequence: int, timestamp: int, peer: Any
    ) -> None:
        self.kind = kind
        self.ssrc = ssrc
        self.payload_type = payload_type
        self.clock_rate = clock_rate
        self.peer = peer
        self.rtx: Retransmission | None = None
        self.line = Line()
        self.resends = 0
        self.open = False
        self.waiting = True
        self.source: Any = None
        """The stream it runs on, or ran on last."""
        self.target: Any = None
        """The stream it should run on; it changes over at that stream's next keyframe."""
        self.small = False
        """Whether its viewer shows a small tile."""
        self.congestion = Congestion()
        self.pictures: Pictures | None = None
        self.thinning: Thinning | None = None
        self.sequence_offset = self.timestamp_offset = 0
        self.packets = self.octets = self.packet_mark = self.octet_mark = 0
        self._next = sequence
        self._timestamp = timestamp
        self._left_ns: int | None = None
        self._runs: list[Run] = []
        self._waited: tuple[Any, int] | None = None
        """The stream whose keyframe it waits for, and that stream's packets when it began to."""

    def begin(self, source: Source, sequence: int, timestamp: int, now_ns: int) -> None:
        """Start a run on ``source`` with the packet that has these numbers."""
        self.sequence_offset = (self._next - sequence) & 0xFFFF
        ours = self._timestamp
        if self._left_ns is not None:
            ours += max(1, self._passed(source, timestamp, now_ns))
        if self.pictures is not None:
            self.pictures.begin()
        self.timestamp_offset = (ours - timestamp) & 0xFFFFFFFF
        self.packet_mark, self.octet_mark = source.packets, source.octets
        self.source = source
        self.waiting = False
        self._runs = [*self._runs[1 - RUNS :], Run(self._next, source, self.sequence_offset, self.timestamp_offset)]

    def _passed(self, source: Source, timestamp: int, now_ns: int) -> int:
        """Ticks from the last frame we sent to this one: by the sender's own clock where both streams state it."""
        by_arrival = (now_ns - (self._left_ns or 0)) * self.clock_rate // 1_000_000_000
        before, after = getattr(self.source, "sender_report", None), getattr(source, "sender_report", None)
        if self.source is source or before is None or after is None or self.source.peer is not source.peer:
            return by_arrival
        theirs = before[1] + ((after[0] - before[0]) * self.clock_rate >> 32) + signed(timestamp - after[1])
        by_clock = signed(theirs - (self._timestamp - self.timestamp_offset))
        return by_clock if abs(by_clock - by_arrival) < self.clock_rate else by_arrival

    def leave(self, now_ns: int) -> None:
        """End the run, if one is going; the next one continues its numbers."""
        if self.waiting or self.source is None:
            return
        self._settle()
        self._next = (self.source.sequence + self.sequence_offset + 1) & 0xFFFF
        self._timestamp = (self.source.timestamp + self.timestamp_offset) & 0xFFFFFFFF
        self._left_ns = getattr(self.source, "timestamp_ns", now_ns)
        self.waiting = True

    def wait_for(self, source: Source | None) -> int:
        """Wait for ``source`` from now on, for nothing when None or while a run goes; return how many packets the wait
        before passed over. Called when a run begins (before ``totals``) and whenever what is waited for changes."""
        before, self._waited = self._waited, (source, source.packets) if source is not None and self.waiting else None
        if before is None:
            return 0
        if source is before[0] and self.waiting:
            self._waited = before
            return 0
        begun = not self.waiting and self.source is before[0]
        return max(0, (self.packet_mark if begun else before[0].packets) - before[1])  # a replay begins before the wait

    def _settle(self) -> None:
        self.packets += self.source.packets - self.packet_mark
        self.octets += self.source.octets - self.octet_mark
        self.packet_mark, self.octet_mark = self.source.packets, self.source.octets

    def totals(self) -> tuple[int, int]:
        """Packets and octets sent so far, as a sender report states them."""
        if not self.waiting and self.source is not None:
            self._settle()
        return self.packets, self.octets

    def skip(self, sequence: int, octets: int) -> None:
        """Leave out the run's newest packet without a hole in our numbers: what follows is a run of its own."""
        offset = self.sequence_offset = (self.sequence_offset - 1) & 0xFFFF
        self.packet_mark += 1
        self.octet_mark += octets
        run = Run((sequence + 1 + offset) & 0xFFFF, self.source, offset, self.timestamp_offset)
        kept = self._runs[:-1] if self._runs[-1].first == run.first else self._runs
        self._runs = [*kept[1 - THIN_RUNS :], run]

    def thin(self, on: bool) -> None:
        """Leave higher temporal layers out, or take them in again."""
        if on and self.thinning is None:
            self.thinning = Thinning()
        if self.thinning is not None:
            self.thinning.base_only = on

    def accepts_late(self, sequence: int) -> bool:
        """Whether a packet of the source that comes late belongs to the present run."""
        if self.waiting or not self._runs:
            return False
        ours = (sequence + self.sequence_offset) & 0xFFFF
        return (ours - self._runs[-1].first) & 0xFFFF < 0x8000

    def find(self, sequence: int) -> Run | None:
        """Return the run in which our ``sequence`` was sent, or None when it was not."""
        for run in reversed(self._runs):
            if (sequence - run.first) & 0xFFFF < 0x8000:
                return run
        return None


def signed(difference: int) -> int:
    """A difference of 32-bit timestamps as the nearer of its two meanings."""
    return ((difference + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def may_flow(*, forwarding: bool, recorder_broken: bool, silenced: bool) -> bool:
    """The one rule that opens a route; everything else leaves it shut."""
    return forwarding and not recorder_broken and not silenced
