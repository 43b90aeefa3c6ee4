"""Opening a recorded file as any player would, and looking for code and tone in it, after jumps too."""

import random
from array import array
from collections.abc import Iterator
from pathlib import Path

import av

from rehearsal import tone
from rehearsal.report import RecordedFile, Seek
from rehearsal.watching import Heard, Seen

SEEKS = 3
_SOUND_SECONDS = 1.2
"""Sound looked at after a jump: longer than one pulse of the tone."""


def examine(path: Path, participant: int, publication: str, rng: random.Random) -> RecordedFile:
    """Decode the whole file, then jump to ``SEEKS`` random instants; never raises for a bad file."""
    seen, heard, numbers, error = Seen(), Heard(), dict[int, int](), ""
    seconds, seeks = 0.0, tuple[Seek, ...]()
    try:
        with av.open(str(path)) as container:
            seconds = _read_all(container, seen, heard, numbers)
        with av.open(str(path)) as container:
            seeks = tuple(_jump(container, at, participant, numbers) for at in _instants(seconds, rng))
    except (av.FFmpegError, OSError, ValueError, IndexError) as caught:
        error = type(caught).__name__
    own, heard_own = len(seen.numbers.get(participant, ())), heard.tones[participant]
    return RecordedFile(
        participant=participant,
        publication=publication,
        seconds=round(seconds, 3),
        frames=seen.frames,
        frames_own=own,
        frames_missing=seen.missing(participant),
        frames_unreadable=seen.unreadable,
        frames_foreign=sum(map(len, seen.numbers.values())) - own,
        sounds=heard.windows,
        tones_own=heard_own,
        tones_foreign=heard.tones.total() - heard_own,
        seeks=seeks,
        error=error,
    )


def whose(path: Path) -> int | None:
    """The participant whose code the first readable picture shows."""
    seen = Seen()
    try:
        with av.open(str(path)) as container:
            for frame in container.decode(container.streams.video[0]):
                code = seen.note(frame) if isinstance(frame, av.VideoFrame) else None
                if code is not None:
                    return code.participant
    except (av.FFmpegError, OSError, IndexError):
        pass
    return None


def _read_all(container: av.container.InputContainer, seen: Seen, heard: Heard, numbers: dict[int, int]) -> float:
    """Fill ``seen``, ``heard`` and ``numbers`` (presentation time → frame number); return the length in seconds."""
    ear, samples, end = tone.Ear(), array("h"), 0.0
    for frame in container.decode(container.streams.video[0], container.streams.audio[0]):
        if isinstance(frame, av.AudioFrame):
            samples += ear.samples(frame)
        elif isinstance(frame, av.VideoFrame):
            code = seen.note(frame)
            if code is not None and frame.pts is not None:
                numbers[frame.pts] = code.number
            end = max(end, frame.time or 0.0)
    for sound in _every_fifth(samples):
        heard.note(sound)
    return end


def _every_fifth(samples: "array[int]") -> Iterator[tone.Sound]:
    """One window of five is enough to know the tone, and spares an hour's file most of the arithmetic."""
    window = tone.LOOK_RATE * tone.WINDOW_MS // 1000
    for start in range(0, len(samples) - window + 1, 5 * window + window // 2):
        yield tone.find(samples[start : start + window])


def _instants(seconds: float, rng: random.Random) -> list[float]:
    """Random places, leaving room for a pulse of the tone after each."""
    return [round(rng.uniform(0, max(seconds - 1.5 * _SOUND_SECONDS, 0)), 3) for _ in range(SEEKS)]


def _jump(container: av.container.InputContainer, at: float, participant: int, numbers: dict[int, int]) -> Seek:
    return Seek(at=at, picture=_picture_at(container, at, numbers), sound=_sound_at(container, at, participant))


def _picture_at(container: av.container.InputContainer, at: float, numbers: dict[int, int]) -> bool:
    """Whether the first picture at or after ``at`` is the one that stood there when the file was read through."""
    container.seek(int(at * av.time_base))
    for frame in container.decode(container.streams.video[0]):
        assert isinstance(frame, av.VideoFrame)
        if (frame.time or 0.0) >= at:
            code = Seen().note(frame)
            return code is not None and frame.pts is not None and numbers.get(frame.pts) == code.number
    return False


def _sound_at(container: av.container.InputContainer, at: float, participant: int) -> bool:
    """Whether the second after ``at`` holds the participant's tone."""
    container.seek(int(at * av.time_base))
    ear, samples = tone.Ear(), array("h")
    for frame in container.decode(container.streams.audio[0]):
        assert isinstance(frame, av.AudioFrame)
        if (frame.time or 0.0) >= at:
            samples += ear.samples(frame)
        if len(samples) >= _SOUND_SECONDS * tone.LOOK_RATE:
            break
    return any(sound.participant == participant for sound in tone.windows(samples))
