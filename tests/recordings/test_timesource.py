"""By how much a clock is wrong, as an NTP server says."""

import socket
import threading
from datetime import UTC, datetime

import pytest

from core.clock import FakeClock
from recordings.timesource import offset_of, time_server_offset

NONCE = b"nonce 08"
SENT = 1_800_000_000_000_000_000


def answer(ahead: float = 0.0, *, head: int = 0x24, stratum: int = 2, nonce: bytes = NONCE) -> bytes:
    """Of a server by which the asking clock is ``ahead``."""
    there = int((SENT / 1e9 + 2_208_988_800 - ahead) * (1 << 32)) % (1 << 64)
    return bytes([head, stratum]) + bytes(22) + nonce + there.to_bytes(8, "big") * 2


@pytest.mark.parametrize("ahead", [0.0, 2.5, -86_400.0])
def test_the_offset_is_signed_seconds(ahead: float) -> None:
    """Ahead is positive; half of the way there and back is taken off."""
    assert offset_of(answer(ahead), NONCE, SENT - 10_000_000, SENT + 10_000_000) == pytest.approx(ahead, abs=1e-3)


@pytest.mark.parametrize(
    "sent",
    [b"", answer()[:47], answer(nonce=b"another!"), answer(head=0x23), answer(head=0xE4), answer(stratum=0),
     answer(stratum=16)],
)  # fmt: skip
def test_what_nobody_trustworthy_says_is_unknown(sent: bytes) -> None:
    """Cut short, for another question, no server, not synchronised itself: no offset."""
    assert offset_of(sent, NONCE, SENT, SENT) is None


def test_a_server_is_asked_and_a_silent_one_is_unknown() -> None:
    """Over UDP on loopback: the answer to the question asked, then nothing."""
    clock = FakeClock(datetime.fromtimestamp(SENT / 1e9, UTC))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{server.getsockname()[1]}"

        def serve() -> None:
            asked, who = server.recvfrom(512)
            server.sendto(answer(3.0, nonce=asked[40:48]), who)

        thread = threading.Thread(target=serve)
        thread.start()
        assert time_server_offset(place, clock, timeout=10) == pytest.approx(3.0, abs=1e-3)
        thread.join()
        assert time_server_offset(place, clock, timeout=0.05) is None
    assert time_server_offset("not a place:port", clock) is None
