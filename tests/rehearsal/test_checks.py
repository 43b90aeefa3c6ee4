"""What must be there, judged over reports alone."""

from dataclasses import replace

import pytest

from rehearsal import checks
from rehearsal.report import Line, Missing, RecordedFile, Report, Seek

LINE = Line(
    sender=1,
    receiver=2,
    first_packet_ms=20.0,
    first_frame_ms=30.0,
    live_to_frame_ms=10.0,
    packets=500,
    packets_lost=0,
    frames_sent=120,
    frames=120,
    frames_own=120,
    frames_missing=0,
    frames_unreadable=0,
    frames_foreign=0,
    sounds=15,
    tones_own=10,
    tones_foreign=0,
)
SEEKS = tuple(Seek(at=float(n), picture=True, sound=True) for n in range(3))
FILE = RecordedFile(
    participant=1,
    publication="camera",
    seconds=8.0,
    frames=120,
    frames_own=120,
    frames_missing=0,
    frames_unreadable=0,
    frames_foreign=0,
    sounds=15,
    tones_own=10,
    tones_foreign=0,
    seeks=SEEKS,
)


def good() -> Report:
    return Report(
        kind="rehearsal",
        participants=2,
        seconds=8,
        lines=[LINE, replace(LINE, sender=2, receiver=1)],
        digest="aa",
        verified_digest="aa",
        verdict="INTACT",
        recorded_seconds=8.1,
        segments=1,
        files=[FILE, replace(FILE, participant=2)],
    )


def codes(report: Report) -> list[str]:
    return [item.code for item in checks.missing(report)]


def test_a_whole_report_misses_nothing() -> None:
    """Everything there: nothing missing, also when a busy machine has most of the pictures still under way."""
    assert codes(good()) == []
    tired = replace(good(), lines=[replace(line, frames_own=30) for line in good().lines])
    slow = replace(good(), lines=[replace(line, frames_sent=8, frames_own=8) for line in good().lines])
    assert codes(slow) == []
    assert codes(tired) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"frames_own": 29}, "picture"),
        ({"frames_missing": 41}, "picture-loss"),
        ({"frames_sent": 7, "frames_own": 7}, "too-busy"),
        ({"frames_foreign": 1}, "picture-foreign"),
        ({"tones_own": 0}, "sound"),
        ({"tones_foreign": 1}, "sound-foreign"),
    ],
)
def test_a_line_that_is_wrong_is_named(change: dict[str, int], code: str) -> None:
    """Too few pictures, no tone, or anybody else's on a line."""
    report = good()
    report.lines[0] = replace(LINE, **change)  # type: ignore[arg-type]
    assert codes(report) == [code]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"frames_own": 59}, "file-picture"),
        ({"frames_foreign": 1}, "file-foreign"),
        ({"tones_own": 0}, "file-sound"),
        ({"error": "InvalidDataError"}, "file-broken"),
        ({"seeks": SEEKS[:2]}, "file-seek"),
        ({"seeks": (*SEEKS[:2], replace(SEEKS[2], picture=False))}, "file-seek"),
        ({"participant": 7}, "file"),
    ],
)
def test_a_file_that_is_wrong_is_named(change: dict[str, object], code: str) -> None:
    """Too little in it, somebody else in it, unreadable, or wrong after a jump."""
    report = good()
    report.files[0] = replace(FILE, **change)  # type: ignore[arg-type]
    assert codes(report) == [code]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"verdict": "MODIFIED"}, "verdict"),
        ({"verdict": None}, "verdict"),
        ({"verified_digest": "bb"}, "digest"),
        ({"recorded_seconds": 3.9}, "recorded-seconds"),
        ({"recorded_seconds": None}, "recorded-seconds"),
        ({"lines": [LINE]}, "lines"),
        ({"failed": Missing("unreachable", "{reason}", {"reason": "x"})}, "unreachable"),
    ],
)
def test_a_record_that_is_wrong_is_named(change: dict[str, object], code: str) -> None:
    """Verdict, digest, length, lines; and why a rehearsal broke off comes alone."""
    assert codes(replace(good(), **change)) == [code]  # type: ignore[arg-type]


def test_of_a_session_that_is_not_recorded_nothing_may_be_kept() -> None:
    """Attendance needs an intact chain, no files, and fails when there is any picture or sound."""
    visit = replace(good(), recorded=False, files=[], segments=0)
    assert codes(visit) == []
    assert codes(replace(visit, segments=1)) == ["recorded"]
    assert codes(replace(visit, files=[FILE])) == ["recorded"]
    assert codes(replace(visit, verdict="MISSING")) == ["verdict"]
