"""Frames out of RTP payloads, and only whole ones."""

import random

import pytest
import synthetic

from recordings.depacketize import Assembler, Reorder, opus_samples, parse


def frames_of(codec, packets):
    reorder, assembler = Reorder(), Assembler(codec)
    ready = [p for at, data in packets for p in reorder.push(data, at)] + list(reorder.flush())
    return [frame for packet in ready for frame in assembler.push(packet)]


def packets(codec, seconds=3):
    track = synthetic.track(1, "video", codec)
    return [(e.at_ns, e.packet) for e in synthetic.video_stream(track, seconds, width=320, height=240) if e.packet]


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_every_frame_comes_back(codec):
    """What was packetized is put together again, key frames marked."""
    found = frames_of(codec, packets(codec))
    sent = synthetic.pictures(codec, 320, 240, 3)
    assert [frame.key for frame in found] == [key for _, key in sent]
    if codec == "vp8":
        assert [frame.data for frame in found] == [data for data, _ in sent]
        assert found[0].size == (320, 240)


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_reordered_and_repeated_packets_make_no_difference(codec):
    """Late and doubled packets, as NACK brings them, give the same frames."""
    rng, sent = random.Random(1), packets(codec)
    shuffled = sorted(sent + rng.sample(sent, 20), key=lambda p: p[0] + rng.random() * 400_000_000)
    at = [time for time, _ in sent]
    arrived = [(at[min(i, len(at) - 1)], data) for i, (_, data) in enumerate(shuffled)]
    assert frames_of(codec, arrived) == frames_of(codec, sent)


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_after_a_loss_nothing_is_shown_until_a_key_frame(codec):
    """A lost packet costs its frame and those that depend on it, no more."""
    sent = packets(codec)
    timestamps = sorted({parse(data)[1] for _, data in sent}, key=lambda t: (t - 4_294_900_000) % (1 << 32))
    lost = next(data for _, data in sent if parse(data)[1] == timestamps[10])
    found = frames_of(codec, [(at, data) for at, data in sent if data is not lost])
    whole = frames_of(codec, sent)
    assert [frame.data for frame in found] == [frame.data for frame in whole[:10] + whole[30:]]


def test_hostile_payloads_are_nothing():
    """Random bytes behind a valid header give no frame of a key kind and no error."""
    rng = random.Random(5)
    for codec in ("vp8", "h264"):
        junk = [
            (n * 1_000_000, synthetic.rtp(96, n, n, 7, rng.randbytes(rng.randrange(1, 40)), rng.random() < 0.5))
            for n in range(3000)
        ]
        frames_of(codec, junk)


def test_what_is_not_rtp_is_nothing():
    """Short, foreign and overlong headers are passed over."""
    for data in (b"", b"\x80", bytes(12), b"\x8f" + bytes(20), b"\x90" + bytes(11) + b"\0\0\xff\xff" + bytes(9)):
        assert parse(data) is None


@pytest.mark.parametrize(
    ("packet", "samples"),
    [(b"\xf8\xff\xfe", 960), (b"\xfc", 960), (b"\xe0", 120), (b"\x08", 960), (b"\x0b\x03", 2880), (b"", 0)],
)
def test_opus_durations(packet, samples):
    """The table-of-contents byte tells how long a packet plays (RFC 6716 3.1)."""
    assert opus_samples(packet) == samples
