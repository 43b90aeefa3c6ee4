"""What can be handed in (F16): documents and pictures, nothing hidden in them, no bombs."""

import struct
import zlib

import pytest

from core.errors import Invalid
from scheduler.contents import LARGEST, check_content


def chunk(kind, body):
    """One chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width=8, height=8, *extra, after=b""):
    """A PNG of a size, with further chunks."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\x00" * 72))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + pixels + chunk(b"IEND", b"") + after


def jpeg(width=8, height=8, comment=b"", after=b""):
    """The segments of a JPEG without a real picture."""
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    note = b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment
    return b"\xff\xd8" + note + frame + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"\x55" * 20 + b"\xff\xd9" + after


def pdf(body=b"", stream=b""):
    """A document with an object and a packed stream."""
    return b"%PDF-1.7\n1 0 obj <<" + body + b">> stream\n" + zlib.compress(stream) + b"\nendstream endobj\n%%EOF\n"


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (png(), "image/png"),
        (jpeg(), "image/jpeg"),
        (jpeg(comment=b"camera", after=b"\x00" * 40), "image/jpeg"),
        (pdf(), "application/pdf"),
        (pdf(b"/Type /Page", b"BT (html and script) Tj ET"), "application/pdf"),
        (pdf() + b"endstream stream\n", "application/pdf"),
    ],
)
def test_papers_and_pictures_pass(data, media_type):
    """By content, also with a comment or a camera's bytes at the end."""
    assert check_content(data) == media_type


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"%PDF-" + b"x" * LARGEST, "too-large"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "file-kind"),
        (b"<!doctype html><script>alert(1)</script>", "file-kind"),
        (b"PK\x03\x04" + b"\x00" * 40, "file-kind"),
        (b"GIF89a" + b"\x00" * 40, "file-kind"),
        (png(after=b"<svg onload=alert(1)>"), "file-hidden"),
        (png(after=b"PK\x03\x04"), "file-hidden"),
        (png(8, 8, chunk(b"tEXt", b"Comment\x00<script>alert(1)</script>")), "file-hidden"),
        (png(50_000, 50_000), "file-pixels"),
        (png(0, 8), "file-pixels"),
        (png()[:-6], "file-broken"),
        (b"\x89PNG\r\n\x1a\n" + b"\xff" * 64, "file-broken"),
        (jpeg(comment=b"<HTML ><script >"), "file-hidden"),
        (jpeg(after=b"<!DOCTYPE  HTML>"), "file-hidden"),
        (jpeg(65_000, 65_000), "file-pixels"),
        (b"\xff\xd8\xff\xe0", "file-broken"),
        (jpeg()[:-30], "file-broken"),
        (pdf(b"/OpenAction << /S /JavaScript /JS (app.alert(1)) >>"), "file-active"),
        (pdf(b"/S /J#61vaScript"), "file-active"),
        (pdf(stream=b"<< /S /Launch /F (calc.exe) >>"), "file-active"),
        (pdf(b"/EmbeddedFiles 3 0 R"), "file-active"),
        (pdf(stream=b"\x00" * (200 * 1024 * 1024)), "file-bomb"),
        (pdf() + b"<script>alert(1)</script>", "file-hidden"),
        (b"%PDF-1.7\n<html ><script >\n%%EOF", "file-hidden"),
        (b"%PDF-1.7\nnothing", "file-broken"),
    ],
)
def test_what_is_more_than_a_paper_is_refused(data, code):
    """Each with a word of its own."""
    with pytest.raises(Invalid) as refused:
        check_content(data)
    assert refused.value.code == code
    assert refused.value.field == "file"


def test_a_crowd_of_streams_is_read_once():
    """A million beginnings without an end cost no more than the file is long."""
    data = b"%PDF-1.7\n" + b"stream\n" * 1_000_000 + b"%%EOF"
    assert check_content(data) == "application/pdf"
