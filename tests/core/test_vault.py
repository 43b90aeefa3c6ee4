"""The site's secrets are made once, private, never defaults; a lost or weak one stops the start."""

import pytest

from core.errors import OperatorError
from core.vault import Purpose, Vault


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "secrets"


@pytest.fixture
def vault(directory, clock):
    made = Vault(directory)
    made.ensure(clock.now())
    return made


def opened(directory, clock):
    vault = Vault(directory)
    vault.ensure(clock.now())
    return vault


def test_first_start_makes_private_random_secrets(vault, directory, tmp_path, clock):
    """Each purpose has its own key in a file only this user reads; another site has others."""
    assert {path.stat().st_mode & 0o777 for path in directory.glob("*.keys")} == {0o600}
    other = opened(tmp_path / "other", clock)
    values = {v.keys(purpose)[0].value for v in (vault, other) for purpose in Purpose}
    assert len(values) == 2 * len(Purpose)


def test_a_second_start_reads_the_same(vault, directory, clock):
    """Nothing changes by starting again."""
    sealed = vault.seal(b"secret", "row:1")
    assert opened(directory, clock).unseal(sealed, "row:1") == b"secret"


def test_everything_lost_or_weak_is_told_at_once(vault, directory, clock):
    """A missing, an open, and a weak file stop the start in one message."""
    (directory / "seal.keys").unlink()
    (directory / "codes.keys").chmod(0o644)
    (directory / "ledger.keys").write_text("id 2026-01-01T00:00:00Z " + "A" * 43 + "=\n")
    with pytest.raises(OperatorError) as caught:
        opened(directory, clock)
    assert all(
        name in str(caught.value) for name in ("seal.keys is gone", "codes.keys can be read", "ledger.keys holds")
    )


@pytest.mark.parametrize("text", ["", "garbage", "a b", "a b !!!!", "id now QUJD\n"])
def test_a_file_that_holds_no_key_is_refused(vault, directory, clock, text):
    """An empty, cut or short secret is never used."""
    (directory / "seal.keys").write_text(text)
    with pytest.raises(OperatorError, match=r"seal\.keys"):
        opened(directory, clock)


def test_rotation_keeps_opening_and_forgetting_stops_it(vault, directory, clock):
    """Old boxes open after a rotation, are known as outdated, and are lost once the old key is destroyed."""
    old = vault.seal(b"secret", "row:1")
    vault.rotate(Purpose.SEAL, clock.now())
    again = opened(directory, clock)
    assert again.unseal(old, "row:1") == b"secret"
    assert again.outdated(old)
    new = again.seal(b"secret", "row:1")
    assert not again.outdated(new)
    assert again.forget_old(Purpose.SEAL) == 1
    assert again.unseal(new, "row:1") == b"secret"
    with pytest.raises(OperatorError):
        again.unseal(old, "row:1")


@pytest.mark.parametrize(
    "change", [lambda s: s[:-4] + "AAA=", lambda s: s.replace(".", "x."), lambda s: "", lambda s: s + "!"]
)
def test_an_altered_box_is_refused(vault, change):
    """Nothing comes out of a changed box."""
    sealed = vault.seal(b"secret", "row:1")
    with pytest.raises(OperatorError):
        vault.unseal(change(sealed), "row:1")


def test_a_box_belongs_to_its_row(vault):
    """Moved to another row it does not open."""
    with pytest.raises(OperatorError):
        vault.unseal(vault.seal(b"secret", "row:1"), "row:2")


def test_code_hashes_depend_on_code_context_and_key(vault, clock):
    """The same code elsewhere or under another key hashes otherwise; old hashes are found after a rotation."""
    first = vault.code_hashes("123456", "a")[0]
    assert first != vault.code_hashes("123456", "b")[0]
    assert first != vault.code_hashes("123457", "a")[0]
    vault.rotate(Purpose.CODES, clock.now())
    assert vault.code_hashes("123456", "a")[1] == first
