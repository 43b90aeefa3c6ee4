"""The 48-hour clocks of a visit (CPL 39, MPS 53): pure arithmetic over when papers came, were checked, were missing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

HOURS = 48
"""Weekends count."""
WARN = (timedelta(hours=24), timedelta(hours=6))
"""How long before the deadline the post is reminded."""

Pause = tuple[datetime, datetime | None]
"""From the refusal of an enumerated paper until another was handed in."""


class ClockState(StrEnum):
    """What a clock says now."""

    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    BREACHED = "breached"


@dataclass(frozen=True, slots=True)
class Clock48:
    """One clock: since when it runs, when it ends, what it says."""

    since: datetime
    deadline: datetime | None
    """``None`` while paused."""
    state: ClockState


def clock(
    since: datetime, answered: datetime | None, now: datetime, pauses: Sequence[Pause] = (), hours: float = HOURS
) -> Clock48:
    """A clock that runs ``hours`` from ``since`` without the ``pauses``; it is met when answered in time."""
    paused = any(start <= now and end is None for start, end in pauses) and answered is None
    if paused:
        return Clock48(since, None, ClockState.PAUSED)
    deadline = since + timedelta(hours=hours) + _paused(pauses, since, answered or now)
    if answered is not None:
        return Clock48(since, deadline, ClockState.MET if answered <= deadline else ClockState.BREACHED)
    return Clock48(since, deadline, ClockState.BREACHED if now >= deadline else ClockState.RUNNING)


def warnings(deadline: datetime, now: datetime) -> list[datetime]:
    """The instants still ahead at which the post is reminded, the deadline itself last."""
    return [at for at in (*(deadline - before for before in WARN), deadline) if at > now]


def _paused(pauses: Iterable[Pause], since: datetime, until: datetime) -> timedelta:
    """How long of ``[since, until)`` was paused; overlapping pauses count once."""
    total, reached = timedelta(0), since
    for start, end in sorted(pauses, key=lambda pause: pause[0]):
        from_, to = max(start, reached), min(end or until, until)
        if to > from_:
            total += to - from_
            reached = to
    return total
