"""Lease, fence and log on both databases."""

import asyncio
from datetime import timedelta

import pytest

from core.errors import Conflict, Unavailable
from scheduler.bookings import start_now
from scheduler.models import Booking
from signaling import store
from signaling.keeping import EndpointKept, Keeper, Standing
from signaling.restore import Entry
from tests.scheduler.conftest import Site, postgres_site, seeded_postgres, site  # noqa: F401  # fixtures


async def a_booking(site: Site) -> str:  # noqa: F811  # the fixture
    booking = await start_now(site.db, site.clock, site.who["officer"], site.statement(0))
    assert isinstance(booking, Booking)
    return booking.id


async def take(site: Site, session: str, owner: str, later: float = 0) -> tuple[int, bool]:  # noqa: F811
    async with site.db.transaction() as tx:
        now = site.clock.now() + timedelta(seconds=later)
        row, new = await store.take(tx, session, kind="statement", owner=owner, media=0, now=now)
        return row.fence, new


def entry(site: Site, number: int) -> Entry:  # noqa: F811
    return Entry(number, site.clock.now(), {"event": "marker"}, {"label": str(number)})


async def test_a_session_has_one_owner(site: Site) -> None:  # noqa: F811
    """Made once, taken up by its own node at once, by another only after the lease; each taking raises the fence."""
    session = await a_booking(site)
    assert await take(site, session, "a") == (1, True)
    assert await take(site, session, "a") == (2, False)
    with pytest.raises(Unavailable):
        await take(site, session, "b")
    assert await take(site, session, "b", later=61) == (3, False)


async def test_of_many_at_once_each_has_its_own_fence(site: Site) -> None:  # noqa: F811
    """Ten openings of the same session at the same time: ten fences, one maker."""
    session = await a_booking(site)
    taken = await asyncio.gather(*(take(site, session, "a") for _ in range(10)), return_exceptions=True)
    fences = [t for t in taken if isinstance(t, tuple)]
    assert sorted(f for f, _ in fences) == list(range(1, len(fences) + 1))
    assert sum(new for _, new in fences) == 1


async def test_what_was_fenced_off_writes_nothing(site: Site) -> None:  # noqa: F811
    """The keeper of an older fence is told once and leaves log, endpoints and standing alone."""
    session = await a_booking(site)
    fence, _ = await take(site, session, "a")
    lost: list[bool] = []
    keeper = Keeper(site.db, site.clock, session, fence, lambda: lost.append(True))
    keeper.add(entry(site, 1))
    await keeper.flush()
    await take(site, session, "a")
    keeper.add(entry(site, 2))
    keeper.add(Standing({"state": "live"}))
    keeper.add(EndpointKept("e", "account", "p", None, 0, "host", "en", "hash"))
    await keeper.flush()
    assert lost == [True]
    async with site.db.transaction(write=False) as tx:
        assert [e.number for e in await store.entries(tx, session)] == [1]
        assert list(await store.endpoints(tx, session)) == []


async def test_a_batch_written_twice_is_in_the_log_once(site: Site) -> None:  # noqa: F811
    """An answer that was lost on the way back leads to a second write, which changes nothing."""
    session = await a_booking(site)
    await take(site, session, "a")
    for _ in range(2):
        async with site.db.transaction() as tx:
            await store.add_entries(tx, session, [entry(site, n) for n in (1, 2, 3)])
    async with site.db.transaction(write=False) as tx:
        assert [e.private["label"] for e in await store.entries(tx, session)] == ["1", "2", "3"]


async def test_an_ended_session_is_never_taken_again(site: Site) -> None:  # noqa: F811
    """Over is over."""
    session = await a_booking(site)
    fence, _ = await take(site, session, "a")
    keeper = Keeper(site.db, site.clock, session, fence, lambda: None)
    keeper.add(Standing({"state": "ended"}))
    await keeper.flush()
    with pytest.raises(Conflict):
        await take(site, session, "a")
    async with site.db.transaction(write=False) as tx:
        assert await store.unended(tx, "a", site.clock.now()) == []
