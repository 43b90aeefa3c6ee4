"""The recorder as the relay uses it."""

import asyncio
import errno
import threading
import time

import pytest
import synthetic
from faults import FaultyDisk, SlowDisk, SmallDisk
from heard import SOUND, Heard, send, until

from core.clock import SystemClock
from media.ports import RecorderUnavailable, RecordingSpec
from recordings import layout
from recordings.chain import sha256
from recordings.filesystem import Disk
from recordings.journal import SPREAD, TURNS, Recorders, first_turn
from recordings.keys import FileKeys
from recordings.preflight import Terms
from recordings.reader import Reader
from recordings.space import Reserve
from recordings.tape import Gathered, Kind, Packets
from recordings.timesource import Reading
from recordings.verdicts import Verdict
from recordings.verify import verify
from recordings.writer import ThreadWriters


@pytest.fixture
def place(tmp_path):
    FileKeys.ensure(tmp_path)
    return tmp_path


def recorders(place, disk=None, **options):
    """Those of threads: whether a process is in between makes no difference (``test_remote``)."""
    own = {name: options.pop(name) for name in ("tick", "queue_bytes") if name in options}
    writers = ThreadWriters(place, lambda: FileKeys(place), SystemClock(), disk, **options)
    return Recorders(writers, SystemClock(), **{"tick": 0.02, **own})


def spec(recording="rec-1", policy="clear", seconds=60):
    return RecordingSpec(recording, "session-1", "interrogation", policy, seconds)


async def test_a_recording_is_durable_while_it_runs_and_closes(place):
    """Packets become durable within ticks, the close says what the chain holds, and all verifies and reads back."""
    heard = Heard()
    recorder = await recorders(place).arm(spec(), **heard.callbacks)
    recorder.opened(SOUND)
    send(recorder, 0, 100)
    recorder.sender_report(SOUND, synthetic.ntp(0), 0, time.monotonic_ns())
    recorder.lost(SOUND, 50, 3)
    await until(lambda: heard.durable)
    send(recorder, 100, 50)
    recorder.closed(SOUND)
    closing = await recorder.close("ended")
    path = place / "recordings" / "rec-1"
    found = verify(path)
    assert (found.exit_code, found.digest, found.frames) == (0, closing.digest, closing.frames)
    reader = Reader.open(place, "rec-1", FileKeys(place))
    assert [p.data[2:4] for p in reader.packets() if not p.is_report] == [n.to_bytes(2, "big") for n in range(150)]
    assert not heard.failed


async def test_the_head_of_each_take_is_told(place):
    """With each durable second, before it is told as durable, the digest of a line that stands."""
    heard, source = Heard(), recorders(place)
    for take in (1, 2):
        recorder = await source.arm(spec(), **heard.callbacks)
        await until(lambda take=take: heard.heads and heard.heads[-1].take == take)
        durable = len(heard.durable)
        await until(lambda durable=durable: len(heard.durable) > durable + 2)
        await recorder.suspend()
    lines = (place / "recordings" / "rec-1" / "chain.jsonl").read_bytes().splitlines(keepends=True)
    assert {head.take for head in heard.heads} == {1, 2}
    assert {ms for _, ms in heard.durable} <= {head.media_ms for head in heard.heads}
    assert {head.digest for head in heard.heads} <= {sha256(line) for line in lines}


async def test_arming_again_recovers_and_opens_a_new_take(place):
    """While the old recorder still lives, arming fences it and goes on in the same chain."""
    heard, source = Heard(), recorders(place)
    first = await source.arm(spec(), **heard.callbacks)
    first.opened(SOUND)
    first.log(1, SystemClock().now(), {"event": "held"}, {})
    send(first, 0, 10)
    await until(lambda: len(heard.durable) > 2)
    second = await source.arm(spec(), **heard.callbacks)
    assert (first.take, second.take, second.last_entry) == (1, 2, 1)
    second.opened(SOUND)
    send(second, 10, 10)
    await second.close("ended")
    assert verify(place / "recordings" / "rec-1").exit_code == 0
    assert len(list(Reader.open(place, "rec-1", FileKeys(place)).packets())) == 20


async def test_log_entries_are_written_once_per_number(place):
    """A replayed number is dropped, in the same take and after recovery."""
    source, now = recorders(place), SystemClock().now()
    recorder = await source.arm(spec(), **Heard().callbacks)
    for number in (1, 2, 2, 1):
        recorder.log(number, now, {"n": number}, {"name": "张三"})
    heard = Heard()
    await asyncio.sleep(0.1)
    recorder = await source.arm(spec(), **heard.callbacks)
    for number in (1, 2, 3):
        recorder.log(number, now, {"n": number}, {})
    await recorder.close("ended")
    assert [entry["number"] for entry in Reader.open(place, "rec-1", FileKeys(place)).log()] == [1, 2, 3]


async def test_an_attendance_recording_has_no_media(place):
    """Only statements; durable time moves all the same."""
    heard = Heard()
    recorder = await recorders(place).arm(spec(policy="attendance"), **heard.callbacks)
    recorder.log(1, SystemClock().now(), {"event": "attendance", "sinks": 0}, {})
    await until(lambda: len(heard.durable) > 2)
    await recorder.close("ended")
    files = layout.RecordingFiles.of(place, "rec-1")
    assert verify(files.root).exit_code == 0
    assert not files.segments()


@pytest.mark.parametrize(
    ("prepare", "code"),
    [
        (lambda place: (place / "keys" / "site-signing.pem").unlink(), "key-missing"),
        (lambda place: (place / "keys" / "site-kek.pem").write_text("no key"), "key-missing"),
        (lambda place: (place / "recordings").write_text("a file"), "disk-unwritable"),
    ],
)
async def test_a_recorder_that_cannot_be_had_says_why(place, prepare, code):
    """Missing keys and an unwritable place have their own stable words."""
    prepare(place)
    with pytest.raises(RecorderUnavailable) as refused:
        await recorders(place).arm(spec(), **Heard().callbacks)
    assert refused.value.code == code


async def test_preflight_asks_for_twice_the_planned_length(place):
    """A disk with less room is refused as full, and so is one that only pretends."""
    with pytest.raises(RecorderUnavailable) as refused:
        await recorders(place, SmallDisk(100 << 20)).arm(spec(seconds=3600), **Heard().callbacks)
    assert refused.value.code == "disk-full"
    disk = FaultyDisk(1, count=1 << 30, error=errno.ENOSPC)
    with pytest.raises(RecorderUnavailable) as refused:
        await recorders(place, disk).arm(spec(), **Heard().callbacks)
    assert refused.value.code == "disk-full"


async def test_a_closed_recording_is_not_opened_again(place):
    """The signed end is the end; and an id that is no id is refused."""
    source = recorders(place)
    await (await source.arm(spec(), **Heard().callbacks)).close("ended")
    for recording, code in (("rec-1", "already-closed"), ("../rec", "bad-recording"), ("", "bad-recording")):
        with pytest.raises(RecorderUnavailable) as refused:
            await source.arm(spec(recording), **Heard().callbacks)
        assert refused.value.code == code


async def test_another_process_keeps_its_recording(place):
    """Two recorders of different owners never write one chain."""
    recorder = await recorders(place).arm(spec(), **Heard().callbacks)
    with pytest.raises(RecorderUnavailable) as refused:
        await recorders(place).arm(spec(), **Heard().callbacks)
    assert refused.value.code == "busy"
    await recorder.close("ended")


async def test_a_recorder_that_is_leaving_is_waited_for(place):
    """The process of a killed relay still writes what it was handed: the next one finds the recording free in a
    moment, and not busy."""
    leaving = ThreadWriters(place, lambda: FileKeys(place), SystemClock()).open_now(spec(), 1)
    threading.Timer(0.3, leaving.end).start()
    recorder = await recorders(place).arm(spec(), **Heard().callbacks)
    assert recorder.take == 2
    await recorder.close("ended")


class LaterFaultyDisk(FaultyDisk):
    """Behaves until armed."""

    def __init__(self, **options):
        super().__init__(1 << 60, **options)

    def break_now(self, count):
        self.at, self.count = self.calls + 1, count


@pytest.mark.parametrize("change", range(1, 7))
async def test_one_failed_change_is_answered_by_a_new_take_without_loss(place, change):
    """The packets are still in memory: a new take writes them, nothing is lost, nothing fails."""
    disk, heard = LaterFaultyDisk(), Heard()
    recorder = await recorders(place, disk).arm(spec(), **heard.callbacks)
    recorder.opened(SOUND)
    send(recorder, 0, 20)
    await until(lambda: heard.durable)
    disk.at, disk.count = disk.calls + change, 1
    send(recorder, 20, 20)
    calls = disk.at
    await until(lambda: disk.calls > calls + 6)
    send(recorder, 40, 20)
    await recorder.close("ended")
    found = verify(place / "recordings" / "rec-1")
    assert (found.exit_code, found.takes, heard.failed) == (0, 2, [])
    packets = [p.data[2:4] for p in Reader.open(place, "rec-1", FileKeys(place)).packets()]
    assert packets == [n.to_bytes(2, "big") for n in range(60)]


@pytest.mark.parametrize(
    ("error", "code"),
    [(errno.ENOSPC, "disk-full"), (errno.EROFS, "disk-unwritable"), (errno.EIO, "disk-unwritable")],
    ids=["full", "read-only", "broken"],
)
async def test_a_disk_that_stays_full_fails_once_and_resumes_when_space_returns(place, error, code):
    """A failure that lasts is told once, by its word; nothing more is acknowledged; arming again resumes with a gap."""
    disk, heard = LaterFaultyDisk(error=error), Heard()
    source = recorders(place, disk)
    recorder = await source.arm(spec(), **heard.callbacks)
    recorder.opened(SOUND)
    send(recorder, 0, 20)
    recorder.log(1, SystemClock().now(), {"event": "a"}, {})
    await until(lambda: heard.durable)
    disk.break_now(1 << 30)
    send(recorder, 20, 20)
    await until(lambda: heard.failed)
    acknowledged = len(heard.durable)
    send(recorder, 40, 20)
    await asyncio.sleep(0.1)
    assert (heard.failed, len(heard.durable)) == ([code], acknowledged)
    disk.at = 1 << 60
    again = await source.arm(spec(), **heard.callbacks)
    again.opened(SOUND)
    send(again, 60, 20)
    await again.close("ended")
    found = verify(place / "recordings" / "rec-1")
    assert found.exit_code == 0
    assert Verdict.GAP in {item.verdict for item in found.ranges}


async def test_a_disk_that_cannot_follow_fails_with_a_declared_gap_and_bounded_memory(place):
    """Beyond the queue's bound packets are refused, the failure is told once, and the chain says what is missing."""
    gate, heard = threading.Event(), Heard()
    gate.set()
    source = recorders(place, SlowDisk(gate), queue_bytes=100_000)
    recorder = await source.arm(spec(), **heard.callbacks)
    recorder.opened(SOUND)
    send(recorder, 0, 10)
    await until(lambda: heard.durable)
    gate.clear()
    for batch in range(60):
        send(recorder, 10 + batch * 10, 10, 1000)
        await asyncio.sleep(0.005)
    held = recorder.waiting
    assert heard.failed == ["overflow"]
    assert held < 250_000, "the bound, and what comes until it is looked at, of 600,000"
    gate.set()
    await recorder.close("ended")
    found = verify(place / "recordings" / "rec-1")
    assert found.exit_code == 0
    assert "overflow" in {item.cause for item in found.ranges}


async def test_a_disk_that_hangs_is_told(place, monkeypatch):
    """A sync that does not return is a failure after the limit, found by a second thread; the loop never waits."""
    monkeypatch.setattr("recordings.journal.STALLED", 0.2)
    gate, heard = threading.Event(), Heard()
    gate.set()
    recorder = await recorders(place, SlowDisk(gate)).arm(spec(), **heard.callbacks)
    await until(lambda: heard.durable)
    gate.clear()
    await until(lambda: heard.failed)
    assert heard.failed == ["disk-stalled"]
    gate.set()
    await recorder.close("ended")
    assert verify(place / "recordings" / "rec-1").exit_code == 0


async def test_close_without_a_disk_says_so_and_recovery_ends_the_chain(place):
    """A close that cannot be written raises; later the chain is closed by whoever finds it."""
    from recordings.abandoned import close_abandoned

    disk, heard = LaterFaultyDisk(), Heard()
    recorder = await recorders(place, disk).arm(spec(), **heard.callbacks)
    recorder.opened(SOUND)
    send(recorder, 0, 20)
    await until(lambda: heard.durable)
    disk.break_now(1 << 30)
    with pytest.raises(RecorderUnavailable):
        await recorder.close("ended")
    assert close_abandoned(place, "rec-1", lambda: FileKeys(place), SystemClock(), Disk())
    found = verify(place / "recordings" / "rec-1")
    assert (found.exit_code, found.closed) == (0, True)


async def test_a_member_that_is_not_json_is_refused_at_once(place):
    """The caller hears of its mistake before anything is signed."""
    recorder = await recorders(place).arm(spec(), **Heard().callbacks)
    with pytest.raises(ValueError):
        recorder.log(1, SystemClock().now(), {"who": object()}, {})
    assert recorder.last_entry == 0
    await recorder.close("ended")


@pytest.mark.parametrize(("offset", "begins"), [(1.9, True), (None, True), (2.1, False), (-3600.0, False)])
async def test_no_recording_begins_by_a_clock_known_to_be_wrong(place, offset, begins):
    """Beyond the limit either way it is refused; one nobody knows is not."""
    source = recorders(place, terms=Terms(clock_offset=lambda: offset, clock_limit=2.0))
    if begins:
        await (await source.arm(spec(), **Heard().callbacks)).close("ended")
        return
    with pytest.raises(RecorderUnavailable) as refused:
        await source.arm(spec(), **Heard().callbacks)
    assert refused.value.code == "clock-off"


async def test_what_has_begun_goes_on_while_new_recordings_are_refused(place):
    """Little room and a wrong clock keep others from beginning, not a begun recording from its next take."""
    disk, offset = SmallDisk(4 << 30), [0.0]
    terms = Terms(Reserve(hours=4), lambda: offset[0], 2.0)
    source = recorders(place, disk, terms=terms)
    first = await source.arm(spec("rec-1"), **Heard().callbacks)
    with pytest.raises(RecorderUnavailable) as refused:
        await source.arm(spec("rec-2"), **Heard().callbacks)
    assert refused.value.code == "space-low", "room for one for four hours, not for two"
    await first.suspend()
    disk.room, offset[0] = 1 << 30, 60.0
    again = await source.arm(spec("rec-1"), **Heard().callbacks)
    assert again.take == 2
    await again.close("ended")
    disk.room = 4 << 30
    with pytest.raises(RecorderUnavailable) as refused:
        await source.arm(spec("rec-2"), **Heard().callbacks)
    assert refused.value.code == "clock-off"
    offset[0] = 0.0
    await (await source.arm(spec("rec-2"), **Heard().callbacks)).close("ended")


def test_packets_that_were_read_while_the_recording_was_let_go_are_not_written(place):
    """Their memory may be another recording's by then: nothing of one session gets into the record of another."""
    writer = ThreadWriters(place, lambda: FileKeys(place), SystemClock()).open_now(spec(), 1)
    let_go = []

    class Octets(list):
        def __iter__(self):
            let_go.append(writer.fence())
            return super().__iter__()

    packets = Octets(synthetic.rtp(111, number, number * 960, SOUND.ssrc, bytes(80)) for number in range(3))
    now = time.monotonic_ns()
    opened = (Kind.OPENED, SOUND, now)
    writer.hand(Gathered(Reading.of(SystemClock()), [opened], Packets([1] * 3, packets, [now] * 3, 3 * 92)))
    while not let_go:
        time.sleep(0.01)
    let_go[0].result(20)
    assert not list((place / "recordings" / "rec-1").glob("seg-*"))


@pytest.mark.parametrize("tick", [0.02, 1.0])
def test_recorders_hand_over_around_few_instants_but_never_in_one_go(tick):
    """Those of one instant soon after another, and packets are forwarded in between."""
    now = 1234.5678
    turns = [first_turn(now, tick) for _ in range(400)]
    instants = {int(turn / tick * TURNS) for turn in turns}
    assert len(instants) == TURNS
    assert all(turn / tick * TURNS % 1 < SPREAD * TURNS + 1e-6 for turn in turns)
    assert all(now < turn < now + (1 + SPREAD) * tick for turn in turns)
    assert len(set(turns)) > 300
