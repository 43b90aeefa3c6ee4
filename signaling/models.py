"""Tables of live sessions: who owns one, its log, and the endpoints that may come back to it."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, UtcDateTime

ID = String(22)


class LiveSession(Base):
    """A session that really took or takes place. Its id is the booking's."""

    __tablename__ = "live_sessions"
    __table_args__ = (Index("ix_live_sessions_state", "state"),)

    id: Mapped[str] = mapped_column(ID, ForeignKey("bookings.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(24))
    state: Mapped[str] = mapped_column(String(16))
    """As last written; ``ended`` only when the record is closed."""
    owner: Mapped[str] = mapped_column(String(64))
    """Node of the web process that runs it."""
    fence: Mapped[int] = mapped_column(default=1)
    """Raised by every taking over: whoever holds an older number writes nothing more."""
    lease: Mapped[datetime] = mapped_column(UtcDateTime())
    """Until then nobody of another node may take it over."""
    media: Mapped[int]
    """Number of the media process that holds its resources."""
    recording: Mapped[str] = mapped_column(ID, unique=True)
    opened: Mapped[datetime] = mapped_column(UtcDateTime())
    started: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """When it was first live."""
    ended: Mapped[datetime | None] = mapped_column(UtcDateTime())
    reason: Mapped[str] = mapped_column(String(32), default="")
    digest: Mapped[str | None] = mapped_column(String(64))
    """Hex digest of the closed chain."""


class SessionEvent(Base):
    """One entry of a session's log, the same that stands in its chain."""

    __tablename__ = "session_events"

    session: Mapped[str] = mapped_column(ID, ForeignKey("live_sessions.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    type: Mapped[str] = mapped_column(String(32))
    """The ``event`` member of ``public``."""
    public: Mapped[dict[str, Any]] = mapped_column(JSON)
    private: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Personal data: names, words said. In the chain only as commitments."""


class EndpointRow(Base):
    """An endpoint that may come back: hash of the secret it does so with."""

    __tablename__ = "endpoints"
    __table_args__ = (Index("ix_endpoints_session", "session"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    session: Mapped[str] = mapped_column(ID, ForeignKey("live_sessions.id"))
    principal_kind: Mapped[str] = mapped_column(String(16))
    principal: Mapped[str] = mapped_column(ID)
    login: Mapped[str | None] = mapped_column(ID)
    """Login session it came by: when that ends, so does the way back."""
    participant: Mapped[int] = mapped_column(default=0)
    """Of a rehearsal: which of the synthetic participants it plays; else 0."""
    role: Mapped[str] = mapped_column(String(8))
    locale: Mapped[str] = mapped_column(String(8))
    resume: Mapped[str | None] = mapped_column(String(64), unique=True)
    """``None``: it may not come back by itself."""
