"""Backup of recordings and their keys, and its restoration elsewhere; ``site_backup`` takes the rest of the site too.

A backup is a directory of the same shape as the data directory, so that it can be verified where it lies. Copies are
compared by digest before they count; a file that did not change is not copied again. Keys go into it only when asked
for: whoever holds both can read everything.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recordings.filesystem import Disk
from recordings.layout import keys_dir, recordings_dir

_CHUNK = 1 << 20
_PRIVATE = ("site-signing.pem", "site-kek*.pem")


class BackupRefused(Exception):
    """The target cannot take it; the text says why."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What a backup or restore did."""

    files: int
    bytes: int
    kept: int
    """Files that were already there, unchanged."""

    def __add__(self, other: "Copied") -> "Copied":
        return Copied(self.files + other.files, self.bytes + other.bytes, self.kept + other.kept)


def backup(data_dir: Path, target: Path, disk: Disk, *, with_keys: bool = False) -> Copied:
    """Copy recordings and public keys, with ``with_keys`` the private ones too, to ``target``.

    Open recordings are copied as far as they are; the next run brings the rest. Raises ``OSError`` and
    ``BackupRefused``.
    """
    require_outside(data_dir, target)
    names = [*_recorded(data_dir), *_keys(data_dir, with_keys=with_keys)]
    done = _copy_all(data_dir, target, names, disk)
    _erase_too(data_dir, target, disk)
    return done


def require_outside(data_dir: Path, target: Path) -> None:
    """Raise ``BackupRefused`` for a target that lies in what is to be saved."""
    if target.resolve() == data_dir.resolve() or data_dir.resolve() in target.resolve().parents:
        raise BackupRefused("a backup inside the data directory would be lost with it")


def _erase_too(data_dir: Path, target: Path, disk: Disk) -> None:
    """What was erased on purpose here must not stay readable there."""
    for statement in recordings_dir(data_dir).glob("*/erased.jsonl"):
        copy = recordings_dir(target) / statement.parent.name
        for path in sorted(copy.glob("keys*.json")):
            disk.remove(path)


def restore(source: Path, data_dir: Path, disk: Disk) -> Copied:
    """Copy everything of a backup to a data directory that holds no recordings yet. Raises ``BackupRefused``."""
    if any(recordings_dir(data_dir).glob("*")) or any(keys_dir(data_dir).glob("*.pem")):
        raise BackupRefused("the data directory is not empty: restore into a new one")
    if not recordings_dir(source).is_dir():
        raise BackupRefused("there is no backup here")
    return _copy_all(source, data_dir, [*_recorded(source), *_keys(source, with_keys=True)], disk)


def _recorded(data_dir: Path) -> Iterator[Path]:
    """Every file of every recording but locks and half-written ones, relative to the data directory."""
    for path in sorted(recordings_dir(data_dir).rglob("*")):
        if path.is_file() and not path.name.startswith(".") and path.suffix not in (".new", ".part"):
            yield path.relative_to(data_dir)


def _keys(data_dir: Path, *, with_keys: bool) -> Iterator[Path]:
    directory = keys_dir(data_dir)
    private = {path for pattern in _PRIVATE for path in directory.glob(pattern)}
    for path in sorted(directory.glob("[!.]*")):
        if path.is_file() and (with_keys or path not in private):
            yield path.relative_to(data_dir)


def _copy_all(source: Path, target: Path, names: list[Path], disk: Disk) -> Copied:
    files = size = kept = 0
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in names:
        copied = copy_checked(source / name, target / name, disk)
        files, kept = files + (copied > 0), kept + (copied == 0)
        size += copied
    return Copied(files, size, kept)


def copy_checked(source: Path, target: Path, disk: Disk) -> int:
    """Copy a file and read the copy back; return the bytes copied, 0 when an equal one is there.

    Raises ``OSError``.
    """
    wanted = digest_of(source)
    if target.is_file() and target.stat().st_size == source.stat().st_size and digest_of(target) == wanted:
        return 0
    disk.make_dir(target.parent)
    beside = target.with_name(f".{target.name}.new")
    fd = disk.open_random(beside)
    try:
        offset = 0
        with source.open("rb") as file:
            while data := file.read(_CHUNK):
                disk.write_at(fd, offset, data)
                offset += len(data)
        disk.sync(fd)
    finally:
        disk.close(fd)
    if digest_of(beside) != digest_of(source):
        beside.unlink()
        raise OSError(f"{target.name} does not read back as it was written")
    shutil.copystat(source, beside)
    os.utime(beside)
    disk.rename(beside, target)
    return offset


def digest_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(_CHUNK):
            digest.update(data)
    return digest.hexdigest()
