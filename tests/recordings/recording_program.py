"""A process that records until it is killed: prints every acknowledgement. Arguments: data directory, tick."""

import asyncio
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import synthetic

from core.clock import SystemClock
from media.ports import RecordingSpec
from recordings.journal import Recorders
from recordings.keys import FileKeys

SOUND = synthetic.track(1, "audio", "opus")


async def main(place: Path, tick: float) -> None:
    FileKeys.ensure(place)
    recorders = Recorders(place, lambda: FileKeys(place), SystemClock(), tick=tick)

    def durable(until, ms):
        print(f"durable {ms}", flush=True)

    spec = RecordingSpec("rec-1", "session-1", "interrogation", "clear", 60)
    recorder = await recorders.arm(spec, durable=durable, failed=print, gap=print, head=print)
    print(f"take {recorder.take}", flush=True)
    recorder.opened(SOUND)
    number = 0
    while True:
        recorder.rtp(SOUND, synthetic.rtp(111, number, number * 960, SOUND.ssrc, bytes(80)), time.monotonic_ns())
        recorder.log(recorder.last_entry + 1, SystemClock().now(), {"n": number}, {"x": "y"})
        number += 1
        await asyncio.sleep(0.005)


asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2])))
