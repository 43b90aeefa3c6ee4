"""Opening a take of a recording, the first or a later one: lock, preflight, keys, recovery."""

import errno
import fcntl
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from core.clock import Clock
from media.ports import RecorderUnavailable, RecordingSpec, Track
from recordings import keys, preflight, recovery
from recordings.chain import sha256
from recordings.filesystem import Disk, failure_code
from recordings.keys import KeyMissing, SiteKeys
from recordings.layout import RecordingFiles
from recordings.take import Take
from recordings.timesource import Reading

LEAVING = 1.0
"""Seconds to wait for a recorder process whose relay was killed: it still writes what it was handed."""


class Opening:
    """Everything needed to open a take of one recording, the first or a later one."""

    def __init__(
        self,
        data_dir: Path,
        site: Callable[[], SiteKeys],
        clock: Clock,
        disk: Disk,
        spec: RecordingSpec,
        room: int,
        check_new: Callable[[Disk, RecordingFiles], None],
    ) -> None:
        """``room`` in bytes is asked of every take but one after a failed write, ``check_new`` before the first."""
        self.files = RecordingFiles.of(data_dir, spec.recording)
        self.clock = clock
        self.disk = disk
        self.spec = spec
        self._room = room
        self._check_new = check_new
        self._site = site
        self._lock = -1

    def run(self) -> Take:
        """Open a take after the preflight. Raises ``RecorderUnavailable``."""
        try:
            self._make_dirs()
            self._take_lock()
            return self._open()
        except RecorderUnavailable:
            self.unlock()
            raise
        except OSError as error:
            self.unlock()
            raise RecorderUnavailable(failure_code(error)) from None
        except KeyMissing:
            self.unlock()
            raise RecorderUnavailable("key-missing") from None

    def again(self, tracks: Mapping[int, Track], durable: int) -> Take:
        """Open one more take after a failed write: what follows line ``durable`` is at hand and written again.

        Raises ``OSError``.
        """
        try:
            return self._open(tracks, durable)
        except KeyMissing as error:
            raise OSError(errno.EACCES, str(error)) from None

    def unlock(self) -> None:
        """Let another recorder have the recording."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _make_dirs(self) -> None:
        self.disk.make_dir(self.files.root.parent)
        self.disk.make_dir(self.files.root)

    def _take_lock(self) -> None:
        self._lock = os.open(self.files.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        until = time.monotonic() + LEAVING
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > until:
                    raise RecorderUnavailable("busy") from None
            time.sleep(LEAVING / 20)

    def _open(self, tracks: Mapping[int, Track] | None = None, durable: int | None = None) -> Take:
        replay = durable is not None
        site = self._site()
        standing = recovery.recover(self.disk, self.files, self.spec.recording, durable)
        if standing.closed:
            raise RecorderUnavailable("already-closed")
        data_key, digest = self._data_key(site, fresh=standing.is_fresh)
        if not replay:
            try:
                preflight.check(self.disk, self.files, data_key, self._room)
                if standing.is_fresh:
                    self._check_new(self.disk, self.files)
            except preflight.Unfit as error:
                raise RecorderUnavailable(error.code) from None
        take = Take(self.disk, self.files, self.spec, data_key, standing)
        take.begin(site, digest, Reading.of(self.clock), (tracks or {}).values(), replay=replay)
        return take

    def _data_key(self, site: SiteKeys, *, fresh: bool) -> tuple[bytes, str]:
        """The recording's data key, made and made durable in its wraps when there is none yet."""
        spec, files = self.spec, self.files
        if fresh:
            if files.keys.exists():
                self.disk.make_dir(files.aside)
                self.disk.rename(files.keys, files.aside / f"take-1-keys-{Reading.of(self.clock).mono_ns}.json")
            data_key = os.urandom(32)
            document = keys.keys_document(spec.recording, site.wrap(data_key, spec.recording))
            self.disk.write_whole(files.keys, document)
            return data_key, sha256(document)
        return keys.load_data_key(site, files, spec.recording), ""
