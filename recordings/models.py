"""Tables of recordings: what the database knows of each, so that pages need not read chains to list them."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, UtcDateTime

RECORDING_ID = String(64)


class Recording(Base):
    """One recording whose chain has ended. The chain is the truth; this row is what was read from it."""

    __tablename__ = "recordings"
    __table_args__ = (Index("ix_recordings_session", "session"), {"info": {"package": "recordings"}})

    id: Mapped[str] = mapped_column(RECORDING_ID, primary_key=True)
    session: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(24))
    policy: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    """``closed``, or ``erased`` when its keys were destroyed on purpose."""
    started: Mapped[datetime] = mapped_column(UtcDateTime())
    ended: Mapped[datetime] = mapped_column(UtcDateTime())
    duration_ms: Mapped[int] = mapped_column(BigInteger)
    takes: Mapped[int]
    gaps: Mapped[int]
    bytes: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str] = mapped_column(String(64))
    verdict: Mapped[str] = mapped_column(String(16))
    """Of the last verification."""
    verified: Mapped[datetime] = mapped_column(UtcDateTime())
    finalized: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """When its playable files were made; none before that."""


class DerivedFile(Base):
    """One playable file of a recording, as its signed sidecar describes it."""

    __tablename__ = "derived_files"
    __table_args__ = ({"info": {"package": "recordings"}},)

    recording: Mapped[str] = mapped_column(RECORDING_ID, ForeignKey("recordings.id"), primary_key=True)
    file: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    media_type: Mapped[str] = mapped_column(String(32))
    endpoint: Mapped[str] = mapped_column(String(64))
    publication: Mapped[str] = mapped_column(String(32))
    role: Mapped[str] = mapped_column(String(32))
    part: Mapped[int]
    start_ms: Mapped[int] = mapped_column(BigInteger)
    duration_ms: Mapped[int] = mapped_column(BigInteger)
    length: Mapped[int] = mapped_column(BigInteger)
