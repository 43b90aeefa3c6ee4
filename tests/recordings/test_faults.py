"""Faults the record must survive: power loss, a key store that goes, eight hours, tokens and small disks."""

import io
import os
from pathlib import Path

import av
import numpy as np
import pytest
import synthetic
from studio import Studio

from core.clock import SystemClock
from media.ports import RecorderUnavailable, RecordingSpec
from recordings import pcapng, recovery
from recordings.chain import sha256
from recordings.derived import SealedReader
from recordings.filesystem import Disk
from recordings.finalize import Finalizer
from recordings.journal import Recorders
from recordings.keys import FileKeys
from recordings.reader import Reader
from recordings.verify import verify
from recordings.writer import ThreadWriters
from tests.campaigns import campaign, rounds

SOUND = synthetic.track(1, "audio", "opus")


class PowerLoss(Exception):
    """The machine is gone."""


class VolatileDisk(Disk):
    """Keeps only what was synced: at the ``at``-th change the power goes, and with it what was not.

    ``torn``: half of it is there all the same, and so is a new name of a file, as journals of file systems have it.
    """

    def __init__(self, at: int, *, torn: bool = False) -> None:
        self.at, self.torn, self.calls = at, torn, 0
        self._renamed: list[tuple[Path, Path, bytes | None]] = []
        self._paths: dict[int, Path] = {}
        self._synced: dict[Path, int] = {}
        self._unnamed: set[Path] = set()

    def _count(self) -> None:
        self.calls += 1
        if self.calls == self.at:
            raise PowerLoss

    def open_new(self, path):
        self._count()
        self._unnamed.add(path)
        self._synced[path] = 0
        fd = super().open_new(path)
        self._paths[fd] = path
        return fd

    def open_append(self, path):
        fd = super().open_append(path)
        self._paths[fd] = path
        self._synced.setdefault(path, path.stat().st_size)
        return fd

    def write(self, fd, data):
        self._count()
        return super().write(fd, data)

    def sync(self, fd):
        self._count()
        super().sync(fd)
        if fd in self._paths:
            self._synced[self._paths[fd]] = os.fstat(fd).st_size

    def sync_dir(self, path):
        self._count()
        super().sync_dir(path)
        self._unnamed = {name for name in self._unnamed if name.parent != path}
        self._renamed = [item for item in self._renamed if item[1].parent != path]

    def rename(self, old, new):
        self._count()
        self._renamed.append((old, new, new.read_bytes() if new.exists() else None))
        self._synced[new] = self._synced.pop(old, 0)
        super().rename(old, new)

    def drop(self) -> None:
        """What a power loss leaves."""
        for old, new, before in () if self.torn else reversed(self._renamed):
            new.rename(old)
            self._synced[old] = self._synced.pop(new)
            if before is not None:
                new.write_bytes(before)
        for path, size in self._synced.items():
            if path in self._unnamed and not self.torn:
                path.unlink(missing_ok=True)
            elif path.exists() and path.stat().st_size > size:
                keep = (path.stat().st_size - size) // 2 if self.torn else 0
                os.truncate(path, size + keep)


def recorded_until_power_loss(studio, disk) -> int:
    """Record four seconds; return the milliseconds acknowledged before the power went."""
    acknowledged = 0
    try:
        studio.begin(disk)
        studio.tape.opened(SOUND, studio.now.mono_ns)
        for second in range(4):
            at = studio.now.mono_ns
            for i in range(50):
                packet = synthetic.rtp(111, second * 50 + i, 0, SOUND.ssrc, bytes(80))
                studio.tape.keep((SOUND.number, packet, at + i * 20_000_000))
            studio.clock.advance(1)
            acknowledged = studio.commit().ms
        studio.close()
    except PowerLoss:
        if studio.take:
            studio.take.abandon()
    return acknowledged


def size_of(files) -> int:
    """Bytes of chain, log and segments."""
    return sum(path.stat().st_size for path in (files.chain, files.log, *files.segments().values()) if path.exists())


@pytest.mark.parametrize("torn", [False, True], ids=["dropped", "torn"])
def test_power_loss_at_any_change_costs_nothing_acknowledged(tmp_path, torn):
    """F2: whatever was not synced is dropped, or half of it is; what was acknowledged plays and verifies, and the torn
    rest is put aside, whole, and listed."""
    counting = VolatileDisk(0)
    recorded_until_power_loss(Studio(tmp_path / "count"), counting)
    put_aside = 0
    for at in range(1, counting.calls + 1):
        studio, disk = Studio(tmp_path / str(at)), VolatileDisk(at, torn=torn)
        acknowledged = recorded_until_power_loss(studio, disk)
        disk.drop()
        before = size_of(studio.files)
        standing = recovery.recover(studio.disk, studio.files, studio.recording)
        assert sum(item["bytes"] for item in standing.aside) == before - size_of(studio.files), at
        if not standing.closed:
            studio.clock.advance(1)
            studio.begin().close()
        found = verify(studio.files.root)
        assert found.exit_code == 0, (at, found.findings())
        reader = Reader(studio.files, studio.data_key)
        packets = [p for p in reader.packets() if p.at_ns // 1_000_000 < acknowledged]
        assert len(packets) == acknowledged // 20, at
        aside = [item for body in reader.bodies if body["type"] == "recovered" for item in body["aside"]]
        for item in aside:
            kept = (studio.files.aside / item["file"]).read_bytes()
            assert (len(kept), sha256(kept)) == (item["bytes"], item["sha256"]), at
        put_aside += bool(aside)
    assert put_aside >= (8 if torn else 1), "seconds that were being written when the power went"


async def test_a_key_store_that_goes_during_a_session_does_not_end_it(tmp_path):
    """F22: the session finishes with the keys it has; a new one is refused."""
    FileKeys.ensure(tmp_path)
    recorders = Recorders(ThreadWriters(tmp_path, lambda: FileKeys(tmp_path), SystemClock()), SystemClock(), tick=0.02)
    callbacks = {"durable": lambda *_: None, "failed": print, "gap": print, "head": print}
    recorder = await recorders.arm(RecordingSpec("rec-1", "s", "interrogation", "clear", 1), **callbacks)
    (tmp_path / "keys" / "site-signing.pem").unlink()
    (tmp_path / "keys" / "site-kek.pem").unlink()
    recorder.opened(SOUND)
    await recorder.close("ended")
    assert verify(tmp_path / "recordings" / "rec-1").exit_code == 0
    with pytest.raises(RecorderUnavailable) as refused:
        await recorders.arm(RecordingSpec("rec-2", "s", "interrogation", "clear", 1), **callbacks)
    assert refused.value.code == "key-missing"


@campaign
def test_hours_of_recording_stay_whole_and_seekable(studio):
    """F28: sequence numbers and timestamps wrap, segments follow one another, and the file lasts as long as it should.

    Twelve minutes here, eight hours in the soak.
    """
    minutes = rounds(12, 480)
    payload = synthetic.sound(1)[10]
    studio.begin()
    studio.tape.opened(SOUND, studio.now.mono_ns)
    number = 65_000
    for second in range(minutes * 60):
        base = studio.clock.monotonic_ns()
        for step in range(50):
            stamp = 4_294_000_000 + number * 960
            packet = synthetic.rtp(111, number, stamp, SOUND.ssrc, payload)
            studio.tape.keep((SOUND.number, packet, base + step * 20_000_000))
            number += 1
        if second % 5 == 0:
            stamp = (4_294_000_000 + (number - 50) * 960) & 0xFFFFFFFF
            report = pcapng.sender_report(SOUND.ssrc, synthetic.ntp(second), stamp)
            studio.tape.keep((SOUND.number, report, base))
        studio.clock.advance(1)
        studio.commit()
    studio.close()
    found = verify(studio.files.root)
    assert (found.exit_code, found.duration_ms) == (0, minutes * 60_000)
    assert len(studio.files.segments()) - minutes in (0, 1)
    (made,) = Finalizer(studio.data_dir, lambda: studio.site, studio.clock, studio.disk).run("rec-1")
    assert abs(made.duration_ms - minutes * 60_000) < 40
    assert made.remarks == ()
    with SealedReader(studio.files.derived / made.file, studio.data_key, "rec-1") as reader:
        film = reader.read(0, reader.length)
    for share in (0.9, 0.02, 0.55):
        with av.open(io.BytesIO(film)) as container:
            container.seek(int(share * minutes * 60_000_000))
            frame = next(container.decode(audio=0))
            assert abs(frame.time - share * minutes * 60) < 6, "a cluster before the place that was asked for"
            assert np.abs(frame.to_ndarray()).max() > 0.01


def test_media_time_never_steps_back_when_the_clock_does(studio):
    """F9: an hour back on the wall is suspect, not a gap, and packets keep their order."""
    studio.begin().play(synthetic.audio_stream(SOUND, 2))
    studio.clock.set(studio.clock.now().replace(hour=8))
    studio.play(synthetic.audio_stream(SOUND, 2)).crash()
    studio.begin().play(synthetic.audio_stream(SOUND, 1)).close()
    times = [packet.at_ns for packet in Reader(studio.files, studio.data_key).packets()]
    assert times == sorted(times)
    found = verify(studio.files.root)
    assert found.exit_code == 0
    assert any(item.cause == "clock-stepped" for item in found.ranges)


@pytest.mark.parametrize(
    ("said", "remarked"),
    [
        ({"synchronised": True, "offset_us": 0, "error_us": 9}, False),
        ({"synchronised": False, "offset_us": 0, "error_us": 16_000_000}, True),
        (None, True),
    ],
    ids=["alive", "dead", "unknown"],
)
def test_a_dead_time_service_is_said_and_stops_nothing(studio, monkeypatch, said, remarked):
    """F9: what the kernel knew stands in the take, the check remarks it, and every second is kept."""
    monkeypatch.setattr("recordings.take.ntp_state", lambda: said)
    studio.begin().play(synthetic.audio_stream(SOUND, 2)).close()
    found = verify(studio.files.root)
    assert (found.exit_code, found.duration_ms) == (0, 2000)
    assert ("clock-not-synchronised" in found.remarks) == remarked
    (take,) = (body for body in Reader(studio.files, studio.data_key).bodies if body["type"] == "take")
    assert take["ntp"] == said


def test_an_observer_of_files_never_sees_clear_media(finished):
    """Nothing below the data directory holds a packet, a name or a key in clear."""
    Finalizer(finished.data_dir, lambda: finished.site, finished.clock, finished.disk).run("rec-1")
    everything = b"".join(p.read_bytes() for p in finished.data_dir.rglob("*") if p.is_file())
    assert finished.data_key not in everything
    for event in list(synthetic.video_stream(synthetic.track(2, "video", "vp8"), 1))[:20]:
        assert not event.packet or event.packet[12:60] not in everything
    assert "第0秒".encode() not in everything
