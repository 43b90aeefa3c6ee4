"""The recorder process and the relay's end of it."""

import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import pytest
import synthetic
from heard import SOUND, Heard, send, until

from core.clock import SystemClock
from media.ports import RecorderUnavailable, RecordingSpec
from recordings import messages
from recordings.abandoned import close_abandoned
from recordings.config import RecorderSettings
from recordings.filesystem import Disk
from recordings.journal import Recorders
from recordings.keys import FileKeys
from recordings.process import Desk
from recordings.reader import Reader
from recordings.remote import RemoteWriters
from recordings.shelf import PLACE_BYTES, Pickup, Shelf, laid_out
from recordings.tape import Tape
from recordings.timesource import Reading
from recordings.verdicts import Verdict
from recordings.verify import verify
from recordings.writer import ThreadWriters


@pytest.fixture
async def writers(tmp_path):
    FileKeys.ensure(tmp_path)
    made = RemoteWriters(RecorderSettings(tmp_path))
    yield made
    await made.stop()


def spec(recording="rec-1"):
    return RecordingSpec(recording, "session-1", "interrogation", "clear", 60)


def numbers(place):
    reader = Reader.open(place, "rec-1", FileKeys(place))
    return [int.from_bytes(packet.data[2:4], "big") for packet in reader.packets() if not packet.is_report]


async def test_a_recording_made_in_another_process_is_whole(tmp_path, writers):
    """Packets, reports, losses, log, heads and the close: as with a thread of one's own."""
    heard = Heard()
    recorder = await Recorders(writers, SystemClock(), tick=0.05).arm(spec(), **heard.callbacks)
    recorder.opened(SOUND)
    send(recorder, 0, 100)
    recorder.sender_report(SOUND, synthetic.ntp(0), 0, time.monotonic_ns())
    recorder.lost(SOUND, 50, 3)
    recorder.log(1, SystemClock().now(), {"type": "marker"}, {"note": "第一行"})
    await until(lambda: len(heard.durable) > 2, 30)
    send(recorder, 100, 50)
    recorder.closed(SOUND)
    closing = await recorder.close("ended")
    found = verify(tmp_path / "recordings" / "rec-1")
    assert (found.exit_code, found.digest, found.frames) == (0, closing.digest, closing.frames)
    assert numbers(tmp_path) == list(range(150))
    assert [entry["private"]["note"] for entry in Reader.open(tmp_path, "rec-1", FileKeys(tmp_path)).log()] == [
        "第一行"
    ]
    assert heard.heads
    assert not heard.failed


async def test_a_killed_recorder_process_is_told_once_and_replaced(tmp_path, writers):
    """Every recording it had fails with its own word; arming again starts another process, which recovers."""
    source, heard = Recorders(writers, SystemClock(), tick=0.05), Heard()
    recorder = await source.arm(spec(), **heard.callbacks)
    recorder.opened(SOUND)
    send(recorder, 0, 20)
    await until(lambda: heard.durable, 30)
    first = writers.pid
    os.kill(first, signal.SIGKILL)
    await until(lambda: heard.failed, 30)
    send(recorder, 20, 20)
    with pytest.raises(RecorderUnavailable, match="recorder-gone"):
        await recorder.close("ended")
    again = await source.arm(spec(), **heard.callbacks)
    assert (heard.failed, again.take) == (["recorder-gone"], 2)
    assert writers.pid != first
    again.opened(SOUND)
    send(again, 40, 20)
    await again.close("ended")
    found = verify(tmp_path / "recordings" / "rec-1")
    assert found.exit_code == 0
    assert Verdict.GAP in {item.verdict for item in found.ranges}
    assert numbers(tmp_path) == [*range(20), *range(40, 60)]


async def test_a_recorder_process_that_stands_still_is_a_failure_and_killed_when_its_recording_is_wanted(
    tmp_path, writers, monkeypatch
):
    """Nobody waits for it for ever: stalled like a disk, and replaced by one that answers."""
    monkeypatch.setattr("recordings.journal.STALLED", 0.3)
    monkeypatch.setattr("recordings.remote.PATIENCE", 0.3)
    source, heard = Recorders(writers, SystemClock(), tick=0.05), Heard()
    recorder = await source.arm(spec(), **heard.callbacks)
    recorder.opened(SOUND)
    await until(lambda: heard.durable, 30)
    os.kill(writers.pid, signal.SIGSTOP)
    await until(lambda: heard.failed, 30)
    assert heard.failed == ["disk-stalled"]
    with pytest.raises(RecorderUnavailable, match="recorder-gone"):
        await source.arm(spec(), **heard.callbacks)
    again = await source.arm(spec(), **heard.callbacks)
    await again.close("ended")
    assert verify(tmp_path / "recordings" / "rec-1").exit_code == 0


async def test_it_heeds_no_signal_to_stop_and_ends_with_its_relay(tmp_path, writers):
    """A service manager that ends all processes at once does not cost the seconds the relay still hands over."""
    recorder = await Recorders(writers, SystemClock(), tick=0.05).arm(spec(), **Heard().callbacks)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(writers.pid, number)
    recorder.opened(SOUND)
    send(recorder, 0, 20)
    await recorder.suspend()
    pid = writers.pid
    await writers.stop()
    assert not Path(f"/proc/{pid}").exists()
    assert numbers(tmp_path) == list(range(20))


async def test_refusals_come_through_with_their_words(tmp_path, writers):
    """What stands in the way is said as it is by a thread."""
    source = Recorders(writers, SystemClock(), tick=0.05)
    await (await source.arm(spec(), **Heard().callbacks)).close("ended")
    elsewhere = await Recorders(ThreadWriters(tmp_path, lambda: FileKeys(tmp_path), SystemClock()), SystemClock()).arm(
        spec("rec-2"), **Heard().callbacks
    )
    for recording, code in (("rec-1", "already-closed"), ("../rec", "bad-recording"), ("rec-2", "busy")):
        with pytest.raises(RecorderUnavailable) as refused:
            await source.arm(spec(recording), **Heard().callbacks)
        assert refused.value.code == code
    await elsewhere.close("ended")
    (tmp_path / "keys" / "site-kek.pem").unlink()
    with pytest.raises(RecorderUnavailable) as refused:
        await source.arm(spec("rec-3"), **Heard().callbacks)
    assert refused.value.code == "key-missing"


async def test_a_process_that_cannot_be_started_is_a_refusal(writers, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere")
    with pytest.raises(RecorderUnavailable, match="recorder-gone"):
        await Recorders(writers, SystemClock()).arm(spec(), **Heard().callbacks)


def desk(place, shelf):
    """A desk on a thread, and the relay's end of its socket."""
    FileKeys.ensure(place)
    here, there = socket.socketpair()
    serving = Desk(there, Pickup(os.dup(shelf.fd)), ThreadWriters(place, lambda: FileKeys(place), SystemClock()))
    thread = threading.Thread(target=serving.serve)
    thread.start()
    return here, thread


def open_one(here):
    here.sendall(messages.pack({"id": 1, "ask": 1, "do": "open", "spec": messages.of_spec(spec()), "at_once": 1}))
    splitter = messages.Splitter()
    return next(iter(head for _ in iter(int, 1) for head, _ in splitter.feed(here.recv(65536))))


@pytest.mark.parametrize(
    "said",
    [
        b"\xff" * 64,
        messages.PREFIX.pack(4, 0) + b"null",
        messages.pack({"id": 1, "do": "pickle", "ask": 9}),
        messages.pack({"do": "open"}),
        messages.PREFIX.pack(200_000, 0) + b"[" * 200_000,
        messages.pack(
            {"id": 1, "do": "write", "packets": [0, 0], "at": 0, "events": [], "lost": [], "now": [1, 1 << 90]}
        ),
        messages.pack({"id": 1, "do": "write", "packets": [3, 0], "at": None, "events": [], "lost": [], "now": [1, 2]}),
        messages.pack(
            {"id": 1, "do": "write", "packets": [0, 0], "at": 0, "events": [[99]], "lost": [], "now": [1, 2]}
        ),
        messages.pack({"id": 2, "ask": 2, "do": "open", "spec": ["../../etc", "s", "k", "clear", 1, ""], "at_once": 1}),
    ],
)
def test_a_relay_that_says_what_it_cannot_mean_ends_nothing_but_itself(tmp_path, said):
    """A relay taken over by a stranger: its recordings are let go as they stand, and nothing else is touched."""
    shelf = Shelf()
    here, thread = desk(tmp_path, shelf)
    assert open_one(here)["tell"] == "opened"
    here.sendall(said)
    here.shutdown(socket.SHUT_WR)
    thread.join(30)
    assert not thread.is_alive()
    here.close()
    assert sorted(path.name for path in (tmp_path / "recordings").iterdir()) == ["rec-1"]
    assert close_abandoned(tmp_path, "rec-1", lambda: FileKeys(tmp_path), SystemClock(), Disk())
    assert verify(tmp_path / "recordings" / "rec-1").exit_code == 0


def test_what_was_handed_over_is_written_when_the_relay_is_gone(tmp_path):
    """A relay that was killed costs what it had gathered since the last second, not what it had handed on."""
    here, thread = desk(tmp_path, Shelf())
    open_one(here)
    tape = Tape()
    tape.opened(SOUND, time.monotonic_ns())
    for number in range(50):
        tape.keep((1, synthetic.rtp(111, number, number * 960, SOUND.ssrc, bytes(80)), time.monotonic_ns()))
    gathered = tape.cut(Reading.of(SystemClock()))
    head, data = {"at": None, **messages.of_gathered(gathered)}, b"".join(laid_out(gathered.packets))
    here.sendall(messages.pack({"id": 1, "do": "write", **head}, data) + data)
    here.close()
    thread.join(30)
    assert numbers(tmp_path) == list(range(50))


async def test_what_has_no_place_on_the_shelf_goes_over_the_socket(tmp_path, writers, monkeypatch):
    """More recordings than places, and more packets than a place holds, are recorded all the same."""
    monkeypatch.setattr("recordings.shelf.PLACE_BYTES", 4096)
    monkeypatch.setattr("recordings.shelf.PLACES", 1)
    source, recorders = Recorders(writers, SystemClock(), tick=0.05), []
    for name in ("rec-1", "rec-2"):
        heard = Heard()
        recorder = await source.arm(spec(name), **heard.callbacks)
        recorder.opened(SOUND)
        send(recorder, 0, 200)
        await until(lambda heard=heard: len(heard.durable) > 2, 30)
        recorders.append(recorder)
    for recorder in recorders:
        await recorder.close("ended")
    for name in ("rec-1", "rec-2"):
        assert verify(tmp_path / "recordings" / name).exit_code == 0
    assert numbers(tmp_path) == list(range(200))


def test_a_relay_that_changes_what_it_put_down_cannot_make_a_record_that_does_not_fit_itself(tmp_path):
    """Signed, sealed and counted is one copy: a relay taken over may lie about packets, not about what was signed."""
    shelf, stop = Shelf(), threading.Event()
    here, thread = desk(tmp_path, shelf)
    open_one(here)
    place = shelf.take_place()

    def scribble():
        while not stop.is_set():
            os.pwrite(shelf.fd, os.urandom(4000), place * PLACE_BYTES)

    scribbling = threading.Thread(target=scribble)
    scribbling.start()
    for second in range(20):
        tape = Tape()
        if not second:
            tape.opened(SOUND, time.monotonic_ns())
        for number in range(200):
            tape.keep((1, synthetic.rtp(111, number, number * 960, SOUND.ssrc, bytes(80)), time.monotonic_ns()))
        gathered = tape.cut(Reading.of(SystemClock()))
        at = shelf.put(place, gathered.packets)
        here.sendall(messages.pack({"id": 1, "do": "write", "at": at, **messages.of_gathered(gathered)}))
        assert here.recv(65536)
    stop.set()
    scribbling.join()
    here.close()
    thread.join(30)
    assert close_abandoned(tmp_path, "rec-1", lambda: FileKeys(tmp_path), SystemClock(), Disk())
    found = verify(tmp_path / "recordings" / "rec-1")
    assert (found.exit_code, found.frames) == (0, 20)


async def test_a_recording_that_ended_leaves_its_place_to_the_next(writers):
    """Sessions come and go for months in one process."""
    source = Recorders(writers, SystemClock(), tick=0.05)
    for number in range(3):
        recorder = await source.arm(spec(f"rec-{number}"), **Heard().callbacks)
        taken = writers.free_places
        await (recorder.close("ended") if number else recorder.fence())
        assert writers.free_places == taken + 1


async def test_a_place_is_not_written_again_before_what_lies_there_is_on_disk(tmp_path, writers):
    """Seconds handed over without waiting, all of one shape: each is kept as it was."""
    writer = await writers.open(spec(), 1)
    heard = []

    class News:
        def written(self, written):
            heard.append(written)

    writer.listen(News())
    for second in range(30):
        tape = Tape()
        if not second:
            tape.opened(SOUND, time.monotonic_ns())
        for number in range(10 * second, 10 * second + 10):
            tape.keep((1, synthetic.rtp(111, number, number * 960, SOUND.ssrc, bytes(80)), time.monotonic_ns()))
        writer.hand(tape.cut(Reading.of(SystemClock())))
    await until(lambda: len(heard) == 30, 30)
    assert numbers(tmp_path) == list(range(300))
