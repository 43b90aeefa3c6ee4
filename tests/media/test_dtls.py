"""The handshake, and the private names of aiortc it leans on."""

import inspect

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
