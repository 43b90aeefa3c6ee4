"""Decoded pictures and sound of one publication, by media time, from its encrypted derived files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from recordings.derived import SealedReader, Sidecar
from recordings.picture import Box, Plane, fit

RATE = 48_000
STALE_NS = 2_000_000_000
"""A picture older than this has stopped."""


class SealedFile:
    """A derived file as the media library reads files."""

    def __init__(self, path: Path, data_key: bytes, recording: str) -> None:
        self._reader = SealedReader(path, data_key, recording)
        self._at = 0

    def read(self, size: int = -1) -> bytes:
        data = self._reader.read(self._at, self._reader.length if size < 0 else size)
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._reader.length)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        self._reader.close()


class _Part:
    """One derived file on the recording's timeline."""

    def __init__(self, directory: Path, sidecar: Sidecar, data_key: bytes) -> None:
        self.start_ns = sidecar.start_ms * 1_000_000
        self.end_ns = self.start_ns + sidecar.duration_ms * 1_000_000
        self._path = directory / sidecar.file
        self._key, self._recording = data_key, sidecar.recording

    def frames(self, kind: str, from_ns: int = 0) -> Iterator[tuple[int, Any]]:
        """Yield (media time, decoded frame) from the key frame at or before ``from_ns`` on."""
        file = SealedFile(self._path, self._key, self._recording)
        try:
            with av.open(file, "r") as container:
                streams = [stream for stream in container.streams if stream.type == kind]
                if not streams:
                    return
                if from_ns > self.start_ns:
                    container.seek(max(0, (from_ns - self.start_ns) // 1000))
                for packet in container.demux(streams[0]):
                    yield from self._decoded(packet)
        except av.FFmpegError:
            return
        finally:
            file.close()

    def _decoded(self, packet: Any) -> Iterator[tuple[int, Any]]:
        try:
            frames = packet.decode()
        except av.FFmpegError:  # a packet the decoder refuses costs itself
            return
        for frame in frames:
            if frame.time is not None:
                yield self.start_ns + round(frame.time * 1_000_000_000), frame


class VideoFeed:
    """The picture of one publication at any media time, asked in rising order."""

    def __init__(
        self, directory: Path, sidecars: Sequence[Sidecar], data_key: bytes, from_ns: int, *, masked: bool = False
    ) -> None:
        self._parts = [_Part(directory, item, data_key) for item in sidecars]
        self._frames = self._all(from_ns)
        self._next: tuple[int, Any] | None = next(self._frames, None)
        self._current: tuple[int, Any] | None = None
        self._masked = masked
        self._scaled: tuple[Any, Box, Box, Plane] | None = None

    def _all(self, from_ns: int) -> Iterator[tuple[int, Any]]:
        for part in self._parts:
            if part.end_ns + STALE_NS > from_ns:
                yield from part.frames("video", from_ns)

    def advance(self, at_ns: int) -> bool:
        """Move on to ``at_ns``; return whether the picture changed."""
        changed = False
        while self._next is not None and self._next[0] <= at_ns:
            self._current, self._next = self._next, next(self._frames, None)
            changed = True
        return changed

    def has_stopped(self, at_ns: int) -> bool:
        """Whether the last picture is too old to pass for the present."""
        return self._current is not None and at_ns - self._current[0] > STALE_NS

    @property
    def is_blank(self) -> bool:
        return self._current is None

    def scaled(self, box: Box) -> tuple[Box, Plane]:
        """The current picture fitted into ``box``: where it lies, and its packed planes."""
        assert self._current is not None
        frame = self._current[1]
        if self._scaled and self._scaled[0] is frame and self._scaled[1] == box:
            return self._scaled[2], self._scaled[3]
        place = fit(frame.width, frame.height, box)
        if self._masked:
            frame = frame.reformat(max(4, place.width // 80 * 2), max(4, place.height // 80 * 2), "yuv420p")
            packed = frame.reformat(place.width, place.height, "yuv420p", interpolation="POINT").to_ndarray()
        else:
            packed = frame.reformat(place.width, place.height, "yuv420p", interpolation="FAST_BILINEAR").to_ndarray()
        self._scaled = (self._current[1], box, place, packed)
        return place, packed


class AudioFeed:
    """The sound of one publication as samples on the recording's timeline, asked in rising order."""

    def __init__(self, directory: Path, sidecars: Sequence[Sidecar], data_key: bytes, *, altered: bool = False) -> None:
        self._parts = [_Part(directory, item, data_key) for item in sidecars]
        self._pieces = self._all(altered)
        self._next: tuple[int, NDArray[np.float32]] | None = next(self._pieces, None)

    def mix_into(self, block: NDArray[np.float32], first: int) -> None:
        """Add what lies in ``[first, first + len(block))``, in samples of media time."""
        end = first + len(block)
        while self._next is not None and self._next[0] < end:
            start, samples = self._next
            low, high = max(start, first), min(start + len(samples), end)
            if low < high:
                block[low - first : high - first] += samples[low - start : high - start]
            if start + len(samples) > end:
                return
            self._next = next(self._pieces, None)

    def _all(self, altered: bool) -> Iterator[tuple[int, NDArray[np.float32]]]:
        for part in self._parts:
            voice = _Voice() if altered else None
            resampler = av.AudioResampler("fltp", "mono", RATE)
            for at_ns, frame in part.frames("audio"):
                frame.pts = None
                for piece in resampler.resample(frame):
                    samples = piece.to_ndarray()[0].astype(np.float32)
                    yield at_ns * 48 // 1_000_000, voice.alter(samples) if voice else samples


class _Voice:
    """Makes a voice unrecognisable: ring modulation, after which pitch and formants are no longer the speaker's."""

    def __init__(self) -> None:
        self._phase = 0

    def alter(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        times = (np.arange(len(samples)) + self._phase) / RATE
        self._phase += len(samples)
        return (samples * np.sin(2 * np.pi * 70.0 * times)).astype(np.float32)
