"""Refusals in words: the reader's language, the facility's clock."""

from datetime import datetime, timedelta

import pytest

from core.refusals import Refused
from scheduler.wording import say, when

NOW = datetime.fromisoformat("2026-03-02T04:00:00+00:00")
ZONE = "Asia/Shanghai"


@pytest.mark.parametrize(
    ("hours", "chinese", "english"),
    [
        (2, "14:00", "14:00"),
        (12, "明天 0:00", "tomorrow 0:00"),
        (-13, "昨天 23:00", "yesterday 23:00"),
        (72, "3月5日 12:00", "3/5 12:00"),
        (-24 * 100, "2025年11月22日 12:00", "2025-11-22 12:00"),
    ],
)
def test_instants_as_people_say_them(hours, chinese, english):
    """Today by time alone, neighbours by name, others by date; the day is the facility's, not UTC's."""
    at = NOW + timedelta(hours=hours)
    assert when(at, "zh-CN", now=NOW, zone=ZONE) == chinese
    assert when(at, "en", now=NOW, zone=ZONE) == english


def test_a_refusal_is_filled_in_both_languages():
    """Instants and lists of them become words."""
    times = (NOW + timedelta(hours=3), NOW + timedelta(hours=24))
    refused = Refused("taken", "That time has just been taken. Nearest free: {alternatives}.", {"alternatives": times})
    assert say(refused, "zh-CN", now=NOW) == "该时段已被占用。最近的可约时间：15:00、明天 12:00。"
    assert say(refused, "en", now=NOW).endswith("Nearest free: 15:00, tomorrow 12:00.")


def test_the_same_instant_reads_otherwise_elsewhere():
    """Each facility has its own clock."""
    assert when(NOW, "en", now=NOW, zone="Asia/Urumqi") == "10:00"
