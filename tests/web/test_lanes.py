"""A recording on one scale: every span comes from the chain and lies where it was signed."""

from typing import Any

import pytest

from recordings.layout import RecordingFiles
from recordings.models import DerivedFile
from recordings.summary import Summary, read
from tests.web import recorded
from tests.web.world import NOON
from web.lanes import NARROWEST, Lanes, Sort, lanes


def said(
    log: list[tuple[int, dict[str, Any]]], gaps: list[dict[str, Any]] | None = None, length: int = 10_000
) -> Summary:
    entries = tuple({"entry_ms": ms, "public": public, "number": n} for n, (ms, public) in enumerate(log, 1))
    tracks = ({"track": 1, "endpoint": "a", "role": "host"}, {"track": 2, "endpoint": "b", "role": "room"})
    return Summary({}, (), tracks, tuple(gaps or ()), entries, None, NOON, NOON, length)


def spans(drawn: Lanes, endpoint: str, sort: Sort) -> list[tuple[int, int]]:
    lane = next(lane for lane in (drawn.session, *drawn.people) if lane.endpoint == endpoint)
    return [(span.from_ms, span.to_ms) for span in lane.spans if span.sort is sort]


def joined(endpoint: str) -> dict[str, str]:
    return {"event": "joined", "endpoint": endpoint, "role": "host"}


def test_presence_ends_with_the_connection_and_begins_again_with_it() -> None:
    """Lost and back are two stretches; who never leaves is there to the end."""
    drawn = lanes(
        said(
            [
                (0, joined("a")),
                (2000, {"event": "away", "endpoint": "a"}),
                (3000, {"event": "back", "endpoint": "a"}),
                (3500, {"event": "back", "endpoint": "a"}),
                (4000, joined("b")),
                (9000, {"event": "left", "endpoint": "a"}),
            ]
        ),
        (),
    )
    assert spans(drawn, "a", Sort.PRESENT) == [(0, 2000), (3000, 9000)]
    assert spans(drawn, "b", Sort.PRESENT) == [(4000, 10_000)]


def test_states_follow_one_another() -> None:
    """Running and held take turns; the last lasts to the end; waiting is neither."""
    changes = [(0, "arming"), (1000, "live"), (4000, "held"), (6000, "live"), (9000, "ended")]
    drawn = lanes(said([(ms, {"event": "state", "to": to, "reason": "stopped"}) for ms, to in changes]), ())
    assert spans(drawn, "", Sort.RUNNING) == [(1000, 4000), (6000, 9000)]
    assert spans(drawn, "", Sort.HELD) == [(4000, 6000)]


def test_a_gap_belongs_to_its_track_or_to_everybody() -> None:
    """A restart is everybody's; one track's gap is its sender's alone; each is told once."""
    gaps = [
        {"track": None, "from_ms": 1000, "to_ms": 2000, "cause": "restart"},
        {"track": 2, "from_ms": 5000, "to_ms": 5100, "cause": "overflow"},
    ]
    drawn = lanes(said([], gaps), ())
    assert spans(drawn, "", Sort.GAP) == [(1000, 2000)]
    assert spans(drawn, "a", Sort.GAP) == [(1000, 2000)]
    assert spans(drawn, "b", Sort.GAP) == [(1000, 2000), (5000, 5100)]
    assert [(span.from_ms, span.cause) for span in drawn.missing()] == [(1000, "restart"), (5000, "overflow")]


def test_what_the_check_found_is_drawn_and_a_declared_gap_is_not_damage() -> None:
    """Altered and missing seconds stand on the session's lane."""
    findings = [
        {"verdict": "MODIFIED", "from_ms": 3000, "to_ms": 4000, "cause": "frame-altered"},
        {"verdict": "GAP", "from_ms": 5000, "to_ms": 6000, "cause": "restart"},
    ]
    drawn = lanes(said([]), (), findings)
    assert spans(drawn, "", Sort.DAMAGED) == [(3000, 4000)]


@pytest.mark.parametrize("length", [0, 1, 10_000, 8 * 3_600_000])
def test_nothing_lies_outside_of_the_scale(length: int) -> None:
    """However short or long it is, and however wrong a time: between 0 and 100, wide enough to be seen."""
    gaps = [{"track": None, "from_ms": length - 1, "to_ms": length + 5000, "cause": "restart"}]
    log = [(-50, joined("a")), (length + 900, {"event": "marker"})]
    drawn = lanes(said(log, gaps, length), ())
    for lane in (drawn.session, *drawn.people):
        for span in lane.spans:
            assert span.width >= NARROWEST
            assert 0 <= span.left <= span.left + span.width <= 100.001
    assert all(0 <= mark.left <= 100 for mark in drawn.marks)
    assert 1 <= len(drawn.ticks) <= 9


def test_a_recording_as_it_is_made() -> None:
    """Of a real recording with a hold and a restart everything is where the script put it."""
    place = recorded.made(False)
    files = [
        DerivedFile(kind="participant", endpoint=endpoint, role=role, start_ms=0, duration_ms=18_000)
        for endpoint, role in (("e1", "host"), ("e2", "room"))
    ]
    drawn = lanes(read(RecordingFiles.of(place, recorded.MADE)), files)
    assert [lane.endpoint for lane in drawn.people] == ["e1", "e2"]
    assert spans(drawn, "", Sort.GAP) == [(10_000, 13_000)]
    ((start, end),) = spans(drawn, "", Sort.HELD)
    assert 6000 <= start < end <= 9000
    assert len(drawn.marks) == 2
