"""Heads are signed only over a ledger that still holds everything signed before (F24); outsiders can check alone."""

import json
import shutil

import pytest
from sqlalchemy import text

from core import ledger, merkle, proofs, tiles
from core.checkpoints import FILE, Keeper, LedgerBroken, Log
from core.errors import OperatorError
from core.notes import Checkpoint
from core.proofs import NotProved
from core.tiles import directory_fetch
from core.vault import Purpose, Vault


@pytest.fixture
def vault(tmp_path, clock):
    made = Vault(tmp_path / "secrets")
    made.ensure(clock.now())
    return made


@pytest.fixture
def log(database, tmp_path, vault):
    return Log(database, tmp_path / "ledger", vault)


@pytest.fixture
def fill(database, clock):
    """Append some entries."""

    async def go(count):
        async with database.transaction() as tx:
            for n in range(count):
                await ledger.append(tx, "test.done", actor="a", subject=f"s{n}", at=clock.now(), details={"n": n})

    return go


@pytest.fixture
def tamper(database):
    """Do what somebody with the database's own tools could."""

    async def go(*statements):
        async with database.transaction() as tx:
            for verb in ("update", "delete"):
                gone = f"DROP TRIGGER IF EXISTS ledger_no_{verb}" + ("" if database.is_sqlite else " ON ledger")
                await tx.execute(text(gone))
            for statement in statements:
                await tx.execute(text(statement))

    return go


async def broken(advancing):
    with pytest.raises(LedgerBroken) as caught:
        await advancing
    return caught.value.code


async def test_heads_grow_with_the_ledger(log, fill, clock):
    """Each head covers every entry; without new ones it stays."""
    assert (await log.advance(clock)).size == 0
    await fill(3)
    first = await log.advance(clock)
    assert (first.size, await log.advance(clock)) == (3, first)
    await fill(300)
    second = await log.advance(clock, thorough=True)
    assert second.size == 303
    assert log.newest() == second


async def test_a_changed_row_is_found_and_nothing_signed(log, fill, tamper, clock):
    """A row in the middle at the next thorough round, the last one at any."""
    await fill(10)
    head = await log.advance(clock)
    await tamper("UPDATE ledger SET actor = 'nobody' WHERE number = 4")
    await fill(1)
    assert await broken(log.advance(clock, thorough=True)) == "changed"
    assert log.newest() == head


async def test_a_changed_last_row_is_found_at_once(log, fill, tamper, clock):
    """The entry the head ends with is looked at in every round."""
    await fill(10)
    await log.advance(clock)
    await tamper("UPDATE ledger SET actor = 'nobody' WHERE number = 10")
    assert await broken(log.advance(clock)) == "changed"


async def test_a_row_changed_before_it_was_signed_is_found(log, fill, tamper, clock):
    """A new row that does not fit its predecessor is not signed."""
    await fill(5)
    await log.advance(clock)
    await fill(5)
    await tamper("UPDATE ledger SET tag = 'test.other' WHERE number = 8")
    assert await broken(log.advance(clock)) == "changed"


@pytest.mark.parametrize(("where", "code"), [("number = 4", "changed"), ("number > 8", "rolled-back")])
async def test_a_deleted_row_is_found(log, fill, tamper, clock, where, code):
    """In the middle, or the newest ones."""
    await fill(10)
    await log.advance(clock)
    await tamper(f"DELETE FROM ledger WHERE {where}")
    assert await broken(log.advance(clock)) == code


async def test_a_database_rolled_back_and_written_on_is_found(log, fill, tamper, clock):
    """After a restore from an older copy, new entries in place of the lost ones do not pass."""
    await fill(10)
    head = await log.advance(clock)
    await tamper("DELETE FROM ledger WHERE number > 7", "DELETE FROM ledger_checkpoints")
    clock.advance(60)
    await fill(5)
    assert await broken(log.advance(clock)) == "changed"
    assert log.newest() == head


async def test_a_lost_directory_is_made_anew_from_the_database(log, fill, clock, vault, database, tmp_path):
    """The tiles follow from the rows; the head in the database says what they must lead to."""
    await fill(300)
    head = await log.advance(clock)
    name = (log.directory / "name").read_text()
    shutil.rmtree(log.directory)
    log.directory.mkdir()
    (log.directory / "name").write_text(name)
    again = Log(database, log.directory, vault)
    assert (await again.advance(clock)).size == head.size
    assert proofs.check_copy(directory_fetch(log.directory), log.verifier) == head


async def test_a_rewritten_ledger_passes_neither_with_nor_without_its_tiles(log, fill, tamper, clock):
    """Whoever rewrites every row consistently is found by the signed head."""
    await fill(3)
    await log.advance(clock)
    await tamper("DELETE FROM ledger")
    clock.advance(60)
    await fill(3)
    assert await broken(log.advance(clock)) == "changed"
    shutil.rmtree(log.directory / "tile")
    assert await broken(log.advance(clock)) == "changed"


async def test_a_forged_head_is_found(log, fill, clock):
    """A checkpoint file signed by another key stops signing."""
    await fill(3)
    await log.advance(clock)
    path = log.directory / FILE
    path.write_text(path.read_text().replace("\n3\n", "\n2\n"))
    assert await broken(log.advance(clock)) == "forged"


async def test_the_key_can_be_rotated(log, fill, clock, vault, database):
    """Old heads still open; new ones are signed by both keys until the old one is forgotten."""
    await fill(3)
    await log.advance(clock)
    old = log.verifier
    vault.rotate(Purpose.LEDGER, clock.now())
    rotated = Log(database, log.directory, vault)
    await fill(1)
    await rotated.advance(clock)
    for verifier in (old, rotated.verifier):
        assert proofs.check_copy(directory_fetch(log.directory), verifier).size == 4
    assert str(old) != str(rotated.verifier)


async def test_every_entry_can_be_proved_offline(log, fill, clock):
    """A proof needs the key alone; altered, or with another key, it proves nothing."""
    await fill(260)
    await log.advance(clock)
    fetch = directory_fetch(log.directory)
    for number in (1, 2, 256, 257, 260):
        document = proofs.prove(fetch, log.verifier, number)
        entry = proofs.check_proof(document, log.verifier)
        assert entry[0] == number
    body = json.loads(document)
    for name, value in (("index", 3), ("entry", body["entry"].replace("s259", "s258")), ("proof", body["proof"][:-1])):
        with pytest.raises(NotProved):
            proofs.check_proof(json.dumps(body | {name: value}), log.verifier)
    with pytest.raises(OperatorError):
        proofs.prove(fetch, log.verifier, 261)


@pytest.mark.parametrize("document", ["", "{}", "[]", "null", '{"entry":1}', "[" * 5000])
async def test_garbage_proves_nothing(log, document):
    """Whatever the file holds, the answer is "not proved"."""
    with pytest.raises(NotProved):
        proofs.check_proof(document, log.verifier)


async def test_a_copy_is_checked_entry_by_entry(log, fill, clock):
    """One changed word in one bundle is found."""
    await fill(20)
    await log.advance(clock)
    fetch = directory_fetch(log.directory)
    assert proofs.check_copy(fetch, log.verifier).size == 20
    bundle = log.directory / "tile/entries/000.p/20"
    bundle.write_bytes(bundle.read_bytes().replace(b"s7", b"s8"))
    with pytest.raises(NotProved):
        proofs.check_copy(fetch, log.verifier)


async def test_a_witness_sees_growth_and_refuses_a_rollback(log, fill, clock, tmp_path):
    """It notes heads that extend its last one; an older copy of the whole site is refused."""
    state, fetch = tmp_path / "witnessed", directory_fetch(log.directory)
    await fill(5)
    await log.advance(clock)
    shutil.copytree(log.directory, tmp_path / "older")
    assert proofs.witness(fetch, log.verifier, state)[0] is None
    await fill(300)
    await log.advance(clock)
    known, head = proofs.witness(fetch, log.verifier, state)
    assert (known.size, head.size) == (5, 305)
    noted = state.read_bytes()
    with pytest.raises(NotProved, match="went back"):
        proofs.witness(directory_fetch(tmp_path / "older"), log.verifier, state)
    assert state.read_bytes() == noted


async def test_a_witness_refuses_another_history(log, fill, clock, tmp_path):
    """A site that signs a rewritten past with its own key is found by whoever kept the head before."""
    state = tmp_path / "witnessed"
    await fill(5)
    await log.advance(clock)
    fetch = directory_fetch(log.directory)
    proofs.witness(fetch, log.verifier, state)
    fake = tmp_path / "fake"
    tiles.extend(fake, 0, [b"[%d]" % n for n in range(9)])
    tree = tiles.Tiles(directory_fetch(fake), 9)
    text_ = Checkpoint(log.verifier.name, 9, merkle.root(9, tree.node)).text()
    (fake / FILE).write_text(log._signers[0].sign(text_))
    with pytest.raises(NotProved, match="not what they were"):
        proofs.witness(directory_fetch(fake), log.verifier, state)


async def test_a_witness_never_starts_over_silently(log, fill, clock, tmp_path):
    """A damaged state file is told, not replaced."""
    await fill(1)
    await log.advance(clock)
    (tmp_path / "witnessed").write_text("?")
    with pytest.raises(OperatorError):
        proofs.witness(directory_fetch(log.directory), log.verifier, tmp_path / "witnessed")


async def test_the_keeper_goes_on_and_tells(log, fill, tamper, clock):
    """It signs by itself, keeps the code of what is wrong, and compares everything again after a day."""
    keeper = Keeper(log, clock)
    await fill(5)
    await keeper.once()
    assert (keeper.broken, log.newest().size) == (None, 5)
    await tamper("UPDATE ledger SET actor = 'nobody' WHERE number = 2")
    await keeper.once()
    assert keeper.broken is None
    clock.advance(24 * 3600)
    await keeper.once()
    assert keeper.broken == "changed"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_of_the_environment_is_not_the_log(proxied, free_port, scheme):
    """The log at the address that was given is read, or none."""
    with pytest.raises(OSError, match="refused"):
        proofs.source(f"{scheme}://127.0.0.1:{free_port}")(FILE)
    assert not proxied()
