"""What the rules look at: plain values about one planned session, gathered before they are judged."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from cases.kinds import KINDS, EndpointRole, Kind, Role
from cases.models import CustodyStatus, Offence, Stage
from cases.protection import is_minor
from scheduler.models import Facility, FacilityKind, Room, RoomUse


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
    slot_minutes: int = 15
    """Visits begin every so many minutes of the facility's day."""
    capacity: int | None = None
    """How many persons it has seats for; ``None`` in facts kept from before this was looked at."""

    def seats(self, persons: int) -> bool:
        """Whether it has seats for so many (RM-2)."""
        return self.capacity is None or persons <= self.capacity


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
        slot_minutes=facility.slot_minutes,
        capacity=room.capacity,
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
    far_persons: int = 0
    """How many are to sit in the room of the far side."""
    own_persons: int = 0
    """How many are to sit in the asking side's room."""
    custody_status: CustodyStatus | None = None
    custody_facility: str | None = None
    born: date | None = None
    sex: str = ""
    needs_interpreter: bool = False
    offence: Offence = Offence.ORDINARY
    stage: Stage = Stage.INVESTIGATION
    custody_since: datetime | None = None
    questioned_before: bool = False
    last_questioned: datetime | None = None
    """When the last questioning of this person that was booked before this one ends."""
    permit_named: int = 0
    """How many of the officers an interrogation permit accepted by the facility names (IN-2b)."""
    differing: Mapping[date, bool] = field(default_factory=dict)
    """Of a visit: the days of the next month that are worked, or free, against their weekday."""
    lawyer_no_shows: int = 0
    """The asking lawyer's own no-shows in the time the rule looks back."""
    exceptions: frozenset[str] = frozenset()
    """Enumerated exceptions somebody with the right to do so has granted, as ``RULE:word``."""

    @property
    def minor(self) -> bool:
        """Whether the person concerned is under eighteen on the day."""
        return is_minor(self.born, self.start.date())

    @property
    def facility(self) -> str | None:
        """Where it takes place, as rules set per facility ask."""
        place = self.far or self.own
        return place.facility if place else None

    def count(self, *roles: Role) -> int:
        """How many persons stand in one of the roles."""
        return sum(role in roles for role in self.roles)


_ADAPTER = TypeAdapter(Facts)


def snapshot(facts: Facts) -> dict[str, Any]:
    """The facts as JSON, for the history: what the rules saw when the booking was made."""
    return {**_ADAPTER.dump_python(facts, mode="json", exclude={"kind"}), "kind": facts.kind.code}


def restored(saved: dict[str, Any]) -> Facts:
    """The facts of a history entry."""
    return _ADAPTER.validate_python({**saved, "kind": KINDS[saved["kind"]]})
