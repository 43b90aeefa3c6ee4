"""What goes over the API's wire, checked at the door: unknown members, naked times and wrong types are refused."""

from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from cases.kinds import Role
from cases.models import CustodyStatus, Offence, Stage
from scheduler.models import State
from scheduler.reasons import Cancelled
from scheduler.requests import MOST_GUESTS

_PRINTABLE = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
External = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$", description="Id in your own system.")]
Id = Annotated[str, Field(pattern=r"^[0-9a-z]{22}$", description="Id in this system.")]
Number = Annotated[str, Field(min_length=1, max_length=32, pattern=_PRINTABLE, description="An officer's number.")]
Identity = Annotated[
    str, Field(min_length=4, max_length=32, pattern=r"^[0-9A-Za-z]+$", description="Number of the identity document.")
]


class Message(BaseModel):
    """Base of everything sent and answered."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Person(Message):
    """Somebody suspected or in custody."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=_PRINTABLE)]
    identity_number: Identity
    sex: Annotated[str, Field(pattern=r"^(male|female|)$")] = ""
    born: date | None = None
    needs_interpreter: bool = False


class CasePath(Message):
    external: External


class Case(Message):
    """A case as it stands in your system; sent again it is brought up to date."""

    number: Annotated[str, Field(min_length=1, max_length=64, pattern=_PRINTABLE)]
    title: Annotated[str, Field(min_length=1, max_length=200, pattern=_PRINTABLE)]
    organisation: Id
    offence: Offence = Offence.ORDINARY
    stage: Stage = Stage.INVESTIGATION
    officers: Annotated[list[Number], Field(max_length=50)] = []
    suspects: Annotated[list[Person], Field(max_length=50)] = []


class Taken(Message):
    """The case as it is known here."""

    case: Id


class CustodyEvent(Message):
    """Somebody is elsewhere from ``since`` on. The same ``external`` again changes nothing; late ones are taken."""

    external: External
    person: Person
    status: CustodyStatus
    facility: Id | None = None
    since: AwareDatetime


class Marked(Message):
    """Bookings that must be looked at again because of the event."""

    review: list[Id]


class Room(Message):
    room: Id
    name: str
    use: str


class Facility(Message):
    """A facility of your organisation with the rooms in use."""

    facility: Id
    name: str
    kind: str
    zone: str
    rooms: list[Room]


class Facilities(Message):
    facilities: list[Facility]


class Guest(Message):
    """Somebody without an account, who will be invited by link."""

    role: Role
    name: Annotated[str, Field(min_length=1, max_length=100, pattern=_PRINTABLE)]


class Wish(Message):
    """A session asked for on behalf of ``officer``, who may whatever the officer may."""

    officer: Number
    kind: Annotated[str, Field(pattern=r"^[a-z_]{1,24}$")]
    case: External
    start: AwareDatetime
    end: AwareDatetime
    person: Identity | None = None
    officers: Annotated[list[Number], Field(max_length=20)] = []
    cooperating: Annotated[list[Number], Field(max_length=20)] = []
    interpreters: Annotated[list[Number], Field(max_length=20)] = []
    guests: Annotated[list[Guest], Field(max_length=MOST_GUESTS)] = []
    room: Id | None = None
    own_room: Id | None = None


class Search(Wish):
    """Windows of the length of ``[start, end)`` are looked for that start before ``until``, at most a month."""

    until: AwareDatetime


class Window(Message):
    """A free window with the rooms that would serve."""

    start: AwareDatetime
    end: AwareDatetime
    room: Id | None
    room_name: str
    facility: Id | None
    facility_name: str
    own_room: Id | None


class Windows(Message):
    windows: list[Window]


class BookingPath(Message):
    booking: Id


class Booking(Message):
    """A booking that is not a visit."""

    booking: Id
    kind: str
    case: str | None
    state: State
    start: AwareDatetime
    end: AwareDatetime
    zone: str
    facility: Id | None
    rooms: list[Id]
    officers: list[str]
    reason: str | None
    review: str | None
    started: AwareDatetime | None
    ended: AwareDatetime | None
    version: int


class Span(BaseModel):
    """Which bookings: those that start in ``[from, until)``, at most 500."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    from_: Annotated[AwareDatetime, Field(alias="from")]
    until: AwareDatetime


class Bookings(Message):
    bookings: list[Booking]


class Cancellation(Message):
    """Give a window back on behalf of ``officer``."""

    officer: Number
    reason: Cancelled
    version: Annotated[int, Field(ge=1, le=10**6)] | None = None
    """The one you saw: another one now is refused as a conflict."""


class Since(BaseModel):
    """Which results: sessions that ended after ``since``, or then with a booking id above ``after``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: AwareDatetime
    after: Annotated[str, Field(pattern=r"^[0-9a-z]{22}$")] | None = None


class Result(Message):
    """What became of a session. Of a visit only that it took place, from when to when."""

    booking: Id
    kind: str
    case: str | None
    state: State | None
    started: AwareDatetime | None
    ended: AwareDatetime


class Results(Message):
    """Earliest first. With ``more`` ask again with ``since`` and ``after`` of the last one."""

    results: list[Result]
    more: bool


class Rehearsal(Message):
    """The operator's self-test, answered with the session to join."""

    kind: Annotated[str, Field(pattern=r"^rehearsal$")] = "rehearsal"
    participants: Annotated[int, Field(ge=2, le=12)] = 2
    minutes: Annotated[int, Field(ge=15, le=120)] = 15


class RehearsalBegun(Message):
    session: Id


class Failure(Message):
    """Every refusal: a stable word for programs, a sentence for people, the member it is about."""

    code: str
    text: str
    field: str | None = None
    alternatives: list[Window] | None = None
    """Of a window that is taken: the nearest free ones. Never why it is taken."""
