"""Tables of cases, persons in custody, custody records and representation."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, UtcDateTime, words
from core.ids import new_id


class Offence(StrEnum):
    """What a visit's permit depends on (CPL 39)."""

    ORDINARY = "ordinary"
    SECURITY = "security"
    """Endangering national security."""
    TERRORISM = "terrorism"


class Stage(StrEnum):
    """Where the case stands."""

    INVESTIGATION = "investigation"
    PROSECUTION = "prosecution"
    TRIAL = "trial"
    CLOSED = "closed"


class CustodyStatus(StrEnum):
    """Where a person in custody is, as the rules ask."""

    NOT_ADMITTED = "not_admitted"
    """未送所: held by the police, not yet handed to a detention centre."""
    DETAINED = "detained"
    """In a detention centre."""
    OUTSIDE = "outside"
    """In hospital, at home, at court: away from the facility for a time."""
    RELEASED = "released"


class RepresentationState(StrEnum):
    """What the check of a lawyer's power of attorney has come to."""

    PENDING = "pending"
    VERIFIED = "verified"
    REFUSED = "refused"
    ENDED = "ended"


class Case(Base):
    """A case of one unit. ``number`` is how people call it; ids are never shown."""

    __tablename__ = "cases"

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(String(64), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    organisation: Mapped[str] = mapped_column(ForeignKey("organisations.id"), index=True)
    offence: Mapped[Offence] = mapped_column(words(Offence), default=Offence.ORDINARY)
    stage: Mapped[Stage] = mapped_column(words(Stage), default=Stage.INVESTIGATION)
    opened: Mapped[datetime] = mapped_column(UtcDateTime())
    closed: Mapped[datetime | None] = mapped_column(UtcDateTime())
    external: Mapped[str | None] = mapped_column(String(64), unique=True)
    """Id in the case-management system that told us of it."""


class CaseOfficer(Base):
    """An officer who works on a case and may book for it."""

    __tablename__ = "case_officers"

    case: Mapped[str] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("persons.id"), primary_key=True, index=True)


class CustodyPerson(Base):
    """A person in custody: never has an account; is known by facility and case."""

    __tablename__ = "custody_persons"

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(100))
    sex: Mapped[str] = mapped_column(String(8), default="")
    """``male``, ``female`` or empty."""
    born: Mapped[date | None]
    identity_number: Mapped[str] = mapped_column(String(32), default="", index=True)
    language: Mapped[str] = mapped_column(String(16), default="zh")
    needs_interpreter: Mapped[bool] = mapped_column(default=False)
    """Deaf, mute or speaking another language (CPL 281, MPS 204)."""


class CaseSuspect(Base):
    """A person suspected in a case; two of one case are co-suspects."""

    __tablename__ = "case_suspects"

    case: Mapped[str] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("custody_persons.id"), primary_key=True, index=True)


class CustodyRecord(Base):
    """Where a person is held, from when to when; the one without an end is where they are now."""

    __tablename__ = "custody_records"
    __table_args__ = (
        Index(
            "uq_custody_records_current",
            "person",
            unique=True,
            sqlite_where=text("until IS NULL"),
            postgresql_where=text("until IS NULL"),
        ),
        Index("ix_custody_records_facility", "facility", "until"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    person: Mapped[str] = mapped_column(ForeignKey("custody_persons.id"))
    facility: Mapped[str | None] = mapped_column(String(22))
    """Id of the facility; the scheduler owns facilities."""
    status: Mapped[CustodyStatus] = mapped_column(words(CustodyStatus))
    since: Mapped[datetime] = mapped_column(UtcDateTime())
    until: Mapped[datetime | None] = mapped_column(UtcDateTime())
    external: Mapped[str | None] = mapped_column(String(64), unique=True)
    """Id of the custody system's event, so that a repeated one changes nothing."""


class Representation(Base):
    """A lawyer defends a person; only a verified one lets the lawyer see the name and book."""

    __tablename__ = "representations"
    __table_args__ = (Index("ix_representations_lawyer", "lawyer", "state"),)

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    lawyer: Mapped[str] = mapped_column(ForeignKey("persons.id"))
    client: Mapped[str] = mapped_column(ForeignKey("custody_persons.id"), index=True)
    case: Mapped[str | None] = mapped_column(ForeignKey("cases.id"))
    state: Mapped[RepresentationState] = mapped_column(words(RepresentationState), default=RepresentationState.PENDING)
    since: Mapped[datetime] = mapped_column(UtcDateTime())
    checked: Mapped[datetime | None] = mapped_column(UtcDateTime())
    checked_by: Mapped[str | None] = mapped_column(ForeignKey("persons.id"))
    until: Mapped[datetime | None] = mapped_column(UtcDateTime())
