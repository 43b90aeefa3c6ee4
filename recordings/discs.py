"""Disc images of a handover: ISO 9660 with Joliet and Rock Ridge names, several when one disc cannot hold it all.

A file that fits no disc is cut into numbered parts, which ``cat`` joins again.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pycdlib

SIZES = {"cd": 700_000_000, "dvd": 4_700_000_000, "dvd-dl": 8_500_000_000, "bd": 25_000_000_000}
"""Bytes on a disc, by its usual name."""
LONGEST = (2 << 30) - 2048
"""Bytes of one part: below what older readers of discs take for a file's largest size."""
_SECTOR = 2048
_SCRAP = 20
"""Room below this part of a disc is left empty rather than filled with a piece of a file."""
_OVERHEAD = 1 << 20
"""Room on every disc for its directories, and for the note that says which disc it is."""
NOTE = "DISC.txt"


@dataclass(frozen=True, slots=True)
class Piece:
    """A file on a disc, or a part of one."""

    name: str
    offset: int
    length: int
    source: str
    """Name of the whole file."""


def size_of(text: str) -> int:
    """Bytes of a disc given by a name of ``SIZES``, or a number with ``MB`` or ``GB``. Raises ``ValueError``."""
    word = text.strip().lower()
    if word in SIZES:
        return SIZES[word]
    for unit, factor in (("gb", 10**9), ("mb", 10**6)):
        if word.endswith(unit):
            return int(float(word[: -len(unit)]) * factor)
    return int(word)


def plan(files: Sequence[tuple[str, int]], common: int, room: int) -> list[list[Piece]]:
    """What goes on which disc of ``room`` bytes: files whole and in order where they fit, else in parts.

    ``common``: bytes of what lies on every disc. Raises ``ValueError`` when a disc has no room for anything else.
    """
    free = room - _OVERHEAD - common
    if free < _SECTOR:
        raise ValueError("a disc of this size holds nothing but the list")
    discs: list[list[Piece]] = [[]]
    left = free
    for name, size in files:
        for piece in _parts(name, size, free, left):
            if _on_disc(piece.length) > left and discs[-1]:
                discs.append([])
                left = free
            discs[-1].append(piece)
            left -= _on_disc(piece.length)
    return discs


def _parts(name: str, size: int, free: int, left: int) -> list[Piece]:
    """A file as it goes on discs of ``free`` bytes of which the current one has ``left``: what has to be cut fills
    each disc, unless that would leave scraps."""
    if size <= min(free - free % _SECTOR, LONGEST):
        return [Piece(name, 0, size, name)]
    pieces: list[Piece] = []
    at = 0
    while at < size:
        if left < free // _SCRAP:
            left = free
        length = min(size - at, LONGEST, left - left % _SECTOR)
        pieces.append(Piece(f"{name}.{len(pieces) + 1:03d}", at, length, name))
        at += length
        left -= _on_disc(length)
    return pieces


def _on_disc(length: int) -> int:
    return -(-length // _SECTOR) * _SECTOR


def parts_of(path: Path) -> list[Path]:
    """The parts of a file that was cut, in order; only itself when it is whole."""
    return [path] if path.is_file() else sorted(path.parent.glob(f"{path.name}.[0-9][0-9][0-9]"))


def burn(folder: Path, common: Sequence[str], files: Sequence[str], room: int) -> list[Path]:
    """Write ``disc-N-of-M.iso`` beside the files of ``folder``, each with all of ``common``; return the images.

    Raises ``OSError`` and ``ValueError``.
    """
    sizes = [(name, (folder / name).stat().st_size) for name in files]
    discs = plan(sizes, sum(_on_disc((folder / name).stat().st_size) for name in common), room)
    images = []
    for number, pieces in enumerate(discs, 1):
        image = folder / f"disc-{number}-of-{len(discs)}.iso"
        whole = [Piece(name, 0, (folder / name).stat().st_size, name) for name in common]
        _write(folder, image, [*whole, *pieces], _note(number, discs), f"YUANJIAN_{number}_OF_{len(discs)}")
        images.append(image)
    return images


def _note(number: int, discs: Sequence[Sequence[Piece]]) -> bytes:
    lines = [f"Disc {number} of {len(discs)}", f"光盘 {number} / {len(discs)}", ""]
    cut = sorted({piece.source for disc in discs for piece in disc if piece.name != piece.source})
    lines += [f"cat {name}.??? > {name}" for name in cut]
    lines += [f"copy /b {name}.??? {name}" for name in cut]
    return ("\r\n".join(lines) + "\r\n").encode()


def _write(folder: Path, image: Path, pieces: Sequence[Piece], note: bytes, label: str) -> None:
    disc = pycdlib.PyCdlib()
    disc.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident=label)
    opened = []
    try:
        for number, piece in enumerate(pieces):
            file = (folder / piece.source).open("rb")
            opened.append(file)
            file.seek(piece.offset)
            _add(disc, file, number, piece.name, piece.length)
        _add(disc, io.BytesIO(note), len(pieces), NOTE, len(note))
        beside = image.with_name(image.name + ".new")
        with beside.open("wb") as target:
            disc.write_fp(target)
        beside.replace(image)
    finally:
        disc.close()
        for file in opened:
            file.close()


def _add(disc: pycdlib.PyCdlib, file: BinaryIO, number: int, name: str, length: int) -> None:
    """Plain numbered names for readers of bare ISO 9660; the real one for everybody else."""
    disc.add_fp(file, length, f"/F{number:06d}.BIN;1", rr_name=name, joliet_path=f"/{name}")
