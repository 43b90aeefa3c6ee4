"""A UDP port takes what waits, and asks for no more than that where the answer would be nothing."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from core.clock import SystemClock
from media.counters import Counters
from media.endpoint import UdpPort

SOUND, PART, LAST = (80, 0x6F), (900, 0x60), (900, 0xE0)
"""Size and second byte of sound, of a picture's packet, and of its last one."""


class Peer:
    inbound = object()


class Taker:
    """Counts wake-ups that forwarded, and what each took."""

    def __init__(self) -> None:
        self.buffer = bytearray(2048)
        self.now: list[int] = []
        self.taken: list[list[int]] = []

    def media(self, peer: Any, length: int, now_ns: int) -> None:
        self.now.append(self.buffer[1])

    def flush(self) -> None:
        self.taken.append(self.now)
        self.now = []


class Asked(socket.socket):
    """Counts how often it was asked for a datagram and had none."""

    nothing = 0

    def recvfrom_into(self, *arguments: Any) -> Any:
        try:
            return super().recvfrom_into(*arguments)
        except BlockingIOError:
            self.nothing += 1
            raise


@pytest.mark.parametrize(
    ("sent", "taken", "nothing"),
    [
        ([SOUND], [[0x6F]], 0),
        ([PART, PART, LAST], [[0x60, 0x60, 0xE0]], 0),
        ([PART], [[0x60]], 1),
        ([LAST, SOUND, PART, LAST], [[0xE0], [0x6F], [0x60, 0xE0]], 0),
    ],
    ids=["sound", "picture", "part-of-a-picture", "several-at-once"],
)
async def test_behind_the_last_of_a_picture_nothing_is_asked_for(sent, taken, nothing):
    """And whatever waits there is taken by the next wake-up, at once."""
    with given(sent) as (port, taker):
        async with asyncio.timeout(20):
            while sum(map(len, taker.taken)) < len(sent):
                await asyncio.sleep(0)
        assert taker.taken == taken
        assert port.sock.nothing == nothing


async def test_a_beat_takes_all_that_waits():
    """While the timer drives nothing wakes the port in between: what it left would wait for the next beat."""
    with given([SOUND, LAST, PART, LAST, SOUND]) as (port, taker):
        port.timer_driven = True
        assert port.drain() == 5
        assert taker.taken == [[0x6F, 0xE0, 0x60, 0xE0, 0x6F]]


@contextmanager
def given(sent: list[tuple[int, int]]) -> Iterator[tuple[UdpPort, Taker]]:
    """A port at which these wait, of a peer it knows."""
    sock, taker = Asked(socket.AF_INET, socket.SOCK_DGRAM), Taker()
    sock.setblocking(False)
    sock.bind(("127.0.0.1", 0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind(("127.0.0.1", 0))
        for size, second in sent:
            far.sendto(bytes((0x80, second)) + bytes(size - 2), sock.getsockname())
        port = UdpPort(sock, taker, SystemClock(), Counters())
        port.peers[far.getsockname()] = Peer()
        yield port, taker
        port.close()
