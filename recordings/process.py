"""The recorder process: what the relay of one machine gathers is written here. Run as ``python -m recordings.process``.

It is started by ``recordings.remote`` with one end of a socket pair and the ``shelf``. It ends with that socket: what
was handed over before is still written, and the recordings are let go. It heeds no signal to stop: the relay stops
first, and knows when.
"""

import gc
import signal
import socket
import sys
import threading
from concurrent.futures import Future
from typing import Any

import structlog

from core.clock import SystemClock
from core.logs import configure
from media.ports import RecorderUnavailable, RecordingSpec, Track
from recordings import messages
from recordings.config import RecorderSettings
from recordings.keys import FileKeys
from recordings.messages import Head, MessageError, Splitter
from recordings.preflight import Terms
from recordings.shelf import Pickup, packets_of
from recordings.tape import Gathered
from recordings.timesource import known_offset
from recordings.timestamps import HttpAuthority
from recordings.writer import ThreadWriter, ThreadWriters
from recordings.writing import Written

log = structlog.get_logger()

RECEIVED = 256 << 10
"""Bytes taken from the socket at once."""


class Desk:
    """Serves one relay on a socket until that is closed."""

    def __init__(self, sock: socket.socket, shelf: Pickup, writers: ThreadWriters) -> None:
        self._sock = sock
        self._shelf = shelf
        self._writers = writers
        self._live: dict[int, ThreadWriter] = {}
        self._received = memoryview(bytearray(RECEIVED))
        self._speaking = threading.Lock()
        """Held while a message is sent: every writer's thread tells its own."""

    def serve(self) -> None:
        """Blocks until the relay is gone and what it handed over is written."""
        splitter = Splitter()
        try:
            while data := self._receive():
                for message in splitter.feed(data):
                    self._take(*message)
        except Exception:  # whatever it says, what it handed over before is still written
            log.exception("a relay said what it cannot mean")
        finally:
            self._sock.close()
            for writer in list(self._live.values()):
                writer.end()

    def say(self, head: Head) -> None:
        """Tell the relay; one that is gone is not told."""
        self.send(messages.pack(head))

    def send(self, message: bytes) -> None:
        """Send a packed message; to a relay that is gone, nothing."""
        try:
            with self._speaking:
                self._sock.sendall(message)
        except OSError:
            pass

    def _receive(self) -> memoryview:
        """What came, good until the next call; nothing when the relay is gone."""
        try:
            return self._received[: self._sock.recv_into(self._received)]
        except OSError:
            return self._received[:0]

    def _take(self, head: Head, data: bytes) -> None:
        number = head["id"]
        if head["do"] == "open":
            opening = (number, head["ask"], messages.spec_of(head["spec"]), head["at_once"])
            threading.Thread(target=self._open, args=opening, name="recorder-open", daemon=True).start()
            return
        writer = self._live.get(number)
        if writer is None:
            if "ask" in head:  # it ended while this was on its way
                self.say({"id": number, "ask": head["ask"], "tell": "ended", "closing": None})
            return
        match head["do"]:
            case "write":
                writer.hand(self._gathered(head, data))
            case "fail":
                writer.fail(head["code"], head["since"])
            case "close":
                self._answer(head, writer.close(head["reason"], self._gathered(head, data)))
            case "suspend":
                self._answer(head, writer.suspend(self._gathered(head, data)))
            case "fence":
                self._answer(head, writer.fence())
            case other:
                raise MessageError(f"to do {other!r}")

    def _gathered(self, head: Head, data: bytes) -> Gathered:
        (count, size), at = head["packets"], head["at"]
        packets = packets_of(data, 0, count, size) if at is None else self._shelf.packets(at, count, size)
        return messages.gathered_of(head, packets)

    def _open(self, number: int, ask: int, spec: RecordingSpec, at_once: int) -> None:
        answer = {"id": number, "ask": ask}
        try:
            writer = self._writers.open_now(spec, at_once)
        except RecorderUnavailable as error:
            self.say({**answer, "tell": "unavailable", "code": error.code})
        except Exception:
            log.exception("a recording could not be opened")
            self.say({**answer, "tell": "unavailable", "code": "internal"})
        else:
            writer.listen(_Teller(self, number))
            self._live[number] = writer
            self.say({**answer, "tell": "opened", "take": writer.take, "last_entry": writer.last_entry})

    def _answer(self, head: Head, future: "Future[Any]") -> None:
        """Say how it ended; a writer that answered has let go of its recording."""
        answer = {"id": head["id"], "ask": head["ask"]}

        def ended(done: "Future[Any]") -> None:
            self._live.pop(head["id"], None)
            error = done.exception()
            if isinstance(error, RecorderUnavailable):
                self.say({**answer, "tell": "unavailable", "code": error.code})
            else:
                self.say({**answer, "tell": "ended", "closing": messages.of_closing(done.result())})

        future.add_done_callback(ended)


class _Teller:
    """Tells the relay the news of one writer."""

    def __init__(self, desk: Desk, number: int) -> None:
        self._desk = desk
        self._number = number

    def written(self, written: Written) -> None:
        self._desk.send(messages.pack_written(self._number, written))

    def gap(self, track: Track, from_ms: int, to_ms: int, cause: str) -> None:
        said = {"track": messages.of_track(track), "from": from_ms, "to": to_ms, "cause": cause}
        self._desk.say({"id": self._number, "tell": "gap", **said})

    def failed(self, code: str) -> None:
        self._desk.say({"id": self._number, "tell": "failed", "code": code})


def _authority(settings: RecorderSettings) -> HttpAuthority | None:
    if not settings.timestamp_url or settings.timestamp_certificate is None:
        return None
    return HttpAuthority(settings.timestamp_url, settings.timestamp_certificate.read_bytes())


def writers_of(settings: RecorderSettings) -> ThreadWriters:
    """What opens recordings under these settings."""
    clock = SystemClock()
    offset = known_offset(settings.time_server, clock)
    return ThreadWriters(
        settings.data_dir,
        lambda: FileKeys(settings.data_dir),
        clock,
        bytes_per_second=settings.bytes_per_second,
        authority=_authority(settings),
        terms=Terms(settings.reserve, offset, settings.clock_limit),
    )


def main(arguments: list[str]) -> None:
    """Serve the socket whose descriptor is the first argument; the second is that of the shelf, the third are the
    settings."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    configure("recorder")
    gc.freeze()  # what the imports left behind is never garbage
    sock, shelf, settings = arguments
    Desk(socket.socket(fileno=int(sock)), Pickup(int(shelf)), writers_of(RecorderSettings.parse(settings))).serve()


if __name__ == "__main__":
    main(sys.argv[1:])
