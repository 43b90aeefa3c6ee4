"""What real browsers and encoders sent is read as what it is; bent copies of it break no reader."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import PeerError
from media import codecs, h264, negotiation, rtcp, rtp, sdp, stun
from media.endpoint import MAX_DATAGRAM, MIN_DATAGRAM
from media.pictures import Pictures
from media.thinning import temporal
from tests.media.corpora import KINDS, bent, bent_offer, corpus, offers
from tests.media.test_demultiplexing import KNOWN, connection, give, port

EXPECTED = {"stun": "check", "dtls": "handshake", "rtp": "media"}
many = settings(max_examples=200, deadline=None)


def test_every_corpus_has_samples_of_both_browsers() -> None:
    """Nothing is fuzzed with an empty hand."""
    for kind in KINDS:
        senders = {name.rpartition("-")[0] for name in corpus(kind)}
        assert senders >= ({"chromium"} if kind == "tcp" else {"chromium", "firefox"})
    assert {"chromium-whip", "chromium-whep", "firefox-whip", "firefox-whep", "ffmpeg-whip"} <= set(offers())


@pytest.mark.parametrize(("kind", "expected"), EXPECTED.items())
def test_genuine_datagrams_are_sorted_by_their_kind(kind: str, expected: str) -> None:
    """Each is handed on as what it is."""
    made, taker = port()
    for data in corpus(kind).values():
        give(made, taker, data)
    assert taker.taken == [expected] * len(corpus(kind))


def test_genuine_checks_are_read() -> None:
    """Names, nomination and signature of both browsers are found, and the answer is not larger than the request."""
    for name, data in corpus("stun").items():
        check = stun.parse_check(data)
        assert check is not None, name
        assert check.local_ufrag
        assert check.remote_ufrag
        assert len(check.integrity) == 20
        assert len(stun.success(check, ("192.0.2.1", 9), "x" * 32)) <= len(data)


def test_genuine_packets_are_read() -> None:
    """Payloads begin within the packet, extensions are whole, and key frames are found."""
    found: Counter[str] = Counter()
    for name, data in corpus("rtp").items():
        start = rtp.payload_start(data, len(data))
        assert 12 <= start <= len(data), name
        found["extension"] += bool(list(rtp.extensions(data, len(data))))
        found["keyframe"] += codecs.vp8_keyframe(data, start, len(data))
        assert rtp.payload_end(data, len(data), start) >= start
    assert found["extension"] > 0
    assert found["keyframe"] > 0


def test_genuine_reports_are_read() -> None:
    """Of both browsers and of ours: sender and receiver reports, requests for packets and pictures, estimates."""
    kinds = {type(item) for data in corpus("rtcp").values() for item in rtcp.parse(data)}
    assert kinds >= {rtcp.SenderReport, rtcp.Report, rtcp.Lost, rtcp.Remb}


def test_a_genuine_stream_is_cut_into_frames() -> None:
    """The first piece of a TCP connection is a check; every frame that is whole comes out."""
    opened, taker, _ = connection()
    first, *_ = corpus("tcp").values()
    opened.data_received(first)
    assert taker.taken[0] == "check"


@pytest.mark.parametrize("name", sorted(offers()))
def test_genuine_offers_are_answered(name: str) -> None:
    """A publisher's has sound and picture that we take, a viewer's can be answered with them."""
    offer = sdp.parse_offer(offers()[name])
    published = {
        section.media.kind: section.codec
        for section in negotiation.publishing(
            sdp.parse_offer(offers()["chromium-whip"]), negotiation.Wanted("vp8", True, None), "camera"
        )
        if section.codec
    }
    wanted = negotiation.Wanted("any", True, None)
    sections = (
        negotiation.publishing(offer, wanted, "camera")
        if name.endswith("whip")
        else negotiation.subscribing(offer, published)
    )
    assert sorted(section.media.kind for section in sections if section.codec) == ["audio", "video"]


@many
@given(bent(*KINDS, most=1600), st.booleans())
def test_bent_datagrams_are_taken_or_counted(data: bytes, known: bool) -> None:
    """One datagram is one hand-over or one drop, from a stranger too."""
    made, taker = port()
    give(made, taker, data, KNOWN if known else ("192.0.2.2", 2))
    assert len(taker.taken) + sum(made.counters.dropped.values()) == 1
    if not MIN_DATAGRAM <= len(data) <= MAX_DATAGRAM:
        assert taker.taken == []


@many
@given(bent("stun"))
def test_bent_checks_are_not_authentic(data: bytes) -> None:
    """No copy that differs is signed by anybody."""
    for found in (stun.parse_check(data), stun.parse_answer(data)):
        assert found is None or not found.authentic("not the password")


@many
@given(bent("rtp", "rtcp", "dtls"))
def test_bent_packets_break_no_reader(data: bytes) -> None:
    """Header, extensions, padding, and every reader of payloads, of whatever lies there."""
    data = data.ljust(12, b"\0")
    start = rtp.payload_start(data, len(data))
    assert start == 0 or 12 <= start <= len(data)
    assert all(len(value) < 256 for _, value in rtp.extensions(data, len(data)))
    for keyframe in codecs.KEYFRAMES.values():
        assert keyframe(data, start or 12, len(data)) in (True, False)
    payload = data[start or 12 :]
    temporal(payload)
    assert len(Pictures().rewrite(payload)) == len(payload)


@many
@given(bent("rtcp", "rtp"))
def test_bent_reports_are_read_or_refused(data: bytes) -> None:
    """Nothing but ValueError comes out."""
    try:
        rtcp.parse(data)
    except ValueError:
        return


@many
@given(st.lists(bent("tcp", "stun"), max_size=4), st.integers(1, 900))
def test_bent_streams_are_framed_or_cut(parts: list[bytes], cut: int) -> None:
    """What waits for more is bounded, whatever came before it."""
    opened, _, transport = connection()
    stream = b"".join(parts)
    for at in range(0, len(stream), cut):
        if not transport.aborted:
            opened.data_received(stream[at : at + cut])
    assert transport.aborted or len(opened._pending) <= MAX_DATAGRAM + 2


@many
@given(bent_offer())
def test_bent_offers_are_read_or_refused(offer: str) -> None:
    """Nothing but PeerError comes out of a description of any browser or encoder."""
    try:
        sdp.parse_offer(offer)
    except PeerError:
        return


@many
@given(bent("rtp", "dtls"))
def test_bent_pictures_of_a_network_camera_break_no_reader(data: bytes) -> None:
    """What its process cuts into units and packets."""
    for unit in [*h264.units(data), *h264.length_prefixed(data), *h264.parameter_sets(data)]:
        if unit:
            assert all(len(payload) <= h264.MAX_PAYLOAD + 2 for payload in h264.payloads(unit))
