"""The chain: what a walk believes, and what it says of the rest."""

import hashlib

from recordings.chain import Merkle, walk


def root_of(leaves):
    """RFC 6962 2.1, written as the RFC defines it."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\1" + root_of(leaves[:split]) + root_of(leaves[split:])).digest()


def test_the_tree_is_rfc_6962():
    """Built line by line, the root is that of the recursive definition for every size."""
    tree, leaves = Merkle(), []
    assert tree.root() == hashlib.sha256(b"").hexdigest()
    for number in range(70):
        leaves.append(str(number).encode())
        tree.add(leaves[-1])
        assert tree.root() == root_of(leaves).hex()


def test_an_untouched_chain_is_believed_line_by_line(finished):
    """Every line of a closed chain is signed and in its place."""
    found = walk(finished.files.chain.read_bytes())
    assert {line.cause for line in found.lines} == {""}
    assert [body["type"] for body in found.signed()][:3] == ["genesis", "take", "track"]
    assert next(reversed(list(found.signed())))["type"] == "close"


def test_every_record_names_its_algorithms(finished):
    """Format version and profile stand in each line."""
    for body in walk(finished.files.chain.read_bytes()).signed():
        assert (body["v"], body["profile"]) == (1, "Ed25519+SHA-256+AES-256-GCM")


def test_an_altered_line_is_not_believed_but_its_neighbours_are(finished):
    """A changed digit makes one line worthless; links around it still hold."""
    raw = finished.files.chain.read_bytes()
    lines = raw.splitlines(keepends=True)
    lines[5] = lines[5].replace(b'"packets":', b'"packetz":', 1)
    found = walk(b"".join(lines))
    assert [line.index for line in found.lines if line.cause] == [5]
    assert not found.lines[5].is_signed


def test_a_line_taken_out_is_noticed(finished):
    """The line after a hole says so."""
    lines = finished.files.chain.read_bytes().splitlines(keepends=True)
    found = walk(b"".join(lines[:5] + lines[6:]))
    assert [(line.index, line.cause) for line in found.lines if line.cause] == [(5, "lines-missing")]


def test_lines_out_of_order_are_noticed(finished):
    """Exchanged lines are both found."""
    lines = finished.files.chain.read_bytes().splitlines(keepends=True)
    lines[5], lines[6] = lines[6], lines[5]
    assert {"line-moved"} <= {line.cause for line in walk(b"".join(lines)).lines}


def test_garbage_is_no_chain():
    """Bytes that were never a chain give lines without bodies and no error."""
    found = walk(b"\0\xff{}\t\n[1]\tAA==\n" + b"[" * 5000 + b"\tAA==\n{")
    assert not list(found.signed())
    assert found.tail == b"{"
