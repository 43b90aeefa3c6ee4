"""Taking the recording out of an exported bundle, so that it can be verified."""

import shutil
import zipfile
from pathlib import Path, PurePosixPath

BUNDLED = "recording"
"""Folder of an exported bundle that holds the recording."""
_CHUNK = 1 << 20


def unpacked(bundle: Path, place: Path) -> Path:
    """Unpack the recording of a bundle: plain names only, so that nothing lands elsewhere.

    Raises what ``zipfile`` raises for a damaged archive.
    """
    with zipfile.ZipFile(bundle) as archive:
        for name in archive.namelist():
            parts = PurePosixPath(name).parts
            if parts[:1] == (BUNDLED,) and ".." not in parts and len(parts) in (2, 3) and not name.endswith("/"):
                target = place.joinpath(*parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(name) as source, target.open("wb") as copy:
                    shutil.copyfileobj(source, copy, _CHUNK)
    return place / BUNDLED
