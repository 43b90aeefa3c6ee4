"""What this machine knows of the time: its boot, and whether its clock is disciplined."""

import ctypes
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from core.clock import Clock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNSYNCHRONISED = 0x40  # STA_UNSYNC, adjtimex(2)
_NANO = 0x2000  # STA_NANO


@dataclass(frozen=True, slots=True)
class Reading:
    """Both clocks at one instant."""

    mono_ns: int
    utc: datetime

    @classmethod
    def of(cls, clock: Clock) -> "Reading":
        return cls(clock.monotonic_ns(), clock.now())

    @property
    def utc_ns(self) -> int:
        return to_ns(self.utc)


def to_ns(at: datetime) -> int:
    """Nanoseconds since 1970 of an aware instant, exact to the microsecond it has."""
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000


def from_ns(ns: int) -> datetime:
    """The aware instant ``ns`` nanoseconds after 1970, cut to microseconds."""
    return _EPOCH + timedelta(microseconds=ns // 1000)


def boot_id() -> str:
    """Changes with every start of the machine: monotonic times of one boot can be compared."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return f"process-{os.getpid()}"


class _Timex(ctypes.Structure):
    """The head of ``struct timex`` (adjtimex(2)) on 64-bit Linux; the rest is room."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("room", ctypes.c_byte * 512),
    )


def ntp_state() -> dict[str, Any] | None:
    """What the kernel knows of its own error, or ``None`` where it cannot be asked.

    ``synchronised``, ``offset_us`` still to be slewed, ``error_us`` estimated.
    """
    timex = _Timex()
    try:
        if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex)) < 0:
            return None
    except (OSError, AttributeError):
        return None
    offset = timex.offset // 1000 if timex.status & _NANO else timex.offset
    return {
        "synchronised": not timex.status & _UNSYNCHRONISED,
        "offset_us": int(offset),
        "error_us": int(timex.esterror),
    }
