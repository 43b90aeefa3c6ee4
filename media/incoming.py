"""State of one incoming RTP stream."""

from collections.abc import Callable
from typing import Any

from media.codecs import KEYFRAMES, Keyframe
from media.keyframes import Keyframes
from media.ports import Sink, Track
from media.reception import Reception
from media.ring import Ring
from media.routing import Flow

REPLAY = 40
"""Most packets since the last keyframe that are replayed to a new viewer instead of asking for a keyframe."""


class Incoming:
    """What the packet path keeps per stream; ``info`` is its face to sinks."""

    __slots__ = (
        "expected_mark", "feedback_ssrc", "flows", "info", "keyframe", "keyframe_sequence", "keyframes", "last_ns",
        "layer_mark", "lost_mark", "octets", "octets_mark", "packets", "payload_type", "peer", "publication",
        "reception", "report_ns", "rid", "ring", "sender_report", "silent", "sinks", "ssrc", "timestamp",
        "timestamp_ns",
    )  # fmt: skip

    def __init__(self, info: Track, peer: Any, sequence: int, timestamp: int, now_ns: int, *, nack: bool) -> None:
        self.info = info
        self.peer = peer
        self.publication: Any = None
        self.rid = ""
        self.ssrc = info.ssrc
        self.payload_type = info.payload_type
        self.reception = Reception(sequence, nack=nack)
        self.timestamp = timestamp
        self.timestamp_ns = now_ns
        """When the newest timestamp came."""
        self.packets = self.octets = 0
        self.ring = Ring(sequence)
        self.keyframe: Keyframe | None = KEYFRAMES.get(info.codec)
        self.keyframes: Keyframes | None = Keyframes(now_ns) if info.kind == "video" else None
        self.keyframe_sequence: int | None = None
        self.flows: tuple[Flow, ...] = ()
        self.sinks: tuple[Sink, ...] = ()
        self.last_ns = now_ns
        self.silent = False
        self.sender_report: tuple[int, int, int] | None = None
        """NTP timestamp, RTP timestamp, arrival of the newest sender report."""
        self.report_ns = 0
        self.octets_mark = self.lost_mark = self.expected_mark = 0
        self.layer_mark = 0
        """Packets of this layer that were counted as not for somebody, or as sent."""

    @property
    def sequence(self) -> int:
        return self.reception.highest & 0xFFFF

    def replay(self, now_ns: int) -> list[bytes]:
        """Everything since the last keyframe, if that is short enough and nothing of it is missing."""
        first = self.keyframe_sequence
        if first is None or self.reception.missing:
            return []
        count = ((self.sequence - first) & 0xFFFF) + 1
        packets = list(self.ring.run(first, count, now_ns)) if count <= REPLAY else []
        return packets if len(packets) == count else []

    def each_sink(self, act: Callable[[Sink], None], broke: Callable[["Incoming", Sink], None]) -> None:
        """Call ``act`` for every sink; a sink that raises breaks its promise and is reported, not propagated."""
        for sink in self.sinks:
            try:
                act(sink)
            except Exception:  # a sink is foreign code: whatever it raises must not reach the packet path
                broke(self, sink)
