"""The one way this package changes a disk, so that a fault can be put at every write, sync and rename."""

import errno
import os
import shutil
from pathlib import Path

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def failure_code(error: OSError) -> str:
    """Stable word for what is wrong with the disk: ``disk-full`` or ``disk-unwritable``."""
    return "disk-full" if error.errno in FULL else "disk-unwritable"


class Disk:
    """The operating system's own file operations. Each raises ``OSError`` and is never retried on the same file."""

    def make_dir(self, path: Path) -> None:
        """Make ``path`` (mode 0700) and make its name durable."""
        if not path.is_dir():
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.sync_dir(path.parent)

    def open_new(self, path: Path) -> int:
        """Create a file for appending; it must not exist. Its name is durable when this returns."""
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            self.sync_dir(path.parent)
        except OSError:
            os.close(fd)
            raise
        return fd

    def open_append(self, path: Path) -> int:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)

    def open_random(self, path: Path) -> int:
        """Create or empty a file that is written in any order; made durable by ``sync`` and ``rename``."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

    def write_at(self, fd: int, offset: int, data: bytes) -> None:
        """Write all of ``data`` at ``offset``."""
        view = memoryview(data)
        while view:
            written = os.pwrite(fd, view, offset)
            view, offset = view[written:], offset + written

    def append(self, fd: int, data: bytes | bytearray | memoryview) -> None:
        """Write all of ``data``."""
        view = memoryview(data)
        while view:
            view = view[self.write(fd, view) :]

    def write(self, fd: int, data: memoryview) -> int:
        return os.write(fd, data)

    def sync(self, fd: int) -> None:
        """Make the file's contents durable."""
        os.fdatasync(fd)

    def close(self, fd: int) -> None:
        os.close(fd)

    def sync_dir(self, path: Path) -> None:
        """Make the names in a directory durable."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, old: Path, new: Path) -> None:
        """Replace ``new`` by ``old``; durable when this returns."""
        os.replace(old, new)
        self.sync_dir(new.parent)

    def truncate(self, path: Path, length: int) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.ftruncate(fd, length)
            self.sync(fd)
        finally:
            os.close(fd)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self.sync_dir(path.parent)

    def free(self, path: Path) -> int:
        """Bytes that can still be written by us."""
        return shutil.disk_usage(path).free

    def write_whole(self, path: Path, data: bytes) -> None:
        """Put ``data`` at ``path`` so that a reader sees all of it or what was there before; durable on return."""
        beside = path.with_name(path.name + ".new")
        if beside.exists():
            beside.unlink()
        fd = self.open_new(beside)
        try:
            self.append(fd, data)
            self.sync(fd)
        finally:
            self.close(fd)
        self.rename(beside, path)
