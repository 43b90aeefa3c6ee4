"""What the site signed of a bundle as a whole: the list of its files, and which earlier keys were its own.

A chain vouches for the recording; films, the readable log and the pages beside it are vouched for by ``SHA256SUMS``.
Never raises for what it reads.
"""

import hashlib
import json
import re
import zipfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from recordings import keys
from recordings.unpacking import BUNDLED
from recordings.verdicts import Range, Verdict

SUMS, SIGNATURE, STATEMENT, SITE = "SHA256SUMS", "SHA256SUMS.sig", "statement.jsonl", "site.pub"
DOMAIN = b"yuanjian/bundle/1\n"
"""Of the statement's signature."""
_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")
_SEGMENT = re.compile(rf"{BUNDLED}/seg-\d{{6,}}(\.pcapng)?")
_CHUNK = 1 << 20

Place = Path | zipfile.Path
"""The unpacked folder, or the zip file as it is."""


@dataclass(frozen=True, slots=True)
class Seal:
    """Who signed a bundle."""

    signer: bytes
    """The key in ``site.pub``; empty when there is none."""
    vouched: frozenset[str]
    """Fingerprints of the keys that its holder calls the site's own, newest and earlier ones."""

    def believed(self, trust: frozenset[str], sites: Collection[bytes]) -> bool:
        """Whether the list counts beside a chain certified by ``sites``, when ``trust`` is pinned; without a pinned
        key, whether both speak of one site."""
        chain = {keys.fingerprint(site) for site in sites}
        signer = keys.fingerprint(self.signer)
        if trust:
            return signer in trust or (signer in chain and chain <= trust)
        return signer in chain or chain <= self.vouched


def seal_of(place: Place) -> Seal:
    """Read who signed the bundle and whom they vouch for."""
    signer = keys.first_public(_read(place / SITE).decode("ascii", "replace"))
    text, _, coded = _read(place / STATEMENT).rstrip(b"\n").partition(b"\t")
    vouched: frozenset[str] = frozenset()
    if keys.is_signed(signer, keys.decode(coded.decode("ascii", "replace")), DOMAIN + text):
        try:
            named = json.loads(text).get("sites", [])
            vouched = frozenset(keys.fingerprint(keys.decode_key(site)) for site in named)
        except (ValueError, AttributeError, TypeError, RecursionError):
            vouched = frozenset()
    return Seal(signer, vouched)


def differences(place: Place, seal: Seal, *, believed: bool, doubt: bool) -> Iterator[Range]:
    """What is not as the site listed it. ``doubt``: the chain leaves bytes that nothing vouches for, so that segments
    are hashed here too; otherwise each of their bytes was compared with the chain already."""
    sums = _read(place / SUMS)
    if not sums:
        yield _point(Verdict.MISSING, "sums-missing", SUMS)
        return
    if not keys.is_signed(seal.signer, _read(place / SIGNATURE), sums):
        yield _point(Verdict.MODIFIED, "sums-altered", SUMS)
        return
    if not believed:
        yield _point(Verdict.MODIFIED, "bundle-foreign", SITE)
        return
    listed = dict(_listed(sums))
    for name, digest in listed.items():
        seen = _digest(place, name, skip=not doubt and bool(_SEGMENT.fullmatch(name)))
        if seen is None:
            yield _point(Verdict.MISSING, "file-missing", name)
        elif seen not in ("", digest):
            yield _point(Verdict.MODIFIED, "file-altered", name)
    for name in _names(place):
        if name not in listed:
            yield _point(Verdict.TAIL, "file-unlisted", name)


def _point(verdict: Verdict, cause: str, name: str) -> Range:
    return Range(0, 0, verdict, cause, {"file": name})


def _listed(sums: bytes) -> Iterator[tuple[str, str]]:
    for line in sums.decode("utf-8", "replace").split("\n"):
        found = _LINE.fullmatch(line)
        if found and ".." not in found[2].split("/"):
            yield found[2], found[1]


def _names(place: Place) -> Sequence[str]:
    """What is there of films and record: where somebody would put a file of their own."""
    found = []
    for folder in ("derived", BUNDLED, f"{BUNDLED}/aside"):
        inner = place / folder
        found += [f"{folder}/{path.name}" for path in inner.iterdir()] if inner.is_dir() else []
    return sorted(set(found) - {f"{BUNDLED}/aside"})


def _read(path: Place) -> bytes:
    if not path.is_file():  # a pipe would be waited for
        return b""
    try:
        with path.open("rb") as file:
            return file.read(_CHUNK * 16)
    except (OSError, KeyError, zipfile.BadZipFile):
        return b""


def _digest(place: Place, name: str, *, skip: bool) -> str | None:
    """SHA-256 of a file, ``""`` when it is there and to be skipped, ``None`` when it is not there."""
    path = place / name
    if not path.is_file():
        return None
    if skip:
        return ""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while data := file.read(_CHUNK):
                digest.update(data)
    except (OSError, zipfile.BadZipFile):
        return "unreadable"
    return digest.hexdigest()
