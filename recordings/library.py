"""Recordings as pages and jobs see them: verify, list what can be played, read ranges, read the log."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from core.clock import Clock
from core.errors import NotFound, Unavailable
from recordings import abandoned, covering, derived, keys
from recordings import summary as summaries
from recordings.anchors import Anchor
from recordings.derived import DerivedError, SealedReader, Sidecar
from recordings.filesystem import Disk
from recordings.frames import derive
from recordings.keys import FileKeys, KeyMissing, SiteKeys
from recordings.layout import RecordingFiles, is_recording_id
from recordings.reader import entries
from recordings.summary import Summary
from recordings.verdicts import Verification
from recordings.verify import verify
from recordings.workingcopy import WorkingCopy

log = structlog.get_logger()

REMEMBERED = 32
"""Summaries of chains that are kept."""
_SEVERAL = b"yuanjian/handover-key/1\n"


class Library:
    """The recordings of one data directory. Nothing here asks who may see them: that is the caller's duty, first."""

    def __init__(self, data_dir: Path, clock: Clock, disk: Disk | None = None) -> None:
        self.data_dir = data_dir
        self._clock = clock
        self._disk = disk or Disk()
        self._summaries: dict[tuple[str, int, int], Summary] = {}

    def has(self, recording: str) -> bool:
        """Whether there is a chain of that id."""
        return is_recording_id(recording) and self._files(recording).chain.is_file()

    def is_erased(self, recording: str) -> bool:
        """Whether its content was destroyed on purpose."""
        return (self._existing(recording).root / "erased.jsonl").is_file()

    async def verify(self, recording: str, known: Sequence[Anchor] | None = None) -> Verification:
        """``known``: heads the ledger has of it. Raises ``NotFound``."""
        return await asyncio.to_thread(verify, self._existing(recording).root, known=known)

    async def summary(self, recording: str) -> Summary:
        """Raises ``NotFound``, also for a chain of which no line can be believed. What an unchanged file said is
        remembered."""
        files = self._existing(recording)
        state = files.chain.stat()
        key = (recording, state.st_size, state.st_mtime_ns)
        if key not in self._summaries:
            found = await asyncio.to_thread(summaries.read, files)
            while len(self._summaries) >= REMEMBERED:
                self._summaries.pop(next(iter(self._summaries)))
            self._summaries[key] = found
        return self._summaries[key]

    async def keep_summary(self, recording: str) -> None:
        """Spare whoever looks at a closed recording reading its whole chain. Raises ``NotFound``."""
        try:
            await asyncio.to_thread(summaries.keep, self._existing(recording), self.site(), self._disk)
        except (KeyMissing, OSError) as error:
            log.warning("a summary was not kept", recording=recording, error=type(error).__name__)

    async def log(self, recording: str) -> list[dict[str, Any]]:
        """The whole log entries: ``number``, ``at``, ``ms``, ``public``, ``private``. Raises ``NotFound`` and
        ``Unavailable``."""
        files, said = self._existing(recording), await self.summary(recording)

        def read() -> list[dict[str, Any]]:
            key = self._data_key(files, recording)
            return [entry for entry in entries(files, recording, key, said.log) if entry is not None]

        return await asyncio.to_thread(read)

    async def files(self, recording: str) -> list[Sidecar]:
        """What can be played, in order of name. Raises ``NotFound``."""
        return await asyncio.to_thread(derived.sidecars, self._existing(recording).derived)

    async def open(self, recording: str, file: str) -> "Playable":
        """Open a playable file for reading ranges. Raises ``NotFound`` and ``Unavailable``."""
        files = self._existing(recording)

        def opened() -> Playable:
            sidecar = next((item for item in derived.sidecars(files.derived) if item.file == file), None)
            if sidecar is None:
                raise _no_file()
            try:
                reader = SealedReader(files.derived / sidecar.file, self._data_key(files, recording), recording)
            except (DerivedError, OSError):
                raise _damaged() from None
            return Playable(sidecar, reader)

        return await asyncio.to_thread(opened)

    async def open_outgoing(self, recordings: Sequence[str], handover: str, path: Path, media_type: str) -> "Playable":
        """Open a file of a handover, sealed under ``lock_of`` these recordings. Raises ``NotFound`` and
        ``Unavailable``."""

        def opened() -> Playable:
            try:
                lock = self.lock_of(recordings, handover)
                return Playable(Outgoing(media_type), SealedReader(path, lock.key, lock.tag))
            except FileNotFoundError:
                raise _no_file() from None
            except (DerivedError, OSError):
                raise _damaged() from None

        return await asyncio.to_thread(opened)

    def lock_of(self, recordings: Sequence[str], handover: str) -> "Lock":
        """What seals a file of a handover: the key of its recording; of several, a key of all their keys, so that
        destroying any one of them closes it for good. Raises ``NotFound`` and ``Unavailable``."""
        found = [self._data_key(self._existing(recording), recording) for recording in recordings]
        if len(found) == 1:
            return Lock(found[0], recordings[0])
        return Lock(derive(b"".join(found), b"", _SEVERAL + handover.encode()), handover)

    async def working_copy(self, recording: str, names: Collection[str], zone: ZoneInfo) -> AsyncIterator[bytes]:
        """The zip file of working copies, made while it is read. Raises ``NotFound`` and ``Unavailable``, the latter
        also on the way when a copy was damaged."""
        self._existing(recording)

        def begin() -> Iterator[bytes]:
            try:
                return WorkingCopy(self.data_dir, recording, self.site(), self._clock, names, zone=zone).pieces()
            except KeyMissing:
                raise _locked() from None
            except ValueError:
                raise _no_file() from None

        pieces = await asyncio.to_thread(begin)
        return _in_threads(pieces)

    async def mark_cover(self, recording: str, cover: str) -> None:
        """Write down which copy hides somebody, for commands without a database; copies that hid others go.

        Raises ``NotFound`` and ``OSError``."""
        place = self._existing(recording).derived

        def mark() -> None:
            place.mkdir(exist_ok=True)
            Disk().write_whole(place / covering.MARK, cover.encode())
            for path in place.glob(f"{derived.PROTECTED}*") if not covering.is_due(cover) else ():
                if path.name.removesuffix(".json") != cover and covering.is_made_here(path.name):
                    path.unlink()

        await asyncio.to_thread(mark)

    def progress(self, recording: str) -> tuple[int, int] | None:
        """Seconds composed and seconds in all while a composition runs, else ``None``."""
        try:
            said = json.loads((self._existing(recording).derived / ".progress.json").read_bytes())
            return int(said["done"]), int(said["total"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    async def close_abandoned(self, recording: str) -> bool:
        """End a chain whose recorder is gone. Raises ``abandoned.StillRecording``."""
        return await asyncio.to_thread(
            abandoned.close_abandoned, self.data_dir, recording, self.site, self._clock, self._disk
        )

    def site(self) -> SiteKeys:
        """The site's keys. Raises ``KeyMissing``."""
        return FileKeys(self.data_dir)

    def _files(self, recording: str) -> RecordingFiles:
        return RecordingFiles.of(self.data_dir, recording)

    def _existing(self, recording: str) -> RecordingFiles:
        if not self.has(recording):
            raise _no_recording()
        return self._files(recording)

    def _data_key(self, files: RecordingFiles, recording: str) -> bytes:
        try:
            return keys.load_data_key(self.site(), files, recording)
        except KeyMissing:
            raise _locked() from None


@dataclass(frozen=True, slots=True)
class Lock:
    """A key to seal files with, and what it is bound to."""

    key: bytes = field(repr=False)
    tag: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is said of a file that is taken along."""

    media_type: str


class Playable:
    """One open playable file, or one to be taken along."""

    def __init__(self, about: Sidecar | Outgoing, reader: SealedReader) -> None:
        self.about = about
        self.length = reader.length
        self._reader = reader
        self._turn = asyncio.Lock()

    async def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``. Raises ``Unavailable`` when the file was damaged."""
        async with self._turn:
            try:
                return await asyncio.to_thread(self._reader.read, offset, length)
            except DerivedError:
                raise _damaged() from None

    async def chunks(self, offset: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Yield a range in pieces of at most one chunk."""
        end = self.length if length is None else min(self.length, offset + length)
        while offset < end:
            part = await self.read(offset, min(derived.CHUNK - offset % derived.CHUNK, end - offset))
            if not part:
                return
            yield part
            offset += len(part)

    def close(self) -> None:
        self._reader.close()


async def _in_threads(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while True:
        try:
            piece = await asyncio.to_thread(next, pieces, None)
        except (DerivedError, KeyMissing, OSError):
            raise _damaged() from None
        if piece is None:
            return
        yield piece


def _locked() -> Unavailable:
    return Unavailable("recording-locked", "The key of this recording is not available here.")


def _no_recording() -> NotFound:
    return NotFound("no-recording", "There is no recording here that you can see.")


def _no_file() -> NotFound:
    return NotFound("no-recorded-file", "This part of the recording cannot be played, or not yet.")


def _damaged() -> Unavailable:
    return Unavailable("recording-damaged", "This part of the recording is damaged and cannot be played.")
