"""What is in a recording that a test has made: its files, opened as any player would."""

import io
from dataclasses import dataclass
from pathlib import Path

import av
import numpy

from core.clock import SystemClock
from recordings import keys
from recordings.derived import SealedReader
from recordings.filesystem import Disk
from recordings.finalize import Finalizer
from recordings.keys import FileKeys
from recordings.layout import RecordingFiles

WINDOW_S = 0.1
LOUD = 0.01


@dataclass(frozen=True)
class Seen:
    """Of one participant's file: seconds of it, share of windows with the tone, longest time without a new picture."""

    seconds: float
    heard: float
    freeze: float


def reopen(directory: Path, recording: str, hertz: float) -> dict[str, Seen]:
    """Make the playable files of a closed recording and judge each by what it plays, by endpoint."""
    site = FileKeys.ensure(directory)
    made = Finalizer(directory, lambda: site, SystemClock(), Disk()).run(recording)
    files = RecordingFiles.of(directory, recording)
    data_key = keys.load_data_key(site, files, recording)
    judged = {}
    for sidecar in made:
        with SealedReader(files.derived / sidecar.file, data_key, recording) as reader:
            judged[sidecar.endpoint] = judge(reader.read(0, reader.length), hertz)
    return judged


def judge(content: bytes, hertz: float) -> Seen:
    """Decode all of a file."""
    with av.open(io.BytesIO(content)) as container:
        frames = list(container.decode(audio=0))
        sound = numpy.concatenate([frame.to_ndarray()[0] for frame in frames])
        rate = frames[0].sample_rate
    with av.open(io.BytesIO(content)) as container:
        times = [float(frame.time) for frame in container.decode(video=0)]
    size = round(rate * WINDOW_S)
    windows = sound[: len(sound) // size * size].reshape(-1, size)
    spectra = numpy.abs(numpy.fft.rfft(windows * numpy.hanning(size), axis=1))
    peaks = spectra.argmax(axis=1) / WINDOW_S
    heard = (abs(peaks - hertz) <= 2 / WINDOW_S) & (numpy.abs(windows).max(axis=1) > LOUD)
    return Seen(len(sound) / rate, float(heard.mean()), float(max(numpy.diff(times), default=0)))
