"""Auditors find what their own people did; everybody finds who looked at their own sessions."""

from datetime import timedelta

import pytest

from core import ledger
from core.errors import Denied
from core.ledger import Wanted
from people import accountability
from tests.people.conftest import SESSION


async def private(_tx, ids) -> set[str]:
    """What is nobody's business."""
    return {"v" * 22} & set(ids)


@pytest.fixture
def look(database, clock, site):
    """Somebody opens the record of the session."""

    async def go(who, tag="recording.log-viewed", subject=SESSION):
        async with database.transaction() as tx:
            await ledger.append(tx, tag, actor=site.persons[who], subject=subject, at=clock.now())

    return go


@pytest.fixture
def search(database, clock, site):
    async def go(who, **wanted):
        principal = await site.principal(database, who)
        return await accountability.search(database, clock, principal, Wanted(**wanted), private=private)

    return go


async def test_an_auditor_finds_acts_of_the_own_tree_only(search, look, site):
    """By tag, person, subject and time; people of another tree are not found even by their id."""
    await look("officer")
    await look("lawyer")
    found = await search("reviewer", tag="recording.")
    assert [(line.actor, line.actor_name, line.actor_unit) for line in found] == [
        (site.persons["officer"], "王officer", "东湖分局")
    ]
    assert await search("reviewer", actors=[site.persons["lawyer"]]) == []
    assert [line.actor for line in await search("admin.justice", tag="recording.")] == [site.persons["lawyer"]]


async def test_a_branch_does_not_see_the_bureau(search, look):
    """Downwards only."""
    await look("reviewer")
    assert await search("admin.branch", tag="recording.") == []
    assert len(await search("admin", tag="recording.")) == 1


async def test_what_is_private_is_not_told(search, look, site):
    """That something was done, by whom and when, not about what; and nothing is found by it."""
    await look("officer", subject="v" * 22)
    await look("officer")
    assert [line.subject for line in await search("reviewer", tag="recording.")] == [SESSION, ""]
    assert await search("reviewer", subjects=["v" * 22]) == []
    assert len(await search("reviewer", subjects=["v" * 22, SESSION])) == 1


async def test_searching_leaves_an_entry_first(search, look):
    """Whoever audits is audited."""
    await search("reviewer", tag="login.")
    found = await search("admin", tag="ledger.searched")
    assert [line.actor_name for line in found] == ["王reviewer"]


async def test_pages_and_times(search, look, clock):
    """Newest first, page by page, within the asked days; a pattern character is no pattern."""
    for _ in range(5):
        await look("officer")
        clock.advance(60)
    first = await search("reviewer", tag="recording.log-viewed")
    assert [line.number for line in first] == sorted((line.number for line in first), reverse=True)
    assert len(await search("reviewer", tag="recording.", before=first[1].number)) == 3
    recent = await search("reviewer", tag="recording.", since=clock.now() - timedelta(seconds=120), until=clock.now())
    assert len(recent) == 2
    assert await search("reviewer", tag="%.") == []


@pytest.mark.parametrize("who", ["officer", "lawyer", "duty"])
async def test_others_do_not_search(search, who):
    """The ledger is for reviewers, inspectors and administrators."""
    with pytest.raises(Denied):
        await search(who)


async def test_everybody_sees_who_looked_at_their_sessions(database, site, look):
    """With name and unit, of the sessions asked for and no others."""
    await look("reviewer")
    await look("officer", tag="recording.play-granted")
    await look("reviewer", subject="t" * 22)
    await look("reviewer", tag="booking.confirmed")
    lawyer = await site.principal(database, "lawyer")
    seen = await accountability.who_looked(database, lawyer, [SESSION])
    assert [(line.tag, line.actor_unit) for line in seen] == [
        ("recording.play-granted", "东湖分局"),
        ("recording.log-viewed", "临江市公安局"),
    ]
    assert await accountability.who_looked(database, lawyer, []) == []
