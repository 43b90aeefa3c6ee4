"""What this machine knows of the time: its boot, and whether its clock is disciplined."""

import ctypes
import os
import socket
from collections.abc import Callable
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


_NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970
_NTP_ERA = 1 << 32
_CLIENT = 0x23  # no warning, version 4, client
_SERVER = 4
_ALARM = 3


def time_server_offset(server: str, clock: Clock, timeout: float = 1.0) -> float | None:
    """Seconds by which ``clock`` is ahead of the NTP server ``host`` or ``host:port`` (RFC 5905 14, SNTP), or
    ``None`` when it does not answer, is not synchronised itself or answers somebody else. Blocks for ``timeout``.
    """
    host, _, port = server.partition(":")
    nonce = os.urandom(8)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(timeout)
            sock.connect((host, int(port or 123)))
            sent = Reading.of(clock)
            sock.send(bytes([_CLIENT]) + bytes(39) + nonce)
            answer, came = sock.recv(512), Reading.of(clock)
    except (OSError, ValueError):
        return None
    return offset_of(answer, nonce, sent.utc_ns, came.utc_ns)


def offset_of(answer: bytes, nonce: bytes, sent_ns: int, came_ns: int) -> float | None:
    """What an NTP answer says of the clock that sent ``nonce`` as its time stamp: seconds ahead, or ``None``."""
    if len(answer) < 48 or answer[24:32] != nonce:
        return None
    if answer[0] & 7 != _SERVER or answer[0] >> 6 == _ALARM or not 1 <= answer[1] <= 15:
        return None
    here = (sent_ns + came_ns) / 2e9 + _NTP_EPOCH
    there = (_seconds(answer[32:40]) + _seconds(answer[40:48])) / 2
    return (here - there + _NTP_ERA / 2) % _NTP_ERA - _NTP_ERA / 2


def _seconds(stamp: bytes) -> float:
    return int.from_bytes(stamp, "big") / _NTP_ERA


def known_offset(server: str, clock: Clock) -> Callable[[], float | None]:
    """How to learn by how many seconds ``clock`` is wrong: from ``server`` when there is one and it answers, else from
    a kernel that a time service keeps synchronised."""

    def offset() -> float | None:
        told = time_server_offset(server, clock) if server else None
        return _kernel_offset(ntp_state()) if told is None else told

    return offset


def _kernel_offset(state: dict[str, Any] | None) -> float | None:
    """Of a synchronised kernel, else ``None``: what an undisciplined clock says of itself is nothing."""
    return state["offset_us"] / 1e6 if state and state["synchronised"] else None
