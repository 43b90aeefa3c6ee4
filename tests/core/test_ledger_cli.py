"""``yuanjian ledger`` says in one line what it found, and by its exit code."""

import asyncio

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from core import ledger, migrate
from core.clock import FakeClock
from core.database import Database, sqlite_url
from core.ledger_cli import app
from tests.conftest import NOON

RUN = CliRunner()


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data directory whose ledger holds five entries."""
    monkeypatch.setenv("YUANJIAN_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    asyncio.run(change(tmp_path / "data", None))
    return tmp_path / "data"


async def change(data, statement):
    """Fill a new database, or do what somebody with its own tools could."""
    database = Database(sqlite_url(data / "yuanjian.sqlite3"))
    if statement is None:
        await migrate.upgrade(database, (ledger.GUARD,))
    async with database.transaction() as tx:
        if statement is None:
            for n in range(5):
                await ledger.append(tx, "test.done", actor="a", subject=f"s{n}", at=FakeClock(NOON).now())
        else:
            await tx.execute(text("DROP TRIGGER ledger_no_update"))
            await tx.execute(text(statement))
    await database.close()


def run(*arguments):
    done = RUN.invoke(app, [str(argument) for argument in arguments])
    return done.exit_code, done.output


def key():
    return run("key")[1].strip()


def test_a_whole_ledger_is_signed_proved_and_witnessed(data, tmp_path):
    """Head, proof, copy and witness in turn; the proof is checked with the key alone."""
    assert run("checkpoint")[0] == 0
    code, proof = run("prove", 3)
    (tmp_path / "proof.json").write_text(proof)
    assert code == 0
    assert run("verify", tmp_path / "proof.json", "--key", key())[1].startswith("proved: entry 3")
    assert run("verify", data / "ledger", "--key", key())[1].startswith("whole: 5 entries")
    (tmp_path / "key").write_text(key())
    witnessed = run("witness", data / "ledger", "--key", tmp_path / "key", "--state", tmp_path / "state")
    assert witnessed[0] == 0
    assert "5 now" in witnessed[1]


def test_a_changed_row_exits_with_one(data):
    """And names the entry."""
    run("checkpoint")
    asyncio.run(change(data, "UPDATE ledger SET actor = 'b' WHERE number = 2"))
    code, said = run("checkpoint")
    assert code == 1
    assert "entry 2" in said


def test_an_altered_proof_exits_with_one(data, tmp_path):
    """Whoever altered it."""
    run("checkpoint")
    (tmp_path / "proof.json").write_text(run("prove", 3)[1].replace("s2", "s3"))
    assert run("verify", tmp_path / "proof.json", "--key", key())[0] == 1


@pytest.mark.parametrize(
    "arguments",
    [("prove", 9), ("verify", "/nonexistent", "--key", "garbage"), ("key", "--config", "/nonexistent"), ("prove", 0)],
)
def test_what_cannot_be_used_exits_with_two(data, arguments):
    """A number beyond the ledger, a wrong key, a missing file."""
    run("checkpoint")
    assert run(*arguments)[0] == 2
