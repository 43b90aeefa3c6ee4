"""Messages are parsed at the door: what does not fit exactly is refused with a stable code."""

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import PeerError
from core.wire import Codec, message, type_name


@message
class MoveChair:
    """A message of this test."""

    to: str
    steps: int = 1
    at: datetime | None = None
    tags: tuple[str, ...] = ()
    ratio: float = 0.0


CODEC = Codec([MoveChair])


def test_the_type_is_the_snake_case_name():
    """The member ``type`` follows from the class."""
    assert type_name(MoveChair) == "move_chair"
    assert CODEC.encode(MoveChair(to="left")).startswith(b'{"type":"move_chair"')


def test_a_message_comes_back_equal():
    """Instants, tuples and numbers survive the wire."""
    sent = MoveChair(to="左", steps=3, at=datetime(2026, 3, 2, tzinfo=UTC), tags=("a", "b"), ratio=1)
    assert CODEC.decode(CODEC.encode(sent)) == sent


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", "not-json"),
        ("{", "not-json"),
        (b"\xff\xfe", "not-json"),
        ("[" * 5000, "not-json"),
        ("[]", "not-an-object"),
        ("null", "not-an-object"),
        ("{}", "unknown-type"),
        ('{"type":"fly"}', "unknown-type"),
        ('{"type":["move_chair"]}', "unknown-type"),
        ('{"type":"move_chair"}', "bad-message"),
        ('{"type":"move_chair","to":"x","extra":1}', "bad-message"),
        ('{"type":"move_chair","to":5}', "bad-message"),
        ('{"type":"move_chair","to":"x","steps":"5"}', "bad-message"),
        ('{"type":"move_chair","to":"x","steps":true}', "bad-message"),
        ('{"type":"move_chair","to":"x","steps":1.5}', "bad-message"),
        ('{"type":"move_chair","to":"x","at":"yesterday"}', "bad-message"),
        ('{"type":"move_chair","to":"x","tags":"ab"}', "bad-message"),
    ],
)
def test_what_does_not_fit_is_refused(raw, code):
    """Each kind of misfit has its code."""
    with pytest.raises(PeerError) as caught:
        CODEC.decode(raw)
    assert caught.value.code == code


@given(st.binary(max_size=200))
def test_no_bytes_break_the_decoder(raw):
    """Whatever arrives is a message or a PeerError."""
    with contextlib.suppress(PeerError):
        CODEC.decode(raw)


def test_a_refusal_does_not_repeat_what_was_sent():
    """The error names the member, never its value, which may be personal."""
    with pytest.raises(PeerError) as caught:
        CODEC.decode('{"type":"move_chair","to":"x","steps":"secret words"}')
    assert "secret" not in str(caught.value)
    assert "steps" in str(caught.value)
