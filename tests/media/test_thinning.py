"""Frames of higher temporal layers are left out for a weak line, and numbers have no hole."""

from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from media.routing import Flow
from media.thinning import Thinning, has_layers, temporal


def frame(layer: int, *, alone: bool = False, key: bool = False, begins: bool = True) -> bytes:
    """A payload with picture id, TL0PICIDX and TID; ``alone`` sets Y."""
    head = (0x90 if begins else 0x80, 0xE0, 0x81, 0x02, 7, layer << 6 | (0x20 if alone else 0))
    return bytes((*head, 0 if key else 1, 0))


def passed(thinning: Thinning, *payloads: bytes) -> list[bool]:
    return [thinning.passes(payload) for payload in payloads]


def test_only_the_lowest_layer_is_left() -> None:
    """Every packet of a higher layer's frame is left out, sync or not; without layers nothing is."""
    thinning = Thinning()
    frames = [frame(0), frame(2), frame(1, alone=True), frame(1, begins=False), frame(0), frame(0, key=True)]
    assert passed(thinning, *frames) == [True, False, False, False, True, True]
    assert passed(thinning, bytes((0x10, 1, 0)), b"") == [True, True]
    assert not thinning.over


def test_a_layer_comes_back_at_a_frame_that_needs_the_lowest_alone() -> None:
    """Not in the middle of a dependency, nor in the middle of a frame; the higher one after the lower one."""
    thinning = Thinning()
    passed(thinning, frame(0), frame(2), frame(1), frame(2))
    thinning.base_only = False
    assert passed(thinning, frame(1), frame(1, alone=True, begins=False), frame(2)) == [False] * 3
    assert passed(thinning, frame(1, alone=True), frame(1, begins=False), frame(1)) == [True] * 3
    assert not thinning.over
    assert passed(thinning, frame(2), frame(2, alone=True), frame(2)) == [False, True, True]
    assert thinning.over


def test_a_keyframe_brings_all_layers_back() -> None:
    """After a keyframe nothing earlier is needed."""
    thinning = Thinning()
    passed(thinning, frame(0), frame(2))
    thinning.base_only = False
    assert passed(thinning, frame(2), frame(0, key=True), frame(2)) == [False, True, True]
    assert thinning.over


def test_a_sender_without_layers_has_none() -> None:
    """Only a TID above zero counts, and only where the T bit says that there is one."""
    assert has_layers([frame(0), frame(1)])
    assert not has_layers([frame(0), b"", bytes((0x90, 0x10, 0xFF, 0))])


@given(st.binary(max_size=12))
def test_any_payload_has_a_layer(payload: bytes) -> None:
    """Nothing raises, and what is unreadable counts as the lowest layer."""
    assert 0 <= temporal(payload)[0] <= 3


@dataclass
class Stream:
    """A source that has received up to ``sequence``."""

    sequence: int = 0
    timestamp: int = 0
    packets: int = 0
    octets: int = 0
    peer: Any = None


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(0, 0xFFFF))
def test_numbers_have_no_hole_and_each_is_found_again(kept: list[bool], first: int) -> None:
    """Whatever is left out, ours count up by one, each leads back to its packet, and totals count what was sent."""
    flow = Flow(kind="video", ssrc=1, payload_type=96, clock_rate=90_000, sequence=65_530, timestamp=0, peer=None)
    stream = Stream(first)
    flow.begin(stream, first, 0, 0)
    sent: list[tuple[int, int]] = []
    for index, keep in enumerate(kept):
        stream.sequence = theirs = (first + index) & 0xFFFF
        stream.packets += 1
        stream.octets += 10
        if keep:
            sent.append(((theirs + flow.sequence_offset) & 0xFFFF, theirs))
        else:
            flow.skip(theirs, 10)
    assert [ours for ours, _ in sent] == [(65_530 + index) & 0xFFFF for index in range(len(sent))]
    assert flow.totals() == (len(sent), 10 * len(sent))
    for ours, theirs in sent:
        run = flow.find(ours)
        assert run is not None
        assert run.theirs(ours) == theirs
    flow.leave(0)
    flow.begin(stream, 5, 0, 0)
    assert (5 + flow.sequence_offset) & 0xFFFF == (65_530 + len(sent)) & 0xFFFF
