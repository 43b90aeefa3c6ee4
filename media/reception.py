"""How one stream arrives: sequence, loss, jitter (RFC 3550 A.3, A.8) and what to ask for again (RFC 4585).

Pure: times come in, decisions go out. Sequence numbers inside are extended to 32 bits and more.
"""

from dataclasses import dataclass

from media.rtcp import Report

FIRST_TRY_NS = 15_000_000
"""Wait this long for a packet that may only be late before asking for it."""
MAX_UNSTEADY_NS = 40_000_000
MIN_SPACING_NS = 30_000_000
MAX_SPACING_NS = 250_000_000
MAX_TRIES = 10
MAX_AGE_NS = 1_500_000_000
MAX_MISSING = 256
"""A larger hole is not repaired packet by packet: it is given up at once."""
JUMP = 3_000
"""A step beyond this is a new start in what the sender is told of the line (RFC 3550 A.1, MAX_DROPOUT). For the record
what it passes over is lost like any hole: an outage of a fast stream looks the same as a sender's new numbers."""


@dataclass(slots=True)
class Missing:
    since_ns: int
    due_ns: int
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Due:
    """What the NACK timer decided: sequence numbers to ask for, and runs (first, count) given up."""

    ask: tuple[int, ...]
    given_up: tuple[tuple[int, int], ...]


class Reception:
    """State of one incoming stream. The caller moves ``highest`` itself when a packet is the expected next."""

    __slots__ = (
        "_base",
        "_clock_rate",
        "_last_transit",
        "_prior_expected",
        "_prior_received",
        "answer_ns",
        "highest",
        "jitter",
        "missing",
        "nack",
        "received",
        "repaired",
    )

    def __init__(self, sequence: int, *, nack: bool) -> None:
        self._base = self.highest = sequence + 0x10000  # room for packets older than the first
        self.received = 1
        self.repaired = 0
        self.jitter = 0.0
        self._clock_rate = 90_000
        self.nack = nack
        self.missing: dict[int, Missing] = {}
        self.answer_ns = 100_000_000
        """Smoothed time between asking for a packet and getting it."""
        self._last_transit: int | None = None
        self._prior_expected = self._prior_received = 0

    def arrived(self, sequence: int, now_ns: int) -> tuple[int, int] | None:
        """Take a packet that is not the expected next one; return a run (first, count) given up at once, if any."""
        self.received += 1
        step = (sequence - self.highest) & 0xFFFF
        if step == 0 or step >= 0x8000:
            self._late(self.highest - (0x10000 - step if step else 0), now_ns)
            return None
        first, self.highest = self.highest + 1, self.highest + step
        if step == 1:
            return None
        if step > JUMP:
            self._restart()
        if not self.nack or step - 1 + len(self.missing) > MAX_MISSING:
            return first & 0xFFFF, step - 1
        for lost in range(first, self.highest):
            self.missing[lost] = Missing(now_ns, now_ns + FIRST_TRY_NS + self._unsteady_ns())
        return None

    def lacks(self, sequence: int) -> bool:
        """Whether a packet of this number would be news: missing, or newer than all."""
        step = (sequence - self.highest) & 0xFFFF
        if 0 < step < 0x8000:
            return True
        return self.highest - (0x10000 - step if step else 0) in self.missing

    def _restart(self) -> None:
        self._base = self.highest
        self.received = 1
        self._prior_expected = self._prior_received = 0

    def _late(self, extended: int, now_ns: int) -> None:
        missing = self.missing.pop(extended, None)
        if missing is not None and missing.tries:
            self.repaired += 1
            took = now_ns - (missing.due_ns - self._spacing())
            self.answer_ns += (max(took, 1_000_000) - self.answer_ns) // 8

    def _spacing(self) -> int:
        return max(MIN_SPACING_NS, min(MAX_SPACING_NS, self.answer_ns * 5 // 4))

    def _unsteady_ns(self) -> int:
        """On a line with jitter a packet is late more often than lost: wait for it a little longer."""
        return min(MAX_UNSTEADY_NS, int(self.jitter * 1_000_000_000 / self._clock_rate))

    def transit(self, timestamp: int, arrival_ns: int, clock_rate: int) -> None:
        """Feed the jitter estimate (RFC 3550 A.8) with a packet that opened a new timestamp."""
        self._clock_rate = clock_rate
        transit = (arrival_ns * clock_rate // 1_000_000_000 - timestamp) & 0xFFFFFFFF
        if self._last_transit is not None:
            step = (transit - self._last_transit) & 0xFFFFFFFF
            step = min(step, 0x100000000 - step)
            if step < clock_rate:
                self.jitter += (step - self.jitter) / 16
        self._last_transit = transit

    def due(self, now_ns: int) -> Due:
        """Decide what to ask for now and what to give up."""
        ask: list[int] = []
        lost: list[int] = []
        for sequence, missing in self.missing.items():
            if missing.tries >= MAX_TRIES or now_ns - missing.since_ns > MAX_AGE_NS:
                if missing.due_ns <= now_ns:
                    lost.append(sequence)
            elif missing.due_ns <= now_ns:
                missing.tries += 1
                missing.due_ns = now_ns + self._spacing()
                ask.append(sequence & 0xFFFF)
        for sequence in lost:
            del self.missing[sequence]
        return Due(tuple(ask), tuple(_runs(lost)))

    def abandon(self) -> tuple[tuple[int, int], ...]:
        """Give up everything that is missing, as when the stream ends."""
        lost = sorted(self.missing)
        self.missing.clear()
        return tuple(_runs(lost))

    def report(self, ssrc: int, lsr: int, dlsr: int) -> Report:
        """Return the report block since the last one; loss counts what repair did not bring back."""
        expected = self.highest - self._base + 1
        expected_now, received_now = expected - self._prior_expected, self.received - self._prior_received
        self._prior_expected, self._prior_received = expected, self.received
        fraction = max(0.0, 1 - received_now / expected_now) if expected_now > 0 else 0.0
        return Report(
            ssrc, min(fraction, 255 / 256), expected - self.received, self.highest & 0xFFFFFFFF,
            int(self.jitter), lsr, dlsr,
        )  # fmt: skip

    def lost_on_line(self) -> tuple[int, int]:
        """Return (lost before repair, expected) since the start, for the quality of the line."""
        expected = self.highest - self._base + 1
        return max(0, expected - self.received + self.repaired), expected


def _runs(sequences: list[int]) -> list[tuple[int, int]]:
    runs: list[list[int]] = []
    for sequence in sequences:
        if runs and sequence == runs[-1][0] + runs[-1][1]:
            runs[-1][1] += 1
        else:
            runs.append([sequence, 1])
    return [(first & 0xFFFF, count) for first, count in runs]
