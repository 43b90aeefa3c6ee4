"""A room's camera as a process of its own: FFmpeg's ``whip`` muxer holds the interpreter while it connects.

python -m tests.wire.whip_encoder URL [CERT KEY]
"""

import sys
import time
from fractions import Fraction

import av
import numpy

FPS = 15
SECONDS = 20


def main(url: str, *files: str) -> None:
    """Encode a grey picture and silence and send them at their pace."""
    options = dict(zip(("cert_file", "key_file"), files, strict=False))
    with av.open(url, "w", format="whip", options=options) as output:
        video = output.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = 320, 240, "yuv420p"
        video.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "g": "15", "bf": "0"}
        audio = output.add_stream("libopus", rate=48000, layout="stereo")
        grey = numpy.full((360, 320), 120, dtype=numpy.uint8)
        silence = numpy.zeros((1, 2 * 48000 // FPS), dtype=numpy.int16)
        for index in range(FPS * SECONDS):
            frame = av.VideoFrame.from_ndarray(grey, format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            sound = av.AudioFrame.from_ndarray(silence, format="s16", layout="stereo")
            sound.sample_rate, sound.pts, sound.time_base = 48000, index * 48000 // FPS, Fraction(1, 48000)
            for packet in [*video.encode(frame), *audio.encode(sound)]:
                output.mux(packet)
            time.sleep(1 / FPS)


if __name__ == "__main__":
    main(*sys.argv[1:])
