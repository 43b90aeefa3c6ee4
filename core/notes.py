"""Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint): text that anybody with the key can check.

A verifier key is written ``name+hash+base64(1 || Ed25519 public key)``; a checkpoint has three lines: origin, size,
root.
"""

import base64
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_ED25519 = b"\x01"
_LARGEST = 1 << 62


class NoteInvalid(ValueError):
    """A note, key or checkpoint is malformed, or not signed by the key asked for."""


@dataclass(frozen=True)
class Checkpoint:
    """A signed head of a log."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True)
class Verifier:
    """A public key with the name under which it signs."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> "Verifier":
        """Read ``name+hash+key``. Raises ``NoteInvalid``."""
        try:
            name, key_hash, key64 = text.strip().split("+", 2)
            raw = base64.b64decode(key64, validate=True)
        except ValueError:
            raise NoteInvalid("not a verifier key: it reads name+hash+key") from None
        made = cls(name, raw[1:])
        if raw[:1] != _ED25519 or len(raw) != 33 or not name or made.id.hex() != key_hash:
            raise NoteInvalid("not a verifier key for Ed25519, or damaged")
        return made

    @property
    def id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"

    def open(self, note: str) -> str:
        """Return the text that this key signed. Raises ``NoteInvalid``."""
        text, blank, signatures = note.rpartition("\n\n")
        if not blank:
            raise NoteInvalid("the note has no signature")
        text += "\n"
        for line in signatures.splitlines():
            if self._signed(text, line):
                return text
        raise NoteInvalid(f"the note is not signed by {self.name}")

    def _signed(self, text: str, line: str) -> bool:
        dash, _, rest = line.partition(" ")
        name, _, signature64 = rest.partition(" ")
        if dash != "—" or name != self.name:
            return False
        try:
            raw = base64.b64decode(signature64, validate=True)
            Ed25519PublicKey.from_public_bytes(self.public).verify(raw[4:], text.encode())
        except (ValueError, InvalidSignature):
            return False
        return raw[:4] == self.id


class Signer:
    """A private key with the name under which it signs."""

    def __init__(self, name: str, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.verifier = Verifier(name, public)

    def line(self, text: str) -> str:
        """The signature line over ``text``."""
        raw = self.verifier.id + self._key.sign(text.encode())
        return f"— {self.verifier.name} {base64.b64encode(raw).decode()}\n"

    def sign(self, text: str) -> str:
        """The note of ``text``, which ends with a line feed."""
        return f"{text}\n{self.line(text)}"


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint. Raises ``NoteInvalid``."""
    lines = text.split("\n")
    try:
        origin, size, root = lines[0], lines[1], base64.b64decode(lines[2], validate=True)
        count = int(size)
    except (IndexError, ValueError):
        raise NoteInvalid("not a checkpoint: it has origin, size and root") from None
    if not origin or str(count) != size or not 0 <= count < _LARGEST or len(root) != 32:
        raise NoteInvalid("not a checkpoint: origin, size or root cannot be")
    return Checkpoint(origin, count, root)


def open_checkpoint(note: str, verifier: Verifier) -> Checkpoint:
    """The checkpoint that ``verifier`` signed, whose origin is its name. Raises ``NoteInvalid``."""
    found = parse_checkpoint(verifier.open(note))
    if found.origin != verifier.name:
        raise NoteInvalid("the checkpoint belongs to another log")
    return found
