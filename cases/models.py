"""Tables of cases, persons in custody, custody records and representation."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from cases.protection import Ending, Ground, Source, Standing
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


class PaperKind(StrEnum):
    """What may be demanded for a visit, and nothing else (CPL 39, MPS 53, 54)."""

    LICENCE = "licence"
    """律师执业证书."""
    FIRM_LETTER = "firm_letter"
    """律师事务所证明."""
    POWER_OF_ATTORNEY = "power_of_attorney"
    """委托书."""
    LEGAL_AID_LETTER = "legal_aid_letter"
    """法律援助公函: stands for the power of attorney."""
    INTERPRETER_PERMIT = "interpreter_permit"
    INTERROGATION_PERMIT = "interrogation_permit"
    """提讯证, with two named officers."""


class Paper(Base):
    """A paper handed in for a representation, or a 提讯证 for a case; reused while valid."""

    __tablename__ = "papers"

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    kind: Mapped[PaperKind] = mapped_column(words(PaperKind))
    representation: Mapped[str | None] = mapped_column(ForeignKey("representations.id"), index=True)
    case: Mapped[str | None] = mapped_column(ForeignKey("cases.id"), index=True)
    client: Mapped[str | None] = mapped_column(ForeignKey("custody_persons.id"))
    facility: Mapped[str] = mapped_column(String(22), index=True)
    """Whose post checks it."""
    state: Mapped[str] = mapped_column(String(16), default="submitted")
    """``submitted``, ``accepted`` or ``refused``."""
    reason: Mapped[str | None] = mapped_column(String(24))
    """Of a refusal: ``unreadable``, ``expired``, ``wrong-person``, ``wrong-kind``, ``not-signed``, ``virus``."""
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the content."""
    media_type: Mapped[str] = mapped_column(String(32))
    size: Mapped[int]
    officers: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Of a 提讯证: ids of the two officers it names."""
    submitted: Mapped[datetime] = mapped_column(UtcDateTime())
    submitted_by: Mapped[str] = mapped_column(ForeignKey("persons.id"))
    due: Mapped[datetime] = mapped_column(UtcDateTime())
    """By when it must be checked."""
    checked: Mapped[datetime | None] = mapped_column(UtcDateTime())
    checked_by: Mapped[str | None] = mapped_column(ForeignKey("persons.id"))
    until: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """To when it is valid."""
    virus_check: Mapped[str | None] = mapped_column(String(8))
    """``waiting``, ``clean`` or ``found``; ``None`` where the site has no virus scanner."""


class PaperFile(Base):
    """The content of a paper, apart from what lists read."""

    __tablename__ = "paper_files"

    paper: Mapped[str] = mapped_column(ForeignKey("papers.id", ondelete="CASCADE"), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class ProtectedPerson(Base):
    """Somebody in a case who is known by an alias; the real name lies in the secret volume (MPS 76), sealed."""

    __tablename__ = "protected_persons"
    __table_args__ = (UniqueConstraint("case", "alias"),)

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    case: Mapped[str] = mapped_column(ForeignKey("cases.id"))
    alias: Mapped[str] = mapped_column(String(100))
    """What stands for the name everywhere; never used again in the case."""
    ground: Mapped[Ground] = mapped_column(words(Ground))
    source: Mapped[Source] = mapped_column(words(Source))
    sealed: Mapped[str] = mapped_column(Text())
    """Name and, where it is known, date of birth (JSON), sealed with the key of ``Purpose.NAMES``."""
    state: Mapped[Standing] = mapped_column(words(Standing), default=Standing.STANDING)
    marked: Mapped[datetime] = mapped_column(UtcDateTime())
    marked_by: Mapped[str] = mapped_column(ForeignKey("persons.id"))
    asked: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """When the withdrawal was asked for, last."""
    asked_by: Mapped[str | None] = mapped_column(ForeignKey("persons.id"))
    asked_for: Mapped[Ending | None] = mapped_column(words(Ending))
    """Why it is to end."""
    decided: Mapped[datetime | None] = mapped_column(UtcDateTime())
    decided_by: Mapped[str | None] = mapped_column(ForeignKey("persons.id"))
