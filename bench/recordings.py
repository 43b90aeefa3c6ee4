"""What recording costs: ``python -m bench.recordings`` prints one JSON line per figure and asserts nothing.

Loop lag and CPU with many rooms recorded, verifying, finalising an hour of two participants, the first byte after a
seek, composing, and how far lips and words are apart in the file after an hour of drift (by content: flash and beep).
CPU figures are those of this process and its recorder process (``alone``: without that), so that a busy machine does
not change them much; wall figures stand beside.
"""

import argparse
import asyncio
import json
import logging
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "recordings"))

import av
import clapper
import numpy as np
import structlog
import synthetic
from clapper import Clapper
from studio import Studio

from bench.lab import machine
from bench.lab.recorders import recorders_in
from core.clock import SystemClock
from media.ports import RecordingSpec, Track
from recordings.compose import Composer
from recordings.derived import SealedReader
from recordings.finalize import Finalizer
from recordings.journal import Recorders
from recordings.verify import verify


def say(**figures: Any) -> None:
    print(json.dumps(figures), flush=True)


def nothing(*_: object) -> None:
    """A callback nobody listens to."""


async def rooms(count: int, seconds: float) -> None:
    """``count`` rooms of two, 145 packets a second from each sender as the relay's own figures have it."""
    for recorded in (False, True):
        with tempfile.TemporaryDirectory() as place:
            async with recorders_in(Path(place), SystemClock()) as recorders:
                await _rooms(recorders, count, seconds, recorded=recorded)


async def _rooms(recorders: Recorders, count: int, seconds: float, *, recorded: bool) -> None:
    made: list[tuple[Any, list[Track]]] = []
    for room in range(count):
        tracks = [synthetic.track(n, "video", "vp8", f"ep-{n}") for n in (1, 2)]
        recorder = None
        if recorded:
            spec = RecordingSpec(f"room-{room}", "s", "bench", "clear", 1)
            recorder = await recorders.arm(spec, durable=nothing, failed=print, gap=nothing, head=nothing)
            for track in tracks:
                recorder.opened(track)
        made.append((recorder, tracks))
    packet, lags, packets = synthetic.rtp(96, 0, 0, 1, bytes(520)), [], 0
    before, end = machine.cpu(os.getpid()), time.monotonic() + seconds
    step = 1 / 145
    due = time.monotonic()
    while due < end:
        now = time.monotonic_ns()
        for recorder, tracks in made:
            for track in tracks:
                packets += 1
                if recorder is not None:
                    recorder.arrived((track.number, packet, now))
        due += step
        await asyncio.sleep(max(0, due - time.monotonic()))
        lags.append(max(0.0, time.monotonic() - due) * 1000)
    after = machine.cpu(os.getpid())
    for recorder, _ in made:
        if recorder is not None:
            await recorder.close("ended")
    lags.sort()
    say(
        figure="rooms recorded" if recorded else "rooms not recorded",
        rooms=count,
        packets=packets,
        cpu_us_per_packet=round((after.total - before.total) / packets * 1e6, 2),
        cpu_us_per_packet_alone=round((after.alone - before.alone) / packets * 1e6, 2),
        loop_lag_p99_ms=round(lags[len(lags) * 99 // 100], 1),
        queue_bytes_per_room=32 << 20,
        rss_mb=round(after.rss_mb),
    )


def hour(place: Path, minutes: int) -> Studio:
    """A recording of two participants, ``minutes`` long, at about 0.6 Mb/s each; written by a fake clock."""
    studio = Studio(place / "var")
    studio.begin()
    streams = []
    for number in range(2):
        endpoint = f"ep-{number}"
        streams.append(_endless(synthetic.track(1 + 2 * number, "audio", "opus", endpoint), minutes, 20, _sound()))
        streams.append(
            _endless(synthetic.track(2 + 2 * number, "video", "vp8", endpoint), minutes, 1000 / 15, _video())
        )
    opened: set[int] = set()
    events = [next(stream) for stream in streams]
    for second in range(minutes * 60):
        base = studio.clock.monotonic_ns() - second * 1_000_000_000
        for index, stream in enumerate(streams):
            while events[index] is not None and events[index][0] < (second + 1) * 1_000_000_000:
                at, track, packet = events[index]
                if track.number not in opened:
                    opened.add(track.number)
                    studio.tape.opened(track, base + at)
                studio.tape.keep((track.number, packet, base + at))
                events[index] = next(stream, None)
        studio.clock.advance(1)
        studio.commit()
    studio.close()
    return studio


def _sound() -> list[list[bytes]]:
    return [[packet] for packet in synthetic.sound(4)]


def _video() -> list[list[bytes]]:
    """Ten seconds of noisy pictures at about 0.6 Mb/s, beginning with a key frame."""
    context: Any = av.CodecContext.create("libvpx", "w")
    context.width, context.height, context.pix_fmt, context.bit_rate, context.gop_size = (
        640,
        480,
        "yuv420p",
        600_000,
        150,
    )
    context.time_base = synthetic.Fraction(1, 15)
    context.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    rng, found = np.random.default_rng(1), []
    for index in range(150):
        image = rng.integers(0, 60, (480, 640, 3), np.uint8) + np.uint8(index)
        frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="yuv420p")
        frame.pts = index
        found += [synthetic.vp8_payloads(bytes(packet)) for packet in context.encode(frame)]
    return found


def _endless(track: Track, minutes: int, step_ms: float, payloads: list[list[bytes]]) -> Iterator[Any]:
    sequence = 0
    kind = 111 if track.kind == "audio" else 96
    for index in range(int(minutes * 60_000 / step_ms)):
        parts = payloads[index % len(payloads)]
        for number, part in enumerate(parts):
            marker = track.kind == "video" and number == len(parts) - 1
            stamp = round(index * step_ms * track.clock_rate / 1000)
            yield round(index * step_ms * 1e6), track, synthetic.rtp(kind, sequence, stamp, track.ssrc, part, marker)
            sequence += 1


def timed(figure: str, work: Any, **more: Any) -> Any:
    wall, cpu = time.monotonic(), time.process_time()
    result = work()
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    say(figure=figure, wall_s=round(wall, 2), cpu_s=round(cpu, 2), **more)
    return result, wall, cpu


def files(minutes: int) -> None:
    """Verify, finalise, seek and compose one long recording."""
    with tempfile.TemporaryDirectory() as place:
        (studio, wall, cpu) = timed(f"write {minutes} min of two", lambda: hour(Path(place), minutes))
        size = sum(path.stat().st_size for path in studio.files.root.iterdir() if path.is_file())
        found, wall, cpu = timed("verify", lambda: verify(studio.files.root), megabytes=size >> 20)
        say(
            figure="verify speed",
            mb_per_s_wall=round(size / wall / 1e6),
            mb_per_s_cpu=round(size / cpu / 1e6),
            verdict=found.verdict,
        )
        finalizer = Finalizer(studio.data_dir, lambda: studio.site, studio.clock, studio.disk)
        made, wall, cpu = timed("finalise", lambda: finalizer.run("rec-1"))
        say(figure="finalise an hour", cpu_s=round(cpu * 60 / minutes, 1), wall_s=round(wall * 60 / minutes, 1))
        seek(studio, made[0])


def seek(studio: Studio, sidecar: Any) -> None:
    """First bytes at random places, as a Range request asks for them."""
    rng, spent = random.Random(1), []
    for _ in range(50):
        began = time.monotonic()
        with SealedReader(studio.files.derived / sidecar.file, studio.data_key, "rec-1") as reader:
            reader.read(rng.randrange(reader.length), 1)
        spent.append((time.monotonic() - began) * 1000)
    say(figure="first byte after a seek", p95_ms=round(sorted(spent)[47], 2))


def compose(seconds: int) -> None:
    """Two 640×480 inputs into 1280×720 at 25 frames per second."""
    with tempfile.TemporaryDirectory() as place:
        studio = Studio(Path(place) / "var")
        streams = []
        for n in range(2):
            streams.append(synthetic.audio_stream(synthetic.track(1 + 2 * n, "audio", "opus", f"ep-{n}"), seconds))
            video = synthetic.track(2 + 2 * n, "video", "vp8", f"ep-{n}")
            streams.append(synthetic.video_stream(video, seconds, width=640, height=480))
        studio.begin().play(synthetic.merged(*streams)).close()
        Finalizer(studio.data_dir, lambda: studio.site, studio.clock, studio.disk).run("rec-1")
        composer = Composer(studio.data_dir, lambda: studio.site, studio.clock, studio.disk)
        _, wall, cpu = timed("compose", lambda: composer.run("rec-1"), seconds=seconds)
        say(
            figure="compose speed",
            times_real_time_cpu=round(seconds / cpu, 2),
            times_real_time_wall=round(seconds / wall, 2),
        )


def lips(minutes: int, loss: float) -> None:
    """Flash and beep together every twenty seconds; clocks run 50 ppm apart. Measured in the file."""
    with tempfile.TemporaryDirectory() as place:
        studio = Studio(Path(place) / "var")
        arrived, claps = Clapper(minutes, loss=loss).sent()
        studio.begin().play(arrived, log=False).close()
        apart = sorted(abs(skew) for clap, skew in clapper.of_file(studio).items() if clap in claps)
        say(
            figure="lip-sync",
            minutes=minutes,
            loss=loss,
            claps=len(apart),
            worst_ms=round(apart[-1], 1),
            median_ms=round(apart[len(apart) // 2], 1),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", type=int, default=25)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--minutes", type=int, default=60, help="length of the long recordings")
    parser.add_argument("--only", choices=("rooms", "files", "compose", "lips"))
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))  # figures, and no log
    if given.only in (None, "rooms"):
        asyncio.run(rooms(given.rooms, given.seconds))
    if given.only in (None, "files"):
        files(given.minutes)
    if given.only in (None, "compose"):
        compose(8)
    if given.only in (None, "lips"):
        lips(given.minutes, 0.0)
        lips(given.minutes, 0.1)


if __name__ == "__main__":
    main()
