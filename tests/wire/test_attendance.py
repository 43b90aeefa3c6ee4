"""F25: what a session leaves behind of which nothing may be kept, looked for on the disk."""

import asyncio
from pathlib import Path

from core.clock import SystemClock
from media import commands
from recordings.filesystem import Disk
from recordings.journal import Recorders
from recordings.keys import FileKeys
from recordings.reader import Reader
from recordings.verify import verify
from recordings.writer import ThreadWriters
from tests.wire.room import publish, room, speak, subscribe


async def left_behind(place: Path, policy: str) -> set[str]:
    """Have somebody heard in a session of that policy; return which sorts of records its chain has."""
    site = FileKeys.ensure(place)
    recorders = Recorders(ThreadWriters(place, lambda: site, SystemClock(), Disk()), SystemClock(), tick=0.02)
    async with room(recorders) as (_, desk):  # type: ignore[arg-type]
        publisher = await publish(desk, "s", "a")
        desk.send(commands.Arm(session="s", recording="r", kind="visit", policy=policy))
        await desk.wait(commands.RecorderReady)
        viewer, heard = await subscribe(desk, "s", "b", "a"), []
        viewer.on_rtp = lambda packet: heard.append(bytes(packet))
        await speak(publisher, 0, 30)
        assert any(b"sound 7" in packet for packet in heard)
        await asyncio.sleep(0.1)
        desk.send(commands.CloseSession(session="s", reason="over"))
        await desk.wait(commands.Closed)
    assert verify(place / "recordings" / "r").exit_code == 0
    everything = b"".join(path.read_bytes() for path in place.rglob("*") if path.is_file())
    assert b"sound 7" not in everything
    return {body["type"] for body in Reader.open(place, "r", site).bodies}


async def test_of_a_visit_nothing_is_on_the_disk(tmp_path: Path) -> None:
    """Heard by the other, and in no file of the data directory, encrypted or not; of a session that is recorded there
    are packets, and none in clear."""
    assert await left_behind(tmp_path / "visit", "attendance") == {"genesis", "take", "close"}
    assert not list((tmp_path / "visit").rglob("seg-*"))
    assert await left_behind(tmp_path / "recorded", "clear") >= {"track", "frame"}
    assert list((tmp_path / "recorded").rglob("seg-*"))
