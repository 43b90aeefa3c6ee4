"""Queries on the tables of recordings."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from recordings.derived import Sidecar
from recordings.models import DerivedFile, Recording


async def put(tx: AsyncSession, recording: Recording, files: Sequence[Sidecar]) -> None:
    """Store what a chain and its derived files say, replacing what was known of them before."""
    await tx.merge(recording)
    await tx.flush()
    await tx.execute(delete(DerivedFile).where(DerivedFile.recording == recording.id))
    names = [column.key for column in DerivedFile.__table__.columns]
    tx.add_all(DerivedFile(**{name: getattr(item, name) for name in names}) for item in files)


async def find(tx: AsyncSession, recording: str) -> Recording | None:
    return await tx.get(Recording, recording)


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


async def all_recordings(tx: AsyncSession, limit: int = 500) -> Sequence[Recording]:
    """The newest recordings, newest first."""
    return (await tx.execute(select(Recording).order_by(Recording.started.desc()).limit(limit))).scalars().all()
