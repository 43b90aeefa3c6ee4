"""Opening hours, regime breaks, blocks and working days: when a room can be used at all. Pure once read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Window = tuple[datetime, datetime]
DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Span:
    """Minutes of a local day, half-open, on some days, for some kinds and rooms."""

    opens: int
    closes: int
    days: str = "all"
    kinds: frozenset[str] = frozenset()
    room: str | None = None
    word: str = ""

    def concerns(self, kind: str, room: str) -> bool:
        """Whether it applies to a kind in a room."""
        return (not self.kinds or kind in self.kinds) and self.room in (None, room)


@dataclass(frozen=True, slots=True)
class Closure:
    """A time in which a room, or every room, cannot be used."""

    start: datetime
    end: datetime
    room: str | None = None


@dataclass(frozen=True)
class WorkingDays:
    """Monday to Friday but for the days that differ."""

    differing: Mapping[date, bool] = field(default_factory=dict)

    def works(self, day: date) -> bool:
        """Whether offices work on a day."""
        return self.differing.get(day, day.isoweekday() <= 5)

    def ahead(self, day: date, count: int) -> date:
        """The ``count``-th working day after ``day``."""
        while count:
            day += timedelta(days=1)
            count -= self.works(day)
        return day


@dataclass(frozen=True)
class Calendar:
    """When the rooms of one facility can be used."""

    zone: str
    opening: tuple[Span, ...] = ()
    """Empty: around the clock."""
    breaks: tuple[Span, ...] = ()
    closures: tuple[Closure, ...] = ()
    days: WorkingDays = field(default_factory=WorkingDays)

    def allows(self, kind: str, room: str, start: datetime, end: datetime) -> bool:
        """Whether the whole window lies in opening hours and touches neither break nor closure."""
        return not any(from_ < end and start < until for from_, until in self.closed(kind, room, start, end))

    def closed(self, kind: str, room: str, start: datetime, end: datetime) -> list[Window]:
        """Windows that touch ``[start, end)`` in which a kind cannot take place in a room, earliest first."""
        found = [(c.start, c.end) for c in self.closures if c.room in (None, room)]
        found += self._windows([s for s in self.breaks if s.concerns(kind, room)], start, end)
        opening = [span for span in self.opening if span.concerns(kind, room)]
        if opening:
            found += _between(sorted(self._windows(opening, start, end)), start, end)
        return sorted(w for w in found if w[0] < end and start < w[1])

    def why_not(self, kind: str, room: str, start: datetime, end: datetime) -> str | None:
        """``block``, ``closed``, or the word of the break that is in the way; ``None`` when nothing is."""
        if any(c.room in (None, room) and c.start < end and start < c.end for c in self.closures):
            return "block"
        for span in self.breaks:
            if span.concerns(kind, room) and any(s < end and start < e for s, e in self._windows([span], start, end)):
                return span.word or "break"
        return None if self.allows(kind, room, start, end) else "closed"

    def _windows(self, spans: Iterable[Span], start: datetime, end: datetime) -> list[Window]:
        """The windows of ``spans`` on every local day that ``[start, end)`` touches and the day before."""
        zone = ZoneInfo(self.zone)
        first, last = start.astimezone(zone).date() - timedelta(days=1), end.astimezone(zone).date()
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        return [
            (_instant(day, span.opens, zone), _instant(day, span.closes, zone))
            for span in spans
            for day in days
            if _on(span.days, day, self.days)
        ]


def _between(opening: Sequence[Window], start: datetime, end: datetime) -> list[Window]:
    """What of ``[start, end)`` is outside every opening window."""
    found, reached = [], start
    for from_, until in opening:
        if from_ > reached:
            found.append((reached, min(from_, end)))
        reached = max(reached, until)
    if reached < end:
        found.append((reached, end))
    return [(from_, until) for from_, until in found if from_ < until]


def _on(days: str, day: date, working: WorkingDays) -> bool:
    match days:
        case "all":
            return True
        case "working":
            return working.works(day)
        case "free":
            return not working.works(day)
        case _:
            return str(day.isoweekday()) in days


def _instant(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """The instant the local clock shows ``minutes`` after midnight; 24:00 and later are the next day's."""
    days, rest = divmod(minutes, DAY_MINUTES)
    local = datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60), zone)
    return local.astimezone(UTC)
