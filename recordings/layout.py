"""Where everything of a recording lies."""

import re
from dataclasses import dataclass
from pathlib import Path

_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")
_SEGMENT = re.compile(r"seg-(\d{6,})")


def is_recording_id(text: str) -> bool:
    """Whether ``text`` can name a recording: letters, digits, ``-`` and ``_``, at most 64 of them."""
    return _ID.fullmatch(text) is not None


def recordings_dir(data_dir: Path) -> Path:
    return data_dir / "recordings"


def keys_dir(data_dir: Path) -> Path:
    return data_dir / "keys"


def data_dir_of(recording: Path) -> Path | None:
    """The data directory a recording's path lies in, or ``None`` when it lies elsewhere."""
    parent = recording.resolve().parent
    return parent.parent if parent.name == "recordings" else None


@dataclass(frozen=True, slots=True)
class RecordingFiles:
    """The files of one recording."""

    root: Path

    @classmethod
    def of(cls, data_dir: Path, recording: str) -> "RecordingFiles":
        """Raise ``ValueError`` unless ``recording`` is an identifier: it becomes part of a path."""
        if not is_recording_id(recording):
            raise ValueError("not a recording id")
        return cls(recordings_dir(data_dir) / recording)

    @property
    def chain(self) -> Path:
        return self.root / "chain.jsonl"

    @property
    def log(self) -> Path:
        return self.root / "log.jsonl"

    @property
    def keys(self) -> Path:
        return self.root / "keys.json"

    @property
    def lock(self) -> Path:
        return self.root / ".lock"

    @property
    def test_frame(self) -> Path:
        return self.root / ".test-frame"

    @property
    def aside(self) -> Path:
        """Torn tails found on recovery: kept, never played, never part of a verdict of INTACT."""
        return self.root / "aside"

    @property
    def derived(self) -> Path:
        return self.root / "derived"

    def segment(self, number: int) -> Path:
        return self.root / segment_name(number)

    def segments(self) -> dict[int, Path]:
        """Segment files present, by number; whatever else bears such a name is none."""
        found = ((segment_number(path.name), path) for path in self.root.iterdir() if path.is_file())
        return dict(sorted((n, p) for n, p in found if n is not None))


def segment_name(number: int) -> str:
    return f"seg-{number:06d}"


def segment_number(name: str) -> int | None:
    match = _SEGMENT.fullmatch(name)
    return int(match[1]) if match else None


def opened_segments(root: Path) -> dict[int, Path]:
    """Decrypted segments of an exported bundle, by number."""
    found = ((segment_number(path.stem), path) for path in root.glob("seg-*.pcapng"))
    return dict(sorted((n, p) for n, p in found if n is not None))
