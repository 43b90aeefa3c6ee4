"""Lines that cannot carry what is sent: what a viewer gets less of, and what a publisher is told. Pure.

Downwards, per viewer: more than 10 % loss (or a TCP backlog) for two seconds takes one step down: to the small layer
where there is one, to the frames of the lowest temporal layer where the sender has several, then to no picture at
all until a keyframe; sound is never dropped. Where less made no difference the line is bad by itself, as on weak
Wi-Fi, and no picture would make none either: then it stays, unless so much is lost that repair is hopeless.
Upwards, per publication: a bitrate by the loss-based rule of draft-ietf-rmcat-gcc section 6, the least of what its
viewers can take, but never below a floor while it is recorded: the record must not suffer from one bad line. Its own
line is another matter: what does not get through is asked of nobody.
"""

from collections.abc import Iterable
from enum import IntEnum

HOPELESS_LOSS, BAD_LOSS, FAIR_LOSS = 0.25, 0.10, 0.02
SAME = 0.75
"""Share of the loss before a step down above which the step has not helped."""
BAD_NS = 2_000_000_000
GOOD_NS = 5_000_000_000
CARRIED = 0.85
"""Share of what got through on a line that lost much, to be sent over it from now on."""
FIRST_PAUSE_NS = 3_000_000_000
LONGEST_PAUSE_NS = 24_000_000_000
MAX_BITRATE = 2_500_000
MIN_BITRATE = 100_000
RECORDED_FLOOR = 500_000


class Level(IntEnum):
    """What a viewer gets of a picture."""

    FULL = 3
    SMALL = 2
    THIN = 1
    """Of the smallest layer there is, only frames that no other layer in time is needed for."""
    PAUSED = 0


def steps(*, layered: bool, temporal: bool) -> list[Level]:
    """The levels a viewer can have, best first."""
    return [Level.FULL, *([Level.SMALL] if layered else []), *([Level.THIN] if temporal else []), Level.PAUSED]


class Congestion:
    """The state of one viewer's line. ``update`` is called once a second."""

    __slots__ = ("_bad_since", "_before", "_good_since", "_loss", "_pause_ns", "_paused_at", "level", "rate")

    def __init__(self) -> None:
        self.level = Level.FULL
        self.rate = float(MAX_BITRATE)
        self._bad_since: int | None = None
        self._good_since: int | None = None
        self._pause_ns = FIRST_PAUSE_NS
        self._paused_at = 0
        self._loss = self._before = 0.0
        """Loss of the last seconds, and what it was before the last step down."""

    def update(self, loss: float, now_ns: int, *, backlogged: bool, layered: bool, temporal: bool = False) -> Level:
        """Judge the line by its newest report.

        ``layered`` says whether there is a small layer to go to, ``temporal`` whether there are layers in time.
        """
        levels = steps(layered=layered, temporal=temporal)
        self._estimate(loss)
        self._loss += (loss - self._loss) / 2
        bad = loss > BAD_LOSS or backlogged
        self._good_since = None if loss > FAIR_LOSS or backlogged else (self._good_since or now_ns)
        self._bad_since = (self._bad_since or now_ns) if bad else None
        if self.level is Level.PAUSED:
            if now_ns - self._paused_at >= self._pause_ns:
                self._enter(levels[-2], now_ns)
        elif self._bad_since is not None and now_ns - self._bad_since >= BAD_NS:
            lower = next(level for level in levels if level < self.level)
            if lower is Level.PAUSED and not backlogged and self._in_vain():
                self._bad_since = now_ns
            else:
                self._enter(lower, now_ns)
        elif self._good_since is not None and now_ns - self._good_since >= GOOD_NS:
            self._pause_ns = FIRST_PAUSE_NS
            if self.level is not Level.FULL:
                self._enter([level for level in levels if level > self.level][-1], now_ns)
        return self.level

    def _in_vain(self) -> bool:
        """Whether giving less has not helped, and what is lost can still be repaired."""
        return self.level is not Level.FULL and SAME * self._before < self._loss <= HOPELESS_LOSS

    def _enter(self, level: Level, now_ns: int) -> None:
        if level is Level.PAUSED:
            self._paused_at = now_ns
        elif self.level is Level.PAUSED:
            self._pause_ns = min(self._pause_ns * 2, LONGEST_PAUSE_NS)
        self.level, self._before = level, self._loss
        self._bad_since = self._good_since = None

    def _estimate(self, loss: float) -> None:
        if loss < FAIR_LOSS:
            self.rate *= 1.05
        elif loss > BAD_LOSS:
            self.rate *= 1 - loss / 2
        self.rate = min(max(self.rate, MIN_BITRATE), MAX_BITRATE)


class Uplink:
    """What a publisher's own line carries. ``update`` is called once a second.

    Reports to it leave out what repair brought back, so it does not notice by itself that it sends too much.
    """

    __slots__ = ("_marks", "rate")

    def __init__(self) -> None:
        self.rate = float(MAX_BITRATE)
        self._marks = (0, 0, 0)

    def update(self, lost: int, expected: int, octets: int) -> None:
        """Judge by totals since the start: packets ``lost`` before repair, packets ``expected``, octets received."""
        lost_now, expected_now, octets_now = (
            max(0, total - mark) for total, mark in zip((lost, expected, octets), self._marks, strict=True)
        )
        self._marks = (lost, expected, octets)
        loss = lost_now / expected_now if expected_now else 0.0
        if loss > HOPELESS_LOSS:
            self.rate = max(float(MIN_BITRATE), min(self.rate, octets_now * 8 * CARRIED))
        elif loss < BAD_LOSS:
            self.rate = min(self.rate * 1.05, float(MAX_BITRATE))


def allowed_bitrate(
    viewers: Iterable[float], *, recorded: bool, own: float = MAX_BITRATE, floor: int = RECORDED_FLOOR
) -> int:
    """Bits per second to ask of a publisher for what its ``viewers`` can take and its ``own`` line carries."""
    least = min(viewers, default=float(MAX_BITRATE))
    return round(min(own, max(least, floor if recorded else MIN_BITRATE)))
