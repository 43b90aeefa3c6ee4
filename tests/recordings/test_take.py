"""Takes: what is acknowledged is on disk, whatever the disk does."""

import errno
import os

import pytest
import synthetic
from faults import FaultyDisk
from studio import Studio

from media.ports import RecordingSpec
from recordings import recovery
from recordings.chain import walk
from recordings.reader import Reader
from recordings.take import Take
from recordings.verdicts import Verdict
from recordings.verify import verify


def packets_of(studio, first_ms=0, until_ms=1 << 40):
    reader = Reader(studio.files, studio.data_key)
    return [p for p in reader.packets() if not p.is_report and first_ms <= p.at_ns // 1_000_000 < until_ms]


def test_everything_given_is_read_back(finished):
    """Each packet comes back unchanged, in order, with its arrival on the recording's timeline."""
    sound, picture = synthetic.track(1, "audio", "opus"), synthetic.track(2, "video", "vp8")
    sent = synthetic.merged(synthetic.audio_stream(sound, 6), synthetic.video_stream(picture, 6))
    reader = Reader(finished.files, finished.data_key)
    got = list(reader.packets())
    assert [(p.track.number, p.at_ns) for p in got] == [(e.track.number, e.at_ns) for e in sent]
    assert [p.data for p in got if not p.is_report] == [e.packet for e in sent if e.packet]
    assert sum(p.is_report for p in got) == sum(e.report is not None for e in sent)
    assert reader.unreadable == 0


def test_log_entries_come_back_whole_and_the_chain_holds_no_names(finished):
    """Private members are in the log, encrypted; the chain has commitments only."""
    entries = list(Reader(finished.files, finished.data_key).log())
    assert [entry["private"]["note"] for entry in entries] == [f"第{n}秒" for n in range(6)]
    for name in ("chain.jsonl", "log.jsonl", "seg-000001"):
        assert "第".encode() not in (finished.files.root / name).read_bytes()


def test_commitments_open_with_their_salts(finished):
    """Name, value and salt of an entry give the commitment the chain signed."""
    import base64

    from recordings.logbook import commitment

    entry = next(Reader(finished.files, finished.data_key).log())
    record = next(walk(finished.files.chain.read_bytes()).signed("log"))
    salt = base64.b64decode(entry["salts"]["note"])
    assert commitment("note", entry["private"]["note"], salt) == record["private"]["note"]


def test_the_wrong_key_opens_nothing(finished):
    """With another data key every frame is unreadable and nothing is played."""
    reader = Reader(finished.files, os.urandom(32))
    assert list(reader.packets()) == []
    assert reader.unreadable > 0


def test_a_segment_ends_after_a_minute(studio):
    """Files hold sixty seconds, each beginning with its own header and interfaces."""
    sound = synthetic.track(1, "audio", "opus")
    studio.begin()
    studio.tape.opened(sound, studio.now.mono_ns)
    for second in range(125):
        packet = synthetic.rtp(111, second, second * 48_000, sound.ssrc, b"x")
        studio.clock.advance(1)
        studio.tape.keep((sound.number, packet, studio.now.mono_ns))
        studio.commit()
    studio.close()
    assert list(studio.files.segments()) == [1, 2, 3]
    assert len(packets_of(studio)) == 125
    assert verify(studio.files.root).exit_code == 0


def test_a_crash_is_recovered_and_said(studio):
    """After a crash the next take states what it found; the time in between is a gap; all of it verifies."""
    sound = synthetic.track(1, "audio", "opus")
    studio.begin().play(synthetic.audio_stream(sound, 3)).crash()
    studio.clock.advance(7)
    studio.begin().play(synthetic.audio_stream(sound, 2)).close()
    found = verify(studio.files.root)
    assert (found.exit_code, found.takes) == (0, 2)
    assert [(i.from_ms, i.to_ms, i.verdict, i.cause) for i in found.ranges] == [
        (0, 3000, Verdict.INTACT, ""),
        (3000, 10_000, Verdict.GAP, "restart"),
        (10_000, 12_000, Verdict.INTACT, ""),
    ]
    assert len(packets_of(studio)) == 250


def test_torn_tails_are_put_aside_and_kept(studio):
    """Half a line, half a frame and an unsigned log entry are moved aside and listed, and nothing else changes."""
    sound = synthetic.track(1, "audio", "opus")
    studio.begin().play(synthetic.audio_stream(sound, 3)).crash()
    for path, tail in (
        (studio.files.chain, b'{"half'),
        (studio.files.segment(1), b"YJF1torn"),
        (studio.files.log, b"x\n"),
    ):
        with path.open("ab") as file:
            file.write(tail)
    studio.files.segment(2).write_bytes(b"YJF1 never signed")
    studio.begin().play(synthetic.audio_stream(sound, 1)).close()
    found = verify(studio.files.root)
    assert found.exit_code == 0
    (recovered,) = walk(studio.files.chain.read_bytes()).signed("recovered")
    kept = {item["file"]: (studio.files.aside / item["file"]).read_bytes() for item in recovered["aside"]}
    assert kept == {
        "take-2-chain.tail": b'{"half',
        "take-2-log.tail": b"x\n",
        "take-2-seg-000001.tail": b"YJF1torn",
        "take-2-seg-000002": b"YJF1 never signed",
    }
    assert 2 not in studio.files.segments()


def test_a_torn_piece_that_was_taken_away_is_missing(studio):
    """What recovery kept is part of the record."""
    sound = synthetic.track(1, "audio", "opus")
    studio.begin().play(synthetic.audio_stream(sound, 1)).crash()
    with studio.files.chain.open("ab") as file:
        file.write(b"torn")
    studio.begin().play(synthetic.audio_stream(sound, 1)).close()
    (studio.files.aside / "take-2-chain.tail").unlink()
    assert verify(studio.files.root).verdict is Verdict.MISSING


def test_recovering_twice_changes_nothing(studio):
    """Recovery interrupted and begun again comes to the same standing."""
    studio.begin().play(synthetic.audio_stream(synthetic.track(1, "audio", "opus"), 2)).crash()
    with studio.files.segment(1).open("ab") as file:
        file.write(b"torn")
    first = recovery.recover(studio.disk, studio.files, studio.recording)
    second = recovery.recover(studio.disk, studio.files, studio.recording)
    assert (first.aside, first.last_ms, first.writing.head) == (second.aside, second.last_ms, second.writing.head)


def test_a_damaged_middle_does_not_cost_what_follows(studio):
    """Recovery keeps signed lines after a rotten one; the rot stays visible."""
    sound = synthetic.track(1, "audio", "opus")
    studio.begin().play(synthetic.audio_stream(sound, 4)).crash()
    lines = studio.files.chain.read_bytes().splitlines(keepends=True)
    lines[4] = lines[4].replace(b'"ms"', b'"mz"')
    studio.files.chain.write_bytes(b"".join(lines))
    studio.begin().play(synthetic.audio_stream(sound, 1)).close()
    found = verify(studio.files.root)
    assert found.exit_code == 1
    assert sum(i.verdict is Verdict.MODIFIED for i in found.ranges) == 1
    assert found.duration_ms >= 5000


def changes_of_a_short_recording(tmp_path) -> int:
    disk = FaultyDisk(1 << 30)
    record_with(Studio(tmp_path / "count"), disk)
    return disk.calls


def record_with(studio, disk) -> int:
    """Record three seconds on ``disk``; return the milliseconds acknowledged before it failed."""
    acknowledged = 0
    try:
        studio.begin(disk)
        sound = synthetic.track(1, "audio", "opus")
        studio.tape.opened(sound, studio.now.mono_ns)
        for second in range(3):
            at = studio.now.mono_ns
            for i in range(50):
                packet = synthetic.rtp(111, second * 50 + i, 0, sound.ssrc, bytes(80))
                studio.tape.keep((sound.number, packet, at + i * 20_000_000))
            studio.clock.advance(1)
            acknowledged = studio.commit().ms
        studio.close()
    except OSError:
        if studio.take:
            studio.take.abandon()
    return acknowledged


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_a_fault_at_any_change_loses_nothing_acknowledged(tmp_path, error):
    """For every N, when the Nth write, sync or rename fails, each acknowledged second is there, plays and verifies
    after recovery."""
    for at in range(1, changes_of_a_short_recording(tmp_path) + 1):
        studio = Studio(tmp_path / f"{error}-{at}")
        acknowledged = record_with(studio, FaultyDisk(at, error=error))
        if walk(studio.files.chain.read_bytes() if studio.files.chain.exists() else b"").tail and not acknowledged:
            pass  # torn at birth: nothing was promised
        standing = recovery.recover(studio.disk, studio.files, studio.recording)
        if not standing.closed:
            studio.clock.advance(1)
            studio.begin().close()
        found = verify(studio.files.root)
        assert found.exit_code == 0, (at, found)
        assert len(packets_of(studio, until_ms=acknowledged)) == acknowledged // 20, at


def test_a_take_needs_the_site_key(studio):
    """Without a certificate no take begins."""
    (studio.data_dir / "keys" / "site-signing.pem").unlink()
    from recordings.keys import KeyMissing

    with pytest.raises(KeyMissing):
        studio.begin()


def test_a_boot_in_between_places_the_take_by_wall_time(studio, monkeypatch):
    """After a restart of the machine monotonic time begins anew; the timeline goes on by the clock on the wall."""
    sound = synthetic.track(1, "audio", "opus")
    studio.begin().play(synthetic.audio_stream(sound, 2)).crash()
    monkeypatch.setattr("recordings.take.boot_id", lambda: "another-boot")
    studio.clock._monotonic_ns = 5_000_000_000
    studio.clock.set(studio.clock.now().replace(second=30))
    studio.begin().play(synthetic.audio_stream(sound, 1)).close()
    found = verify(studio.files.root)
    assert found.exit_code == 0
    assert [(i.from_ms, i.to_ms, i.verdict) for i in found.ranges] == [
        (0, 2000, Verdict.INTACT), (2000, 30_000, Verdict.GAP), (30_000, 31_000, Verdict.INTACT),
    ]  # fmt: skip


def test_a_take_without_a_standing_is_the_first(studio):
    """A fresh recording begins with genesis signed by the site, then its take."""
    spec = RecordingSpec("rec-9", "s", "report", "clear")
    standing = recovery.recover(studio.disk, studio.files, "rec-9")
    assert standing.is_fresh
    assert Take(studio.disk, studio.files, spec, bytes(32), standing).number == 1
