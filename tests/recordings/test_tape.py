"""What is gathered in memory before it is written."""

from datetime import UTC, datetime

import synthetic

from recordings.tape import Kind, Tape
from recordings.timesource import Reading

SOUND = synthetic.track(1, "audio", "opus")
NOW = Reading(9, datetime(2026, 11, 26, tzinfo=UTC))


def test_a_cut_holds_what_came_since_the_last_one():
    """Packets in their order, losses added up and what happened are each in one cut, and in no other."""
    tape = Tape()
    tape.opened(SOUND, 1)
    tape.keep((1, b"a", 2))
    tape.keep((1, b"b", 3))
    tape.lost(1, 3)
    tape.lost(1, 4)
    first = tape.cut(NOW)
    tape.closed(1, 4)
    tape.keep((1, b"c", 5))
    second = tape.cut(NOW)
    assert ([event[0] for event in first.events], list(first.packets), first.lost) == (
        [Kind.OPENED], [(1, b"a", 2), (1, b"b", 3)], {1: 7},
    )  # fmt: skip
    assert ([event[0] for event in second.events], list(second.packets), second.lost) == (
        [Kind.CLOSED], [(1, b"c", 5)], {},
    )  # fmt: skip


def test_memory_is_bounded_once_it_is_watched_and_the_first_refusal_is_known():
    """What was cut and is not written counts; after it is written there is room again."""
    tape = Tape(limit=100)
    for _ in range(6):
        tape.keep((1, bytes(10), 1))
    tape.cut(NOW)
    tape.keep((1, bytes(30), 2))
    tape.watch()
    tape.keep_watched((1, bytes(10), 3))
    assert (tape.waiting, tape.refused_ns) == (100, None)
    tape.keep_watched((1, b"x", 4))
    tape.keep_watched((1, b"y", 5))
    assert (tape.waiting, tape.refused_ns) == (100, 4)
    tape.written()
    tape.keep_watched((1, bytes(60), 6))
    assert tape.waiting == 100
