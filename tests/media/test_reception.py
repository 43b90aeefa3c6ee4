"""Loss, jitter and the NACK timer, on a clock that is only a number."""

from hypothesis import given
from hypothesis import strategies as st

from media.reception import MAX_TRIES, Reception

MS = 1_000_000


def feed(reception: Reception, sequences: list[int], now: int = 0) -> list[tuple[int, int]]:
    return [gone for sequence in sequences if (gone := reception.arrived(sequence & 0xFFFF, now))]


def test_a_stream_without_loss_asks_for_nothing() -> None:
    """Consecutive numbers, across the wrap, leave nothing missing."""
    reception = Reception(65533, nack=True)
    feed(reception, [65534, 65535, 0, 1])
    assert reception.due(10**9).ask == ()
    assert reception.lost_on_line() == (0, 5)


def test_a_packet_that_is_only_late_is_not_asked_for() -> None:
    """Reordering within the first wait costs no NACK."""
    reception = Reception(0, nack=True)
    feed(reception, [2, 1, 3])
    assert reception.due(20 * MS).ask == ()


def test_missing_packets_are_asked_for_until_they_are_given_up() -> None:
    """Ten tries, spaced, then a run is told as lost."""
    reception = Reception(10, nack=True)
    feed(reception, [14])
    tries, now = 0, 0
    while not (due := reception.due(now)).given_up:
        tries += due.ask == (11, 12, 13)
        now += 20 * MS
    assert tries == MAX_TRIES
    assert due.given_up == ((11, 3),)
    assert now < 3_000 * MS


def test_the_spacing_follows_the_time_an_answer_takes() -> None:
    """After quick answers the next tries come sooner than the first guess."""
    reception = Reception(0, nack=True)
    now = 0
    for sequence in range(2, 100, 2):
        feed(reception, [sequence], now)
        now += 20 * MS
        assert reception.due(now).ask == (sequence - 1,)
        now += 5 * MS
        feed(reception, [sequence - 1], now)
    assert reception.answer_ns < 20 * MS


def test_a_large_hole_is_given_up_at_once() -> None:
    """More than a few hundred packets are not begged for one by one."""
    reception = Reception(0, nack=True)
    assert feed(reception, [500]) == [(1, 499)]
    assert reception.due(10**9).ask == ()


def test_without_nack_loss_is_stated_at_once() -> None:
    """A stream whose sender does not repair is told as it is."""
    reception = Reception(0, nack=False)
    assert feed(reception, [3]) == [(1, 2)]


def test_a_jump_is_a_new_start_for_the_line_and_loss_for_the_record() -> None:
    """A sender that begins anew elsewhere is not told that it lost; the record states what is not in it."""
    reception = Reception(0, nack=True)
    feed(reception, list(range(1, 100)))
    reception.report(1, 0, 0)
    assert feed(reception, [20_000, 20_001, 20_003]) == [(100, 19_900)]
    assert reception.report(1, 0, 0).fraction == 0.25, "one of four since the jump"


def test_what_was_missing_before_a_jump_is_still_given_up_in_time() -> None:
    reception = Reception(0, nack=True)
    assert feed(reception, [3, 5_000]) == [(4, 4_996)]
    assert reception.due(10**10).given_up == ((1, 2),)


def test_the_report_counts_what_repair_did_not_bring() -> None:
    """Two of four lost, one repaired: a quarter is reported, and both count for the line."""
    reception = Reception(0, nack=True)
    feed(reception, [3])
    reception.due(20 * MS)
    feed(reception, [1], 40 * MS)
    report = reception.report(9, 0, 0)
    assert (report.fraction, report.lost, report.highest & 0xFFFF) == (0.25, 1, 3)
    assert reception.lost_on_line() == (2, 4)


def test_steady_packets_have_no_jitter_and_unsteady_have() -> None:
    """Jitter follows the difference of transit times (RFC 3550 A.8)."""
    steady, unsteady = Reception(0, nack=True), Reception(0, nack=True)
    for index in range(200):
        steady.transit(index * 960, index * 20 * MS, 48000)
        unsteady.transit(index * 960, index * 20 * MS + (index % 2) * 10 * MS, 48000)
    assert steady.jitter < 1
    assert 400 < unsteady.jitter < 500


@given(st.lists(st.integers(0, 65535), max_size=200), st.lists(st.integers(1, 2000), max_size=200))
def test_no_order_of_packets_breaks_it(sequences: list[int], steps: list[int]) -> None:
    """Any numbers at any times keep the books sane."""
    reception = Reception(0, nack=True)
    now = 0
    for sequence, step in zip(sequences, steps, strict=False):
        now += step * MS
        reception.arrived(sequence, now)
        reception.due(now)
        report = reception.report(1, 0, 0)
        assert 0 <= report.fraction < 1
        assert len(reception.missing) <= 256
    reception.abandon()
    assert reception.missing == {}
