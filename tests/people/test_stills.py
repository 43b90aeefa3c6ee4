"""Still pictures of an identity check: seen by who may once the ledger says so, gone for good after their term."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from core import ledger
from core.errors import Conflict, Denied, NotFound, OperatorError
from core.jobs import Worker
from core.ledger import Wanted
from core.vault import Purpose
from people import resealing, stills
from people.models import IdentityStill
from people.permissions import Relation
from people.stills import Coming
from tests.people.conftest import SESSION

PICTURE = b"\xff\xd8\xff" + bytes(range(256)) * 40
COMING = Coming(SESSION, "s1", "face", "e" * 22, "p3")
TERM = timedelta(hours=72)
CHECKS = {Relation.PARTICIPANT}


@pytest.fixture
async def kept(database, clock, vault):
    return await stills.keep(database, clock, vault, COMING, PICTURE, by="i" * 22, lasts=TERM)


async def tags(database, prefix: str) -> list[str]:
    async with database.transaction(write=False) as tx:
        return [entry.tag for entry in reversed(await ledger.find(tx, Wanted(tag=prefix)))]


async def test_a_picture_is_shown_once_the_ledger_says_to_whom(database, clock, vault, site, kept):
    """An officer of the session, and a reviewer of the tree; each look is an entry."""
    officer = await site.principal(database, "officer")
    assert await stills.look(database, clock, vault, officer, CHECKS, kept.id, session=SESSION) == PICTURE
    async with database.transaction(write=False) as tx:
        (look,) = await ledger.find(tx, Wanted(tag=stills.VIEWED))
    assert (look.actor, look.subject, look.details) == (officer.id, SESSION, {"still": kept.id, "part": "face"})


@pytest.mark.parametrize(
    ("login", "held"),
    [
        ("officer", {Relation.OWN_CASE}),
        ("officer", set()),
        ("lawyer", {Relation.PARTICIPANT}),
        ("duty", {Relation.OWN_FACILITY}),
        ("admin", {Relation.OWN_TREE}),
    ],
)
async def test_nobody_else_sees_it(database, clock, vault, site, kept, login, held):
    """Officers of the case who did not take part, counsel, duty posts, administrators: refused, nothing opened."""
    with pytest.raises(Denied):
        await stills.look(database, clock, vault, await site.principal(database, login), held, kept.id, session=SESSION)
    assert await tags(database, "recording.") == []


async def test_another_session_is_no_way_to_it(database, clock, vault, site, kept):
    """Who took part in one session does not see the pictures of another by naming them."""
    officer = await site.principal(database, "officer")
    with pytest.raises(NotFound):
        await stills.look(database, clock, vault, officer, CHECKS, kept.id, session="t" * 22)
    assert await tags(database, "recording.") == []


async def test_after_its_term_it_is_gone_whether_or_not_the_worker_came(database, clock, vault, site, kept):
    """From the minute it is due nobody sees it; the worker removes the content and leaves the digest."""
    officer = await site.principal(database, "officer")
    clock.advance(TERM.total_seconds())
    with pytest.raises(NotFound):
        await stills.look(database, clock, vault, officer, CHECKS, kept.id, session=SESSION)
    worker = Worker(database, clock, stills.handlers(database, clock))
    assert await worker.run_one()
    async with database.transaction(write=False) as tx:
        row = await tx.get_one(IdentityStill, kept.id)
    assert (row.picture, row.digest, row.removed, row.removed_for) == (None, kept.digest, clock.now(), "term")
    assert await tags(database, "identity.") == ["identity.still-kept", "identity.still-removed"]


async def test_it_is_not_removed_a_minute_early(database, clock, vault, site, kept):
    """Before its term there is nothing to do."""
    clock.advance(TERM.total_seconds() - 60)
    assert not await Worker(database, clock, stills.handlers(database, clock)).run_one()
    officer = await site.principal(database, "officer")
    assert await stills.look(database, clock, vault, officer, CHECKS, kept.id, session=SESSION) == PICTURE


async def test_nothing_of_it_is_left_in_the_files(sqlite_database, clock, vault):
    """Neither the database file nor its write-ahead file holds the sealed bytes any more."""
    kept = await stills.keep(sqlite_database, clock, vault, COMING, PICTURE, by="i" * 22, lasts=TERM)
    sealed = kept.picture.split(".")[1]
    path = Path(sqlite_database.url.partition("///")[2])

    def found() -> bool:
        files = [path, path.with_name(path.name + "-wal")]
        return any(sealed[at : at + 64].encode() in file.read_bytes() for file in files for at in (0, 4000, 12_000))

    assert found()
    await stills.withdraw(sqlite_database, clock, [kept.id])
    assert await Worker(sqlite_database, clock, stills.handlers(sqlite_database, clock)).run_one()
    assert not found()


async def test_a_withdrawn_one_goes_at_once_and_the_second_removal_changes_nothing(database, clock, vault, kept):
    """Deleting twice, by will and by term, is one deletion in the ledger."""
    await stills.withdraw(database, clock, [kept.id])
    worker = Worker(database, clock, stills.handlers(database, clock))
    assert await worker.run_one()
    clock.advance(TERM.total_seconds())
    assert await worker.run_one()
    async with database.transaction(write=False) as tx:
        entries = await ledger.find(tx, Wanted(tag="identity.still-removed"))
    assert [entry.details["why"] for entry in entries] == ["withdrawn"]


async def test_the_same_part_twice_is_one(database, clock, vault, kept):
    """The database itself refuses a second picture of a request's part; nothing of it is kept."""
    with pytest.raises(Conflict):
        await stills.keep(database, clock, vault, COMING, PICTURE, by="i" * 22, lasts=TERM)
    async with database.transaction(write=False) as tx:
        assert len((await tx.execute(select(IdentityStill))).all()) == 1


async def test_a_seal_is_bound_to_its_row_and_follows_the_key(database, clock, vault, site, kept):
    """Put under another row it does not open; after a rotation it opens by the new key alone."""
    other = await stills.keep(
        database, clock, vault, Coming(SESSION, "s1", "document", "e" * 22, "p3"), PICTURE, by="i" * 22, lasts=TERM
    )
    officer = await site.principal(database, "officer")
    _, changed = await resealing.rotate(database, clock, vault, Purpose.SEAL)
    assert changed == 2
    assert await stills.look(database, clock, vault, officer, CHECKS, kept.id, session=SESSION) == PICTURE
    async with database.transaction() as tx:
        (await tx.get_one(IdentityStill, other.id)).picture = (await tx.get_one(IdentityStill, kept.id)).picture
    with pytest.raises(OperatorError):
        await stills.look(database, clock, vault, officer, CHECKS, other.id, session=SESSION)
