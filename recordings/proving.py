"""Laying the ledger's proofs beside a chain, so that whoever has the files can tell a cut from a crash."""

import asyncio
import json

from core import proofs
from core.checkpoints import FILE as CHECKPOINT
from core.checkpoints import KEY_FILE
from core.database import Database
from core.errors import OperatorError
from core.notes import NoteInvalid, Verifier, open_checkpoint
from core.tiles import TilesBroken, directory_fetch
from recordings import anchors, store
from recordings.filesystem import Disk
from recordings.layout import RecordingFiles
from recordings.library import Library


class NotYet(Exception):
    """No signed head of the ledger holds the newest entry yet, or its tree cannot be read."""


async def prove(library: Library, database: Database, recording: str) -> None:
    """Write ``ledger.jsonl``, once. Raises ``NotYet``, ``KeyMissing`` and ``OSError``."""
    if not library.has(recording) or library.is_erased(recording):
        return
    path = RecordingFiles.of(library.data_dir, recording).root / anchors.FILE
    if path.exists():
        return
    async with database.transaction(write=False) as tx:
        entries = [(entry.number, entry.tag, entry.details) for entry in await store.ledger_entries(tx, recording)]
    numbers = anchors.newest_of_each_take(entries)
    if numbers:
        document = await asyncio.to_thread(_document, library, recording, numbers)
        await asyncio.to_thread(Disk().write_whole, path, document)


def _document(library: Library, recording: str, numbers: list[int]) -> bytes:
    place = library.data_dir / "ledger"
    try:
        key = (place / KEY_FILE).read_text(encoding="utf-8").strip()
        verifier = Verifier.parse(key)
        if open_checkpoint((place / CHECKPOINT).read_text(encoding="utf-8"), verifier).size < max(numbers):
            raise NotYet
        made = [json.loads(proofs.prove(directory_fetch(place), verifier, number)) for number in numbers]
    except (OSError, NoteInvalid, TilesBroken, OperatorError):
        raise NotYet from None
    return anchors.document(recording, key, made, library.site())
