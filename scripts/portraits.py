"""Draws people who do not exist, as films for a browser's fake camera: for the pictures in the documents.

python -m scripts.portraits DIRECTORY      writes officer.y4m, lawyer.y4m, room.y4m, witness.y4m
"""

import math
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

WIDTH, HEIGHT, FRAMES, RATE = 640, 480, 40, 10
SCALE = 3
"""Drawn larger and reduced, for smooth edges."""

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Figure:
    """One person before one wall."""

    wall: Colour
    floor: Colour
    skin: Colour
    hair: Colour
    clothes: Colour
    collar: Colour
    long_hair: bool = False
    two: bool = False
    """A second person beside the first."""


FIGURES = {
    "officer": Figure(
        (206, 214, 222), (150, 160, 172), (233, 196, 165), (38, 34, 34), (30, 48, 84), (200, 208, 220), two=True
    ),
    "lawyer": Figure(
        (226, 219, 206), (150, 128, 104), (238, 205, 178), (52, 38, 30), (58, 62, 70), (245, 245, 242), True
    ),
    "room": Figure((214, 218, 212), (126, 136, 130), (226, 188, 156), (44, 42, 42), (196, 122, 64), (176, 104, 52)),
    "witness": Figure(
        (232, 222, 214), (170, 140, 120), (240, 206, 182), (70, 46, 34), (110, 84, 120), (238, 228, 232), True
    ),
}


def frame(figure: Figure, moment: float) -> Image.Image:
    """The picture at ``moment`` (0…1 of the film, which repeats)."""
    image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), figure.wall)
    draw = ImageDraw.Draw(image)
    for row in range(HEIGHT * SCALE):
        shade = 1.04 - 0.14 * row / (HEIGHT * SCALE)
        draw.line([(0, row), (WIDTH * SCALE, row)], fill=_shaded(figure.wall, shade))
    draw.rectangle([0, 400 * SCALE, WIDTH * SCALE, HEIGHT * SCALE], fill=figure.floor)
    places = (232, 432) if figure.two else (320,)
    for number, middle in enumerate(places):
        _person(
            draw, figure, middle, 0.86 if figure.two else 1.0, moment + 0.37 * number, bool(number) or figure.long_hair
        )
    draw.rectangle([0, 438 * SCALE, WIDTH * SCALE, HEIGHT * SCALE], fill=_shaded(figure.floor, 0.82))
    return image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def _person(
    draw: ImageDraw.ImageDraw, figure: Figure, middle: float, size: float, moment: float, long_hair: bool
) -> None:
    sway = 3 * math.sin(2 * math.pi * moment)
    x, y = middle + sway, 190 + (1 - size) * 150 + 1.5 * math.sin(4 * math.pi * moment)

    def ellipse(cx: float, cy: float, rx: float, ry: float, colour: Colour) -> None:
        box = [(x + (cx - rx) * size) * SCALE, (y + (cy - ry) * size) * SCALE]
        draw.ellipse([*box, (x + (cx + rx) * size) * SCALE, (y + (cy + ry) * size) * SCALE], fill=colour)

    if long_hair:
        ellipse(0, 28, 84, 108, figure.hair)
    ellipse(0, 232, 150, 128, figure.clothes)
    draw.polygon(
        [((x + dx * size) * SCALE, (y + dy * size) * SCALE) for dx, dy in ((-38, 98), (38, 98), (0, 172))],
        fill=figure.collar,
    )
    ellipse(0, 96, 30, 34, _shaded(figure.skin, 0.9))
    ellipse(0, 22, 66, 82, figure.skin)
    ellipse(0, -38, 70, 42, figure.hair)
    ellipse(-40, -22, 26, 30, figure.hair)
    ellipse(40, -22, 26, 30, figure.hair)
    closed = (moment * 3) % 1 > 0.95
    for side in (-24, 24):
        ellipse(side, 18, 7, 1.5 if closed else 5, (40, 32, 30))
        ellipse(side, 4, 12, 2.2, figure.hair)
    ellipse(0, 38, 5, 8, _shaded(figure.skin, 0.88))
    ellipse(0, 64, 16, 2.5 + 2.5 * abs(math.sin(6 * math.pi * moment)), (168, 92, 84))


def _shaded(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255, round(part * factor)) for part in colour)
    return red, green, blue


def write(figure: Figure, path: Path) -> None:
    """Write the film as y4m, 4:2:0."""
    with path.open("wb") as film:
        film.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{RATE}:1 Ip A1:1 C420mpeg2\n".encode())
        for number in range(FRAMES):
            luma, blue, red = frame(figure, number / FRAMES).convert("YCbCr").split()
            half = (WIDTH // 2, HEIGHT // 2)
            film.write(b"FRAME\n" + luma.tobytes() + blue.resize(half).tobytes() + red.resize(half).tobytes())


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in FIGURES.items():
        write(figure, folder / f"{name}.y4m")


if __name__ == "__main__":
    main()
