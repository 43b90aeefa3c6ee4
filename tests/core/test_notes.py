"""Checkpoints are signed text: what was signed by this key opens, everything else does not."""

import pytest

from core.notes import Checkpoint, NoteInvalid, Signer, Verifier, open_checkpoint

SIGNER = Signer("log.example", b"\x07" * 32)
HEAD = Checkpoint("log.example", 42, b"\x01" * 32)
NOTE = SIGNER.sign(HEAD.text())


def test_a_signed_checkpoint_opens():
    """With the key that signed it."""
    assert open_checkpoint(NOTE, SIGNER.verifier) == HEAD


def test_the_known_key_of_the_specification():
    """The verifier key of Go's note package example reads and writes as it stands there."""
    text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    verifier = Verifier.parse(text)
    assert str(verifier) == text
    note = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
        "\n"
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    )
    assert verifier.open(note).startswith("If you think")


def test_other_signatures_do_not_disturb():
    """A note may be signed by several; each key finds its own."""
    other = Signer("witness.example", b"\x08" * 32)
    both = NOTE + other.line(HEAD.text())
    assert open_checkpoint(both, SIGNER.verifier) == HEAD
    assert other.verifier.open(both) == HEAD.text()


@pytest.mark.parametrize(
    "note",
    [
        "",
        "log.example\n42\n",
        HEAD.text(),
        NOTE.replace("42", "43"),
        NOTE.replace("log.example\n", "other.example\n", 1),
        NOTE.replace("— ", "- "),
        NOTE[:-10] + "\n",
        Signer("log.example", b"\x09" * 32).sign(HEAD.text()),
        Signer("else.example", b"\x07" * 32).sign(HEAD.text()),
    ],
)
def test_what_is_not_signed_by_the_key_is_refused(note):
    """Altered, unsigned, or by another key or name."""
    with pytest.raises(NoteInvalid):
        open_checkpoint(note, SIGNER.verifier)


@pytest.mark.parametrize(
    "text",
    [
        "other.example\n42\nAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n",
        "log.example\n042\nAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n",
        "log.example\n-1\nAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n",
        "log.example\n42\nAQE=\n",
        "log.example\n42\n!!!\n",
        "\n42\n\n",
        "words\n",
    ],
)
def test_signed_nonsense_is_no_checkpoint(text):
    """The right key over another origin or impossible values."""
    with pytest.raises(NoteInvalid):
        open_checkpoint(SIGNER.sign(text), SIGNER.verifier)


@pytest.mark.parametrize(
    "text", ["", "a+b", "name+00000000+AQID", "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"]
)
def test_a_damaged_key_is_refused(text):
    """A mistyped key is told, not used."""
    with pytest.raises(NoteInvalid):
        Verifier.parse(text)
