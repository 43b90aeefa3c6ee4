"""What somebody asks for when booking, and the mistakes that can be told from the form alone."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cases.kinds import KINDS, Kind, Role
from core.errors import Invalid
from scheduler.windows import on_grid

SHORTEST = timedelta(minutes=15)
LONGEST = timedelta(hours=24)
HORIZON = timedelta(days=90)
"""How far ahead one can book."""
GUEST_ROLES = frozenset({Role.WITNESS, Role.VICTIM, Role.GUARDIAN, Role.INTERPRETER})
MOST_GUESTS = 6


@dataclass(frozen=True, slots=True)
class GuestWish:
    """Somebody without an account, who will be invited by link."""

    role: Role
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A wish for one session.

    ``room`` is where the far side sits: the person in custody, or a witness in a station; ``None`` lets the
    calendar choose for a person in custody, and means the guest's own device otherwise. ``own_room`` is where the
    asking side sits: a lawyer's room in a station, the officers' room; ``None`` is their own device. For an
    interrogation wholly inside one room both are the same.
    """

    kind: str
    start: datetime
    end: datetime
    room: str | None = None
    own_room: str | None = None
    custody_person: str | None = None
    case: str | None = None
    officers: tuple[str, ...] = ()
    """Ids of further officers of the asking side; who asks is always among them."""
    cooperating: tuple[str, ...] = ()
    """Officers who help at the far side."""
    interpreters: tuple[str, ...] = ()
    guests: tuple[GuestWish, ...] = field(default_factory=tuple)


def kind_of(code: str) -> Kind:
    """The kind of that code, or ``Invalid``."""
    kind = KINDS.get(code)
    if kind is None:
        raise Invalid("unknown-kind", "Please choose what kind of session this is.", field="kind")
    return kind


def check_request(request: Request, now: datetime, *, planned: bool = True) -> Kind:
    """Return the kind, or raise ``Invalid`` naming the input that cannot be used."""
    kind = kind_of(request.kind)
    check_window(request.start, request.end, now, planned=planned)
    if kind.custody and request.custody_person is None:
        raise Invalid("person-missing", "Please choose whom this is about.", field="custody_person")
    if not kind.custody and request.custody_person is not None:
        raise Invalid("person-not-expected", "No person in custody takes part in this kind.", field="custody_person")
    people = [*request.officers, *request.cooperating, *request.interpreters]
    if len(set(people)) != len(people):
        raise Invalid("duplicate-person", "Somebody is named twice. Please remove one of them.", field="officers")
    _check_guests(request.guests)
    return kind


def check_window(start: datetime, end: datetime, now: datetime, *, planned: bool = True) -> None:
    """Raise ``Invalid`` unless ``[start, end)`` can be booked at ``now`` by its shape alone."""
    if start.tzinfo is None or end.tzinfo is None:
        raise Invalid("no-zone", "The time needs a zone.", field="start")
    if end <= start:
        raise Invalid("end-before-start", "The end must come after the start.", field="end")
    if not SHORTEST <= end - start <= LONGEST:
        raise Invalid("length", "Between 15 minutes and 24 hours can be booked.", field="end")
    if planned and start < now:
        raise Invalid("in-the-past", "This time has already begun. Please choose a later one.", field="start")
    if start > now + HORIZON:
        raise Invalid("too-far-ahead", "This is too far ahead: the next 90 days can be booked.", field="start")
    if planned and not (on_grid(start) and on_grid(end)):
        raise Invalid("off-grid", "Sessions begin and end on the quarter hour.", field="start")


def _check_guests(guests: tuple[GuestWish, ...]) -> None:
    if len(guests) > MOST_GUESTS:
        raise Invalid("too-many-guests", "At most six guests can be invited.", field="guests")
    for guest in guests:
        if guest.role not in GUEST_ROLES:
            raise Invalid("guest-role", "Somebody invited by link cannot take this role.", field="guests")
        if not 1 <= len(guest.name.strip()) <= 100:
            raise Invalid("guest-name", "Please write the guest's name.", field="guests")
