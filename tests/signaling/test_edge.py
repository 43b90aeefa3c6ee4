"""Warnings and the hard end."""

from datetime import timedelta

import pytest

from cases.kinds import KINDS
from signaling.edge import Claims, Warnings, hard_end
from tests.signaling.rosters import START

END = START + timedelta(hours=1)


def test_each_warning_is_given_once() -> None:
    """Asked every second of the last eleven minutes and the first after the end: 10, 5, 1, 0."""
    warnings = Warnings()
    asked = [warnings.due(END, END + timedelta(seconds=s)) for s in range(-660, 60)]
    assert [m for m in asked if m is not None] == [10, 5, 1, 0]


def test_warnings_that_were_slept_through_are_not_given_late() -> None:
    """After a pause only the nearest counts."""
    warnings = Warnings()
    assert warnings.due(END, END - timedelta(seconds=50)) == 1
    assert warnings.due(END, END - timedelta(seconds=40)) is None


def test_a_later_end_is_warned_of_anew() -> None:
    """The window was extended while the last minutes ran."""
    warnings = Warnings()
    assert warnings.due(END, END - timedelta(minutes=1)) == 1
    later = END + timedelta(minutes=30)
    assert warnings.due(later, END) is None
    assert warnings.due(later, later - timedelta(minutes=10)) == 10


@pytest.mark.parametrize(
    ("kind", "started", "after"),
    [
        ("visit", True, 5),
        ("visit", False, 5),
        ("rehearsal", True, 0),
        ("interrogation", True, None),
        ("interrogation", False, 0),
        ("statement", True, None),
    ],
)
def test_the_hard_end_of_each_kind(kind: str, started: bool, after: int | None) -> None:
    """Visits end after their grace; questionings that began never; what never began ends with its window."""
    expected = None if after is None else END + timedelta(minutes=after)
    assert hard_end(KINDS[kind], END, started=started) == expected


def test_only_a_questioning_past_its_end_claims_time_and_once_a_minute() -> None:
    """Not before the end, not one that never began, not a visit; again a minute later while the end stays."""
    claims = Claims()
    times = [END + timedelta(seconds=s) for s in range(-60, 200)]
    asked = [(at - END).seconds for at in times if claims.due(KINDS["interrogation"], END, at, started=True)]
    assert asked == [0, 60, 120, 180]
    assert not Claims().due(KINDS["interrogation"], END, END, started=False)
    assert not Claims().due(KINDS["visit"], END, END, started=True)
