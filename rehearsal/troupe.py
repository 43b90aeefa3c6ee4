"""Who plays in a rehearsal, and what their kind of session needs besides picture and sound."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from rehearsal.participant import Participant
from rehearsal.site import Site

Facts = dict[str, Any]
"""``recording``, ``verdict`` (``None``: not yet), ``recorded_ms``, ``digest``, ``segments`` (``None``: not known) and
``files``: each with ``url``, ``publication`` and ``endpoint`` (``None``: to be found out)."""


async def _nothing() -> None:
    return


@dataclass(frozen=True, slots=True)
class Troupe:
    """Everybody of one session, and the ways in which kinds differ."""

    session: str
    everybody: list[Participant]
    """Number 1 first."""
    name: Callable[[Participant], Awaitable[None]]
    """Name the persons present at an endpoint that has just joined."""
    record: Callable[[], Awaitable[Facts]]
    """What is known of the record now."""
    files: Site
    """Who may fetch the recorded files."""
    hosted: bool = True
    """Whether participant 1 admits, confirms and starts; otherwise the facility does."""
    returned: Callable[[], Awaitable[None]] = _nothing
    """What the facility still has to confirm after the end."""


Casting = Callable[[], AbstractAsyncContextManager[Troupe]]
"""Books a session and gathers its troupe. Raises ``PeerError``."""


def by_token(site: Site, participants: int, seconds: float) -> Casting:
    """A session of kind ``rehearsal``, whose participants all belong to an operator's token."""

    @asynccontextmanager
    async def cast() -> AsyncIterator[Troupe]:
        wanted = {"kind": "rehearsal", "participants": participants, "minutes": max(15, round(seconds / 30))}
        session = str((await site.post("api/rehearsals", wanted))["session"])

        async def name(one: Participant) -> None:
            await one.act("name_person", role="synthetic", name=f"演练 {one.number}")

        async def record() -> Facts:
            return {"segments": None, **await site.get(f"api/rehearsals/{session}")}

        everybody = [Participant(site, session, number + 1) for number in range(participants)]
        yield Troupe(session=session, everybody=everybody, name=name, record=record, files=site)

    return cast
