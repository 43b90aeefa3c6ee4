"""How the composed picture looks: where each participant stands, and what is written over it. Draws in YUV 4:2:0.

Text comes from masks made once by Pillow in Noto Sans CJK; the clock is set from an atlas of digits of one width, so
that it does not jitter.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from recordings.captions import short

WIDTH, HEIGHT = 1280, 720
BAR = 48
"""Height of the strip below the pictures that holds session and clock."""
_GAP = 8
_FONTS = (
    Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
    Path("/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc"),
    Path("/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc"),
)
Plane = NDArray[np.uint8]
Rgb = tuple[int, int, int]
PAPER: Rgb = (0xFB, 0xFA, 0xF7)
INK: Rgb = (0x0C, 0x14, 0x26)
BAR_INK: Rgb = (0x14, 0x21, 0x3D)
STAGE: Rgb = (0x09, 0x0E, 0x1A)
WARN: Rgb = (0x9A, 0x67, 0x00)
OCHRE: Rgb = (0xE3, 0xB3, 0x5C)


class FontMissing(Exception):
    """Noto Sans CJK is not installed."""


@dataclass(frozen=True, slots=True)
class Box:
    """A place in the picture; every number a multiple of four."""

    x: int
    y: int
    width: int
    height: int


def _four(value: float) -> int:
    return int(value) // 4 * 4


class Layout(Enum):
    """How sources stand to one another."""

    EQUAL = "equal"
    """Two as picture in picture, more as a grid."""
    SCREEN = "screen"
    """The first is a shared screen: as large as can be, the others narrow beside it."""
    ROOM = "room"
    """The first two are the close and the wide camera of one room: the close one large, the wide one beside it at
    the top, the others below."""


_COLUMN = {Layout.SCREEN: 0.22, Layout.ROOM: 0.32}
"""Share of the width for those beside the main picture."""


def arrange(count: int, layout: Layout = Layout.EQUAL) -> list[Box]:
    """Places for ``count`` sources, the first being the main one; one alone fills the stage."""
    stage = HEIGHT - BAR
    if count <= 1:
        return [Box(0, 0, WIDTH, stage)]
    if layout is not Layout.EQUAL:
        column = _four(WIDTH * _COLUMN[layout])
        main = Box(_GAP, _GAP, _four(WIDTH - column - 3 * _GAP), stage - 2 * _GAP)
        height = min(_four(column * 3 / 4), _four((stage - _GAP) / (count - 1) - _GAP))
        return [
            main,
            *(Box(WIDTH - column - _GAP, _GAP + i * (height + _GAP), column, height) for i in range(count - 1)),
        ]
    if count == 2:
        width, height = 320, 240
        return [Box(0, 0, WIDTH, stage), Box(WIDTH - width - 24, stage - height - 24, width, height)]
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    width, height = _four((WIDTH - _GAP) / columns - _GAP), _four((stage - _GAP) / rows - _GAP)
    boxes = []
    for index in range(count):
        row, column = divmod(index, columns)
        in_row = min(columns, count - row * columns)
        left = _four((WIDTH - in_row * (width + _GAP) + _GAP) / 2)
        boxes.append(Box(left + column * (width + _GAP), _GAP + row * (height + _GAP), width, height))
    return boxes


def fit(width: int, height: int, box: Box) -> Box:
    """The largest place of the same form inside ``box``, in its middle."""
    scale = min(box.width / width, box.height / height)
    inner_width, inner_height = max(4, _four(width * scale)), max(4, _four(height * scale))
    x, y = box.x + _four((box.width - inner_width) / 2), box.y + _four((box.height - inner_height) / 2)
    return Box(x, y, inner_width, inner_height)


class Canvas:
    """One picture in packed YUV 4:2:0, BT.601 limited range."""

    def __init__(self) -> None:
        self.packed: Plane = np.zeros((HEIGHT * 3 // 2, WIDTH), np.uint8)
        self._y = self.packed[:HEIGHT]
        self._u = self.packed[HEIGHT : HEIGHT * 5 // 4].reshape(HEIGHT // 2, WIDTH // 2)
        self._v = self.packed[HEIGHT * 5 // 4 :].reshape(HEIGHT // 2, WIDTH // 2)

    def fill(self, box: Box, colour: Rgb) -> None:
        y, u, v = to_yuv(colour)
        self._y[box.y : box.y + box.height, box.x : box.x + box.width] = y
        half = np.s_[box.y // 2 : (box.y + box.height) // 2, box.x // 2 : (box.x + box.width) // 2]
        self._u[half], self._v[half] = u, v

    def picture(self, box: Box, packed: Plane) -> None:
        """Put a packed picture of the box's size there."""
        height = box.height
        self._y[box.y : box.y + height, box.x : box.x + box.width] = packed[:height]
        half = np.s_[box.y // 2 : (box.y + height) // 2, box.x // 2 : (box.x + box.width) // 2]
        self._u[half] = packed[height : height * 5 // 4].reshape(height // 2, box.width // 2)
        self._v[half] = packed[height * 5 // 4 :].reshape(height // 2, box.width // 2)

    def dim(self, box: Box) -> None:
        """Darken what is there: a picture that has stopped must not pass for one that goes on."""
        part = self._y[box.y : box.y + box.height, box.x : box.x + box.width]
        part[:] = part // 3 + 11

    def frame(self, box: Box, colour: Rgb) -> None:
        """A thin border just outside ``box``."""
        for edge in (
            Box(box.x - 2, box.y - 2, box.width + 4, 2),
            Box(box.x - 2, box.y + box.height, box.width + 4, 2),
            Box(box.x - 2, box.y, 2, box.height),
            Box(box.x + box.width, box.y, 2, box.height),
        ):
            self.fill(edge, colour)

    def text(self, x: int, y: int, mask: NDArray[np.float32], colour: Rgb = PAPER) -> None:
        """Blend a mask; colour goes where the mask is mostly opaque."""
        height, width = mask.shape
        height, width = min(height, HEIGHT - y), min(width, WIDTH - x)
        luma, u, v = to_yuv(colour)
        part = self._y[y : y + height, x : x + width]
        part[:] = (part * (1 - mask[:height, :width]) + luma * mask[:height, :width]).astype(np.uint8)
        if (u, v) != (128, 128):
            solid = mask[: height // 2 * 2 : 2, : width // 2 * 2 : 2] > 0.35
            half = np.s_[y // 2 : y // 2 + solid.shape[0], x // 2 : x // 2 + solid.shape[1]]
            self._u[half][solid], self._v[half][solid] = u, v

    def caption(self, box: Box, words: str, colour: Rgb = PAPER) -> None:
        """Who this is: a strip at the lower left of the box."""
        if _font(18).getlength(words) > box.width - 24:
            words = short(words)
        mask = text_mask(_cut(words, 18, box.width - 24), 18)
        width, height = _four(mask.shape[1] + 23), 32
        strip = Box(box.x, box.y + box.height - height, min(width, box.width), height)
        self.fill(strip, INK)
        self.text(strip.x + 10, strip.y + (height - mask.shape[0]) // 2, mask, colour)


def to_yuv(colour: Rgb) -> tuple[int, int, int]:
    red, green, blue = colour
    y = 16 + (65.738 * red + 129.057 * green + 25.064 * blue) / 256
    u = 128 + (-37.945 * red - 74.494 * green + 112.439 * blue) / 256
    v = 128 + (112.439 * red - 94.154 * green - 18.285 * blue) / 256
    return round(y), round(u), round(v)


@lru_cache(maxsize=16)
def _font(size: int) -> Any:
    for path in _FONTS:
        if path.is_file():
            return ImageFont.truetype(str(path), size, index=2)  # the Simplified Chinese face of the collection
    raise FontMissing("install fonts-noto-cjk: the composed picture writes names and times with it")


@lru_cache(maxsize=512)
def text_mask(words: str, size: int) -> NDArray[np.float32]:
    """Opacity of a line of text, 0 to 1, as high as the font's line."""
    font = _font(size)
    ascent, descent = font.getmetrics()
    width = max(1, math.ceil(font.getlength(words)))
    image = Image.new("L", (width, ascent + descent))
    ImageDraw.Draw(image).text((0, 0), words, fill=255, font=font)
    return np.asarray(image, dtype=np.float32) / np.float32(255)


def clock_mask(words: str, size: int) -> NDArray[np.float32]:
    """A time set from digits of one width."""
    digit = max(text_mask(str(n), size).shape[1] for n in range(10))
    glyphs = []
    for char in words:
        mask = text_mask(char, size)
        wide = max(digit, mask.shape[1]) if char.isdigit() else mask.shape[1]
        left = (wide - mask.shape[1]) // 2
        glyphs.append(np.pad(mask, ((0, 0), (left, wide - mask.shape[1] - left))))
    return np.concatenate(glyphs, axis=1)


def _cut(words: str, size: int, width: int) -> str:
    """As much of ``words`` as fits."""
    font = _font(size)
    while len(words) > 1 and font.getlength(words) > width:
        words = words[:-2] + "…"
    return words


def bar(canvas: Canvas, session: str, local: str, utc: str) -> None:
    """The strip below: session on the left, both clocks on the right."""
    canvas.fill(Box(0, HEIGHT - BAR, WIDTH, BAR), BAR_INK)
    left = text_mask(_cut(session, 18, 560), 18)
    canvas.text(20, HEIGHT - BAR + (BAR - left.shape[0]) // 2, left)
    times, zone = clock_mask(local, 22), clock_mask(utc, 16)
    x = WIDTH - 20 - zone.shape[1]
    canvas.text(x, HEIGHT - BAR + (BAR - zone.shape[0]) // 2 + 2, zone, OCHRE)
    canvas.text(x - 24 - times.shape[1], HEIGHT - BAR + (BAR - times.shape[0]) // 2, times)


def notice(canvas: Canvas, lines: Sequence[str]) -> None:
    """Fill the stage with a notice: what follows is missing, and why."""
    stage = HEIGHT - BAR
    canvas.fill(Box(0, 0, WIDTH, stage), STAGE)
    canvas.fill(Box(0, stage // 2 - 92, WIDTH, 4), WARN)
    canvas.fill(Box(0, stage // 2 + 88, WIDTH, 4), WARN)
    masks = [text_mask(words, size) for words, size in zip(lines, (34, 24, 20, 18), strict=False)]
    y = stage // 2 - sum(mask.shape[0] for mask in masks) // 2
    for mask in masks:
        canvas.text(max(0, (WIDTH - mask.shape[1]) // 2), y, mask)
        y += mask.shape[0]
