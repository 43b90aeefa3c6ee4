"""Second copies in a directory and in an object store."""

import contextlib
import time

import pytest
import synthetic
from faults import FaultyDisk
from obstore.store import LocalStore, MemoryStore

from media.ports import Track
from recordings import storage
from recordings.storage import Differs, DirectoryStore, ObjectStore, StoreAway
from recordings.verify import verify


@pytest.fixture(params=["directory", "objects", "files"])
def store(request, tmp_path):
    (tmp_path / "store").mkdir()
    return {
        "directory": lambda: DirectoryStore(tmp_path / "store"),
        "objects": lambda: ObjectStore(MemoryStore()),
        "files": lambda: ObjectStore(LocalStore(tmp_path / "store")),
    }[request.param]()


def test_a_closed_recording_is_brought_whole_and_comes_back(finished, store, tmp_path):
    """Every object is read back; the second run brings nothing; what is fetched verifies."""
    first = storage.bring(finished.files, store)
    assert first.put[0] == "rec-1/keys.json"
    assert not first.waiting
    assert storage.bring(finished.files, store).put == ()
    assert storage.verify_copy(store, "rec-1", finished.files) == []
    storage.fetch(store, "rec-1", tmp_path / "back")
    from recordings.keys import site_trust

    assert verify(tmp_path / "back" / "recordings" / "rec-1", site_trust(finished.data_dir)).exit_code == 0


def test_finished_segments_go_while_the_session_runs(studio, store):
    """A segment whose last frame is signed is brought at once, the open one later."""
    sound: Track = synthetic.track(1, "audio", "opus")
    studio.begin()
    studio.tape.opened(sound, studio.now.mono_ns)
    for _ in range(70):
        studio.clock.advance(1)
        studio.commit()
    brought = storage.bring(studio.files, store)
    assert brought.put == ("rec-1/keys.json", "rec-1/seg-000001")
    assert set(brought.waiting) == {"chain.jsonl", "seg-000002"}
    studio.close()
    assert set(storage.bring(studio.files, store).put) == {"rec-1/chain.jsonl", "rec-1/seg-000002"}


def test_ended_segments_are_brought_minute_by_minute(studio, store):
    """Not the one that is written, nor one that has just ended; keys first; each once; the rest with the end."""
    sound: Track = synthetic.track(1, "audio", "opus")
    studio.begin()
    studio.tape.opened(sound, studio.now.mono_ns)
    now = time.time()

    def minutes(count):
        for _ in range(count * 60):
            studio.clock.advance(1)
            studio.commit()

    minutes(1)
    assert storage.bring_ended(studio.files, store, now + 3600) == ("rec-1/keys.json",)
    minutes(2)
    assert list(studio.files.segments()) == [1, 2, 3]
    assert storage.bring_ended(studio.files, store, time.time()) == ()
    later = time.time() + storage.SETTLED + 1
    assert storage.bring_ended(studio.files, store, later) == ("rec-1/seg-000001", "rec-1/seg-000002")
    assert storage.bring_ended(studio.files, store, later) == ()
    studio.close()
    rest = {"rec-1/chain.jsonl", "rec-1/seg-000003", "rec-1/seg-000004"}
    assert set(storage.bring(studio.files, store).put) == rest
    assert storage.verify_copy(store, "rec-1", studio.files) == []


def test_nothing_is_ever_replaced(finished, store, tmp_path):
    """Another content under the same name is an alarm."""
    (tmp_path / "other").write_bytes(b"something else")
    store.put("rec-1/seg-000001", tmp_path / "other")
    with pytest.raises(Differs):
        store.put("rec-1/seg-000001", finished.files.segment(1))
    with pytest.raises(Differs):
        storage.bring(finished.files, store)
    assert "rec-1/seg-000001" in storage.verify_copy(store, "rec-1", finished.files)


def test_a_flipped_bit_here_is_repaired_from_the_store(finished, store):
    """And the rotten file is kept aside."""
    storage.bring(finished.files, store)
    data = bytearray(finished.files.segment(1).read_bytes())
    data[7777] ^= 1
    finished.files.segment(1).write_bytes(data)
    assert storage.verify_copy(store, "rec-1", finished.files) == ["rec-1/seg-000001"]
    assert storage.repair_from(finished.data_dir, "rec-1", store, finished.disk) == ["seg-000001"]
    assert verify(finished.files.root).exit_code == 0


def test_an_interrupted_run_goes_on(finished, tmp_path):
    """A store that fails at any write is asked again later; nothing half is ever taken for whole."""
    for at in range(1, 60, 4):
        place = tmp_path / f"store-{at}"
        with contextlib.suppress(StoreAway):
            storage.bring(finished.files, DirectoryStore(place, FaultyDisk(at)))
        storage.bring(finished.files, DirectoryStore(place))
        assert storage.verify_copy(DirectoryStore(place), "rec-1", finished.files) == []


def test_a_store_that_is_not_there_is_away(finished):
    """An address nobody answers raises the one error that means later."""
    store = ObjectStore.at(
        "s3://bucket/x", endpoint="http://127.0.0.1:9", access_key_id="a", secret_access_key="b", region="r",
        client_options={"allow_http": True, "connect_timeout": "1s", "timeout": "1s"},
        retry_config={"max_retries": 0},
    )  # fmt: skip
    with pytest.raises(StoreAway):
        storage.bring(finished.files, store)


def test_names_that_lead_elsewhere_are_refused(tmp_path):
    """A store cannot write outside the recording's folder."""

    class Evil:
        def names(self, recording):
            return {"../../x": 1}

        def get(self, name):
            yield b"x"

    with pytest.raises(ValueError):
        storage.fetch(Evil(), "rec-1", tmp_path)


async def test_the_weekly_round_mends_from_a_copy_and_tells_the_ledger(finished, store, sqlite_database):
    """A flipped bit and a chain cut short are found and mended; without a good copy somebody is told."""
    from core import ledger
    from recordings.jobs import refresh
    from recordings.library import Library
    from recordings.upkeep import scrub_round

    library = Library(finished.data_dir, finished.clock)
    await refresh(library, sqlite_database, finished.clock, "rec-1")
    storage.bring(finished.files, store)
    assert (await scrub_round(library, sqlite_database, finished.clock, [store])).sound == 1
    whole = finished.files.chain.read_bytes()
    for name, change in (
        ("seg-000001", lambda data: data[:99] + bytes([data[99] ^ 1]) + data[100:]),
        ("chain.jsonl", lambda data: b"".join(data.splitlines(keepends=True)[:-3])),
    ):
        path = finished.files.root / name
        path.write_bytes(change(path.read_bytes()))
        found = await scrub_round(library, sqlite_database, finished.clock, [store])
        assert found.mended == ("rec-1",), name
        assert verify(finished.files.root).exit_code == 0
    assert finished.files.chain.read_bytes() == whole
    finished.files.segment(1).unlink()
    assert (await scrub_round(library, sqlite_database, finished.clock, [])).spoilt == ("rec-1",)
    async with sqlite_database.transaction(write=False) as tx:
        assert await ledger.check(tx) is None
        from sqlalchemy import select

        tags = (await tx.execute(select(ledger.Entry.tag).order_by(ledger.Entry.number))).scalars().all()
    assert tags == ["recording.closed", "recording.mended", "recording.mended", "recording.spoilt"]


def test_a_film_made_anew_lies_beside_the_one_before(finished, store):
    """What the store has stays; the newer film is brought and compared; rot in either is named, and no newer film."""
    from recordings.finalize import Finalizer

    def film():
        return Finalizer(finished.data_dir, lambda: finished.site, finished.clock, finished.disk).run("rec-1")[0]

    first = film()
    storage.bring(finished.files, store)
    (finished.files.derived / first.file).write_bytes(b"rotten")
    finished.clock.advance(1)
    second = film()
    assert second.stored_sha256 != first.stored_sha256
    (one, two) = storage.bring(finished.files, store).put
    assert one.rpartition("/")[0] == two.rpartition("/")[0] != "rec-1/derived"
    assert storage.digest_in(store, f"rec-1/derived/{first.file}") == first.stored_sha256
    assert storage.digest_in(store, one) == second.stored_sha256
    assert storage.bring(finished.files, store).put == ()
    assert storage.verify_copy(store, "rec-1", finished.files) == []
    with (finished.files.derived / first.file).open("r+b") as file:
        file.write(b"rot")
    assert storage.verify_copy(store, "rec-1", finished.files) == [one]


async def test_a_store_that_is_away_while_it_is_recorded_is_only_told(finished, tmp_path, sqlite_database):
    """The next minute asks again: no job of its own piles up. One that is there is served."""
    from sqlalchemy import select

    from core.jobs import Job
    from recordings.jobs import handlers

    class Away(DirectoryStore):
        def names(self, recording):
            raise StoreAway("away")

    there = DirectoryStore(tmp_path / "there")
    known = handlers(finished.data_dir, sqlite_database, finished.clock, copies=[Away(tmp_path), there])
    await known["copy_segments"]({"recording": "rec-1"})
    assert list(there.names("rec-1")) == ["rec-1/keys.json"]
    async with sqlite_database.transaction(write=False) as tx:
        assert (await tx.execute(select(Job))).first() is None
