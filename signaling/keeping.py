"""Writes what a session leaves in the database, in order, whenever the database is there.

The session never waits for it: while the database is away changes are kept in memory, and written once it is back.
At most ``MOST`` are kept; beyond that new log entries are counted and left to the chain, which holds them all anyway.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import islice, takewhile
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from core import jobs, ledger
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, NotFound, Unavailable
from people.veil import Veil
from scheduler import running
from signaling import store
from signaling.models import EndpointRow
from signaling.restore import Entry, veiled

log = structlog.get_logger()

MOST = 20_000
"""Changes kept while the database is away: hours of a busy session."""
BATCH = 200
RETRY = 1.0
"""Seconds between two tries while the database is away."""


@dataclass(frozen=True, slots=True)
class EndpointKept:
    """An endpoint as it may come back now; ``resume`` is the hash of its secret, ``None``: it may not."""

    id: str
    principal_kind: str
    principal: str
    login: str | None
    participant: int
    role: str
    locale: str
    resume: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """The session's row as it now is; with ``finalize`` its recording is handed to the worker."""

    values: dict[str, Any]
    finalize: str | None = None


@dataclass(frozen=True, slots=True)
class HeadKept:
    """Where the session's chain stands on disk, for the ledger; ``take`` 0: it ends there."""

    recording: str
    take: int
    media_ms: int
    digest: str


@dataclass(frozen=True, slots=True)
class Told:
    """Something of the session that the ledger holds too; ``by`` is the id of who did it."""

    tag: str
    by: str
    details: Mapping[str, Any]


class Course(Enum):
    """What the calendar learns of the session."""

    STARTED = "started"
    ENDED = "ended"


Change = Entry | EndpointKept | Standing | HeadKept | Told | Course


class Keeper:
    """The writer of one session. ``lost`` is called once when another process has taken the session over."""

    def __init__(self, database: Database, clock: Clock, session: str, fence: int, lost: Callable[[], None]) -> None:
        self._database = database
        self._clock = clock
        self._session = session
        self._fence = fence
        self._lost = lost
        self._waiting: deque[Change] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._writing = asyncio.Lock()
        self._renewed = clock.now()
        self.dropped = 0
        self.is_lost = False

    @property
    def backlog(self) -> int:
        """How many changes wait for the database."""
        return len(self._waiting)

    def add(self, change: Change) -> None:
        """Have a change written after those before it."""
        if len(self._waiting) >= MOST and isinstance(change, Entry):
            self.dropped += 1
            if self.dropped == 1:
                log.error(
                    "the database is away for too long, the log goes on in the chain alone", session=self._session
                )
            return
        self._waiting.append(change)
        self._idle.clear()
        self._wake.set()

    def lay(self, veil: Veil) -> None:
        """Put aliases in the place of names in what waits to be written."""
        for place, change in enumerate(self._waiting):
            if isinstance(change, Entry):
                self._waiting[place] = veiled(change, veil)

    async def run(self) -> None:
        """Write until cancelled."""
        while not self.is_lost:
            self._wake.clear()
            try:
                await self.flush()
            except (Unavailable, SQLAlchemyError, OSError) as error:
                word = type(error).__name__
                log.warning("a log waits for the database", session=self._session, waiting=self.backlog, error=word)
            except Exception:  # whatever it is: the log is kept and tried again, the session goes on
                log.exception("a log could not be written", session=self._session, waiting=self.backlog)
            else:
                await self._sleep()
                continue
            await asyncio.sleep(RETRY)

    async def _sleep(self) -> None:
        try:
            async with asyncio.timeout(store.LEASE.total_seconds() / 3):
                await self._wake.wait()
        except TimeoutError:
            return

    async def flush(self) -> None:
        """Write everything that waits and renew the lease. Raises ``Unavailable`` with nothing lost."""
        async with self._writing:
            await self._flush()

    async def _flush(self) -> None:
        while self._waiting or self._clock.now() - self._renewed >= store.LEASE / 3:
            if self._waiting and isinstance(self._waiting[0], Course):
                await self._tell_calendar(self._waiting[0])
                self._waiting.popleft()
                continue
            batch = list(takewhile(lambda change: not isinstance(change, Course), islice(self._waiting, BATCH)))
            if not await self._write(batch):
                self.is_lost = True
                self._idle.set()
                self._lost()
                return
            for _ in batch:
                self._waiting.popleft()
            self._renewed = self._clock.now()
        self._idle.set()

    async def release(self) -> None:
        """Write what waits and give the lease back, so that any node may take the session up at once."""
        await self.flush()
        async with self._database.transaction() as tx:
            await store.keep(tx, self._session, self._fence, lease=self._clock.now())

    async def drained(self) -> None:
        """Wait until everything is written, or the session is another process's."""
        await self._idle.wait()

    async def _tell_calendar(self, course: Course) -> None:
        """The calendar's own transaction; what it was told already changes nothing."""
        tell = running.session_started if course is Course.STARTED else running.session_ended
        try:
            await tell(self._database, self._clock, self._session)
        except (NotFound, Conflict) as error:
            log.error("the calendar does not know a session", session=self._session, code=error.code)

    async def _write(self, batch: list[Change]) -> bool:
        now = self._clock.now()
        async with self._database.transaction() as tx:
            if not await store.keep(tx, self._session, self._fence, lease=now + store.LEASE):
                return False
            await store.add_entries(tx, self._session, [change for change in batch if isinstance(change, Entry)])
            for change in batch:
                if isinstance(change, EndpointKept):
                    await self._keep_endpoint(tx, change)
                elif isinstance(change, Standing):
                    await self._keep_standing(tx, change, now)
                elif isinstance(change, HeadKept):
                    await self._keep_head(tx, change, now)
                elif isinstance(change, Told):
                    await ledger.append(
                        tx, change.tag, actor=change.by, subject=self._session, at=now, details=change.details
                    )
        return True

    async def _keep_head(self, tx: AsyncSession, head: HeadKept, now: datetime) -> None:
        details = {"take": head.take, "ms": head.media_ms, "digest": head.digest}
        await ledger.append(tx, "recording.head", actor="system", subject=head.recording, at=now, details=details)
        await jobs.enqueue(tx, "copy_segments", {"recording": head.recording}, due=now)

    async def _keep_endpoint(self, tx: AsyncSession, change: EndpointKept) -> None:
        await tx.merge(
            EndpointRow(
                id=change.id,
                session=self._session,
                principal_kind=change.principal_kind,
                principal=change.principal,
                login=change.login,
                participant=change.participant,
                role=change.role,
                locale=change.locale,
                resume=change.resume,
            )
        )
        await tx.flush()

    async def _keep_standing(self, tx: AsyncSession, change: Standing, now: datetime) -> None:
        await store.keep(tx, self._session, self._fence, **change.values)
        if change.finalize is not None:
            payload = {"session": self._session, "recording": change.finalize}
            await jobs.enqueue(tx, "finalize_recording", payload, due=now, key=f"finalize:{change.finalize}")
