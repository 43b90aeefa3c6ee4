"""Tables of recordings: what the database knows of each, so that pages need not read chains to list them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, false
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Base, UtcDateTime
from core.ids import new_id

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
    """``closed``; ``filed`` when its original is sealed (``recordings.filing``); ``erased`` when its keys were
    destroyed on purpose."""
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
    last_check: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """What the last verification found, as ``verdicts.Verification.brief`` says it; none for older rows."""
    finalized: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """When its playable files were made; none before that."""
    cover: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """The one copy for whoever may not see plainly who is in it: a file's name, a mark of ``covering.due_mark`` while
    that has to be made or made anew, empty when nobody has to be hidden."""


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
    outdated: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether the files it was composed of have been made anew since (``derived.outdated``)."""


class LegalHold(Base):
    """An order that a recording be kept, whatever retention says. Several may lie on one recording."""

    __tablename__ = "recording_holds"
    __table_args__ = (Index("ix_recording_holds_recording", "recording"), {"info": {"package": "recordings"}})

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    recording: Mapped[str] = mapped_column(RECORDING_ID)
    reason: Mapped[str] = mapped_column(String(32))
    """Enumerated word, see ``keeping.HOLD_REASONS``."""
    placed_by: Mapped[str] = mapped_column(String(64))
    placed: Mapped[datetime] = mapped_column(UtcDateTime())
    lifted_by: Mapped[str | None] = mapped_column(String(64))
    lifted: Mapped[datetime | None] = mapped_column(UtcDateTime())
    lifted_for: Mapped[str | None] = mapped_column(String(32))
    """Why, a word of ``retention.LIFT_REASONS``."""


class KeepingRequest(Base):
    """Somebody's request to unseal the original of a recording, or to destroy it; decided by somebody else."""

    __tablename__ = "recording_requests"
    __table_args__ = (Index("ix_recording_requests_recording", "recording"), {"info": {"package": "recordings"}})

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    recording: Mapped[str] = mapped_column(RECORDING_ID)
    act: Mapped[str] = mapped_column(String(16))
    """``unseal`` or ``delete``."""
    reason: Mapped[str] = mapped_column(String(32))
    case_unit: Mapped[str] = mapped_column(String(64))
    """Organisation that handles the case: one of the two deciders is from outside it."""
    asked_by: Mapped[str] = mapped_column(String(64))
    asked_unit: Mapped[str] = mapped_column(String(64))
    asked: Mapped[datetime] = mapped_column(UtcDateTime())
    decided_by: Mapped[str | None] = mapped_column(String(64))
    decided_unit: Mapped[str | None] = mapped_column(String(64))
    decided: Mapped[datetime | None] = mapped_column(UtcDateTime())
    state: Mapped[str] = mapped_column(String(16), default="asked")
    """``asked``, ``approved``, ``refused`` or ``done``."""


class Handover(Base):
    """Recordings made ready to leave the house: asked for on a page, written by the worker, taken along, receipted."""

    __tablename__ = "recording_handovers"
    __table_args__ = (Index("ix_recording_handovers_case", "case"), {"info": {"package": "recordings"}})

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    case: Mapped[str | None] = mapped_column(String(22))
    """The case of which all that may leave was asked for; none when one recording was."""
    case_number: Mapped[str] = mapped_column(String(64))
    recipient: Mapped[str] = mapped_column(String(100))
    """Organisation it is for."""
    content: Mapped[str] = mapped_column(String(16))
    """A value of ``handover.Bundle``."""
    disc: Mapped[str] = mapped_column(String(8), default="")
    """Also as images of discs of this size, a name of ``discs.SIZES``; empty for none."""
    asked_by: Mapped[str] = mapped_column(String(64))
    asked: Mapped[datetime] = mapped_column(UtcDateTime())
    state: Mapped[str] = mapped_column(String(16), default="asked")
    """``asked``, ``ready``, ``failed``, or ``gone`` when its time was over."""
    ready: Mapped[datetime | None] = mapped_column(UtcDateTime())
    files: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    """``name``, ``bytes`` and ``sha256`` of each file to be taken along, the bundles first; a bundle of several has its
    ``recording`` too."""
    left_out: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list, server_default="[]")
    """What of the case could not leave: ``session``, ``at`` and ``rule`` (``outgoing.WHY``)."""
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    """Of the site's key."""
    received_by: Mapped[str | None] = mapped_column(String(100))
    """Who signed for it, as the receipt says."""
    received: Mapped[datetime | None] = mapped_column(UtcDateTime())


class HandoverPart(Base):
    """One recording of a handover."""

    __tablename__ = "recording_handover_parts"
    __table_args__ = (
        Index("ix_recording_handover_parts_recording", "recording"),
        {"info": {"package": "recordings"}},
    )

    handover: Mapped[str] = mapped_column(String(22), ForeignKey("recording_handovers.id"), primary_key=True)
    recording: Mapped[str] = mapped_column(RECORDING_ID, ForeignKey("recordings.id"), primary_key=True)
    place: Mapped[int]
    """Its place on the list, from 0."""
    digest: Mapped[str | None] = mapped_column(String(64))
    """Of the chain's last line, as printed on the statement; none before it was made."""
