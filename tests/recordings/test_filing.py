"""Filed recordings: sealed originals, working copies, and defence counsel."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from studio import START

from core import ledger
from core.errors import Conflict, Denied, NotFound
from people.permissions import Relation
from people.principals import Principal
from recordings import filing, keeping, store
from recordings.finalize import Finalizer
from recordings.jobs import refresh
from recordings.library import Library
from recordings.models import DerivedFile, Recording
from recordings.retention import Decider, Refused

OWN_CASE, OWN_TREE = {Relation.OWN_CASE}, {Relation.OWN_TREE}
ASKS, OTHER = Decider("p-1", "unit-a"), Decider("p-2", "unit-b")


def somebody(role, person="p-1"):
    return Principal("account", person, "", frozenset({role}))


def playable(file, kind="composed"):
    return DerivedFile(
        recording="rec-1",
        file=file,
        kind=kind,
        media_type="video/mp4",
        endpoint="",
        publication="",
        role="",
        part=1,
        start_ms=0,
        duration_ms=1,
        length=1,
    )


def recording(**changes):
    return Recording(**{"state": "closed", "verdict": "INTACT", "policy": "clear", **changes})


@pytest.mark.parametrize(
    ("changes", "files", "rule"),
    [
        ({}, ["composed"], None),
        ({}, ["participant"], "no-working-copy"),
        ({"policy": "attendance"}, [], None),
        ({"verdict": "MODIFIED"}, ["composed"], "not-intact"),
        ({"state": "erased"}, ["composed"], "erased"),
    ],
)
def test_what_may_be_filed(changes, files, rule):
    """Only what was checked, is still there, and can be seen afterwards."""
    refused = filing.may_file(recording(**changes), [playable("x", kind) for kind in files])
    assert (refused.rule if refused else None) == rule


def test_where_somebody_is_protected_only_the_masked_copy_goes_out():
    """Counsel gets the copy that hides them, and never the other beside it."""
    masked, plain, original = playable("protected-composed.mp4"), playable("composed.mp4"), playable("a", "participant")
    assert filing.working_copies([plain, original]) == [plain]
    assert filing.working_copies([plain, original, masked]) == [masked]


@pytest.fixture
async def stored(finished, sqlite_database):
    """A finished recording that the database knows, with an original file ``p…`` and a working copy."""
    Finalizer(finished.data_dir, lambda: finished.site, finished.clock, finished.disk).run("rec-1")
    await refresh(Library(finished.data_dir, finished.clock), sqlite_database, finished.clock, "rec-1")
    async with sqlite_database.transaction() as tx:
        tx.add(playable("composed.mp4"))
    return finished, sqlite_database


async def file(stored):
    studio, database = stored
    async with database.transaction() as tx:
        return await filing.file(tx, somebody("officer"), OWN_CASE, "rec-1", now=studio.clock.now())


async def may_open(stored, name, person="p-1"):
    studio, database = stored
    async with database.transaction(write=False) as tx:
        try:
            await filing.require_open(tx, "rec-1", name, person=person, now=studio.clock.now())
        except Denied as error:
            return error.code
    return "open"


async def release(stored):
    studio, database = stored
    now = studio.clock.now()
    async with database.transaction() as tx:
        request = await keeping.ask(tx, "rec-1", "unseal", "court-request", asked=ASKS, case_unit="unit-a", now=now)
    assert await may_open(stored, await original(stored)) == "sealed-original"
    async with database.transaction() as tx:
        own = await keeping.decide(tx, request.id, decides=ASKS, approve=True, case_ended=False, now=now)
        assert isinstance(own, Refused)
        await keeping.decide(tx, request.id, decides=OTHER, approve=True, case_ended=False, now=now)
    return request.id


async def original(stored):
    async with stored[1].transaction(write=False) as tx:
        return next(item.file for item in await store.files(tx, "rec-1") if item.kind == "participant")


async def test_filing_seals_the_original_and_leaves_the_working_copy(stored):
    """Before, both play; afterwards only the copy, for everybody."""
    assert await may_open(stored, await original(stored)) == "open"
    assert (await file(stored)).state == "filed"
    assert (await file(stored)).state == "filed"
    assert await may_open(stored, await original(stored)) == "sealed-original"
    assert await may_open(stored, "composed.mp4") == "open"
    async with stored[1].transaction(write=False) as tx:
        entries = await ledger.find(tx, ledger.Wanted(tag="recording.filed"))
    assert len(entries) == 1


async def test_two_persons_open_a_sealed_original_for_the_one_who_asked(stored):
    """Nobody else may use the release, and it runs out."""
    studio, _ = stored
    await file(stored)
    await release(stored)
    name = await original(stored)
    assert await may_open(stored, name) == "open"
    assert await may_open(stored, name, "p-2") == "sealed-original"
    studio.clock.advance(filing.RELEASED_FOR.total_seconds() + 1)
    assert await may_open(stored, name) == "sealed-original"


async def test_a_release_can_be_given_back(stored):
    """Sealed again before its time, once."""
    studio, database = stored
    await file(stored)
    request = await release(stored)
    async with database.transaction() as tx:
        await filing.give_back(tx, request, by="p-1", now=studio.clock.now())
    assert await may_open(stored, await original(stored)) == "sealed-original"
    async with database.transaction() as tx:
        with pytest.raises(Conflict):
            await filing.give_back(tx, request, by="p-1", now=studio.clock.now())


@pytest.mark.parametrize("state", ["erased", "", "something-new"])
async def test_what_is_not_known_is_sealed(stored, state):
    """A state nobody foresaw, or a recording the database does not know, opens nothing."""
    studio, database = stored
    async with database.transaction() as tx:
        (await tx.get(Recording, "rec-1")).state = state
        assert not await filing.is_original_open(tx, "rec-1", now=studio.clock.now())
        assert not await filing.is_original_open(tx, "nothing", now=studio.clock.now())


async def test_a_filed_recording_stays_filed_when_it_is_checked_again(stored):
    """The job that reads the chain once more takes no seal away."""
    studio, database = stored
    await file(stored)
    assert (await refresh(Library(studio.data_dir, studio.clock), database, studio.clock, "rec-1")).state == "filed"
    async with database.transaction(write=False) as tx:
        assert (await store.find(tx, "rec-1")).state == "filed"


async def test_counsel_sees_what_was_filed_and_the_ledger_knows(stored):
    """Nothing before it is filed; then the working copy, viewed or taken along, each an entry."""
    studio, database = stored
    now, counsel = studio.clock.now(), somebody("lawyer", "p-9")
    async with database.transaction() as tx:
        with pytest.raises(NotFound):
            await filing.view_filed(tx, counsel, OWN_CASE, "rec-1", now=now)
    await file(stored)
    async with database.transaction() as tx:
        seen = await filing.view_filed(tx, counsel, OWN_CASE, "rec-1", now=now)
        taken = await filing.copy_filed(tx, counsel, OWN_CASE, "rec-1", now=now)
        assert [item.file for item in seen] == [item.file for item in taken] == ["composed.mp4"]
        query = select(ledger.Entry.tag).where(ledger.Entry.actor == "p-9").order_by(ledger.Entry.number)
        assert list((await tx.execute(query)).scalars()) == ["recording.filed-viewed", "recording.filed-copied"]


@pytest.mark.parametrize(
    ("role", "relations"), [("lawyer", set()), ("officer", OWN_CASE), ("reviewer", OWN_TREE), ("guest", OWN_CASE)]
)
async def test_counsels_door_is_for_counsel_only(stored, role, relations):
    """Lawyers outside the case and everybody else are refused, and leave nothing in the ledger."""
    studio, database = stored
    await file(stored)
    async with database.transaction() as tx:
        with pytest.raises(Denied):
            await filing.copy_filed(tx, somebody(role), relations, "rec-1", now=studio.clock.now())
        assert not await ledger.find(tx, ledger.Wanted(tag="recording.filed-"))


async def test_nobody_without_the_case_files_it(stored):
    """An officer of another case is refused."""
    studio, database = stored
    async with database.transaction() as tx:
        with pytest.raises(Denied):
            await filing.file(tx, somebody("officer"), set(), "rec-1", now=studio.clock.now())
        with pytest.raises(NotFound):
            await filing.file(tx, somebody("officer"), OWN_CASE, "nothing", now=START + timedelta(days=1))
