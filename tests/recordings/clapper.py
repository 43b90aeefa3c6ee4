"""A clapperboard: white picture and beep at the same instants, sent by clocks that run apart, and found again in a
finalised file by what is seen and heard.

Between two claps little is sent, as by a microphone that pauses: so an hour costs seconds.
"""

import io
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import av
import numpy as np
import synthetic
from studio import Studio
from synthetic import Sent

from media.ports import Track
from recordings.derived import SealedReader
from recordings.finalize import Finalizer
from recordings.mux import SILENCE

EVERY_MS = 20_000
"""One clap in the middle of each of these."""
LONG_MS = 200
_NEAR_MS = 1000
_SOUND_MS, _PICTURE_MS = 20, 40
_IDLE_SOUND_MS, _IDLE_PICTURE_MS = 400, 1000
_REPORT_MS = 5000
_DELAY_MS = {"audio": 40, "video": 190}
"""A camera's encoder holds the picture longer than sound is held: by arrival alone lips would be behind words."""
_JITTER_MS = 60
_FIRST_STAMP = {"audio": 12_345, "video": 4_294_900_000}
_WHITE, _LIT, _LOUD = 230, 120, 0.05


@dataclass(frozen=True, slots=True)
class Clapper:
    """A sender's sound and picture. Its clock, which the camera follows, runs ``drift`` fast against the server's, and
    its sound card ``drift`` fast against that; ``loss`` is the part of packets that never arrives."""

    minutes: int
    drift: float = 50e-6
    loss: float = 0.0
    seed: int = 4

    def sent(self) -> tuple[list[Sent], set[int]]:
        """What arrives, in the order of arrival; and the claps to be found: a flash or beep that lost its first two
        packets is lost itself."""
        rng = random.Random(self.seed)
        beep = synthetic.sound(1, 1000)
        dark, white = (synthetic.vp8_payloads(_picture(grey))[0] for grey in (20, _WHITE))

        def heard(since: int) -> bytes:
            return beep[since // _SOUND_MS] if 0 <= since < LONG_MS else SILENCE

        def seen(since: int) -> bytes:
            return white if 0 <= since < LONG_MS else dark

        sound, picture = synthetic.track(1, "audio", "opus"), synthetic.track(2, "video", "vp8")
        words, beeps = self._track(sound, _SOUND_MS, _IDLE_SOUND_MS, heard, rng)
        lips, flashes = self._track(picture, _PICTURE_MS, _IDLE_PICTURE_MS, seen, rng)
        return sorted(words + lips, key=lambda event: event.at_ns), beeps & flashes

    def _track(
        self, track: Track, step: int, idle: int, content: Callable[[int], bytes], rng: random.Random
    ) -> tuple[list[Sent], set[int]]:
        arrived, whole = [], set()
        for number, (ms, since) in enumerate(self._instants(step, idle)):
            if rng.random() < self.loss:
                continue
            if 0 <= since < 2 * step:
                whole.add(ms // EVERY_MS)
            packet = synthetic.rtp(
                track.payload_type, number, self._stamp(track, ms), track.ssrc, content(since), track.kind == "video"
            )
            arrived.append(Sent(_arrival(track, ms + rng.random() * _JITTER_MS), track, packet))
        for ms in range(0, self.minutes * 60_000, _REPORT_MS):
            instant = synthetic.ntp(ms / 1000 * (1 + self.drift))
            arrived.append(Sent(_arrival(track, ms), track, report=(instant, self._stamp(track, ms))))
        return arrived, whole

    def _instants(self, step: int, idle: int) -> Iterator[tuple[int, int]]:
        """(milliseconds from the start, milliseconds since the clap of this round) of each packet."""
        for ms in range(0, self.minutes * 60_000, step):
            since = ms % EVERY_MS - EVERY_MS // 2
            if abs(since) < _NEAR_MS or ms % idle == 0:
                yield ms, since

    def _stamp(self, track: Track, ms: int) -> int:
        fast = (1 + self.drift) ** (2 if track.kind == "audio" else 1)
        return _FIRST_STAMP[track.kind] + round(ms / 1000 * track.clock_rate * fast) & 0xFFFFFFFF


def of_file(studio: Studio) -> dict[int, float]:
    """``skews`` of the one file that finalising the studio's closed recording makes."""
    (made,) = Finalizer(studio.data_dir, lambda: studio.site, studio.clock, studio.disk).run(studio.recording)
    with SealedReader(studio.files.derived / made.file, studio.data_key, studio.recording) as reader:
        return skews(reader.read(0, reader.length))


def skews(file: bytes) -> dict[int, float]:
    """By how many milliseconds the picture is behind the sound at each clap of which both are in the file."""
    flashes, beeps = _found(file, "video", _is_lit), _found(file, "audio", _loud_after)
    return {clap: (flashes[clap] - beeps[clap]) * 1000 for clap in flashes.keys() & beeps.keys()}


def _found(file: bytes, kind: str, look: Callable[[av.VideoFrame | av.AudioFrame], float | None]) -> dict[int, float]:
    """Seconds at which the first of each clap is in the decoded frames."""
    found: dict[int, float] = {}
    with av.open(io.BytesIO(file)) as container:
        for frame in container.decode(**{kind: 0}):
            after = look(frame)
            if after is not None:
                found.setdefault(int(frame.time * 1000) // EVERY_MS, frame.time + after)
    return found


def _is_lit(frame: av.VideoFrame) -> float | None:
    return 0.0 if frame.to_ndarray()[: frame.height].mean() > _LIT else None


def _loud_after(frame: av.AudioFrame) -> float | None:
    samples = frame.to_ndarray()[0]
    return float((samples > _LOUD).argmax()) / frame.sample_rate if samples.max() > _LOUD else None


def _arrival(track: Track, ms: float) -> int:
    return round((ms + _DELAY_MS[track.kind]) * 1_000_000)


def _picture(grey: int) -> bytes:
    """One key frame of VP8, all of it grey."""
    context = av.CodecContext.create("libvpx", "w")
    context.width, context.height, context.pix_fmt = 64, 64, "yuv420p"
    context.time_base = synthetic.Fraction(1, 25)
    context.options = {"deadline": "realtime", "lag-in-frames": "0"}
    frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), grey, np.uint8), "rgb24").reformat(format="yuv420p")
    frame.pts = 0
    return bytes(context.encode(frame)[0])
