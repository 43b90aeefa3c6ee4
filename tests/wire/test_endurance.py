"""F28: a whole day of a recorded session, through the relay and the recorder as they are, on a clock that hurries."""

import asyncio
import gc
import json
import os
import struct
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.lab.participant import Participant
from core.clock import FakeClock
from media import commands
from media.service import MediaService
from recordings.chain import walk
from recordings.filesystem import Disk
from recordings.finalize import Finalizer
from recordings.journal import Recorders
from recordings.keys import FileKeys
from recordings.layout import RecordingFiles
from recordings.verify import verify
from recordings.writer import ThreadWriters
from tests.campaigns import campaign, rounds
from tests.recordings import synthetic
from tests.wire.peers import Desk
from tests.wire.room import publish, room, subscribe

SECONDS = rounds(300, 86_400)
PER_SECOND = 3
"""Packets of sound: enough to let sequence numbers wrap four times a day."""
LOOKS = 6
"""How often memory, files and tasks are looked at; the first look comes after the buffers have filled."""
FIRST, STAMP = 65_000, 4_294_900_000
"""Sequence number and timestamp to begin with: both wrap within the shortest run."""


class Day:
    """A speaker, a listener, and a clock that goes on when what was sent has arrived and is durable."""

    def __init__(self, service: MediaService, desk: Desk, clock: FakeClock) -> None:
        self.service, self.desk, self.clock = service, desk, clock
        self.sent = self.heard = self.broken = 0
        self.packet = synthetic.sound(1)[10]
        self._last = -1
        self._arrived = asyncio.Event()

    async def begin(self) -> None:
        self.speaker = await publish(self.desk, "s", "a")
        self.listener: Participant = await subscribe(self.desk, "s", "b", "a")
        self.listener.on_rtp = self._take

    def _take(self, packet: memoryview) -> None:
        sequence = struct.unpack_from("!H", packet, 2)[0]
        self.broken += self._last >= 0 and sequence != (self._last + 1) & 0xFFFF
        self._last, self.heard = sequence, self.heard + 1
        self._arrived.set()

    async def second(self, number: int) -> None:
        """One second: its packets one after the other, a report of each side, and the recorder's word for it."""
        if number % 5 == 0:
            self.speaker.send_rtcp(self._sender_report(number))
        self.listener.send_rtcp(struct.pack("!BBHI", 0x80, 201, 1, 1))
        for one in (self.speaker, self.listener):
            one.check()
        for _ in range(PER_SECOND):
            await self._say()
            self.clock.advance(1 / PER_SECOND)
        taping = self.service.sessions["s"].taping
        assert taping is not None
        async with asyncio.timeout(60):
            while taping.durable_at is None or (self.clock.now() - taping.durable_at).total_seconds() > 1:
                assert not taping.broken, number
                await asyncio.sleep(0.001)

    async def _say(self) -> None:
        index, self.sent = self.sent, self.sent + 1
        stamp = STAMP + index * 48_000 // PER_SECOND
        self.speaker.send_rtp(self.speaker.rtp("audio", FIRST + index, stamp, self.packet))
        async with asyncio.timeout(60):
            while self.heard < self.sent:
                self._arrived.clear()
                await self._arrived.wait()

    def _sender_report(self, second: int) -> bytes:
        stamp = (STAMP + self.sent * 48_000 // PER_SECOND) & 0xFFFFFFFF
        ntp = synthetic.ntp(second)
        head = struct.pack("!BBHI", 0x80, 200, 6, self.speaker.ssrc["audio"])
        return head + struct.pack("!QIII", ntp, stamp, self.sent & 0xFFFFFFFF, self.sent & 0xFFFFFFFF)


def look() -> dict[str, int]:
    """What this process holds now."""
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return {
        "resident_kb": resident >> 10,
        "objects": len(gc.get_objects()),
        "files": len(os.listdir("/proc/self/fd")),
        "tasks": len(asyncio.all_tasks()),
        "threads": threading.active_count(),
    }


@campaign
async def test_a_day_leaves_memory_files_and_tasks_as_they_were(tmp_path: Path) -> None:
    """Five minutes here, a day in the soak: nothing piles up, no number that wraps breaks anything, the recording
    verifies and lasts as long as it should."""
    FileKeys.ensure(tmp_path)
    clock = FakeClock(datetime(2026, 11, 21, 9, 30, tzinfo=UTC))
    recorders = Recorders(ThreadWriters(tmp_path, lambda: FileKeys(tmp_path), clock), clock, tick=0.004)
    looks: list[dict[str, Any]] = []
    async with room(recorders, recorded=True, clock=clock) as (service, desk):  # type: ignore[arg-type]
        day = Day(service, desk, clock)
        await day.begin()
        for number in range(SECONDS):
            await day.second(number)
            desk.events.clear()
            if (number + 1) % (SECONDS // LOOKS) == 0:
                looks.append({"second": number + 1, **look()})
        desk.send(commands.CloseSession(session="s", reason="over"))
        await desk.wait(commands.Closed)
    print(json.dumps(looks))
    assert (day.heard, day.broken) == (SECONDS * PER_SECOND, 0)
    first, last = looks[1], looks[-1]  # the first is of memory that is still being taken for the first time
    assert {name: last[name] for name in ("files", "tasks", "threads")} == {
        name: first[name] for name in ("files", "tasks", "threads")
    }
    assert last["objects"] - first["objects"] < 2_000
    assert last["resident_kb"] - first["resident_kb"] < 16 << 10
    check_recording(tmp_path, day.sent, clock)


def check_recording(place: Path, sent: int, clock: FakeClock) -> None:
    """Every packet is in the chain, none is called lost, and the playable file has the length of the session."""
    files = RecordingFiles.of(place, "r")
    found = verify(files.root)
    assert found.exit_code == 0, found.findings()[:5]
    frames = list(walk(files.chain.read_bytes()).signed("frame"))
    assert sum(body["packets"] for body in frames) == sent
    assert not any(track["lost"] for body in frames for track in body["tracks"].values())
    assert abs(found.duration_ms - SECONDS * 1000) < 2_000
    (made,) = Finalizer(place, lambda: FileKeys(place), clock, Disk()).run("r")
    assert abs(made.duration_ms - SECONDS * 1000) < 2_000
    assert made.remarks == ()
