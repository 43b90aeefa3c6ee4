"""Signed heads of the ledger, for witnesses outside: made only when all that was ever signed is still there.

The tree lies in ``data_dir/ledger`` (``core.tiles``), the newest head in its file ``checkpoint`` and in the database.
Before a new head is signed, the database must still hold every entry of the last one, unchanged and in place: a row
changed or deleted, or a database restored to an earlier day, is found and nothing is signed.
"""

import asyncio
import fcntl
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger, merkle, tiles
from core.clock import Clock
from core.database import Database
from core.errors import OperatorError, Unavailable
from core.ledger import Entry
from core.notes import Checkpoint, NoteInvalid, Signer, Verifier, open_checkpoint
from core.tiles import Tiles, TilesBroken, directory_fetch, replace_durably
from core.vault import Purpose, Vault

log = structlog.get_logger()

FILE = "checkpoint"
KEY_FILE = "key"
EVERY = timedelta(seconds=60)
THOROUGHLY_EVERY = timedelta(hours=24)
_CHUNK = 4096


class LedgerBroken(OperatorError):
    """The ledger is not what was signed; ``code`` is stable: ``changed``, ``rolled-back``, ``forged``, ``tiles``."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"the ledger cannot be signed ({code}): {text}")
        self.code = code


class Log:
    """The ledger's tree and head of one site."""

    def __init__(self, database: Database, directory: Path, vault: Vault) -> None:
        self._database = database
        self.directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        seeds = [key.value for key in vault.keys(Purpose.LEDGER)]
        name = _name(directory)
        self._signers = [Signer(name, seed) for seed in seeds]
        replace_durably(directory / KEY_FILE, f"{self.verifier}\n".encode())

    @property
    def verifier(self) -> Verifier:
        """The key by which others check this log; give it to them by another way than the log itself."""
        return self._signers[0].verifier

    async def advance(self, clock: Clock, *, thorough: bool = False) -> Checkpoint:
        """Sign a head over every entry there is and return it; the same head again when nothing is new.

        ``thorough`` compares every old row with what was signed, else only the last and the count. Raises
        ``LedgerBroken`` and signs nothing when anything differs, ``OperatorError`` when another process is at it.
        """
        with self._alone():
            async with self._database.transaction(write=False) as tx:
                last = await self._last(tx)
                await self._refuse_rollback(tx, last)
                standing = await asyncio.to_thread(self._standing, last)
                if thorough and standing:
                    await self._compare(tx, standing)
                size = await self._grow(tx, standing)
            made = await asyncio.to_thread(self._signed_head, last, size)
            if made != self.newest():
                await self._publish(clock, made)
            return made

    def newest(self) -> Checkpoint | None:
        """The newest published head. Raises ``LedgerBroken`` when the file is not signed by this site."""
        try:
            note = (self.directory / FILE).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        return self._opened(note)

    async def check_new_key(self) -> None:
        """Raise ``OperatorError`` unless the newest head is signed by the newest key, so that older ones can go."""
        async with self._database.transaction(write=False) as tx:
            notes = [await ledger.newest_checkpoint(tx)]
        file = self.directory / FILE
        notes += [file.read_text(encoding="utf-8")] if file.exists() else []
        try:
            for note in filter(None, notes):
                open_checkpoint(note, self.verifier)
        except NoteInvalid:
            raise OperatorError(
                "the newest checkpoint is not signed by the new key yet: restart the service and wait a minute"
            ) from None

    async def _last(self, tx: AsyncSession) -> Checkpoint | None:
        """The largest head ever signed that file or database remembers."""
        row = (await tx.execute(select(ledger.Checkpoint).order_by(ledger.Checkpoint.size.desc()).limit(1))).scalar()
        heads = [head for head in (self.newest(), self._opened(row.note) if row else None) if head]
        return max(heads, key=lambda head: head.size, default=None)

    def _opened(self, note: str) -> Checkpoint:
        for signer in self._signers:
            try:
                return open_checkpoint(note, signer.verifier)
            except NoteInvalid:
                continue
        raise LedgerBroken(
            "forged",
            f"a checkpoint is not signed by this site's key as {self.verifier.name}; if the data directory was lost, "
            "restore ledger/name and secrets/ledger.keys from backup",
        )

    async def _refuse_rollback(self, tx: AsyncSession, last: Checkpoint | None) -> None:
        newest, count = (await tx.execute(select(func.max(Entry.number), func.count()).select_from(Entry))).one()
        if (newest or 0) != count:
            raise LedgerBroken("changed", f"{(newest or 0) - count} entries are missing from the database")
        if last is not None and count < last.size:
            raise LedgerBroken(
                "rolled-back", f"the database holds {count} entries, {last.size} were signed: it was restored or cut"
            )

    def _standing(self, last: Checkpoint | None) -> int:
        """How many entries the tiles already hold truly: all signed ones, or none, and then they are made anew."""
        if last is None:
            return 0
        reader = Tiles(directory_fetch(self.directory), last.size)
        try:
            return last.size if merkle.root(last.size, reader.node) == last.root else 0
        except TilesBroken:
            return 0

    async def _compare(self, tx: AsyncSession, size: int) -> None:
        """Find the first row that is not the one signed."""
        reader = Tiles(directory_fetch(self.directory), size)
        async for entry in _entries(tx, 0, size):
            if merkle.leaf_hash(ledger.entry_bytes(entry)) != reader.leaf(entry.number - 1):
                raise LedgerBroken("changed", f"entry {entry.number} was changed after it was signed")

    async def _grow(self, tx: AsyncSession, size: int) -> int:
        """Add the rows after ``size`` to the tiles, each fitting the one before; return the new size."""
        previous = ledger.GENESIS
        if size:
            previous = Tiles(directory_fetch(self.directory), size).leaf(size - 1).hex()
            await self._refuse_changed_last(tx, size, previous)
        fresh: list[bytes] = []
        async for entry in _entries(tx, size, None):
            said = ledger.entry_bytes(entry)
            if entry.previous != previous or entry.hash != merkle.leaf_hash(said).hex():
                raise LedgerBroken("changed", f"entry {entry.number} does not fit the one before")
            previous = entry.hash
            fresh.append(said)
            if len(fresh) == _CHUNK:
                await asyncio.to_thread(tiles.extend, self.directory, size, fresh)
                size, fresh = size + len(fresh), []
        if fresh:
            await asyncio.to_thread(tiles.extend, self.directory, size, fresh)
        return size + len(fresh)

    async def _refuse_changed_last(self, tx: AsyncSession, size: int, leaf: str) -> None:
        entry = (await tx.execute(select(Entry).where(Entry.number == size))).scalar_one_or_none()
        if entry is None or ledger.entry_hash(entry) != leaf:
            raise LedgerBroken("changed", f"entry {size} was changed after it was signed")

    def _signed_head(self, last: Checkpoint | None, size: int) -> Checkpoint:
        """The head of the tiles, after checking that it extends the last one."""
        reader = Tiles(directory_fetch(self.directory), size)
        head = Checkpoint(self.verifier.name, size, merkle.root(size, reader.node))
        if last is not None and last.size:
            proof = merkle.consistency_proof(last.size, size, reader.node)
            if not merkle.verify_consistency(last.size, last.root, size, head.root, proof):
                raise LedgerBroken("changed", "the entries do not lead to the head signed last")
        return head

    async def _publish(self, clock: Clock, head: Checkpoint) -> None:
        text = head.text()
        note = text + "\n" + "".join(signer.line(text) for signer in self._signers)
        replace_durably(self.directory / FILE, note.encode())
        async with self._database.transaction() as tx:
            if await tx.get(ledger.Checkpoint, head.size) is None:
                tx.add(ledger.Checkpoint(size=head.size, root=head.root.hex(), note=note, at=clock.now()))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        descriptor = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise OperatorError("another process is signing the ledger at this moment; try again") from None
        finally:
            os.close(descriptor)


class Keeper:
    """Signs a head every minute, and compares everything once at start and once a day."""

    def __init__(self, log_: Log, clock: Clock) -> None:
        self._log = log_
        self._clock = clock
        self._compared_ns: int | None = None
        self.broken: str | None = None
        """Code of what is wrong, for health pages and alarms; ``None`` when all is well."""

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(EVERY.total_seconds())

    async def once(self) -> None:
        """One round; what is wrong is kept in ``broken`` and logged each time."""
        now_ns = self._clock.monotonic_ns()
        day_ns = int(THOROUGHLY_EVERY.total_seconds()) * 1_000_000_000
        thorough = self._compared_ns is None or now_ns - self._compared_ns >= day_ns
        try:
            await self._log.advance(self._clock, thorough=thorough)
        except LedgerBroken as error:
            self.broken = error.code
            log.critical("the ledger is not what was signed; no checkpoint is made", code=error.code)
        except (OperatorError, Unavailable, OSError) as error:
            log.error("no checkpoint of the ledger could be made", error=type(error).__name__)
        else:
            self.broken = None
            self._compared_ns = now_ns if thorough else self._compared_ns


def _name(directory: Path) -> str:
    """The log's name, chosen once: it stands in every checkpoint and outlives addresses and keys."""
    path = directory / "name"
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        name = f"yuanjian-{secrets.token_hex(8)}"
        replace_durably(path, f"{name}\n".encode())
        return name


async def _entries(tx: AsyncSession, after: int, until: int | None) -> AsyncIterator[Entry]:
    """Entries numbered above ``after`` up to ``until``, in order, without keeping them all in memory."""
    while True:
        query = select(Entry).where(Entry.number > after).order_by(Entry.number).limit(_CHUNK)
        if until is not None:
            query = query.where(Entry.number <= until)
        rows = (await tx.execute(query)).scalars().all()
        for row in rows:
            yield row
        if len(rows) < _CHUNK:
            return
        after = rows[-1].number
        tx.expunge_all()
