"""A recorder driven by a test: what it is given, and what it told."""

import asyncio
import time

import synthetic

SOUND = synthetic.track(1, "audio", "opus")


class Heard:
    """What a recorder told."""

    def __init__(self):
        self.durable, self.failed, self.gaps, self.heads = [], [], [], []

    @property
    def callbacks(self):
        return {
            "durable": lambda until, ms: self.durable.append((until, ms)),
            "failed": self.failed.append,
            "gap": lambda track, start, end, cause: self.gaps.append((track.number, start, end, cause)),
            "head": self.heads.append,
        }


def send(recorder, first, count, size=80):
    for number in range(first, first + count):
        packet = synthetic.rtp(111, number, number * 960, SOUND.ssrc, bytes(size))
        recorder.arrived((SOUND.number, packet, time.monotonic_ns()))


async def until(condition, seconds=10):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)
