"""Makes recordings for tests without threads or waiting: a take driven by a fake clock."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.clock import FakeClock
from media.ports import Closing, RecordingSpec
from recordings import keys, pcapng, recovery
from recordings.chain import sha256
from recordings.filesystem import Disk
from recordings.keys import FileKeys
from recordings.layout import RecordingFiles
from recordings.logbook import Entry
from recordings.take import Committed, Take
from recordings.tape import Tape
from recordings.timesource import Reading

START = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


@dataclass
class Studio:
    """One recording in a data directory, written second by second."""

    data_dir: Path
    recording: str = "rec-1"
    policy: str = "clear"
    checkpoint: str = ""

    def __post_init__(self) -> None:
        self.site = FileKeys.ensure(self.data_dir)
        self.clock = FakeClock(START)
        self.clock.advance(1000)
        self.clock.set(START)
        self.disk = Disk()
        self.files = RecordingFiles.of(self.data_dir, self.recording)
        self.files.root.mkdir(parents=True, exist_ok=True)
        self.spec = RecordingSpec(self.recording, "session-1", "interrogation", self.policy, 60, self.checkpoint)
        self.take: Take | None = None
        self.tape: Tape | None = None

    @property
    def now(self) -> Reading:
        return Reading.of(self.clock)

    def begin(self, disk: Disk | None = None) -> "Studio":
        disk = disk or self.disk
        standing = recovery.recover(disk, self.files, self.recording)
        if standing.is_fresh:
            self.data_key = os.urandom(32)
            document = keys.keys_document(self.recording, self.site.wrap(self.data_key, self.recording))
            disk.write_whole(self.files.keys, document)
            digest = sha256(document)
        else:
            self.data_key = keys.load_data_key(self.site, self.files, self.recording)
            digest = ""
        self.take = Take(disk, self.files, self.spec, self.data_key, standing)
        self.take.begin(self.site, digest, self.now, (), replay=False)
        self.tape, self.blocks = Tape(), self.take.blocks()
        return self

    def commit(self) -> Committed:
        """Make durable what the tape was given."""
        assert self.take is not None
        assert self.tape is not None
        return self.take.commit(self.blocks.of(self.tape.cut(self.now)))

    def play(self, events: Iterable, *, log: bool = True) -> "Studio":
        """Record synthetic events, committing once a second of the fake clock."""
        assert self.tape is not None
        base = self.clock.monotonic_ns()
        opened: set[int] = set()
        second = 0
        for event in events:
            while event.at_ns >= (second + 1) * 1_000_000_000:
                self._tick(second, log)
                second += 1
            at = base + event.at_ns
            if event.track.number not in opened:
                opened.add(event.track.number)
                self.tape.opened(event.track, at)
            if event.report:
                report = pcapng.sender_report(event.track.ssrc, *event.report)
                self.tape.keep((event.track.number, report, at))
            if event.packet:
                self.tape.keep((event.track.number, event.packet, at))
        self._tick(second, log)
        return self

    def _tick(self, second: int, log: bool) -> None:
        assert self.take is not None
        assert self.tape is not None
        self.clock.advance(1)
        if log:
            number = self.take.standing.last_entry + 1
            entry = Entry(number, self.clock.now(), {"type": "marker", "second": second}, {"note": f"第{second}秒"})
            self.tape.log(entry, self.clock.monotonic_ns())
        self.commit()

    def close(self) -> Closing:
        assert self.take is not None
        assert self.tape is not None
        return self.take.close("ended", self.blocks.of(self.tape.cut(self.now)))

    def crash(self) -> None:
        """Let go as a killed process does: nothing more is written."""
        assert self.take is not None
        self.take.abandon()
