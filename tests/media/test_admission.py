"""When a media process refuses new sessions."""

import pytest

from media.admission import Load
from media.config import Limits

LIMITS = Limits(sessions=3, admit_loop_lag_ms=50, admit_packets_per_second=1000, admit_disk_lag_ms=4000)


def test_an_idle_process_takes_sessions() -> None:
    """Nothing speaks against the first one."""
    assert Load().refusal(LIMITS) is None


@pytest.mark.parametrize(
    ("figures", "word"),
    [((200.0, 0, 0, 0), "late"), ((0, 4000.0, 0, 0), "packets"), ((0, 0, 5000.0, 0), "behind"), ((0, 0, 0, 3), "open")],
)
def test_each_figure_can_refuse(figures: tuple[float, float, float, int], word: str) -> None:
    """Lateness, packets, disk and number each have their limit, and the refusal names it."""
    load = Load()
    for _ in range(10):
        load.note(*figures)
    assert word in (load.refusal(LIMITS) or "")


def test_one_late_tick_does_not_refuse() -> None:
    """Lateness is smoothed, and forgotten again."""
    load = Load()
    load.note(300.0, 0, 0, 0)
    assert load.refusal(LIMITS) is None
    load.note(300.0, 0, 0, 0)
    assert load.refusal(LIMITS) is not None
    for _ in range(4):
        load.note(0.0, 0, 0, 0)
    assert load.refusal(LIMITS) is None


def test_the_operator_is_told_when_it_begins_and_when_it_is_over() -> None:
    """A disk that falls behind is an alarm before anybody is refused; told once, and once that it is over."""
    load = Load()
    told = []
    for disk_lag_ms in (0, 5000.0, 6000.0, 100.0, 0):
        load.note(0, 0, disk_lag_ms, 0)
        told.append(load.news(LIMITS))
    assert told == [None, "a recording is 5000 ms behind", None, "", None]
