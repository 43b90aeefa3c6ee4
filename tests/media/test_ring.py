"""The ring keeps a second and at most half a megabyte."""

from media.ring import SLOTS, Ring

SECOND = 1_000_000_000


def packet(sequence: int, text: bytes = b"") -> bytes:
    return b"\x80\x60" + sequence.to_bytes(2, "big") + text


def test_a_packet_is_found_by_its_number_for_a_second() -> None:
    """What was put in comes out, until it is older than a second."""
    ring = Ring()
    ring.put(7, packet(7), 0)
    assert ring.get(7, SECOND) == packet(7)
    assert ring.get(7, SECOND + 1) is None
    assert ring.get(8, 0) is None


def test_a_number_in_the_same_slot_is_not_mistaken() -> None:
    """A newer packet takes the slot; the older number is gone, not answered with the newer packet."""
    ring = Ring()
    ring.put(7, packet(7), 0)
    ring.put(7 + SLOTS, packet(7 + SLOTS), 0)
    assert ring.get(7, 0) is None
    assert ring.get(7 + SLOTS, 0) == packet(7 + SLOTS)


def test_replay_is_in_the_order_of_sending() -> None:
    """Packets that came late are put where they belong, across the wrap; holes are skipped."""
    ring = Ring()
    for sequence in (65534, 65535, 1, 0, 3):
        ring.put(sequence, packet(sequence), 0)
    assert list(ring.run(65535, 5, 0)) == [packet(number) for number in (65535, 0, 1, 3)]


def test_memory_is_given_back() -> None:
    """Trimming forgets what could not be found any more and keeps the rest, across lost numbers and the wrap."""
    ring = Ring(65533)
    for sequence, at in ((65533, 0), (65534, 0), (0, 1), (1, SECOND), (2, SECOND)):
        ring.put(sequence, packet(sequence), at)
    ring.trim(2, SECOND + 1)
    assert SLOTS - ring._packets.count(None) == 3
    assert ring.get(0, SECOND + 1) == packet(0)
    ring.trim(2, 2 * SECOND + 1)
    assert SLOTS - ring._packets.count(None) == 1  # the newest stays, so that a silent stream is not searched again
    ring.put(3, packet(3), 3 * SECOND)
    ring.trim(3, 9 * SECOND)
    assert SLOTS - ring._packets.count(None) == 1


def test_a_new_start_of_the_stream_leaves_nothing_behind_for_ever() -> None:
    """After a jump of the numbers at most the ring's slots are kept, and they are reused."""
    ring = Ring()
    for sequence in range(300):
        ring.put(sequence, packet(sequence), 0)
    for sequence in range(40_000, 40_000 + SLOTS):
        ring.put(sequence, packet(sequence), SECOND)
    ring.trim(40_000 + SLOTS - 1, 3 * SECOND)
    assert SLOTS - ring._packets.count(None) == 1
