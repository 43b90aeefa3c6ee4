"""Per-participant files: the packets of one endpoint's publication put on one timeline, nothing encoded again.

A new file begins only when the container cannot carry on: another codec, other H.264 parameter sets, or a picture of
another form. Sound never stops inside a file: where packets are missing it holds silence.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from recordings.depacketize import Assembler, Frame, Reorder, RtpPacket, opus_samples
from recordings.mux import SILENCE, SILENCE_SAMPLES, Output, VideoShape, silences
from recordings.reader import RecordedPacket, RecordedTrack, TrackKey
from recordings.timeline import PublicationClock, TrackClock

VIDEO = frozenset({"vp8", "h264"})
AUDIO = frozenset({"opus"})
MAX_SILENCE_NS = 24 * 3600 * 1_000_000_000
_JOIN_NS = 15_000_000
"""Sound that begins later than this after the last packet's end is preceded by silence."""
_WAIT_NS = 5_000_000_000
"""How far sound may be behind the picture before it is taken to be missing: longer than a lost packet is waited for."""
_RIVAL_NS = 2_000_000_000
"""How long the larger picture of two is preferred when both arrive."""


@dataclass(slots=True)
class Part:
    """One file being written."""

    number: int
    output: Output
    shape: VideoShape | None
    zero_ns: int
    audio_end_ns: int
    """Media time up to which sound was written."""


Open = Callable[[int, VideoShape | None, bool], Output]
"""Opens the file of a part: number, video shape, whether it has sound."""


class Publication:
    """Writes the files of one publication. Feed it packets in the order of arrival, then ``finish``."""

    def __init__(
        self,
        tracks: Sequence[RecordedTrack],
        clocks: Mapping[TrackKey, tuple[PublicationClock, TrackClock]],
        open_: Open,
    ) -> None:
        self._tracks = {track.key: _Track(track, *clocks[track.key]) for track in tracks if track.key in clocks}
        self._has_audio = any(track.kind == "audio" and track.codec in AUDIO for track in tracks)
        self._has_video = any(track.kind == "video" and track.codec in VIDEO for track in tracks)
        self._open = open_
        self._part: Part | None = None
        self._early: list[tuple[int, bytes]] = []
        """Sound from before the first picture, which decides the container."""
        self._picture: tuple[TrackKey, int, int] | None = None
        """Which track's picture is shown, its area, and when it last came."""
        self.done: list[Part] = []
        self.remarks: set[str] = {f"codec-left-out:{t.codec}" for t in tracks if t.codec not in VIDEO | AUDIO}

    def packet(self, packet: RecordedPacket) -> None:
        track = self._tracks.get(packet.track)
        if track is not None and not packet.is_report:
            for ready in track.reorder.push(packet.data, packet.at_ns):
                self._ordered(track, ready)

    def finish(self) -> list[Part]:
        """Write what is still held back and close; return the parts, possibly none."""
        for track in self._tracks.values():
            for ready in track.reorder.flush():
                self._ordered(track, ready)
        if self._part is None and self._early:
            self._begin(None, self._early[0][0])
        if self._part is not None:
            self._end()
        self.remarks |= {"pictures-left-out" for track in self._tracks.values() if track.dropped}
        return self.done

    def _ordered(self, track: "_Track", packet: RtpPacket) -> None:
        if track.assembler is None:
            self._sound(track.media_ns(packet.timestamp), packet.payload)
            return
        for frame in track.assembler.push(packet):
            self._frame(track, frame, track.media_ns(frame.timestamp))

    # Sound

    def _sound(self, at_ns: int, data: bytes) -> None:
        samples = opus_samples(data)
        if not samples:
            return
        if self._part is None:
            if self._has_video:
                self._early.append((at_ns, data))
                return
            self._begin(None, at_ns)
        assert self._part is not None
        self._write_sound(self._part, at_ns, data, samples)

    def _write_sound(self, part: Part, at_ns: int, data: bytes, samples: int) -> None:
        if at_ns < part.zero_ns or at_ns + samples * 125_000 // 12 <= part.audio_end_ns:
            self.remarks.add("late-sound-left-out")
            return
        if at_ns - part.audio_end_ns > _JOIN_NS:
            self._fill(part, at_ns)
        part.output.audio(data, at_ns - part.zero_ns, samples)
        part.audio_end_ns = max(part.audio_end_ns, at_ns + samples * 125_000 // 6)

    def _fill(self, part: Part, until_ns: int) -> None:
        for at in silences(part.audio_end_ns, min(until_ns, part.audio_end_ns + MAX_SILENCE_NS)):
            part.output.audio(SILENCE, at - part.zero_ns, SILENCE_SAMPLES)
            part.audio_end_ns = at + 20_000_000

    # Picture

    def _frame(self, track: "_Track", frame: Frame, at_ns: int) -> None:
        if frame.key:
            track.area = frame.size[0] * frame.size[1]
        if not self._is_shown(track, at_ns):
            return
        part = self._part
        if frame.key:
            shape = VideoShape(track.about.codec, *frame.size, frame.parameters, frame.data)
            if part is None or not _carries(part.shape, shape):
                self._change(shape, at_ns)
        if self._part is None or self._part.shape is None or at_ns < self._part.zero_ns:
            return
        if self._has_audio and at_ns - self._part.audio_end_ns > _WAIT_NS:
            self._fill(self._part, at_ns - _WAIT_NS + 500_000_000)
        self._part.output.video(frame.data, at_ns - self._part.zero_ns, key=frame.key)

    def _is_shown(self, track: "_Track", at_ns: int) -> bool:
        """Of two pictures at once (simulcast) the larger is kept."""
        shown = self._picture
        if shown and shown[0] != track.about.key and shown[1] > track.area and at_ns - shown[2] < _RIVAL_NS:
            return False
        self._picture = (track.about.key, track.area, at_ns)
        return True

    def _change(self, shape: VideoShape, at_ns: int) -> None:
        zero = at_ns
        if self._part is not None:
            behind = at_ns - self._part.audio_end_ns
            zero = self._part.audio_end_ns if self._has_audio and 0 <= behind < _WAIT_NS else at_ns
            self._end()
        elif self._early:
            zero = min(at_ns, self._early[0][0])
        self._begin(shape, zero)

    # Files

    def _begin(self, shape: VideoShape | None, zero_ns: int) -> None:
        number = len(self.done) + 1
        output = self._open(number, shape, self._has_audio)
        self._part = part = Part(number, output, shape, zero_ns, zero_ns)
        early, self._early = self._early, []
        for at_ns, data in early:
            self._write_sound(part, at_ns, data, opus_samples(data))

    def _end(self) -> None:
        assert self._part is not None
        part, self._part = self._part, None
        part.output.close()
        self.done.append(part)


class _Track:
    """One track being read."""

    def __init__(self, about: RecordedTrack, clock: PublicationClock, own: TrackClock) -> None:
        self.about = about
        self.reorder = Reorder()
        self.assembler = Assembler(about.codec) if about.codec in VIDEO else None
        self.area = 0
        self._clock = clock
        self._own = own

    @property
    def dropped(self) -> int:
        return self.assembler.dropped if self.assembler else 0

    def media_ns(self, timestamp: int) -> int:
        return self._clock.media_ns(self._own, timestamp)


def _carries(shape: VideoShape | None, new: VideoShape) -> bool:
    """Whether a file of ``shape`` can go on with ``new``: VP8 states each picture's size in the stream itself."""
    if shape is None or shape.codec != new.codec or shape.parameters != new.parameters:
        return False
    return abs(shape.width * new.height - new.width * shape.height) * 50 <= shape.width * new.height


def measure(
    packets: Iterator[RecordedPacket], tracks: Mapping[TrackKey, RecordedTrack]
) -> dict[TrackKey, tuple[PublicationClock, TrackClock]]:
    """First pass: learn every sender's clock. Tracks of one publication in one take share one."""
    own: dict[TrackKey, TrackClock] = {}
    for packet in packets:
        track = tracks.get(packet.track)
        if track is None or len(packet.data) < 12:
            continue
        clock = own.get(packet.track)
        if clock is None:
            clock = own[packet.track] = TrackClock(track.clock_rate)
        if packet.is_report:
            if len(packet.data) >= 20:
                clock.report(int.from_bytes(packet.data[8:16], "big"), int.from_bytes(packet.data[16:20], "big"))
        else:
            clock.packet(int.from_bytes(packet.data[4:8], "big"), packet.at_ns)
    groups: dict[tuple[int, str, str], list[TrackKey]] = {}
    for key in own:
        about = tracks[key]
        groups.setdefault((key.take, about.endpoint, about.publication), []).append(key)
    found = {}
    for keys in groups.values():
        shared = PublicationClock([own[key] for key in keys])
        found.update({key: (shared, own[key]) for key in keys})
    return found
