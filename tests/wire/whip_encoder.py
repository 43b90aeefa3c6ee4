"""A room's camera as a process of its own: FFmpeg's ``whip`` muxer holds the interpreter while it connects.

python -m tests.wire.whip_encoder URL CERT KEY [TOKEN [SECONDS]]

As an encoder in a room it tries again by itself until the server takes it. Its picture is green with a bar that walks.
"""

import sys
import time
from fractions import Fraction
from typing import Any

import av
import numpy

FPS = 15
WIDTH, HEIGHT = 320, 240
GREEN = (145, 54, 34)
"""Y, Cb, Cr."""


def main(url: str, certificate: str, key: str, token: str = "", seconds: str = "20") -> None:
    """Send the picture for some seconds, from the moment the server takes it."""
    options = {"cert_file": certificate, "key_file": key, **({"authorization": token} if token else {})}
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            with av.open(url, "w", format="whip", options=options) as output:
                send(output, int(seconds))
            return
        except av.FFmpegError as error:
            print(f"not taken: {error.strerror}", file=sys.stderr, flush=True)
            time.sleep(1)


def send(output: Any, seconds: int) -> None:
    """Encode green with a walking bar, and silence, and send them at their pace."""
    video = output.add_stream("libx264", rate=FPS)
    video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    video.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "g": "15", "bf": "0"}
    audio = output.add_stream("libopus", rate=48000, layout="stereo")
    silence = numpy.zeros((1, 2 * 48000 // FPS), dtype=numpy.int16)
    for index in range(FPS * seconds):
        frame = av.VideoFrame.from_ndarray(picture(index), format="yuv420p")
        frame.pts, frame.time_base = index, Fraction(1, FPS)
        sound = av.AudioFrame.from_ndarray(silence, format="s16", layout="stereo")
        sound.sample_rate, sound.pts, sound.time_base = 48000, index * 48000 // FPS, Fraction(1, 48000)
        for packet in [*video.encode(frame), *audio.encode(sound)]:
            output.mux(packet)
        time.sleep(1 / FPS)


def picture(index: int) -> Any:
    """Green above; below a white bar on grey that has walked ``index`` steps."""
    luma = numpy.full((HEIGHT, WIDTH), GREEN[0], dtype=numpy.uint8)
    luma[HEIGHT * 3 // 4 :] = 60
    left = index * 8 % (WIDTH - 40)
    luma[HEIGHT * 3 // 4 :, left : left + 40] = 235
    planes = [luma.ravel()]
    for value in GREEN[1:]:
        plane = numpy.full((HEIGHT // 2, WIDTH // 2), value, dtype=numpy.uint8)
        plane[HEIGHT * 3 // 8 :] = 128
        planes.append(plane.ravel())
    return numpy.concatenate(planes).reshape(HEIGHT * 3 // 2, WIDTH)


if __name__ == "__main__":
    main(*sys.argv[1:])
