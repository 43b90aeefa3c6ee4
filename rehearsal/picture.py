"""A moving code in the picture: who sent it and the how-manieth frame it is, readable after any lossy way.

The whole picture is a grid of 8 × 6 black or white cells, row by row, first bit first: 24 bits frame number, 8 bits
participant, 16 bits CRC-CCITT of the four bytes before. Cells are large flat areas, so the code survives VP8 at low
bitrates and scaling, and a picture that shows anything else fails the checksum.
"""

import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av

COLUMNS, ROWS = 8, 6
WIDTH, HEIGHT, RATE = 320, 240, 15
NUMBERS = 1 << 24
"""Frame numbers wrap here: after twelve days at 15 per second."""

_BLACK, _WHITE, _MIDDLE = 16, 235, 126
_BITS = COLUMNS * ROWS
_SAMPLES = (0.35, 0.5, 0.65)
"""Where in a cell the picture is looked at, as fractions of its width and height: away from the blurred edges."""


@dataclass(frozen=True, slots=True)
class Code:
    """What a picture says: participant 1…255, and the frame's number."""

    participant: int
    number: int


def luma(code: Code, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """Return the brightness plane of the picture: ``width * height`` bytes without padding."""
    bits = _bits(code)
    rows = []
    for row in range(ROWS):
        line = bytearray()
        for column in range(COLUMNS):
            shade = _WHITE if bits >> (_BITS - 1 - row * COLUMNS - column) & 1 else _BLACK
            line += bytes([shade]) * ((column + 1) * width // COLUMNS - column * width // COLUMNS)
        rows.append(bytes(line) * ((row + 1) * height // ROWS - row * height // ROWS))
    return b"".join(rows)


def draw(code: Code, width: int = WIDTH, height: int = HEIGHT) -> av.VideoFrame:
    """Return the picture as a yuv420p frame. ``width`` is a multiple of 64, so that planes have no padding."""
    frame = av.VideoFrame(width, height, "yuv420p")
    frame.planes[0].update(luma(code, width, height))
    for plane in frame.planes[1:]:
        plane.update(b"\x80" * plane.buffer_size)
    return frame


def read(frame: av.VideoFrame) -> Code | None:
    """Return the code a decoded frame of any size and pixel format shows, or ``None``."""
    if not frame.format.name.startswith(("yuv4", "yuvj4", "nv12", "gray")) or frame.format.components[0].bits != 8:
        frame = frame.reformat(format="gray")
    plane = frame.planes[0]
    return read_luma(memoryview(plane), plane.line_size, frame.width, frame.height)


def read_luma(plane: bytes | memoryview, stride: int, width: int, height: int) -> Code | None:
    """Return the code of a brightness plane whose rows are ``stride`` bytes apart, or ``None``."""
    bits = 0
    for row in range(ROWS):
        ys = [int((row + part) * height / ROWS) * stride for part in _SAMPLES]
        for column in range(COLUMNS):
            xs = [int((column + part) * width / COLUMNS) for part in _SAMPLES]
            total = sum(plane[y + x] for y in ys for x in xs)
            bits = bits << 1 | (total > _MIDDLE * len(xs) * len(ys))
    data, check = (bits >> 16).to_bytes(4, "big"), bits & 0xFFFF
    if binascii.crc_hqx(data, 0xFFFF) != check or data[3] == 0:
        return None
    return Code(participant=data[3], number=int.from_bytes(data[:3], "big"))


def write_y4m(path: Path, participant: int, frames: int = 10 * RATE, width: int = WIDTH, height: int = HEIGHT) -> None:
    """Write ``frames`` pictures as a YUV4MPEG2 file, which a browser can show in place of its camera."""
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{RATE}:1 Ip A1:1 C420\n".encode())
        for picture in _y4m_frames(participant, frames, width, height):
            file.write(picture)


def _y4m_frames(participant: int, frames: int, width: int, height: int) -> Iterator[bytes]:
    colourless = b"\x80" * (2 * ((width + 1) // 2) * ((height + 1) // 2))
    for number in range(frames):
        yield b"FRAME\n" + luma(Code(participant, number), width, height) + colourless


def _bits(code: Code) -> int:
    if not 1 <= code.participant <= 255:
        raise ValueError("participants are numbered 1 to 255")
    data = (code.number % NUMBERS).to_bytes(3, "big") + bytes([code.participant])
    return int.from_bytes(data, "big") << 16 | binascii.crc_hqx(data, 0xFFFF)
