"""Endpoints of a session and the persons present at them. Rules count persons, never connections."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from cases.kinds import EndpointRole, Kind, Role
from people.veil import Veil
from signaling.checks import Check
from signaling.events import Named, Seat
from signaling.messages import DeviceState, LineView

GRACE = timedelta(seconds=5)
"""How long a connection may be away before those who sit at it count as missing: a reload takes less."""


class Standing(StrEnum):
    """Where an endpoint stands with the session."""

    WAITING = "waiting"
    ADMITTED = "admitted"
    SENT_AWAY = "sent-away"
    """Refused or ejected by the host: may knock again, never comes back by itself."""
    LEFT = "left"


@dataclass(slots=True)
class Present:
    """A person at an endpoint."""

    id: str
    role: Role
    name: str
    number: str
    person: str | None
    how: str | None
    """Confirmed by ``account``, ``facility``, ``invitation``, ``named``, ``document``, ``known``, ``other``, or not."""
    check: Check = field(default_factory=Check)

    @property
    def identity(self) -> tuple[str, ...]:
        """What makes two entries the same human being: the account, else role, name and number."""
        return (self.person,) if self.person else (self.role, self.name, self.number)


@dataclass(slots=True)
class Endpoint:
    """A browser or a terminal in a session."""

    id: str
    role: EndpointRole
    label: str
    room: str | None
    custody: bool
    standing: Standing
    knocks: bool = False
    """Was sent away once: only the host lets it in again."""
    connected: bool = True
    away_since: datetime | None = None
    line_lost: bool = False
    name_confirmed: bool | None = None
    audio: DeviceState = "on"
    video: DeviceState = "on"
    hidden: bool = False
    """Its page is in the background."""
    publications: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    """Kinds of media of ``camera`` that bring no packets although nobody switched them off."""
    line: LineView | None = None
    camera_lines: dict[str, LineView] = field(default_factory=dict)
    """By view: the lines of the room's own cameras."""
    lost_views: set[str] = field(default_factory=set)
    """Views of the room that are away, and told so."""
    persons: dict[str, Present] = field(default_factory=dict)

    def is_here(self, now: datetime) -> bool:
        """Connected, or away for less than the grace; with media that still reach us."""
        if self.standing not in (Standing.WAITING, Standing.ADMITTED) or self.line_lost:
            return False
        return self.connected or (self.away_since is not None and now - self.away_since < GRACE)

    @property
    def recorded_role(self) -> str:
        """As what its tracks are recorded: the role of whoever sits there first, else its own."""
        return next((person.role.value for person in self.persons.values()), self.role.value)

    @property
    def in_room(self) -> bool:
        """Admitted or waiting: belongs to the session now."""
        return self.standing in (Standing.WAITING, Standing.ADMITTED)

    @property
    def shown_label(self) -> str:
        """What the others call it: the room, else its first person."""
        if self.room:
            return self.label
        return next((p.name for p in self.persons.values()), self.label)


class Presence:
    """Who is here. Mutable state of one session, changed only through its state machine."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._counter = 0
        self.endpoints: dict[str, Endpoint] = {}

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self.endpoints.values())

    def get(self, endpoint: str) -> Endpoint | None:
        return self.endpoints.get(endpoint)

    def admitted(self) -> list[Endpoint]:
        return [e for e in self if e.standing is Standing.ADMITTED]

    def waiting(self) -> list[Endpoint]:
        return [e for e in self if e.standing is Standing.WAITING]

    def add(self, seat: Seat, standing: Standing) -> Endpoint:
        """Take in a new endpoint."""
        endpoint = Endpoint(
            seat.endpoint,
            seat.role,
            seat.label,
            seat.room,
            seat.custody,
            standing,
            name_confirmed=seat.name_confirmed,
        )
        self.endpoints[seat.endpoint] = endpoint
        return endpoint

    def name(self, endpoint: Endpoint, named: Named, present: str | None = None) -> Present:
        """Put a person at an endpoint."""
        if present is None:
            self._counter += 1
            present = f"p{self._counter}"
        elif present[1:].isdigit():
            self._counter = max(self._counter, int(present[1:]))
        person = Present(present, named.role, named.name, named.number, named.person, named.how)
        endpoint.persons[present] = person
        return person

    def lay(self, veil: Veil) -> None:
        """Put aliases in the place of names that are not told any more."""
        for endpoint in self if veil else ():
            endpoint.label = veil.name(endpoint.label)
            for person in endpoint.persons.values():
                person.name = veil.name(person.name)

    def lost_media(self) -> None:
        """The media process holds nothing any more."""
        for endpoint in self:
            endpoint.publications.clear()
            endpoint.silent.clear()
            endpoint.line_lost = False

    def find(self, present: str) -> tuple[Endpoint, Present] | None:
        """The endpoint and the person of an id."""
        for endpoint in self:
            if present in endpoint.persons:
                return endpoint, endpoint.persons[present]
        return None

    def is_named(self, named: Named) -> bool:
        """Whether this human being is already named at an endpoint of the session."""
        probe = Present("", named.role, named.name, named.number, named.person, None)
        return any(p.identity == probe.identity for e in self if e.in_room for p in e.persons.values())

    def counted(self, now: datetime) -> dict[tuple[str, ...], Role]:
        """Persons who count: confirmed, at an admitted endpoint that is here; each human being once."""
        return {
            person.identity: person.role
            for endpoint in self.admitted()
            if endpoint.is_here(now)
            for person in endpoint.persons.values()
            if person.how is not None
        }

    def missing(self, now: datetime) -> tuple[Role, ...]:
        """One role per person still required, empty when all are here."""
        return tuple(_missing(self._kind, list(self.counted(now).values())))


def _missing(kind: Kind, here: list[Role]) -> Iterable[Role]:
    for requirement in kind.requires:
        count = sum(role in requirement.roles for role in here)
        wanted = min(requirement.roles, key=list(Role).index)
        yield from [wanted] * max(0, requirement.count - count)
