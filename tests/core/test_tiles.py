"""The tree on disk is the tree in memory, however it grew, and readable by path alone."""

import random

import pytest

from core import merkle, tiles
from core.tiles import Tiles, TilesBroken, directory_fetch, number_path, tile_path


def entries(count, start=0):
    return [f"entry {n}".encode() for n in range(start, start + count)]


def memory_root(count):
    hashes = [merkle.leaf_hash(entry) for entry in entries(count)]
    return merkle.root(count, lambda level, index: merkle.perfect_root(hashes[index << level : (index + 1) << level]))


def reader(directory, size):
    return Tiles(directory_fetch(directory), size)


@pytest.mark.parametrize(
    ("number", "path"), [(0, "000"), (5, "005"), (999, "999"), (1000, "x001/000"), (1234067, "x001/x234/067")]
)
def test_numbers_are_written_in_groups_of_three(number, path):
    """As C2SP tlog-tiles says."""
    assert number_path(number) == path
    assert tile_path(2, number, 7) == f"tile/2/{path}.p/7"


def test_growing_in_random_steps_gives_the_same_tree(tmp_path):
    """Sizes across tile borders: each root equals that of the tree in memory."""
    rng, size = random.Random(7), 0
    while size < 1200:
        step = rng.choice((1, 2, 100, 255, 256, 257))
        tiles.extend(tmp_path, size, entries(step, size))
        size += step
        assert merkle.root(size, reader(tmp_path, size).node) == memory_root(size)


def test_a_large_tree_has_a_second_level(tmp_path):
    """Beyond 65 536 entries tiles of the next level carry the upper hashes, and proofs hold."""
    size = 66_000
    tiles.extend(tmp_path, 0, entries(size))
    assert (tmp_path / "tile/2/000.p/1").stat().st_size == 32
    tree = reader(tmp_path, size)
    root = merkle.root(size, tree.node)
    assert root == memory_root(size)
    for index in (0, 255, 256, 65_535, 65_536, size - 1):
        proof = merkle.inclusion_proof(index, size, tree.node)
        assert merkle.verify_inclusion(merkle.leaf_hash(tree.entry(index)), index, size, proof, root)


def test_repeating_an_interrupted_extension_changes_nothing(tmp_path):
    """After a crash between tiles and checkpoint the same entries are added once more, also across a border."""
    tiles.extend(tmp_path, 0, entries(200))
    tiles.extend(tmp_path, 200, entries(100, 200))
    tiles.extend(tmp_path, 200, entries(150, 200))
    assert merkle.root(350, reader(tmp_path, 350).node) == memory_root(350)
    assert [reader(tmp_path, 350).entry(n) for n in (0, 199, 200, 255, 256, 349)] == [
        entries(350)[n] for n in (0, 199, 200, 255, 256, 349)
    ]


def test_partial_tiles_go_when_the_full_one_is_there(tmp_path):
    """What has been replaced does not pile up, and an older head can still be read from the full tile."""
    for n in range(256):
        tiles.extend(tmp_path, n, entries(1, n))
    assert not (tmp_path / "tile/0/000.p").exists()
    assert merkle.root(100, reader(tmp_path, 100).node) == memory_root(100)


@pytest.mark.parametrize("victim", ["tile/0/000", "tile/1/000.p/1", "tile/entries/000"])
def test_a_missing_or_cut_tile_is_told(tmp_path, victim):
    """Nothing is made up."""
    tiles.extend(tmp_path, 0, entries(300))
    raw = (tmp_path / victim).read_bytes()
    for damage in (raw[:-5], None):
        (tmp_path / victim).write_bytes(damage) if damage else (tmp_path / victim).unlink()
        tree = reader(tmp_path, 300)
        with pytest.raises(TilesBroken):
            [tree.entry(255), merkle.root(300, tree.node)]


def test_an_entry_is_checked_against_its_hash(tmp_path):
    """A changed word in a bundle is found when read."""
    tiles.extend(tmp_path, 0, entries(10))
    path = tmp_path / "tile/entries/000.p/10"
    path.write_bytes(path.read_bytes().replace(b"entry 3", b"entry 4"))
    with pytest.raises(TilesBroken):
        reader(tmp_path, 10).entry(3)
    assert reader(tmp_path, 10).entry(2) == b"entry 2"
