"""Is this machine fit to record on: room, a test frame that comes back as it was written, and a clock that is right."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from recordings import frames
from recordings.filesystem import Disk, failure_code
from recordings.layout import RecordingFiles
from recordings.space import Reserve

log = structlog.get_logger()

FLOOR = 64 << 20
"""Bytes that must be free however short the plan: the rest of the site needs room to say what is wrong."""


class Unfit(Exception):
    """The preflight fails; ``code`` is ``disk-full``, ``disk-unwritable``, ``space-low`` or ``clock-off``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Terms:
    """What the site asks before a new recording begins. A recording that has begun goes on without it."""

    reserve: Reserve = field(default_factory=Reserve)
    clock_offset: Callable[[], float | None] = lambda: None
    """Seconds by which this machine's clock is wrong, ``None`` when nobody trustworthy says. May block a second."""
    clock_limit: float = math.inf


def check_new(disk: Disk, files: RecordingFiles, terms: Terms, recordings: int) -> None:
    """Raise ``Unfit`` when a recording that would be one of ``recordings`` at once must not begin now.

    A clock of which nothing is known is no refusal but a remark.
    """
    try:
        if terms.reserve.is_low(disk.free(files.root), recordings):
            raise Unfit("space-low")
    except OSError as error:
        raise Unfit(failure_code(error)) from None
    offset = terms.clock_offset()
    if offset is None:
        log.info("a recording begins by a clock whose offset is not known")
    elif abs(offset) > terms.clock_limit:
        log.error("the clock of this machine is wrong, a recording is refused", offset_seconds=round(offset, 3))
        raise Unfit("clock-off")


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
