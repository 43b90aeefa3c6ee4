"""Datagrams and frames sorted by their first byte, whatever they hold and however they are cut."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import FakeClock
from media.counters import Counters, Histogram
from media.endpoint import Demultiplexer
from media.tcp import Connection, TcpPort

KNOWN, UNKNOWN = ("192.0.2.1", 1), ("192.0.2.2", 2)


class Taker:
    """Notes what reaches it."""

    def __init__(self) -> None:
        self.buffer = bytearray(2048)
        self.taken: list[str] = []
        self.frames: list[bytes] = []

    def media(self, peer: Any, length: int, now_ns: int) -> None:
        self.taken.append("media")

    def handshake(self, peer: Any, length: int, address: Any) -> None:
        self.taken.append("handshake")

    def stray(self, length: int, port: Any, address: Any, now_ns: int) -> None:
        self.taken.append("stray")

    def check(self, length: int, port: Any, address: Any) -> None:
        self.taken.append("check")
        self.frames.append(bytes(self.buffer[:length]))

    def flush(self) -> None:
        return


class Peer:
    inbound = object()


def port() -> tuple[Demultiplexer, Taker]:
    taker = Taker()
    made = Demultiplexer(taker, FakeClock(datetime(2026, 1, 1, tzinfo=UTC)), Counters())
    made.peers[KNOWN] = Peer()
    return made, taker


def give(made: Demultiplexer, taker: Taker, data: bytes, address: Any = KNOWN) -> None:
    data = data[:2048]
    taker.buffer[: len(data)] = data
    made.take(len(data), address)


@pytest.mark.parametrize(
    ("first", "expected"),
    [(0, "check"), (3, "check"), (4, None), (19, None), (20, "handshake"), (63, "handshake"), (64, None),
     (127, None), (128, "media"), (191, "media"), (192, None), (255, None)],
)  # fmt: skip
def test_the_first_byte_decides(first: int, expected: str | None) -> None:
    """The ranges of RFC 7983."""
    made, taker = port()
    give(made, taker, bytes((first,)) + bytes(20))
    assert taker.taken == ([expected] if expected else [])


@given(st.binary(max_size=1600), st.booleans())
def test_every_datagram_is_taken_or_counted(data: bytes, known: bool) -> None:
    """Nothing is raised; what is not handed on has a reason; strangers get no further than a look."""
    made, taker = port()
    give(made, taker, data, KNOWN if known else UNKNOWN)
    assert len(taker.taken) + sum(made.counters.dropped.values()) == 1
    if not known:
        assert taker.taken in ([], ["check"], ["stray"])


class Transport:
    """A TCP connection of which only the end is of interest."""

    def __init__(self) -> None:
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted

    def get_write_buffer_size(self) -> int:
        return 0


def connection() -> tuple[Connection, Taker, Transport]:
    taker = Taker()
    made = TcpPort(taker, None, FakeClock(datetime(2026, 1, 1, tzinfo=UTC)), Counters())
    opened = Connection(made)
    transport = Transport()
    opened._transport, opened._address = transport, KNOWN
    return opened, taker, transport


@given(st.lists(st.binary(min_size=12, max_size=200), max_size=8), st.lists(st.integers(1, 50), min_size=1))
def test_frames_arrive_whole_however_they_are_cut(frames: list[bytes], cuts: list[int]) -> None:
    """RFC 4571 frames come out as they went in, for every segmentation of the stream."""
    opened, taker, _ = connection()
    frames = [b"\0" + frame for frame in frames]
    stream = b"".join(len(frame).to_bytes(2, "big") + frame for frame in frames)
    at = turn = 0
    while at < len(stream):
        opened.data_received(stream[at : at + cuts[turn % len(cuts)]])
        at, turn = at + cuts[turn % len(cuts)], turn + 1
    assert taker.frames == frames


@given(st.binary(max_size=4000))
def test_any_stream_is_framed_or_cut(stream: bytes) -> None:
    """Garbage ends the connection or waits for more; what waits is bounded."""
    opened, _, transport = connection()
    opened.data_received(stream)
    assert transport.aborted or len(opened._pending) <= 1502


def test_counters_are_prometheus_text() -> None:
    """Each drop carries its reason, the histogram is cumulative."""
    counters = Counters()
    counters.dropped["foreign"] += 2
    counters.delay_ms.add(0.3)
    counters.delay_ms.add(400.0)
    text = counters.text({"sessions": 1})
    assert 'yuanjian_media_dropped_total{reason="foreign"} 2' in text
    assert 'yuanjian_media_forward_delay_milliseconds_bucket{le="0.5"} 1' in text
    assert 'yuanjian_media_forward_delay_milliseconds_bucket{le="+Inf"} 2' in text
    assert "yuanjian_media_sessions 1" in text


def test_quantiles_are_upper_bounds() -> None:
    """The bound of the bucket in which that share lies."""
    histogram = Histogram((1.0, 2.0))
    assert histogram.quantile(0.5) == 0
    for value in (0.5, 1.5, 1.6, 9.0):
        histogram.add(value)
    assert histogram.quantile(0.5) == 2.0
    assert histogram.quantile(1.0) == float("inf")
