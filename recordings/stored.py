"""Whether the stored bytes of each second are what its ``frame`` record says. Reads files, changes nothing."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from recordings.frames import HEADER, TAG
from recordings.layout import RecordingFiles, opened_segments
from recordings.verdicts import Range, Verdict

Body = Mapping[str, Any]
_CHUNK = 1 << 20


@dataclass(slots=True)
class Stored:
    """What was found: verdicts over time, and how many bytes were read."""

    ranges: list[Range] = field(default_factory=list)
    bytes: int = 0


def check_stored(files: RecordingFiles, bodies: Sequence[Body], end: int, *, erased: bool) -> Stored:
    """Compare every segment with the ``frame`` records among ``bodies``. ``end``: media time of the chain's end;
    ``erased``: the content was destroyed on purpose, so that its absence is no finding."""
    found = Stored()
    by_segment: dict[int, list[Body]] = {}
    for body in bodies:
        if body["type"] == "frame":
            by_segment.setdefault(body["segment"], []).append(body)
    present, opened = files.segments(), opened_segments(files.root)
    for number, frames in by_segment.items():
        path, plain = present.pop(number, None), opened.pop(number, None)
        if path is None and plain is not None:
            _check_bytes(found, number, frames, plain, _plain_places(frames), "plain", erased=erased)
        else:
            places = [(body["offset"], body["length"]) for body in frames]
            _check_bytes(found, number, frames, path, places, "stored", erased=erased)
    for number, path in [*present.items(), *opened.items()]:
        where: dict[str, int | str] = {"segment": number, "file": path.name}
        found.ranges.append(Range(end, end, Verdict.TAIL, "segment-unsigned", where))
    return found


def _plain_places(frames: Sequence[Body]) -> list[tuple[int, int]]:
    """Where each frame lies in the decrypted segment of an exported bundle."""
    lengths = [body["length"] - HEADER.size - TAG for body in frames]
    return [(sum(lengths[:index]), length) for index, length in enumerate(lengths)]


def _check_bytes(
    found: Stored,
    number: int,
    frames: Sequence[Body],
    path: Path | None,
    places: Sequence[tuple[int, int]],
    digest: str,
    *,
    erased: bool,
) -> None:
    size = path.stat().st_size if path and path.is_file() else -1
    if path is None or size < 0:
        absent = (Verdict.ERASED, "erased") if erased else (Verdict.MISSING, "segment-missing")
        found.ranges += [_frame_range(body, *absent) for body in frames]
        return
    with path.open("rb") as file:
        found.ranges += _check_frames(file, frames, places, digest, size)
    found.bytes += size
    if size > max(offset + length for offset, length in places):
        at = frames[-1]["to_ms"]
        found.ranges.append(Range(at, at, Verdict.TAIL, "segment-tail", {"segment": number}))


def _check_frames(
    file: BinaryIO, frames: Sequence[Body], places: Sequence[tuple[int, int]], digest: str, size: int
) -> Iterator[Range]:
    for body, (offset, length) in zip(frames, places, strict=True):
        file.seek(max(0, offset))
        fits = body[digest] == _digest(file, min(length, size))
        if offset + length > size:
            yield _frame_range(body, Verdict.MISSING, "segment-cut")
        elif not fits:
            yield _frame_range(body, Verdict.MODIFIED, "frame-altered")
        else:
            yield Range(body["from_ms"], body["to_ms"], Verdict.INTACT)


def _frame_range(body: Body, verdict: Verdict, cause: str) -> Range:
    where = {"segment": body["segment"], "frame": body["frame"]}
    return Range(body["from_ms"], max(body["to_ms"], body["from_ms"] + 1), verdict, cause, where)


def _digest(file: BinaryIO, length: int) -> str:
    digest = hashlib.sha256()
    while length > 0 and (data := file.read(min(length, _CHUNK))):
        digest.update(data)
        length -= len(data)
    return digest.hexdigest()
