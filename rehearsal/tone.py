"""A tone in the sound: its frequency says who sent it, its pulse that it is not a stuck buffer.

Every participant hums at a frequency of its own, 700 ms on and 300 ms off, for ever. The pattern is encoded to Opus
once, one second of it, and the packets are sent in a circle. It is found again with Goertzel's algorithm in windows of
100 ms, in which all frequencies used are orthogonal.
"""

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import av

RATE = 48_000
"""Samples per second on the wire (RFC 7587 knows no other clock)."""
PACKET_MS = 20
"""What browsers send."""
LOOK_RATE = 8_000
"""Samples per second at which tones are looked for."""
WINDOW_MS = 100
ON_MS = 700
PARTICIPANTS = 12
"""How many frequencies there are."""

_RAMP_MS = 10
_LEVEL = 9_000
_QUIET = 150.0
"""Root mean square below which a window counts as silence."""
_SHARE = 0.6
"""Part of a window's energy that must lie in one frequency."""


def frequency(participant: int) -> int:
    """Return the hertz of participant 1…``PARTICIPANTS``: multiples of 10, no one a harmonic of another."""
    if not 1 <= participant <= PARTICIPANTS:
        raise ValueError(f"participants are numbered 1 to {PARTICIPANTS}")
    return 440 + 120 * (participant - 1)


@dataclass(frozen=True, slots=True)
class Sound:
    """What one window held: whose tone, or nobody's."""

    participant: int | None
    silent: bool


def pcm(participant: int, rate: int = RATE) -> "array[int]":
    """Return one second of the pattern as signed 16-bit mono samples."""
    period = rate * WINDOW_MS // 1000  # every frequency used comes round in it
    step = 2 * math.pi * frequency(participant) / rate
    wave = [_LEVEL * math.sin(step * n) for n in range(period)]
    sound = wave * (ON_MS // WINDOW_MS)
    ramp = rate * _RAMP_MS // 1000
    for n in range(ramp):
        sound[n] *= n / ramp
        sound[-1 - n] *= n / ramp
    return array("h", map(round, sound + [0.0] * (rate - len(sound))))


def encode(participant: int, bit_rate: int = 32_000, packet_ms: int = PACKET_MS) -> list[bytes]:
    """Return one second of the pattern as Opus packets that can be sent in a circle.

    ``packet_ms`` is 20 or 40: a divisor of the second that Opus knows.
    """
    codec = av.CodecContext.create("libopus", "w")
    codec.sample_rate, codec.layout, codec.format = RATE, "mono", "s16"
    codec.bit_rate, codec.time_base = bit_rate, Fraction(1, RATE)
    codec.options = {"application": "voip", "frame_duration": str(packet_ms), "fec": "1", "packet_loss": "5"}
    samples, count = pcm(participant).tobytes(), 1000 // packet_ms
    size = len(samples) // count
    packets: list[bytes] = []
    for turn in range(2 * count):  # the second round starts where the first ended: the circle closes without a click
        frame = av.AudioFrame(format="s16", layout="mono", samples=size // 2)
        frame.planes[0].update(samples[turn % count * size : (turn % count + 1) * size])
        frame.sample_rate, frame.pts = RATE, turn * size // 2
        packets += [bytes(packet) for packet in codec.encode(frame)]
    return packets[-count:]


def find(window: Sequence[int], rate: int = LOOK_RATE) -> Sound:
    """Say whose tone ``window`` holds: signed 16-bit mono samples, best ``WINDOW_MS`` long."""
    energy = sum(sample * sample for sample in window)
    if not window or math.sqrt(energy / len(window)) < _QUIET:
        return Sound(participant=None, silent=True)
    for participant in range(1, PARTICIPANTS + 1):
        if 2 * _power(window, frequency(participant), rate) > _SHARE * energy * len(window):
            return Sound(participant=participant, silent=False)
    return Sound(participant=None, silent=False)


def windows(samples: Sequence[int], rate: int = LOOK_RATE) -> list[Sound]:
    """Look at consecutive windows of ``samples``; a shorter rest at the end is left out."""
    size = rate * WINDOW_MS // 1000
    return [find(samples[start : start + size], rate) for start in range(0, len(samples) - size + 1, size)]


class Ear:
    """Turns decoded audio frames of any layout and rate into mono samples at ``LOOK_RATE``."""

    def __init__(self) -> None:
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=LOOK_RATE)

    def samples(self, frame: av.AudioFrame) -> "array[int]":
        """Return the samples ``frame`` brings; the resampler keeps a few back for the next call."""
        found = array("h")
        for piece in self._resampler.resample(frame):
            found.frombytes(bytes(piece.planes[0])[: 2 * piece.samples])
        return found


def _power(window: Sequence[int], hertz: int, rate: int) -> float:
    """Squared magnitude of one frequency (Goertzel 1958)."""
    coefficient = 2 * math.cos(2 * math.pi * hertz / rate)
    before = last = 0.0
    for sample in window:
        before, last = last, sample + coefficient * last - before
    return before * before + last * last - coefficient * before * last
