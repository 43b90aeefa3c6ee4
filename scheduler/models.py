"""Tables of facilities, rooms, bookings, parties, holds and custody steps."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cases.kinds import EndpointRole, Role
from core.database import Base, UtcDateTime, words
from core.ids import new_id


class FacilityKind(StrEnum):
    """What sort of place, as the rules on places ask (MPS 198)."""

    DETENTION_CENTRE = "detention_centre"
    CASE_CENTRE = "case_centre"
    STATION = "station"


class RoomUse(StrEnum):
    """What a room is for; which kinds it serves follows in ``scheduler/rooms.py``."""

    VISIT = "visit"
    """会见室: person in custody meets the lawyer."""
    INTERROGATION = "interrogation"
    """讯问室."""
    EVIDENCE = "evidence"
    """远程取证室: witness or officer on the far side."""
    LAWYER = "lawyer"
    """律师会见点: the lawyer's end of a visit."""


class State(StrEnum):
    """Of a booking. ``REQUESTED`` and ``CONFIRMED`` hold their resources."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    CANCELLED = "cancelled"
    DONE = "done"
    NO_SHOW = "no_show"


class Step(StrEnum):
    """What the duty post confirms around a session with a person in custody, in this order."""

    BROUGHT = "brought"
    IDENTITY_CHECKED = "identity_checked"
    ESCORT_LEFT = "escort_left"
    RETURNED = "returned"


class Facility(Base):
    """A detention centre, case-handling centre or station, on a node of the police tree."""

    __tablename__ = "facilities"

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    organisation: Mapped[str] = mapped_column(ForeignKey("organisations.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    kind: Mapped[FacilityKind] = mapped_column(words(FacilityKind))
    zone: Mapped[str] = mapped_column(String(64), default="Asia/Shanghai")
    phone: Mapped[str] = mapped_column(String(32), default="")
    slot_minutes: Mapped[int] = mapped_column(default=15)
    """Visits begin every so many minutes of the local day; 15, 30 or 60."""
    address: Mapped[str] = mapped_column(String(200), default="")
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    closed: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """Since when no longer used."""


class Room(Base):
    """A room that can be held."""

    __tablename__ = "rooms"

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    facility: Mapped[str] = mapped_column(ForeignKey("facilities.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    use: Mapped[RoomUse] = mapped_column(words(RoomUse))
    capacity: Mapped[int] = mapped_column(default=4)
    equipment: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Words such as ``printer``, ``document_camera``, ``wheelchair``."""
    movable: Mapped[bool] = mapped_column(default=False)
    """A terminal on wheels rather than a place."""
    buffer_before: Mapped[int] = mapped_column(default=0)
    """Minutes held before each window, for bringing and preparing."""
    buffer_after: Mapped[int] = mapped_column(default=0)
    """Minutes held after each window, for returning and cleaning."""
    closed: Mapped[datetime | None] = mapped_column(UtcDateTime())


class Booking(Base):
    """The plan of one session; its id is the session's id."""

    __tablename__ = "bookings"
    __table_args__ = (
        CheckConstraint('"ends" > "starts"', name="window"),
        Index("ix_bookings_facility", "facility", "starts"),
        Index("ix_bookings_state", "state", "starts"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(24))
    state: Mapped[State] = mapped_column(words(State))
    start: Mapped[datetime] = mapped_column("starts", UtcDateTime())
    end: Mapped[datetime] = mapped_column("ends", UtcDateTime())
    zone: Mapped[str] = mapped_column(String(64), default="Asia/Shanghai")
    """Zone its times are shown in: the facility's."""
    organisation: Mapped[str | None] = mapped_column(ForeignKey("organisations.id"))
    """Unit of the host; of a visit that of the facility."""
    facility: Mapped[str | None] = mapped_column(ForeignKey("facilities.id"))
    """Whose day list it stands in; rehearsals have none."""
    case: Mapped[str | None] = mapped_column(ForeignKey("cases.id"), index=True)
    created_by: Mapped[str] = mapped_column(String(64))
    """Id of the person, or of the token that started a rehearsal."""
    created: Mapped[datetime] = mapped_column(UtcDateTime())
    decided: Mapped[datetime | None] = mapped_column(UtcDateTime())
    decided_by: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str | None] = mapped_column(String(32))
    """Enumerated word of the last refusal, cancellation or no-show."""
    owner: Mapped[str | None] = mapped_column(String(16))
    """Of a no-show: whose cause it was."""
    arrived: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """Since when whoever asked, lawyer or officers, is at the place, as the post wrote it down."""
    started: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """When the session really began."""
    ended: Mapped[datetime | None] = mapped_column(UtcDateTime())
    review: Mapped[str | None] = mapped_column(String(32), index=True)
    """Why it must be looked at again, a word of ``reviews.Why``; ``None``: it stands."""
    complete: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """Of a visit: since when the request stands with its papers; the first of the two clocks."""
    checked: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """Of a visit: when the papers were found in order; the second clock."""
    version: Mapped[int] = mapped_column(default=1)
    """Raised by every change: a form that shows an older one is refused as stale."""


class Party(Base):
    """Somebody who takes part: exactly one of account person, person in custody, or a name alone (guest)."""

    __tablename__ = "parties"

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    booking: Mapped[str] = mapped_column(ForeignKey("bookings.id", ondelete="CASCADE"), index=True)
    role: Mapped[Role] = mapped_column(words(Role))
    endpoint_role: Mapped[EndpointRole] = mapped_column(words(EndpointRole))
    person: Mapped[str | None] = mapped_column(ForeignKey("persons.id"), index=True)
    custody_person: Mapped[str | None] = mapped_column(ForeignKey("custody_persons.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    """As it was when booked."""
    number: Mapped[str] = mapped_column(String(32), default="")
    room: Mapped[str | None] = mapped_column(ForeignKey("rooms.id"), index=True)
    """Where they sit; ``None``: their own device."""
    lead: Mapped[bool] = mapped_column(default=False)
    """The officer who answers for the session."""


class Hold(Base):
    """One resource taken for one window by one booking; the database refuses overlaps of a resource.

    ``resource`` is ``room:ID``, ``custody:ID`` or ``person:ID``. The window here includes the room's buffers.
    """

    __tablename__ = "holds"
    __table_args__ = (
        CheckConstraint('"ends" > "starts"', name="window"),
        Index("ix_holds_resource", "resource", "ends"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    booking: Mapped[str] = mapped_column(ForeignKey("bookings.id", ondelete="CASCADE"), index=True)
    resource: Mapped[str] = mapped_column(String(40))
    start: Mapped[datetime] = mapped_column("starts", UtcDateTime())
    end: Mapped[datetime] = mapped_column("ends", UtcDateTime())


class CustodyStep(Base):
    """A step confirmed by the duty post. ``returned`` ends the custody side."""

    __tablename__ = "custody_steps"
    __table_args__ = (UniqueConstraint("booking", "step"),)

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    booking: Mapped[str] = mapped_column(ForeignKey("bookings.id", ondelete="CASCADE"), index=True)
    step: Mapped[Step] = mapped_column(words(Step))
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    by: Mapped[str] = mapped_column(String(64))


class BookingChange(Base):
    """One version of a booking as it was left by one act: the full history."""

    __tablename__ = "booking_changes"
    __table_args__ = (Index("ix_booking_changes_booking", "booking", "version"),)

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    booking: Mapped[str] = mapped_column(ForeignKey("bookings.id", ondelete="CASCADE"))
    version: Mapped[int]
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    by: Mapped[str] = mapped_column(String(64))
    act: Mapped[str] = mapped_column(String(32))
    snapshot: Mapped[dict[str, Any]] = mapped_column(JSON)
    """State, window, rooms, party ids and reason after the act."""


class Hours(Base):
    """When a facility is open, or a regime break. Without opening rows it is open around the clock."""

    __tablename__ = "facility_hours"

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    facility: Mapped[str] = mapped_column(ForeignKey("facilities.id"), index=True)
    room: Mapped[str | None] = mapped_column(ForeignKey("rooms.id"))
    """``None``: every room."""
    kinds: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Empty: every kind."""
    days: Mapped[str] = mapped_column(String(16), default="all")
    """``all``, ``working``, ``free``, or digits of weekdays with Monday as 1, such as ``12345``."""
    opens: Mapped[int]
    """Minutes after local midnight."""
    closes: Mapped[int]
    is_break: Mapped[bool] = mapped_column(default=False)
    word: Mapped[str] = mapped_column(String(16), default="")
    """Of a break: ``roll_call``, ``meal``, ``yard``, ``handover``, ``night``."""


class Block(Base):
    """A room, or a whole facility, that cannot be used for a time."""

    __tablename__ = "blocks"
    __table_args__ = (CheckConstraint('"ends" > "starts"', name="window"), Index("ix_blocks_place", "facility", "ends"))

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    facility: Mapped[str] = mapped_column(ForeignKey("facilities.id"))
    room: Mapped[str | None] = mapped_column(ForeignKey("rooms.id"))
    start: Mapped[datetime] = mapped_column("starts", UtcDateTime())
    end: Mapped[datetime] = mapped_column("ends", UtcDateTime())
    reason: Mapped[str] = mapped_column(String(32))
    by: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    lifted: Mapped[datetime | None] = mapped_column(UtcDateTime())


class Absence(Base):
    """Somebody held at a facility who cannot be met there for a time; see ``scheduler/absences.py``."""

    __tablename__ = "absences"
    __table_args__ = (
        CheckConstraint('"ends" IS NULL OR "ends" > "starts"', name="window"),
        Index("ix_absences_custody_person", "custody_person"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    custody_person: Mapped[str] = mapped_column(ForeignKey("custody_persons.id"))
    facility: Mapped[str] = mapped_column(ForeignKey("facilities.id"))
    why: Mapped[str] = mapped_column(String(16))
    """Word of ``reviews.AWAY``."""
    start: Mapped[datetime] = mapped_column("starts", UtcDateTime())
    end: Mapped[datetime | None] = mapped_column("ends", UtcDateTime())
    """``None``: until the return is written down."""
    by: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    ended: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """When it was over before its end, or called off."""


class WorkingDay(Base):
    """A day that differs from its weekday: a holiday, or a weekend that is worked."""

    __tablename__ = "working_days"

    country: Mapped[str] = mapped_column(String(8), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    working: Mapped[bool]
    name: Mapped[str] = mapped_column(String(64), default="")


class RuleSetting(Base):
    """A deployment's own parameters of a rule, or that it is off, from a day on."""

    __tablename__ = "rule_settings"
    __table_args__ = (Index("ix_rule_settings_rule", "rule", "since"),)

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    rule: Mapped[str] = mapped_column(String(16))
    facility: Mapped[str | None] = mapped_column(ForeignKey("facilities.id"))
    """``None``: everywhere but where a facility has a setting of its own."""
    since: Mapped[date]
    until: Mapped[date | None]
    off: Mapped[bool] = mapped_column(default=False)
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    by: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime())


class RuleException(Base):
    """An enumerated exception somebody entitled granted for a person in custody, a case, a booking or a lawyer."""

    __tablename__ = "rule_exceptions"
    __table_args__ = (Index("ix_rule_exceptions_subject", "subject"),)

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    subject: Mapped[str] = mapped_column(String(22))
    rule: Mapped[str] = mapped_column(String(16))
    word: Mapped[str] = mapped_column(String(24))
    reason: Mapped[str] = mapped_column(String(24), default="")
    """Of those that need one, a word such as of ``reopening.Reopened``."""
    by: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    until: Mapped[datetime] = mapped_column(UtcDateTime())


class Notice(Base):
    """Something a person should know: shown in the page, sent by mail or SMS where they have an address."""

    __tablename__ = "notices"
    __table_args__ = (Index("ix_notices_person", "person", "read"),)

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    person: Mapped[str] = mapped_column(ForeignKey("persons.id"))
    booking: Mapped[str | None] = mapped_column(ForeignKey("bookings.id", ondelete="CASCADE"), index=True)
    what: Mapped[str] = mapped_column(String(32))
    """Key of ``notices.TEXTS``."""
    values: Mapped[dict[str, Any]] = mapped_column("details", JSON, default=dict)
    """Instants as ISO text and enumerated words; never a name."""
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    read: Mapped[datetime | None] = mapped_column(UtcDateTime())
    sent: Mapped[datetime | None] = mapped_column(UtcDateTime())


class NoticeAddress(Base):
    """Where a person wants to be told: ``mail`` or ``sms``."""

    __tablename__ = "notice_addresses"

    person: Mapped[str] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    way: Mapped[str] = mapped_column(String(8), primary_key=True)
    address: Mapped[str] = mapped_column(String(254))


class Waiting(Base):
    """A wish for a full time: offered a freed window in order, with a deadline."""

    __tablename__ = "waiting"
    __table_args__ = (Index("ix_waiting_place", "facility", "state", "created"),)

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    person: Mapped[str] = mapped_column(ForeignKey("persons.id"))
    facility: Mapped[str] = mapped_column(ForeignKey("facilities.id"))
    kind: Mapped[str] = mapped_column(String(24))
    custody_person: Mapped[str | None] = mapped_column(ForeignKey("custody_persons.id"))
    request: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The request as it would be booked, but for its window."""
    since: Mapped[datetime] = mapped_column("from_at", UtcDateTime())
    until: Mapped[datetime] = mapped_column("until_at", UtcDateTime())
    """In which span a window would serve."""
    state: Mapped[str] = mapped_column(String(16), default="waiting")
    """``waiting``, ``offered``, ``taken``, ``expired``, ``withdrawn``."""
    created: Mapped[datetime] = mapped_column(UtcDateTime())
    booking: Mapped[str | None] = mapped_column(ForeignKey("bookings.id"))
    """The booking that holds the offered window."""
    deadline: Mapped[datetime | None] = mapped_column(UtcDateTime())


class Handover(Base):
    """One shift of a duty post hands over to the next: a list, acknowledged."""

    __tablename__ = "handovers"

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    facility: Mapped[str] = mapped_column(ForeignKey("facilities.id"), index=True)
    given_by: Mapped[str] = mapped_column(ForeignKey("persons.id"))
    given: Mapped[datetime] = mapped_column(UtcDateTime())
    items: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """Booking ids with what was open."""
    note: Mapped[str] = mapped_column(String(500), default="")
    taken_by: Mapped[str | None] = mapped_column(ForeignKey("persons.id"))
    taken: Mapped[datetime | None] = mapped_column(UtcDateTime())


class LateScan(Base):
    """The page of the book from which a late entry was written, as picture or PDF."""

    __tablename__ = "late_scans"

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    booking: Mapped[str] = mapped_column(ForeignKey("bookings.id", ondelete="CASCADE"), index=True)
    by: Mapped[str] = mapped_column(ForeignKey("persons.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the content."""
    media_type: Mapped[str] = mapped_column(String(32))
    content: Mapped[bytes] = mapped_column(LargeBinary)
    virus_check: Mapped[str | None] = mapped_column(String(8))
    """As of ``cases.models.Paper``."""


class OfferedTimes(Base):
    """Starts from which a guest may choose one for their session, until a deadline."""

    __tablename__ = "offered_times"

    booking: Mapped[str] = mapped_column(ForeignKey("bookings.id", ondelete="CASCADE"), primary_key=True)
    starts: Mapped[list[str]] = mapped_column(JSON)
    """Instants as ISO text."""
    deadline: Mapped[datetime] = mapped_column(UtcDateTime())
    chosen: Mapped[datetime | None] = mapped_column(UtcDateTime())


class DutyLawyer(Base):
    """A lawyer whom the justice bureau has named for a facility (值班律师)."""

    __tablename__ = "duty_lawyers"

    facility: Mapped[str] = mapped_column(ForeignKey("facilities.id"), primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    added: Mapped[datetime] = mapped_column(UtcDateTime())
    added_by: Mapped[str] = mapped_column(ForeignKey("persons.id"))


class LawyerRequest(Base):
    """A person in custody asks for a lawyer: duty lawyers are told within 24 hours (LV-7)."""

    __tablename__ = "lawyer_requests"

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    custody_person: Mapped[str] = mapped_column(ForeignKey("custody_persons.id"), index=True)
    facility: Mapped[str] = mapped_column(ForeignKey("facilities.id"), index=True)
    asked: Mapped[datetime] = mapped_column(UtcDateTime())
    asked_by: Mapped[str] = mapped_column(ForeignKey("persons.id"))
    """Of the post, who wrote the wish down."""
    deadline: Mapped[datetime] = mapped_column(UtcDateTime())
    notified: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """When duty lawyers were told."""
    taken: Mapped[datetime | None] = mapped_column(UtcDateTime())
    taken_by: Mapped[str | None] = mapped_column(ForeignKey("persons.id"))


class Webhook(Base):
    """Where a case-management or custody system wants to be told; what is sent is signed with its secret."""

    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    url: Mapped[str] = mapped_column(String(500))
    secret: Mapped[str] = mapped_column(String(64))
    acts: Mapped[list[str]] = mapped_column(JSON)
    """Words such as ``confirmed`` or ``done``; empty: every act."""
    organisation: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    added_by: Mapped[str] = mapped_column(String(64))
    added: Mapped[datetime] = mapped_column(UtcDateTime())
    ended: Mapped[datetime | None] = mapped_column(UtcDateTime())
