"""Times as pages write them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduler.windows import ZONE
from web.rendering import Shown

NOW = datetime(2026, 11, 26, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("locale", "days", "said"),
    [
        ("en", -1, "yesterday"),
        ("en", 0, "today"),
        ("en", 1, "tomorrow"),
        ("en", 2, "Sat, 28 Nov"),
        ("zh-CN", 0, "今天"),
        ("zh-CN", 2, "11月28日 周六"),
    ],
)
def test_a_day_inside_a_sentence_is_written_small(locale: str, days: int, said: str) -> None:
    """Near days are words of the sentence, others a date; the time is marked up as one."""
    at = NOW + timedelta(days=days)
    text = Shown(locale, ZoneInfo(ZONE), NOW).within(at)
    assert text == f'{said} <time datetime="{at.isoformat(timespec="seconds")}">10:00</time>'
