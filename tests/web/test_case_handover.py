"""Handing over all recordings of a case: one list, one set of discs, one receipt; what cannot leave is said."""

import hashlib
import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text, update

from core import ledger, migrate
from core.errors import Unavailable
from recordings import handover, outgoing
from recordings.erasure import erase_in
from recordings.library import Library
from recordings.models import Handover, Recording
from scheduler.models import Booking
from tests.recordings import synthetic
from tests.recordings.isoimage import read_image
from tests.recordings.studio import Studio
from tests.web import recorded
from tests.web.test_handover import work
from tests.web.world import PAGE, World

WANTED = {"recipient": "江州市人民检察院", "content": "original"}
SECOND = "interrogation-2"


@pytest.fixture
async def sessions(site: World, tmp_path_factory: pytest.TempPathFactory) -> list[Booking]:
    """Two recorded interrogations of one case and a third that has no finished recording."""
    made = [await site.interrogation(at) for at in (60, 300, 540)]
    assert len({one.case for one in made}) == 1
    await recorded.adopt(site, made[0])
    await recorded.adopt(
        site, made[1], SECOND, source=_second(site.settings.data_dir, tmp_path_factory.mktemp("second"))
    )
    async with site.database.transaction() as tx:
        third = await tx.get_one(Booking, made[2].id)
        third.started = third.ended = third.start
    return made


def _second(data_dir: Path, place: Path) -> Path:
    """Another recording under the same site's keys."""
    shutil.copytree(data_dir / "keys", place / "keys")
    studio = Studio(place, SECOND)
    studio.clock.set(recorded.BEGAN)
    sound = synthetic.track(1, "audio", "opus")
    studio.begin().play(synthetic.audio_stream(sound, 3)).close()
    return place


async def made(site: World, sessions: list[Booking], **fields: str) -> Handover:
    reviewer = await site.browser("reviewer")
    status, text, _ = await site.post(reviewer, f"/cases/{sessions[0].case}/handover", **(WANTED | fields))
    assert status == 303, text
    await work(site)
    async with site.database.transaction(write=False) as tx:
        (row,) = await outgoing.of_case(tx, str(sessions[0].case))
    return row


async def tags(site: World, recording: str) -> list[str]:
    async with site.database.transaction(write=False) as tx:
        found = await ledger.find(tx, ledger.Wanted(subjects=[recording]))
    return [entry.tag for entry in reversed(found)]


async def taken(site: World, base: str, name: str) -> bytes:
    reviewer = await site.browser("reviewer")
    answer = await reviewer.get(f"{base}/{name}", headers=PAGE)
    assert answer.status == 200, name
    return bytes(await answer.read())


async def test_a_whole_case_is_made_taken_along_and_receipted(
    site: World, sessions: list[Booking], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What the disc holds agrees with its signed list; the receipt takes the list's value alone; each recording's
    ledger tells of all steps; what is missing stands on the page, the sheet and the list."""
    row = await made(site, sessions, disc="dvd")
    names = [file["name"] for file in row.files]
    assert names == [
        f"{recorded.MADE}.zip", f"{SECOND}.zip", "disc-1-of-1.iso", "handover.jsonl", "handover.html",
    ]  # fmt: skip
    base, tmp_path = f"/cases/{sessions[0].case}/handover/{row.id}", tmp_path_factory.mktemp("court")
    (tmp_path / "disc.iso").write_bytes(await taken(site, base, "disc-1-of-1.iso"))
    (tmp_path / "arrived").mkdir()
    for name, content in read_image(tmp_path / "disc.iso").items():
        (tmp_path / "arrived" / name).write_bytes(content)
    found = handover.check(tmp_path / "arrived")
    assert (found.ok, found.items) == (True, 2)
    said = json.loads((tmp_path / "arrived" / handover.LIST).read_bytes().partition(b"\t")[0])
    assert [item["why"] for item in said["left_out"]] == [outgoing.WHY["not-ready"]]
    assert "尚未制作完成" in (tmp_path / "arrived" / handover.SHEET).read_text("utf-8")
    for file in row.files:
        assert hashlib.sha256(await taken(site, base, file["name"])).hexdigest() == file["sha256"]
    reviewer = await site.browser("reviewer")
    _, text = await site.get(reviewer, base)
    assert all(file["sha256"] in text for file in row.files)
    assert "未列入本次移送" in text
    assert text.count("(Asia/Shanghai) · UTC 2026-") == 5, "made, two recordings, what is not in it, the label"
    for sha256, status in ((row.files[0]["sha256"], 422), ("0" * 64, 422), (found.sha256, 303), (found.sha256, 409)):
        assert (await site.post(reviewer, f"{base}/receipt", signed="李检", sha256=sha256))[0] == status
    for recording in (recorded.MADE, SECOND):
        told = await tags(site, recording)
        assert (told.count("recording.export-asked"), told.count("recording.received")) == (1, 1)
        assert told.count("recording.exported") == 5, "its bundle, and twice the disc, list and sheet but once"
    _, text = await site.get(reviewer, f"/records/{sessions[1].id}/handover")
    assert f"/cases/{sessions[0].case}/handover" in text
    assert "江州市人民检察院" in text


async def test_files_of_several_are_closed_by_destroying_any_of_them(site: World, sessions: list[Booking]) -> None:
    """A disc image left in a copy of the disk opens with no key that is left; the other's own bundle still does."""
    row = await made(site, sessions, disc="dvd")
    library = Library(site.settings.data_dir, site.clock)
    folder = outgoing.folder_of(site.settings.data_dir, row.id)
    assert all((folder / file["name"]).read_bytes()[:4] == b"YJD1" for file in row.files)
    lock = library.lock_of([recorded.MADE, SECOND], row.id)
    assert lock.key not in (library.lock_of([one], row.id).key for one in (recorded.MADE, SECOND))
    await erase_in(library, SECOND, "term-over", site.clock)
    both = [recorded.MADE, SECOND]
    with pytest.raises(Unavailable, match="recording-locked"):
        await outgoing.open_file(library, row, "disc-1-of-1.iso", both, "application/x-iso9660-image")
    opened = await outgoing.open_file(library, row, f"{recorded.MADE}.zip", both, "application/zip")
    assert await opened.read(0, 2) == b"PK"
    opened.close()


async def test_what_is_destroyed_is_taken_back(site: World, sessions: list[Booking]) -> None:
    """With a recording whose term is over go the handovers that hold it."""
    from recordings import keeping

    row = await made(site, sessions)
    async with site.database.transaction() as tx:
        await tx.execute(update(Recording).where(Recording.id == SECOND).values(kind="rehearsal"))
    site.clock.advance(timedelta(days=2).total_seconds())
    library = Library(site.settings.data_dir, site.clock)
    assert await keeping.remove_expired(site.database, library, site.clock) == [SECOND]
    assert not outgoing.folder_of(site.settings.data_dir, row.id).exists()
    async with site.database.transaction(write=False) as tx:
        assert (await tx.get_one(Handover, row.id)).state == "gone"


async def test_sealed_and_privileged_are_never_in_it(site: World, sessions: list[Booking]) -> None:
    """A filed original is left out and named; a lawyer's visit of the case is not even mentioned; nothing left: 409."""
    visit = await site.visit()
    async with site.database.transaction() as tx:
        (await tx.get_one(Recording, SECOND)).state = "filed"
        booking = await tx.get_one(Booking, visit.id)
        booking.case, booking.started, booking.ended = sessions[0].case, booking.start, booking.start
    reviewer = await site.browser("reviewer")
    base = f"/cases/{sessions[0].case}/handover"
    _, text = await site.get(reviewer, base)
    assert visit.id not in text
    row = await made(site, sessions)
    assert [file["name"] for file in row.files][:1] == [f"{recorded.MADE}.zip"]
    assert sorted(item["rule"] for item in row.left_out) == ["not-ready", "sealed-original"]
    async with site.database.transaction() as tx:
        (await tx.get_one(Recording, recorded.MADE)).state = "filed"
    assert (await site.get(reviewer, f"{base}/{row.id}/{row.files[0]['name']}"))[0] == 404
    assert "在原件封存前制作" in (await site.get(reviewer, base))[1]
    assert (await site.post(reviewer, base, **WANTED))[0] == 409
    encrypted = await site.post(reviewer, base, **(WANTED | {"content": "encrypted"}))
    assert encrypted[0] == 303


async def test_a_case_is_closed_to_everybody_else(site: World, sessions: list[Booking]) -> None:
    """Every other role, an unknown case, another case's handover, hostile names, an endless recipient."""
    row = await made(site, sessions)
    base = f"/cases/{sessions[0].case}/handover"
    for login in ("officer", "inspector", "lawyer", "duty", "admin", "interpreter", "admin-court"):
        browser = await site.browser(login)
        for path in ("", f"/{row.id}", f"/{row.id}/{row.files[0]['name']}", f"/{row.id}/progress"):
            assert (await site.get(browser, base + path))[0] in (403, 404), (login, path)
        assert (await site.post(browser, base, **WANTED))[0] in (403, 404)
    reviewer = await site.browser("reviewer")
    assert (await site.get(reviewer, f"/cases/{'0' * 22}/handover"))[0] == 404
    assert (await site.get(reviewer, f"/records/{sessions[0].id}/handover/{row.id}"))[0] == 404
    for hostile in ("..%2Fhandover.jsonl", "clear", "seg-000001", "x" * 500):
        assert (await site.get(reviewer, f"{base}/{row.id}/{hostile}"))[0] == 404
    for fields in ({"content": "everything"}, {"recipient": ""}, {"recipient": "x" * 101}):
        assert (await site.post(reviewer, base, **(WANTED | fields)))[0] == 422
    site.clock.advance(11 * 60)
    assert (await site.post(reviewer, base, **WANTED))[0] == 403


async def test_the_list_and_its_digests_survive_a_week(site: World, sessions: list[Booking]) -> None:
    """The files are gone; page and sheet still show what was handed over."""
    row = await made(site, sessions)
    site.clock.advance((outgoing.KEPT_FOR + timedelta(hours=1)).total_seconds())
    library = Library(site.settings.data_dir, site.clock)
    assert await outgoing.remove_old(site.database, library, site.clock) == 1
    reviewer = await site.browser("reviewer")
    base = f"/cases/{sessions[0].case}/handover"
    assert row.files[0]["sha256"] in (await site.get(reviewer, base))[1]
    assert (await reviewer.get(f"{base}/{row.id}/{row.files[0]['name']}", headers=PAGE)).status == 409


async def test_handovers_go_back_and_forth_with_the_schema(site: World, sessions: list[Booking]) -> None:
    """One of a single recording keeps it and its digest both ways; one of a whole case is unknown before."""
    await made(site, sessions)
    reviewer = await site.browser("reviewer")
    alone = WANTED | {"recording": recorded.MADE}
    assert (await site.post(reviewer, f"/records/{sessions[0].id}/handover", **alone))[0] == 303
    await work(site)
    async with site.database.transaction(write=False) as tx:
        row = next(row for row in await outgoing.of_recording(tx, recorded.MADE) if row.case is None)
        ((before, _),) = await outgoing.parts(tx, row.id)
    await migrate.downgrade(site.database, "0022")
    async with site.database.transaction(write=False) as tx:
        kept = (await tx.execute(text("SELECT id, recording, digest FROM recording_handovers"))).all()
    assert [tuple(found) for found in kept] == [(row.id, recorded.MADE, before.digest)]
    await migrate.upgrade(site.database)
    async with site.database.transaction(write=False) as tx:
        ((after, _),) = await outgoing.parts(tx, row.id)
        again = await tx.get_one(Handover, row.id)
    assert (after.recording, after.digest, after.place, again.left_out) == (recorded.MADE, before.digest, 0, [])
    assert (await site.get(reviewer, f"/records/{sessions[0].id}/handover/{row.id}"))[0] == 200
