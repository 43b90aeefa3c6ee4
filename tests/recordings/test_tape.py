"""What is gathered in memory before it is written."""

from datetime import UTC, datetime

import pytest
import synthetic

from recordings import pcapng
from recordings.pcapng import Section
from recordings.recovery import Origin
from recordings.tape import CHUNK, KEPT, SEGMENT_MS, Kind, Tape, restated
from recordings.timesource import Reading

SOUND = synthetic.track(1, "audio", "opus")
PICTURE = synthetic.track(2, "video", "vp8")
FIRST = Origin("boot", 5_000_000, 1_700_000_000_000_000_000, 0)


def at(seconds: float) -> Reading:
    return Reading(FIRST.mono_ns + round(seconds * 1e9), datetime(2026, 11, 26, tzinfo=UTC))


def packet(track, number, size=80):
    return synthetic.rtp(track.payload_type, number, number * 960, track.ssrc, bytes([number % 256]) * size)


def blocks(batch) -> bytes:
    return bytes(batch.data[: batch.length])


def read(batch):
    """Packets and the numbers of the tracks they are of."""
    return [
        (batch.tracks[found.interface].number, found.at_ns, found.data, found.is_report)
        for found in pcapng.packets(blocks(batch))
    ]


@pytest.mark.parametrize("size", [*range(9), 1188, 1472])
@pytest.mark.parametrize("number", [1, 65_535, 0xFFFFFE])
def test_a_packet_lies_on_tape_as_its_section_writes_it(size, number):
    """The one call of the packet path makes the block that a section makes, whatever length and track."""
    track = synthetic.track(number, "audio", "opus")
    tape, section, data = Tape(1, FIRST, 0), Section(), bytes(range(256)) * 6
    tape.opened(track, FIRST.mono_ns)
    tape.rtp(track, data[:size], 77)
    expected = section.interface(track) + section.rtp(number, FIRST.to_utc_ns(77), data[:size])
    assert blocks(tape.cut(at(1))) == expected


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


def test_a_cut_holds_what_came_since_the_last_one():
    """Packets, reports, losses and what happened are each in one batch, with the times of first and last packet."""
    tape = Tape(1, FIRST, 0)
    tape.opened(SOUND, FIRST.mono_ns)
    tape.rtp(SOUND, packet(SOUND, 1), FIRST.mono_ns + 10)
    tape.rtp(SOUND, packet(SOUND, 2), FIRST.mono_ns + 20)
    tape.sender_report(SOUND, 7, 8, FIRST.mono_ns + 30)
    tape.lost(SOUND.number, 3)
    first = tape.cut(at(1))
    assert [event[0] for event in first.events] == [Kind.OPENED]
    assert (first.seen, first.first_ns, first.last_ns) == ({1: [2, 3]}, FIRST.mono_ns + 10, FIRST.mono_ns + 20)
    assert [(number, when - FIRST.utc_ns, odd) for number, when, _, odd in read(first)] == [
        (1, 10, False), (1, 20, False), (1, 30, True),
    ]  # fmt: skip
    tape.closed(SOUND.number, FIRST.mono_ns)
    tape.rtp(SOUND, packet(SOUND, 3), FIRST.mono_ns + 40)
    second = tape.cut(at(2))
    assert ([event[0] for event in second.events], second.length, second.seen) == ([Kind.CLOSED], 0, {})
    assert second.first_ns is None


def test_what_is_cut_is_not_touched_by_what_comes_after():
    """Of two buffers one is always the writer's; it is filled again only when given back."""
    tape = Tape(1, FIRST, 0, [SOUND])
    tape.rtp(SOUND, packet(SOUND, 1), 1)
    batch = tape.cut(at(1))
    before = blocks(batch)
    for number in range(2, 40):
        tape.rtp(SOUND, packet(SOUND, number), number)
        tape.cut(at(number / 100))
    assert blocks(batch) == before
    tape.give_back(batch)
    assert tape.cut(at(1)).data is not batch.data
    assert tape.cut(at(1)).data is batch.data


def test_a_segment_ends_after_a_minute_and_the_next_names_its_tracks_anew():
    """Interfaces are numbered per segment; one whose track is closed is not named again."""
    tape = Tape(1, FIRST, 0)
    tape.opened(SOUND, FIRST.mono_ns)
    tape.opened(PICTURE, FIRST.mono_ns)
    assert not tape.cut(at(SEGMENT_MS / 1000 - 0.002)).last
    tape.closed(SOUND.number, FIRST.mono_ns)
    assert tape.cut(at(SEGMENT_MS / 1000)).last
    tape.rtp(PICTURE, packet(PICTURE, 1), FIRST.mono_ns)
    batch = tape.cut(at(SEGMENT_MS / 1000 + 1))
    assert [item["track"] for item in pcapng.interfaces(blocks(batch))] == [2]
    assert [number for number, *_ in read(batch)] == [2]


def test_a_batch_is_restated_for_another_take():
    """The same packets by the other take's clock, in a segment of one frame; what happened stays as it was."""
    tape = Tape(1, FIRST, 0)
    tape.opened(SOUND, FIRST.mono_ns)
    tape.opened(PICTURE, FIRST.mono_ns)
    tape.cut(at(1))
    tape.sender_report(PICTURE, 1, 2, FIRST.mono_ns + 5)
    for number in range(50):
        tape.rtp(PICTURE, packet(PICTURE, number, number * 20), FIRST.mono_ns + number)
    batch = tape.cut(at(2))
    again = restated(batch, 2, Origin("boot", FIRST.mono_ns, FIRST.utc_ns + 1_000, 0))
    assert [(n, when + 1_000, data, odd) for n, when, data, odd in read(batch)] == read(again)
    assert (again.take, again.last, again.seen, again.events) == (2, True, batch.seen, batch.events)
    assert [item["track"] for item in pcapng.interfaces(blocks(again))] == [2]


def test_memory_is_bounded_and_what_is_refused_is_told():
    """Beyond the limit packets are refused, also while a batch is away; what must not be refused still goes in."""
    refused: list[int] = []
    tape = Tape(1, FIRST, 0, [SOUND], limit=CHUNK * 3, refuse=refused.append)
    for number in range(2000):
        tape.rtp(SOUND, packet(SOUND, number, 1000), number)
    assert refused[0] == tape.waiting // 1072
    assert tape.waiting <= CHUNK * 3
    batch = tape.cut(at(1))
    assert tape.waiting == batch.length
    before = len(refused)
    tape.rtp(SOUND, packet(SOUND, 1, 1000), 5_000)
    tape.opened(PICTURE, 1)
    assert refused[before:] == [5_000]
    tape.give_back(batch)
    tape.rtp(SOUND, packet(SOUND, 1, 1000), 6_000)
    assert len(refused) == before + 1
    assert [item["track"] for item in pcapng.interfaces(blocks(tape.cut(at(2))))] == [2]


def test_a_stopped_tape_refuses_everything():
    """After a failure nothing more is gathered but what happens."""
    refused: list[int] = []
    tape = Tape(1, FIRST, 0, [SOUND], refuse=refused.append)
    tape.stop()
    tape.rtp(SOUND, packet(SOUND, 1), 9)
    tape.cut(at(1))
    tape.rtp(SOUND, packet(SOUND, 2), 10)
    assert refused == [9, 10]


def test_a_buffer_that_grew_large_is_let_go():
    """What a standing disk made grow does not stay for the rest of the session."""
    tape = Tape(1, FIRST, 0, [SOUND])
    for number in range(KEPT // 1400 + 1):
        tape.rtp(SOUND, packet(SOUND, number, 1400), number)
    large = tape.cut(at(1))
    tape.give_back(large)
    tape.cut(at(2))
    assert len(tape.cut(at(3)).data) == CHUNK


def test_without_media_only_what_happens_is_kept():
    """An attendance recording takes no packet, whoever gives it one."""
    tape = Tape(1, FIRST, 0, media=False)
    tape.opened(SOUND, 1)
    tape.rtp(SOUND, packet(SOUND, 1), 2)
    tape.sender_report(SOUND, 1, 2, 3)
    batch = tape.cut(at(120))
    assert (batch.length, len(batch.events), batch.seen, batch.last) == (0, 1, {}, False)
