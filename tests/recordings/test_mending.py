"""After a repair: films that lacked what was mended are made anew, and until then nobody takes them for new."""

import contextlib
import json
import shutil
import sqlite3
import zipfile
from dataclasses import replace

import pytest
import synthetic
import typer
from typer.testing import CliRunner

from core.jobs import Worker, state
from recordings import filing, scrub, store
from recordings.commands import mount
from recordings.derived import sidecars, sign_sidecar
from recordings.export import export
from recordings.finalize import DAMAGED, Finalizer
from recordings.jobs import handlers
from recordings.library import Library
from recordings.storage import DirectoryStore, bring
from recordings.upkeep import scrub_round
from recordings.workingcopy import WorkingCopy

FRAMES = 7
"""Of six seconds: the last, at the end, is empty."""


def rot(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


@pytest.fixture
def damaged(finished, tmp_path):
    """A recording of six seconds with a whole second copy, of which one second rotted before films were made."""
    copy = DirectoryStore(tmp_path / "copy")
    bring(finished.files, copy)
    rot(finished.files.segment(1), 30_000)
    return finished, copy


def worker(studio, database, copy):
    return Worker(database, studio.clock, handlers(studio.data_dir, database, studio.clock, copies=[copy]))


async def work(worker):
    while await worker.run_one():
        pass


async def finalize(studio, database, copy):
    """The job alone: what it asks for is not done yet."""
    await handlers(studio.data_dir, database, studio.clock, copies=[copy])["finalize_recording"]({"recording": "rec-1"})


async def films(studio, database):
    """By name: what is signed about each, and whether the database calls it outdated."""
    async with database.transaction(write=False) as tx:
        old = {row.file: row.outdated for row in await store.files(tx, "rec-1")}
    return {item.file: (item, old[item.file]) for item in await Library(studio.data_dir, studio.clock).files("rec-1")}


async def test_a_mended_recording_gets_new_films_by_itself(damaged, sqlite_database):
    """The weekly round mends it; then its films are made anew, the composed one of the new ones; meanwhile that one is
    said to be outdated, is no working copy and is not given away; the second copy takes the new beside the old."""
    studio, copy = damaged
    rounds = worker(studio, sqlite_database, copy)
    await finalize(studio, sqlite_database, copy)
    await work(rounds)
    before = await films(studio, sqlite_database)
    assert {(DAMAGED in item.remarks, item.frames, old) for item, old in before.values()} == {(True, FRAMES - 1, False)}
    await finalize(studio, sqlite_database, copy)
    assert await films(studio, sqlite_database) == before, "nothing more can be read"
    assert (await scrub_round(Library(studio.data_dir, studio.clock), sqlite_database, studio.clock, [copy])).mended
    assert await rounds.run_one(), "finalising was asked for"
    between = await films(studio, sqlite_database)
    assert [old for _, old in between.values()] == [False, True]
    async with sqlite_database.transaction(write=False) as tx:
        assert await state(tx, "compose:rec-1") == "waiting"
        assert filing.working_copies(await store.files(tx, "rec-1")) == []
    with pytest.raises(ValueError, match="no working copy"):
        WorkingCopy(studio.data_dir, "rec-1", studio.site, studio.clock)
    export(studio.data_dir, "rec-1", studio.data_dir / "b.zip", studio.site, studio.clock)
    with zipfile.ZipFile(studio.data_dir / "b.zip") as bundle:
        said = json.loads(bundle.read("statement.jsonl").partition(b"\t")[0])
    remarks = {item["file"]: item["remarks"] for item in said["files"] if "remarks" in item}
    assert remarks == {
        "derived/01-camera-01.webm": [],
        "derived/composed.mp4": [DAMAGED, "pictures-left-out", "outdated"],
    }
    studio.clock.advance(3)
    await work(rounds)
    after = await films(studio, sqlite_database)
    assert {(DAMAGED in item.remarks, item.frames, old) for item, old in after.values()} == {(False, FRAMES, False)}
    participant, composed = (item for item, _ in after.values())
    assert composed.sources == (participant.content_sha256,) != before["composed.mp4"][0].sources
    assert composed.content_sha256 != before["composed.mp4"][0].content_sha256
    found = await scrub_round(Library(studio.data_dir, studio.clock), sqlite_database, studio.clock, [copy])
    assert (found.sound, found.rotten) == (1, ())


async def test_films_that_show_more_than_can_be_read_now_stay(finished, sqlite_database, tmp_path):
    """A recording that rots after its films were made keeps them: finalising again takes nothing away."""
    copy = DirectoryStore(tmp_path / "copy")
    rounds = worker(finished, sqlite_database, copy)
    await finalize(finished, sqlite_database, copy)
    await work(rounds)
    before = await films(finished, sqlite_database)
    rot(finished.files.segment(1), 30_000)
    await finalize(finished, sqlite_database, copy)
    assert not await rounds.run_one(), "nothing is composed again"
    assert await films(finished, sqlite_database) == before


@pytest.mark.parametrize("name", ["01-camera-01.webm", "composed.mp4"])
async def test_a_film_that_rotted_is_made_again(finished, sqlite_database, tmp_path, name):
    """The recording is sound: the weekly round has the film made anew, and the composed one of it."""
    copy = DirectoryStore(tmp_path / "copy")
    rounds = worker(finished, sqlite_database, copy)
    await finalize(finished, sqlite_database, copy)
    await work(rounds)
    rot(finished.files.derived / name, 5_000)
    assert scrub.spoilt_derived(finished.files) == [name]
    await scrub_round(Library(finished.data_dir, finished.clock), sqlite_database, finished.clock, [])
    assert await rounds.run_one()
    finished.clock.advance(3)
    await work(rounds)
    assert scrub.spoilt_derived(finished.files) == []
    assert not any(old for _, old in (await films(finished, sqlite_database)).values())


async def test_what_a_camera_no_longer_shows_is_not_left_lying(studio):
    """A film that an earlier run made and the mended recording does not call for goes; so do pieces of a picture."""
    sound = synthetic.track(1, "audio", "opus")
    studio.begin().play(synthetic.audio_stream(sound, 3)).close()
    finalizer = Finalizer(studio.data_dir, lambda: studio.site, studio.clock, studio.disk)
    (made,) = finalizer.run("rec-1")
    other = replace(made, file="02-camera-01.webm", chain="0" * 64)
    shutil.copy(studio.files.derived / made.file, studio.files.derived / other.file)
    (studio.files.derived / f"{other.file}.json").write_bytes(sign_sidecar(other, studio.site))
    (studio.files.derived / ".piece-0123-000000").write_bytes(b"of an older picture")
    (again,) = finalizer.run("rec-1")
    assert sidecars(studio.files.derived) == [again]
    assert not list(studio.files.derived.glob(".piece-*"))


def test_repair_at_the_command_line_tells_the_site(damaged, tmp_path, sqlite_template):
    """Its worker is asked to look again, after finalising by hand too; without a database there is nobody to tell."""
    studio, _ = damaged
    shutil.copytree(tmp_path / "copy", tmp_path / "backup" / "recordings")
    database, app = studio.data_dir / "yuanjian.sqlite3", typer.Typer()
    mount(app)

    def run(*arguments):
        done = CliRunner().invoke(app, [*map(str, arguments), "--data-dir", str(studio.data_dir)])
        assert done.exit_code == 0, done.output
        return done.output

    run("recordings", "finalize", "rec-1")
    assert not database.exists()
    shutil.copy(sqlite_template, database)
    assert "repaired seg-000001" in run("recordings", "repair", "rec-1", "--from", tmp_path / "backup")
    run("recordings", "finalize", "rec-1")
    run("recordings", "compose", "rec-1")
    with contextlib.closing(sqlite3.connect(database)) as found:
        asked = found.execute("select kind, payload from jobs").fetchall()
    assert asked == [("finalize_recording", '{"recording": "rec-1"}')] * 3
    assert all(item.frames == FRAMES and not item.remarks for item in sidecars(studio.files.derived))
    database.write_bytes(b"")
    assert "could not be told" in run("recordings", "finalize", "rec-1")
