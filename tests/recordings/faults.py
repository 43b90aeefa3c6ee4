"""A disk that fails when told to."""

import errno
import os

from recordings.filesystem import Disk


class FaultyDisk(Disk):
    """Fails the ``at``-th change (writes, syncs, renames, creations, counted from 1), and ``count`` after it.

    ``torn``: half of a failing write is on disk all the same, as after a real power loss or ENOSPC.
    """

    def __init__(self, at: int, *, count: int = 1, error: int = errno.EIO, torn: bool = True) -> None:
        self.at = at
        self.count = count
        self.error = error
        self.torn = torn
        self.calls = 0

    def _count(self) -> None:
        self.calls += 1
        if self.at <= self.calls < self.at + self.count:
            raise OSError(self.error, os.strerror(self.error))

    def write(self, fd, data):
        try:
            self._count()
        except OSError:
            if self.torn:
                os.write(fd, data[: len(data) // 2])
            raise
        return super().write(fd, data)

    def sync(self, fd):
        self._count()
        super().sync(fd)

    def sync_dir(self, path):
        self._count()
        super().sync_dir(path)

    def rename(self, old, new):
        self._count()
        super().rename(old, new)

    def open_new(self, path):
        self._count()
        return super().open_new(path)

    def truncate(self, path, length):
        self._count()
        super().truncate(path, length)


class SlowDisk(Disk):
    """Each sync waits until let go."""

    def __init__(self, gate) -> None:
        self.gate = gate

    def sync(self, fd):
        self.gate.wait()
        super().sync(fd)


class SmallDisk(Disk):
    """Has room for so many bytes and no more."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, fd, data):
        if len(data) > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.room -= len(data)
        return super().write(fd, data)

    def free(self, path):
        return self.room
