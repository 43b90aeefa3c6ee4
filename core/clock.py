"""The one source of time. Whatever waits, expires or is stamped is handed a ``Clock``."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall time for people and records, monotonic time for durations."""

    def now(self) -> datetime:
        """The current instant, aware, in UTC."""

    def monotonic_ns(self) -> int:
        """Nanoseconds since an arbitrary start; never steps back, not even when wall time is set."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    monotonic_ns = staticmethod(time.monotonic_ns)  # asked for each packet: no call in between


class FakeClock:
    """A clock that moves only when told to; both times advance together unless wall time is ``set``."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._monotonic_ns = 0

    def now(self) -> datetime:
        return self._now

    def monotonic_ns(self) -> int:
        return self._monotonic_ns

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._monotonic_ns += round(seconds * 1_000_000_000)

    def set(self, now: datetime) -> None:
        """Step wall time, as an operator or NTP may, leaving monotonic time alone."""
        self._now = now
