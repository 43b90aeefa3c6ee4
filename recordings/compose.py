"""One picture of a whole session: everybody who was seen and heard, the running clock, a notice in every gap.

Video is encoded in pieces of two minutes that are kept, encrypted, until the end: an interrupted run goes on with the
next piece. Runs in a niced program of its own (``recordings.work``); PyAV blocks.
"""

import contextlib
import hashlib
import json
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import av
import numpy as np
from av.packet import Packet

from core.clock import Clock
from core.texts import Texts
from recordings import derived, keys, scrub, summary, words
from recordings.canonical import instant
from recordings.captions import CLOSE, NO_PICTURE, SCREEN, WIDE, role_words
from recordings.derived import SealedReader, SealedWriter, Sidecar
from recordings.faststart import faststart
from recordings.feeds import RATE, AudioFeed, VideoFeed
from recordings.filesystem import Disk
from recordings.keys import SiteKeys
from recordings.layout import RecordingFiles
from recordings.picture import HEIGHT, OCHRE, PAPER, STAGE, WIDTH, Box, Canvas, Layout, arrange, bar, notice
from recordings.reader import Reader
from recordings.take import SOFTWARE
from recordings.verdicts import Range, Verdict

FPS = 25
PIECE_S = 120
NAME = "composed.mp4"
_PACKET = struct.Struct(">qBI")
_STEP_NS = 1_000_000_000 // FPS
_CHINESE = Texts("zh-CN")
_SUBJECTS = ("detainee", "victim", "witness", "room", "guest", "party", "guardian", "lawyer")
"""Roles that stand large, in this order."""
_VIEWS = {"close": 0, "wide": 2}
"""Publications of a room's own cameras, and where they stand beside its terminal."""

Progress = Callable[[int, int], None]
"""Called with seconds done and seconds in all."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the composed picture should say, and hide."""

    title: str = ""
    """Left of the bar; by default the session's kind and id."""
    labels: Mapping[str, str] | None = None
    """Per endpoint: role and name, or alias, as policy allows; by default the role alone."""
    zone: str = "Asia/Shanghai"
    protected: frozenset[str] = frozenset()
    """Endpoints whose picture is masked and voice altered."""

    @property
    def file(self) -> str:
        return f"{derived.PROTECTED}{self._mark}-{NAME}" if self.protected else NAME

    @property
    def _mark(self) -> str:
        """Another for everybody else who is hidden, and for other words under the pictures."""
        hides = json.dumps([sorted(self.protected), sorted((self.labels or {}).items())])
        return hashlib.sha256(hides.encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class _Source:
    endpoint: str
    publication: str
    label: str
    files: Sequence[Sidecar]

    def is_present(self, at_ns: int) -> bool:
        """Whether it has a place in the picture: from just before its first packet until just after its last."""
        end_ms = max(item.start_ms + item.duration_ms for item in self.files)
        return self.files[0].start_ms - 1000 <= at_ns // 1_000_000 < end_ms + 2000


@dataclass(frozen=True, slots=True)
class Composer:
    """Composes recordings of one data directory. Their participants' files must have been made."""

    data_dir: Path
    site: Callable[[], SiteKeys]
    clock: Clock
    disk: Disk

    def run(self, recording: str, wishes: Wishes | None = None, progress: Progress | None = None) -> Sidecar | None:
        """Return the composed file's sidecar; ``None`` when there is no picture and no sound to compose.

        Raises ``KeyMissing``, ``OSError``, ``picture.FontMissing``.
        """
        wishes = wishes or Wishes()
        site = self.site()
        files = RecordingFiles.of(self.data_dir, recording)
        data_key = keys.load_data_key(site, files, recording)
        head = Reader(files, data_key).head
        made = derived.sidecars(files.derived)
        old = derived.outdated(made) | set(scrub.spoilt_derived(files))
        done = next((item for item in made if item.file == wishes.file and item.chain == head), None)
        if done is not None and done.file not in old:
            return done
        sources = _sources([item for item in made if item.kind == "participant"], wishes)
        if not sources:
            return None
        work = _Work(self, files, data_key, summary.read(files), sources, wishes, head)
        return work.run(site, progress or (lambda done, total: None))


def _sources(made: Sequence[Sidecar], wishes: Wishes) -> list[_Source]:
    groups: dict[tuple[str, str], list[Sidecar]] = {}
    for item in made:
        groups.setdefault((item.endpoint, item.publication), []).append(item)
    found = []
    for (endpoint, publication), items in groups.items():
        items.sort(key=lambda item: (item.start_ms, item.part))
        label = (wishes.labels or {}).get(endpoint) or role_words(items[0].role)
        beside = {"wide": f" · {WIDE}", "close": f" · {CLOSE}", "screen": f" · {SCREEN}"}.get(publication, "")
        found.append(_Source(endpoint, publication, label + beside, items))
    return sorted(found, key=_rank)


def _heard(sources: Sequence[_Source]) -> list[_Source]:
    """Whose sound is mixed: that of a room is its terminal's, unless only another camera of the room brings any."""
    terminals = {source.endpoint for source in sources if source.publication not in _VIEWS}
    return [source for source in sources if source.publication not in _VIEWS or source.endpoint not in terminals]


def _rank(source: _Source) -> tuple[int, int, str, int]:
    """A shared screen first, then whoever the session is about; of a room close camera, terminal, wide camera."""
    role = source.files[0].role
    subject = _SUBJECTS.index(role) if role in _SUBJECTS else len(_SUBJECTS)
    return (source.publication != "screen", subject, source.endpoint, _VIEWS.get(source.publication, 1))


class _Work:
    """One composition."""

    def __init__(
        self,
        composer: Composer,
        files: RecordingFiles,
        data_key: bytes,
        said: summary.Summary,
        sources: Sequence[_Source],
        wishes: Wishes,
        head: str,
    ) -> None:
        self._disk, self._clock = composer.disk, composer.clock
        self._files, self._key, self._said, self._wishes, self._head = files, data_key, said, wishes, head
        self._sources = sources
        self._films = [item for source in sources for item in source.files]
        self._from = derived.sources_of(self._films)
        self._recording = files.root.name
        self._seconds = max(1, -(-said.duration_ms // 1000))
        self._zone = ZoneInfo(wishes.zone)
        self._title = wishes.title or f"{said.genesis['kind']} · {said.genesis['session']}"

    def run(self, site: SiteKeys, progress: Progress) -> Sidecar:
        for first in range(0, self._seconds, PIECE_S):
            last = min(first + PIECE_S, self._seconds)
            if not self._piece(first).exists():
                self._encode_piece(first, last, lambda done: progress(done, self._seconds))
            progress(last, self._seconds)
        length, content, stored = self._assemble()
        sidecar = self._sidecar(length, content, stored)
        path = self._files.derived / f"{self._wishes.file}.json"
        self._disk.write_whole(path, derived.sign_sidecar(sidecar, site))
        for first in range(0, self._seconds, PIECE_S):
            self._piece(first).unlink(missing_ok=True)
        self._disk.sync_dir(self._files.derived)
        return sidecar

    # Picture

    def _piece(self, first: int) -> Path:
        """Pieces belong to one chain head, the files they show and one set of wishes: another run never takes them for
        its own."""
        said = self._wishes
        wishes = json.dumps([self._title, said.zone, sorted((said.labels or {}).items()), sorted(said.protected)])
        mark = hashlib.sha256(f"{self._head} {self._from} {wishes}".encode()).hexdigest()[:12]
        return self._files.derived / f".piece-{mark}-{first:06d}"

    def _encode_piece(self, first: int, last: int, progress: Callable[[int], None]) -> None:
        path = self._piece(first)
        beside = path.with_name(path.name + ".part")
        writer = SealedWriter(self._disk, beside, self._key, self._recording)
        try:
            encoder = _encoder()
            for packet in self._encoded(encoder, first, last, progress):
                data = bytes(packet)
                writer.write(_PACKET.pack(packet.pts, packet.is_keyframe, len(data)) + data)
            writer.finish()
        except BaseException:
            writer.discard()
            beside.unlink(missing_ok=True)
            raise
        self._disk.rename(beside, path)

    def _encoded(self, encoder: Any, first: int, last: int, progress: Callable[[int], None]) -> Iterator[Any]:
        stage = _Stage(self._sources, self._feeds(first), self._gaps(), self._title)
        for second in range(first, last):
            local, utc = self._clocks(second)
            for step in range(FPS):
                stage.draw((second * FPS + step) * _STEP_NS, local, utc)
                frame = av.VideoFrame.from_ndarray(stage.canvas.packed, "yuv420p")
                frame.pts, frame.time_base = second * FPS + step, Fraction(1, FPS)
                yield from encoder.encode(frame)
            progress(second + 1)
        yield from encoder.encode(None)

    def _feeds(self, first: int) -> list[VideoFeed]:
        return [
            VideoFeed(
                self._files.derived,
                source.files,
                self._key,
                first * 1_000_000_000,
                masked=source.endpoint in self._wishes.protected,
            )
            for source in self._sources
        ]

    def _gaps(self) -> list[tuple[int, int, list[str]]]:
        """Times for which nothing was kept, with what the notice says."""
        found = []
        for body in self._said.gaps:
            if body.get("track") is None:
                start, end = self._said.utc(body["from_ms"]), self._said.utc(body["to_ms"])
                why, _ = words.cause(Range(0, 0, Verdict.GAP, str(body["cause"])))
                lines = ["录制中断", f"{self._local(start)} – {self._local(end)}", _CHINESE(why), why]
                found.append((body["from_ms"] * 1_000_000, body["to_ms"] * 1_000_000, lines))
        return found

    def _clocks(self, second: int) -> tuple[str, str]:
        at = self._said.utc(second * 1000)
        return f"{at.astimezone(self._zone):%Y-%m-%d %H:%M:%S}", f"UTC {at:%H:%M:%S}"

    def _local(self, at: datetime) -> str:
        return f"{at.astimezone(self._zone):%H:%M:%S}"

    # Sound and file

    def _assemble(self) -> tuple[int, str, str]:
        """Mux the pieces with the mixed sound; return length and both digests of the finished file."""
        raw = self._files.derived / f".{self._wishes.file}.raw.part"
        writer = SealedWriter(self._disk, raw, self._key, self._recording)
        container: Any = av.open(writer, "w", format="mp4")
        video = container.add_stream("libx264", rate=FPS, options=dict(_OPTIONS))
        video.width, video.height, video.pix_fmt, video.gop_size = WIDTH, HEIGHT, "yuv420p", FPS * 2
        audio = container.add_stream("aac", rate=RATE, layout="mono")
        audio.bit_rate = 64_000
        sound = self._sound()
        for second in range(self._seconds):
            for packet in audio.encode(next(sound)):
                container.mux(packet)
            if second % PIECE_S == 0:
                self._mux_piece(container, video, second)
        for packet in audio.encode(None):
            container.mux(packet)
        container.close()
        writer.finish()
        return self._finish(raw)

    def _mux_piece(self, container: Any, video: Any, first: int) -> None:
        with SealedReader(self._piece(first), self._key, self._recording) as reader:
            at = 0
            while at < reader.length:
                pts, is_key, size = _PACKET.unpack(reader.read(at, _PACKET.size))
                packet: Any = Packet(reader.read(at + _PACKET.size, size))
                packet.stream, packet.time_base = video, Fraction(1, FPS)
                packet.pts = packet.dts = pts
                packet.duration, packet.is_keyframe = 1, bool(is_key)
                container.mux(packet)
                at += _PACKET.size + size

    def _sound(self) -> Iterator[Any]:
        feeds = [
            AudioFeed(self._files.derived, s.files, self._key, altered=s.endpoint in self._wishes.protected)
            for s in _heard(self._sources)
        ]
        for second in range(self._seconds):
            block = np.zeros(RATE, np.float32)
            for feed in feeds:
                feed.mix_into(block, second * RATE)
            frame = av.AudioFrame.from_ndarray(np.clip(block, -1, 1)[None, :], "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, second * RATE, Fraction(1, RATE)
            yield frame

    def _finish(self, raw: Path) -> tuple[int, str, str]:
        target = self._files.derived / self._wishes.file
        beside = target.with_name(target.name + ".part")
        writer = SealedWriter(self._disk, beside, self._key, self._recording)
        with SealedReader(raw, self._key, self._recording) as reader:
            faststart(reader, writer)
        content, stored = writer.finish()
        self._disk.rename(beside, target)
        with contextlib.suppress(FileNotFoundError):
            raw.unlink()
        return writer.length, content, stored

    def _sidecar(self, length: int, content: str, stored: str) -> Sidecar:
        return Sidecar(
            file=self._wishes.file,
            kind="composed",
            media_type="video/mp4",
            endpoint="",
            publication="composed",
            role="",
            part=1,
            start_ms=0,
            duration_ms=self._seconds * 1000,
            length=length,
            content_sha256=content,
            stored_sha256=stored,
            recording=self._recording,
            chain=self._head,
            frames=min(item.frames for item in self._films),
            made_by=SOFTWARE,
            made_at=instant(self._clock.now()),
            remarks=tuple(sorted(self._remarks())),
            sources=self._from,
        )

    def _remarks(self) -> set[str]:
        """What the participants' files do not show, this does not either."""
        left_out = {remark for item in self._films for remark in item.remarks}
        return left_out | ({"masked"} if self._wishes.protected else set())


class _Stage:
    """Draws instant after instant; redraws only what changed."""

    def __init__(
        self,
        sources: Sequence[_Source],
        feeds: Sequence[VideoFeed],
        gaps: Sequence[tuple[int, int, list[str]]],
        title: str,
    ) -> None:
        self.canvas = Canvas()
        self._sources, self._feeds, self._gaps, self._title = sources, feeds, gaps, title
        self._drawn: object = None
        self._times = ""

    def draw(self, at_ns: int, local: str, utc: str) -> None:
        if local + utc != self._times:
            self._times = local + utc
            bar(self.canvas, self._title, local, utc)
        changed = [feed.advance(at_ns) for feed in self._feeds]
        gap = next((lines for start, end, lines in self._gaps if start <= at_ns < end), None)
        if gap is not None:
            if self._drawn is not gap:
                notice(self.canvas, gap)
                self._drawn = gap
            return
        present = [i for i, source in enumerate(self._sources) if source.is_present(at_ns)]
        state = (
            tuple(present),
            tuple(self._feeds[i].has_stopped(at_ns) for i in present),
            tuple(self._feeds[i].is_blank for i in present),
        )
        if state != self._drawn or any(changed):
            self._tiles(present, at_ns, fresh=state != self._drawn)
            self._drawn = state

    def _tiles(self, present: Sequence[int], at_ns: int, *, fresh: bool) -> None:
        if fresh:
            self.canvas.fill(Box(0, 0, WIDTH, HEIGHT - 48), STAGE)
        layout = self._layout(present)
        boxes = arrange(len(present), layout)
        for position, (index, box) in enumerate(zip(present, boxes, strict=False)):
            inset = position > 0 and len(present) == 2 and layout is Layout.EQUAL
            self._tile(self._sources[index], self._feeds[index], box, at_ns, inset=inset)

    def _layout(self, present: Sequence[int]) -> Layout:
        """A shared screen, or the close camera of a room whose wide one is there too, stands large."""
        shown = [self._sources[index] for index in present]
        if shown and shown[0].publication == "screen":
            return Layout.SCREEN
        wide = {source.endpoint for source in shown if source.publication == "wide"}
        if shown and shown[0].publication != "wide" and shown[0].endpoint in wide:
            return Layout.ROOM
        return Layout.EQUAL

    def _tile(self, source: _Source, feed: VideoFeed, box: Box, at_ns: int, *, inset: bool) -> None:
        if inset:
            self.canvas.frame(box, PAPER)
            self.canvas.fill(box, STAGE)
        if feed.is_blank:
            self.canvas.fill(box, STAGE)
            self.canvas.caption(box, f"{source.label} · {NO_PICTURE}", OCHRE)
            return
        place, packed = feed.scaled(box)
        self.canvas.picture(place, packed)
        if feed.has_stopped(at_ns):
            self.canvas.dim(place)
            self.canvas.caption(place, f"{source.label} · 画面中断 picture stopped", OCHRE)
            return
        self.canvas.caption(place, source.label)


_OPTIONS = {"preset": "superfast", "crf": "27", "threads": "1", "x264-params": "bframes=0:keyint=50:scenecut=0"}


def _encoder() -> Any:
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.time_base, encoder.framerate, encoder.gop_size = Fraction(1, FPS), Fraction(FPS), FPS * 2
    encoder.options = dict(_OPTIONS)
    return encoder
