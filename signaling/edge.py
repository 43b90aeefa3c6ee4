"""The edge of the window: warnings, grace, and the kinds no slot ever cuts. Pure."""

from datetime import datetime, timedelta

from cases.kinds import Edge, Kind
from scheduler.windows import WARNINGS, closes_at

CLAIM_EVERY = timedelta(minutes=1)
MINUTES = (*(int(before.total_seconds()) // 60 for before in WARNINGS), 0)
"""Minutes before the end at which everybody is told; 0: it is over."""


def hard_end(kind: Kind, end: datetime, *, started: bool) -> datetime | None:
    """When the window ends the session; ``None`` where it never does.

    A questioning that has begun is never cut by its slot; one that never began ends with it.
    """
    closes = closes_at(kind, end)
    return closes if closes is not None or started else end


class Warnings:
    """Which warnings were given for the present end of the window."""

    def __init__(self) -> None:
        self._end: datetime | None = None
        self._given: set[int] = set()

    def due(self, end: datetime, now: datetime) -> int | None:
        """Return the minutes to warn of now, once each; those that were slept through are not given late."""
        if end != self._end:
            self._end, self._given = end, {m for m in self._given if now >= end - timedelta(minutes=m)}
        passed = [m for m in MINUTES if now >= end - timedelta(minutes=m)]
        new = [m for m in passed if m not in self._given]
        self._given.update(passed)
        return min(new) if new else None


class Claims:
    """When a session that no slot cuts asks the calendar for more time: past its end, then every minute that end stays.

    The calendar keeps rooms and people a quarter of an hour longer, or marks the bookings that wait behind.
    """

    def __init__(self) -> None:
        self._asked: datetime | None = None

    def due(self, kind: Kind, end: datetime, now: datetime, *, started: bool) -> bool:
        """Whether to ask now."""
        if kind.edge is not Edge.NEVER or not started or now < end:
            return False
        if self._asked is not None and now - self._asked < CLAIM_EVERY:
            return False
        self._asked = now
        return True


def warning_text(kind: Kind, minutes: int) -> str:
    """The msgid of a warning; ``{minutes}`` is its place."""
    if minutes > 1:
        return "{minutes} minutes left."
    if minutes == 1:
        return "One minute left."
    if kind.edge is Edge.GRACE:
        return "The time is over. Please finish: the session ends in a few minutes."
    return "The planned time is over. The session goes on; it is ended by the person who leads it."
