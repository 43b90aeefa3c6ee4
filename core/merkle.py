"""The Merkle tree of RFC 6962 section 2.1, over any source of hashes: roots, inclusion and consistency proofs.

``node(level, index)`` gives the hash of the perfect subtree over leaves ``[index << level, (index + 1) << level)``.
Verification follows RFC 9162 sections 2.1.3.2 and 2.1.4.2 and needs nothing but the proof.
"""

import hashlib
from collections.abc import Callable, Sequence

Node = Callable[[int, int], bytes]

EMPTY = hashlib.sha256(b"").digest()
"""Root of the tree without leaves."""


def leaf_hash(data: bytes) -> bytes:
    """Hash of one entry."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash over two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """Root over a power of two of sibling hashes."""
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row), 2)]
    return row[0]


def root(size: int, node: Node) -> bytes:
    """Root of the tree over the first ``size`` leaves."""
    return _range(0, size, node) if size else EMPTY


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """Audit path of leaf ``index`` in the tree of ``size`` leaves (RFC 6962 2.1.1). Raises ``ValueError``."""
    if not 0 <= index < size:
        raise ValueError("no such leaf in a tree of this size")
    low, high, path = 0, size, []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range(middle, high, node))
            high = middle
        else:
            path.append(_range(low, middle, node))
            low = middle
    return path[::-1]


def consistency_proof(old: int, new: int, node: Node) -> list[bytes]:
    """Proof that the tree of ``new`` leaves extends that of ``old`` (RFC 6962 2.1.2). Raises ``ValueError``."""
    if not 0 <= old <= new:
        raise ValueError("the older tree is the smaller one")
    if old in (0, new):
        return []
    low, high, whole, proof = 0, new, True, []
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            proof.append(_range(middle, high, node))
            high = middle
        else:
            proof.append(_range(low, middle, node))
            low, whole = middle, False
    if not whole:
        proof.append(_range(low, high, node))
    return proof[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes) -> bool:
    """Whether ``proof`` shows the leaf hash at ``index`` in the tree of that size and root."""
    if not 0 <= index < size:
        return False
    number, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if number & 1 or number == last:
            found = node_hash(step, found)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            found = node_hash(found, step)
        number, last = number >> 1, last >> 1
    return last == 0 and found == expected_root


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether ``proof`` shows that the newer tree holds all of the older one, in place."""
    if old == new:
        return not proof and old_root == new_root
    if not 0 < old < new:
        return old == 0 and new > 0 and not proof and old_root == EMPTY
    steps = list(proof)
    if old & (old - 1) == 0:
        steps.insert(0, old_root)
    if not steps:
        return False
    number, last = old - 1, new - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    first = second = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if number & 1 or number == last:
            first, second = node_hash(step, first), node_hash(step, second)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            second = node_hash(second, step)
        number, last = number >> 1, last >> 1
    return last == 0 and (first, second) == (old_root, new_root)


def _split(count: int) -> int:
    """Largest power of two smaller than ``count``."""
    return 1 << (count - 1).bit_length() - 1


def _range(low: int, high: int, node: Node) -> bytes:
    count = high - low
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return node(level, low >> level)
    middle = low + _split(count)
    return node_hash(_range(low, middle, node), _range(middle, high, node))
