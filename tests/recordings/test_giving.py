"""What leaves the site: disc images, working copies, and sealed originals that do not."""

import asyncio
import shutil
import subprocess
import zipfile

import pytest
import synthetic
from isoimage import read_image
from typer.testing import CliRunner

from core.database import Database, sqlite_url
from main import app
from recordings import discs, filing, handover, keeping
from recordings.compose import Composer
from recordings.discs import Piece, plan, size_of
from recordings.finalize import Finalizer
from recordings.jobs import refresh
from recordings.library import Library
from recordings.models import Recording
from recordings.retention import Decider

MB = 1_000_000


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("dvd", 4_700_000_000),
        ("CD", 700 * MB),
        ("dvd-dl", 8_500 * MB),
        ("bd", 25_000 * MB),
        ("4.7GB", 4_700_000_000),
        ("650 MB", 650 * MB),
        ("9", 9),
    ],
)
def test_disc_sizes_as_people_say_them(text, size):
    """By name or by number."""
    assert size_of(text) == size


def test_files_go_whole_where_they_fit_and_in_parts_where_none_does():
    """In order; parts are numbered, lose no byte, and no disc is fuller than it is."""
    files = [("a", 2 * MB), ("b", 3 * MB), ("c", 11 * MB), ("d", 1)]
    made = plan(files, 10_000, 5 * MB)
    for disc in made:
        assert sum(piece.length for piece in disc) <= 5 * MB
    for name, size in files:
        pieces = [piece for disc in made for piece in disc if piece.source == name]
        assert [piece.offset for piece in pieces] == [sum(p.length for p in pieces[:i]) for i in range(len(pieces))]
        assert sum(piece.length for piece in pieces) == size
    assert made[0][0] == Piece("a", 0, 2 * MB, "a")
    assert any(piece.name == "c.002" for disc in made for piece in disc)
    with pytest.raises(ValueError):
        plan(files, 10_000, MB)


@pytest.mark.parametrize(("disc", "count"), [("cd", 43), ("dvd", 7), ("dvd-dl", 4), ("bd", 2)])
def test_a_large_file_fills_each_disc(disc, count):
    """Thirty gigabytes need no more discs than their bytes do, though no part may be longer than 2 GiB."""
    made = plan([("small", 30 * MB), ("large", 30_000 * MB)], 10_000, size_of(disc))
    assert len(made) == count == -(-30_030 * MB // (size_of(disc) - (1 << 20) - 10_000))
    pieces = [piece for parts in made for piece in parts if piece.source == "large"]
    assert [piece.offset for piece in pieces] == [sum(p.length for p in pieces[:i]) for i in range(len(pieces))]
    assert sum(piece.length for piece in pieces) == 30_000 * MB
    assert max(piece.length for piece in pieces) <= discs.LONGEST


def test_one_disc_when_all_fits():
    """Nothing is cut."""
    assert plan([("a", 1), ("b", 2)], 0, 700 * MB) == [[Piece("a", 0, 1, "a"), Piece("b", 0, 2, "b")]]


@pytest.fixture(scope="module")
def composed(tmp_path_factory):
    """A finished recording with its composed picture."""
    from studio import Studio

    studio = Studio(tmp_path_factory.mktemp("giving") / "var")
    sound, picture = synthetic.track(1, "audio", "opus"), synthetic.track(2, "video", "vp8")
    studio.begin().play(synthetic.merged(synthetic.audio_stream(sound, 3), synthetic.video_stream(picture, 3)))
    studio.close()
    Finalizer(studio.data_dir, lambda: studio.site, studio.clock, studio.disk).run("rec-1")
    Composer(studio.data_dir, lambda: studio.site, studio.clock, studio.disk).run("rec-1")
    return studio


def run(studio, *arguments, status=0):
    done = CliRunner().invoke(app, [*map(str, arguments), "--data-dir", str(studio.data_dir)])
    assert done.exit_code == status, done.output
    return done.output


def test_a_handover_on_several_discs_is_whole_when_all_have_arrived(composed, tmp_path):
    """Copied from the images into one folder the receipt agrees, parts or joined; one disc missing is noticed."""
    output = tmp_path / "out"
    size = 2 * MB if (composed.files.derived / "composed.mp4").stat().st_size > MB else 1_300_000
    run(composed, "recordings", "handover", "rec-1", "-o", output, "--recipient", "某某法院", "--case", "A2026-7",
        "--iso", "--disc-size", size)  # fmt: skip
    images = sorted(output.glob("disc-*.iso"))
    assert images
    assert all(image.stat().st_size <= size for image in images)
    arrived = tmp_path / "arrived"
    arrived.mkdir()
    for image in images:
        for name, content in read_image(image).items():
            (arrived / name).write_bytes(content)
    assert handover.check(arrived).ok
    assert (arrived / handover.SHEET).is_file()
    assert "光盘" in (arrived / discs.NOTE).read_text("utf-8")
    parts = discs.parts_of(arrived / "rec-1.zip")
    if len(parts) > 1:
        parts[-1].unlink()
    else:
        (arrived / "rec-1.zip").unlink()
    assert handover.check(arrived).wrong == ("rec-1.zip",)


def test_a_file_larger_than_a_disc_is_joined_again(tmp_path):
    """Byte for byte, by the command on the disc."""
    (tmp_path / "list").write_bytes(b"x" * 5000)
    content = bytes(range(256)) * 20_000
    (tmp_path / "long-name-of-a-bundle.zip").write_bytes(content)
    images = discs.burn(tmp_path, ["list"], ["long-name-of-a-bundle.zip"], 3 * MB)
    assert len(images) == 3
    (tmp_path / "got").mkdir()
    for image in images:
        found = read_image(image)
        assert found["list"] == b"x" * 5000
        for name, data in found.items():
            (tmp_path / "got" / name).write_bytes(data)
    command = next(line for line in found[discs.NOTE].decode().splitlines() if line.startswith("cat"))
    subprocess.run(command, shell=True, cwd=tmp_path / "got", check=True)
    assert (tmp_path / "got" / "long-name-of-a-bundle.zip").read_bytes() == content


def test_a_working_copy_is_checked_by_hand_and_holds_no_original(composed, tmp_path):
    """The commands of its page succeed; a changed byte stops them; there is neither journal nor participant's file."""
    output = run(composed, "export", "rec-1", "-o", tmp_path / "copy.zip", "--working-copy")
    with zipfile.ZipFile(tmp_path / "copy.zip") as archive:
        archive.extractall(tmp_path / "copy")
    names = {path.name for path in (tmp_path / "copy").iterdir()}
    assert names == {"composed.mp4", "composed.mp4.json", "site.pub", "README.html", "SHA256SUMS", "SHA256SUMS.sig"}
    page = (tmp_path / "copy" / "README.html").read_text()
    assert "{{" not in page
    commands = page[page.index("<pre>") + 5 : page.index("</pre>")].splitlines()
    printed = [
        subprocess.run(line, shell=True, cwd=tmp_path / "copy", capture_output=True, text=True) for line in commands
    ]
    assert [done.returncode for done in printed] == [0, 0, 0]
    assert printed[0].stdout.split()[0] in output
    path = tmp_path / "copy" / "composed.mp4"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    last = subprocess.run(commands[-1], shell=True, cwd=tmp_path / "copy", capture_output=True)
    assert last.returncode


def test_a_sealed_original_does_not_leave(composed, sqlite_template, tmp_path):
    """Filed: refused, but encrypted or as a working copy; released by two persons: given; database away: refused."""
    path = composed.data_dir / "yuanjian.sqlite3"
    shutil.copy(sqlite_template, path)

    async def act(work):
        database = Database(sqlite_url(path))
        try:
            return await work(database)
        finally:
            await database.close()

    async def filed(database):
        await refresh(Library(composed.data_dir, composed.clock), database, composed.clock, "rec-1")
        async with database.transaction() as tx:
            (await tx.get_one(Recording, "rec-1")).state = "filed"

    async def released(database):
        from core.clock import SystemClock

        at = SystemClock().now()
        async with database.transaction() as tx:
            asked = await keeping.ask(
                tx, "rec-1", "unseal", "court-request", asked=Decider("a", "u"), case_unit="u", now=at
            )
            await keeping.decide(tx, asked.id, decides=Decider("b", "v"), approve=True, case_ended=False, now=at)
            assert await filing.is_unsealed(tx, "rec-1", now=at)

    give = ("--recipient", "x", "--case", "y")
    run(composed, "export", "rec-1", "-o", tmp_path / "open.zip")
    asyncio.run(act(filed))
    refused = run(composed, "export", "rec-1", "-o", tmp_path / "a.zip", status=2)
    assert "sealed" in refused
    assert not (tmp_path / "a.zip").exists()
    run(composed, "recordings", "handover", "rec-1", "-o", tmp_path / "h", *give, status=2)
    assert not (tmp_path / "h").exists()
    run(composed, "export", "rec-1", "-o", tmp_path / "b.zip", "--encrypted")
    run(composed, "recordings", "handover", "rec-1", "-o", tmp_path / "w", *give, "--working-copy")
    assert handover.check(tmp_path / "w").ok
    asyncio.run(act(released))
    run(composed, "export", "rec-1", "-o", tmp_path / "c.zip")
    path.write_bytes(b"this is no database at all" * 100)
    run(composed, "export", "rec-1", "-o", tmp_path / "d.zip", status=2)
    path.unlink()
