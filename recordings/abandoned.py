"""Ending chains whose recorder is gone for good, so that each is signed to its last second."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from core.clock import Clock
from media.ports import RecordingSpec
from recordings import anchors, derived, keys, recovery, summary
from recordings.filesystem import Disk
from recordings.keys import SiteKeys
from recordings.layout import RecordingFiles
from recordings.take import Take
from recordings.timesource import Reading


class StillRecording(Exception):
    """Another process writes this recording."""


class EndLost(Exception):
    """The chain was ended before, and its end is gone or damaged: whoever ended it again would hide that."""


def close_abandoned(data_dir: Path, recording: str, site: Callable[[], SiteKeys], clock: Clock, disk: Disk) -> bool:
    """Recover and close the chain if nobody writes it; return whether there was something to close.

    What lies between its last second and now is no gap: nobody was asked to record then. Raises ``StillRecording``,
    ``EndLost``, ``OSError`` and ``KeyMissing``.
    """
    files = RecordingFiles.of(data_dir, recording)
    if not files.chain.exists():
        return False
    lock = os.open(files.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StillRecording(f"{recording}: somebody is recording it") from None
        found = recovery.look(files, recording)
        genesis = next(found.of("genesis"), None)
        if found.standing.closed:
            return False
        if _was_closed(files):
            raise EndLost(f"{recording}: its end was signed before, and is gone: mend it from a second copy")
        if genesis is None:
            return False
        standing = recovery.recover(disk, files, recording)
        opened = site()
        spec = RecordingSpec(recording, genesis["session"], genesis["kind"], genesis["policy"])
        take = Take(disk, files, spec, keys.load_data_key(opened, files, recording), standing)
        take.begin(opened, "", Reading.of(clock), (), replay=True)
        take.seal_end("abandoned", Reading.of(clock))
        return True
    finally:
        os.close(lock)


def _was_closed(files: RecordingFiles) -> bool:
    """Whether something lies beside the chain that is only made of closed ones."""
    made = (files.root / summary.FILE, files.root / anchors.FILE, files.root / "timestamps.jsonl")
    return any(path.exists() for path in made) or bool(derived.sidecars(files.derived))
