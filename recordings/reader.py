"""Reading a recording back: decrypted frames, packets per track on the recording's own timeline."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from recordings import frames, keys, logbook, pcapng
from recordings.chain import Walk, sha256, walk
from recordings.keys import SiteKeys
from recordings.layout import RecordingFiles

MS = 1_000_000


class TrackKey(NamedTuple):
    """A track of a recording: numbers begin anew with each take."""

    take: int
    number: int


@dataclass(frozen=True, slots=True)
class RecordedTrack:
    """What the recording says of a track."""

    key: TrackKey
    endpoint: str
    role: str
    publication: str
    kind: str
    codec: str
    clock_rate: int
    ssrc: int
    fmtp: str


class RecordedPacket(NamedTuple):
    """One packet; ``at_ns`` is when it arrived, in nanoseconds of media time."""

    track: TrackKey
    at_ns: int
    data: bytes
    is_report: bool


class Reader:
    """One recording, opened with its data key. Damaged frames are passed over and counted in ``unreadable``."""

    def __init__(self, files: RecordingFiles, data_key: bytes) -> None:
        self.files = files
        self.chain: Walk = walk(files.chain.read_bytes())
        self.bodies = list(self.chain.signed())
        self.recording = str(self.bodies[0]["recording"]) if self.bodies else files.root.name
        self.unreadable = 0
        self._key = data_key
        self._tag = frames.recording_tag(self.recording)
        self._takes = {body["take"]: body for body in self.bodies if body["type"] == "take"}

    @classmethod
    def open(cls, data_dir: Path, recording: str, site: SiteKeys) -> "Reader":
        """Raises ``KeyMissing``, ``OSError``, and ``ValueError`` for what is no recording id."""
        files = RecordingFiles.of(data_dir, recording)
        return cls(files, keys.load_data_key(site, files, recording))

    @property
    def head(self) -> str:
        """SHA-256 of the last signed line."""
        return next((sha256(line.raw) for line in reversed(self.chain.lines) if line.is_signed), "")

    @property
    def is_whole_chain(self) -> bool:
        """Whether every line of the chain is there and can be believed."""
        return not any(line.cause for line in self.chain.lines)

    @property
    def frames(self) -> int:
        """How many frames the chain names."""
        return sum(body["type"] == "frame" for body in self.bodies)

    def readable(self) -> int:
        """How many of them can be opened and read now. Reads them all."""
        before = self.unreadable
        for _ in self.packets():
            pass
        return self.frames - (self.unreadable - before)

    @property
    def duration_ms(self) -> int:
        return max((max(body["ms"], body.get("to_ms", 0)) for body in self.bodies), default=0)

    def tracks(self) -> dict[TrackKey, RecordedTrack]:
        """Every track the chain names."""
        found = {}
        for body in self.bodies:
            if body["type"] == "track" and body["event"] != "closed":
                track = _track(body["take"], body)
                found[track.key] = track
        return found

    def sections(self) -> Iterator[tuple[Mapping[str, Any], bytes]]:
        """Yield each frame's record and its plain bytes, in order."""
        for body in self.bodies:
            if body["type"] != "frame":
                continue
            try:
                yield body, self._open(body)
            except (OSError, frames.FrameError):
                self.unreadable += 1

    def packets(self) -> Iterator[RecordedPacket]:
        """Yield every packet in the order of arrival."""
        segment, known = 0, list[TrackKey]()
        for body, plain in self.sections():
            if body["segment"] != segment:
                segment, known = body["segment"], []
            try:
                yield from self._packets(body["take"], known, plain)
            except (pcapng.PcapngError, KeyError, TypeError, ValueError):
                self.unreadable += 1

    def log(self) -> Iterator[dict[str, Any]]:
        """Yield the whole log entries in order, each with its media time as ``ms``."""
        bodies = [body for body in self.bodies if body["type"] == "log"]
        for entry in entries(self.files, self.recording, self._key, bodies):
            if entry is None:
                self.unreadable += 1
            else:
                yield entry

    def _open(self, body: Mapping[str, Any]) -> bytes:
        path = self.files.segment(body["segment"])
        if not path.is_file():  # a pipe would be waited for
            raise FileNotFoundError(path.name)
        with path.open("rb") as file:
            file.seek(body["offset"])
            return frames.open_frame(self._key, self._tag, file.read(body["length"]))

    def _packets(self, take: int, known: list[TrackKey], plain: bytes) -> Iterator[RecordedPacket]:
        """``known`` holds the tracks of the segment's interfaces so far, and is added to."""
        origin = self._takes.get(take)
        if origin is None:
            return
        shift = origin["ms"] * MS - int(origin["utc_ns"])
        for interface, at_ns, data, is_report in pcapng.packets(
            plain, lambda said: known.append(TrackKey(take, int(said["track"])))
        ):
            if interface < len(known):
                yield RecordedPacket(known[interface], at_ns + shift, data, is_report)


def entries(
    files: RecordingFiles, recording: str, key: bytes, bodies: Iterable[Mapping[str, Any]]
) -> Iterator[dict[str, Any] | None]:
    """Yield the whole log entries that ``log`` records speak of, each with its media time as ``ms``; ``None`` for one
    that cannot be opened."""
    stored = {body["stored"]: body for body in bodies}
    raw = files.log.read_bytes() if files.log.exists() else b""
    for line in raw.splitlines(keepends=True):
        body = stored.get(sha256(line))
        if body is None:
            continue
        try:
            yield {**logbook.open_entry(key, recording, line), "ms": body["entry_ms"]}
        except frames.FrameError:
            yield None


def _track(take: int, body: Mapping[str, Any]) -> RecordedTrack:
    text = {name: str(body.get(name, "")) for name in ("endpoint", "role", "publication", "kind", "codec", "fmtp")}
    key = TrackKey(take, body["track"])
    return RecordedTrack(key, clock_rate=int(body.get("clock_rate") or 90_000), ssrc=int(body.get("ssrc", 0)), **text)
