"""Keys of the site and of a recording.

The site has two: a signing key (Ed25519) that certifies each take's own key, and a key-encryption key (X25519) to
which every recording's data key is wrapped by HPKE (RFC 9180). ``SiteKeys`` is the port; ``FileKeys`` keeps both in
files of mode 0600 under ``data_dir/keys``.
"""

import base64
import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from core.errors import OperatorError
from recordings.canonical import canonical, parsed
from recordings.layout import RecordingFiles, keys_dir, recordings_dir

SUITE = "HPKE-X25519-HKDF-SHA256-AES-256-GCM"
_HPKE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_RAW = (ser.Encoding.Raw, ser.PublicFormat.Raw)


class KeyMissing(OperatorError):
    """A key that is needed is not there, or does not fit."""


class SiteKeys(Protocol):
    """What a carrier of the site's keys can do; the private halves never leave it."""

    def public(self) -> bytes:
        """The signing key's public half, 32 raw bytes."""

    def sign(self, message: bytes) -> bytes:
        """Ed25519 signature of 64 bytes. Raises ``KeyMissing``."""

    def wrap(self, data_key: bytes, recording: str) -> list[dict[str, str]]:
        """The data key wrapped to each recipient, as ``keys.json`` lists them."""

    def unwrap(self, wraps: Sequence[Mapping[str, Any]], recording: str) -> bytes:
        """The data key, from whichever wrap is ours. Raises ``KeyMissing``."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """A public key to which data keys are wrapped; ``name`` is ``site`` or ``escrow``."""

    name: str
    public: bytes

    def wrap(self, data_key: bytes, recording: str) -> dict[str, str]:
        sealed = _HPKE.encrypt(data_key, X25519PublicKey.from_public_bytes(self.public), wrap_info(recording))
        return {
            "to": self.name,
            "key": hashlib.sha256(self.public).hexdigest(),
            "suite": SUITE,
            "sealed": base64.b64encode(sealed).decode(),
        }


def wrap_info(recording: str) -> bytes:
    """HPKE's ``info``: a wrap of one recording cannot pass for another's."""
    return b"yuanjian/wrap/1\n" + recording.encode()


def open_wrap(private: X25519PrivateKey, wraps: Sequence[Mapping[str, Any]], recording: str) -> bytes:
    """Open the wrap made for ``private``'s public half. Raises ``KeyMissing``."""
    ours = hashlib.sha256(private.public_key().public_bytes(*_RAW)).hexdigest()
    for wrap in wraps:
        if wrap.get("key") == ours and wrap.get("suite") == SUITE:
            try:
                return _HPKE.decrypt(base64.b64decode(str(wrap.get("sealed"))), private, wrap_info(recording))
            except (InvalidTag, ValueError):
                raise KeyMissing("the wrapped data key of this recording is damaged") from None
    raise KeyMissing("the data key of this recording is not wrapped to any key kept here")


def keys_document(recording: str, wraps: Iterable[Mapping[str, str]]) -> bytes:
    """The bytes of ``keys.json``."""
    return canonical({"v": 1, "recording": recording, "wraps": [dict(wrap) for wrap in wraps]}) + b"\n"


def load_data_key(site: SiteKeys, files: RecordingFiles, recording: str) -> bytes:
    """The data key of a recording from its newest wraps. Raises ``KeyMissing``."""
    return site.unwrap(all_wraps(files), recording)


def all_wraps(files: RecordingFiles) -> list[Mapping[str, Any]]:
    """Every wrap of a recording's data key, newest first."""
    documents = [*sorted(files.root.glob("keys-*.json"), reverse=True), files.keys]
    return [wrap for path in documents for wrap in _read_wraps(path)]


def _read_wraps(path: Path) -> list[Mapping[str, Any]]:
    try:
        document = parsed(path.read_bytes())
    except (OSError, ValueError):
        return []
    wraps = document.get("wraps") if isinstance(document, dict) else None
    return [wrap for wrap in wraps if isinstance(wrap, dict)] if isinstance(wraps, list) else []


def decode(value: object) -> bytes:
    """Base64 as bytes; empty for anything else."""
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except ValueError:
        return b""


def decode_key(value: object) -> bytes:
    """Thirty-two bytes of base64; empty for anything else."""
    key = decode(value)
    return key if len(key) == 32 else b""


def spki(public: bytes) -> bytes:
    """An Ed25519 public key as DER SubjectPublicKeyInfo (RFC 8410)."""
    return bytes.fromhex("302a300506032b6570032100") + public


def fingerprint(public: bytes) -> str:
    """Hex SHA-256 of the key's SubjectPublicKeyInfo, as ``openssl pkey -pubin -outform DER | sha256sum`` prints."""
    return hashlib.sha256(spki(public)).hexdigest()


def pem(public: bytes) -> str:
    """An Ed25519 public key as ``openssl`` reads it."""
    body = base64.b64encode(spki(public)).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"


def is_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether ``signature`` is the Ed25519 signature of ``message`` by ``public``. Never raises."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def erasure(recording: str, digest: str, at: str, reason: str) -> bytes:
    """The message by which the site states that it destroyed the keys of a recording."""
    return canonical({"v": 1, "type": "erased", "recording": recording, "keys": digest, "at": at, "reason": reason})


ERASURE_DOMAIN = b"yuanjian/erased/1\n"


def check_erasure(raw: bytes, recording: str, digest: str, sites: Sequence[bytes]) -> bool:
    """Whether ``raw`` holds such a statement for this recording and these keys, signed by one of ``sites``."""
    text, _, coded = raw.rstrip(b"\n").partition(b"\t")
    try:
        body, signature = parsed(text), base64.b64decode(coded, validate=True)
    except ValueError:
        return False
    fits = isinstance(body, dict) and (body.get("recording"), body.get("keys")) == (recording, digest)
    return fits and any(is_signed(site, signature, ERASURE_DOMAIN + text) for site in sites)


_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----(.+?)-----END PUBLIC KEY-----", re.DOTALL)
_FINGERPRINT = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def read_trust(text: str) -> frozenset[str]:
    """Fingerprints a trust file holds: of its PEM public keys, or written out as 64 hex digits."""
    found = set()
    for block in _PEM.findall(text):
        try:
            der = base64.b64decode("".join(block.split()), validate=True)
        except ValueError:
            continue
        found.add(hashlib.sha256(der).hexdigest())
    return frozenset(found | set(_FINGERPRINT.findall(_PEM.sub("", text).replace(":", "").lower())))


def first_public(text: str) -> bytes:
    """The first Ed25519 public key (PEM) of a text, 32 raw bytes; empty when there is none."""
    found = publics(text)
    return found[0] if found else b""


def publics(text: str) -> list[bytes]:
    """The Ed25519 public keys (PEM) of a text, in order."""
    found = []
    for block in _PEM.findall(text):
        der = decode("".join(block.split()))
        if der[:-32] == spki(b""):
            found.append(der[-32:])
    return found


SIGNING = "site-signing.pem"
WRAPPING = "site-kek.pem"
PUBLIC = "site.pub"
ESCROW = "escrow.pub"
RETIRED = "site-kek-*.pem"


def site_trust(data_dir: Path) -> frozenset[str]:
    """Fingerprints of the site keys a data directory belongs to, newest and retired; empty when there is none."""
    try:
        return read_trust((keys_dir(data_dir) / PUBLIC).read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError):
        return frozenset()


def site_publics(data_dir: Path) -> list[bytes]:
    """The site's public keys, newest first. Raises ``OSError``."""
    return publics((keys_dir(data_dir) / PUBLIC).read_text(encoding="ascii"))


class FileKeys:
    """Site keys in files. Made by ``ensure`` at the very first start, opened afterwards."""

    def __init__(self, data_dir: Path) -> None:
        """Raises ``KeyMissing`` when a key file is absent or unreadable."""
        self._dir = keys_dir(data_dir)
        signing = _load(self._dir / SIGNING)
        wrapping = [_load(self._dir / WRAPPING), *map(_load, sorted(self._dir.glob(RETIRED)))]
        if not isinstance(signing, Ed25519PrivateKey):
            raise KeyMissing(f"{SIGNING} is not an Ed25519 key")
        self._signing = signing
        self._wrapping = [key for key in wrapping if isinstance(key, X25519PrivateKey)]
        if len(self._wrapping) != len(wrapping):
            raise KeyMissing(f"{WRAPPING} is not an X25519 key")
        self._recipients = [Recipient("site", self._wrapping[0].public_key().public_bytes(*_RAW))]
        self._recipients += _escrow(self._dir / ESCROW)

    @classmethod
    def ensure(cls, data_dir: Path) -> "FileKeys":
        """Open the keys, making them first when this data directory has never held any.

        Raises ``KeyMissing`` when keys are gone though recordings or a public key are there: new keys made in
        silence would orphan every recording.
        """
        directory = keys_dir(data_dir)
        if not (directory / SIGNING).exists() and not (directory / PUBLIC).exists():
            if any(recordings_dir(data_dir).glob("*/chain.jsonl")):
                raise KeyMissing(f"{directory} holds no site keys though there are recordings: restore it from backup")
            _create(directory)
        return cls(data_dir)

    def public(self) -> bytes:
        return self._signing.public_key().public_bytes(*_RAW)

    def sign(self, message: bytes) -> bytes:
        if not (self._dir / SIGNING).exists():
            raise KeyMissing("the site's signing key has been taken away")
        return self._signing.sign(message)

    def wrap(self, data_key: bytes, recording: str) -> list[dict[str, str]]:
        return [recipient.wrap(data_key, recording) for recipient in self._recipients]

    def unwrap(self, wraps: Sequence[Mapping[str, Any]], recording: str) -> bytes:
        for private in self._wrapping[:-1]:
            try:
                return open_wrap(private, wraps, recording)
            except KeyMissing:
                continue
        return open_wrap(self._wrapping[-1], wraps, recording)


def read_x25519_public(text: str) -> bytes:
    """The raw key of a PEM X25519 public key. Raises ``KeyMissing``."""
    try:
        key = ser.load_pem_public_key(text.encode())
    except ValueError:
        key = None
    if not isinstance(key, X25519PublicKey):
        raise KeyMissing("an escrow key is an X25519 public key in PEM: openssl genpkey -algorithm X25519")
    return key.public_bytes(*_RAW)


def write_private(path: Path, key: Ed25519PrivateKey | X25519PrivateKey) -> None:
    """Write a new key file of mode 0600, durable on return. Raises ``FileExistsError``."""
    data = key.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.NoEncryption())
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    _write(beside, data, 0o600)
    try:
        os.link(beside, path)
    finally:
        beside.unlink()


def _create(directory: Path) -> None:
    """Make both keys. Several processes may start at once: the first to link its file wins, all use that."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, key in ((WRAPPING, X25519PrivateKey.generate()), (SIGNING, Ed25519PrivateKey.generate())):
        try:
            write_private(directory / name, key)
        except FileExistsError:
            continue
    signing = _load(directory / SIGNING)
    assert isinstance(signing, Ed25519PrivateKey)
    beside = directory / f".{PUBLIC}.{os.getpid()}"
    _write(beside, pem(signing.public_key().public_bytes(*_RAW)).encode(), 0o644)
    beside.replace(directory / PUBLIC)
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _escrow(path: Path) -> list[Recipient]:
    return [Recipient("escrow", read_x25519_public(path.read_text(encoding="ascii")))] if path.exists() else []


def _load(path: Path) -> object:
    try:
        return ser.load_pem_private_key(path.read_bytes(), password=None)
    except OSError:
        raise KeyMissing(f"{path} cannot be read") from None
    except (ValueError, TypeError):
        raise KeyMissing(f"{path} is not a private key in PEM without a password") from None


def _write(path: Path, data: bytes, mode: int) -> None:
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        os.write(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
