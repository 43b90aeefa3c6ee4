"""Recorders for benchmarks: the real journal in a directory, or none at all."""

import asyncio
from pathlib import Path

from core.clock import Clock
from media.ports import Durable, Failed, GapSeen, HeadSeen, Recorder, RecorderUnavailable, RecordingSpec
from recordings.journal import Recorders
from recordings.keys import FileKeys


class NoRecorders:
    """Refuses to record; rooms are then opened without being armed."""

    async def arm(
        self, spec: RecordingSpec, *, durable: Durable, failed: Failed, gap: GapSeen, head: HeadSeen
    ) -> Recorder:
        raise RecorderUnavailable("not-recording")


async def recorders_in(directory: Path, clock: Clock) -> Recorders:
    """The product's recorders, with keys of their own under ``directory``."""
    keys = await asyncio.to_thread(FileKeys.ensure, directory)
    return Recorders(directory, lambda: keys, clock)
