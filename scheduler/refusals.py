"""Refusals of the calendar that carry more than a sentence."""

from dataclasses import dataclass
from datetime import datetime

from core.refusals import Refused


@dataclass(frozen=True, slots=True)
class Slot:
    """A free window, with the rooms that would serve."""

    start: datetime
    end: datetime
    room: str | None
    room_name: str
    facility: str | None
    facility_name: str
    own_room: str | None = None
    own_room_name: str = ""


@dataclass(frozen=True)
class Taken(Refused):
    """The window is not free. ``alternatives`` are the nearest that are, nearest first; never why it is taken."""

    alternatives: tuple[Slot, ...] = ()
