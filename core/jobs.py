"""Background jobs on the product's own database: enqueued in the caller's transaction, run by the worker.

A job is a kind and a small JSON object of ids. It is run at least once; handlers are idempotent. A worker that
dies loses its lease and another takes the job up again.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import structlog
from sqlalchemy import JSON, Index, String, Table, Text, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import Clock
from core.database import Base, Database, UtcDateTime
from core.errors import Unavailable
from core.ids import new_id

log = structlog.get_logger()

Handler = Callable[[Mapping[str, Any]], Awaitable[None]]

LEASE = timedelta(minutes=2)
"""How long a worker may be silent before another takes its job; renewed while the handler runs."""
NOTICED = timedelta(seconds=1)
"""How soon a worker sees that the job it runs was called off."""
ATTEMPTS = 8
"""After so many failures a job rests as ``failed`` for an operator to look at."""


class Job(Base):
    """One piece of work to be done after the transaction that asked for it."""

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_due", "state", "due"),)

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(64))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    key: Mapped[str | None] = mapped_column(String(128), unique=True)
    """At most one job of a key exists, so that the same request twice is one job."""
    state: Mapped[str] = mapped_column(String(16), default="waiting")
    """``waiting``, ``running``, ``done``, ``failed`` or ``cancelled``."""
    due: Mapped[datetime] = mapped_column(UtcDateTime())
    lease: Mapped[datetime | None] = mapped_column(UtcDateTime())
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(Text())
    """Class name of the last exception: never its words, which may hold personal data."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A job that is asked for."""

    kind: str
    payload: Mapping[str, Any]
    due: datetime
    key: str | None = None


async def enqueue(
    tx: AsyncSession, kind: str, payload: Mapping[str, Any], *, due: datetime, key: str | None = None
) -> None:
    """Ask for a job in the caller's transaction; a second request with the same ``key`` changes nothing."""
    await enqueue_all(tx, [Wanted(kind, payload, due, key)])


async def enqueue_all(tx: AsyncSession, wanted: Sequence[Wanted]) -> None:
    """Ask for several jobs at once, as ``enqueue`` does for one."""
    if not wanted:
        return
    dialect = tx.get_bind().dialect.name
    table = cast(Table, Job.__table__)  # the mapped class would be inserted row by row
    insert = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    rows = [
        {"id": new_id(), "kind": w.kind, "payload": dict(w.payload), "key": w.key, "due": w.due, "state": "waiting"}
        for w in wanted
    ]
    await tx.execute(insert.on_conflict_do_nothing(index_elements=["key"]), [{**row, "attempts": 0} for row in rows])


async def state(tx: AsyncSession, key: str) -> str | None:
    """``Job.state``; ``None`` when nobody ever asked for a job of that key."""
    return (await tx.execute(select(Job.state).where(Job.key == key))).scalar_one_or_none()


async def cancel(tx: AsyncSession, key: str, *, now: datetime) -> bool:
    """Call off a job that waits or runs; its handler is cancelled within ``NOTICED`` of the commit. Return whether it
    was still to be called off."""
    stands = update(Job).where(Job.key == key, Job.state.in_(("waiting", "running")))
    return _changed(await tx.execute(stands.values(state="cancelled", due=now, lease=None)))


async def resume(tx: AsyncSession, key: str, *, now: datetime) -> bool:
    """Have a job run after all that was called off or given up, once whoever ran it has let go of it. Return whether
    there was one."""
    rests = update(Job).where(Job.key == key, Job.state.in_(("cancelled", "failed")))
    return _changed(await tx.execute(rests.values(state="waiting", due=now + 2 * NOTICED, attempts=0, error=None)))


async def ask_again(tx: AsyncSession, wanted: Wanted) -> None:
    """Ask for a job of a key once more, though it was done, was given up, or runs: what it works on has changed. One
    that was called off stays called off."""
    await enqueue_all(tx, [wanted])
    again = update(Job).where(Job.key == wanted.key, Job.state.in_(("done", "failed", "running")))
    values = {"state": "waiting", "due": wanted.due + 2 * NOTICED, "attempts": 0, "lease": None, "error": None}
    await tx.execute(again.values(**values))


def _changed(result: Any) -> bool:
    return bool(result.rowcount)


async def tidy(tx: AsyncSession, before: datetime) -> None:
    """Forget jobs without a key that were done and due before ``before``; keyed ones stay, so that they stay done."""
    await tx.execute(delete(Job).where(Job.state == "done", Job.key.is_(None), Job.due < before))


class Worker:
    """Runs due jobs one after the other until stopped."""

    def __init__(self, database: Database, clock: Clock, handlers: Mapping[str, Handler], *, poll: float = 0.5) -> None:
        self._database = database
        self._clock = clock
        self._handlers = dict(handlers)
        self._poll = poll

    async def run(self) -> None:
        """Work until cancelled. A database that is away is waited for."""
        while True:
            try:
                worked = await self.run_one()
            except Unavailable:
                log.warning("jobs wait for the database")
                worked = False
            if not worked:
                await asyncio.sleep(self._poll)

    async def run_one(self) -> bool:
        """Run the job that is due longest; return whether there was one."""
        job = await self._claim()
        if job is None:
            return False
        if job.state == "failed":
            log.error("a job is given up: no worker outlived it", kind=job.kind, job=job.id)
            return True
        try:
            called_off = await self._do(job)
        except Exception as error:
            log.error("a job failed", kind=job.kind, job=job.id, error=type(error).__name__, exc_info=True)
            await self._failed(job, error)
            return True
        if called_off:
            log.info("a job was called off", kind=job.kind, job=job.id)
        else:
            await self._set(job.id, state="done", lease=None)
        return True

    async def _do(self, job: Job) -> bool:
        """Run the handler; return whether it was called off on the way. Raises what the handler raises."""
        work = asyncio.ensure_future(self._handlers[job.kind](job.payload))
        beside = [asyncio.create_task(self._renew(job.id)), asyncio.create_task(self._heed(job.id, work))]
        try:
            await asyncio.wait({work})
        finally:
            for task in (*beside, work):
                task.cancel()
            await asyncio.gather(*beside, work, return_exceptions=True)
        if work.cancelled():
            return True
        work.result()
        return False

    async def _claim(self) -> Job | None:
        now = self._clock.now()
        claimable = or_(Job.state == "waiting", (Job.state == "running") & (Job.lease < now))
        query = select(Job).where(claimable, Job.due <= now, Job.kind.in_(self._handlers)).order_by(Job.due).limit(1)
        async with self._database.transaction() as tx:
            job = (await tx.execute(query.with_for_update(skip_locked=True))).scalar_one_or_none()
            if job is None:
                return None
            if job.attempts >= ATTEMPTS:  # it took its worker down each time
                job.state, job.lease, job.error = "failed", None, "WorkerDied"
                return job
            job.state, job.lease, job.attempts = "running", now + LEASE, job.attempts + 1
            return job

    async def _renew(self, job_id: str) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            with contextlib.suppress(Unavailable):
                await self._set(job_id, lease=self._clock.now() + LEASE)

    async def _heed(self, job_id: str, work: asyncio.Future[None]) -> None:
        """Cancel the handler when its job is called off."""
        while True:
            await asyncio.sleep(NOTICED.total_seconds())
            with contextlib.suppress(Unavailable):
                async with self._database.transaction(write=False) as tx:
                    state = (await tx.execute(select(Job.state).where(Job.id == job_id))).scalar_one_or_none()
                if state != "running":
                    work.cancel()
                    return

    async def _failed(self, job: Job, error: Exception) -> None:
        state = "failed" if job.attempts >= ATTEMPTS else "waiting"
        due = self._clock.now() + timedelta(seconds=2**job.attempts)
        await self._set(job.id, state=state, due=due, lease=None, error=type(error).__name__)

    async def _set(self, job_id: str, **values: Any) -> None:
        """Of a job that was called off meanwhile nothing is written."""
        async with self._database.transaction() as tx:
            await tx.execute(update(Job).where(Job.id == job_id, Job.state == "running").values(**values))
