"""What the process counts: drops by reason, feedback both ways, delay, loop lag; as Prometheus text."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping

from media.peer import Peer

DELAY_BOUNDS_MS = (0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 8.0, 10.0, 20.0, 50.0, 100.0, 1e3)


class Histogram:
    """Counts in fixed buckets, with sum and total."""

    def __init__(self, bounds: tuple[float, ...] = DELAY_BOUNDS_MS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def quantile(self, share: float) -> float:
        """Upper bound of the bucket in which ``share`` of all values lie; 0 when there are none."""
        total, seen = sum(self.counts), 0
        for index, count in enumerate(self.counts):
            seen += count
            if total and seen >= share * total:
                return self.bounds[index] if index < len(self.bounds) else float("inf")
        return 0.0


class Counters:
    """One per process. Plain numbers, so that the packet path pays an addition and nothing else."""

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        """Datagrams and packets not used, by reason; what a viewer's flow leaves out counts once for each viewer.

        Every reason and its meaning stand in ``docs/FAULTS.md``.
        """
        self.feedback: Counter[tuple[str, str]] = Counter()
        """(kind, direction): ``nack``, ``pli``, ``rr``, ``sr``, ``remb``; ``up`` is towards publishers."""
        self.received = 0
        self.forwarded = 0
        self.octets_received = 0
        self.octets_forwarded = 0
        self.resent = 0
        self.rebound = 0
        """Times a peer was heard from a new address before a check came from there."""
        self.lost = 0
        """Packets of publishers that repair did not bring back."""
        self.delay_ms = Histogram()
        """From the socket to the last subscriber, of sampled wake-ups: the packet that waited longest."""
        self.loop_lag_ms = 0.0
        """How late the loop's timer last was."""

    def take(self, peer: Peer) -> None:
        """Add what a peer received and sent in its window, and clear that."""
        self.received += peer.packets
        self.octets_received += peer.octets
        self.forwarded += peer.sent_packets
        self.octets_forwarded += peer.sent_octets
        peer.packets = peer.octets = peer.sent_packets = peer.sent_octets = 0

    def text(self, gauges: Mapping[str, float]) -> str:
        """Return everything in the Prometheus text format, with ``gauges`` of the moment."""
        lines: list[str] = []
        for name in ("received", "forwarded", "octets_received", "octets_forwarded", "resent", "rebound", "lost"):
            lines += _plain(f"yuanjian_media_{name}_total", "counter", getattr(self, name))
        lines.append("# TYPE yuanjian_media_dropped_total counter")
        lines += [f'yuanjian_media_dropped_total{{reason="{name}"}} {n}' for name, n in sorted(self.dropped.items())]
        lines.append("# TYPE yuanjian_media_feedback_total counter")
        for (kind, way), count in sorted(self.feedback.items()):
            lines.append(f'yuanjian_media_feedback_total{{kind="{kind}",direction="{way}"}} {count}')
        lines += _plain("yuanjian_media_loop_lag_milliseconds", "gauge", self.loop_lag_ms)
        for name, value in sorted(gauges.items()):
            lines += _plain(f"yuanjian_media_{name}", "gauge", value)
        return "\n".join([*lines, *self._histogram()]) + "\n"

    def _histogram(self) -> list[str]:
        name, seen = "yuanjian_media_forward_delay_milliseconds", 0
        lines = [f"# TYPE {name} histogram"]
        for bound, count in zip((*self.delay_ms.bounds, "+Inf"), self.delay_ms.counts, strict=True):
            seen += count
            lines.append(f'{name}_bucket{{le="{bound}"}} {seen}')
        return [*lines, f"{name}_sum {self.delay_ms.sum}", f"{name}_count {seen}"]


def _plain(name: str, kind: str, value: float) -> list[str]:
    return [f"# TYPE {name} {kind}", f"{name} {value}"]
