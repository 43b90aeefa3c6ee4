"""Room for recordings, watched."""

from pathlib import Path

import pytest
from faults import SmallDisk
from structlog.testing import capture_logs

from recordings.space import Reserve, SpaceWatch


@pytest.mark.parametrize(
    ("free", "recordings", "low"),
    [(999, 0, True), (1000, 0, False), (1_079_999_999, 2, True), (1_080_000_000, 2, False)],
)
def test_room_is_judged_by_what_is_recorded(free: int, recordings: int, low: bool) -> None:
    """So many hours for each recording of now, and never less than the least."""
    assert Reserve(hours=1, least=1000).is_low(free, recordings) is low


def test_an_operator_is_called_before_room_runs_out(tmp_path: Path) -> None:
    """More recordings, or less room, raise metric and warning; room again takes both back."""
    disk, recordings = SmallDisk(600_000_000), [1]
    watch = SpaceWatch(tmp_path, Reserve(hours=1), lambda: recordings[0], disk)
    with capture_logs() as said:
        watch.look()
        assert (watch.is_low, said) == (False, [])
        recordings[0] = 2
        watch.look()
    assert watch.is_low
    assert "yuanjian_recordings_space_low 1.0" in watch.metrics()
    assert "yuanjian_recordings_free_bytes 6e+08" in watch.metrics()
    assert [(line["log_level"], line["wanted_bytes"]) for line in said] == [("warning", 1_080_000_000)]
    disk.room *= 2
    watch.look()
    assert "yuanjian_recordings_space_low 0.0" in watch.metrics()


def test_a_disk_that_cannot_be_asked_counts_as_full(tmp_path: Path) -> None:
    """A place that is gone is told, not passed over."""
    watch = SpaceWatch(tmp_path / "gone", Reserve(least=1), lambda: 0)
    watch.look()
    assert watch.is_low
