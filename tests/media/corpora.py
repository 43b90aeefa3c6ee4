"""What real browsers and encoders sent, kept as fixtures, and ways to bend it.

``corpus/KIND.txt`` holds a datagram a line, ``name: hex``; lines that begin with ``#`` say where they are from. Media
are a test picture and a test tone; credentials and keys were of one call on loopback.
"""

from collections.abc import Callable
from pathlib import Path

from hypothesis import strategies as st

CORPUS, OFFERS = Path(__file__).parent / "corpus", Path(__file__).parent / "offers"
KINDS = ("stun", "dtls", "rtp", "rtcp", "tcp")


def corpus(kind: str) -> dict[str, bytes]:
    """Samples of one kind by name."""
    lines = (CORPUS / f"{kind}.txt").read_text("ascii").splitlines()
    pairs = (line.split(": ") for line in lines if line and not line.startswith("#"))
    return {name: bytes.fromhex(data) for name, data in pairs}


def offers() -> dict[str, str]:
    """Session descriptions by name."""
    return {path.stem: path.read_bytes().decode() for path in sorted(OFFERS.glob("*.sdp"))}


def _flip(data: bytes, at: int, value: int, _: bytes) -> bytes:
    at %= len(data) or 1
    return data[:at] + bytes((data[at] ^ (value & 0xFF or 1),)) + data[at + 1 :] if data else data


def _cut(data: bytes, at: int, value: int, _: bytes) -> bytes:
    at %= len(data) + 1
    return data[:at] + data[at + value % 40 :]


def _end(data: bytes, at: int, value: int, _: bytes) -> bytes:
    return data[: at % (len(data) + 1)]


def _twice(data: bytes, at: int, value: int, _: bytes) -> bytes:
    at %= len(data) + 1
    return data[: at + value % 40] + data[at:]


def _number(data: bytes, at: int, value: int, _: bytes) -> bytes:
    """Some two bytes become the length or count that they might be, at its extremes."""
    at = at % (len(data) // 2 + 1) * 2
    extreme = (0, 1, 3, 0x7FFF, 0x8000, 0xFFFC, 0xFFFF, len(data))[value % 8]
    return data[:at] + extreme.to_bytes(2, "big") + data[at + 2 :]


def _splice(data: bytes, at: int, value: int, other: bytes) -> bytes:
    return data[: at % (len(data) + 1)] + other[value % (len(other) + 1) :]


BENDS: tuple[Callable[[bytes, int, int, bytes], bytes], ...] = (_flip, _cut, _end, _twice, _number, _splice)


@st.composite
def bent(draw: st.DrawFn, *kinds: str, most: int = 1500) -> bytes:
    """A sample of one of ``kinds``, as it is or bent up to four times, of at most ``most`` bytes."""
    pool = [data for kind in kinds for data in corpus(kind).values()]
    data = draw(st.sampled_from(pool))
    for _ in range(draw(st.integers(0, 4))):
        bend = draw(st.sampled_from(BENDS))
        data = bend(data, draw(st.integers(0, 1500)), draw(st.integers(0, 0xFFFF)), draw(st.sampled_from(pool)))
    return data[:most]


@st.composite
def bent_offer(draw: st.DrawFn) -> str:
    """A description whose lines are missing, repeated, exchanged or rewritten here and there."""
    lines = draw(st.sampled_from(list(offers().values()))).split("\r\n")
    for _ in range(draw(st.integers(1, 6))):
        at, other = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines) - 1))
        match draw(st.integers(0, 5)):
            case 0:
                del lines[at]
            case 1:
                lines.insert(other, lines[at])
            case 2:
                lines[at], lines[other] = lines[other], lines[at]
            case 3:
                lines[at] = lines[at][: draw(st.integers(0, 30))] + draw(st.text(max_size=8)) + lines[at][other:]
            case 4:
                words = lines[at].split(" ")
                words[other % len(words)] = draw(
                    st.sampled_from(["", "0", "-1", "65536", "4294967296", "255", "x", "a=mid:0"])
                )
                lines[at] = " ".join(words)
            case _:
                lines = [*lines[:at], *lines[other:]] or [""]
    return "\r\n".join(lines)
