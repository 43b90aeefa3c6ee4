"""Changing the site's keys, and proving that the escrow key opens what it should.

A new wrapping key wraps every recording's data key again; ``keys.json``, whose digest is signed, stays as it is, the
new wraps stand in ``keys-NNNN.json`` beside it. A new signing key goes first in ``site.pub``; the old public key stays
there, for what it signed remains true.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from recordings import frames, keys
from recordings.chain import walk
from recordings.filesystem import Disk
from recordings.keys import PUBLIC, SIGNING, WRAPPING, FileKeys, KeyMissing
from recordings.layout import RecordingFiles, keys_dir, recordings_dir


def rotate_wrapping(data_dir: Path, disk: Disk) -> list[str]:
    """Make a new key-encryption key and wrap every data key to it; return the recordings wrapped again.

    The old key stays as ``site-kek-NNNN.pem`` until somebody removes it. Interrupted, it is run again. Raises
    ``KeyMissing`` and ``OSError``.
    """
    FileKeys(data_dir)
    directory = keys_dir(data_dir)
    number = len(list(directory.glob("site-kek-*.pem"))) + 1
    retired = directory / f"site-kek-{number:04d}.pem"
    fresh = directory / "site-kek.next"
    fresh.unlink(missing_ok=True)
    keys.write_private(fresh, X25519PrivateKey.generate())
    os.link(directory / WRAPPING, retired)
    disk.rename(fresh, directory / WRAPPING)
    return [files.root.name for files in _recordings(data_dir) if wrap_again(data_dir, files, disk)]


def wrap_again(data_dir: Path, files: RecordingFiles, disk: Disk) -> bool:
    """Wrap one recording's data key to today's recipients, unless it was erased; return whether it was wrapped."""
    site, recording = FileKeys(data_dir), files.root.name
    if not files.keys.exists():
        return False
    data_key = keys.load_data_key(site, files, recording)
    number = len(list(files.root.glob("keys-*.json"))) + 1
    document = keys.keys_document(recording, site.wrap(data_key, recording))
    disk.write_whole(files.root / f"keys-{number:04d}.json", document)
    return True


def rotate_signing(data_dir: Path, disk: Disk) -> str:
    """Make a new signing key; return its fingerprint, to be published. Takes that are open keep theirs."""
    old, directory = FileKeys(data_dir), keys_dir(data_dir)
    fresh = directory / "site-signing.next"
    fresh.unlink(missing_ok=True)
    private = Ed25519PrivateKey.generate()
    keys.write_private(fresh, private)
    public = private.public_key().public_bytes_raw()
    known = (directory / PUBLIC).read_text(encoding="ascii")
    assert keys.fingerprint(old.public()) in keys.read_trust(known)
    disk.write_whole(directory / PUBLIC, (keys.pem(public) + known).encode())
    disk.rename(fresh, directory / SIGNING)
    return keys.fingerprint(public)


@dataclass(frozen=True, slots=True)
class Opened:
    """Whether the escrow key opens one recording."""

    recording: str
    ok: bool


def escrow_test(data_dir: Path, private_pem: bytes) -> Iterator[Opened]:
    """Open every recording with the escrow key alone, down to one decrypted frame. Raises ``KeyMissing``."""
    try:
        private = load_pem_private_key(private_pem, password=None)
    except (ValueError, TypeError):
        private = None
    if not isinstance(private, X25519PrivateKey):
        raise KeyMissing("the escrow key is an X25519 private key in PEM")
    for files in _recordings(data_dir):
        if files.keys.is_file():
            yield Opened(files.root.name, _opens(files, private))


def _opens(files: RecordingFiles, private: X25519PrivateKey) -> bool:
    recording = files.root.name
    if not files.chain.is_file():
        return False
    try:
        data_key = keys.open_wrap(private, keys.all_wraps(files), recording)
        body = next(walk(files.chain.read_bytes()).signed("frame"), None)
        if body is None:
            return True
        if body["segment"] not in files.segments():
            return False
        with files.segment(body["segment"]).open("rb") as file:
            file.seek(body["offset"])
            frames.open_frame(data_key, frames.recording_tag(recording), file.read(body["length"]))
    except (KeyMissing, OSError, frames.FrameError):
        return False
    return True


def _recordings(data_dir: Path) -> Iterator[RecordingFiles]:
    for root in sorted(recordings_dir(data_dir).glob("*")):
        if (root / "chain.jsonl").exists():
            yield RecordingFiles(root)
