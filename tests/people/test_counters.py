"""Counters that several processes share and that outlive a restart."""

import sqlite3

import pytest
from limits import RateLimitItemPerMinute

from core.config import Settings
from core.errors import OperatorError, TooMany
from people.counters import FileCounters, counters_of
from people.throttle import Throttle

LIMIT = RateLimitItemPerMinute(3, 1, namespace="test")


def test_two_processes_share_one_count(tmp_path):
    """What one counted the other knows; a right try clears it for both."""
    path = tmp_path / "counters.sqlite3"
    one, other = Throttle(FileCounters(path)), Throttle(FileCounters(path))
    one.take(LIMIT, "a")
    other.take(LIMIT, "a")
    one.take(LIMIT, "a")
    with pytest.raises(TooMany) as caught:
        other.take(LIMIT, "a")
    assert caught.value.values == {"minutes": 1}
    other.take(LIMIT, "b")
    other.forgive(LIMIT, "a")
    one.take(LIMIT, "a")


def test_a_restart_forgets_nothing(tmp_path):
    """A new process over the same file counts on."""
    path = tmp_path / "counters.sqlite3"
    for _ in range(3):
        Throttle(FileCounters(path)).take(LIMIT, "a")
    with pytest.raises(TooMany):
        Throttle(FileCounters(path)).take(LIMIT, "a")


def test_a_window_ends(tmp_path, monkeypatch):
    """After its time the count begins anew, and old keys are swept out."""
    now = [1000.0]
    monkeypatch.setattr("people.counters.time.time", lambda: now[0])
    counters = FileCounters(tmp_path / "counters.sqlite3")
    assert [counters.incr("a", 60), counters.incr("a", 60), counters.get("a")] == [1, 2, 2]
    now[0] += 61
    assert (counters.get("a"), counters.incr("a", 60), counters.get_expiry("a")) == (0, 1, now[0] + 60)
    now[0] += 700
    counters.incr("b", 60)
    assert counters.reset() == 1


def test_the_file_tells_nobody_who_tried(tmp_path):
    """It is closed to others and holds no login and no address."""
    path = tmp_path / "counters.sqlite3"
    Throttle(FileCounters(path)).take(LIMIT, "zhang.wei", "203.0.113.7")
    assert path.stat().st_mode & 0o77 == 0
    with sqlite3.connect(path) as file:
        dump = "\n".join(file.iterdump())
    assert "zhang" not in dump
    assert "203.0" not in dump


def test_without_the_file_tries_are_still_counted(tmp_path):
    """A lost file does not open the door: this process counts by itself."""
    counters = FileCounters(tmp_path / "counters.sqlite3")
    counters._file.execute("DROP TABLE counters")
    throttle = Throttle(counters)
    for _ in range(3):
        throttle.first(LIMIT, "a")
    assert not throttle.first(LIMIT, "a")


def test_a_server_that_cannot_be_used_stops_the_start(tmp_path):
    """The operator reads why."""
    with pytest.raises(OperatorError, match="counters_url"):
        counters_of(Settings(data_dir=tmp_path, counters_url="nonsense://x"))
    assert isinstance(counters_of(Settings(data_dir=tmp_path)), FileCounters)
