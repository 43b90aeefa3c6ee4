"""Looking for rot: every recording verified, its derived files too, and what is spoilt fetched from a second copy.

A copy is only believed for a file when with it in place the recording verifies: the chain says what each file was.
"""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from recordings import backup, derived
from recordings.filesystem import Disk
from recordings.keys import site_trust
from recordings.layout import RecordingFiles, recordings_dir
from recordings.verdicts import Verdict, Verification
from recordings.verify import verify

GRAVE = (Verdict.MODIFIED, Verdict.MISSING)


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """What was found of one recording."""

    recording: str
    found: Verification
    spoilt_files: tuple[str, ...]
    """Derived files that are not what their sidecar says; they can be made again."""

    @property
    def is_sound(self) -> bool:
        return self.found.verdict not in GRAVE and not self.found.unusable and not self.spoilt_files


def scrub(data_dir: Path) -> Iterator[Scrubbed]:
    """Verify every recording of a data directory, one after the other."""
    for root in sorted(recordings_dir(data_dir).glob("*")):
        if (root / "chain.jsonl").exists() or (root / "keys.json").exists():
            yield Scrubbed(root.name, verify(root), tuple(spoilt_derived(RecordingFiles(root))))


def spoilt_derived(files: RecordingFiles) -> list[str]:
    """Derived files whose sidecar does not fit, or that are not what it says."""
    spoilt = []
    for path in sorted(files.derived.glob("*.json")) if files.derived.is_dir() else ():
        sidecar = derived.read_sidecar(path.read_bytes()) if path.is_file() else None
        target = files.derived / (sidecar.file if sidecar else path.stem)
        if sidecar is None or not target.is_file() or backup.digest_of(target) != sidecar.stored_sha256:
            spoilt.append(target.name)
    return spoilt


def repair(data_dir: Path, recording: str, copies: Iterable[Path], disk: Disk) -> list[str]:
    """Replace spoilt or missing files of a recording by those of second copies (data directories or backups).

    Returns the names repaired. A file is taken only when it lessens what is wrong; the spoilt one is kept under
    ``aside/rot-*``. Raises ``OSError``.
    """
    files = RecordingFiles.of(data_dir, recording)
    trust = site_trust(data_dir)
    repaired: list[str] = []
    for copy in copies:
        other = RecordingFiles.of(copy, recording)
        for name in _differing(files.root, other.root):
            if _weight(verify(files.root, trust)) == 0:
                return repaired
            if _is_better(files.root, other.root, name, trust):
                _take(files, other.root / name, name, disk)
                repaired.append(name)
    return repaired


def _weight(found: Verification) -> int:
    """How much is wrong: milliseconds and one per finding, one for an end nobody signed."""
    wrong = sum(1 + item.to_ms - item.from_ms for item in found.ranges if item.verdict in GRAVE)
    tails = sum(item.verdict is Verdict.TAIL for item in found.ranges)
    return wrong + tails + (not found.closed)


def _differing(root: Path, other: Path) -> list[str]:
    names = []
    for path in sorted(other.rglob("*")) if other.is_dir() else ():
        name = path.relative_to(other)
        if path.is_file() and name.parts[0] != "derived" and not path.name.startswith("."):
            mine = root / name
            if not mine.is_file() or backup.digest_of(mine) != backup.digest_of(path):
                names.append(str(name))
    return names


def _is_better(root: Path, other: Path, name: str, trust: frozenset[str]) -> bool:
    """Try the copy in a tree of links beside everything else."""
    with tempfile.TemporaryDirectory() as place:
        trial = Path(place) / root.name
        for path in root.rglob("*"):
            if path.is_file() and not path.name.startswith("."):
                target = trial / path.relative_to(root)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(path.resolve())
        target = trial / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.symlink_to((other / name).resolve())
        return _weight(verify(trial, trust)) < _weight(verify(root, trust))


def _take(files: RecordingFiles, source: Path, name: str, disk: Disk) -> None:
    mine = files.root / name
    if mine.is_file():
        disk.make_dir(files.aside)
        shutil.copyfile(mine, files.aside / f"rot-{Path(name).name}")
        mine.unlink()
    backup.copy_checked(source, mine, disk)
