"""The site's own secrets: made at the first start, never defaults, each rotatable, readable by this user alone.

One file per purpose in the secrets directory, a line per key, newest first: ``id created base64(32 bytes)``. Old keys
open what they sealed until it is sealed anew. A secret that was there once and is gone stops the start.
"""

import base64
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import OperatorError

_WRITTEN = "%Y-%m-%dT%H:%M:%SZ"
_MADE = "made"
"""File that names the purposes ever made here."""


class Purpose(StrEnum):
    """What a secret is for; each has keys of its own."""

    SEAL = "seal"
    """AES-256-GCM over secrets and contacts that the database must hold."""
    NAMES = "names"
    """AES-256-GCM over the real names of protected persons: the secret volume (MPS 76), apart from everything else."""
    CODES = "codes"
    """HMAC-SHA-256 over codes too short to be hashed alone."""
    LEDGER = "ledger"
    """Ed25519 seed that signs checkpoints of the ledger."""


@dataclass(frozen=True)
class Key:
    """One key of a purpose."""

    id: str
    created: str
    value: bytes

    @property
    def made(self) -> datetime:
        return datetime.strptime(self.created, _WRITTEN).replace(tzinfo=UTC)

    def line(self) -> str:
        return f"{self.id} {self.created} {base64.b64encode(self.value).decode()}\n"


class Vault:
    """The secrets of one directory, read once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._keys: dict[Purpose, tuple[Key, ...]] = {}

    def ensure(self, now: datetime) -> None:
        """Make what never was and read the rest. Raises ``OperatorError`` with everything missing or weak at once."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = self._made()
        mistakes = []
        for purpose in Purpose:
            try:
                if purpose not in made and not self._path(purpose).exists():
                    self._write(purpose, (_new(now),))
                self._keys[purpose] = self._read(purpose)
            except OperatorError as error:
                mistakes.append(str(error))
        if mistakes:
            raise OperatorError("secrets are missing or weak:\n  " + "\n  ".join(mistakes))
        if made != set(Purpose):
            _replace(self._directory / _MADE, "".join(f"{purpose}\n" for purpose in Purpose))

    def keys(self, purpose: Purpose) -> tuple[Key, ...]:
        """The keys of a purpose, newest first."""
        return self._keys[purpose]

    def rotate(self, purpose: Purpose, now: datetime) -> str:
        """Make a new key the newest and return its id; the older ones still open what they sealed."""
        self._keys[purpose] = (_new(now), *self._keys[purpose])
        self._write(purpose, self._keys[purpose])
        return self._keys[purpose][0].id

    def forget_old(self, purpose: Purpose) -> int:
        """Destroy all keys but the newest, after everything was sealed anew; return how many."""
        old = len(self._keys[purpose]) - 1
        self._keys[purpose] = self._keys[purpose][:1]
        self._write(purpose, self._keys[purpose])
        return old

    def seal(self, plain: bytes, context: str, purpose: Purpose = Purpose.SEAL) -> str:
        """Encrypt for the database; ``context`` (table and row) and ``purpose`` must be the same when opening."""
        key, nonce = self._keys[purpose][0], os.urandom(12)
        box = nonce + AESGCM(key.value).encrypt(nonce, plain, context.encode())
        return f"{key.id}.{base64.b64encode(box).decode()}"

    def unseal(self, sealed: str, context: str, purpose: Purpose = Purpose.SEAL) -> bytes:
        """Open what ``seal`` made. Raises ``OperatorError`` for a lost key, another context or an altered box."""
        key_id, _, box64 = sealed.partition(".")
        key = next((key for key in self._keys[purpose] if key.id == key_id), None)
        if key is None:
            raise OperatorError(f"the sealing key {key_id} is not in {self._directory}: restore it from backup")
        try:
            box = base64.b64decode(box64, validate=True)
            return AESGCM(key.value).decrypt(box[:12], box[12:], context.encode())
        except (ValueError, InvalidTag):
            raise OperatorError("something sealed was altered, or belongs elsewhere") from None

    def outdated(self, sealed: str, purpose: Purpose = Purpose.SEAL) -> bool:
        """Whether something was sealed with an older key than the newest."""
        return not sealed.startswith(self._keys[purpose][0].id + ".")

    def code_hashes(self, code: str, context: str) -> tuple[str, ...]:
        """Keyed hashes of a short code under every key, newest first: store the first, look up any."""
        said = f"{context}\0{code}".encode()
        return tuple(hmac.digest(key.value, said, hashlib.sha256).hex() for key in self._keys[Purpose.CODES])

    def _made(self) -> set[str]:
        try:
            return set((self._directory / _MADE).read_text(encoding="ascii").split())
        except FileNotFoundError:
            return set()

    def _path(self, purpose: Purpose) -> Path:
        return self._directory / f"{purpose}.keys"

    def _write(self, purpose: Purpose, keys: tuple[Key, ...]) -> None:
        _replace(self._path(purpose), "".join(key.line() for key in keys))

    def _read(self, purpose: Purpose) -> tuple[Key, ...]:
        path = self._path(purpose)
        try:
            if path.stat().st_mode & 0o077:
                raise OperatorError(f"{path} can be read by others: chmod 600 it, then rotate it")
            keys = tuple(_parse(line) for line in path.read_text(encoding="ascii").splitlines() if line.strip())
        except FileNotFoundError:
            raise OperatorError(f"{path} is gone: restore it from backup") from None
        except (ValueError, UnicodeDecodeError, OSError):
            raise OperatorError(f"{path} cannot be read as keys: restore it from backup") from None
        if not keys or any(len(key.value) != 32 or len(set(key.value)) < 8 for key in keys):
            raise OperatorError(f"{path} holds no key, or a weak one: restore it from backup")
        return keys


def _new(now: datetime) -> Key:
    return Key(secrets.token_hex(4), now.strftime(_WRITTEN), os.urandom(32))


def _parse(line: str) -> Key:
    key_id, created, value = line.split()
    return Key(key_id, created, base64.b64decode(value, validate=True))


def _replace(path: Path, text: str) -> None:
    """Write durably and at once: there is always a whole file, private to this user."""
    beside = path.with_suffix(path.suffix + ".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
