"""When a session may be entered, warns and ends: pure functions of a booking's window and ``now``."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cases.kinds import Edge, Kind
from core.refusals import Refused
from scheduler.models import State

GRID = timedelta(minutes=15)
"""Slots begin on quarters of an hour, of the hour as the facility's clock shows it."""
ZONE = "Asia/Shanghai"
"""Zone of a session without any room."""
WARNINGS = (timedelta(minutes=10), timedelta(minutes=5), timedelta(minutes=1))
"""How long before the end those present are told."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Entry is open from ``opens`` until ``closes``; ``None``: until the session ends."""

    opens: datetime
    closes: datetime | None


_CLOSED = {
    State.REQUESTED: ("not-confirmed", "The facility has not confirmed yet. You will be told as soon as it has."),
    State.DECLINED: ("declined", "The facility could not offer this time. Please choose another."),
    State.WITHDRAWN: ("withdrawn", "This request was withdrawn."),
    State.CANCELLED: ("cancelled", "This booking was cancelled."),
    State.DONE: ("ended", "This session has ended."),
    State.NO_SHOW: ("no-show", "This session did not take place."),
}


def closes_at(kind: Kind, end: datetime) -> datetime | None:
    """When the end of the window ends the session, or ``None`` when the slot never cuts it."""
    return end + kind.grace if kind.edge is Edge.GRACE else None


def may_enter(
    kind: Kind, start: datetime, end: datetime, state: State, now: datetime, *, running: bool = False
) -> Entry | Refused:
    """Decide whether somebody who belongs to the session may come in now.

    The window is ``[start - kind.join_early, end + grace)``. A questioning that is ``running`` past its slot stays open
    to those who return; one that never began closes with its window.
    """
    if state in _CLOSED:
        return Refused(*_CLOSED[state])
    opens, closes = start - kind.join_early, closes_at(kind, end)
    if now < opens:
        return Refused(
            "too-early",
            "Too early: this is planned for {start}. You can enter the waiting room from {opens}.",
            {"start": start, "opens": opens},
        )
    if now >= (closes or end) and not (closes is None and running):
        return Refused("too-late", "Too late: this ended at {end}.", {"end": end})
    return Entry(opens, closes)


def warnings(end: datetime, now: datetime) -> list[datetime]:
    """The instants still ahead at which those present are told how long is left."""
    return [end - before for before in WARNINGS if end - before > now]


def on_grid(at: datetime) -> bool:
    """Whether an instant lies on the quarter-hour grid. Every zone in use is offset by a multiple of 15 minutes."""
    return at.minute % 15 == 0 and at.second == 0 and at.microsecond == 0


def next_on_grid(at: datetime) -> datetime:
    """The first grid instant not before ``at``."""
    floor = at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0)
    return floor if floor == at else floor + GRID
