"""What a rehearsal measured: plain values, and their JSON form."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that should have been there: a stable code, and a sentence (msgid) with its values."""

    code: str
    text: str
    values: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """What participant ``receiver`` got of what participant ``sender`` sent."""

    sender: int
    receiver: int
    first_packet_ms: float | None
    """From the offer to the first RTP packet."""
    first_frame_ms: float | None
    """From the offer to the first picture whose code was read."""
    live_to_frame_ms: float | None
    """From the session being live to that picture; 0 when it was there before."""
    packets: int
    packets_lost: int
    frames_sent: int
    """Pictures the sender sent during the planned seconds."""
    frames: int
    """Decoded pictures."""
    frames_own: int
    """Different frame numbers of the sender seen."""
    frames_missing: int
    """Frame numbers between the first and the last that never came."""
    frames_unreadable: int
    frames_foreign: int
    """Frame numbers of anybody else: must be none."""
    sounds: int
    """Windows of sound looked at."""
    tones_own: int
    tones_foreign: int


@dataclass(frozen=True, slots=True)
class Seek:
    """One jump in a recorded file: where to, and whether picture and sound found there are the right ones."""

    at: float
    """Seconds in the file."""
    picture: bool
    sound: bool


@dataclass(frozen=True, slots=True)
class RecordedFile:
    """What one derived file holds of the participant it belongs to."""

    participant: int
    publication: str
    seconds: float
    frames: int
    frames_own: int
    frames_missing: int
    frames_unreadable: int
    frames_foreign: int
    sounds: int
    tones_own: int
    tones_foreign: int
    seeks: tuple[Seek, ...]
    error: str = ""
    """Why the file could not be read to its end: the decoder's word."""


@dataclass(slots=True)
class Report:
    """A whole rehearsal. Filled as it goes; what is still ``None`` at the end was not reached."""

    kind: str
    participants: int
    seconds: float
    """Planned seconds of exchange."""
    session: str | None = None
    join_ms: list[float] = field(default_factory=list)
    """Per participant, from asking for a ticket to the first view."""
    packets_sent: int = 0
    frames_sent: int = 0
    """By all, from first to last."""
    lines: list[Line] = field(default_factory=list)
    recorded: bool = True
    """Whether sessions of this kind are recorded with their media."""
    recording: str | None = None
    digest: str | None = None
    """Of the chain, as everybody was told at the end."""
    verified_digest: str | None = None
    """Of the chain, as the verifier found it in the files; ``None`` when it did not see them."""
    verdict: str | None = None
    recorded_seconds: float | None = None
    segments: int | None = None
    """Files of received media beside the chain; ``None`` when only the server has seen them."""
    files: list[RecordedFile] = field(default_factory=list)
    failed: Missing | None = None
    """Why the rehearsal broke off, if it did."""
    elapsed_seconds: float = 0.0

    def as_json(self, missing: list[Missing]) -> dict[str, Any]:
        """Return everything measured, with the sums operators look at first; ``ok`` is true when nothing is missing."""
        lost, received = sum(line.packets_lost for line in self.lines), sum(line.packets for line in self.lines)
        return {
            "ok": not missing,
            "kind": self.kind,
            "participants": self.participants,
            "seconds": self.seconds,
            "session": self.session,
            "recording": self.recording,
            "verdict": self.verdict,
            "recorded_seconds": self.recorded_seconds,
            "join_ms": _worst(self.join_ms),
            "first_packet_ms": _worst([line.first_packet_ms for line in self.lines]),
            "first_frame_ms": _worst([line.first_frame_ms for line in self.lines]),
            "live_to_frame_ms": _worst([line.live_to_frame_ms for line in self.lines]),
            "frames_sent": self.frames_sent,
            "frames_received": sum(line.frames for line in self.lines),
            "frames_missing": sum(line.frames_missing for line in self.lines),
            "packets_sent": self.packets_sent,
            "packets_received": received,
            "packets_lost": lost,
            "loss": round(lost / (lost + received), 5) if received else None,
            "digest": self.digest,
            "elapsed_seconds": round(self.elapsed_seconds, 2),
            "lines": [asdict(line) for line in self.lines],
            "files": [asdict(file) for file in self.files],
            "missing": [{"code": item.code, "text": item.text.format(**item.values)} for item in missing],
        }


def _worst(values: list[float] | list[float | None]) -> float | None:
    """The slowest of ``values``; ``None`` when one never came or there are none."""
    known = [value for value in values if value is not None]
    return round(max(known), 1) if known and len(known) == len(values) else None
