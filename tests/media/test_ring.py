"""The ring keeps a second and half a megabyte."""

from media.ring import KEEP_BYTES, Ring

SECOND = 1_000_000_000


def test_a_packet_is_found_by_its_number() -> None:
    """What was put in comes out, until it is a second old."""
    ring = Ring()
    ring.append(7, b"seven", 0)
    ring.append(8, b"eight", SECOND)
    assert ring.get(7) == b"seven"
    ring.append(9, b"nine", SECOND + 1)
    assert ring.get(7) is None
    assert ring.get(8) == b"eight"


def test_bytes_are_bounded() -> None:
    """A burst larger than the bound pushes out the oldest."""
    ring = Ring()
    for index in range(600):
        ring.append(index, bytes(1000), 0)
    assert len(ring) == KEEP_BYTES // 1000
    assert ring.get(0) is None


def test_replay_is_in_the_order_of_sending() -> None:
    """Packets that came late are put where they belong, across the wrap."""
    ring = Ring()
    for sequence in (65534, 65535, 1, 0, 2):
        ring.append(sequence, str(sequence).encode(), 0)
    assert list(ring.since(65535)) == [b"65535", b"0", b"1", b"2"]
    assert list(ring.since(5)) == []


def test_a_number_used_again_survives_the_old_one() -> None:
    """Evicting an old packet does not take a newer one of the same number along."""
    ring = Ring()
    ring.append(1, b"old", 0)
    ring.append(1, b"new", SECOND)
    ring.append(2, b"two", SECOND + 1)
    assert ring.get(1) == b"new"
