"""The database: one declarative base, one way to a transaction, on SQLite and PostgreSQL alike.

Leaving ``transaction()`` normally commits; an exception rolls everything back. Only ``store.py`` modules query.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import BigInteger, Dialect, Enum, Integer, MetaData, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import DateTime, TypeDecorator
from sqlalchemy.util.concurrency import in_greenlet

from core.errors import OperatorError, Unavailable
from core.sqlite_driver import driver
from core.vault import Vault

log = structlog.get_logger()

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of every table; constraint names are the same on both databases."""

    metadata = MetaData(naming_convention=NAMING)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC instants. SQLite holds microseconds since 1970 as an integer, so that triggers can compare them."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger().with_variant(Integer(), "sqlite"))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant without a zone cannot be stored")
        return to_micros(value) if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return from_micros(value) if dialect.name == "sqlite" else value.astimezone(UTC)


def words(enum: type[StrEnum]) -> Enum:
    """Column type that stores the words of ``enum`` as text of up to 32 characters and reads its members back."""
    return Enum(enum, native_enum=False, length=32, values_callable=lambda members: [m.value for m in members])


_BEGIN = "yuanjian_begin"
_VAULT = "yuanjian_vault"
"""Where a transaction carries its database's vault."""


def vault_of(tx: AsyncSession) -> Vault:
    """The vault behind a transaction. Raises ``OperatorError`` where none was handed to the database: what is sealed
    stays so, and nothing goes on as if there had been nothing."""
    vault = tx.info.get(_VAULT)
    if not isinstance(vault, Vault):
        raise OperatorError("something sealed is needed here, and this program was started without the site's secrets")
    return vault


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_micros(value: datetime) -> int:
    """Microseconds since 1970, exactly."""
    delta = value - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def from_micros(value: int) -> datetime:
    """The instant ``value`` microseconds after 1970."""
    seconds, micros = divmod(value, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)


def sqlite_url(path: Path) -> str:
    """Address of the embedded database file."""
    return f"sqlite+aiosqlite:///{path}"


class Database:
    """An engine and its transactions. With a ``vault`` they can read what the database holds sealed (``vault_of``)."""

    def __init__(self, url: str, vault: Vault | None = None) -> None:
        self.vault = vault
        parsed = make_url(url)
        if parsed.drivername in ("sqlite", "postgresql", "postgres"):
            name = {"sqlite": "sqlite+aiosqlite"}.get(parsed.drivername, "postgresql+psycopg")
            parsed = parsed.set(drivername=name)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        extra: dict[str, Any] = {"module": driver()} if self.is_sqlite else {"pool_pre_ping": True, "pool_size": 10}
        extra["hide_parameters"] = True  # what people typed must not reach a log
        self.url = parsed.render_as_string(hide_password=False)
        self.engine: AsyncEngine = create_async_engine(parsed, **extra)
        if self.is_sqlite:
            _prepare_sqlite(self.engine)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._turn = asyncio.Lock()
        """SQLite has one writer and lets those who wait for it race; here they queue, so that none is starved."""

    @asynccontextmanager
    async def transaction(self, *, write: bool = True) -> AsyncIterator[AsyncSession]:
        """Yield a session whose work is committed on leaving and rolled back on an exception.

        On SQLite the write lock is taken at once, so a transaction never fails half-way for being second; pass
        ``write=False`` where nothing is changed, so that readers do not wait for one another.
        Raises ``Unavailable`` when the database cannot be reached.
        """
        turn = self._turn if write and self.is_sqlite else contextlib.nullcontext()
        async with turn, self._sessions(info={_VAULT: self.vault}) as session:
            try:
                async with session.begin():
                    await session.connection(execution_options={_BEGIN: "IMMEDIATE" if write else "DEFERRED"})
                    yield session
            except (OperationalError, PoolTimeout, OSError) as error:
                if _is_defect(error):
                    raise
                log.error("the database did not answer", error=type(error).__name__, cause=_cause(error))
                raise _unavailable() from error
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise _unavailable() from error
                raise

    async def ping(self) -> None:
        """Raise ``Unavailable`` unless a query can be answered."""
        async with self.transaction(write=False) as tx:
            await tx.execute(text("SELECT 1"))

    async def forget(self) -> None:
        """Leave nothing of deleted rows in SQLite's files: what is deleted is overwritten there (``secure_delete``),
        and the write-ahead file, which holds older pages, is folded in and emptied. Others do this by themselves."""
        if self.is_sqlite:
            async with self._turn, self.engine.connect() as connection:
                raw = (await connection.get_raw_connection()).driver_connection
                assert raw is not None
                busy, *_ = await (await raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")).fetchone()
                if busy:
                    raise _unavailable()

    async def close(self) -> None:
        await self.engine.dispose()


def _is_defect(error: BaseException) -> bool:
    """Whether SQLite complains about the statement, which is our mistake and no outage."""
    return _cause(error).startswith(("no such ", "near ", "ambiguous column"))


def _cause(error: BaseException) -> str:
    """The driver's first line, which names tables and servers but holds no values."""
    original = getattr(error, "orig", None) or error
    return str(original).partition("\n")[0][:200]


def _unavailable() -> Unavailable:
    return Unavailable(
        "database-unavailable",
        "The service cannot reach its records right now. Nothing was changed; please try again in a minute.",
    )


def _prepare_sqlite(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "foreign_keys=ON",
            "busy_timeout=10000",
            "synchronous=FULL",
            "secure_delete=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "invalidate")
    def let_go(connection: Any, _record: Any, _error: Any) -> None:
        # a statement that a cancelled task left open keeps even a closed connection, and its write lock, until it is
        # collected; what the collector itself gives up has nothing open any more
        if in_greenlet():
            connection.run_async(lambda driver: asyncio.shield(driver.rollback()))

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN " + connection.get_execution_options().get(_BEGIN, "IMMEDIATE"))
