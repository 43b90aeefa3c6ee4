"""What the site's ledger knows of a chain: heads it once had, so that a chain cut short cannot pass for a crash.

While a session runs, the head of its chain goes into the ledger every minute; afterwards the proofs of the newest of
each take and of the end lie beside the chain in ``ledger.jsonl``, signed by the site. Pure; needs no database.
"""

import base64
import binascii
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core import merkle
from core.notes import NoteInvalid, Verifier, open_checkpoint
from recordings.canonical import canonical
from recordings.chain import Line, sha256
from recordings.keys import SiteKeys, decode, is_signed
from recordings.verdicts import Range, Verdict

FILE = "ledger.jsonl"
DOMAIN = b"yuanjian/ledger/1\n"
HEAD, CLOSED = "recording.head", "recording.closed"
"""Tags of the ledger's entries that tell where a chain stood."""
_LARGEST = 16 << 20


class AnchorsInvalid(ValueError):
    """``ledger.jsonl`` is not what the site signed, or one of its proofs does not hold."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """One head the ledger knows: the chain once ended, at ``ms``, with a line of this digest."""

    ms: int
    digest: str


def anchor_of(tag: str, details: Mapping[str, Any]) -> Anchor | None:
    """The head an entry of the ledger tells of, if it does."""
    ms, digest = details.get("ms", 0), details.get("digest")
    if tag not in (HEAD, CLOSED) or type(ms) is not int or not isinstance(digest, str):
        return None
    return Anchor(ms, digest)


def newest_of_each_take(entries: Sequence[tuple[int, str, Mapping[str, Any]]]) -> list[int]:
    """Numbers of the entries worth proving, of ``(number, tag, details)`` in order: a chain that still holds a later
    head holds all before it."""
    newest: dict[object, int] = {}
    for number, tag, details in entries:
        if anchor_of(tag, details) is not None:
            newest[details.get("take", 0)] = number
    return sorted(newest.values())


def document(recording: str, key: str, proofs: Sequence[Mapping[str, Any]], site: SiteKeys) -> bytes:
    """The signed line of ``ledger.jsonl``. ``proofs`` as ``core.proofs.prove`` writes them, ``key`` the ledger's."""
    text = canonical({"v": 1, "type": "ledger", "recording": recording, "key": key, "proofs": list(proofs)})
    return text + b"\t" + base64.b64encode(site.sign(DOMAIN + text)) + b"\n"


def read(raw: bytes, recording: str, sites: Collection[bytes]) -> list[Anchor]:
    """The heads a document proves. Raises ``AnchorsInvalid`` unless one of ``sites`` signed it and each proof holds."""
    text, _, coded = raw.rstrip(b"\n").partition(b"\t")
    try:
        if len(raw) > _LARGEST or not any(
            is_signed(key, decode(coded.decode("ascii")), DOMAIN + text) for key in sites
        ):
            raise AnchorsInvalid("not signed by the site")
        said = json.loads(text)
        if (said["v"], said["type"], said["recording"]) != (1, "ledger", recording):
            raise AnchorsInvalid("of another recording")
        key = Verifier.parse(str(said["key"]))
        return [_proved(proof, key, recording) for proof in said["proofs"]]
    except AnchorsInvalid:
        raise
    except (ValueError, KeyError, TypeError, IndexError, RecursionError, AttributeError):
        raise AnchorsInvalid("malformed") from None


def _proved(proof: Mapping[str, Any], key: Verifier, recording: str) -> Anchor:
    try:
        head = open_checkpoint(str(proof["checkpoint"]), key)
        path = [base64.b64decode(step, validate=True) for step in proof["proof"]]
    except (NoteInvalid, binascii.Error):
        raise AnchorsInvalid("a proof is not signed by the ledger") from None
    entry = str(proof["entry"]).encode()
    if not merkle.verify_inclusion(merkle.leaf_hash(entry), int(proof["index"]), head.size, path, head.root):
        raise AnchorsInvalid("an entry is not in the ledger")
    _number, _at, tag, _actor, subject, details, _previous = json.loads(entry)
    anchor = anchor_of(str(tag), details)
    if subject != recording or anchor is None:
        raise AnchorsInvalid("an entry tells of something else")
    return anchor


def cuts(anchors: Sequence[Anchor], lines: Sequence[Line]) -> Iterator[Range]:
    """Times whose records the ledger knew and the chain no longer has."""
    held = {sha256(line.raw) for line in lines}
    kept = max((anchor.ms for anchor in anchors if anchor.digest in held), default=0)
    for anchor in anchors:
        if anchor.digest not in held:
            start = kept if kept < anchor.ms else max(0, anchor.ms - 1)
            yield Range(start, max(anchor.ms, start + 1), Verdict.MISSING, "chain-cut", {"file": "chain.jsonl"})
