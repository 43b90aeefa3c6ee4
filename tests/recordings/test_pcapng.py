"""Decrypted segments are captures that other programs open."""

import os
import shutil
import subprocess

import pytest
import synthetic

from recordings import pcapng
from recordings.reader import Reader

needs_tshark = pytest.mark.skipif(
    not shutil.which("tshark") and not os.environ.get("CI"), reason="tshark is not installed"
)


def capture_of(finished, path):
    reader = Reader(finished.files, finished.data_key)
    path.write_bytes(b"".join(plain for _, plain in reader.sections()))
    return path


@needs_tshark
def test_tshark_counts_the_same_rtp_packets(finished, tmp_path):
    """tshark opens a decrypted segment, without complaint, and finds as many RTP packets as were given."""
    capture = capture_of(finished, tmp_path / "segment.pcapng")
    command = [
        "tshark",
        "-r",
        str(capture),
        "-o",
        "rtp.heuristic_rtp:TRUE",
        "-T",
        "fields",
        "-e",
        "rtp.ssrc",
        "-Y",
        "rtp",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    sent = sum(not packet.is_report for packet in Reader(finished.files, finished.data_key).packets())
    assert len(done.stdout.split()) == sent > 300


@needs_tshark
def test_tshark_finds_no_wrong_checksum(finished, tmp_path):
    """The synthetic IPv4 headers are right."""
    capture = capture_of(finished, tmp_path / "segment.pcapng")
    command = ["tshark", "-r", str(capture), "-o", "ip.check_checksum:TRUE", "-Y", "ip.checksum.status == 0"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == ""


def test_interfaces_name_their_tracks(finished):
    """Each interface's comment tells endpoint, codec and the rest."""
    plain = next(plain for _, plain in Reader(finished.files, finished.data_key).sections())
    described = pcapng.interfaces(plain)
    assert [(item["track"], item["codec"], item["endpoint"]) for item in described] == [
        (1, "opus", "ep-a"),
        (2, "vp8", "ep-a"),
    ]


@pytest.mark.parametrize("cut", [1, 5, 11, 40, 100])
def test_a_cut_section_is_refused(cut):
    """Half a block raises the error of this module and nothing else."""
    section = pcapng.Section()
    data = pcapng.section_header("x") + section.interface(synthetic.track(1, "audio", "opus"))
    data += section.rtp(1, 5, bytes(100))
    with pytest.raises(pcapng.PcapngError):
        list(pcapng.packets(data[:-cut]))


@pytest.mark.parametrize("size", range(9))
def test_packets_of_any_size_come_back(size):
    """Padding is not part of a packet."""
    section = pcapng.Section()
    data = pcapng.section_header("x") + section.interface(synthetic.track(3, "audio", "opus"))
    data += section.rtp(3, 1 << 60, bytes(range(size)))
    (packet,) = pcapng.packets(data)
    assert (packet.data, packet.at_ns, packet.is_report) == (bytes(range(size)), 1 << 60, False)
