"""How long the disk will do: free bytes against what the recordings of now will write. Told before it runs out."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from recordings.filesystem import Disk

log = structlog.get_logger()

BYTES_PER_SECOND = 150_000
"""What two participants bring at most."""
LOOK_EVERY = 30.0
"""Seconds between two looks at the disk."""


@dataclass(frozen=True, slots=True)
class Reserve:
    """Below which free space an operator is called and no new recording begins."""

    hours: float = 0.0
    """How long the recordings of now must be able to go on."""
    least: int = 0
    """Bytes, however little is recorded."""

    def wanted(self, recordings: int) -> int:
        """Bytes that should be free while so many are recorded at once."""
        return max(self.least, int(recordings * self.hours * 3600 * BYTES_PER_SECOND))

    def is_low(self, free: int, recordings: int) -> bool:
        """Whether ``free`` bytes are too few."""
        return free < self.wanted(recordings)


class SpaceWatch:
    """Looks at the disk regularly: metrics, and a warning in the log when it becomes too full and once it is not."""

    def __init__(self, place: Path, reserve: Reserve, recordings: Callable[[], int], disk: Disk | None = None) -> None:
        """``recordings`` says how many are being made now."""
        self.is_low = False
        self._place = place
        self._reserve = reserve
        self._recordings = recordings
        self._disk = disk or Disk()
        self._registry = CollectorRegistry()
        self._free = Gauge("yuanjian_recordings_free_bytes", "Room for recordings.", registry=self._registry)
        self._low = Gauge(
            "yuanjian_recordings_space_low",
            "1 while no new recording begins for want of room.",
            registry=self._registry,
        )

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(LOOK_EVERY)

    def look(self) -> None:
        """Look once. A disk that cannot be asked counts as full."""
        recordings = self._recordings()
        try:
            free = self._disk.free(self._place)
        except OSError:
            free = 0
        before, self.is_low = self.is_low, self._reserve.is_low(free, recordings)
        self._free.set(free)
        self._low.set(self.is_low)
        figures = {"free_bytes": free, "wanted_bytes": self._reserve.wanted(recordings), "recordings": recordings}
        if self.is_low:
            log.warning("room for recordings runs out, new sessions are refused", **figures)
        elif before:
            log.info("there is room for recordings again", **figures)

    def metrics(self) -> str:
        """As text exposition."""
        return generate_latest(self._registry).decode()
