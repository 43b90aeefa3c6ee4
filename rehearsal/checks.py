"""What must be there after a rehearsal: pure judgements over what was measured."""

from rehearsal import recorded
from rehearsal.report import Line, Missing, RecordedFile, Report

ENOUGH = 0.25
"""Part of the pictures sent in the planned seconds that must have arrived in them.

On a starved machine many are still under way when the time is over; less than this is a failure of the line.
"""
LOST = 0.25
"""Part of the pictures between the first and the last seen that may be lost. What is lost below it is measured and
shown."""
KEPT = 0.5
"""Part of the pictures and of the seconds that must be in the record."""
LEAST = 1.0
"""Pictures per second that must have been sent at all for anything to be proved."""


def missing(report: Report) -> list[Missing]:
    """Return everything that should be there and is not; empty is success."""
    if report.failed is not None:
        return [report.failed]
    found = [item for line in report.lines for item in _line(line, report.seconds)]
    expected = report.participants * (report.participants - 1)
    if len(report.lines) != expected:
        found.append(
            Missing("lines", "{got} of {wanted} lines carried media", {"got": len(report.lines), "wanted": expected})
        )
    return [*found, *_chain(report), *(_record(report) if report.recorded else _attendance(report))]


def _line(line: Line, seconds: float) -> list[Missing]:
    names: dict[str, object] = {"sender": line.sender, "receiver": line.receiver}
    found = []
    if line.frames_sent < LEAST * seconds:
        found.append(Missing("too-busy", "participant {sender} could not send: this machine is too busy", names))
    if line.frames_own < ENOUGH * line.frames_sent:
        found.append(Missing("picture", "participant {receiver} hardly saw participant {sender}", names))
    if line.frames_missing > LOST * (line.frames_own + line.frames_missing):
        found.append(Missing("picture-loss", "too many pictures of {sender} never reached {receiver}", names))
    if line.frames_foreign:
        found.append(Missing("picture-foreign", "participant {receiver} saw somebody else as {sender}", names))
    if not line.tones_own:
        found.append(Missing("sound", "participant {receiver} did not hear participant {sender}", names))
    if line.tones_foreign:
        found.append(Missing("sound-foreign", "participant {receiver} heard somebody else as {sender}", names))
    return found


def _chain(report: Report) -> list[Missing]:
    found = []
    if report.verdict != "INTACT":
        found.append(Missing("verdict", "the recording is {verdict}, not INTACT", {"verdict": report.verdict or "?"}))
    if report.verified_digest is not None and report.verified_digest != report.digest:
        found.append(Missing("digest", "the digest told at the end is not the digest of the recording"))
    return found


def _attendance(report: Report) -> list[Missing]:
    """Of a session that is not recorded nothing may be kept but who was connected."""
    if report.segments or report.files:
        return [Missing("recorded", "picture or sound was kept of a session that is not recorded")]
    return []


def _record(report: Report) -> list[Missing]:
    found = []
    if (report.recorded_seconds or 0) < report.seconds * KEPT:
        found.append(
            Missing(
                "recorded-seconds",
                "{got} of {wanted} seconds are recorded",
                {"got": report.recorded_seconds or 0, "wanted": report.seconds},
            )
        )
    for participant in range(1, report.participants + 1):
        files = [file for file in report.files if file.participant == participant]
        if not files:
            found.append(Missing("file", "no recorded file of participant {sender}", {"sender": participant}))
        else:
            found += _files(files, participant, _sent(report, participant))
    return found


def _sent(report: Report, participant: int) -> int:
    return max((line.frames_sent for line in report.lines if line.sender == participant), default=0)


def _files(files: list[RecordedFile], participant: int, sent: int) -> list[Missing]:
    names: dict[str, object] = {"sender": participant}
    found = [
        Missing(
            "file-broken",
            "the recorded file of participant {sender} cannot be read: {error}",
            {**names, "error": file.error},
        )
        for file in files
        if file.error
    ]
    if sum(file.frames_own for file in files) < max(KEPT * sent, 1):
        found.append(Missing("file-picture", "the recorded file hardly shows participant {sender}", names))
    if not sum(file.tones_own for file in files):
        found.append(Missing("file-sound", "participant {sender} is not heard in the recorded file", names))
    if sum(file.frames_foreign + file.tones_foreign for file in files):
        found.append(Missing("file-foreign", "the recorded file of participant {sender} holds somebody else", names))
    seeks = [seek for file in files for seek in file.seeks]
    if len(seeks) < recorded.SEEKS or not all(seek.picture and seek.sound for seek in seeks):
        found.append(
            Missing(
                "file-seek",
                "jumping in the recorded file of participant {sender} does not find its picture and sound",
                names,
            )
        )
    return found
