"""RTP headers in memory."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import codecs, rtp


def packet(first: int, rest: bytes = b"") -> bytes:
    return struct.pack("!BBHII", first, 96, 1, 2, 3) + rest


def test_the_payload_follows_the_fixed_header() -> None:
    """Without CSRC and extension the payload starts at byte 12."""
    data = packet(0x80, b"abc")
    assert rtp.payload_start(data, len(data)) == 12


def test_csrcs_and_extension_are_skipped() -> None:
    """Two CSRCs and a one-word extension move the payload by 16 bytes."""
    data = packet(0x92, bytes(8) + b"\xbe\xde\0\x01" + bytes(4) + b"x")
    assert rtp.payload_start(data, len(data)) == 28


@pytest.mark.parametrize("rest", [b"", b"\xbe\xde", b"\xbe\xde\0\x09" + bytes(8)])
def test_a_cut_extension_is_malformed(rest: bytes) -> None:
    """An extension longer than the packet gives 0, not an exception."""
    data = packet(0x90, rest)
    assert rtp.payload_start(data, len(data)) == 0


def test_one_byte_elements_are_read() -> None:
    """Elements of RFC 8285 4.2 come with id and value; padding is skipped."""
    data = packet(0x90, b"\xbe\xde\0\x02" + b"\x10\x30\0\0" + b"\x21ab\0")
    assert list(rtp.extensions(data, len(data))) == [(1, b"0"), (2, b"ab")]


def test_two_byte_elements_are_read() -> None:
    """Elements of RFC 8285 4.3 may be empty."""
    data = packet(0x90, b"\x10\x00\0\x02" + b"\x01\x00\x05\x02" + b"hi\0\0")
    assert list(rtp.extensions(data, len(data))) == [(1, b""), (5, b"hi")]


@given(st.binary(min_size=12, max_size=80))
def test_no_bytes_break_the_readers(data: bytes) -> None:
    """Whatever lies there, positions stay inside the packet."""
    start = rtp.payload_start(data, len(data))
    assert start == 0 or 12 <= start <= len(data)
    assert all(len(value) < 256 for _, value in rtp.extensions(data, len(data)))
    if start:
        assert start <= rtp.payload_end(data, len(data), start) <= len(data)


@given(st.binary(max_size=40), st.integers(0, 40))
def test_no_payload_breaks_the_codecs(data: bytes, start: int) -> None:
    """Keyframe detection answers for every payload."""
    for keyframe in codecs.KEYFRAMES.values():
        assert keyframe(data, start, len(data)) in (True, False)
    codecs.vp8_descriptor(data, start, len(data))


@pytest.mark.parametrize(
    ("codec", "payload", "expected"),
    [
        ("vp8", "10 00", True),
        ("vp8", "10 01", False),
        ("vp8", "00 00", False),
        ("vp8", "11 00", False),
        ("vp8", "90 80 81 02 00", True),
        ("vp8", "90 80 02 01", False),
        ("h264", "67 42", True),
        ("h264", "65 88", True),
        ("h264", "41 9a", False),
        ("h264", "78 00 02 67 42 00 02 68 ce", True),
        ("h264", "78 00 02 41 9a", False),
        ("h264", "7c 85", True),
        ("h264", "7c 05", False),
        ("vp9", "08", True),
        ("vp9", "48", False),
        ("vp9", "a8 81 01 00", True),
        ("vp9", "a8 81 01 02", False),
        ("av1", "18", True),
        ("av1", "10", False),
    ],
)
def test_keyframes_are_recognised(codec: str, payload: str, expected: bool) -> None:
    """The first packet of a picture that stands alone is told from others."""
    data = bytes.fromhex(payload)
    assert codecs.KEYFRAMES[codec](data, 0, len(data)) is expected


def test_the_vp8_descriptor_says_where_its_numbers_are() -> None:
    """Picture id, TL0PICIDX and TID are found behind the flags."""
    found = codecs.vp8_descriptor(bytes.fromhex("90e0812304400000"), 0, 8)
    assert found == codecs.Vp8Descriptor(0x123, 2, True, 4, 5, 6)


@pytest.mark.parametrize(("one", "two", "expected"), [(1, 0, True), (0, 65535, True), (5, 5, False), (0, 1, False)])
def test_sequence_numbers_compare_across_the_wrap(one: int, two: int, expected: bool) -> None:
    """65535 is before 0."""
    assert rtp.newer(one, two) is expected
