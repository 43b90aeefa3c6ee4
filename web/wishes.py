"""What somebody has chosen so far while booking, as it travels in the address from step to step.

Only identifiers and times stand in an address: a guest's name is asked for last and sent in a body.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from core.errors import Invalid
from scheduler.requests import GuestWish, Request
from web.forms import Form

KINDS = ("visit", "interrogation", "statement")
LENGTHS = {"visit": (30, 45, 60, 90), "interrogation": (60, 90, 120, 180), "statement": (30, 60, 90, 120)}
_PLACE = re.compile(r"(device|(own|with|far)\.[0-9a-z]{22})\Z")
_WHO = re.compile(r"[0-9a-z]{22}(\.[0-9a-z]{22})?\Z")


@dataclass(frozen=True, slots=True)
class Wish:
    """``who`` is a person (visit), ``case.person`` (interrogation) or a case (statement).

    ``place`` is ``device``, ``own.ROOM`` (the asking side sits there), ``with.ROOM`` (everybody in that room) or
    ``far.ROOM`` (the witness sits there).
    """

    kind: str
    who: str = ""
    officer: str | None = None
    minutes: int = 60
    place: str = "device"
    start: datetime | None = None
    room: str | None = None

    @property
    def case(self) -> str | None:
        return None if self.kind == "visit" else self.who.split(".")[0] or None

    @property
    def person(self) -> str | None:
        return None if self.kind == "statement" else self.who.split(".")[-1] or None

    @property
    def length(self) -> timedelta:
        return timedelta(minutes=self.minutes)

    @property
    def own_room(self) -> str | None:
        return self.place[4:] if self.place.startswith("own.") else self.shared_room

    @property
    def shared_room(self) -> str | None:
        return self.place[5:] if self.place.startswith("with.") else None

    @property
    def far_room(self) -> str | None:
        return self.place[4:] if self.place.startswith("far.") else self.shared_room

    def address(self, step: str, **changes: Any) -> str:
        """The address of ``step`` (``time``, ``check`` or empty for the first) with these choices."""
        wish = replace(self, **changes)
        pairs = {
            "who": wish.who,
            "officer": wish.officer or "",
            "minutes": str(wish.minutes),
            "place": wish.place,
            "start": wish.start.isoformat(timespec="minutes") if wish.start else "",
            "room": wish.room or "",
        }
        query = urlencode({name: value for name, value in pairs.items() if value})
        return f"/book/{self.kind}{'/' + step if step else ''}?{query}"

    def request(self, start: datetime, guests: tuple[GuestWish, ...] = (), *, room: str | None = None) -> Request:
        """The wish as the calendar takes it, beginning at ``start``."""
        return Request(
            kind=self.kind,
            start=start,
            end=start + self.length,
            room=room or self.far_room,
            own_room=self.own_room,
            custody_person=self.person,
            case=self.case,
            officers=(self.officer,) if self.officer else (),
            guests=guests,
        )


def read(kind: str, typed: Form) -> Wish:
    """The choices in an address or form; raises ``Invalid`` for what cannot be one."""
    if kind not in KINDS:
        raise Invalid("unknown-kind", "Please choose what kind of session this is.", field="kind")
    who, place = typed.raw("who"), typed.raw("place") or "device"
    if who and not _WHO.match(who):
        raise Invalid("field-choose", "Please choose one of the entries.", field="who")
    if not _PLACE.match(place):
        raise Invalid("field-choose", "Please choose one of the entries.", field="place")
    return Wish(
        kind=kind,
        who=who,
        officer=typed.optional_id("officer"),
        minutes=typed.number("minutes", 15, 480) if typed.has("minutes") else LENGTHS[kind][len(LENGTHS[kind]) // 2],
        place=place,
        start=typed.instant("start").astimezone(UTC) if typed.has("start") else None,
        room=typed.optional_id("room"),
    )


def complete(wish: Wish) -> Wish:
    """The wish when the first step is answered; raises ``Invalid`` naming what is missing."""
    parts = 2 if wish.kind == "interrogation" else 1
    if len(wish.who.split(".")) != parts or not wish.who:
        raise Invalid("person-missing", "Please choose whom this is about.", field="who")
    if wish.kind != "visit" and wish.officer is None:
        raise Invalid(
            "officer-missing", "Please choose the second officer: two are required throughout.", field="officer"
        )
    return wish
