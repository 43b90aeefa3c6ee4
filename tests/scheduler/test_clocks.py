"""The 48-hour clocks: arithmetic, reminders, breach, and another time instead of a refusal."""

from datetime import datetime, timedelta

import pytest

from core.errors import Conflict, NotFound
from core.jobs import Worker
from core.refusals import Refused
from scheduler.amending import Change, amend
from scheduler.bookings import request_booking
from scheduler.clocks import ClockState, clock, warnings
from scheduler.decisions import confirm, decline
from scheduler.escalation import handlers
from scheduler.models import State
from scheduler.notices import mine
from scheduler.offers import offer_instead, take_offer
from scheduler.reviews import block, proposals
from scheduler.views import booking_view
from scheduler.watch import watch


@pytest.fixture
def site(sqlite_site):
    """On SQLite; what PostgreSQL does differently is in ``test_on_postgres``."""
    return sqlite_site


SINCE = datetime.fromisoformat("2026-03-06T02:00:00+00:00")
"""A Friday: the weekend counts."""
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("answered", "now", "state"),
    [
        (None, 47.99, ClockState.RUNNING),
        (None, 48, ClockState.BREACHED),
        (48, 60, ClockState.MET),
        (48.01, 60, ClockState.BREACHED),
    ],
)
def test_the_edge_of_forty_eight_hours(answered, now, state):
    """Met at the last instant, breached from the deadline on, late is late."""
    at = SINCE + answered * HOUR if answered is not None else None
    assert clock(SINCE, at, SINCE + now * HOUR).state is state


def test_a_missing_paper_stops_the_clock_and_nothing_else_does():
    """Paused until another is handed in; the time without it is added, overlapping pauses once."""
    open_ = clock(SINCE, None, SINCE + 50 * HOUR, [(SINCE + 10 * HOUR, None)])
    assert (open_.state, open_.deadline) == (ClockState.PAUSED, None)
    pauses = [(SINCE + 10 * HOUR, SINCE + 20 * HOUR), (SINCE + 15 * HOUR, SINCE + 22 * HOUR)]
    after = clock(SINCE, None, SINCE + 50 * HOUR, pauses)
    assert (after.state, after.deadline) == (ClockState.RUNNING, SINCE + 60 * HOUR)


def test_reminders_come_before_the_deadline():
    """A day before, six hours before, and at the deadline itself."""
    deadline = SINCE + 48 * HOUR
    assert warnings(deadline, SINCE) == [deadline - 24 * HOUR, deadline - 6 * HOUR, deadline]
    assert warnings(deadline, deadline - 7 * HOUR) == [deadline - 6 * HOUR, deadline]


@pytest.fixture
async def visit(site):
    """A request for a visit in three days."""
    return await request_booking(site.db, site.clock, site.who["lawyer"], site.visit(72))


async def run(site, hours):
    """Let time pass and the worker work."""
    worker = Worker(site.db, site.clock, handlers(site.db, site.clock))
    for _ in range(hours):
        site.clock.advance(3600)
        while await worker.run_one():
            pass


async def told(site, login, part):
    """How many notices of a person contain a part."""
    return sum(part in n.text for n in await mine(site.db, site.clock, site.who[login]))


async def test_an_unanswered_request_is_escalated_and_told_to_the_prosecutor(site, visit):
    """Two reminders to the post, then breach: post, lawyer and prosecutor's side, without a name."""
    view = await booking_view(site.db, site.clock, site.who["duty"], visit.id)
    assert view.deadline == site.clock.now() + timedelta(hours=48)
    await run(site, 47)
    assert await told(site, "duty", "须在") == 2
    assert await told(site, "prosecutor", "48 小时") == 0
    await run(site, 2)
    assert await told(site, "prosecutor", "城东看守所") == 1
    assert await told(site, "lawyer", "48 小时") == 1
    assert await told(site, "prosecutor", "沈知远") == 0


async def test_an_answer_in_time_is_silent(site, visit):
    """Once confirmed nobody is reminded."""
    await confirm(site.db, site.clock, site.who["duty"], visit.id)
    await run(site, 50)
    assert await told(site, "duty", "须在") == 0
    assert await told(site, "prosecutor", "48 小时") == 0


async def test_no_capacity_is_not_an_answer(site, visit):
    """The post has to offer a time; the lawyer takes it and it is confirmed."""
    with pytest.raises(Conflict) as caught:
        await decline(site.db, site.clock, site.who["duty"], visit.id, "no-capacity")
    assert caught.value.code == "LV-1"
    start = site.at(24)[0]
    offered = await offer_instead(site.db, site.clock, site.who["duty"], visit.id, start)
    assert (offered.start, offered.state, offered.review) == (start, State.REQUESTED, "offered")
    with pytest.raises(Conflict):
        await confirm(site.db, site.clock, site.who["duty"], visit.id)
    with pytest.raises(NotFound):
        await take_offer(site.db, site.clock, site.who["lawyer2"], visit.id)
    taken = await take_offer(site.db, site.clock, site.who["lawyer"], visit.id)
    assert (taken.state, taken.review) == (State.CONFIRMED, None)


async def test_an_occupied_time_cannot_be_offered(site, visit):
    """What is offered is held; what cannot be held is not offered and nothing moves."""
    await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(24))
    refused = await offer_instead(site.db, site.clock, site.who["duty"], visit.id, site.at(24)[0])
    assert isinstance(refused, Refused)
    assert (await site.booking(visit.id)).start == visit.start


async def test_an_offer_in_time_is_an_answer(site, visit):
    """Another time was offered within the 48 hours: no breach, whenever the lawyer answers."""
    await offer_instead(site.db, site.clock, site.who["duty"], visit.id, site.at(60)[0])
    await run(site, 50)
    assert await told(site, "prosecutor", "48 小时") == 0
    found = await watch(site.db, site.clock, site.who["prosecutor"])
    assert (found.breached, found.running) == ((), ())


async def test_a_visit_moved_after_its_answer_has_a_clock_of_its_own(site, visit):
    """The facility confirmed and the lawyer moves it: 48 hours from then, with a breach of their own."""
    await confirm(site.db, site.clock, site.who["duty"], visit.id)
    site.clock.advance(36 * 3600)
    moved = await amend(site.db, site.clock, site.who["lawyer"], visit.id, Change(start=site.at(120)[0]))
    assert moved.state is State.REQUESTED
    await run(site, 47)
    assert await told(site, "prosecutor", "48 小时") == 0
    await run(site, 2)
    assert await told(site, "prosecutor", "48 小时") == 1


async def test_what_cannot_stay_is_offered_another_time_and_taken_in_one_tap(site, visit):
    """A broken room: the post offers a time for the confirmed visit, the lawyer takes it and nobody confirms again."""
    await confirm(site.db, site.clock, site.who["duty"], visit.id)
    with pytest.raises(Conflict):
        await offer_instead(site.db, site.clock, site.who["duty"], visit.id, site.at(74)[0])
    await block(site.db, site.clock, site.who["duty"], start=visit.start, end=visit.end, reason="power")
    slots = await proposals(site.db, site.clock, site.who["duty"], visit.id)
    offered = await offer_instead(site.db, site.clock, site.who["duty"], visit.id, slots[0].start)
    assert (offered.start, offered.state, offered.review) == (slots[0].start, State.REQUESTED, "offered")
    assert await told(site, "lawyer", "保留") == 1
    taken = await take_offer(site.db, site.clock, site.who["lawyer"], visit.id)
    assert (taken.state, taken.review) == (State.CONFIRMED, None)
