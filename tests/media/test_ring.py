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
    """Trimming forgets what could not be found any more and keeps the rest."""
    ring = Ring()
    ring.put(1, packet(1), 0)
    ring.put(2, packet(2), SECOND)
    ring.trim(SECOND + 1)
    assert ring._packets.count(None) == SLOTS - 1
    assert ring.get(2, SECOND + 1) == packet(2)
