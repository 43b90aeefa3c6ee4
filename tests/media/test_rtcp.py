"""RTCP written here is read back here and by aiortc; anything else is refused without a traceback."""

import pytest
from aiortc import rtp as aiortc_rtp
from hypothesis import given
from hypothesis import strategies as st

from media import rtcp


def test_a_receiver_report_is_what_others_read() -> None:
    """Fraction, loss and highest sequence number survive, negative loss too."""
    block = rtcp.Report(ssrc=7, fraction=0.25, lost=-3, highest=70000, jitter=9, lsr=1, dlsr=2)
    data = rtcp.receiver_report(5, [block])
    assert rtcp.parse(data) == [block]
    theirs = aiortc_rtp.RtcpPacket.parse(data)[0]
    assert (theirs.ssrc, theirs.reports[0].packets_lost, theirs.reports[0].fraction_lost) == (5, -3, 64)


def test_a_sender_report_is_what_others_read() -> None:
    """NTP and RTP time of the same instant, with a CNAME behind it."""
    data = rtcp.sender_report(5, 1 << 63, 99, 3, 4) + rtcp.source_description(5, "a.b")
    assert rtcp.parse(data) == [rtcp.SenderReport(5, 1 << 63, 99)]
    sender, names = aiortc_rtp.RtcpPacket.parse(data)
    assert sender.sender_info.packet_count == 3
    assert names.chunks[0].items[0][1] == b"a.b"


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=60, unique=True))
def test_a_nack_names_exactly_what_is_missing(sequences: list[int]) -> None:
    """Packed into pairs and unpacked, the set is the same."""
    (item,) = rtcp.parse(rtcp.nack(1, 2, sorted(sequences)))
    assert isinstance(item, rtcp.Lost)
    assert sorted(item.sequences) == sorted(sequences)


def test_a_nack_is_packed_tightly() -> None:
    """Seventeen neighbours need one pair, across the wrap too."""
    sequences = [(65530 + index) & 0xFFFF for index in range(17)]
    assert len(rtcp.nack(1, 2, sequences)) == 16


def test_feedback_is_read() -> None:
    """PLI, FIR and REMB name their stream."""
    fir = b"\x84\xce\x00\x04" + (1).to_bytes(4, "big") + bytes(4) + (9).to_bytes(4, "big") + b"\1\0\0\0"
    data = rtcp.pli(1, 8) + fir + rtcp.remb(1, 1_500_000, [3, 4])
    wanted, forced, estimate = rtcp.parse(data)
    assert (wanted, forced) == (rtcp.KeyframeWanted(8), rtcp.KeyframeWanted(9))
    assert isinstance(estimate, rtcp.Remb)
    assert estimate.ssrcs == (3, 4)
    assert 1_499_000 < estimate.bitrate <= 1_500_000


@pytest.mark.parametrize("data", ["80", "80c80001", "40c9000000000000", "80c8000100000001", "83c90001ffffffff"])
def test_malformed_packets_are_refused(data: str) -> None:
    """Cut, of another version, or with fewer blocks than announced: ValueError."""
    with pytest.raises(ValueError):
        rtcp.parse(bytes.fromhex(data))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Nothing but ValueError comes out of the parser."""
    try:
        rtcp.parse(data)
    except ValueError:
        return


@given(st.integers(0, 31), st.integers(200, 207), st.binary(max_size=120))
def test_well_framed_nonsense_is_read_or_refused(count: int, kind: int, body: bytes) -> None:
    """A right header before wrong content is no different."""
    body += bytes(-len(body) % 4)
    try:
        rtcp.parse(bytes((0x80 | count, kind)) + (len(body) // 4).to_bytes(2, "big") + body)
    except ValueError:
        return
