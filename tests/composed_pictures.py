"""Frames of composed recordings for ``docs/images``: drawn people, recorded, finalised and composed by the product.

python -m tests.composed_pictures docs/images
"""

import io
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from unittest import mock

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "recordings")]

import av  # noqa: E402  beside the tests, found by the path above
import numpy as np  # noqa: E402
import synthetic  # noqa: E402
from PIL import Image, ImageDraw  # noqa: E402
from studio import Studio  # noqa: E402

from people.veil import Veil  # noqa: E402
from recordings import captions  # noqa: E402
from recordings.compose import Composer, Wishes  # noqa: E402
from recordings.derived import SealedReader  # noqa: E402
from recordings.finalize import Finalizer  # noqa: E402

SECONDS = 3
START = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
WALLS = {"room": "#8fa0ab", "host": "#c9bfa8", "party": "#a9b7a4", "guest": "#b9a7b3"}
TITLE = "讯问 · 2026-1121-0007"
SAID = {
    "ep-room": [("detainee", "张伟民")],
    "ep-host": [("officer", "王强"), ("officer", "李敏")],
    "ep-interpreter": [("interpreter", "赵一凡")],
    "ep-guardian": [("guardian", "张建国")],
}
HIDDEN = {**SAID, "ep-room": [("witness", "张伟民")]}
VEIL = Veil({"张伟民": "化名甲"})


def person(draw: ImageDraw.ImageDraw, x: float, base: float, size: float, coat: str, hair: str) -> None:
    """Head and shoulders of ``size`` pixels, standing on ``base``."""
    head = size * 0.2
    top = base - size
    draw.rounded_rectangle((x - size * 0.36, top + size * 0.5, x + size * 0.36, base + size), size * 0.16, fill=coat)
    draw.rectangle((x - head * 0.4, top + size * 0.4, x + head * 0.4, top + size * 0.56), fill="#d9b594")
    draw.ellipse((x - head, top + size * 0.06, x + head, top + size * 0.06 + head * 2.4), fill="#e6c3a2")
    draw.pieslice((x - head * 1.08, top, x + head * 1.08, top + head * 2.2), 180, 360, fill=hair)
    for side in (-0.4, 0.4):
        draw.ellipse(
            (x + head * side - 3, top + head * 1.45, x + head * side + 3, top + head * 1.45 + 6), fill="#23262b"
        )


def scene(kind: str, width: int, height: int) -> Image.Image:
    """What a camera of that kind sees."""
    image = Image.new("RGB", (width, height), WALLS.get(kind, WALLS["host"]))
    draw = ImageDraw.Draw(image)
    if kind == "screen":
        draw.rectangle((0, 0, width, height), fill="#fbfaf7")
        for line in range(14):
            wide = width * (0.82 if line % 5 else 0.46)
            draw.rectangle((70, 60 + line * 44, wide, 76 + line * 44), fill="#c7c2b4" if line else "#14213d")
        return image
    draw.rectangle((0, height * 0.84, width, height), fill="#4d5259")
    if kind == "wide":
        draw.rectangle((0, 0, width, height * 0.7), fill=WALLS["room"])
        draw.rectangle((width * 0.28, height * 0.62, width * 0.72, height * 0.92), fill="#6e5a45")
        person(draw, width * 0.5, height * 0.66, height * 0.34, "#4c5d7a", "#20242a")
        person(draw, width * 0.14, height * 0.78, height * 0.4, "#2d3b55", "#31231b")
        return image
    coats = {"room": ["#4c5d7a"], "host": ["#1f2a44", "#2a3558"], "party": ["#5a4a3f"], "guest": ["#64504f"]}[kind]
    for index, coat in enumerate(coats):
        at = width * (index + 1) / (len(coats) + 1)
        person(draw, at, height * 0.98, height * (0.86 if len(coats) == 1 else 0.66), coat, "#23262b")
    return image


def frames(image: Image.Image) -> tuple[tuple[bytes, bool], ...]:
    """A still picture as VP8 frames, as ``synthetic.pictures`` gives them."""
    context = av.CodecContext.create("libvpx", "w")
    context.width, context.height = image.size
    context.pix_fmt, context.bit_rate, context.gop_size = "yuv420p", 3_000_000, 30
    context.time_base, context.framerate = Fraction(1, synthetic.FPS), Fraction(synthetic.FPS)
    context.options = {"deadline": "realtime", "cpu-used": "4", "lag-in-frames": "0"}
    found = []
    still = av.VideoFrame.from_ndarray(np.asarray(image), "rgb24").reformat(format="yuv420p")
    for index in range(SECONDS * synthetic.FPS):
        still.pts = index
        found += [(bytes(packet), packet.is_keyframe) for packet in context.encode(still)]
    return tuple(found + [(bytes(packet), packet.is_keyframe) for packet in context.encode(None)])


def stream(
    number: int, endpoint: str, role: str, publication: str, kind: str, size: tuple[int, int]
) -> Iterator[object]:
    track = replace(synthetic.track(number, "video", "vp8", endpoint, publication), role=role)
    with mock.patch.object(synthetic, "pictures", return_value=frames(scene(kind, *size))):
        yield from list(synthetic.video_stream(track, SECONDS))


def compose(
    place: Path, streams: list[Iterator[object]], *, crash: bool = False, protected: str = ""
) -> dict[float, Image.Image]:
    """Record, finalise, compose; return frames of the film by second."""
    studio = Studio(place)
    studio.clock.set(START)
    studio.begin().play(synthetic.merged(*streams))  # type: ignore[arg-type]
    if crash:
        studio.crash()
        studio.clock.advance(4)
        studio.begin()
    studio.close()
    Finalizer(place, lambda: studio.site, studio.clock, studio.disk).run("rec-1")
    log = [
        {
            "public": {"event": "person", "endpoint": endpoint, "present": f"{endpoint}-{n}", "role": role},
            "private": {"name": name},
        }
        for endpoint, persons in (HIDDEN if protected else SAID).items()
        for n, (role, name) in enumerate(persons)
    ]
    hidden = frozenset({protected} if protected else ())
    labels = captions.labels(log, VEIL) if protected else captions.labels(log)
    wishes = Wishes(title="询问 · 2026-1121-0008" if protected else TITLE, labels=labels, protected=hidden)
    made = Composer(place, lambda: studio.site, studio.clock, studio.disk).run("rec-1", wishes)
    assert made is not None
    with SealedReader(studio.files.derived / made.file, studio.data_key, "rec-1") as reader:
        data = reader.read(0, reader.length)
    found = {}
    with av.open(io.BytesIO(data)) as film:
        for frame in film.decode(video=0):
            found[round(float(frame.time), 2)] = frame.to_image()
    return found


ROOM = ("ep-room", "room", "camera", "room", (640, 480))
WIDE = ("ep-room", "room", "wide", "wide", (1280, 720))
HOST = ("ep-host", "host", "camera", "host", (640, 480))
INTERPRETER = ("ep-interpreter", "party", "camera", "party", (640, 480))
GUARDIAN = ("ep-guardian", "guest", "camera", "guest", (480, 640))
SCREEN = ("ep-host", "host", "screen", "screen", (1280, 720))


def streams(*sources: tuple[str, str, str, str, tuple[int, int]]) -> list[Iterator[object]]:
    return [stream(number, *source) for number, source in enumerate(sources, 1)]


def sheet(pictures: list[Image.Image]) -> Image.Image:
    """Two beside each other, at half their size."""
    rows = -(-len(pictures) // 2)
    made = Image.new("RGB", (1288, rows * 368 - 8), "#fbfaf7")
    for index, picture in enumerate(pictures):
        made.paste(picture.resize((640, 360), Image.Resampling.LANCZOS), (index % 2 * 648, index // 2 * 368))
    return made


def main(target: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        two = compose(root / "two", streams(ROOM, HOST), crash=True)
        two[1.0].save(target / "composed-two.jpg", quality=90)
        two[5.0].save(target / "composed-gap.jpg", quality=90)
        layouts = [
            compose(root / "room", streams(ROOM, WIDE, HOST))[1.0],
            compose(root / "screen", streams(ROOM, HOST, SCREEN))[1.0],
            compose(root / "four", streams(ROOM, HOST, INTERPRETER, GUARDIAN))[1.0],
            compose(root / "masked", streams(ROOM, HOST), protected="ep-room")[1.0],
        ]
        sheet(layouts).save(target / "composed-layouts.jpg", quality=90)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
