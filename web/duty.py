"""The post's list as its page shows it: what can be done about each session now, and what is pressing."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cases.kinds import EndpointRole
from core.clock import Clock
from core.database import Database
from core.texts import msgid as m
from people.models import Terminal
from people.permissions import Action, allowed, relations
from people.principals import Principal
from scheduler import papers, registers, store
from scheduler.day import DayList
from scheduler.facts import RoomFacts
from scheduler.models import Step
from scheduler.running import ORDER
from scheduler.views import BookingView
from web.lines import Line, line

SILENT = timedelta(minutes=2)
"""A terminal that was not heard for so long counts as away."""
SOON = timedelta(minutes=60)
"""What begins within this is prepared now."""
URGENT_FOR = timedelta(hours=6)
"""A clock with less left is pressing."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One session of the day with what the duty post can do about it."""

    booking: BookingView
    line: Line
    steps: Sequence[tuple[str, datetime | None]]
    """The four custody steps in order; empty where nobody is brought."""
    next_step: str | None
    """The step that can be confirmed now."""
    live: Any
    """Snapshot of the running session, or ``None``."""
    post: bool
    """Whether the duty post takes part as host, without picture or sound."""
    rooms: Sequence[RoomFacts]
    """Other rooms it can be moved to at once."""
    stage: str
    """``now`` (runs, is due within the hour, or somebody is not back), ``later`` or ``over``."""

    @property
    def client(self) -> str:
        """Name of the person in custody, or empty."""
        return next((party.name for party in self.booking.parties if party.custody_person), "")

    @property
    def asker(self) -> str:
        """msgid of who is awaited at the place."""
        return m("The lawyer is here") if self.booking.kind == "visit" else m("The officers are here")


def entry_of(
    booking: BookingView, principal: Principal, hub: Any, now: datetime, rooms: Sequence[RoomFacts] = ()
) -> Entry:
    """The entry of one booking."""
    kind, steps = booking.kind_entry, booking.steps
    step = next_step(booking, steps) if kind.custody else None
    shown = line(booking, principal, hub)
    return Entry(
        booking=booking,
        line=shown,
        steps=[(step.value, steps.get(step)) for step in ORDER] if kind.custody else [],
        next_step=step,
        live=hub.snapshot(booking.id) if hub is not None else None,
        post=kind.host is EndpointRole.POST,
        rooms=rooms,
        stage=_stage(booking, shown, step, now),
    )


def next_step(booking: BookingView, steps: Mapping[Step, datetime]) -> str | None:
    """The step to confirm next; ``returned`` also after the end, when somebody was brought."""
    if str(booking.state) == "done":
        return Step.RETURNED.value if steps and Step.RETURNED not in steps else None
    if "custody" not in booking.may:
        return None
    return next((step.value for step in ORDER if step not in steps), None)


def _stage(booking: BookingView, shown: Line, step: str | None, now: datetime) -> str:
    if shown.over:
        return "now" if step else "over"
    begun = booking.started is not None or bool(booking.steps) or booking.arrived is not None
    return "now" if begun or booking.start - SOON <= now else "later"


def mark(there: DayList, entries: Sequence[Entry], devices: Sequence[Terminal], now: datetime) -> str:
    """Changes whenever the page would say something else, so that an open page knows when to show itself anew."""
    facts = [
        *((b.id, b.version, str(b.state)) for b in (*there.entries, *there.requests)),
        *((e.booking.id, str(e.live.state), e.live.calls, len(e.live.endpoints)) for e in entries if e.live),
        *((e.booking.id, e.stage) for e in entries),
        *((d.id, d.seen is not None and now - d.seen < SILENT) for d in devices),
    ]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


async def zone_of(db: Database, principal: Principal, default: ZoneInfo) -> ZoneInfo:
    """The zone of the principal's own facility."""
    async with db.transaction(write=False) as tx:
        place = await store.facility(tx, principal.facility or "")
    return ZoneInfo(place.zone) if place else default


async def open_work(db: Database, clock: Clock, principal: Principal) -> dict[str, int]:
    """What waits on the other pages of the post, by page: papers to check, a shift to take over."""
    if not allowed(principal, Action.CHECK_PAPERS, relations(principal, facility=principal.facility)):
        return {}
    given = await registers.handovers(db, principal, limit=1)
    waiting = sum(one.row.taken is None and one.row.given_by != principal.id for one in given)
    return {"papers": len(await papers.to_check(db, principal)), "handover": waiting}
