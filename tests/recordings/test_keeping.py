"""Who may end a recording, and what is left of it."""

from datetime import timedelta

import pytest
from studio import START

from core import ledger
from core.errors import Conflict, Invalid, NotFound
from recordings import backup, erasure, filing, keeping
from recordings.finalize import Finalizer
from recordings.jobs import refresh
from recordings.library import Library
from recordings.retention import Decider, Kept, Refused, goes_by_itself, keeping_of, may_decide, may_destroy
from recordings.verdicts import Verdict
from recordings.verify import verify

YEARS = timedelta(days=4000)
ASKS, OUTSIDE, INSIDE = Decider("p-1", "unit-a"), Decider("p-2", "unit-b"), Decider("p-3", "unit-a")


def kept(**changes):
    return Kept(**{"kind": "interrogation", "ended": START, "holds": 0, "case_ended": True, **changes})


@pytest.mark.parametrize(
    ("changes", "later", "rule"),
    [
        ({}, YEARS, None),
        ({"holds": 1}, YEARS, "legal-hold"),
        ({"case_ended": False}, YEARS, "case-open"),
        ({}, timedelta(days=30), "term-running"),
        ({"kind": "rehearsal"}, timedelta(hours=25), None),
        ({"kind": "rehearsal", "holds": 1}, timedelta(hours=25), "legal-hold"),
    ],
)
def test_what_may_be_destroyed(changes, later, rule):
    """Never under a hold, never before the case ends, never within its term."""
    refused = may_destroy(kept(**changes), START + later)
    assert (refused.rule if refused else None) == rule


def test_only_rehearsals_go_by_themselves():
    """After a day; everything else waits for two persons, however old it is."""
    assert goes_by_itself(kept(kind="rehearsal"), START + timedelta(hours=25))
    assert not goes_by_itself(kept(kind="rehearsal"), START + timedelta(hours=23))
    for kind in ("interrogation", "visit", "report", "unheard_of"):
        assert not goes_by_itself(kept(kind=kind), START + 100 * YEARS)
        assert keeping_of(kind).least > timedelta(days=365)


@pytest.mark.parametrize(
    ("decides", "case_unit", "rule"),
    [
        (ASKS, "unit-a", "second-person"),
        (INSIDE, "unit-a", "outside-unit"),
        (OUTSIDE, "unit-a", None),
        (INSIDE, "unit-c", None),
    ],
)
def test_two_persons_one_from_outside(decides, case_unit, rule):
    """Nobody approves themselves, nor two of the case's unit each other."""
    refused = may_decide(ASKS, decides, case_unit)
    assert (refused.rule if refused else None) == rule


@pytest.fixture
async def stored(finished, sqlite_database):
    """A finished recording that the database knows."""
    Finalizer(finished.data_dir, lambda: finished.site, finished.clock, finished.disk).run("rec-1")
    library = Library(finished.data_dir, finished.clock)
    await refresh(library, sqlite_database, finished.clock, "rec-1")
    return finished, library, sqlite_database


async def approved(stored, case_ended=True):
    studio, _, database = stored
    async with database.transaction() as tx:
        request = await keeping.ask(
            tx, "rec-1", "delete", "term-over", asked=ASKS, case_unit="unit-a", now=studio.clock.now()
        )
    async with database.transaction() as tx:
        return request.id, await keeping.decide(
            tx, request.id, decides=OUTSIDE, approve=True, case_ended=case_ended, now=studio.clock.now()
        )


async def test_destruction_leaves_digest_and_reason(stored, tmp_path):
    """Decided by two after its term: keys and content are gone, also from the backup; the chain still verifies."""
    studio, library, database = stored
    digest = verify(studio.files.root).digest
    backup.backup(studio.data_dir, tmp_path / "copy", studio.disk)
    studio.clock.advance(YEARS.total_seconds())
    request_id, decided = await approved(stored)
    assert not isinstance(decided, Refused)
    for _ in range(2):  # run twice, as a job may be
        assert await keeping.carry_out(database, library, studio.clock, request_id, case_ended=True) is None
    left = sorted(path.name for path in studio.files.root.iterdir() if not path.name.startswith("."))
    assert left == ["chain.jsonl", "erased.jsonl"]
    found = verify(studio.files.root)
    assert (found.verdict, found.exit_code, found.digest) == (Verdict.ERASED, 3, digest)
    assert b'"reason":"term-over"' in (studio.files.root / "erased.jsonl").read_bytes()
    backup.backup(studio.data_dir, tmp_path / "copy", studio.disk)
    assert not list((tmp_path / "copy").rglob("keys*.json"))
    async with database.transaction(write=False) as tx:
        assert await ledger.check(tx) is None


async def test_without_its_entry_no_key_goes(stored, monkeypatch):
    """A ledger that does not answer leaves the recording whole and its request open; afterwards it is carried out."""
    studio, library, database = stored
    studio.clock.advance(YEARS.total_seconds())
    request_id, _ = await approved(stored)

    async def broken(*_, **__):
        raise LookupError

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "append", broken)
        with pytest.raises(LookupError):
            await keeping.carry_out(database, library, studio.clock, request_id, case_ended=True)
    assert verify(studio.files.root).exit_code == 0
    assert list(studio.files.root.glob("keys*.json"))
    assert await keeping.carry_out(database, library, studio.clock, request_id, case_ended=True) is None


async def test_a_hold_that_comes_in_between_stops_it(stored):
    """The rules are asked again when it is carried out; lifted, it goes on."""
    studio, library, database = stored
    studio.clock.advance(YEARS.total_seconds())
    request_id, _ = await approved(stored)
    async with database.transaction() as tx:
        await keeping.hold(tx, "rec-1", "court-order", by="p-9", now=studio.clock.now())
    refused = await keeping.carry_out(database, library, studio.clock, request_id, case_ended=True)
    assert refused.rule == "legal-hold"
    assert verify(studio.files.root).exit_code == 0
    async with database.transaction() as tx:
        assert await keeping.lift(tx, "rec-1", "order-ended", by="p-9", now=studio.clock.now()) == 1
    assert await keeping.carry_out(database, library, studio.clock, request_id, case_ended=True) is None


async def test_a_refusal_by_rule_changes_nothing(stored):
    """Before its term is over the request stays open and no key is touched."""
    studio, library, database = stored
    request_id, refused = await approved(stored)
    assert refused.rule == "term-running"
    with pytest.raises(Conflict):
        await keeping.carry_out(database, library, studio.clock, request_id, case_ended=True)
    assert verify(studio.files.root).exit_code == 0


async def test_the_sealed_original_is_unsealed_by_somebody_else(stored):
    """Asked by one, approved by another; not before."""
    studio, _, database = stored
    now = studio.clock.now()
    async with database.transaction() as tx:
        request = await keeping.ask(tx, "rec-1", "unseal", "court-request", asked=ASKS, case_unit="unit-a", now=now)
        assert not await filing.is_unsealed(tx, "rec-1", now=now)
        own = await keeping.decide(tx, request.id, decides=ASKS, approve=True, case_ended=False, now=now)
        assert own.rule == "second-person"
        await keeping.decide(tx, request.id, decides=OUTSIDE, approve=True, case_ended=False, now=now)
        assert await filing.is_unsealed(tx, "rec-1", now=now)
        with pytest.raises(Conflict):
            await keeping.decide(tx, request.id, decides=INSIDE, approve=False, case_ended=False, now=now)


async def test_words_that_are_not_listed_are_refused(stored):
    """Reasons are enumerated; recordings exist."""
    studio, _, database = stored
    now = studio.clock.now()
    async with database.transaction() as tx:
        with pytest.raises(Invalid):
            await keeping.hold(tx, "rec-1", "because", by="p", now=now)
        with pytest.raises(NotFound):
            await keeping.hold(tx, "nothing", "complaint", by="p", now=now)
        with pytest.raises(NotFound):
            await keeping.decide(tx, "nothing", decides=ASKS, approve=True, case_ended=True, now=now)


async def test_expired_rehearsals_are_removed_and_nothing_else(stored):
    """An interrogation of the same age stays."""
    studio, library, database = stored
    studio.clock.advance(timedelta(days=2).total_seconds())
    assert await keeping.remove_expired(database, library, studio.clock) == []
    async with database.transaction() as tx:
        (await tx.get(keeping.Recording, "rec-1")).kind = "rehearsal"
    assert await keeping.remove_expired(database, library, studio.clock) == ["rec-1"]
    assert library.is_erased("rec-1")
    assert await keeping.remove_expired(database, library, studio.clock) == []


def test_an_erasure_cut_short_is_never_silent(finished, monkeypatch):
    """Whenever it is interrupted, keys are never missing without the signed word; run again it finishes."""
    from faults import FaultyDisk

    for at in range(1, 12):
        try:
            erasure.erase(finished.files, finished.site, "court-order", finished.clock, FaultyDisk(at))
            break
        except OSError:
            assert finished.files.keys.exists() or (finished.files.root / "erased.jsonl").exists()
    assert verify(finished.files.root).verdict is Verdict.ERASED


def test_a_forged_erasure_does_not_pass(finished):
    """Keys taken away with a statement nobody of the site signed are missing."""
    finished.files.keys.unlink()
    (finished.files.root / "erased.jsonl").write_bytes(b'{"keys":"x"}\tAAAA\n')
    assert verify(finished.files.root).verdict is Verdict.MISSING
