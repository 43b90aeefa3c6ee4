"""Reads what a disc image holds, as the machine of a recipient does."""

import io
from pathlib import Path

import pycdlib


def read_image(path: Path) -> dict[str, bytes]:
    """Every file of an image by its Joliet name."""
    disc = pycdlib.PyCdlib()
    disc.open(str(path))
    found = {}
    for child in disc.list_children(joliet_path="/"):
        if child.is_file():
            name = child.file_identifier().decode("utf-16-be")
            content = io.BytesIO()
            disc.get_file_from_iso_fp(content, joliet_path=f"/{name}")
            found[name] = content.getvalue()
    disc.close()
    return found
