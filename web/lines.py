"""One session as lists show it: whom with, where, when, whether one can go in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cases.kinds import Role
from people.principals import Principal
from scheduler.views import BookingView
from scheduler.windows import Entry
from web import words

_FAR = frozenset({Role.DETAINEE, Role.WITNESS, Role.VICTIM})
OVER = frozenset({"declined", "withdrawn", "cancelled", "done", "no_show"})


@dataclass(frozen=True, slots=True)
class Line:
    """A booking on one line, for one viewer."""

    id: str
    kind: str
    kind_name: str
    """msgid"""
    state: str
    start: datetime
    end: datetime
    opens: datetime
    whom: str
    """Whoever is on the other side, as far as the viewer may know."""
    place: str
    """Where the viewer sits; empty: at their own device."""
    label: str
    """Number of the case."""
    open: bool
    """Whether the viewer can go in now."""
    live: str
    """State of the running session, or empty."""

    @property
    def over(self) -> bool:
        return self.state in OVER


def line(booking: BookingView, principal: Principal, hub: Any) -> Line:
    """The line of ``booking`` for ``principal``."""
    snapshot = hub.snapshot(booking.id) if hub is not None else None
    mine = next((party for party in booking.parties if party.person == principal.id), None)
    rooms = {room.id: f"{room.facility_name} · {room.name}" for room in booking.rooms}
    entry = booking.entry
    opens = entry.opens if isinstance(entry, Entry) else booking.start - booking.kind_entry.join_early
    return Line(
        id=booking.id,
        kind=booking.kind,
        kind_name=words.word(words.KINDS, booking.kind),
        state=str(booking.state),
        start=booking.start,
        end=booking.end,
        opens=opens,
        whom=names(booking, principal),
        place=rooms.get(mine.room or "", "") if mine else "",
        label=booking.case_number,
        open="join" in booking.may and isinstance(entry, Entry),
        live=str(snapshot.state) if snapshot is not None and str(booking.state) == "confirmed" else "",
    )


def names(booking: BookingView, principal: Principal) -> str:
    """The other side by name; for those of the other side, who asks."""
    mine = {party.role for party in booking.parties if party.person == principal.id}
    far = [party.name for party in booking.parties if party.role in _FAR and party.person != principal.id]
    asking = [party.name for party in booking.parties if party.lead and party.person != principal.id]
    if mine & _FAR or not far:
        return "、".join(asking)
    return "、".join(far)
