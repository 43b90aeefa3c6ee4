"""Who belongs to a session, and as what: the one thing live sessions ask of the calendar.

Frozen values, read in one transaction; nothing here is a table row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from cases import volume
from cases.kinds import KINDS, EndpointRole, Kind, Role
from people.principals import Principal
from people.veil import NOTHING, Veil
from scheduler import store
from scheduler.models import State, Step

READY = frozenset({Step.BROUGHT, Step.IDENTITY_CHECKED, Step.ESCORT_LEFT})
"""What the duty post must have confirmed before the terminal of a custody room enters."""


@dataclass(frozen=True, slots=True)
class RosterParty:
    """Somebody booked: an account (``person``), a person in custody, or a name alone."""

    id: str
    role: Role
    endpoint_role: EndpointRole
    name: str
    number: str
    person: str | None
    custody_person: str | None
    room: str | None
    lead: bool


@dataclass(frozen=True, slots=True)
class RosterRoom:
    """A room held for the session; its terminal joins as ``EndpointRole.ROOM``."""

    id: str
    name: str
    facility: str
    facility_name: str
    custody: bool
    """A person in custody is brought here, so its terminal waits for the duty post's steps."""


@dataclass(frozen=True, slots=True)
class Roster:
    """Everything about one booking that a live session needs."""

    session: str
    kind: str
    label: str
    """Number of the case, or empty: for those who take part, never for a terminal that is idle."""
    start: datetime
    end: datetime
    state: State
    version: int
    zone: str
    organisation: str | None
    facility: str | None
    facility_name: str
    facility_phone: str
    steps: Mapping[Step, datetime]
    parties: tuple[RosterParty, ...]
    rooms: tuple[RosterRoom, ...]
    case: str | None = None
    """Id of the case: for screening alone, never shown."""
    veil: Veil = NOTHING
    """What is laid over everything said by hand in the session: aliases in place of names that are not told."""

    @property
    def kind_entry(self) -> Kind:
        """The data of its kind."""
        return KINDS[self.kind]

    @property
    def custody_ready(self) -> bool:
        """Whether the duty post has confirmed brought, identity checked and escort left."""
        return frozenset(self.steps) >= READY

    @property
    def returned(self) -> bool:
        """Whether the person in custody is back."""
        return Step.RETURNED in self.steps


async def roster(tx: AsyncSession, session: str) -> Roster | None:
    """Return the roster of ``session``, or ``None`` when there is no such booking."""
    booking = await store.booking(tx, session)
    if booking is None:
        return None
    parties = await store.parties(tx, [session])
    rooms = await store.rooms_with_facilities(tx, {p.room for p in parties if p.room})
    custody_rooms = {p.room for p in parties if p.custody_person}
    facility = await store.facility(tx, booking.facility) if booking.facility else None
    return Roster(
        session=booking.id,
        kind=booking.kind,
        label=await store.case_number(tx, booking.case) or "",
        start=booking.start,
        end=booking.end,
        state=booking.state,
        version=booking.version,
        zone=booking.zone,
        organisation=booking.organisation,
        facility=booking.facility,
        facility_name=facility.name if facility else "",
        facility_phone=facility.phone if facility else "",
        steps={step.step: step.at for step in await store.custody_steps(tx, [session])},
        parties=tuple(
            RosterParty(
                id=p.id,
                role=p.role,
                endpoint_role=p.endpoint_role,
                name=p.name,
                number=p.number,
                person=p.person,
                custody_person=p.custody_person,
                room=p.room,
                lead=p.lead,
            )
            for p in parties
        ),
        rooms=tuple(
            RosterRoom(
                room.id, room.name, place.id, place.name, KINDS[booking.kind].custody and room.id in custody_rooms
            )
            for room, place in rooms
        ),
        case=booking.case,
        veil=await volume.veil(tx, booking.case, booking.start),
    )


def endpoint_for(roster: Roster, principal: Principal, party: str | None = None) -> EndpointRole | None:
    """Say as what ``principal`` may join, or ``None`` when they do not belong to the session.

    ``party`` is for an operator's token alone: which of the synthetic parties of a rehearsal it plays.
    """
    match principal.kind:
        case "terminal":
            return EndpointRole.ROOM if principal.room in {room.id for room in roster.rooms} else None
        case "guest":
            return EndpointRole.GUEST if principal.session == roster.session else None
        case "token":
            return _synthetic(roster, party)
        case _:
            return _account(roster, principal)


def _synthetic(roster: Roster, party: str | None) -> EndpointRole | None:
    if roster.kind != "rehearsal":
        return None
    if party is None:
        return EndpointRole.HOST
    return next((p.endpoint_role for p in roster.parties if p.id == party), None)


def _account(roster: Roster, principal: Principal) -> EndpointRole | None:
    for p in roster.parties:
        if p.person is not None and p.person == principal.id:
            return p.endpoint_role
    on_duty = "duty_officer" in principal.roles and principal.facility is not None
    if on_duty and principal.facility == roster.facility and roster.kind_entry.host is EndpointRole.POST:
        return EndpointRole.POST
    return None
