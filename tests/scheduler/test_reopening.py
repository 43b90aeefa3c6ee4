"""Online booking closed by missed visits (LV-4c), opened again by the post that holds the client."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from core.errors import Conflict, Denied, Invalid, NotFound
from core.ledger import Entry
from core.refusals import Refused
from scheduler.bookings import request_booking
from scheduler.decisions import confirm, no_show
from scheduler.models import Booking
from scheduler.notices import mine
from scheduler.reopening import online_booking, reopen
from scheduler.rulebook import set_rule
from tests.scheduler.world import NOON


def next_visit(site):
    """The lawyer's wish for the hour after next."""
    return site.visit((site.clock.now() - NOON) // timedelta(hours=1) + 2)


async def miss(site, times=1, reason="lawyer"):
    """The lawyer books a visit, it is confirmed, and does not take place."""
    for _ in range(times):
        visit = await request_booking(site.db, site.clock, site.who["lawyer"], next_visit(site))
        assert isinstance(visit, Booking), visit
        await confirm(site.db, site.clock, site.who["duty"], visit.id)
        site.clock.set(visit.start)
        await no_show(site.db, site.clock, site.who["duty"], visit.id, reason)


async def books(site):
    """What the lawyer's next request comes to: the booking, or the id of the rule."""
    answer = await request_booking(site.db, site.clock, site.who["lawyer"], next_visit(site))
    return answer.rule if isinstance(answer, Refused) else answer.state.value


async def seen(site, login="duty"):
    """To how many lawyers it is closed, and to how many opened again, on a post's page."""
    found = await online_booking(site.db, site.clock, site.who[login])
    return len(found.closed), len(found.opened)


async def test_the_post_opens_what_missed_visits_have_closed(site):
    """Three close it, and the post of the client's facility sees it; opened with a reason, the lawyer is told, books
    again, and the next missed visit closes it."""
    await miss(site, 2)
    assert await seen(site) == (0, 0)
    await miss(site)
    assert await books(site) == "LV-4c"
    closed = (await online_booking(site.db, site.clock, site.who["duty"])).closed
    assert [(one.name, one.missed) for one in closed] == [("沈知远", 3)]
    lawyer = site.who["lawyer"]
    await reopen(site.db, site.clock, site.who["duty"], lawyer.id, "explained")
    found = await online_booking(site.db, site.clock, site.who["duty"])
    assert (found.closed, [(one.by, one.reason) for one in found.opened]) == (
        [],
        [(site.who["duty"].name, "The lawyer has explained the missed visits")],
    )
    assert (await mine(site.db, site.clock, lawyer))[0].text == "您现在可以重新在网上预约会见。"
    with pytest.raises(Conflict):
        await reopen(site.db, site.clock, site.who["duty"], lawyer.id, "explained")
    await miss(site, reason="ill")
    await miss(site)
    assert await books(site) == "LV-4c"
    assert await seen(site) == (1, 0)
    async with site.db.transaction(write=False) as tx:
        query = select(Entry).where(Entry.subject == lawyer.id, Entry.tag.startswith("rule.")).order_by(Entry.number)
        entries = (await tx.execute(query)).scalars().all()
    assert [entry.tag for entry in entries] == ["rule.exception", "rule.exception-ended"]
    assert (entries[0].actor, entries[0].details["reason"]) == (site.who["duty"].id, "explained")


async def test_only_the_post_that_holds_a_client_opens_it(sqlite_site):
    """Not another post, an officer or the lawyer; not without a reason of the list, nor where nothing is closed."""
    site = sqlite_site
    lawyer = site.who["lawyer"].id
    with pytest.raises(Conflict):
        await reopen(site.db, site.clock, site.who["duty"], lawyer, "explained")
    await miss(site, 3)
    for login in ("officer", "lawyer", "admin", "reviewer"):
        with pytest.raises(Denied):
            await reopen(site.db, site.clock, site.who[login], lawyer, "explained")
        with pytest.raises(Denied):
            await online_booking(site.db, site.clock, site.who[login])
    assert await seen(site, "duty-west") == (0, 0)
    with pytest.raises(NotFound):
        await reopen(site.db, site.clock, site.who["duty-west"], lawyer, "explained")
    for reason in ("", "because", "LV-4c"):
        with pytest.raises(Invalid):
            await reopen(site.db, site.clock, site.who["duty"], lawyer, reason)
    with pytest.raises(NotFound):
        await reopen(site.db, site.clock, site.who["duty"], "0" * 22, "explained")
    assert await seen(site) == (1, 0)


async def test_missed_visits_count_as_long_as_the_facility_has_set(sqlite_site):
    """Its own number of days, for the booking and for the page of the post alike; switched off, nothing is closed."""
    site = sqlite_site
    await miss(site, 3)
    east, admin = site.facilities["城东看守所"], site.who["admin"]
    site.clock.advance(8 * 24 * 3600)
    assert await books(site) == "LV-4c"

    async def set_to(**wanted):
        await set_rule(site.db, site.clock, admin, "LV-4c", since=site.clock.now().date(), facility=east, **wanted)
        site.clock.advance(1)

    await set_to(parameters={"days": 7})
    assert (await seen(site), await books(site)) == ((0, 0), "requested")
    await set_to(parameters={"days": 9})
    assert (await seen(site), await books(site)) == ((1, 0), "LV-4c")
    await set_to(off=True)
    assert await seen(site) == (0, 0)
    assert await books(site) != "LV-4c"


async def test_what_was_opened_ends_by_itself(sqlite_site):
    """After the time in which the missed visits count there is nothing left to open."""
    site = sqlite_site
    await miss(site, 3)
    await reopen(site.db, site.clock, site.who["duty"], site.who["lawyer"].id, "time-enough")
    assert await seen(site) == (0, 1)
    site.clock.advance(timedelta(days=91).total_seconds())
    assert await seen(site) == (0, 0)
    assert await books(site) == "requested"
