"""Examining a recorded file."""

import random
from collections.abc import Callable
from pathlib import Path

import av

from rehearsal import recorded
from rehearsal.recorded import examine
from rehearsal.watching import Heard, Seen

WriteWebm = Callable[..., None]


def test_a_good_file_is_recognised(tmp_path: Path, webm: WriteWebm) -> None:
    """All frames, the tone, and three jumps are found."""
    webm(tmp_path / "a.webm", 2, 4.0)
    found = examine(tmp_path / "a.webm", 2, "camera", random.Random(3))
    assert (found.frames, found.frames_own, found.frames_missing, found.frames_foreign) == (60, 60, 0, 0)
    assert found.tones_own >= 4
    assert found.tones_foreign == 0
    assert 3.8 <= found.seconds <= 4.0
    assert all(seek.picture and seek.sound for seek in found.seeks)
    assert len(found.seeks) == 3
    assert found.error == ""


def test_somebody_elses_file_is_foreign(tmp_path: Path, webm: WriteWebm) -> None:
    """A file of participant 3 holds nothing of participant 1, and no jump finds its sound."""
    webm(tmp_path / "a.webm", 3, 2.5)
    found = examine(tmp_path / "a.webm", 1, "camera", random.Random(3))
    assert (found.frames_own, found.tones_own) == (0, 0)
    assert found.frames_foreign > 30
    assert found.tones_foreign > 2
    assert not any(seek.sound for seek in found.seeks)


def test_a_torn_file_is_told_and_not_raised(tmp_path: Path, webm: WriteWebm) -> None:
    """Half a file gives what it holds; rubbish and nothing give an error word."""
    webm(tmp_path / "a.webm", 1, 3.0)
    whole = (tmp_path / "a.webm").read_bytes()
    (tmp_path / "half.webm").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "rubbish.webm").write_bytes(b"\x00" * 5000)
    half = examine(tmp_path / "half.webm", 1, "camera", random.Random(3))
    assert 0 < half.frames_own < 40
    for name in ("rubbish.webm", "nothing.webm"):
        found = examine(tmp_path / name, 1, "camera", random.Random(3))
        assert found.error
        assert (found.frames, found.seeks) == (0, ())


def test_a_jump_that_shows_another_instant_is_wrong(tmp_path: Path, webm: WriteWebm) -> None:
    """The picture found after a jump is compared with the one that stood there when the file was read through."""
    webm(tmp_path / "a.webm", 1, 3.0)
    seen, heard, numbers = Seen(), Heard(), dict[int, int]()
    with av.open(str(tmp_path / "a.webm")) as container:
        recorded._read_all(container, seen, heard, numbers)
    with av.open(str(tmp_path / "a.webm")) as container:
        assert recorded._picture_at(container, 1.3, numbers)
        assert not recorded._picture_at(container, 1.3, {pts: number + 1 for pts, number in numbers.items()})
        assert not recorded._picture_at(container, 60.0, numbers)
