"""``yuanjian secrets rotate`` makes a new key and says so; a lost secret is told in one line."""

import asyncio

import pytest
from typer.testing import CliRunner

from core import ledger, ledger_cli, migrate
from core.clock import SystemClock
from core.database import Database, sqlite_url
from core.vault import Purpose, Vault
from people import account_cli, enrolment, logins, token_cli
from people.cli import app
from people.logins import Door
from people.passwords import Passwords
from tests.conftest import NOON

RUN = CliRunner()


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data directory with a migrated database and secrets."""
    monkeypatch.setenv("YUANJIAN_DATA_DIR", str(tmp_path))
    database = Database(sqlite_url(tmp_path / "yuanjian.sqlite3"))

    async def prepare():
        await migrate.upgrade(database, (ledger.GUARD,))
        await database.close()

    asyncio.run(prepare())
    Vault(tmp_path / "secrets").ensure(NOON)
    return tmp_path


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_key_is_rotated(data, purpose):
    """The newest key afterwards is the one named."""
    done = RUN.invoke(app, ["rotate", purpose.value])
    vault = Vault(data / "secrets")
    vault.ensure(NOON)
    assert done.exit_code == 0
    assert vault.keys(purpose)[0].id in done.output


@pytest.mark.parametrize("which", ["codes", "ledger"])
def test_older_keys_are_forgotten(data, which):
    """After a rotation one key is left, and the command says how many went; the ledger's must have signed first."""
    RUN.invoke(app, ["rotate", which])
    if which == "ledger":
        assert RUN.invoke(ledger_cli.app, ["checkpoint"]).exit_code == 0
    done = RUN.invoke(app, ["forget", which])
    assert (done.exit_code, done.output.split()[0]) == (0, "1"), done.output
    vault = Vault(data / "secrets")
    vault.ensure(NOON)
    assert len(vault.keys(Purpose(which))) == 1


@pytest.mark.parametrize("which", ["seal", "names", "tls"])
def test_nothing_is_to_be_forgotten_of_others(data, which):
    """What is sealed anew leaves no older key, so there is no command for it."""
    assert RUN.invoke(app, ["forget", which]).exit_code == 2


def test_a_lost_secret_is_told(data):
    """Without a traceback, with exit code 2; nothing is made in its place."""
    (data / "secrets" / "seal.keys").unlink()
    done = RUN.invoke(app, ["rotate", "codes"])
    assert done.exit_code == 2
    assert "seal.keys is gone" in done.output
    assert not (data / "secrets" / "seal.keys").exists()


def test_tokens_are_made_listed_and_made_void(data):
    """A file only its owner reads; listed while valid; void after, and twice is told."""
    file = data / "token"
    made = RUN.invoke(token_cli.app, ["create", "--file", str(file), "--name", "nightly"])
    assert (made.exit_code, file.stat().st_mode & 0o777) == (0, 0o600)
    listed = RUN.invoke(token_cli.app, ["list"]).output
    assert "nightly" in listed
    assert file.read_text().strip() not in listed
    assert RUN.invoke(token_cli.app, ["revoke", listed.split()[0]]).exit_code == 0
    assert RUN.invoke(token_cli.app, ["list"]).output == ""
    assert RUN.invoke(token_cli.app, ["revoke", listed.split()[0]]).exit_code == 2


def test_the_first_administrator_comes_in_by_a_link(data):
    """An empty site is entered without any default password; the same login twice is told in one line."""
    wanted = ["first", "police", "--organisation", "临江市公安局", "--name", "何静", "--login", "he.jing"]
    made = RUN.invoke(account_cli.app, wanted)
    secret = made.output.rpartition("#")[2].strip()
    assert (made.exit_code, len(secret)) == (0, 43)

    async def enter():
        database, door = Database(sqlite_url(data / "yuanjian.sqlite3")), Door(passwords=Passwords(memory_kib=64))
        try:
            cookie, _ = await enrolment.enter(database, SystemClock(), door, secret=secret)
            return await logins.authenticate(database, SystemClock(), cookie)
        finally:
            await database.close()
            door.passwords.close()

    principal = asyncio.run(enter())
    assert (principal.name, principal.tree, principal.roles, principal.owes) == ("何静", "police", set(), "way")
    again = RUN.invoke(account_cli.app, wanted)
    assert again.exit_code == 2
    assert "in use" in again.output
