"""The handshake, and the private names of aiortc it leans on."""

import inspect
from pathlib import Path

import pytest
from aiortc import rtcdtlstransport
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Session

from media import dtls, srtp
from media.dtls import Dtls, Identity, datagrams

OURS, THEIRS = Identity(), Identity()


def pair(announced: str | None = None) -> tuple[Dtls, Dtls]:
    server = Dtls(OURS, server=True, fingerprints=[("sha-256", announced or THEIRS.fingerprint)])
    client = Dtls(THEIRS, server=False, fingerprints=[("sha-256", OURS.fingerprint)])
    return server, client


def shake(server: Dtls, client: Dtls) -> None:
    """Carry flights to and fro until nobody has anything to say."""
    to_server = client.start()
    while to_server:
        to_client = [reply for datagram in to_server for reply in server.feed(datagram)]
        to_server = [reply for datagram in to_client for reply in client.feed(datagram)]


def test_both_ends_get_the_same_keys() -> None:
    """What one protects the other unprotects, in both directions."""
    server, client = pair()
    shake(server, client)
    assert (server.state, client.state) == ("connected", "connected")
    packet = bytes.fromhex("80600001000000010000000a") + b"hello"
    for one, other in ((server, client), (client, server)):
        buffer = srtp.Buffer()
        buffer.data[: len(packet)] = packet
        buffer.length[0] = len(packet)
        assert srtp.protect_rtp(srtp.handle(one.tx), buffer.pointer, buffer.length) == 0
        assert bytes(buffer.view[12 : len(packet)]) != packet[12:]
        assert buffer.length[0] <= len(packet) + srtp.TRAILER
        assert srtp.unprotect_rtp(srtp.handle(other.rx), buffer.pointer, buffer.length) == 0
        assert bytes(buffer.view[: buffer.length[0]]) == packet


def test_a_foreign_certificate_fails() -> None:
    """The handshake ends in words when the fingerprint is another's."""
    server, client = pair(announced=OURS.fingerprint)
    shake(server, client)
    assert server.state == "failed"
    assert "certificate" in server.failure


def test_a_lost_flight_is_due_within_a_second() -> None:
    """After the first flight the machine says when it wants to be called again."""
    _, client = pair()
    assert client.due() is None
    client.start()
    due = client.due()
    assert due is not None
    assert 0 < due <= 1.1


def test_goodbye_is_heard() -> None:
    """close_notify closes the other end."""
    server, client = pair()
    shake(server, client)
    for datagram in client.close():
        server.feed(datagram)
    assert server.state == "closed"
    assert client.close() == []


@given(st.lists(st.binary(min_size=1, max_size=100), max_size=5))
def test_garbage_never_raises(flights: list[bytes]) -> None:
    """Whatever a checked address sends, the machine answers with a state."""
    server, _ = pair()
    for flight in flights:
        server.feed(flight)
    assert server.state in ("handshake", "failed")


def test_a_flight_is_cut_between_records() -> None:
    """No record is torn, no datagram holds more than it may unless one record does."""
    record = b"\x16\xfe\xfd" + bytes(8) + (500).to_bytes(2, "big") + bytes(500)
    parts = datagrams(record * 5)
    assert [len(part) for part in parts] == [1026, 1026, 513]
    unified = b"\x2c\0\0" + (20).to_bytes(2, "big") + bytes(20)
    assert datagrams(unified * 2) == [unified * 2]


@given(st.binary(max_size=3000))
def test_cutting_loses_nothing(flight: bytes) -> None:
    """The datagrams of any bytes, joined, are those bytes."""
    assert b"".join(datagrams(flight)) == flight


@pytest.mark.parametrize("name", dtls.SEAMS)
def test_the_private_names_of_aiortc_are_there(name: str) -> None:
    """Each seam exists in the installed version."""
    transport = rtcdtlstransport.RTCDtlsTransport(dtls._Wire(), [OURS.certificate])
    assert hasattr(transport, name) or hasattr(OURS.certificate, name)


def test_the_seams_have_the_shape_we_use() -> None:
    """Arguments and attributes are those the module passes and reads."""
    certificate = inspect.signature(rtcdtlstransport.RTCCertificate._create_ssl_context)
    assert list(certificate.parameters) == ["self", "srtp_profiles"]
    validate = inspect.signature(rtcdtlstransport.RTCDtlsTransport._validate_peer_identity)
    assert list(validate.parameters) == ["self", "remoteParameters"]
    assert list(inspect.signature(rtcdtlstransport.RTCDtlsTransport._setup_srtp).parameters) == ["self"]


def test_pylibsrtps_handle_is_where_we_look() -> None:
    """A session keeps libsrtp's handle in ``_srtp[0]``."""
    assert srtp.handle(Session()) is not None


HELLO = [bytes.fromhex(line) for line in (Path(__file__).parent / "firefox-153-client-hello.hex").read_text().split()]
"""The ClientHello of Firefox 153 with its ML-KEM key share, in the two datagrams it came in."""


def handshake_kinds(flight: list[bytes]) -> list[int]:
    """Content type and handshake type of the first record of each datagram; 2 is a ServerHello."""
    return [datagram[13] for datagram in flight if datagram[0] == 22]


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 0, 1), (1, 0, 1)])
def test_firefoxes_split_client_hello_is_answered_when_it_is_whole(order: tuple[int, ...]) -> None:
    """Whatever order its parts come in, the server speaks after the last missing one and not before."""
    assert all(datagram[0] == 22 and datagram[13] == 1 for datagram in HELLO)
    assert int.from_bytes(HELLO[0][14:17], "big") > len(HELLO[0])
    server, _ = pair()
    answers: list[list[bytes]] = []
    for index in order:
        answers.append(server.feed(HELLO[index]))
        if {0, 1} <= set(order[: len(answers)]):
            break
    assert all(answer == [] for answer in answers[:-1])
    assert handshake_kinds(answers[-1])[:1] == [2]
    assert server.state == "handshake"


@given(st.integers(0, 1), st.integers(13, 1400), st.integers(1, 255))
def test_a_spoiled_split_client_hello_raises_nothing(part: int, at: int, change: int) -> None:
    """With any byte of it changed the handshake waits, answers or fails; nothing else happens."""
    spoiled = [bytearray(datagram) for datagram in HELLO]
    at = min(at, len(spoiled[part]) - 1)
    spoiled[part][at] ^= change
    server, _ = pair()
    for datagram in spoiled:
        server.feed(bytes(datagram))
    assert server.state in ("handshake", "failed")


def test_a_record_that_is_cut_short_does_not_end_the_handshake() -> None:
    """What OpenSSL drops as no record leaves the handshake waiting; the whole one is answered."""
    server, _ = pair()
    assert server.feed(HELLO[0][:1000]) == []
    assert server.state == "handshake"
    assert handshake_kinds(server.feed(HELLO[0]) + server.feed(HELLO[1]))[:1] == [2]
