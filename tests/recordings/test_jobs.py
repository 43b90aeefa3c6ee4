"""The finalising job: closes, makes files, verifies, and tells the database."""

import asyncio
import json
import os
from zoneinfo import ZoneInfo

import pytest
import synthetic
from studio import Studio
from test_compose import session

from core.errors import NotFound
from recordings import store, summary
from recordings.abandoned import StillRecording
from recordings.chain import b64, walk
from recordings.jobs import handlers
from recordings.library import Library


async def run(studio, database):
    await handlers(studio.data_dir, database, studio.clock)["finalize_recording"]({"recording": studio.recording})


async def test_a_finished_recording_is_listed_and_plays(finished, sqlite_database):
    """After the job the row tells verdict and digest, and its file is read in ranges."""
    await run(finished, sqlite_database)
    async with sqlite_database.transaction(write=False) as tx:
        row = await store.of_session(tx, "session-1")
        files = await store.files(tx, finished.recording)
    assert (row.verdict, row.state, row.duration_ms, row.takes) == ("INTACT", "closed", 6000, 1)
    library = Library(finished.data_dir, finished.clock)
    playable = await library.open(finished.recording, files[0].file)
    assert (await playable.read(0, 4)) == b"\x1a\x45\xdf\xa3"
    assert b"".join([part async for part in playable.chunks(100, 200)]) == await playable.read(100, 200)
    playable.close()


async def test_running_the_job_again_is_harmless(finished, sqlite_database):
    """Jobs run at least once."""
    await run(finished, sqlite_database)
    await run(finished, sqlite_database)
    async with sqlite_database.transaction(write=False) as tx:
        assert len(await store.files(tx, finished.recording)) == 1


async def test_an_abandoned_recording_is_closed_first(studio, sqlite_database):
    """Of a recorder that never came back the chain is ended at its last second."""
    studio.begin().play(synthetic.audio_stream(synthetic.track(1, "audio", "opus"), 2)).crash()
    studio.clock.advance(500)
    await run(studio, sqlite_database)
    library = Library(studio.data_dir, studio.clock)
    found, said = await library.verify(studio.recording), await library.summary(studio.recording)
    assert (found.exit_code, found.closed, found.duration_ms) == (0, True, 2000)
    assert said.close["reason"] == "abandoned"


async def test_a_running_recording_is_left_alone(studio, sqlite_database):
    """While a recorder holds it, the job fails and is tried later."""
    import fcntl

    studio.begin().play(synthetic.audio_stream(synthetic.track(1, "audio", "opus"), 2))
    with studio.files.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StillRecording):
            await run(studio, sqlite_database)


async def test_a_recording_that_never_was_is_no_error(studio, sqlite_database):
    """A session that was never armed has nothing to finalise; paths are no ids."""
    await handlers(studio.data_dir, sqlite_database, studio.clock)["finalize_recording"]({"recording": "nothing"})
    library = Library(studio.data_dir, studio.clock)
    for recording in ("nothing", "../keys", ""):
        with pytest.raises(NotFound):
            await library.verify(recording)


async def test_pages_get_the_log_with_names_and_times(finished):
    """The library opens the whole entries; a file that is not there is not found."""
    library = Library(finished.data_dir, finished.clock)
    entries = await library.log(finished.recording)
    assert (entries[2]["private"]["note"], entries[2]["ms"]) == ("第2秒", 3000)
    said = await library.summary(finished.recording)
    assert (said.ended - said.started).total_seconds() == 6
    with pytest.raises(NotFound):
        await library.open(finished.recording, "../keys.json")


async def test_what_is_asked_for_after_a_session(finished, sqlite_database):
    """Picture, proofs, the hourly look and the weekly round, each once; a rehearsal is not composed."""
    from sqlalchemy import select

    from core.jobs import Job

    await run(finished, sqlite_database)
    await run(finished, sqlite_database)
    async with sqlite_database.transaction(write=False) as tx:
        kinds = (await tx.execute(select(Job.kind).order_by(Job.kind))).scalars().all()
    assert kinds == ["compose_recording", "expire_recordings", "prove_recording", "scrub_recordings"]


async def test_the_picture_is_composed_with_names_that_are_never_kept_in_a_job(studio, sqlite_database, monkeypatch):
    """Captions come from the session's log when the picture is made."""
    from recordings import jobs
    from recordings.logbook import Entry

    studio.begin().play(synthetic.audio_stream(synthetic.track(1, "audio", "opus"), 1))
    public = {"event": "person", "endpoint": "ep-a", "present": "p-1", "role": "detainee"}
    entry = Entry(9, studio.clock.now(), public, {"name": "张伟民"})
    studio.tape.log(entry, studio.now.mono_ns)
    studio.commit()
    studio.close()
    await run(studio, sqlite_database)
    wishes = []

    async def program(*_arguments: str, given: bytes) -> None:
        wishes.append(json.loads(given))

    monkeypatch.setattr(jobs, "_run", program)
    await handlers(studio.data_dir, sqlite_database, studio.clock)["compose_recording"]({"recording": "rec-1"})
    assert wishes[0]["labels"] == {"ep-a": "被讯问人 Person questioned 张某某"}


async def test_a_summary_is_read_anew_when_the_chain_changed(studio):
    """What an unchanged chain said is remembered, never what it no longer says."""
    studio.begin().play(synthetic.audio_stream(synthetic.track(1, "audio", "opus"), 2))
    library = Library(studio.data_dir, studio.clock)
    first = await library.summary(studio.recording)
    assert await library.summary(studio.recording) is first
    studio.close()
    assert first.close is None
    assert (await library.summary(studio.recording)).close is not None


async def test_what_a_closed_chain_says_is_kept_and_never_believed_of_another(studio, sqlite_database):
    """After finalising it is read without the chain's lines; changed, foreign or gone, the chain is read."""
    studio.begin().play(synthetic.audio_stream(synthetic.track(1, "audio", "opus"), 2))
    await Library(studio.data_dir, studio.clock).keep_summary(studio.recording)
    assert not (studio.files.root / summary.FILE).exists()
    studio.close()
    await run(studio, sqlite_database)
    kept, whole = studio.files.root / summary.FILE, studio.files.chain.read_bytes()
    said = summary.read(studio.files)
    assert said == summary.summary_of(list(walk(whole).signed()))
    studio.files.chain.write_bytes(whole + b"{}\n")
    assert summary.read(studio.files) == said
    studio.files.chain.write_bytes(whole)
    good = kept.read_bytes()
    other = Studio(studio.data_dir.parent / "other")
    for forged in (
        good.replace(b"marker", b"merker", 1),
        good[:50],
        b"",
        (text := good.partition(b"\t")[0].replace(b"marker", b"merker", 1))
        + b"\t"
        + b64(other.site.sign(summary.DOMAIN + text)).encode(),
    ):
        kept.write_bytes(forged)
        assert summary.read(studio.files) == said
    log = await Library(studio.data_dir, studio.clock).log(studio.recording)
    assert [entry["private"] for entry in log] == [{"note": "第0秒"}, {"note": "第1秒"}]


async def test_a_chain_that_ends_elsewhere_than_when_it_was_closed_is_missing(finished, sqlite_database):
    """However well it agrees with itself: the digest at closing is what counts."""
    await run(finished, sqlite_database)
    found = await Library(finished.data_dir, finished.clock).verify(finished.recording)
    async with sqlite_database.transaction() as tx:
        row = await store.find(tx, finished.recording)
        store.checked(row, found, finished.clock.now())
        assert row.verdict == "INTACT"
        row.digest = "0" * 64
        store.checked(row, found, finished.clock.now())
        assert row.verdict == "MISSING"
        assert row.last_check["digest"] == found.digest


async def test_a_cancelled_composition_ends_its_program_and_can_be_begun_again(studio, sqlite_database, monkeypatch):
    """It runs niced and tells how far it is; cancelled, it is over at once and nothing half made can be played."""
    session(studio, 8)
    library, programs, begin = Library(studio.data_dir, studio.clock), [], asyncio.create_subprocess_exec

    async def begun(*arguments, **options):
        programs.append(await begin(*arguments, **options))
        return programs[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", begun)
    compose = handlers(studio.data_dir, sqlite_database, studio.clock)["compose_recording"]
    work = asyncio.create_task(compose({"recording": studio.recording}))
    while library.progress(studio.recording) is None:
        assert not work.done()
        await asyncio.sleep(0.02)
    done, total = library.progress(studio.recording)
    assert 0 < done <= total == 8
    assert os.getpriority(os.PRIO_PROCESS, programs[0].pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 15)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert programs[0].returncode == 75
    assert library.progress(studio.recording) is None
    assert [item.kind for item in await library.files(studio.recording)] == ["participant"] * 2
    await compose({"recording": studio.recording})
    assert "composed" in {item.kind for item in await library.files(studio.recording)}


async def test_a_composed_picture_shows_the_clock_of_the_site(studio, sqlite_database, monkeypatch):
    """The zone of the settings reaches the program that draws it."""
    session(studio, 1)
    given = []

    async def run(*arguments, **options):
        given.append(json.loads(options["given"]))

    monkeypatch.setattr("recordings.jobs._run", run)
    known = handlers(studio.data_dir, sqlite_database, studio.clock, zone=ZoneInfo("Asia/Urumqi"))
    await known["compose_recording"]({"recording": studio.recording})
    assert [said["zone"] for said in given] == ["Asia/Urumqi"]
