"""Numbers of a flow stay continuous whatever happens to its sources."""

from dataclasses import dataclass

import pytest

from media.routing import Flow, may_flow

SECOND = 1_000_000_000


@dataclass
class Source:
    sequence: int = 0
    timestamp: int = 0
    packets: int = 0
    octets: int = 0
    peer: object = None


def flow(sequence: int = 100, timestamp: int = 5000) -> Flow:
    return Flow(
        kind="video", ssrc=1, payload_type=96, clock_rate=90_000, sequence=sequence, timestamp=timestamp, peer=None
    )


def numbers(one: Flow, sequence: int, timestamp: int) -> tuple[int, int]:
    return (sequence + one.sequence_offset) & 0xFFFF, (timestamp + one.timestamp_offset) & 0xFFFFFFFF


def test_the_first_packet_gets_the_flows_own_numbers() -> None:
    """Nothing of the source's numbers shines through."""
    one = flow()
    one.begin(Source(), 65535, 777, 0)
    assert numbers(one, 65535, 777) == (100, 5000)
    assert numbers(one, 0, 777) == (101, 5000)


def test_a_hold_leaves_no_hole_in_numbers_but_passes_time() -> None:
    """After two seconds off, the next number follows and the timestamp moved by two seconds."""
    one, source = flow(), Source()
    one.begin(source, 10, 0, 0)
    source.sequence, source.timestamp = 12, 6000
    one.leave(SECOND)
    source.sequence, source.timestamp = 500, 186_000
    one.begin(source, 501, 186_000, 3 * SECOND)
    assert numbers(one, 501, 186_000) == (103, 5000 + 6000 + 180_000)


def test_another_source_goes_on_under_the_same_numbers() -> None:
    """A publisher that reconnects with other numbers is not noticed."""
    one, source = flow(), Source()
    one.begin(source, 0, 0, 0)
    source.sequence, source.timestamp = 9, 27_000
    one.leave(SECOND)
    other = Source(40_000, 3_000_000_000)
    one.begin(other, 40_000, 3_000_000_000, SECOND + 33_333_334)
    assert numbers(one, 40_000, 3_000_000_000) == (110, 5000 + 27_000 + 3000)


def test_an_old_number_is_found_in_the_run_that_sent_it() -> None:
    """A NACK for a packet of an earlier source still names source and number."""
    one, source, other = flow(), Source(), Source()
    one.begin(source, 0, 0, 0)
    source.sequence = 9
    one.leave(0)
    one.begin(other, 700, 0, 1)
    run = one.find(105)
    assert run is not None
    assert run.source is source
    assert run.theirs(105) == 5
    later = one.find(112)
    assert later is not None
    assert later.source is other
    assert later.theirs(112) == 702
    assert one.find(99) is None


def test_packets_from_before_the_run_are_not_late_but_foreign() -> None:
    """A reordered packet that was never to be forwarded is refused."""
    one = flow()
    one.begin(Source(), 50, 0, 0)
    assert one.accepts_late(55)
    assert not one.accepts_late(49)


def test_totals_count_what_ran() -> None:
    """Packets and octets are those of the runs, not of the pauses."""
    one, source = flow(), Source(packets=10, octets=1000)
    one.begin(source, 1, 0, 0)
    source.packets, source.octets = 15, 1500
    one.leave(0)
    source.packets, source.octets = 99, 9999
    assert one.totals() == (5, 500)


def test_packets_before_the_keyframe_are_counted_once() -> None:
    """Those between the wait and the packet a run begins with, whatever the run then sends."""
    one, source = flow(), Source(packets=10)
    assert one.wait_for(source) == 0
    source.packets = 17
    assert one.wait_for(source) == 0
    source.packets = 20
    one.begin(source, 1, 0, 0)
    one.packet_mark -= 2
    assert one.wait_for(None) == 8
    source.packets = 30
    assert one.wait_for(source) == 0
    assert one.wait_for(None) == 0


def test_packets_of_a_wait_that_ends_without_a_keyframe_are_counted() -> None:
    """The stream is closed or another is wanted: what came of it meanwhile was passed over."""
    one, source, other = flow(), Source(packets=10), Source(packets=100)
    one.wait_for(source)
    source.packets = 13
    assert one.wait_for(other) == 3
    other.packets = 105
    assert one.wait_for(None) == 5


def test_a_replay_from_before_the_wait_passes_nothing_over() -> None:
    """What the ring still had was sent too."""
    one, source = flow(), Source(packets=10)
    one.wait_for(source)
    one.begin(source, 1, 0, 0)
    one.packet_mark -= 10
    assert one.wait_for(None) == 0


@pytest.mark.parametrize("forwarding", [False, True])
@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("silenced", [False, True])
def test_a_route_is_open_only_when_everything_agrees(forwarding: bool, broken: bool, silenced: bool) -> None:
    """Told to forward, with a sound recorder, not silenced: only then."""
    expected = forwarding and not broken and not silenced
    assert may_flow(forwarding=forwarding, recorder_broken=broken, silenced=silenced) is expected
