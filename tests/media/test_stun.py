"""Connectivity checks, genuine and otherwise."""

from aioice import stun as aioice_stun
from hypothesis import given
from hypothesis import strategies as st

from media import stun


def request(password: str = "secret", username: str = "ours:theirs", **more: object) -> bytes:
    message = aioice_stun.Message(aioice_stun.Method.BINDING, aioice_stun.Class.REQUEST)
    message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = 7
    message.attributes.update(more)
    message.add_message_integrity(password.encode())
    return bytes(message)


def test_a_check_is_read_and_answered() -> None:
    """The answer maps the source address and is signed with our password."""
    check = stun.parse_check(request(**{"USE-CANDIDATE": None}))
    assert check is not None
    assert (check.local_ufrag, check.remote_ufrag, check.nominated) == ("ours", "theirs", True)
    assert check.authentic("secret")
    for source in (("192.0.2.9", 77), ("2001:db8::9", 65_535)):
        answer = aioice_stun.parse_message(stun.success(check, source, "secret"))
        assert answer.attributes["XOR-MAPPED-ADDRESS"] == source
        assert answer.check_message_integrity(b"secret")
        assert "FINGERPRINT" in answer.attributes


def test_what_follows_the_integrity_is_not_read() -> None:
    """A USE-CANDIDATE behind MESSAGE-INTEGRITY, which anybody on the way could have put there, nominates nothing."""
    data = bytearray(request()[:-8])  # without FINGERPRINT
    data += b"\x00\x25\x00\x00"
    data[2:4] = (len(data) - 20).to_bytes(2, "big")
    check = stun.parse_check(bytes(data))
    assert check is not None
    assert check.authentic("secret")
    assert not check.nominated


def test_a_forged_check_is_not_authentic() -> None:
    """Another password, another verdict."""
    check = stun.parse_check(request("guess"))
    assert check is not None
    assert not check.authentic("secret")


def test_an_answer_is_no_larger_than_its_request() -> None:
    """A check cannot be used to make us send more than we got."""
    data = request()
    check = stun.parse_check(data)
    assert check is not None
    assert len(stun.success(check, ("fd00::1", 1), "secret")) <= len(data) + 8


def test_other_stun_is_nothing_to_us() -> None:
    """Responses, requests without credentials, odd user names."""
    message = aioice_stun.Message(aioice_stun.Method.BINDING, aioice_stun.Class.REQUEST)
    assert stun.parse_check(bytes(message)) is None
    assert stun.parse_check(request(username="ours")) is None
    assert stun.parse_check(request(username="a:b:c")) is None
    message = aioice_stun.Message(aioice_stun.Method.ALLOCATE, aioice_stun.Class.REQUEST)
    assert stun.parse_check(bytes(message)) is None


@given(st.binary(max_size=120))
def test_any_bytes_are_read_or_dropped(data: bytes) -> None:
    """Nothing is raised."""
    stun.parse_check(data)


@given(st.integers(0, 90), st.integers(0, 255))
def test_a_damaged_check_is_dropped_or_not_authentic(at: int, value: int) -> None:
    """Flipping any byte that integrity covers leaves nothing an address could be learned from."""
    data = bytearray(request())
    at %= len(data) - 8  # FINGERPRINT follows MESSAGE-INTEGRITY and is no part of it
    if data[at] == value:
        return
    data[at] = value
    check = stun.parse_check(bytes(data))
    assert check is None or not check.authentic("secret")


def test_a_check_of_ours_is_one_to_others() -> None:
    """aioice reads it: our role, the names in their order, their password, and a fingerprint."""
    for theirs in ("theirs", "them+"):
        sent = aioice_stun.parse_message(stun.request(b"t" * 12, "ours", theirs, "their secret"))
        assert sent.attributes["USERNAME"] == f"{theirs}:ours"
        assert {"PRIORITY", "ICE-CONTROLLED", "FINGERPRINT"} <= set(sent.attributes)
        assert sent.check_message_integrity(b"their secret")


def test_only_a_signed_success_response_is_an_answer() -> None:
    """Requests, errors and unsigned responses are none; a signed one says with which password."""
    message = aioice_stun.Message(aioice_stun.Method.BINDING, aioice_stun.Class.RESPONSE, transaction_id=b"t" * 12)
    assert stun.parse_answer(bytes(message)) is None
    message.add_message_integrity(b"their secret")
    answer = stun.parse_answer(bytes(message))
    assert answer is not None
    assert answer.transaction == b"t" * 12
    assert answer.authentic("their secret")
    assert not answer.authentic("ours")
    assert stun.parse_answer(request()) is None


@given(st.binary(max_size=200))
def test_no_bytes_are_an_answer_by_accident(data: bytes) -> None:
    """Nothing raises, also behind a genuine header."""
    for begun in (data, b"\x01\x01" + len(data).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + bytes(12) + data):
        found = stun.parse_answer(begun)
        assert found is None or not found.authentic("secret")
