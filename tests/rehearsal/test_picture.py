"""The moving code survives what happens to a picture on its way."""

import random
from fractions import Fraction
from pathlib import Path

import av
import pytest

from rehearsal import picture
from rehearsal.picture import Code


def _through_vp8(codes: list[Code], bit_rate: int, size: tuple[int, int] = (320, 240)) -> list[av.VideoFrame]:
    encoder = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = *size, "yuv420p"
    encoder.bit_rate, encoder.time_base = bit_rate, Fraction(1, picture.RATE)
    rate = str(bit_rate)
    encoder.options = {"deadline": "realtime", "cpu-used": "-6", "lag-in-frames": "0", "minrate": rate, "maxrate": rate}
    decoder = av.CodecContext.create("vp8", "r")
    decoded = []
    for pts, code in enumerate(codes):
        frame = picture.draw(code, *size)
        frame.pts = pts
        for packet in encoder.encode(frame):
            decoded += decoder.decode(packet)
    return decoded


@pytest.mark.parametrize("code", [Code(1, 0), Code(6, 1), Code(255, picture.NUMBERS - 1), Code(12, 123_456)])
def test_a_drawn_code_is_read_again(code: Code) -> None:
    """What is drawn is read, at both ends of the numbers."""
    assert picture.read(picture.draw(code)) == code


def test_numbers_wrap() -> None:
    """A frame number above the last starts again at zero."""
    assert picture.read(picture.draw(Code(1, picture.NUMBERS + 5))) == Code(1, 5)


def test_vp8_at_a_low_bitrate_keeps_every_code() -> None:
    """Every frame of five seconds of VP8 at 300 kb/s says its number and sender."""
    codes = [Code(3, 1_000_000 + number) for number in range(5 * picture.RATE)]
    assert [picture.read(frame) for frame in _through_vp8(codes, 300_000)] == codes


def test_scaling_and_other_pixel_formats_keep_the_code() -> None:
    """A picture scaled to an odd size or turned to RGB still says its code."""
    frame = picture.draw(Code(2, 77))
    for changed in (frame.reformat(width=178, height=100), frame.reformat(640, 480, "rgb24"), frame.to_image()):
        again = changed if isinstance(changed, av.VideoFrame) else av.VideoFrame.from_image(changed)
        assert picture.read(again) == Code(2, 77)


def test_other_pictures_say_nothing() -> None:
    """Black, white, noise and a code with one wrong cell are not taken for a code."""
    plain = [bytes([shade]) * (320 * 240) for shade in (0, 128, 255)]
    noise = random.Random(1).randbytes(320 * 240)
    broken = bytearray(picture.luma(Code(4, 9)))
    for y in range(40):
        broken[y * 320 : y * 320 + 40] = bytes(255 - value for value in broken[y * 320 : y * 320 + 40])
    for plane in [*plain, noise, bytes(broken)]:
        assert picture.read_luma(plane, 320, 320, 240) is None


def test_participants_outside_the_range_are_refused() -> None:
    """Participant 0 and 256 cannot be drawn."""
    for participant in (0, 256):
        with pytest.raises(ValueError):
            picture.luma(Code(participant, 1))


def test_a_y4m_file_shows_the_codes(tmp_path: Path) -> None:
    """The file for a browser's fake camera decodes to consecutive codes."""
    picture.write_y4m(tmp_path / "camera.y4m", 5, frames=4)
    with av.open(str(tmp_path / "camera.y4m")) as container:
        assert [picture.read(frame) for frame in container.decode(video=0)] == [Code(5, n) for n in range(4)]
