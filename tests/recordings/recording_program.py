"""A process that records until it is killed: prints its recorder process and every acknowledgement. Arguments: data
directory, tick.

``given`` beside the data directory outlives it: the number of packets it was given so far, and when the last one came.
"""

import asyncio
import mmap
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import synthetic

from core.clock import SystemClock
from media.ports import RecordingSpec
from recordings.config import RecorderSettings
from recordings.journal import Recorders
from recordings.keys import FileKeys
from recordings.remote import RemoteWriters

SOUND = synthetic.track(1, "audio", "opus")


def given(place: Path) -> mmap.mmap:
    """Shared with whoever looks: what was written into it stays when this process is killed."""
    path = place.with_name(place.name + ".given")
    path.write_bytes(bytes(16))
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), 16)


async def main(place: Path, tick: float) -> None:
    FileKeys.ensure(place)
    writers = RemoteWriters(RecorderSettings(place))
    await writers.start()
    recorders = Recorders(writers, SystemClock(), tick=tick)

    def durable(until, ms):
        print(f"durable {ms}", flush=True)

    spec = RecordingSpec("rec-1", "session-1", "interrogation", "clear", 60)
    recorder = await recorders.arm(spec, durable=durable, failed=print, gap=print, head=print)
    print(f"recorder {writers.pid}", flush=True)
    recorder.opened(SOUND)
    number, told = 0, given(place)
    while True:
        now = time.monotonic_ns()
        recorder.arrived((SOUND.number, synthetic.rtp(111, number, number * 960, SOUND.ssrc, bytes(80)), now))
        struct.pack_into("<QQ", told, 0, number + 1, now)
        recorder.log(recorder.last_entry + 1, SystemClock().now(), {"n": number}, {"x": "y"})
        number += 1
        await asyncio.sleep(0.005)


asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2])))
