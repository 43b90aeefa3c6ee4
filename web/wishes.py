"""What somebody has chosen so far while booking, as it travels in the address from step to step.

Only identifiers and times stand in an address: a guest's name is asked for last and sent in a body.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from cases.kinds import Role
from core.errors import Invalid
from scheduler.requests import GuestWish, Request
from web.forms import Form

KINDS = ("visit", "interrogation", "statement")
LENGTHS = {"visit": (30, 45, 60, 90), "interrogation": (60, 90, 120, 180), "statement": (30, 60, 90, 120)}
UNNAMED = "-"
"""Of a guest while free windows are looked for."""
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
    interpreter: str | None = None
    guardian: bool = False
    """A guardian or appropriate adult comes along; the name is asked for last."""
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
        """The address of ``step`` (``time``, ``places``, ``check`` or empty for the first) with these choices."""
        wish = replace(self, **changes)
        query = urlencode(wish.pairs())
        return f"/book/{self.kind}{'/' + step if step else ''}?{query}"

    def pairs(self) -> dict[str, str]:
        """The choices made so far, as fields of an address or of a form."""
        pairs = {
            "who": self.who,
            "officer": self.officer or "",
            "interpreter": self.interpreter or "",
            "guardian": "1" if self.guardian else "",
            "minutes": str(self.minutes),
            "place": self.place,
            "start": self.start.isoformat(timespec="minutes") if self.start else "",
            "room": self.room or "",
        }
        return {name: value for name, value in pairs.items() if value}

    def search(self, start: datetime) -> Request:
        """The wish before its guests have names: the calendar only counts them."""
        roles = [Role.WITNESS] if self.kind == "statement" else []
        roles += [Role.GUARDIAN] if self.guardian else []
        return self.request(start, tuple(GuestWish(role, UNNAMED) for role in roles))

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
            interpreters=(self.interpreter,) if self.interpreter else (),
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
        interpreter=typed.optional_id("interpreter") if kind != "visit" else None,
        guardian=typed.raw("guardian") == "1" and kind != "visit",
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


def without_place(wish: Wish) -> Wish:
    """The wish with everybody at their own device: what a search over places begins with."""
    return replace(wish, place="device", room=None, start=None)
