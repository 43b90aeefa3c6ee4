"""Two looks lie so close that a withdrawal is cut within two seconds, however long each takes up to its bound (F26)."""

import itertools
import random
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from core.clock import FakeClock
from people import withdrawal


class Course:
    """Looks on a clock that moves by what each takes and by what is slept between."""

    def __init__(self, clock, took):
        self.clock, self.took = clock, list(took)
        self.spans: list[tuple[float, float]] = []
        """When each look began, which is when it read, and when it had cut."""

    def _seconds(self):
        return self.clock.monotonic_ns() / 1e9

    async def _sleep(self, seconds):
        self.clock.advance(seconds)

    async def run(self):
        waits = iter(self.took)
        async for _ in withdrawal.looks(self.clock, "sessions", sleep=self._sleep):
            seconds = next(waits, None)
            if seconds is None:
                return
            began = self._seconds()
            self.clock.advance(seconds)
            self.spans.append((began, self._seconds()))

    def worst(self):
        """Seconds from the worst instant of a withdrawal, just after a look has read, to the end of the next look."""
        return max(after[1] - before[0] for before, after in itertools.pairwise(self.spans))


@pytest.fixture
def clock():
    return FakeClock(datetime(2026, 3, 2, 4, tzinfo=UTC))


@pytest.mark.parametrize("took", [0.0, 0.01, 0.4, 0.41, 0.7, 1.0])
async def test_a_withdrawal_is_cut_within_two_seconds(clock, took):
    """Beginnings a second apart leave each look a second of its own."""
    course = Course(clock, [took] * 10)
    with capture_logs() as told:
        await course.run()
    assert course.worst() <= withdrawal.WITHIN + 1e-6
    assert not told
    begun = [began for began, _ in course.spans]
    assert [round(after - before, 6) for before, after in itertools.pairwise(begun)] == [withdrawal.EVERY] * 9


async def test_looks_of_any_length_up_to_a_second_hold_it(clock):
    """A long one does not push the next away."""
    course = Course(clock, [random.Random(26).uniform(0, 1) for _ in range(200)])
    with capture_logs() as told:
        await course.run()
    assert course.worst() <= withdrawal.WITHIN + 1e-6
    assert not told


async def test_a_look_that_takes_too_long_is_told_and_the_next_follows_at_once(clock):
    """Who must see to it reads of it in the log."""
    course = Course(clock, [0.1, 1.5, 0.1, 0.1])
    with capture_logs() as told:
        await course.run()
    assert [(line["log_level"], line["at"], line["seconds"]) for line in told] == [("warning", "sessions", 1.5)]
    assert course.spans[2][0] == pytest.approx(course.spans[1][1])
