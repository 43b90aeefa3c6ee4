"""What the rules look at: plain values about one planned session, gathered before they are judged."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from cases.kinds import EndpointRole, Kind, Role
from cases.models import CustodyStatus, Offence, Stage
from scheduler.models import Facility, FacilityKind, Room, RoomUse

ADULT = 18
"""Years from which no guardian is needed (CPL 281)."""


@dataclass(frozen=True, slots=True)
class RoomFacts:
    """A room with what the calendar needs of its facility."""

    id: str
    name: str
    use: RoomUse
    facility: str
    facility_name: str
    facility_kind: FacilityKind
    organisation: str
    zone: str
    before: timedelta
    after: timedelta


def room_facts(room: Room, facility: Facility) -> RoomFacts:
    """The values of a room and its facility."""
    return RoomFacts(
        id=room.id,
        name=room.name,
        use=room.use,
        facility=facility.id,
        facility_name=facility.name,
        facility_kind=facility.kind,
        organisation=facility.organisation,
        zone=facility.zone,
        before=timedelta(minutes=room.buffer_before),
        after=timedelta(minutes=room.buffer_after),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedParty:
    """Somebody who is to take part, before it is a row."""

    role: Role
    endpoint_role: EndpointRole
    side: str
    """``far`` (custody or witness room), ``own`` (asking side) or ``device``."""
    name: str
    number: str = ""
    person: str | None = None
    custody_person: str | None = None
    lead: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One planned session as the rules see it. Whoever reads a rule reads only this."""

    kind: Kind
    now: datetime
    start: datetime
    end: datetime
    roles: tuple[Role, ...]
    far: RoomFacts | None = None
    own: RoomFacts | None = None
    custody_status: CustodyStatus | None = None
    custody_facility: str | None = None
    born: date | None = None
    sex: str = ""
    needs_interpreter: bool = False
    offence: Offence = Offence.ORDINARY
    stage: Stage = Stage.INVESTIGATION
    has_permit: bool = False
    """A permit for a visit in a case that needs one was granted (CPL 39)."""
    exceptions: frozenset[str] = frozenset()
    """Enumerated exceptions somebody with the right to do so has granted, as ``RULE:word``."""

    @property
    def minor(self) -> bool:
        """Whether the person concerned is under eighteen on the day."""
        if self.born is None:
            return False
        day = self.start.date()
        return (day.year - self.born.year - ((day.month, day.day) < (self.born.month, self.born.day))) < ADULT

    def count(self, *roles: Role) -> int:
        """How many persons stand in one of the roles."""
        return sum(role in roles for role in self.roles)

    def at(self, start: datetime, end: datetime, far: RoomFacts | None, own: RoomFacts | None) -> "Facts":
        """The same session at another time and place."""
        return replace(self, start=start, end=end, far=far, own=own)
