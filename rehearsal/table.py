"""A rehearsal's report for people: figures first, then who received whom, then the record, then what is missing."""

from collections.abc import Callable, Iterator

from core.texts import Texts
from rehearsal.report import Line, Missing, RecordedFile, Report


def render(report: Report, missing: list[Missing], locale: str) -> str:
    """Return the report as lines of text in ``locale``."""
    texts = Texts(locale)
    lines = [*_figures(report, texts), ""]
    lines += [_line(line, texts) for line in report.lines]
    lines += [_file(file, texts) for file in report.files]
    if missing:
        lines += ["", texts("Missing:"), *(f"  ✗ {texts(item.text, **item.values)} [{item.code}]" for item in missing)]
    else:
        lines += ["", "✓ " + texts("The rehearsal found everything that should be there.")]
    return "\n".join(lines)


def _figures(report: Report, texts: Texts) -> Iterator[str]:
    sums = report.as_json([])
    yield texts("Rehearsal with {count} participants, {seconds} s", count=report.participants, seconds=report.seconds)
    yield _row(texts("Session played"), report.session)
    yield _row(texts("Joining, slowest"), sums["join_ms"], "ms")
    yield _row(texts("First packet, slowest"), sums["first_packet_ms"], "ms")
    yield _row(texts("First picture, slowest"), sums["first_frame_ms"], "ms")
    yield _row(texts("From live to the first picture, slowest"), sums["live_to_frame_ms"], "ms")
    yield _row(texts("Pictures sent / received / missing"), _three(sums, "frames", "missing"))
    yield _row(texts("Packets sent / received / lost"), _three(sums, "packets", "lost"))
    if report.recorded:
        yield _row(texts("Recorded"), report.recorded_seconds, "s")
    else:
        yield _row(texts("Recorded"), texts("who was connected, no picture or sound"))
    yield _row(texts("Verdict"), report.verdict)
    yield _row(texts("Digest"), report.digest)
    yield _row(texts("Whole rehearsal"), sums["elapsed_seconds"], "s")


def _three(sums: dict[str, object], what: str, last: str) -> str:
    return f"{sums[f'{what}_sent']} / {sums[f'{what}_received']} / {sums[f'{what}_{last}']}"


def _row(name: str, value: object, unit: str = "") -> str:
    return f"  {name}: {'–' if value is None else value}{' ' + unit if unit and value is not None else ''}"


def _line(line: Line, texts: Callable[..., str]) -> str:
    return "  " + texts(
        "{sender} → {receiver}: {frames} pictures, {missing} missing, tone in {tones} of {sounds} samples, "
        "{lost} of {packets} packets lost",
        sender=line.sender,
        receiver=line.receiver,
        frames=line.frames_own,
        missing=line.frames_missing,
        tones=line.tones_own,
        sounds=line.sounds,
        lost=line.packets_lost,
        packets=line.packets + line.packets_lost,
    )


def _file(file: RecordedFile, texts: Callable[..., str]) -> str:
    return "  " + texts(
        "recorded, participant {sender}: {seconds} s, {frames} pictures, tone in {tones} of {sounds} samples, "
        "{found} of {seeks} jumps right",
        sender=file.participant,
        seconds=file.seconds,
        frames=file.frames_own,
        tones=file.tones_own,
        sounds=file.sounds,
        found=sum(seek.picture and seek.sound for seek in file.seeks),
        seeks=len(file.seeks),
    )
