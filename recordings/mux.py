"""Putting encoded frames into a container without encoding anything again, by PyAV.

PyAV 18 sets a stream's codec private data only by copying another stream's; so each stream is copied from a template,
a few bytes of Ogg, IVF or Annex B made here and opened in memory.
"""

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
from av.packet import Packet

MS = Fraction(1, 1000)
SAMPLE = Fraction(1, 48_000)
SILENCE = b"\xf8\xff\xfe"
"""Twenty milliseconds of Opus silence."""
SILENCE_SAMPLES = 960


@dataclass(frozen=True, slots=True)
class VideoShape:
    """What a container states of a video stream."""

    codec: str
    width: int = 0
    height: int = 0
    parameters: bytes = b""
    """H.264: parameter sets as Annex B."""
    sample: bytes = field(default=b"", compare=False)
    """H.264: a whole key frame, from which the container's private data is made."""


class Unplayable(Exception):
    """The media library cannot make a stream of this."""


def container_of(codec: str | None) -> tuple[str, str]:
    """Container format and media type for a video codec, or for sound alone."""
    return ("mp4", "video/mp4") if codec == "h264" else ("webm", "video/webm" if codec else "audio/webm")


class Output:
    """One container being written to a file object. Times are nanoseconds from the file's zero."""

    def __init__(self, file: Any, video: VideoShape | None, *, audio: bool, metadata: dict[str, str]) -> None:
        """Raises ``Unplayable``."""
        self.format, self.media_type = container_of(video.codec if video else None)
        self._container = av.open(file, "w", format=self.format)
        self._container.metadata.update(metadata)
        try:
            self._video = self._add(*_video_template(video)) if video else None
            self._audio = self._add(_opus_template(), "ogg") if audio else None
        except (av.FFmpegError, IndexError, ValueError) as error:
            raise Unplayable(type(error).__name__) from error
        self._least = {"video": 0, "audio": 0}
        self.end_ns = 0

    def video(self, data: bytes, at_ns: int, *, key: bool) -> None:
        packet: Any = Packet(data)
        packet.is_keyframe = key
        self._mux(packet, self._video, "video", at_ns * 90 // 1_000_000, Fraction(1, 90_000), at_ns)

    def audio(self, data: bytes, at_ns: int, samples: int) -> None:
        packet: Any = Packet(data)
        packet.is_keyframe = True
        packet.duration = samples
        self._mux(packet, self._audio, "audio", at_ns * 48 // 1_000_000, SAMPLE, at_ns + samples * 125_000 // 6)

    def close(self) -> None:
        """Write the index and what follows it. Raises ``Unplayable``."""
        try:
            self._container.close()
        except av.FFmpegError as error:
            raise Unplayable(type(error).__name__) from error

    def _mux(self, packet: Any, stream: Any, kind: str, ticks: int, base: Fraction, end_ns: int) -> None:
        ticks = max(ticks, self._least[kind])
        self._least[kind] = ticks + (90 if kind == "video" else 48)
        packet.stream = stream
        packet.time_base = base
        packet.pts = packet.dts = ticks
        try:
            self._container.mux_one(packet)
        except av.FFmpegError as error:
            raise Unplayable(type(error).__name__) from error
        self.end_ns = max(self.end_ns, end_ns)

    def _add(self, template: bytes, kind: str) -> Any:
        with av.open(io.BytesIO(template), format=kind) as source:
            return self._container.add_stream_from_template(source.streams[0], opaque=True)


def _video_template(shape: VideoShape) -> tuple[bytes, str]:
    if shape.codec == "h264":
        return shape.sample, "h264"
    fourcc = {"vp8": b"VP80", "vp9": b"VP90", "av1": b"AV01"}[shape.codec]
    return struct.pack("<4sHH4sHHIII4x", b"DKIF", 0, 32, fourcc, shape.width, shape.height, 90_000, 1, 1), "ivf"


def _opus_template() -> bytes:
    head = struct.pack("<8sBBHIhB", b"OpusHead", 1, 2, 0, 48_000, 0, 0)
    tags = struct.pack("<8sI8sI", b"OpusTags", 8, b"yuanjian", 0)
    return _ogg_page(head, 0, 2) + _ogg_page(tags, 1, 0) + _ogg_page(SILENCE, 2, 4, SILENCE_SAMPLES)


def _ogg_page(packet: bytes, number: int, flags: int, granule: int = 0) -> bytes:
    """One page of an Ogg stream (RFC 3533) holding one short packet."""
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, granule, 1, number, 0, 1) + bytes((len(packet),))
    page = head + packet
    return page[:22] + struct.pack("<I", _ogg_crc(page)) + page[26:]


def _ogg_crc(page: bytes) -> int:
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc


def silences(from_ns: int, to_ns: int) -> Sequence[int]:
    """Instants at which twenty milliseconds of silence each fill ``[from_ns, to_ns)``, as nearly as whole ones can."""
    step = 20_000_000
    count = max(0, (to_ns - from_ns + step // 4) // step)
    return range(from_ns, from_ns + count * step, step)
