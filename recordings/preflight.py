"""Is this disk fit to record on: room, and a test frame that comes back as it was written."""

import os

from recordings import frames
from recordings.filesystem import Disk, failure_code
from recordings.layout import RecordingFiles

FLOOR = 64 << 20
"""Bytes that must be free however short the plan: the rest of the site needs room to say what is wrong."""


class Unfit(Exception):
    """The disk fails the preflight; ``code`` is ``disk-full`` or ``disk-unwritable``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def needed(planned_seconds: int, bytes_per_second: int) -> int:
    """Room for twice the planned length."""
    return FLOOR + 2 * planned_seconds * bytes_per_second


def check(disk: Disk, files: RecordingFiles, data_key: bytes, room: int) -> None:
    """Raise ``Unfit`` unless there is room and a test frame was written, synced and read back."""
    try:
        if disk.free(files.root) < room:
            raise Unfit("disk-full")
        _write_test_frame(disk, files, data_key)
    except OSError as error:
        raise Unfit(failure_code(error)) from None


def _write_test_frame(disk: Disk, files: RecordingFiles, data_key: bytes) -> None:
    tag, plain = frames.recording_tag("test"), os.urandom(4096)
    if files.test_frame.exists():
        disk.remove(files.test_frame)
    fd = disk.open_new(files.test_frame)
    try:
        disk.append(fd, frames.seal(data_key, tag, 0, 0, 0, frames.LAST, plain))
        disk.sync(fd)
    finally:
        disk.close(fd)
    try:
        if frames.open_frame(data_key, tag, files.test_frame.read_bytes()) != plain:
            raise Unfit("disk-unwritable")
    except frames.FrameError:
        raise Unfit("disk-unwritable") from None
    disk.remove(files.test_frame)
