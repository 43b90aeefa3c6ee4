"""When the next picture or packet is due."""

import asyncio
import time

import pytest

from rehearsal import tracks
from rehearsal.tracks import Camera, Microphone, Pace


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands unless somebody sleeps or the test moves it."""
    now = [100.0]

    async def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(asyncio, "sleep", sleep)
    return now


async def test_turns_come_at_their_time(clock: list[float]) -> None:
    """The first turn is now, each further one an interval later."""
    pace = Pace(0.02)
    assert [await pace.next() for _ in range(5)] == [0, 1, 2, 3, 4]
    assert clock[0] == pytest.approx(100.08)


async def test_a_little_lateness_is_made_up_for(clock: list[float]) -> None:
    """After a stall shorter than the limit no turn is left out."""
    pace = Pace(0.02)
    await pace.next()
    clock[0] += tracks.LATE_SECONDS - 0.01
    assert [await pace.next() for _ in range(4)] == [1, 2, 3, 4]


async def test_a_long_stall_skips_turns(clock: list[float]) -> None:
    """After two seconds the sound goes on where it would be, and does not run after itself."""
    pace = Pace(0.02)
    await pace.next()
    clock[0] += 2.0
    assert await pace.next() == pytest.approx(100, abs=1)


async def test_picture_numbers_stay_consecutive_over_a_stall(clock: list[float]) -> None:
    """Skipped turns show in the time of a picture, not in its number."""
    camera, microphone = Camera(1, rate=10), Microphone(1)
    first = await camera.recv()
    await microphone.recv()
    clock[0] += 3.0
    second = await camera.recv()
    assert (first.pts, camera.sent) == (0, 2)
    assert second.pts >= 29
    assert ((await microphone.recv()).pts or 0) >= 2.9 * 48_000
