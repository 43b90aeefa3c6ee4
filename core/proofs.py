"""What outsiders do with the ledger: hold proofs, check a copy, watch that it only grows. Needs no database."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from core import merkle
from core.checkpoints import FILE
from core.errors import OperatorError
from core.notes import Checkpoint, NoteInvalid, Verifier, open_checkpoint
from core.tiles import Fetch, Tiles, TilesBroken, directory_fetch, replace_durably

_LONGEST = 1 << 20


class NotProved(Exception):
    """A proof, copy or new head does not hold; the text says what."""


def source(where: str) -> Fetch:
    """A log in a directory, or at an ``https://`` address (``http://`` on loopback). Raises ``OperatorError``."""
    parts = urlsplit(where)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")):
        return _over_http(where.rstrip("/"))
    if parts.scheme:
        raise OperatorError("give a directory or an https:// address")
    return directory_fetch(Path(where))


def prove(fetch: Fetch, verifier: Verifier, number: int) -> str:
    """A document that shows entry ``number`` in the newest head, to be checked offline by ``check_proof``."""
    note, head = newest(fetch, verifier)
    if not 1 <= number <= head.size:
        raise OperatorError(f"the newest checkpoint covers entries 1 to {head.size}")
    tree = Tiles(fetch, head.size)
    path = merkle.inclusion_proof(number - 1, head.size, tree.node)
    return json.dumps(
        {
            "entry": tree.entry(number - 1).decode(),
            "index": number - 1,
            "proof": [base64.b64encode(step).decode() for step in path],
            "checkpoint": note,
        },
        indent=1,
        ensure_ascii=False,
    )


def check_proof(document: str, verifier: Verifier) -> list[object]:
    """The entry that ``document`` proves, as the list the ledger hashed. Raises ``NotProved``."""
    try:
        body = json.loads(document)
        entry, index = str(body["entry"]).encode(), int(body["index"])
        path = [base64.b64decode(step, validate=True) for step in body["proof"]]
        head = open_checkpoint(str(body["checkpoint"]), verifier)
    except NoteInvalid as error:
        raise NotProved(str(error)) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotProved("this is not a proof") from None
    if not merkle.verify_inclusion(merkle.leaf_hash(entry), index, head.size, path, head.root):
        raise NotProved("the entry is not in the tree that was signed")
    found: list[object] = json.loads(entry)
    return found


def check_copy(fetch: Fetch, verifier: Verifier, progress: Callable[[int], None] = lambda _: None) -> Checkpoint:
    """Check every entry of a copy against its signed head. Raises ``NotProved``."""
    _, head = newest(fetch, verifier)
    tree = Tiles(fetch, head.size)
    try:
        for index in range(head.size):
            tree.entry(index)
            progress(index)
        if merkle.root(head.size, tree.node) != head.root:
            raise NotProved("the tiles do not lead to the root that was signed")
    except TilesBroken as error:
        raise NotProved(str(error)) from None
    return head


def witness(fetch: Fetch, verifier: Verifier, state: Path) -> tuple[Checkpoint | None, Checkpoint]:
    """Take note of the newest head after checking that it extends the one noted in ``state``; return both.

    Raises ``NotProved`` and keeps the old note when the log was cut, rolled back or rewritten.
    """
    note, head = newest(fetch, verifier)
    known = _noted(state, verifier)
    if known is not None:
        if head.size < known.size:
            raise NotProved(f"the log went back from {known.size} entries to {head.size}")
        tree = Tiles(fetch, head.size)
        try:
            proof = merkle.consistency_proof(known.size, head.size, tree.node)
        except TilesBroken as error:
            raise NotProved(str(error)) from None
        if not merkle.verify_consistency(known.size, known.root, head.size, head.root, proof):
            raise NotProved(f"the first {known.size} entries are not what they were")
    replace_durably(state, note.encode())
    return known, head


def newest(fetch: Fetch, verifier: Verifier) -> tuple[str, Checkpoint]:
    """The newest head and its note. Raises ``NotProved`` or ``OperatorError``."""
    try:
        note = fetch(FILE).decode()
        return note, open_checkpoint(note, verifier)
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"the checkpoint cannot be read: {type(error).__name__}") from None
    except NoteInvalid as error:
        raise NotProved(str(error)) from None


def _noted(state: Path, verifier: Verifier) -> Checkpoint | None:
    try:
        return open_checkpoint(state.read_text(encoding="utf-8"), verifier)
    except FileNotFoundError:
        return None
    except (NoteInvalid, UnicodeDecodeError, OSError):
        raise OperatorError(f"{state} holds no checkpoint of this log; a witness never starts over silently") from None


def _over_http(base: str) -> Fetch:
    opener = build_opener(ProxyHandler({}))  # a proxy of the environment is not the log that was named

    def fetch(path: str) -> bytes:
        try:
            with opener.open(f"{base}/{path}", timeout=20) as answer:
                return bytes(answer.read(_LONGEST))
        except URLError as error:
            raise OSError(str(error.reason)) from None

    return fetch
