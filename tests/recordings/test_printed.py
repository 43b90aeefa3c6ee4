"""Times on paper."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from recordings import printed


def test_both_clocks_are_given_with_their_days():
    """At half past six in the morning it is still yesterday by UTC."""
    at = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)
    assert printed.local_and_utc(at, printed.ZONE) == ("2026-03-03 06:30:00 (Asia/Shanghai) · UTC 2026-03-02 22:30:00")


def test_a_span_names_a_day_twice_only_where_there_are_two():
    """Each clock for itself: over midnight here, within one day by UTC."""
    start, end = datetime(2026, 3, 2, 15, 59, 58, tzinfo=UTC), datetime(2026, 3, 2, 16, 0, 1, tzinfo=UTC)
    said = "2026-03-02 23:59:58–2026-03-03 00:00:01 (Asia/Shanghai) · UTC 2026-03-02 15:59:58–16:00:01"
    assert printed.span(start, end, printed.ZONE) == said


def test_what_is_no_instant_stays_as_it_is():
    """A chain that cannot be believed may hold anything there."""
    zone = ZoneInfo("Asia/Shanghai")
    assert printed.of_text("2026-03-02T22:30:00.123Z", zone).startswith("2026-03-03 06:30:00")
    assert [printed.of_text(said, zone) for said in ("", "soon", "2026-03-02T22:30:00")] == [
        "", "soon", "2026-03-02T22:30:00",
    ]  # fmt: skip
