"""Playable files: opened as any player would, after jumps too."""

import io
import itertools

import av
import numpy as np
import pytest
import synthetic

from recordings import derived
from recordings.derived import CHUNK, DerivedError, SealedReader, SealedWriter
from recordings.finalize import Finalizer
from recordings.reader import Reader


def finalized(studio):
    return Finalizer(studio.data_dir, lambda: studio.site, studio.clock, studio.disk).run(studio.recording)


def content(studio, sidecar):
    with SealedReader(studio.files.derived / sidecar.file, studio.data_key, studio.recording) as reader:
        return reader.read(0, reader.length)


def opened(studio, sidecar):
    return av.open(io.BytesIO(content(studio, sidecar)))


def grey(frame):
    return int(np.median(frame.to_ndarray(format="rgb24")[frame.height // 2 :, frame.width // 2 :, 0]))


def picture_at(container, seconds):
    container.seek(int(seconds * 1_000_000))
    return next(frame for frame in container.decode(video=0) if frame.time >= seconds - 0.001)


def record(studio, *streams):
    studio.begin().play(synthetic.merged(*streams)).close()
    return finalized(studio)


@pytest.mark.parametrize(("codec", "suffix"), [("vp8", ".webm"), ("h264", ".mp4")])
def test_a_participants_file_plays_and_seeks(studio, codec, suffix):
    """Every picture is there unchanged in time, sound lasts as long, and three jumps land where they should."""
    sound, picture = synthetic.track(1, "audio", "opus"), synthetic.track(2, "video", codec)
    (made,) = record(studio, synthetic.audio_stream(sound, 6), synthetic.video_stream(picture, 6))
    assert made.file.endswith(suffix)
    assert sum(1 for _ in opened(studio, made).decode(video=0)) == 6 * synthetic.FPS
    assert sum(frame.samples for frame in opened(studio, made).decode(audio=0)) == 6 * 48_000
    container = opened(studio, made)
    for seconds in (4.5, 1.3, 2.9):
        assert abs(grey(picture_at(container, seconds)) - synthetic.grey_of(int(seconds))) <= 4


def test_no_clear_byte_of_a_derived_file_is_on_disk(finished):
    """What is stored has nothing of a container in it, nothing is left beside, and every read is authenticated."""
    (made,) = finalized(finished)
    assert sorted(p.name for p in finished.files.derived.iterdir()) == [made.file, made.file + ".json"]
    stored = (finished.files.derived / made.file).read_bytes()
    assert content(finished, made)[:64] not in stored
    assert b"webm" not in stored
    spoilt = bytearray(stored)
    spoilt[len(spoilt) // 2] ^= 1
    (finished.files.derived / made.file).write_bytes(spoilt)
    with pytest.raises(DerivedError):
        content(finished, made)


def test_the_sidecar_is_signed_and_names_its_source(finished):
    """It states digests, the chain it was made from, and fits only as it was signed."""
    import hashlib

    (made,) = finalized(finished)
    raw = (finished.files.derived / f"{made.file}.json").read_bytes()
    assert derived.read_sidecar(raw) == made
    assert derived.read_sidecar(raw.replace(b'"part":1', b'"part":2')) is None
    assert made.chain == Reader(finished.files, finished.data_key).head
    assert made.content_sha256 == hashlib.sha256(content(finished, made)).hexdigest()
    assert made.stored_sha256 == hashlib.sha256((finished.files.derived / made.file).read_bytes()).hexdigest()


def test_finalising_again_changes_nothing(finished):
    """The second run returns what the first made."""
    first = finalized(finished)
    times = {p: p.stat().st_mtime_ns for p in finished.files.derived.iterdir()}
    assert finalized(finished) == first
    assert {p: p.stat().st_mtime_ns for p in finished.files.derived.iterdir()} == times


def test_a_reconnect_stays_on_one_timeline_with_silence_between(studio):
    """Two tracks of one camera give one file; where nobody sent, sound is silence and the picture waits."""
    late = 3_000_000_000

    def shifted(stream):
        return (synthetic.Sent(e.at_ns + late, e.track, e.packet, e.report) for e in stream)

    one = synthetic.track(1, "audio", "opus"), synthetic.track(2, "video", "vp8")
    two = synthetic.track(3, "audio", "opus"), synthetic.track(4, "video", "vp8")
    (made,) = record(
        studio,
        synthetic.audio_stream(one[0], 1),
        synthetic.video_stream(one[1], 1),
        shifted(synthetic.audio_stream(two[0], 2, base=999)),
        shifted(synthetic.video_stream(two[1], 2, base=777)),
    )
    assert sum(frame.samples for frame in opened(studio, made).decode(audio=0)) == pytest.approx(5 * 48_000, abs=960)
    sound = np.concatenate([f.to_ndarray()[0] for f in opened(studio, made).decode(audio=0)])
    assert np.abs(sound[int(1.2 * 48_000) : int(2.8 * 48_000)]).max() < 0.001
    assert np.abs(sound[int(3.5 * 48_000) : int(4.5 * 48_000)]).max() > 0.1
    times = [frame.time for frame in opened(studio, made).decode(video=0)]
    assert not [t for t in times if 1.1 < t < 2.9]
    assert abs(min(t for t in times if t > 2) - 3.0) < 0.04


def test_lost_sound_is_filled_in_place(studio):
    """Missing packets leave silence of their length; what follows is where it was."""
    sound = synthetic.track(1, "audio", "opus")
    (made,) = record(
        studio, (e for e in synthetic.audio_stream(sound, 3) if not 1_000_000_000 < e.at_ns < 1_500_000_000)
    )
    assert made.media_type == "audio/webm"
    assert sum(f.samples for f in opened(studio, made).decode(audio=0)) == 3 * 48_000


def test_sound_stays_in_its_place_beside_a_picture_when_packets_are_lost(studio):
    """While a lost packet of sound is waited for, the picture goes on; every packet that came keeps its time."""
    sound, picture = synthetic.track(1, "audio", "opus"), synthetic.track(2, "video", "vp8")
    heard = (e for n, e in enumerate(synthetic.audio_stream(sound, 8)) if e.report or n % 37)
    (made,) = record(studio, heard, synthetic.video_stream(picture, 8))
    with opened(studio, made) as container:
        times = [float(p.pts * p.time_base) for p in container.demux(audio=0) if p.pts is not None]
    steps = [b - a for a, b in itertools.pairwise(times)]
    assert (min(steps), max(steps)) == pytest.approx((0.02, 0.02), abs=0.0021)
    assert made.remarks == ()


def test_another_form_of_picture_begins_a_new_file(studio):
    """A phone turned on its side is a second part; a mere change of size is not."""

    def later(stream, seconds, sequence):
        for event in stream:
            packet = event.packet
            if packet:
                number = int.from_bytes(packet[2:4], "big") + sequence & 0xFFFF
                packet = packet[:2] + number.to_bytes(2, "big") + packet[4:]
            yield synthetic.Sent(event.at_ns + seconds * 1_000_000_000, event.track, packet, None)

    picture = synthetic.track(2, "video", "vp8")
    base = 4_294_900_000
    made = record(
        studio,
        synthetic.video_stream(picture, 1, width=160, height=120, base=base),
        later(synthetic.video_stream(picture, 1, width=320, height=240, base=base + 90_000), 1, 300),
        later(synthetic.video_stream(picture, 1, width=120, height=160, base=base + 180_000), 2, 900),
    )
    assert [item.part for item in made] == [1, 2]
    sizes = [{(f.width, f.height) for f in opened(studio, item).decode(video=0)} for item in made]
    assert sizes[1] == {(120, 160)}
    assert made[1].start_ms == pytest.approx(2005, abs=20)


def test_other_parameter_sets_begin_a_new_file(studio):
    """H.264 of another size cannot go on in the same MP4."""
    picture, wide = synthetic.track(2, "video", "h264"), synthetic.track(3, "video", "h264")

    def shifted(stream):
        return (synthetic.Sent(e.at_ns + 2_000_000_000, e.track, e.packet, e.report) for e in stream)

    made = record(
        studio,
        synthetic.video_stream(picture, 2),
        shifted(synthetic.video_stream(wide, 2, width=320, height=240, base=5)),
    )
    assert [item.part for item in made] == [1, 2]
    assert [next(opened(studio, item).decode(video=0)).width for item in made] == [160, 320]


def test_a_damaged_second_costs_only_itself(finished):
    """With one frame rotten the rest still plays, and the sidecar says so."""
    body = [b for b in Reader(finished.files, finished.data_key).bodies if b["type"] == "frame"][3]
    path = finished.files.segment(1)
    data = bytearray(path.read_bytes())
    data[body["offset"] + 500] ^= 1
    path.write_bytes(data)
    (made,) = finalized(finished)
    assert "damaged-seconds-left-out" in made.remarks
    assert sum(f.samples for f in opened(finished, made).decode(audio=0)) == 6 * 48_000


def test_a_participant_who_sent_garbage_harms_nobody(studio):
    """Junk in one track gives no file of it, and the other's plays."""
    junk = synthetic.track(5, "video", "h264", endpoint="ep-b")
    noise = [
        synthetic.Sent(
            n * 10_000_000, junk, synthetic.rtp(96, n, n * 900, junk.ssrc, b"\x65" + bytes(range(n % 200)), True)
        )
        for n in range(200)
    ]
    made = record(studio, synthetic.video_stream(synthetic.track(2, "video", "vp8"), 2), iter(noise))
    good = [item for item in made if item.endpoint == "ep-a"]
    assert len(good) == 1
    assert sum(1 for _ in opened(studio, good[0]).decode(video=0)) == 2 * synthetic.FPS


def test_ranges_read_the_same_as_the_whole(tmp_path, studio):
    """Random access over chunk borders gives the bytes that were written, in any order of writing."""
    writer = SealedWriter(studio.disk, tmp_path / "x", bytes(32), "rec-1")
    data = bytearray(np.random.default_rng(1).bytes(5 * CHUNK + 123))
    writer.write(bytes(data[: 3 * CHUNK]))
    writer.seek(4 * CHUNK)
    writer.write(bytes(data[4 * CHUNK :]))
    writer.seek(3 * CHUNK)
    writer.write(bytes(data[3 * CHUNK : 4 * CHUNK]))
    writer.seek(10)
    writer.write(b"patched")
    data[10:17] = b"patched"
    writer.finish()
    with SealedReader(tmp_path / "x", bytes(32), "rec-1") as reader:
        assert reader.length == len(data)
        for offset, length in ((0, 20), (CHUNK - 5, 10), (3 * CHUNK, 2 * CHUNK), (5 * CHUNK + 100, 999), (0, 1 << 30)):
            assert reader.read(offset, length) == data[offset : offset + length]
        assert b"".join(reader.chunks(7, 2 * CHUNK)) == data[7 : 7 + 2 * CHUNK]


def test_a_derived_file_of_another_recording_is_foreign(tmp_path, studio):
    """File, key and recording belong together."""
    writer = SealedWriter(studio.disk, tmp_path / "x", bytes(32), "rec-1")
    writer.write(b"data")
    writer.finish()
    for key, recording in ((bytes(32), "rec-2"), (b"\1" * 32, "rec-1")):
        with pytest.raises(DerivedError):
            SealedReader(tmp_path / "x", key, recording)
