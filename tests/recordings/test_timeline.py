"""Sender clocks, drift and the shared timeline."""

import random

import pytest

from recordings.timeline import SECOND, PublicationClock, SlowOffset, TrackClock, Unwrap, ntp_ns


def test_counters_are_made_endless_across_wrap_and_reordering():
    """A sequence over the edge of sixteen bits goes on, and a late packet keeps its place."""
    unwrap = Unwrap(16)
    assert [unwrap(v) for v in (65_534, 65_535, 1, 0, 2)] == [65_534, 65_535, 65_537, 65_536, 65_538]


def test_an_offset_is_followed_slowly():
    """A step of one second is taken at five milliseconds per second, never at once."""
    slow = SlowOffset([(n * SECOND, 0 if n < 10 else SECOND) for n in range(60)], 0)
    steps = [slow.at((n + 1) * SECOND) - slow.at(n * SECOND) for n in range(58)]
    assert 0 <= min(steps) <= max(steps) <= 5_000_001


def test_a_jump_of_more_than_two_seconds_is_taken_at_once():
    """A discontinuity is not a drift."""
    slow = SlowOffset([(n * SECOND, 0 if n < 10 else 3600 * SECOND) for n in range(20)], 0)
    assert (slow.at(9 * SECOND), slow.at(10 * SECOND)) == (0, 3600 * SECOND)


def sender(rng, rate, *, drift, jitter_ms, minutes, hop_ms=20):
    """A track whose clock runs ``drift`` too fast, with its true capture instants and reports."""
    clock, truth = TrackClock(rate), []
    base = rng.randrange(1 << 32)
    for index in range(minutes * 60 * 1000 // hop_ms):
        captured = index * hop_ms * 1_000_000
        rtp = base + round(captured / SECOND * rate * (1 + drift))
        arrival = captured + 30_000_000 + round(rng.random() * jitter_ms * 1_000_000)
        if rng.random() < 0.1:
            continue
        clock.packet(rtp & 0xFFFFFFFF, arrival)
        truth.append((rtp, captured))
        if index % (5000 // hop_ms) == 0:
            seconds = captured / SECOND + 3_900_000_000
            clock.report(int(seconds * (1 << 32)), rtp & 0xFFFFFFFF)
    return clock, truth, base


@pytest.mark.parametrize("jitter_ms", [0, 100])
def test_lips_fit_after_an_hour_of_drift(jitter_ms):
    """With 50 ppm between sound card and camera clock, a tenth lost and jitter, sound and picture of the same instant
    stay within 40 ms of one another for an hour."""
    rng = random.Random(3)
    audio, heard, _audio_base = sender(rng, 48_000, drift=50e-6, jitter_ms=jitter_ms, minutes=60)
    video, seen, _video_base = sender(rng, 90_000, drift=0.0, jitter_ms=jitter_ms, minutes=60, hop_ms=66)
    clock = PublicationClock([audio, video])
    lag = {at // SECOND: clock.media_ns(audio, rtp) - at for rtp, at in heard}
    skew = [abs(clock.media_ns(video, rtp) - at - lag[at // SECOND]) for rtp, at in seen if at // SECOND in lag]
    assert max(skew) < 40_000_000


def steady(rate, *, delay_ms, drift=0.0, seconds=range(60)):
    """A packet and a report each second, from a sender whose clock runs ``drift`` too fast; always as much delayed."""
    clock, base = TrackClock(rate), 1000
    for second in seconds:
        stamp = base + round(second * rate * (1 + drift))
        clock.packet(stamp & 0xFFFFFFFF, second * SECOND + delay_ms * 1_000_000)
        clock.report(int((second * (1 + drift) + 3_900_000_000) * (1 << 32)), stamp & 0xFFFFFFFF)
    return clock, lambda second: base + round(second * rate * (1 + drift))


def test_a_picture_that_always_comes_later_than_its_sound_is_shown_with_it():
    """An encoder that takes 400 ms for the picture, 20 ms for the sound: what was seen and heard at once stays so."""
    audio, heard = steady(48_000, delay_ms=20)
    video, seen = steady(90_000, delay_ms=420)
    clock = PublicationClock([audio, video])
    for second in (1, 30, 59):
        assert abs(clock.media_ns(video, seen(second)) - clock.media_ns(audio, heard(second))) < 1_000_000


def test_a_camera_switched_on_after_hours_still_has_its_sound_s_clock():
    """By then a clock 50 ppm slow is 360 ms away from the server's."""
    audio, heard = steady(48_000, delay_ms=20, drift=-50e-6, seconds=range(0, 7300, 10))
    video, seen = steady(90_000, delay_ms=60, drift=-50e-6, seconds=range(7200, 7300))
    clock = PublicationClock([audio, video])
    assert abs(clock.media_ns(video, seen(7250)) - clock.media_ns(audio, heard(7250))) < 1_000_000


def test_tracks_with_clocks_of_their_own_are_placed_by_arrival():
    """One that counts from 1900 and one that counts from its start have nothing to say to one another."""
    audio, heard = steady(48_000, delay_ms=20)
    video, seen = TrackClock(90_000), lambda second: second * 90_000
    for second in range(60):
        video.packet(seen(second), second * SECOND + 30_000_000)
        video.report((second + 1) << 32, seen(second))
    clock = PublicationClock([audio, video])
    assert abs(clock.media_ns(video, seen(30)) - clock.media_ns(audio, heard(30)) - 10_000_000) < 1_000_000


def test_without_reports_arrival_decides():
    """A track that never sent a report is placed by its least delayed packets."""
    clock = TrackClock(48_000)
    for index in range(500):
        clock.packet(1000 + index * 960, index * 20_000_000 + 7_000_000 + (index % 7) * 1_000_000)
    placed = PublicationClock([clock])
    assert abs(placed.media_ns(clock, 1000 + 250 * 960) - (250 * 20_000_000 + 7_000_000)) < 2_000_000


def test_a_report_before_the_first_packet_counts():
    """Reports are never waited for, nor lost."""
    clock = TrackClock(48_000)
    clock.report(3_900_000_000 << 32, 1000)
    clock.packet(1000, 50)
    assert not clock.sender()
    clock.report(3_900_000_001 << 32, 49_000)
    assert clock.sender()


def test_ntp_is_read_to_the_nanosecond():
    """Half a second is half of the fraction."""
    assert ntp_ns((5 << 32) + (1 << 31)) == 5_500_000_000
