"""The edges of a window, to the microsecond."""

from datetime import datetime, timedelta

import pytest

from cases.kinds import INTERROGATION, STATEMENT, VISIT
from core.refusals import Refused
from scheduler.models import State
from scheduler.windows import Entry, may_enter, next_on_grid, on_grid, warnings

START = datetime.fromisoformat("2026-03-02T06:00:00+00:00")
END = START + timedelta(hours=1)
TICK = timedelta(microseconds=1)


def enter(kind, now, state=State.CONFIRMED, running=False):
    """What somebody hears who comes at ``now``."""
    answer = may_enter(kind, START, END, state, now, running=running)
    return answer.rule if isinstance(answer, Refused) else "in"


@pytest.mark.parametrize(
    ("now", "answer"),
    [
        (START - timedelta(minutes=10) - TICK, "too-early"),
        (START - timedelta(minutes=10), "in"),
        (START, "in"),
        (END - TICK, "in"),
        (END, "in"),
        (END + timedelta(minutes=5) - TICK, "in"),
        (END + timedelta(minutes=5), "too-late"),
    ],
)
def test_the_edges_of_a_visit(now, answer):
    """Entry opens ten minutes before and closes with the grace, half-open."""
    assert enter(VISIT, now) == answer


@pytest.mark.parametrize("kind", [INTERROGATION, STATEMENT])
def test_a_questioning_past_its_slot_is_open_to_those_who_return(kind):
    """A slot never cuts a questioning that runs; one that never began closes with its window."""
    assert enter(kind, END - TICK) == "in"
    assert enter(kind, END) == "too-late"
    assert enter(kind, END + timedelta(hours=3), running=True) == "in"


def test_too_early_says_when():
    """The refusal carries start and opening, the entry its edges."""
    refused = may_enter(VISIT, START, END, State.CONFIRMED, START - timedelta(hours=1))
    assert refused.values == {"start": START, "opens": START - timedelta(minutes=10)}
    entry = may_enter(VISIT, START, END, State.CONFIRMED, START)
    assert entry == Entry(START - timedelta(minutes=10), END + timedelta(minutes=5))


@pytest.mark.parametrize("state", [s for s in State if s is not State.CONFIRMED])
def test_nobody_enters_what_is_not_confirmed(state):
    """Every other state has its own sentence, even inside the window."""
    assert enter(VISIT, START, state) not in ("in", "too-early", "too-late")


def test_warnings_come_at_ten_five_and_one():
    """Only what is still ahead is announced."""
    assert warnings(END, START) == [END - timedelta(minutes=m) for m in (10, 5, 1)]
    assert warnings(END, END - timedelta(minutes=5)) == [END - timedelta(minutes=1)]


def test_the_grid_is_quarters_of_an_hour():
    """The next slot is at or after the instant."""
    assert on_grid(START)
    assert not on_grid(START + TICK)
    assert next_on_grid(START) == START
    assert next_on_grid(START + TICK) == START + timedelta(minutes=15)
