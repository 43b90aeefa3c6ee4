"""H.264 into RTP payloads and the ways its units are stored."""

from hypothesis import given
from hypothesis import strategies as st

from media import h264

SPS, PPS, IDR = b"\x67\x42\xe0\x1f", b"\x68\xce\x3c\x80", b"\x65" + bytes(range(1, 200))


def test_annex_b_is_cut_at_start_codes() -> None:
    """Three- and four-byte start codes alike."""
    assert list(h264.units(b"\0\0\0\1" + SPS + b"\0\0\1" + PPS + b"\0\0\0\1" + IDR)) == [SPS, PPS, IDR]
    assert list(h264.units(b"nothing")) == []


def test_length_prefixed_samples_are_cut_by_length() -> None:
    """As MP4 stores them."""
    data = b"".join(len(unit).to_bytes(4, "big") + unit for unit in (SPS, IDR))
    assert list(h264.length_prefixed(data)) == [SPS, IDR]


def test_parameter_sets_are_found_in_both_forms() -> None:
    """Annex B and avcC."""
    assert h264.parameter_sets(b"\0\0\0\1" + SPS + b"\0\0\0\1" + PPS) == [SPS, PPS]
    record = b"\1\x42\xe0\x1f\xff\xe1\0\4" + SPS + b"\1\0\4" + PPS
    assert h264.parameter_sets(record) == [SPS, PPS]


def test_a_short_unit_is_its_own_payload() -> None:
    """Single NAL unit packets."""
    assert list(h264.payloads(SPS)) == [SPS]


@given(st.binary(min_size=2, max_size=8000))
def test_fragments_join_to_the_unit(unit: bytes) -> None:
    """FU-A fragments: first and last are marked, type and reference bits survive, nothing is lost."""
    parts = list(h264.payloads(unit))
    assert all(len(part) <= h264.MAX_PAYLOAD + 2 for part in parts)
    if len(parts) == 1:
        assert parts == [unit]
        return
    assert all(part[0] & 0x1F == 28 for part in parts)
    assert [bool(part[1] & 0x80) for part in parts] == [True] + [False] * (len(parts) - 1)
    assert [bool(part[1] & 0x40) for part in parts] == [False] * (len(parts) - 1) + [True]
    joined = bytes((parts[0][0] & 0xE0 | parts[0][1] & 0x1F,)) + b"".join(part[2:] for part in parts)
    assert joined == unit


@given(st.binary(max_size=60))
def test_any_bytes_are_cut_or_ignored(data: bytes) -> None:
    """Foreign streams hold anything."""
    list(h264.units(data))
    list(h264.length_prefixed(data))
    h264.parameter_sets(data)
