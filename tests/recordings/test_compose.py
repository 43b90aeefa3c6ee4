"""The composed picture: what is where, what the clock says, and what happens in a gap."""

import io
from dataclasses import replace

import av
import numpy as np
import pytest
import synthetic

from recordings import compose
from recordings.compose import Composer, Wishes
from recordings.derived import SealedReader
from recordings.finalize import Finalizer
from recordings.picture import BAR, HEIGHT, WIDTH, Box, Canvas, Layout, arrange, clock_mask, fit, to_yuv


def session(studio, seconds, *, crash=False, codec="vp8"):
    """A host and a room, the room's picture one second's grey, the host's voice 440 Hz."""

    def streams(length):
        for number, role in enumerate(("host", "room")):
            sound = replace(synthetic.track(1 + 2 * number, "audio", "opus", f"ep-{role}"), role=role)
            picture = replace(synthetic.track(2 + 2 * number, "video", codec, f"ep-{role}"), role=role)
            yield synthetic.audio_stream(sound, length)
            yield synthetic.video_stream(picture, length)

    studio.begin().play(synthetic.merged(*streams(seconds)))
    if crash:
        studio.crash()
        studio.clock.advance(2)
        studio.begin().play(synthetic.merged(*streams(1)))
    studio.close()
    Finalizer(studio.data_dir, lambda: studio.site, studio.clock, studio.disk).run("rec-1")


def composer(studio):
    return Composer(studio.data_dir, lambda: studio.site, studio.clock, studio.disk)


def content(studio, sidecar):
    with SealedReader(studio.files.derived / sidecar.file, studio.data_key, "rec-1") as reader:
        return reader.read(0, reader.length)


def frame_at(data, seconds):
    with av.open(io.BytesIO(data)) as container:
        container.seek(int(seconds * 1_000_000))
        frame = next(f for f in container.decode(video=0) if f.time >= seconds - 0.001)
        return frame.to_ndarray(format="rgb24").astype(int)


def test_a_session_of_two_is_picture_in_picture_with_a_gap_shown(studio):
    """The room stands large, the host inset; in the gap nothing of either is shown; sound and index are there."""
    session(studio, 2, crash=True)
    seen = []
    made = composer(studio).run("rec-1", Wishes(title="讯问 · 7"), lambda done, total: seen.append((done, total)))
    data = content(studio, made)
    picture, gap = frame_at(data, 1.5), frame_at(data, 3.0)
    assert abs(int(np.median(picture[200:400, 400:700])) - synthetic.grey_of(1)) <= 6
    assert abs(int(np.median(picture[480:600, 1000:1200])) - synthetic.grey_of(1)) <= 6
    assert picture[436 - 32 : 436, 936:1256].max() > 200, "the inset has a border"
    assert np.median(gap[100:200]) < 40
    assert gap[270:400, 400:900].max() > 200, "the notice has words"
    assert (made.kind, made.duration_ms, seen[-1]) == ("composed", 5000, (5, 5))
    assert data.find(b"moov") < data.find(b"mdat")
    with av.open(io.BytesIO(data)) as container:
        assert {s.codec_context.name for s in container.streams} == {"h264", "aac"}
        sound = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])
    tone = np.abs(np.fft.rfft(sound[24_000:72_000]))
    assert abs(int(tone.argmax()) - 440) <= 2
    assert np.abs(sound[int(2.4 * 48_000) : int(3.6 * 48_000)]).max() < 0.02


def test_an_interrupted_composition_goes_on_with_the_next_piece(studio, monkeypatch):
    """Pieces that were finished are kept and not made again; nothing is left when all is done."""
    monkeypatch.setattr(compose, "PIECE_S", 1)
    session(studio, 3)

    def stop(done, total):
        if done == 2:
            raise SystemExit(75)

    with pytest.raises(SystemExit):
        composer(studio).run("rec-1", None, stop)
    pieces = {p: p.stat().st_mtime_ns for p in studio.files.derived.glob(".piece-*")}
    assert pieces
    made = composer(studio).run("rec-1")
    assert not list(studio.files.derived.glob(".*"))
    with av.open(io.BytesIO(content(studio, made))) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert (len(times), times) == (75, sorted(times))
    assert composer(studio).run("rec-1") == made


def test_a_protected_person_is_masked_and_sounds_different(studio):
    """In a copy of its own: no detail smaller than a block is left, and the voice's tone is gone."""
    session(studio, 2)
    plain = content(studio, composer(studio).run("rec-1"))
    made = composer(studio).run("rec-1", Wishes(protected=frozenset({"ep-room", "ep-host"})))
    assert made.file.startswith("protected-")
    assert made.remarks == ("masked",)
    data = content(studio, made)
    with av.open(io.BytesIO(data)) as container:
        sound = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])
    tone = np.abs(np.fft.rfft(sound[24_000:72_000]))
    assert tone[438:443].max() < tone.max() / 10
    assert not np.array_equal(frame_at(plain, 1)[:600], frame_at(data, 1)[:600])


def test_a_recording_without_media_has_nothing_to_compose(tmp_path):
    """An attendance chain stays without picture."""
    from studio import Studio

    studio = Studio(tmp_path / "var", policy="attendance")
    studio.begin().play([]).close()
    assert composer(studio).run("rec-1") is None


@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("count", range(1, 10))
def test_tiles_lie_apart_and_inside_the_stage(count, layout):
    """No tile leaves the stage or covers another, but for the inset of two; all fit YUV's grid."""
    boxes = arrange(count, layout)
    assert len(boxes) == count
    for box in boxes:
        assert not any(value % 4 for value in (box.x, box.y, box.width, box.height))
        assert box.x + box.width <= WIDTH
        assert box.y + box.height <= HEIGHT - BAR
    if count != 2 or layout is not Layout.EQUAL:
        for i, a in enumerate(boxes):
            for b in boxes[i + 1 :]:
                apart = a.x + a.width <= b.x or b.x + b.width <= a.x or a.y + a.height <= b.y or b.y + b.height <= a.y
                assert apart


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (1920, 1080), (16, 16), (3, 2000)])
def test_pictures_keep_their_form(size):
    """A picture is never stretched by more than the grid forces, nor cut."""
    place = fit(*size, Box(0, 0, 640, 480))
    assert place.width <= 640
    assert place.height <= 480
    if min(size) > 100:
        assert abs(place.width / place.height - size[0] / size[1]) < 0.03


def test_the_clock_does_not_jitter():
    """Every second of a day is as wide as any other."""
    assert len({clock_mask(f"10:0{n}:{n}8", 22).shape for n in range(6)}) == 1


def test_colours_survive():
    """A filled box comes back from YUV as the colour it was."""
    canvas = Canvas()
    canvas.fill(Box(0, 0, WIDTH, HEIGHT), (0x9A, 0x67, 0x00))
    shown = av.VideoFrame.from_ndarray(canvas.packed, "yuv420p").to_ndarray(format="rgb24")[100, 100]
    assert np.abs(shown.astype(int) - (0x9A, 0x67, 0x00)).max() <= 3
    assert to_yuv((255, 255, 255)) == (235, 128, 128)


def test_the_close_camera_stands_large_and_the_wide_one_beside_it(studio):
    """Of a room with two cameras; a host comes below."""
    cameras = [
        replace(synthetic.track(1, "video", "vp8", "ep-room", "wide"), role="room"),
        replace(synthetic.track(2, "video", "vp8", "ep-room", "camera"), role="room"),
        replace(synthetic.track(3, "video", "vp8", "ep-host", "camera"), role="host"),
    ]
    sizes = [(320, 180), (160, 120), (160, 120)]
    streams = [synthetic.video_stream(t, 1, width=w, height=h) for t, (w, h) in zip(cameras, sizes, strict=True)]
    studio.begin().play(synthetic.merged(*streams)).close()
    Finalizer(studio.data_dir, lambda: studio.site, studio.clock, studio.disk).run("rec-1")
    picture = frame_at(content(studio, composer(studio).run("rec-1")), 0.5)
    main, wide, host = arrange(3, Layout.ROOM)
    grey = synthetic.grey_of(0)
    for box, (width, height) in ((main, (160, 120)), (wide, (320, 180)), (host, (160, 120))):
        place = fit(width, height, box)
        middle = picture[place.y + place.height // 2, place.x + place.width // 2]
        assert abs(int(middle.mean()) - grey) <= 8, box
        below = picture[min(place.y + place.height + 4, HEIGHT - BAR - 1), place.x + place.width // 2]
        assert below.mean() < 25, "a picture of that form, no larger"
    assert main.width > 1.9 * wide.width


def test_a_room_is_heard_once(studio):
    """The sound of a room is its terminal's; that of its wide camera is left out, but where there is no other."""

    def heard(*publications):
        made = compose._heard([compose._Source("ep-room", name, "", ()) for name in publications])
        return [source.publication for source in made]

    assert heard("camera", "wide", "close") == ["camera"]
    assert heard("wide", "close") == ["wide", "close"]
    tracks = [replace(synthetic.track(1, "audio", "opus", "ep-room", "wide"), role="room")]
    studio.begin().play(synthetic.merged(*(synthetic.audio_stream(t, 1) for t in tracks))).close()
    Finalizer(studio.data_dir, lambda: studio.site, studio.clock, studio.disk).run("rec-1")
    data = content(studio, composer(studio).run("rec-1"))
    with av.open(io.BytesIO(data)) as container:
        assert max(float(np.abs(frame.to_ndarray()).max()) for frame in container.decode(audio=0)) > 0.05
