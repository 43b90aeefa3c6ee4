"""What a recorder process is told when it starts; nothing in it is secret."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from recordings.space import BYTES_PER_SECOND, Reserve


@dataclass(frozen=True, slots=True)
class RecorderSettings:
    """Where and under which terms is recorded."""

    data_dir: Path
    space_hours: float = 0.0
    space_least: int = 0
    """Room that is left on the disk: for so many hours of all recordings, and at least so many bytes."""
    time_server: str = ""
    """``host`` or ``host:port`` of an NTP server by which the clock is checked; empty: the kernel is asked."""
    clock_limit: float = float("inf")
    """Seconds by which the clock may be wrong when a recording begins."""
    timestamp_url: str = ""
    timestamp_certificate: Path | None = None
    """Address and pinned root (PEM) of the time stamp authority, both or neither."""
    bytes_per_second: int = BYTES_PER_SECOND
    """What a recording is taken to need on the disk."""

    @property
    def reserve(self) -> Reserve:
        return Reserve(self.space_hours, self.space_least)

    def text(self) -> str:
        """All of it as one argument of a command."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def parse(cls, text: str) -> "RecorderSettings":
        """The inverse of ``text``."""
        said = json.loads(text)
        for name in ("data_dir", "timestamp_certificate"):
            said[name] = said[name] and Path(said[name])
        return cls(**said)
