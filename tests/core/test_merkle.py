"""The tree of RFC 6962: its known vectors, and every proof of every small tree."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import merkle

LEAVES = [
    b"", b"\x00", b"\x10", b" !", b"01", b"@ABC", b"PQRSTUVW", b"`abcdefghijklmno",
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def tree(leaves):
    """The node function over leaves held in memory."""
    hashes = [merkle.leaf_hash(leaf) for leaf in leaves]
    return lambda level, index: merkle.perfect_root(hashes[index << level : (index + 1) << level])


@pytest.mark.parametrize("size", range(1, 9))
def test_known_roots(size):
    """The reference vectors of Certificate Transparency."""
    assert merkle.root(size, tree(LEAVES)).hex() == ROOTS[size - 1]


def test_the_empty_tree():
    """Without leaves the root is the hash of nothing."""
    assert merkle.root(0, tree([])) == merkle.EMPTY


def test_every_inclusion_proof_of_small_trees():
    """Each leaf of each tree is proved, and by its own proof only."""
    node = tree([bytes([n]) for n in range(40)])
    for size in range(1, 41):
        root = merkle.root(size, node)
        for index in range(size):
            proof, leaf = merkle.inclusion_proof(index, size, node), node(0, index)
            assert merkle.verify_inclusion(leaf, index, size, proof, root)
            assert not merkle.verify_inclusion(leaf, (index + 1) % (size + 1), size, proof, root)
            assert not merkle.verify_inclusion(leaf, index, size, [*proof, leaf], root)
            assert not merkle.verify_inclusion(merkle.leaf_hash(b"other"), index, size, proof, root)
            assert not proof or not merkle.verify_inclusion(leaf, index, size, proof[:-1], root)


def test_every_consistency_proof_of_small_trees():
    """Each tree is shown to extend each older one, and nothing else is."""
    node = tree([bytes([n]) for n in range(40)])
    roots = [merkle.root(size, node) for size in range(41)]
    for new in range(1, 41):
        for old in range(1, new + 1):
            proof = merkle.consistency_proof(old, new, node)
            assert merkle.verify_consistency(old, roots[old], new, roots[new], proof)
            assert not merkle.verify_consistency(old, roots[old - 1], new, roots[new], proof)
            assert old == new or not merkle.verify_consistency(old, roots[old], new, roots[new - 1], proof)
            assert not merkle.verify_consistency(old, roots[old], new, roots[new], [*proof, roots[0]])
            assert not proof or not merkle.verify_consistency(old, roots[old], new, roots[new], proof[:-1])


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 300), st.data())
def test_a_rewritten_past_has_no_proof(size, data):
    """When one old leaf is another, no proof made from the new tree shows the old head."""
    old = data.draw(st.integers(1, size))
    changed = data.draw(st.integers(0, old - 1))
    leaves = [n.to_bytes(2, "big") for n in range(size)]
    old_root = merkle.root(old, tree(leaves))
    leaves[changed] = b"rewritten"
    node = tree(leaves)
    proof = merkle.consistency_proof(old, size, node)
    assert not merkle.verify_consistency(old, old_root, size, merkle.root(size, node), proof)


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (0, 0)])
def test_no_proof_of_what_is_not_there(index, size):
    """An index outside the tree is refused."""
    with pytest.raises(ValueError):
        merkle.inclusion_proof(index, size, tree(LEAVES))
    assert not merkle.verify_inclusion(b"", index, size, [], merkle.EMPTY)
