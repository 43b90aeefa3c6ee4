"""Picture ids and TL0PICIDX stay continuous across layers."""

from hypothesis import given
from hypothesis import strategies as st

from media.codecs import vp8_descriptor
from media.pictures import Pictures


def payload(picture: int, index: int) -> bytes:
    """A descriptor with a 15-bit picture id, TL0PICIDX and TID, then two bytes of frame."""
    return bytes((0x90, 0xE0, 0x80 | picture >> 8 & 0x7F, picture & 0xFF, index, 0x20, 0, 0))


def numbers(data: bytes) -> tuple[int, int]:
    found = vp8_descriptor(data, 0, len(data))
    assert found is not None
    return found.picture_id, data[found.tl0picidx_at]


def test_the_first_stream_keeps_its_numbers() -> None:
    """Without a change nothing is rewritten."""
    pictures = Pictures()
    assert pictures.rewrite(payload(500, 7)) == payload(500, 7)


def test_another_stream_follows_on() -> None:
    """After a change the next picture is the next number, and goes on from there."""
    pictures = Pictures()
    pictures.rewrite(payload(500, 7))
    pictures.rewrite(payload(501, 8))
    pictures.begin()
    assert numbers(pictures.rewrite(payload(30_000, 200))) == (502, 9)
    assert numbers(pictures.rewrite(payload(30_000, 200))) == (502, 9)
    assert numbers(pictures.rewrite(payload(30_001, 201))) == (503, 10)


def test_numbers_wrap() -> None:
    """Fifteen bits and eight bits."""
    pictures = Pictures()
    pictures.rewrite(payload(0x7FFF, 255))
    pictures.begin()
    assert numbers(pictures.rewrite(payload(5, 5))) == (0, 0)


def test_short_picture_ids_are_rewritten_in_their_width() -> None:
    """Seven bits stay seven bits."""
    pictures = Pictures()
    pictures.rewrite(bytes((0x90, 0x80, 127, 0)))
    pictures.begin()
    assert pictures.rewrite(bytes((0x90, 0x80, 40, 0))) == bytes((0x90, 0x80, 0, 0))


def test_payloads_without_numbers_pass() -> None:
    """The shortest descriptor has nothing to rewrite."""
    assert Pictures().rewrite(b"\x10\x00") == b"\x10\x00"
    assert Pictures().rewrite(b"") == b""


@given(st.lists(st.binary(max_size=12), max_size=20))
def test_any_payload_keeps_its_length(payloads: list[bytes]) -> None:
    """Nothing is raised, nothing grows."""
    pictures = Pictures()
    for data in payloads:
        assert len(pictures.rewrite(data)) == len(data)
