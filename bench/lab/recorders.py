"""Recorders for benchmarks: the real journal in a directory, or none at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from core.clock import Clock
from media.ports import Durable, Failed, GapSeen, HeadSeen, Recorder, RecorderUnavailable, RecordingSpec
from recordings.config import RecorderSettings
from recordings.journal import Recorders
from recordings.keys import FileKeys
from recordings.remote import RemoteWriters


class NoRecorders:
    """Refuses to record; rooms are then opened without being armed."""

    async def arm(
        self, spec: RecordingSpec, *, durable: Durable, failed: Failed, gap: GapSeen, head: HeadSeen
    ) -> Recorder:
        raise RecorderUnavailable("not-recording")


@asynccontextmanager
async def recorders_in(directory: Path, clock: Clock) -> AsyncIterator[Recorders]:
    """The product's recorders with their process, and keys of their own under ``directory``."""
    await asyncio.to_thread(FileKeys.ensure, directory)
    writers = RemoteWriters(RecorderSettings(directory))
    await writers.start()
    try:
        yield Recorders(writers, clock)
    finally:
        await writers.stop()
