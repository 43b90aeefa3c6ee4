"""Counters of tries in a file that all web processes of a machine share and that outlives a restart.

Counted before the try and in one statement, so that parallel tries in several processes cannot share a number. Keys
hold addresses and logins: they are hashed. A file that cannot be written does not let tries through: this process then
counts in memory.
"""

import hashlib
import sqlite3
import time
from pathlib import Path

import structlog
from limits.storage import MemoryStorage, Storage, storage_from_string

from core.config import Settings
from core.errors import OperatorError

log = structlog.get_logger()

_TABLE = "CREATE TABLE IF NOT EXISTS counters (key BLOB PRIMARY KEY, count INTEGER, expires REAL) WITHOUT ROWID"
_INCREASE = """
INSERT INTO counters VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET
  count = CASE WHEN expires <= ?4 THEN ?2 ELSE count + ?2 END,
  expires = CASE WHEN expires <= ?4 THEN ?3 ELSE expires END
RETURNING count
"""
_SWEEP_EVERY = 600.0


def counters_of(settings: Settings) -> Storage:
    """The store a site counts in: the file in its data directory, or the server of ``counters_url``."""
    if not settings.counters_url:
        return FileCounters(settings.run_dir / "counters.sqlite3")
    try:
        found = storage_from_string(settings.counters_url)
    except Exception as error:  # the library raises whatever a scheme, a missing client or an address makes wrong
        raise OperatorError(f"counters_url cannot be used: {type(error).__name__}") from None
    if not isinstance(found, Storage):
        raise OperatorError('counters_url cannot be used: leave out "async+"')
    return found


class FileCounters(Storage):
    """A ``Storage`` of the ``limits`` library over one SQLite file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._memory = MemoryStorage()
        self._swept = time.time()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = sqlite3.connect(path, timeout=0.25, isolation_level=None, check_same_thread=False)
        path.chmod(0o600)
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = OFF")  # a count lost with the power is no harm
        self._file.execute(_TABLE)

    @property
    def base_exceptions(self) -> type[Exception]:
        return sqlite3.Error

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, and return the count of this window."""
        now = time.time()
        try:
            self._sweep(now)
            row = self._file.execute(_INCREASE, (_key(key), amount, now + expiry, now)).fetchone()
        except sqlite3.Error as error:
            log.error("tries are counted in memory", error=type(error).__name__)
            return self._memory.incr(key, expiry, amount)
        return int(row[0])

    def get(self, key: str) -> int:
        """The count of this window."""
        return int(self._row(key)[0])

    def get_expiry(self, key: str) -> float:
        """When this window ends, in seconds since the epoch."""
        return float(self._row(key)[1])

    def clear(self, key: str) -> None:
        """Forget a key."""
        self._memory.clear(key)
        self._file.execute("DELETE FROM counters WHERE ? = key", (_key(key),))

    def reset(self) -> int:
        """Forget all keys; return how many there were."""
        return self._file.execute("DELETE FROM counters").rowcount

    def check(self) -> bool:
        """Whether the file can be read."""
        try:
            self._file.execute("SELECT count(*) FROM counters")
        except sqlite3.Error:
            return False
        return True

    def _row(self, key: str) -> tuple[int, float]:
        now = time.time()
        query = "SELECT count, expires FROM counters WHERE key = ? AND expires > ? LIMIT 1"
        row = self._file.execute(query, (_key(key), now)).fetchone()
        return row or (self._memory.get(key), self._memory.get_expiry(key))

    def _sweep(self, now: float) -> None:
        if now - self._swept > _SWEEP_EVERY:
            self._swept = now
            self._file.execute("DELETE FROM counters WHERE ? >= expires", (now,))


def _key(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()[:16]
