"""Finding where a recording stands on disk, and putting what was torn aside, kept.

Nothing acknowledged is touched: only bytes after the last signed line, and bytes of segments no signed line speaks
of, are moved to ``aside/``. The chain is then rewritten as a new file, so that nothing rests on one whose last sync
failed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recordings.chain import Writing, sha256, walk
from recordings.filesystem import Disk
from recordings.layout import RecordingFiles


@dataclass(frozen=True, slots=True)
class Origin:
    """One instant of a take on three clocks, by which its times are converted."""

    boot: str
    mono_ns: int
    utc_ns: int
    ms: int

    def media_ms(self, mono_ns: int) -> int:
        """Media milliseconds of a monotonic instant; never negative."""
        return max(0, self.ms + (mono_ns - self.mono_ns) // 1_000_000)

    def to_utc_ns(self, mono_ns: int) -> int:
        return self.utc_ns + mono_ns - self.mono_ns

    def mono_of(self, ms: int) -> int:
        return self.mono_ns + (ms - self.ms) * 1_000_000


@dataclass(slots=True)
class Standing:
    """Where a recording stands: everything its next record depends on."""

    writing: Writing
    take: int = 0
    segment: int = 0
    last_ms: int = 0
    last_entry: int = 0
    entries: int = 0
    frames: int = 0
    packets: int = 0
    bytes: int = 0
    gaps: int = 0
    origin: Origin | None = None
    closed: bool = False
    policy: str = ""
    aside: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_fresh(self) -> bool:
        return self.writing.number == 0


@dataclass(frozen=True, slots=True)
class Found:
    """A chain as it lies on disk, up to the last line that stands."""

    standing: Standing
    bodies: tuple[Mapping[str, Any], ...]
    kept: bytes

    def of(self, kind: str) -> Iterator[Mapping[str, Any]]:
        return (body for body in self.bodies if body["type"] == kind)


def look(files: RecordingFiles, recording: str, durable: int | None = None) -> Found:
    """Read the chain; with ``durable`` only lines numbered below it stand: a later one was written, but its sync
    failed, and what it speaks of will be written again."""
    raw = files.chain.read_bytes() if files.chain.exists() else b""
    lines = walk(raw).lines
    stands = [line for line in lines if line.is_signed and (durable is None or line.body["n"] < durable)]
    last = max((line.index for line in stands), default=-1)
    standing = Standing(Writing(recording))
    kept = bytearray()
    for line in lines[: last + 1]:
        kept += line.raw
        standing.writing.add(line.raw)
        if line.body:
            _count(standing, line.body)
            standing.writing.number = line.body["n"] + 1
    return Found(standing, tuple(line.body for line in lines[: last + 1] if line.body), bytes(kept))


def _count(standing: Standing, body: Mapping[str, Any]) -> None:
    standing.last_ms = max(standing.last_ms, body["ms"] if body["type"] != "frame" else body["to_ms"])
    match body["type"]:
        case "genesis":
            standing.policy = body["policy"]
        case "take":
            standing.take = body["take"]
            standing.origin = Origin(body["boot"], int(body["mono_ns"]), int(body["utc_ns"]), body["ms"])
        case "frame":
            standing.frames += 1
            standing.packets += body["packets"]
            standing.bytes += body["length"]
            standing.segment = max(standing.segment, body["segment"])
        case "gap":
            standing.gaps += 1
        case "log":
            standing.entries += 1
            standing.last_entry = max(standing.last_entry, body["number"])
        case "close":
            standing.closed = True


def recover(disk: Disk, files: RecordingFiles, recording: str, durable: int | None = None) -> Standing:
    """Put torn tails aside and return where the recording stands. Running it again changes nothing.

    ``durable``: see ``look``. Raises ``OSError``.
    """
    found = look(files, recording, durable)
    standing = found.standing
    if standing.closed:
        return standing
    prefix = f"take-{standing.take + 1}-"
    if files.chain.exists():
        tail = files.chain.read_bytes()[len(found.kept) :]
        _keep(disk, files, prefix + "chain.tail", tail)
        disk.write_whole(files.chain, found.kept)
    _recover_log(disk, files, prefix, found)
    _recover_segments(disk, files, prefix, found)
    standing.segment = max([standing.segment, *files.segments(), *_aside_segments(files)])
    standing.aside = _listing(files, prefix)
    return standing


def _recover_log(disk: Disk, files: RecordingFiles, prefix: str, found: Found) -> None:
    if not files.log.exists():
        return
    raw = files.log.read_bytes()
    spoken = {body["stored"] for body in found.of("log")}
    length, offset = 0, 0
    for line in raw.splitlines(keepends=True):
        offset += len(line)
        if sha256(line) in spoken:
            length = offset
    _keep(disk, files, prefix + "log.tail", raw[length:])
    disk.write_whole(files.log, raw[:length])


def _recover_segments(disk: Disk, files: RecordingFiles, prefix: str, found: Found) -> None:
    signed: dict[int, int] = {}
    for body in found.of("frame"):
        signed[body["segment"]] = max(signed.get(body["segment"], 0), body["offset"] + body["length"])
    for number, path in files.segments().items():
        length = signed.get(number, 0)
        if path.stat().st_size <= length and length:
            continue
        if not length:
            disk.make_dir(files.aside)
            disk.rename(path, files.aside / f"{prefix}{path.name}")
            continue
        with path.open("rb") as file:
            file.seek(length)
            _keep(disk, files, f"{prefix}{path.name}.tail", file.read())
        disk.truncate(path, length)


def _keep(disk: Disk, files: RecordingFiles, name: str, data: bytes) -> None:
    if data:
        disk.make_dir(files.aside)
        disk.write_whole(files.aside / name, data)


def _listing(files: RecordingFiles, prefix: str) -> list[dict[str, Any]]:
    def described(path: Path) -> dict[str, Any]:
        data = path.read_bytes()
        return {"file": path.name, "bytes": len(data), "sha256": sha256(data)}

    found = sorted(files.aside.glob(f"{prefix}*")) if files.aside.is_dir() else []
    return [described(path) for path in found if path.suffix != ".new"]


def _aside_segments(files: RecordingFiles) -> list[int]:
    """Numbers of segments put aside, which are never used again."""
    names = (path.name for path in files.aside.glob("take-*-seg-*")) if files.aside.is_dir() else ()
    return [int(name.split("seg-")[1].partition(".")[0]) for name in names]
