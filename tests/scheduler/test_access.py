"""How defence counsel stands to a session of the case."""

import pytest
from sqlalchemy import update

from cases.models import Case, Representation, RepresentationState, Stage
from core.clock import FakeClock
from people.permissions import Relation
from scheduler import access, bookings
from scheduler.models import Booking
from tests.scheduler.world import NOON, Site


async def relation(site: Site, booking: Booking, who: str, stage: Stage) -> bool:
    async with site.db.transaction() as tx:
        (await tx.get_one(Case, site.cases["0317"])).stage = stage
        await tx.flush()
        held = await access.defends(tx, site.who[who], booking, site.clock.now())
    return Relation.OWN_CASE in held


@pytest.mark.parametrize(
    ("who", "stage", "stands"),
    [
        ("lawyer", Stage.INVESTIGATION, False),
        ("lawyer", Stage.PROSECUTION, True),
        ("lawyer", Stage.TRIAL, True),
        ("lawyer2", Stage.TRIAL, True),
        ("officer", Stage.TRIAL, False),
    ],
)
async def test_counsel_is_who_defends_in_the_case_once_it_left_investigation(sqlite_site: Site, who, stage, stands):
    """By a checked representation of a suspect of it, and by nothing else."""
    booked = await bookings.request_booking(
        sqlite_site.db, FakeClock(NOON), sqlite_site.who["officer"], sqlite_site.interrogation()
    )
    assert await relation(sqlite_site, booked, who, stage) is stands


async def test_counsel_whose_representation_ended_is_counsel_no_more(sqlite_site: Site):
    """The relation goes with the power of attorney."""
    site = sqlite_site
    booked = await bookings.request_booking(site.db, FakeClock(NOON), site.who["officer"], site.interrogation())
    async with site.db.transaction() as tx:
        mine = Representation.lawyer == site.who["lawyer"].id
        await tx.execute(update(Representation).where(mine).values(state=RepresentationState.ENDED))
    assert not await relation(site, booked, "lawyer", Stage.TRIAL)


async def test_a_visit_is_no_file_of_the_case(sqlite_site: Site):
    """What lawyer and client spoke of is never among what was filed."""
    booked = await bookings.request_booking(
        sqlite_site.db, FakeClock(NOON), sqlite_site.who["lawyer"], sqlite_site.visit()
    )
    assert not await relation(sqlite_site, booked, "lawyer", Stage.TRIAL)
