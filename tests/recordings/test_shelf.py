"""The memory a relay shares with its recorder process."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings.shelf import KEPT, PLACE_BYTES, PLACES, Pickup, Shelf, ShelfError, laid_out, packets_of
from recordings.tape import Packets

packets = st.lists(st.tuples(st.integers(0, 2**32 - 1), st.binary(max_size=1500), st.integers(0, 2**62)), max_size=20)


@pytest.fixture
def shelf():
    made = Shelf()
    yield made
    made.close()


def pickup(shelf):
    return Pickup(os.dup(shelf.fd))


def several(count, size=1000):
    return [(1, bytes([number % 256]) * size, number) for number in range(count)]


@given(packets, packets)
def test_what_is_put_down_is_picked_up_as_it_was(first, second):
    """Each place is its own, and what is there can be read more than once."""
    shelf = Shelf()
    other = pickup(shelf)
    for given_ in (first, second):
        here = Packets.of(given_)
        at = shelf.put(shelf.take_place(), here)
        there = other.packets(at, len(here), here.size)
        assert [list(there), list(there)] == [given_, given_]
        assert len(there.octets) == len(given_)
    shelf.close()


def test_many_packets_go_down_whole(shelf):
    """More than one system call takes."""
    given_ = several(3000)
    at = shelf.put(shelf.take_place(), Packets.of(given_))
    assert list(pickup(shelf).packets(at, 3000, 3_000_000)) == given_


def test_what_does_not_fit_is_left_to_another_way(shelf):
    """A place is never written beyond its end, and places are given to nobody twice."""
    places = [shelf.take_place() for _ in range(PLACES)]
    assert sorted(places) == list(range(PLACES))
    assert shelf.take_place() is None
    most = PLACE_BYTES // 1016
    assert shelf.put(places[0], Packets.of(several(most + 1))) is None
    at = shelf.put(places[0], Packets.of(several(most)))
    assert len(list(pickup(shelf).packets(at, most, most * 1000))) == most
    shelf.give_back(places[0])
    assert shelf.take_place() == places[0]


def test_a_place_that_grew_gives_its_memory_back(shelf):
    """What a burst took does not stay for the rest of the process's life; what is small does."""
    place = shelf.take_place()
    shelf.put(place, Packets.of(several(10)))
    shelf.give_back(place)
    assert os.fstat(shelf.fd).st_blocks * 512 >= 10_000
    shelf.put(shelf.take_place(), Packets.of(several(2 * KEPT // 1000)))
    assert os.fstat(shelf.fd).st_blocks * 512 > 2 * KEPT - 4096
    shelf.give_back(place)
    assert os.fstat(shelf.fd).st_blocks == 0


def test_its_size_is_sealed(shelf):
    """A relay that takes the memory away under the recorder would end it."""
    for size in (0, PLACES * PLACE_BYTES * 2):
        with pytest.raises(PermissionError):
            os.ftruncate(shelf.fd, size)


def test_a_shelf_that_is_closed_writes_into_nobody_elses_file(shelf, tmp_path):
    """Numbers of descriptors are used again."""
    place, number = shelf.take_place(), shelf.fd
    other = os.dup(number)
    shelf.close()
    fd = os.open(tmp_path / "other", os.O_RDWR | os.O_CREAT)
    assert fd == number
    assert shelf.put(place, Packets.of(several(1))) is None
    assert os.fstat(fd).st_size == 0
    os.close(fd)
    shelf.fd = other


@given(st.integers(-5, 300), st.integers(-2, 20), st.integers(-2, 300), st.lists(st.binary(max_size=20), max_size=9))
def test_packets_of_other_lengths_than_said_are_refused(at, count, size, octets):
    """Sizes that do not add up to the bytes that came are a mistake, never a packet cut elsewhere."""
    memory = b"".join(laid_out(Packets.of([(1, each, 7) for each in octets])))
    try:
        found = packets_of(memory, at, count, size)
    except ShelfError:
        return
    assert len(list(found)) == count
    assert sum(map(len, found.octets)) == size
