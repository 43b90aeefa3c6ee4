"""Queries on the tables of recordings."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from recordings import anchors, derived
from recordings.anchors import Anchor
from recordings.derived import Sidecar
from recordings.models import DerivedFile, Handover, HandoverPart, Recording
from recordings.verdicts import Verdict, Verification


async def put(tx: AsyncSession, recording: Recording, files: Sequence[Sidecar]) -> None:
    """Store what a chain and its derived files say, replacing what was known of them before."""
    await tx.merge(recording)
    await tx.flush()
    await tx.execute(delete(DerivedFile).where(DerivedFile.recording == recording.id))
    names = [column.key for column in DerivedFile.__table__.columns if column.key != "outdated"]
    old = derived.outdated(files)
    tx.add_all(
        DerivedFile(**{name: getattr(item, name) for name in names}, outdated=item.file in old) for item in files
    )


async def find(tx: AsyncSession, recording: str) -> Recording | None:
    return await tx.get(Recording, recording)


def checked(row: Recording, found: Verification, now: datetime) -> None:
    """Keep what a verification found, for pages and for the next round.

    A chain that ends elsewhere than when it was closed was cut short, however well it agrees with itself: ``MISSING``.
    """
    row.verdict, row.verified, row.last_check = found.verdict.value, now, found.brief()
    if row.digest != found.digest and found.exit_code != 1:
        row.verdict = Verdict.MISSING.value


async def of_session(tx: AsyncSession, session: str) -> Recording | None:
    """The recording of a session, once it has ended."""
    return (await tx.execute(select(Recording).where(Recording.session == session))).scalars().first()


async def files(tx: AsyncSession, recording: str) -> Sequence[DerivedFile]:
    """Playable files in order of name."""
    query = select(DerivedFile).where(DerivedFile.recording == recording).order_by(DerivedFile.file)
    return (await tx.execute(query)).scalars().all()


async def ended_before(tx: AsyncSession, instant: datetime) -> Sequence[Recording]:
    """Recordings not erased that ended before ``instant``, oldest first."""
    query = select(Recording).where(Recording.ended < instant, Recording.state != "erased").order_by(Recording.ended)
    return (await tx.execute(query)).scalars().all()


async def ledger_entries(tx: AsyncSession, recording: str) -> Sequence[ledger.Entry]:
    """What the ledger says of where this recording's chain stood, in order."""
    query = select(ledger.Entry).where(
        ledger.Entry.subject == recording, ledger.Entry.tag.in_((anchors.HEAD, anchors.CLOSED))
    )
    return (await tx.execute(query.order_by(ledger.Entry.number))).scalars().all()


async def known_heads(tx: AsyncSession, recording: str) -> list[Anchor]:
    """The heads the ledger has of a recording's chain."""
    found = (anchors.anchor_of(entry.tag, entry.details) for entry in await ledger_entries(tx, recording))
    return [anchor for anchor in found if anchor is not None]


async def all_recordings(tx: AsyncSession, limit: int = 500) -> Sequence[Recording]:
    """The newest recordings, newest first."""
    return (await tx.execute(select(Recording).order_by(Recording.started.desc()).limit(limit))).scalars().all()


async def withdraw(tx: AsyncSession, recording: str, *, encrypted: bool) -> None:
    """Take back what was made ready to leave of a recording, also with others; ``encrypted``: that as well which
    nobody opens without the key."""
    parts = select(HandoverPart.handover).where(HandoverPart.recording == recording)
    taken_back = update(Handover).where(Handover.id.in_(parts), Handover.state.in_(("asked", "ready")))
    if not encrypted:
        taken_back = taken_back.where(Handover.content != "encrypted")
    await tx.execute(taken_back.values(state="gone"))
