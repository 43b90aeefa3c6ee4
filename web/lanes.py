"""One recording on one scale: who was there, what was kept of each, when it ran or was held, and what is missing.

Pure. Everything comes from the chain, so that the picture says what was signed and nothing else.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from recordings.models import DerivedFile
from recordings.summary import Summary
from recordings.verdicts import Verdict

Body = Mapping[str, Any]
NARROWEST = 0.6
"""Percent of the scale that is drawn at least, so that a gap of a second in eight hours is seen."""
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
_COMES, _GOES = frozenset({"joined", "back"}), frozenset({"away", "left", "refused", "ejected", "withdrawn"})
_DAMAGE = frozenset({Verdict.MODIFIED.value, Verdict.MISSING.value, Verdict.TAIL.value})


class Sort(StrEnum):
    """What a span says."""

    RUNNING = "running"
    HELD = "held"
    PRESENT = "present"
    KEPT = "kept"
    """Picture or sound can be played."""
    GAP = "gap"
    """Nothing was kept, and the recorder said so."""
    DAMAGED = "damaged"
    """The last check found that this is not what was signed."""


@dataclass(frozen=True, slots=True)
class Span:
    """Something from one media time to another. ``left`` and ``width`` are percent of the scale."""

    sort: Sort
    from_ms: int
    to_ms: int
    left: float
    width: float
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Lane:
    """One participant, or the session itself when ``endpoint`` is empty. Spans stand in order of time."""

    endpoint: str
    role: str
    spans: Sequence[Span]


@dataclass(frozen=True, slots=True)
class Mark:
    """A marker set while it was recorded: ``number`` is its entry in the log."""

    number: int
    ms: int
    left: float


@dataclass(frozen=True, slots=True)
class Lanes:
    """The whole picture. ``ticks`` are the scale as ``(percent, media time)``."""

    duration_ms: int
    session: Lane
    people: Sequence[Lane]
    marks: Sequence[Mark]
    ticks: Sequence[tuple[float, int]]

    def missing(self) -> list[Span]:
        """Gaps and damage, each once, in order of time."""
        found = {
            (span.from_ms, span.to_ms, span.sort, span.cause): span
            for lane in (self.session, *self.people)
            for span in lane.spans
            if span.sort in (Sort.GAP, Sort.DAMAGED)
        }
        return sorted(found.values(), key=lambda span: (span.from_ms, span.to_ms))


def lanes(said: Summary, files: Iterable[DerivedFile], findings: Iterable[Body] = ()) -> Lanes:
    """The lanes of a recording, from its chain, its playable files and what the last check found."""
    scale = _Scale(max(1, said.duration_ms))
    entries = [(max(0, int(body["entry_ms"])), body["public"], int(body["number"])) for body in said.log]
    session = [*_states(scale, entries), *_gaps(scale, said, None), *_damage(scale, findings)]
    kept = [file for file in files if file.kind == "participant"]
    roles = _roles(said, entries, kept)
    people = [
        Lane(
            endpoint,
            role,
            _ordered(
                [
                    *_presence(scale, entries, endpoint),
                    *(_kept(scale, file) for file in kept if file.endpoint == endpoint),
                    *_gaps(scale, said, endpoint),
                ]
            ),
        )
        for endpoint, role in roles.items()
    ]
    marks = [Mark(n, ms, scale.share(ms)) for ms, public, n in entries if public.get("event") == "marker"]
    return Lanes(said.duration_ms, Lane("", "", _ordered(session)), people, marks, scale.ticks())


@dataclass(frozen=True, slots=True)
class _Scale:
    length: int

    def share(self, ms: int) -> float:
        return round(100 * min(max(ms, 0), self.length) / self.length, 3)

    def span(self, sort: Sort, start: int, end: int, cause: str = "") -> Span:
        left, width = self.share(start), self.share(end) - self.share(start)
        wide = max(NARROWEST, round(width, 3))
        return Span(sort, start, end, min(left, round(100 - wide, 3)), wide, cause)

    def ticks(self) -> list[tuple[float, int]]:
        """At most nine round times."""
        step = 1000 * next((step for step in _STEPS if self.length <= 8000 * step), _STEPS[-1])
        return [(self.share(ms), ms) for ms in range(0, self.length + 1, step)]


def _ordered(spans: Iterable[Span]) -> list[Span]:
    return sorted(spans, key=lambda span: (span.from_ms, list(Sort).index(span.sort)))


def _roles(said: Summary, entries: Iterable[tuple[int, Body, int]], kept: Iterable[DerivedFile]) -> dict[str, str]:
    """Every endpoint that came in, sent something, or can be played, in that order."""
    found: dict[str, str] = {}
    for _, public, _ in entries:
        if public.get("event") == "joined":
            found.setdefault(str(public.get("endpoint", "")), str(public.get("role", "")))
    for body in said.tracks:
        found.setdefault(str(body.get("endpoint", "")), str(body.get("role", "")))
    for file in kept:
        found.setdefault(file.endpoint, file.role)
    return found


def _states(scale: _Scale, entries: Sequence[tuple[int, Body, int]]) -> Iterable[Span]:
    """When it ran, and when it was held and why."""
    changes = [(ms, str(p.get("to")), str(p.get("reason", ""))) for ms, p, _ in entries if p.get("event") == "state"]
    ends = [ms for ms, _, _ in changes[1:]] + [scale.length]
    for (start, state, reason), end in zip(changes, ends, strict=False):
        if state == "live":
            yield scale.span(Sort.RUNNING, start, end)
        elif state == "held":
            yield scale.span(Sort.HELD, start, end, reason)


def _presence(scale: _Scale, entries: Iterable[tuple[int, Body, int]], endpoint: str) -> Iterable[Span]:
    since: int | None = None
    for ms, public, _ in entries:
        if public.get("endpoint") != endpoint:
            continue
        if public.get("event") in _COMES and since is None:
            since = ms
        elif public.get("event") in _GOES and since is not None:
            yield scale.span(Sort.PRESENT, since, ms)
            since = None
    if since is not None:
        yield scale.span(Sort.PRESENT, since, scale.length)


def _kept(scale: _Scale, file: DerivedFile) -> Span:
    return scale.span(Sort.KEPT, file.start_ms, file.start_ms + file.duration_ms)


def _gaps(scale: _Scale, said: Summary, endpoint: str | None) -> Iterable[Span]:
    """Gaps of one endpoint's tracks and of everybody; for ``None`` those of everybody."""
    mine = {body["track"] for body in said.tracks if body.get("endpoint") == endpoint}
    for body in said.gaps:
        if body["track"] is None or body["track"] in mine:
            yield scale.span(Sort.GAP, int(body["from_ms"]), int(body["to_ms"]), str(body["cause"]))


def _damage(scale: _Scale, findings: Iterable[Body]) -> Iterable[Span]:
    for item in findings:
        if item.get("verdict") in _DAMAGE:
            yield scale.span(Sort.DAMAGED, int(item["from_ms"]), int(item["to_ms"]), str(item.get("cause", "")))
