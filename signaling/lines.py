"""How good the lines of a session were: their course where there is a record, in visits the totals alone. Pure."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from signaling.events import Effect, Record
from signaling.presence import Endpoint

EVERY = timedelta(seconds=10)
"""How often the lines are looked at."""


@dataclass(slots=True)
class _Total:
    """Sums over the looks at one endpoint's line."""

    looks: int = 0
    up_loss: float = 0.0
    down_loss: float = 0.0
    rtt_ms: float = 0.0
    timed: int = 0
    ways: set[str] = field(default_factory=set)


class Lines:
    """Looks at the lines while the session is live; ``course`` says whether each look is written down."""

    def __init__(self, *, course: bool, now: datetime) -> None:
        self._course = course
        self._looked = now
        self._totals: dict[str, _Total] = {}

    def look(self, endpoints: Iterable[Endpoint], now: datetime) -> list[Effect]:
        """Every ``EVERY``: an entry with all lines of those who are here, or nothing but an addition."""
        if now - self._looked < EVERY:
            return []
        self._looked = now
        here = [endpoint for endpoint in endpoints if endpoint.line and endpoint.is_here(now)]
        if self._course:
            lines = [{"endpoint": each.id, **asdict(each.line)} for each in here if each.line]
            return [Record({"event": "lines", "lines": lines})] if lines else []
        for endpoint in here:
            self._add(endpoint)
        return []

    def _add(self, endpoint: Endpoint) -> None:
        line, total = endpoint.line, self._totals.setdefault(endpoint.id, _Total())
        assert line is not None
        total.looks += 1
        total.up_loss += line.up_loss
        total.down_loss += line.down_loss
        total.ways.add(line.way)
        if line.rtt_ms is not None:
            total.rtt_ms += line.rtt_ms
            total.timed += 1

    def ended(self) -> list[Effect]:
        """The totals, once the session is over; nothing where the course is on record, or nothing was seen."""
        lines = [_line(endpoint, total) for endpoint, total in self._totals.items()]
        return [Record({"event": "line-totals", "lines": lines})] if lines else []


def _line(endpoint: str, total: _Total) -> dict[str, Any]:
    return {
        "endpoint": endpoint,
        "seconds": total.looks * EVERY // timedelta(seconds=1),
        "up_loss": round(total.up_loss / total.looks, 4),
        "down_loss": round(total.down_loss / total.looks, 4),
        "rtt_ms": round(total.rtt_ms / total.timed, 1) if total.timed else None,
        "ways": sorted(total.ways),
    }
