"""Crypto-erase: the keys of a recording are destroyed, and what is left says so, signed.

The chain stays: digest, times and reason remain and verify. Segments, log and derived files are then noise and are
removed to make room; without the keys no copy of them, wherever it lies, can be opened. Copies of the wrapped keys in
a backup go with its next run.
"""

import asyncio
import base64
import shutil

from core.clock import Clock
from recordings import keys
from recordings.canonical import instant
from recordings.chain import walk
from recordings.filesystem import Disk
from recordings.keys import ERASURE_DOMAIN, SiteKeys
from recordings.layout import RecordingFiles
from recordings.library import Library

STATEMENT = "erased.jsonl"


def erase(files: RecordingFiles, site: SiteKeys, reason: str, clock: Clock, disk: Disk) -> None:
    """Destroy a recording's keys and content. Safe to run again. Raises ``OSError`` and ``KeyMissing``.

    The statement is durable before the first key goes, so that no interruption leaves keys missing without a word.
    """
    statement = files.root / STATEMENT
    if not statement.exists():
        genesis = next(walk(files.chain.read_bytes()).signed("genesis"))
        text = keys.erasure(genesis["recording"], genesis["keys"], instant(clock.now()), reason)
        signature = base64.b64encode(site.sign(ERASURE_DOMAIN + text))
        disk.write_whole(statement, text + b"\t" + signature + b"\n")
    for path in sorted(files.root.glob("keys*.json")):
        disk.remove(path)
    for path in [*files.segments().values(), files.log]:
        path.unlink(missing_ok=True)
    shutil.rmtree(files.derived, ignore_errors=True)
    disk.sync_dir(files.root)


async def erase_in(library: Library, recording: str, reason: str, clock: Clock) -> None:
    """The same for a recording of a library."""
    files = RecordingFiles.of(library.data_dir, recording)
    if files.chain.exists():
        await asyncio.to_thread(erase, files, library.site(), reason, clock, Disk())
