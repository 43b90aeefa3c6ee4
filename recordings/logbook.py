"""Log entries of a session: what the chain shows of one, and the whole of it, encrypted, for ``log.jsonl``.

The chain holds the public members and a salted commitment for each private one. The whole entry with its salts is
personal data and therefore stored under the recording's data key: crypto-erase takes it with the media, the
commitments stay and tell nothing.
"""

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from recordings.canonical import canonical, instant, parsed
from recordings.chain import b64, sha256
from recordings.frames import FrameError, derive, recording_tag

_DOMAIN = b"yuanjian/log/1\n"
_COMMIT = b"yuanjian/commit/1\n"
_NONCE = bytes(12)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a session's log, made only of what JSON has."""

    number: int
    at: datetime
    public: Mapping[str, Any]
    private: Mapping[str, Any]


def commitment(name: str, value: Any, salt: bytes) -> str:
    """Hex SHA-256 that binds to a member without telling it."""
    return hashlib.sha256(_COMMIT + salt + canonical({"name": name, "value": value})).hexdigest()


def seal_entry(key: bytes, recording: str, entry: Entry) -> tuple[bytes, dict[str, Any]]:
    """Return the line for ``log.jsonl`` and the members of the chain's ``log`` record."""
    salts = {name: os.urandom(32) for name in entry.private}
    whole = {
        "number": entry.number,
        "at": instant(entry.at),
        "public": entry.public,
        "private": entry.private,
        "salts": {name: b64(salt) for name, salt in salts.items()},
    }
    salt, info = os.urandom(16), _info(recording, entry.number)
    sealed = salt + AESGCM(derive(key, salt, info)).encrypt(_NONCE, canonical(whole), info)
    line = canonical({"number": entry.number, "sealed": b64(sealed)}) + b"\n"
    members = {
        "number": entry.number,
        "entry_at": instant(entry.at),
        "public": entry.public,
        "private": {name: commitment(name, entry.private[name], salts[name]) for name in entry.private},
        "stored": sha256(line),
    }
    return line, members


def open_entry(key: bytes, recording: str, line: bytes) -> dict[str, Any]:
    """Return the whole entry of one line: ``number``, ``at``, ``public``, ``private``, ``salts``.

    Raises ``FrameError``.
    """
    try:
        outer = parsed(line)
        sealed = base64.b64decode(outer["sealed"], validate=True)
        info = _info(recording, int(outer["number"]))
        plain = AESGCM(derive(key, sealed[:16], info)).decrypt(_NONCE, sealed[16:], info)
    except (ValueError, KeyError, TypeError, OverflowError):
        raise FrameError("frame-malformed") from None
    except InvalidTag:
        raise FrameError("frame-altered") from None
    entry: dict[str, Any] = json.loads(plain)
    return entry


def _info(recording: str, number: int) -> bytes:
    return _DOMAIN + recording_tag(recording) + number.to_bytes(8, "big")
