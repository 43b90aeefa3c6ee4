"""How what was gathered lies in the file."""

from datetime import UTC, datetime

import pytest
import synthetic

from recordings import pcapng
from recordings.blocks import SEGMENT_MS, Blocks
from recordings.pcapng import Section
from recordings.recovery import Origin
from recordings.scratch import KEPT, LEAST
from recordings.tape import Kind, Tape
from recordings.timesource import Reading

SOUND = synthetic.track(1, "audio", "opus")
PICTURE = synthetic.track(2, "video", "vp8")
FIRST = Origin("boot", 5_000_000, 1_700_000_000_000_000_000, 0)


def at(seconds: float) -> Reading:
    return Reading(FIRST.mono_ns + round(seconds * 1e9), datetime(2026, 11, 26, tzinfo=UTC))


def packet(track, number, size=80):
    return synthetic.rtp(track.payload_type, number, number * 960, track.ssrc, bytes([number % 256]) * size)


def data_of(batch) -> bytes:
    return bytes(batch.data[: batch.length])


def read(batch):
    """Interface, arrival, packet and whether it is a report."""
    return [(p.interface, p.at_ns - FIRST.utc_ns, p.data, p.is_report) for p in pcapng.packets(data_of(batch))]


@pytest.mark.parametrize("size", [*range(9), 1188, 1472])
@pytest.mark.parametrize("number", [1, 65_535, 0xFFFFFE])
def test_a_packet_lies_as_its_section_writes_it(size, number):
    """The one call of the packing loop makes the block that a section makes, whatever length and track."""
    track, data = synthetic.track(number, "audio", "opus"), bytes(range(128)) * 12
    tape, section = Tape(), Section()
    tape.opened(track, FIRST.mono_ns)
    tape.keep((number, data[:size], 77))
    expected = section.interface(track) + section.rtp(number, FIRST.to_utc_ns(77), data[:size])
    assert data_of(Blocks(FIRST, 0).of(tape.cut(at(1)))) == expected


@pytest.mark.parametrize("number", [1, 2, 255, 65_535, 0xFFFFFE, 0xFFFFFF])
@pytest.mark.parametrize("size", [0, 12, 483, 1200, 1472])
def test_each_header_carries_its_checksum(number, size):
    """The one's complement sum over an IPv4 header with its checksum is all ones (RFC 1071)."""
    section = Section()
    section.interface(synthetic.track(number, "audio", "opus"))
    for block in (section.rtp(number, 5, bytes(size)), section.report(number, 5, bytes(size))):
        words = [int.from_bytes(block[at : at + 2], "big") for at in range(28, 48, 2)]
        total = sum(words)
        assert (total & 0xFFFF) + (total >> 16) == 0xFFFF
        assert words[1] == size + 28


def test_packets_reports_and_losses_are_counted_and_packets_of_unknown_tracks_left_out():
    """Times of the first and last packet, counts per track; a report goes to the odd port and counts as no packet."""
    tape, blocks = Tape(), Blocks(FIRST, 0)
    tape.opened(SOUND, FIRST.mono_ns)
    one, two, report = packet(SOUND, 1), packet(SOUND, 2), pcapng.sender_report(SOUND.ssrc, 7, 8)
    for data, when in ((one, 10), (two, 20), (report, 30)):
        tape.keep((1, data, FIRST.mono_ns + when))
    tape.keep((9, packet(PICTURE, 1), FIRST.mono_ns + 40))
    tape.lost(1, 3)
    tape.closed(1, FIRST.mono_ns + 50)
    batch = blocks.of(tape.cut(at(1)))
    assert read(batch) == [(0, 10, one, False), (0, 20, two, False), (0, 30, report, True)]
    assert (batch.seen, batch.first_ns, batch.last_ns) == ({1: [2, 3]}, FIRST.mono_ns + 10, FIRST.mono_ns + 20)
    assert [event[0] for event in batch.events] == [Kind.OPENED, Kind.CLOSED]
    tape.keep((1, packet(SOUND, 3), FIRST.mono_ns + 60))
    after = blocks.of(tape.cut(at(2)))
    assert (after.length, after.seen, after.first_ns) == (0, {}, None)


def test_a_segment_ends_after_a_minute_and_the_next_names_its_tracks_anew():
    """Interfaces are numbered per segment; one whose track is closed is not named again."""
    tape, blocks = Tape(), Blocks(FIRST, 0)
    tape.opened(SOUND, FIRST.mono_ns)
    tape.opened(PICTURE, FIRST.mono_ns)
    assert not blocks.of(tape.cut(at(SEGMENT_MS / 1000 - 0.002))).last
    tape.closed(SOUND.number, FIRST.mono_ns)
    assert blocks.of(tape.cut(at(SEGMENT_MS / 1000))).last
    tape.keep((2, packet(PICTURE, 1), FIRST.mono_ns))
    batch = blocks.of(tape.cut(at(SEGMENT_MS / 1000 + 1)))
    assert [item["track"] for item in pcapng.interfaces(data_of(batch))] == [2]
    assert [interface for interface, *_ in read(batch)] == [0]


def test_the_same_packets_are_written_for_another_take_by_its_clock():
    """After a failed write what was gathered is made into blocks once more, as a segment of its own."""
    tape = Tape()
    for number in range(50):
        tape.keep((2, packet(PICTURE, number, number * 20), FIRST.mono_ns + number))
    gathered = tape.cut(at(2))
    first = read(Blocks(FIRST, 0, [PICTURE]).of(gathered))
    later = Origin("boot", FIRST.mono_ns, FIRST.utc_ns + 1_000, 0)
    again = read(Blocks(later, 0, [PICTURE]).of(gathered))
    assert [(interface, when + 1_000, data, odd) for interface, when, data, odd in first] == again
    assert len(again) == 50


def test_a_buffer_that_grew_large_is_let_go():
    """What a standing disk made grow does not stay for the rest of the session."""
    tape, blocks = Tape(), Blocks(FIRST, 0, [SOUND])
    for number in range(KEPT // 1400 + 1):
        tape.keep((1, packet(SOUND, number, 1400), number))
    assert len(blocks.of(tape.cut(at(1))).data) > KEPT
    assert len(blocks.of(tape.cut(at(2))).data) == LEAST


def test_without_media_only_what_happens_is_kept():
    """An attendance recording takes no packet, whoever gives it one."""
    tape = Tape()
    tape.opened(SOUND, 1)
    tape.keep((1, packet(SOUND, 1), 2))
    batch = Blocks(FIRST, 0, media=False).of(tape.cut(at(120)))
    assert (batch.length, len(batch.events), batch.seen, batch.last) == (0, 1, {}, False)
