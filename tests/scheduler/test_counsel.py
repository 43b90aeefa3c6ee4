"""A person in custody asks for a lawyer (LV-7): told at once or escalated after a day."""

import pytest

from core.errors import Conflict, Denied, Invalid, NotFound
from core.jobs import Worker
from scheduler.counsel import ask, handlers, name_lawyer, of_lawyer, of_post, release_lawyer, take
from scheduler.notices import mine


async def texts(site, login):
    """What a person was told, newest first."""
    return [notice.text for notice in await mine(site.db, site.clock, site.who[login])]


async def free_person(site):
    """Somebody at the eastern case centre, who has no lawyer."""
    return site.persons["刘海"]


async def test_duty_lawyers_of_the_place_are_told_at_once(site):
    """No name stands in the notice; the lawyer who takes it learns the name, and one alone takes it."""
    person, centre = await free_person(site), site.facilities["城东执法办案管理中心"]
    for login in ("lawyer", "lawyer2"):
        bureau, lawyer = site.who["admin-justice"], site.who[login].id
        await name_lawyer(site.db, site.clock, bureau, facility=centre, lawyer=lawyer)
    made = await ask(site.db, site.clock, site.who["duty-centre"], person)
    assert made.notified is not None
    assert (await ask(site.db, site.clock, site.who["duty-centre"], person)).id == made.id
    told = await texts(site, "lawyer")
    assert len(told) == 1
    assert "刘海" not in told[0]
    assert [w.name for w in await of_lawyer(site.db, site.who["lawyer"])] == [""]
    await take(site.db, site.clock, site.who["lawyer"], made.id)
    assert [w.name for w in await of_lawyer(site.db, site.who["lawyer"])] == ["刘海"]
    assert await of_lawyer(site.db, site.who["lawyer2"]) == []
    with pytest.raises(Conflict):
        await take(site.db, site.clock, site.who["lawyer2"], made.id)
    wishes, _ = await of_post(site.db, site.clock, site.who["duty-centre"])
    assert [(w.name, w.lawyer) for w in wishes] == [("刘海", "沈知远")]


async def test_without_a_duty_lawyer_the_bureau_is_told_and_a_day_later_the_prosecutor(site):
    """A lawyer named in time is told of what waits, and nothing is escalated."""
    centre = site.facilities["城东执法办案管理中心"]
    await ask(site.db, site.clock, site.who["duty-centre"], await free_person(site))
    assert len(await texts(site, "admin-justice")) == 1
    worker = Worker(site.db, site.clock, handlers(site.db, site.clock))
    site.clock.advance(24 * 3600 - 1)
    assert not await worker.run_one()
    site.clock.advance(1)
    assert await worker.run_one()
    assert len(await texts(site, "prosecutor")) == 1
    bureau, lawyer = site.who["admin-justice"], site.who["lawyer"].id
    await name_lawyer(site.db, site.clock, bureau, facility=centre, lawyer=lawyer)
    assert len(await texts(site, "lawyer")) == 1


async def test_only_who_should_can_ask_name_and_take(sqlite_site):
    """Another post, a client with a lawyer, another authority, somebody who is no lawyer of the place."""
    site = sqlite_site
    person, centre = await free_person(site), site.facilities["城东执法办案管理中心"]
    with pytest.raises(NotFound):
        await ask(site.db, site.clock, site.who["duty"], person)
    with pytest.raises(Conflict):
        await ask(site.db, site.clock, site.who["duty"], site.persons["张伟民"])
    with pytest.raises(Denied):
        await ask(site.db, site.clock, site.who["lawyer"], person)
    for login in ("admin", "lawyer", "duty"):
        with pytest.raises(Denied):
            await name_lawyer(site.db, site.clock, site.who[login], facility=centre, lawyer=site.who["lawyer"].id)
    bureau = site.who["admin-justice"]
    with pytest.raises(Invalid):
        await name_lawyer(site.db, site.clock, bureau, facility=centre, lawyer=site.who["officer"].id)
    made = await ask(site.db, site.clock, site.who["duty-centre"], person)
    for login in ("lawyer", "officer"):
        with pytest.raises(NotFound):
            await take(site.db, site.clock, site.who[login], made.id)
    await name_lawyer(site.db, site.clock, bureau, facility=centre, lawyer=site.who["lawyer"].id)
    await release_lawyer(site.db, site.clock, bureau, facility=centre, lawyer=site.who["lawyer"].id)
    with pytest.raises(NotFound):
        await take(site.db, site.clock, site.who["lawyer"], made.id)
