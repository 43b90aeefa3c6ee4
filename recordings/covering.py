"""Hiding who is protected: which endpoints of a recording are masked, and which copy is then the only one to be given.

What has to be hidden is asked of whoever knows cases (``Covers``). A recording is due from the moment that changes
until the worker has made the copy that hides it: until then there is no copy for whoever may not see it plain.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.ids import new_id
from core.jobs import enqueue
from people.veil import Cover, Veil
from recordings import captions, store
from recordings.derived import PROTECTED
from recordings.models import Recording

_DUE = "due-"
JOB = "cover_recording"
MARK = ".cover"
"""In ``derived/``: what the column ``cover`` says, for commands that work without a database."""
_MADE = re.compile(re.escape(PROTECTED) + r"[0-9a-f]{8}-")
AGAIN = timedelta(minutes=1)
"""A recording that ended while somebody was being marked is looked at once more after this."""

Covers = Callable[[str], Awaitable[Cover]]
"""The cover of a session, by its id."""


class Change(Protocol):
    """Names of a case have changed (``scheduler.protecting``)."""

    @property
    def sessions(self) -> tuple[str, ...]: ...
    @property
    def at(self) -> datetime: ...


def due_mark() -> str:
    """A mark that the copy has to be made; another each time, so that work for an older one is not taken for it."""
    return f"{_DUE}{new_id()}"


def is_made_here(file: str) -> bool:
    """Whether a file name (or its description's) is that of a masked copy the worker made, not of one made by hand."""
    return _MADE.match(file) is not None


def is_due(cover: str) -> bool:
    """Whether the copy that hides somebody is still to be made."""
    return cover.startswith(_DUE)


def masked(entries: Iterable[Mapping[str, Any]], tracks: Mapping[str, str], cover: Cover) -> frozenset[str]:
    """The endpoints whose picture and sound are hidden. ``tracks``: the role of each endpoint that was recorded.

    Whoever shares an endpoint with somebody masked is masked too. When somebody masked was to take part and the log
    names nobody by that alias, every guest and every room is.
    """
    found = {
        endpoint
        for endpoint, persons in captions.ever_present(entries).items()
        if any(cover.veil.name(name) in cover.masked for _, name in persons)
    }
    if cover.expected and not found:
        found = {endpoint for endpoint, role in tracks.items() if role in ("guest", "room")}
    return frozenset(found)


def veiled(entries: Iterable[Mapping[str, Any]], veil: Veil) -> list[Mapping[str, Any]]:
    """A log as it may be shown: aliases in the place of names that were said before somebody was protected."""
    if not veil:
        return list(entries)
    return [{**entry, "private": veil.value(entry.get("private"))} for entry in entries]


def read_mark(place: Path) -> str:
    """What ``Library.mark_cover`` wrote into a folder of derived files; empty when nobody has to be hidden."""
    try:
        return (place / MARK).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""


async def due(tx: AsyncSession, change: Change) -> None:
    """From now on no copy of these sessions' recordings counts as hiding anybody; the worker is asked to make them.

    What was made ready to leave is taken back, unless nobody can open it without the key.
    """
    query = select(Recording).where(
        Recording.session.in_(change.sessions), Recording.policy == "clear", Recording.state != "erased"
    )
    for row in (await tx.execute(query)).scalars().all():
        row.cover = due_mark()
        await store.withdraw(tx, row.id, encrypted=False)
        await ask(tx, row.id, change.at)
        await ask(tx, row.id, change.at + AGAIN)


async def ask(tx: AsyncSession, recording: str, due_at: datetime) -> None:
    """Have the worker work out what a recording hides, and make the copy that does."""
    await enqueue(tx, JOB, {"recording": recording}, due=due_at, key=f"cover:{recording}:{due_at.isoformat()}")


async def ask_again(tx: AsyncSession, now: datetime) -> None:
    """Ask once more for every copy that is still due: work that failed for good is tried again with the next round."""
    query = select(Recording.id).where(Recording.cover.startswith(_DUE), Recording.state != "erased")
    for recording in (await tx.execute(query)).scalars().all():
        await ask(tx, recording, now)
