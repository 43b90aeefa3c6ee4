"""The day of a facility as bars on a scale: plain arithmetic, no words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler.day import DayList
from scheduler.models import Block
from scheduler.views import BookingView

FIRST, LAST = 7, 21
"""Hours a day shows at least; bookings and the present outside of them widen it."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One booking in one room. ``left`` and ``width`` are percent of the scale."""

    booking: BookingView
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Shut:
    """A time in which the room cannot be used, in percent of the scale."""

    id: str
    reason: str
    """Key of ``reviews.BLOCK_TEXT``."""
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Row:
    """One room with its bars and closures, earliest first."""

    room: str
    name: str
    movable: bool
    """A terminal on wheels, which somebody has to bring."""
    bars: Sequence[Bar]
    shut: Sequence[Shut]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The whole picture. ``hours`` are the marks as ``(percent, hour)``; ``now`` is percent or ``None``."""

    rows: Sequence[Row]
    hours: Sequence[tuple[float, int]]
    now: float | None


def timeline(day: DayList, now: datetime, closed: Sequence[Block] = ()) -> Timeline:
    """The bars of ``day`` with its open requests and closures, on a scale from its first to its last used hour."""
    zone = ZoneInfo(day.zone)
    all_of_day = [*day.entries, *(r for r in day.requests if r.start < day.end and r.end > day.start)]
    shown = list({booking.id: booking for booking in all_of_day}.values())
    start, end = _scale(day, shown, now, zone)
    length = end - start

    def share(at: datetime) -> float:
        return round(100 * ((min(max(at, start), end) - start) / length), 3)

    rows = []
    for room in day.rooms:
        mine = sorted((b for b in shown if any(r.id == room.id for r in b.rooms)), key=lambda b: b.start)
        bars = [Bar(b, share(b.start), max(1.5, share(b.end) - share(b.start))) for b in mine]
        shut = [
            Shut(f"{n}", b.reason, share(b.start), max(0.5, share(b.end) - share(b.start)))
            for n, b in enumerate(closed)
            if b.room in (None, room.id) and b.start < end and b.end > start
        ]
        rows.append(Row(room.id, room.name, room.movable, bars, shut))
    count = round(length / timedelta(hours=1))
    marks = [(100 * n / count, (start + timedelta(hours=n)).astimezone(zone).hour) for n in range(count)]
    return Timeline(rows, marks, share(now) if start <= now < end else None)


def _scale(day: DayList, shown: Sequence[BookingView], now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Whole hours from the first to the last moment worth showing, within the day."""
    instants = [day.start + timedelta(hours=FIRST), day.start + timedelta(hours=LAST)]
    instants += [b.start for b in shown] + [b.end for b in shown]
    if day.start <= now < day.end:
        instants += [now, now + timedelta(hours=1)]
    first, last = max(day.start, min(instants)), min(day.end, max(instants))
    floor = first.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    ceiling = (last + timedelta(minutes=59, seconds=59)).astimezone(zone).replace(minute=0, second=0, microsecond=0)
    return floor, max(ceiling, floor + timedelta(hours=1))
