"""SQLite for asyncio with one trip to a connection's thread per statement, beneath SQLAlchemy.

SQLAlchemy's adapter makes three or four trips (open a cursor, execute, fetch, close), and each wakes a thread and then
the loop, which costs more than SQLite's own work. Here a statement runs, is read and closed in one; so a cancelled
task leaves no open statement behind either. Streamed results stay with SQLAlchemy's own cursor. Decision 0090.
"""

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a finished statement said, in the words of a DB-API cursor (PEP 249)."""

    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None
    arraysize: int = 1
    rows: Sequence[Any] = ()

    def close(self) -> None:
        """The statement was closed where it ran."""


def _finish(cursor: sqlite3.Cursor) -> _Answer:
    try:
        rows = cursor.fetchall() if cursor.description else ()
        return _Answer(cursor.description, cursor.rowcount, cursor.lastrowid, rows=rows)
    finally:
        cursor.close()


def _one(connection: sqlite3.Connection, statement: str, parameters: Any) -> _Answer:
    return _finish(connection.execute(statement, parameters or ()))


def _many(connection: sqlite3.Connection, statement: str, parameters: Any) -> _Answer:
    return _finish(connection.executemany(statement, parameters))


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    """Nothing is opened before there is a statement, and nothing is open after it."""

    __slots__ = ()
    _awaitable_cursor_close = False

    def _make_new_cursor(self, connection: Any) -> Any:
        return _Answer()

    def _aenter_cursor(self, cursor: Any) -> Any:
        return cursor

    async def _execute_async(self, operation: Any, parameters: Any) -> None:
        await self._ask(_one, operation, parameters)

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> None:
        await self._ask(_many, operation, seq_of_parameters)

    async def _ask(self, work: Callable[..., _Answer], statement: Any, parameters: Any) -> None:
        async with self._adapt_connection._execute_mutex:
            answer = await self._connection._execute(work, self._connection._conn, statement, parameters)
            self._cursor, self._rows = answer, deque(answer.rows)


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ()
    _cursor_cls = _Cursor


class _Driver(AsyncAdapt_aiosqlite_dbapi):
    def connect(self, *args: Any, **options: Any) -> _Connection:
        return _Connection(self, super().connect(*args, **options)._connection)


def driver() -> AsyncAdapt_aiosqlite_dbapi:
    """What ``create_engine`` takes as its ``module`` for ``sqlite+aiosqlite``."""
    return _Driver(aiosqlite, sqlite3)
