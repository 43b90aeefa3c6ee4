"""What verifying a recording can say, for programs and for people. Pure; needs nothing but the standard library."""

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


class Verdict(enum.StrEnum):
    """Of one range of time, or of the whole."""

    INTACT = "INTACT"
    GAP = "GAP"
    """Nothing was kept, and the recorder said so, signed."""
    MISSING = "MISSING"
    """Something signed for is not there."""
    MODIFIED = "MODIFIED"
    """Something is not what was signed."""
    TAIL = "TAIL"
    """After the last signed line: nothing vouches for it."""
    CLOCK_SUSPECT = "CLOCK-SUSPECT"
    """Unaltered, but the wall clock was moved against the monotonic one: times of day are doubtful."""
    UNPINNED = "UNPINNED"
    """Agrees with its own signatures, but whose they are is not known here."""
    ERASED = "ERASED"
    """Destroyed on purpose, and the site signed that it was."""
    INCOMPLETE = "INCOMPLETE"
    """Of the whole only: unaltered as far as it goes, but the end was never signed."""
    UNUSABLE = "UNUSABLE"
    """Of the whole only: this is not a recording."""


_WEIGHT = (
    Verdict.MODIFIED,
    Verdict.MISSING,
    Verdict.GAP,
    Verdict.ERASED,
    Verdict.TAIL,
    Verdict.UNPINNED,
    Verdict.CLOCK_SUSPECT,
    Verdict.INTACT,
)
_EXIT = {
    Verdict.INTACT: 0,
    Verdict.MODIFIED: 1,
    Verdict.MISSING: 1,
    Verdict.UNUSABLE: 2,
    Verdict.ERASED: 3,
    Verdict.INCOMPLETE: 3,
    Verdict.UNPINNED: 3,
}


@dataclass(frozen=True, slots=True)
class Range:
    """A verdict over media time ``[from_ms, to_ms)``; a point in time when both are equal."""

    from_ms: int
    to_ms: int
    verdict: Verdict
    cause: str = ""
    """Stable word; empty for INTACT."""
    where: Mapping[str, int | str] = field(default_factory=dict)
    """``segment``, ``frame``, ``line``, ``file``, ``track``, as far as they are known."""
    from_utc: datetime | None = None
    to_utc: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "from_ms": self.from_ms,
            "to_ms": self.to_ms,
            "from_utc": self.from_utc.isoformat() if self.from_utc else None,
            "to_utc": self.to_utc.isoformat() if self.to_utc else None,
            "verdict": self.verdict.value,
            "cause": self.cause,
            **self.where,
        }


@dataclass(frozen=True, slots=True)
class Provenance:
    """Whose recording this is, and how that is known."""

    sites: tuple[str, ...] = ()
    """Fingerprints of the site keys that signed."""
    pinned_by: str = ""
    """``trust-file``, ``data-directory``, or empty when the site is unknown."""
    foreign: bool = False
    """A key was pinned, and it is not the one that signed."""
    timestamps: tuple[Mapping[str, Any], ...] = ()
    """Tokens checked: ``ms``, ``at``, ``authority``, ``ok``."""


@dataclass(frozen=True, slots=True)
class Verification:
    """The answer of ``verify``."""

    recording: str
    ranges: tuple[Range, ...]
    provenance: Provenance
    closed: bool = False
    takes: int = 0
    frames: int = 0
    bytes: int = 0
    duration_ms: int = 0
    digest: str = ""
    """SHA-256 of the last signed line: the figure printed on the statement."""
    remarks: tuple[str, ...] = ()
    """Stable words for what is no fault: ``not-timestamped``, ``clock-not-synchronised``, ``erased``, …"""
    unusable: str = ""
    """Why this is not a recording; empty when it is one."""

    @property
    def verdict(self) -> Verdict:
        found = {item.verdict for item in self.ranges}
        if self.unusable:
            return Verdict.UNUSABLE
        for worst in (Verdict.MODIFIED, Verdict.MISSING):
            if worst in found:
                return worst
        if "erased" in self.remarks:
            return Verdict.ERASED
        if not self.closed or Verdict.TAIL in found:
            return Verdict.INCOMPLETE
        return Verdict.INTACT if self.provenance.pinned_by else Verdict.UNPINNED

    @property
    def exit_code(self) -> int:
        """0 intact · 1 modified or missing · 2 unusable input · 3 incomplete, tail or unpinned."""
        return _EXIT[self.verdict]

    def findings(self) -> tuple[Range, ...]:
        """Everything that is not INTACT."""
        return tuple(item for item in self.ranges if item.verdict is not Verdict.INTACT)

    def brief(self, most: int = 200) -> dict[str, Any]:
        """The same as ``to_json``, but of the ranges only the first ``most`` that are not INTACT: what is kept."""
        said = self.to_json()
        return said | {"ranges": [item.to_json() for item in self.findings()[:most]]}

    def to_json(self) -> dict[str, Any]:
        return {
            "recording": self.recording,
            "verdict": self.verdict.value,
            "exit": self.exit_code,
            "closed": self.closed,
            "takes": self.takes,
            "frames": self.frames,
            "bytes": self.bytes,
            "duration_ms": self.duration_ms,
            "digest": self.digest,
            "ranges": [item.to_json() for item in self.ranges],
            "provenance": {
                "sites": list(self.provenance.sites),
                "pinned_by": self.provenance.pinned_by,
                "foreign": self.provenance.foreign,
                "timestamps": [dict(item) for item in self.provenance.timestamps],
            },
            "remarks": list(self.remarks),
            "unusable": self.unusable,
        }


def flatten(ranges: Iterable[Range]) -> list[Range]:
    """Cut overlapping ranges so that each instant has its gravest verdict; equal neighbours become one."""
    points = [item for item in ranges if item.from_ms >= item.to_ms]
    spans = [item for item in ranges if item.from_ms < item.to_ms]
    edges: dict[int, tuple[list[Range], list[Range]]] = {}
    for item in spans:
        edges.setdefault(item.from_ms, ([], []))[0].append(item)
        edges.setdefault(item.to_ms, ([], []))[1].append(item)
    cut: list[Range] = []
    active: dict[int, Range] = {}
    since = 0
    for edge in sorted(edges):
        if active and since < edge:
            gravest = min(active.values(), key=lambda item: _WEIGHT.index(item.verdict))
            _append(cut, Range(since, edge, gravest.verdict, gravest.cause, gravest.where))
        for item in edges[edge][1]:
            active.pop(id(item), None)
        active.update((id(item), item) for item in edges[edge][0])
        since = edge
    return sorted([*cut, *_distinct(points)], key=lambda item: (item.from_ms, item.to_ms))


def _append(cut: list[Range], item: Range) -> None:
    last = cut[-1] if cut else None
    if (
        last
        and last.to_ms == item.from_ms
        and (last.verdict, last.cause, last.where) == (item.verdict, item.cause, item.where)
    ):
        cut[-1] = Range(last.from_ms, item.to_ms, item.verdict, item.cause, item.where)
    else:
        cut.append(item)


def _distinct(points: Sequence[Range]) -> list[Range]:
    found: list[Range] = []
    for item in points:
        if item not in found[-8:]:
            found.append(item)
    return found
