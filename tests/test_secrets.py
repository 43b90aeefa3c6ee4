"""Every secret of a site that was started is on the list, and every one on the list can be replaced."""

import asyncio
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from sqlalchemy.ext.asyncio import AsyncSession
from typer.testing import CliRunner

import main
from core import checkpoints, config, ledger, secret_files, tls
from core.checkpoints import Log
from core.clock import FakeClock
from core.config import Settings
from core.database import Database
from core.errors import OperatorError
from core.secret_files import SecretFile
from core.vault import Purpose, Vault
from people import registry, resealing
from people.models import Invitation
from recordings import keys as site_keys
from recordings.keys import FileKeys
from tests.conftest import NOON

RUN = CliRunner()
NOT_SECRETS = {
    "secrets/made": "names of what was made",
    "run": "sockets and the settings, which the operator typed in",
}
"""Files closed to others that hold no secret the site made."""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory as the very first start leaves it, with HTTPS on the LAN."""
    data = tmp_path_factory.mktemp("site") / "var"
    settings = Settings(data_dir=data)
    config.prepare(settings)
    asyncio.run(main._prepare_database(settings))
    tls.ensure(data / "tls", ("192.0.2.7", "localhost"), NOON)
    return data


@pytest.fixture
def data(started: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy to change, which commands find by themselves."""
    place = tmp_path / "var"
    shutil.copytree(started, place)
    monkeypatch.setenv("YUANJIAN_DATA_DIR", str(place))
    return place


def test_no_secret_is_missing_from_the_list(data: Path) -> None:
    """What the first start closed to others, but for the database, is on the list; nothing else holds a key."""
    listed = {path for _, path, _ in secret_files.found(data, data / "secrets")}
    kept = {path for path in data.rglob("*") if path.is_file() and not stat.S_IMODE(path.stat().st_mode) & 0o077}
    names = {path.relative_to(data).as_posix() for path in kept - listed}
    assert not {name for name in names if name not in NOT_SECRETS and not name.startswith(("run/", "yuanjian.sqlite3"))}
    assert listed <= kept
    for row in secret_files.TABLE:
        assert any(found is row for found, _, _ in secret_files.found(data, data / "secrets")), row.pattern
    for path in data.rglob("*"):
        if path.is_file() and path not in listed and "sqlite3" not in path.name:
            assert b"PRIVATE KEY" not in path.read_bytes(), path


def test_the_list_is_printed_with_its_commands(data: Path) -> None:
    """Each with the words that replace it; one that others can read is told, and ends the command with 1."""
    said = RUN.invoke(main.app, ["secrets", "list"])
    assert said.exit_code == 0
    for row in secret_files.TABLE:
        assert f"yuanjian {' '.join(row.command)} " in said.output
    (data / "keys" / "site-kek.pem").chmod(0o644)
    said = RUN.invoke(main.app, ["secrets", "list"])
    assert (said.exit_code, said.output.count("OPEN TO OTHERS")) == (1, 1)


# What goes on after each: prepared before, asked after


def _sealed(data: Path) -> Callable[[], None]:
    vault, settings = Vault(data / "secrets"), Settings(data_dir=data)
    vault.ensure(NOON)
    old = vault.seal(b"13800138000", "invitation:i")

    async def add() -> None:
        database = Database(settings.database)
        async with database.transaction() as tx:
            await _invited(tx, contact=old)
        await database.close()

    async def read() -> str:
        database = Database(settings.database)
        async with database.transaction(write=False) as tx:
            found = await tx.get_one(Invitation, "i")
        await database.close()
        return str(found.contact)

    asyncio.run(add())

    def check() -> None:
        now = Vault(data / "secrets")
        now.ensure(NOON)
        assert now.unseal(asyncio.run(read()), "invitation:i") == b"13800138000"
        with pytest.raises(OperatorError):
            now.unseal(old, "invitation:i")

    return check


async def _invited(tx: AsyncSession, **sealed: str) -> None:
    """An invitation with something sealed in one of its columns."""
    clock = FakeClock(NOON)
    unit = await registry.add_organisation(tx, clock, kind="bureau", name="局", tree="police")
    officer = await registry.add_person(tx, clock, organisation=unit.id, name="某")
    values = {"session": "s", "party": "p", "role": "witness", "name": "某", "officer_name": "某", "secret": "x"}
    values |= {"officer": officer.id, "officer_number": "1", "unit": "局", "unit_phone": "1"}
    tx.add(Invitation(id="i", **(values | sealed), valid_from=NOON, valid_until=NOON, created=NOON))


def _named(data: Path) -> Callable[[], None]:
    vault = Vault(data / "secrets")
    vault.ensure(NOON)
    old = vault.seal(b"x", "protected:p", Purpose.NAMES)

    def check() -> None:
        now = Vault(data / "secrets")
        now.ensure(NOON)
        assert len(now.keys(Purpose.NAMES)) == 1
        with pytest.raises(OperatorError):
            now.unseal(old, "protected:p", Purpose.NAMES)

    return check


def _hashed(data: Path) -> Callable[[], None]:
    vault = Vault(data / "secrets")
    vault.ensure(NOON)
    printed = vault.code_hashes("K7QM-2W9T", "short")[0]

    def check() -> None:
        now = Vault(data / "secrets")
        now.ensure(NOON)
        assert printed in now.code_hashes("K7QM-2W9T", "short")
        assert printed != now.code_hashes("K7QM-2W9T", "short")[0]

    return check


def _checkpointed(data: Path) -> Callable[[], None]:
    settings = Settings(data_dir=data)

    async def advance() -> tuple[int, str]:
        database, vault = Database(settings.database), Vault(data / "secrets")
        vault.ensure(NOON)
        log = Log(database, settings.ledger_dir, vault)
        async with database.transaction() as tx:
            await ledger.append(tx, "test.done", actor="a", subject="s", at=NOON)
        head = await log.advance(FakeClock(NOON))
        await database.close()
        return head.size, (settings.ledger_dir / checkpoints.KEY_FILE).read_text(encoding="ascii")

    size, key = asyncio.run(advance())

    def check() -> None:
        later, other = asyncio.run(advance())
        assert later > size
        assert other != key

    return check


def _wrapped(data: Path) -> Callable[[], None]:
    wraps = FileKeys(data).wrap(b"k" * 32, "r")
    return lambda: _assert(FileKeys(data).unwrap(wraps, "r") == b"k" * 32)


def _signing(data: Path) -> Callable[[], None]:
    old = site_keys.fingerprint(FileKeys(data).public())

    def check() -> None:
        trusted = site_keys.read_trust((data / "keys" / "site.pub").read_text(encoding="ascii"))
        assert {old, site_keys.fingerprint(FileKeys(data).public())} <= trusted

    return check


def _server(data: Path) -> Callable[[], None]:
    authority = x509.load_pem_x509_certificate((data / "tls" / "ca.crt").read_bytes())

    def check() -> None:
        leaf = x509.load_pem_x509_certificate((data / "tls" / "server.crt").read_bytes())
        leaf.verify_directly_issued_by(authority)
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert {str(name.value) for name in names} == {"192.0.2.7", "localhost"}
        tls.server_context(data / "tls" / "server.crt", data / "tls" / "server.key")

    return check


def _authority(data: Path) -> Callable[[], None]:
    old = x509.load_pem_x509_certificate((data / "tls" / "ca.crt").read_bytes())

    def check() -> None:
        now = x509.load_pem_x509_certificate((data / "tls" / "ca.crt").read_bytes())
        assert now.public_key() != old.public_key()
        leaf = x509.load_pem_x509_certificate((data / "tls" / "server.crt").read_bytes())
        leaf.verify_directly_issued_by(now)

    return check


def _assert(holds: bool) -> None:
    assert holds


GOES_ON: dict[str, Callable[[Path], Callable[[], None]]] = {
    "secrets/seal.keys": _sealed,
    "secrets/names.keys": _named,
    "secrets/codes.keys": _hashed,
    "secrets/ledger.keys": _checkpointed,
    "keys/site-signing.pem": _signing,
    "keys/site-kek*.pem": _wrapped,
    "tls/server.key": _server,
    "tls/ca.key": _authority,
}


@pytest.mark.parametrize("row", secret_files.TABLE, ids=lambda row: row.pattern)
def test_each_is_replaced_by_its_command_and_the_rest_goes_on(data: Path, row: SecretFile) -> None:
    """The newest key differs, is closed to others, and what the table promises still works."""
    check = GOES_ON[row.pattern](data)
    newest = next(path for found, path, _ in secret_files.found(data, data / "secrets") if found is row)
    before = newest.read_bytes()
    done = RUN.invoke(main.app, list(row.command))
    assert done.exit_code == 0, done.output
    assert newest.read_bytes().splitlines()[0:2] != before.splitlines()[0:2]
    assert not stat.S_IMODE(newest.stat().st_mode) & 0o077
    check()


def test_a_key_is_not_destroyed_while_something_is_under_it(data: Path) -> None:
    """A column the rotation does not know of stops it, and the old key still opens everything."""
    settings, clock, vault = Settings(data_dir=data), FakeClock(NOON), Vault(data / "secrets")
    vault.ensure(NOON)
    old = vault.seal(b"elsewhere", "x")

    async def run() -> None:
        database = Database(settings.database)
        async with database.transaction() as tx:
            await _invited(tx, name=old)
        try:
            with pytest.raises(OperatorError, match=r"invitations\.name"):
                await resealing.rotate(database, clock, vault, Purpose.SEAL)
        finally:
            await database.close()

    asyncio.run(run())
    again = Vault(data / "secrets")
    again.ensure(NOON)
    assert again.unseal(old, "x") == b"elsewhere"
