"""Finding codes and tones in what was received: encoded frames in, counts out."""

from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import av

from rehearsal import picture, tone


@dataclass(slots=True)
class Seen:
    """What the pictures of one source showed."""

    frames: int = 0
    """Decoded frames."""
    broken: int = 0
    """Encoded frames the decoder refused."""
    unreadable: int = 0
    """Decoded frames without a valid code."""
    numbers: dict[int, set[int]] = field(default_factory=dict)
    """Frame numbers seen, by participant."""

    def note(self, frame: av.VideoFrame) -> picture.Code | None:
        """Count ``frame`` and return its code."""
        self.frames += 1
        code = picture.read(frame)
        if code is None:
            self.unreadable += 1
        else:
            self.numbers.setdefault(code.participant, set()).add(code.number)
        return code

    def missing(self, participant: int) -> int:
        """Frame numbers of ``participant`` never seen between the first and the last one seen."""
        numbers = self.numbers.get(participant)
        return max(numbers) - min(numbers) + 1 - len(numbers) if numbers else 0


@dataclass(slots=True)
class Heard:
    """What windows of the sound of one source held."""

    windows: int = 0
    silent: int = 0
    tones: Counter[int] = field(default_factory=Counter)
    """Windows by the participant whose tone they held."""

    def note(self, sound: tone.Sound) -> None:
        """Count one window."""
        self.windows += 1
        self.silent += sound.silent
        if sound.participant is not None:
            self.tones[sound.participant] += 1


class Watcher:
    """Decodes VP8 frames as they come and reads their codes."""

    def __init__(self, *, code: Callable[[], None], lost: Callable[[], None]) -> None:
        """``code`` is called at every code read, ``lost`` when a frame could not be decoded."""
        self.seen = Seen()
        self._decoder = av.CodecContext.create("vp8", "r")
        self._decoder.thread_count = 1
        self._code, self._lost = code, lost

    def frame(self, data: bytes, _timestamp: int) -> None:
        """Take one encoded frame."""
        try:
            decoded = self._decoder.decode(av.Packet(data))
        except av.FFmpegError:
            self.seen.broken += 1
            self._lost()
            return
        for picture_ in decoded:
            if self.seen.note(picture_) is not None:
                self._code()


class Listener:
    """Decodes a stretch of Opus packets every half second and looks for the tone in its last window.

    The rest is only passed over: six participants hear a thousand packets a second among them.
    """

    EVERY = tone.RATE * 54 // 100
    """Samples from one stretch to the next: a little off the half second, so that looks wander through the pulse."""
    STRETCH = tone.RATE * 18 // 100
    """Samples of a stretch: the decoder settles in the first, the window is the last 100 ms."""

    def __init__(self) -> None:
        self.heard = Heard()
        self._decoder = av.CodecContext.create("libopus", "r")
        self._ear = tone.Ear()
        self._stretch = -1
        self._samples = array("h")

    def frame(self, data: bytes, timestamp: int) -> None:
        """Take one packet. ``timestamp`` counts samples at 48 kHz from the first packet."""
        number, place = divmod(timestamp, self.EVERY)
        if place >= self.STRETCH:
            self._look()
            return
        if number != self._stretch:
            self._look()
            self._stretch = number
        try:
            for piece in self._decoder.decode(av.Packet(data)):
                self._samples += self._ear.samples(piece)
        except av.FFmpegError:
            return

    def _look(self) -> None:
        """Judge the stretch that has just ended, if it was whole."""
        window, whole = tone.LOOK_RATE * tone.WINDOW_MS // 1000, tone.LOOK_RATE * 14 // 100
        if len(self._samples) >= whole:
            self.heard.note(tone.find(self._samples[-window:]))
        self._samples = array("h")
