"""Site keys in files, wraps, and what a trust file may hold."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from recordings import keys
from recordings.keys import FileKeys, KeyMissing


def test_keys_are_made_once_with_mode_0600(tmp_path):
    """The first start makes them, the second opens them; nobody else can read the private ones."""
    first, second = FileKeys.ensure(tmp_path), FileKeys.ensure(tmp_path)
    assert first.public() == second.public()
    for name in ("site-signing.pem", "site-kek.pem"):
        assert stat.S_IMODE((tmp_path / "keys" / name).stat().st_mode) == 0o600


def test_processes_that_start_together_agree(tmp_path):
    """Whoever comes second uses what the first made."""
    code = (
        "import sys; from pathlib import Path; from recordings.keys import FileKeys; "
        "print(FileKeys.ensure(Path(sys.argv[1])).public().hex())"
    )
    with ThreadPoolExecutor(4) as pool:
        runs = pool.map(
            lambda _: subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True),
            range(4),
        )
        assert len({run.stdout for run in runs}) == 1


def test_lost_keys_are_not_replaced_in_silence(tmp_path):
    """Where recordings or a public key are, missing keys stop the start and say what to do."""
    FileKeys.ensure(tmp_path)
    (tmp_path / "keys" / "site-signing.pem").unlink()
    with pytest.raises(KeyMissing):
        FileKeys.ensure(tmp_path)
    (tmp_path / "keys" / "site.pub").unlink()
    (tmp_path / "recordings" / "rec-1").mkdir(parents=True)
    (tmp_path / "recordings" / "rec-1" / "chain.jsonl").touch()
    with pytest.raises(KeyMissing, match="backup"):
        FileKeys.ensure(tmp_path)


def test_a_wrap_opens_for_its_recording_only(tmp_path):
    """A wrap moved to another recording, or altered, opens nothing."""
    site, key = FileKeys.ensure(tmp_path), os.urandom(32)
    wraps = site.wrap(key, "rec-1")
    assert site.unwrap(wraps, "rec-1") == key
    with pytest.raises(KeyMissing):
        site.unwrap(wraps, "rec-2")
    with pytest.raises(KeyMissing):
        site.unwrap([{**wraps[0], "sealed": "AAAA"}], "rec-1")
    with pytest.raises(KeyMissing):
        site.unwrap([], "rec-1")


def test_the_fingerprint_is_what_openssl_prints(tmp_path):
    """Anybody can compute it by hand."""
    site = FileKeys.ensure(tmp_path)
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", str(tmp_path / "keys" / "site.pub"), "-outform", "DER"],
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    import hashlib

    assert hashlib.sha256(der).hexdigest() == keys.fingerprint(site.public())


def test_trust_files_hold_pem_or_fingerprints(tmp_path):
    """Several of either kind, with colons, comments and rubbish around."""
    public = os.urandom(32)
    mark = keys.fingerprint(public)
    spaced = ":".join(mark[i : i + 2] for i in range(0, 64, 2)).upper()
    for text in (keys.pem(public), f"# our site\n{mark}\n", f"{spaced}\n", "rubbish\n" + keys.pem(public) + mark):
        assert keys.read_trust(text) == {mark}
    assert keys.read_trust("-----BEGIN PUBLIC KEY-----\n!!\n-----END PUBLIC KEY-----\n") == frozenset()
