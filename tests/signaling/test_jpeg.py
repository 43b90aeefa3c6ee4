"""A still is its picture and nothing else: what rides along is dropped, what is two things at once is refused."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from signaling.jpeg import LARGEST, NotPicture, picture_only


def jpeg(width: int = 320, height: int = 240, **more: object) -> bytes:
    """A photograph-like JPEG as a browser makes one."""
    picture = Image.effect_noise((width, height), 40).convert("RGB")
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=80, **more)
    return out.getvalue()


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2) + body


@pytest.mark.parametrize("more", [{}, {"progressive": True}, {"restart_marker_blocks": 4}])
def test_a_picture_stays_what_it_shows(more: dict[str, object]) -> None:
    """Baseline, progressive and with restarts: pixel for pixel the same after."""
    data = jpeg(**more)
    kept = picture_only(data)
    assert Image.open(io.BytesIO(kept)).tobytes() == Image.open(io.BytesIO(data)).tobytes()
    assert picture_only(kept) == kept


def test_place_device_comments_and_hidden_files_are_dropped() -> None:
    """Application segments and comments of any kind, with what they hold, are gone."""
    data = jpeg()
    secrets = [
        segment(0xE1, b"Exif\x00\x00GPS 31.2N 121.5E"),
        segment(0xFE, b"<script>alert(1)</script>"),
        segment(0xED, b"PK\x03\x04zip"),
    ]
    kept = picture_only(data[:2] + b"".join(secrets) + data[2:])
    assert kept == picture_only(data)
    for hidden in (b"GPS", b"script", b"PK\x03\x04"):
        assert hidden not in kept


HOSTILE = {
    "empty": b"",
    "text": b"hello",
    "png": b"\x89PNG\r\n\x1a\n" + b"0" * 100,
    "gif that says it is a picture": b"GIF89a" + jpeg(),
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "page after the end": jpeg() + b"<html><script>alert(1)</script>",
    "archive after the end": jpeg() + b"PK\x03\x04" + b"0" * 40,
    "second picture after the end": jpeg() + jpeg(),
    "one byte after the end": jpeg() + b"\x00",
    "no end": jpeg()[:-2],
    "half": jpeg()[: len(jpeg()) // 2],
    "no picture data": b"\xff\xd8" + segment(0xE0, b"JFIF\x00") + b"\xff\xd9",
    "markup in a table": jpeg()[:2] + segment(0xDB, b"<script>alert(1)</script>") + jpeg()[2:],
    "segment longer than the file": b"\xff\xd8\xff\xe0\xff\xff" + b"0" * 50,
    "too small": jpeg(32, 32),
    "pixel bomb": jpeg()[:2] + segment(0xC0, b"\x08" + (65500).to_bytes(2) * 2 + b"\x03") + jpeg()[2:],
    "two frames": jpeg()[:2] + segment(0xC0, b"\x08" + (240).to_bytes(2) * 2 + b"\x03") + jpeg()[2:],
    "too many bytes": jpeg() + b"\x00" * LARGEST,
    "lossless": jpeg().replace(b"\xff\xc0", b"\xff\xc3", 1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_plain_picture_is_refused(name: str) -> None:
    """Other kinds, two things in one file, torn files, bombs."""
    with pytest.raises(NotPicture):
        picture_only(HOSTILE[name])


@given(st.binary(max_size=400), st.integers(2, 700))
def test_no_bytes_break_it(noise: bytes, at: int) -> None:
    """Whatever is put where: refused, or a picture without it."""
    for data in (noise, PLAIN[:at] + noise + PLAIN[at:]):
        try:
            kept = picture_only(data)
        except NotPicture:
            continue
        assert kept.startswith(b"\xff\xd8")
        assert kept.endswith(b"\xff\xd9")


PLAIN = jpeg(96, 96)
