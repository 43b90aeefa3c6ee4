"""Handing a record over through its page: made by the worker, sealed while it waits, taken along, receipted."""

import hashlib
import io
import re
import zipfile
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from core import jobs, ledger
from core.jobs import Worker
from recordings import outgoing, store
from recordings.handover import Bundle
from recordings.jobs import handlers
from recordings.models import Handover, Recording
from scheduler.models import Booking
from tests.web import recorded
from tests.web.world import PAGE, World

WANTED = {"recording": recorded.MADE, "recipient": "江州市人民检察院", "content": "original"}


@pytest.fixture
async def session(site: World) -> Booking:
    """A recorded interrogation without a composed picture."""
    made = await site.interrogation()
    await recorded.adopt(site, made)
    return made


async def work(site: World) -> None:
    """Let the worker do the jobs of this page."""
    known = handlers(site.settings.data_dir, site.database, site.clock)
    worker = Worker(site.database, site.clock, {outgoing.JOB: known[outgoing.JOB]})
    while await worker.run_one():
        pass


async def made(site: World, session: Booking, **fields: str) -> Handover:
    reviewer = await site.browser("reviewer")
    status, text, _ = await site.post(reviewer, f"/records/{session.id}/handover", **(WANTED | fields))
    assert status == 303, text
    await work(site)
    async with site.database.transaction(write=False) as tx:
        (row,) = await outgoing.of_recording(tx, recorded.MADE)
    return row


async def tags(site: World) -> list[str]:
    async with site.database.transaction(write=False) as tx:
        found = await ledger.find(tx, ledger.Wanted(subjects=[recorded.MADE]))
    return [entry.tag for entry in reversed(found)]


async def test_bundle_is_made_taken_along_and_receipted(site: World, session: Booking) -> None:
    """What is taken along has the digest of the list, opens as a bundle, and each step is in the ledger."""
    row = await made(site, session, disc="dvd")
    names = [file["name"] for file in row.files]
    assert names == ["interrogation-1.zip", "disc-1-of-1.iso", "handover.jsonl", "handover.html"]
    reviewer = await site.browser("reviewer")
    base = f"/records/{session.id}/handover/{row.id}"
    answer = await reviewer.get(f"{base}/{names[0]}", headers=PAGE)
    body = await answer.read()
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{names[0]}"'
    assert hashlib.sha256(body).hexdigest() == row.files[0]["sha256"]
    assert "verify.py" in zipfile.ZipFile(io.BytesIO(body)).namelist()
    answer = await reviewer.get(f"{base}/{names[0]}", headers=PAGE | {"Range": "bytes=10-19"})
    assert (answer.status, await answer.read()) == (206, body[10:20])
    status, text = await site.get(reviewer, base)
    assert status == 200
    async with site.database.transaction(write=False) as tx:
        ((part, _),) = await outgoing.parts(tx, row.id)
    assert {row.files[0]["sha256"], str(part.digest), str(row.fingerprint)} <= set(re.findall(r"[0-9a-f]{64}", text))
    status, text, _ = await site.post(reviewer, f"{base}/receipt", signed="李检", sha256="0" * 64)
    assert (status, "不符" in text) == (422, True)
    assert (await site.post(reviewer, f"{base}/receipt", signed="李检", sha256=row.files[0]["sha256"]))[0] == 303
    assert (await site.post(reviewer, f"{base}/receipt", signed="李检", sha256=row.files[0]["sha256"]))[0] == 409
    assert "李检" in (await site.get(reviewer, f"/records/{session.id}/handover"))[1]
    assert (await tags(site))[-3:] == ["recording.export-asked", "recording.exported", "recording.received"]


@pytest.mark.parametrize("content", ["original", "encrypted", "working"])
async def test_the_page_says_before_how_many_discs_of_each_size_are_needed(site: World, content: str) -> None:
    """A bundle is never larger than what was expected of it, nor much smaller; of what cannot leave nothing is said."""
    session = await site.interrogation()
    await recorded.adopt(site, session, source=recorded.made(composed=True))
    row = await made(site, session, content=content, disc="cd")
    assert (row.disc, row.files[1]["name"]) == ("cd", "disc-1-of-1.iso")
    async with site.database.transaction() as tx:
        recording = await tx.get_one(Recording, recorded.MADE)
        files = await store.files(tx, recorded.MADE)
        expected = outgoing.expected_bytes(recording, files, Bundle(content))
        assert 0 <= expected - row.files[0]["bytes"] < 0.1 * row.files[0]["bytes"] + outgoing.PER_BUNDLE
        recording.bytes, recording.state = 30_000_000_000, "filed"
    reviewer = await site.browser("reviewer")
    _, text = await site.get(reviewer, f"/records/{session.id}/handover")
    shown = re.findall(r'value="(cd|dvd|dvd-dl|bd)".*?choice__more">(.*?)</span></label>', text)
    said = {size: re.sub(r"<[^>]+>|\s", "", words) for size, words in shown}
    needs = {"cd": 43, "dvd": 7, "dvd-dl": 4, "bd": 2}
    assert said == {size: f"约需光盘张数：工作副本1·原件（加密）{needs[size]}" for size in needs}
    assert "CD（700 MB）" in text


async def test_a_disc_of_no_known_size_is_refused(site: World, session: Booking) -> None:
    """In words, and nothing is made; what was typed stays."""
    reviewer, page = await site.browser("reviewer"), f"/records/{session.id}/handover"
    status, text, _ = await site.post(reviewer, page, **(WANTED | {"disc": "floppy"}))
    assert (status, 'value="江州市人民检察院"' in text) == (422, True)
    async with site.database.transaction(write=False) as tx:
        assert await outgoing.of_recording(tx, recorded.MADE) == []
    row = await made(site, session, disc="bd")
    assert row.files[1]["name"] == "disc-1-of-1.iso"
    assert "原件（可读） · 蓝光光盘（25 GB）" in (await site.get(reviewer, page))[1]


async def test_the_sheet_on_the_disc_gives_the_sites_time_and_utc_beside_it(site: World, session: Booking) -> None:
    """On the sheet, the label and the page inside the bundle; by the clocks of the zone in the settings. The sheet that
    is printed from the page of the record says the same."""
    reviewer = await site.browser("reviewer")
    await site.post(reviewer, f"/records/{session.id}/handover", **WANTED)
    known = handlers(site.settings.data_dir, site.database, site.clock, zone=ZoneInfo("Asia/Urumqi"))
    assert await Worker(site.database, site.clock, {outgoing.JOB: known[outgoing.JOB]}).run_one()
    async with site.database.transaction(write=False) as tx:
        (row,) = await outgoing.of_recording(tx, recorded.MADE)
    base = f"/records/{session.id}/handover/{row.id}"
    _, text = await site.get(reviewer, base)
    assert "2026-03-02 12:02:00–12:02:18 (Asia/Shanghai) · UTC 2026-03-02 04:02:00–04:02:18" in text
    assert text.count("2026-03-02 12:00:00 (Asia/Shanghai) · UTC 2026-03-02 04:00:00") == 1, "made"
    assert text.count("2026-03-02 12:02:00 (Asia/Shanghai) · UTC 2026-03-02 04:02:00") == 1, "on the label"
    text = await (await reviewer.get(f"{base}/handover.html", headers=PAGE)).text()
    assert text.count("2026-03-02 10:00:00 (Asia/Urumqi) · UTC 2026-03-02 04:00:00") == 2
    bundle = await (await reviewer.get(f"{base}/{row.files[0]['name']}", headers=PAGE)).read()
    text = zipfile.ZipFile(io.BytesIO(bundle)).read("README.html").decode()
    assert "2026-03-02 10:02:00 (Asia/Urumqi) · UTC 2026-03-02 04:02:00" in text


async def test_nothing_lies_in_clear_while_it_waits(site: World, session: Booking) -> None:
    """On the disk of the server there is neither a zip's beginning nor a name of the log."""
    row = await made(site, session, disc="dvd")
    folder = outgoing.folder_of(site.settings.data_dir, row.id)
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == len(row.files)
    for path in files:
        stored = path.read_bytes()
        assert stored[:4] == b"YJD1"
        assert "王立刚".encode() not in stored
        assert b"PK\x03\x04" not in stored[:200]


async def test_what_was_made_is_removed_after_a_week(site: World, session: Booking) -> None:
    """The list and its digests stay on the page; the files are gone and are refused in words."""
    row = await made(site, session)
    site.clock.advance((outgoing.KEPT_FOR + timedelta(hours=1)).total_seconds())
    library = recorded.Library(site.settings.data_dir, site.clock)
    assert await outgoing.remove_old(site.database, library, site.clock) == 1
    assert await outgoing.remove_old(site.database, library, site.clock) == 0
    assert not outgoing.folder_of(site.settings.data_dir, row.id).exists()
    reviewer = await site.browser("reviewer")
    assert row.files[0]["sha256"] in (await site.get(reviewer, f"/records/{session.id}/handover"))[1]
    base = f"/records/{session.id}/handover/{row.id}"
    assert (await reviewer.get(f"{base}/{row.files[0]['name']}", headers=PAGE)).status == 409


async def test_what_a_dead_worker_left_in_clear_is_removed(site: World, session: Booking) -> None:
    """Whether it failed for good or is to be tried again; not while somebody writes it."""
    row = await made(site, session)
    clear = outgoing.folder_of(site.settings.data_dir, row.id) / "clear"
    library = recorded.Library(site.settings.data_dir, site.clock)
    for state, removed in (("running", 0), ("waiting", 1), ("failed", 1), ("done", 1)):
        clear.mkdir(exist_ok=True)
        (clear / "bundle.zip").write_bytes(b"in clear")
        async with site.database.transaction() as tx:
            await tx.execute(update(jobs.Job).where(jobs.Job.key == f"handover:{row.id}").values(state=state))
        assert await outgoing.remove_torn(site.database, library) == removed, state
        assert clear.exists() == (not removed)
    assert (outgoing.folder_of(site.settings.data_dir, row.id) / row.files[0]["name"]).exists()


async def test_sealed_original_leaves_only_while_released(site: World, session: Booking) -> None:
    """Filed, the readable original is refused; encrypted it may go; what was made before cannot be taken any more."""
    before = await made(site, session)
    async with site.database.transaction() as tx:
        (await tx.get_one(Recording, recorded.MADE)).state = "filed"
    reviewer = await site.browser("reviewer")
    status, text, _ = await site.post(reviewer, f"/records/{session.id}/handover", **WANTED)
    assert (status, "启封" in text) == (409, True)
    assert 'value="江州市人民检察院"' in text
    base = f"/records/{session.id}/handover/{before.id}"
    assert (await reviewer.get(f"{base}/{before.files[0]['name']}", headers=PAGE)).status == 404
    _, text = await site.get(reviewer, f"/records/{session.id}/handover")
    assert (f"{base}/{before.files[0]['name']}" in text, "在原件封存前制作" in text) == (False, True)
    answer = await site.post(reviewer, f"/records/{session.id}/handover", **(WANTED | {"content": "encrypted"}))
    assert answer[0] == 303


async def test_asking_and_taking_need_fresh_proof(site: World, session: Booking) -> None:
    """Eleven minutes after the sign-in both ask once more who is there; nothing is made or told before."""
    row = await made(site, session)
    reviewer = await site.browser("reviewer")
    site.clock.advance(11 * 60)
    assert (await site.post(reviewer, f"/records/{session.id}/handover", **WANTED))[0] == 403
    answer = await reviewer.get(
        f"/records/{session.id}/handover/{row.id}/{row.files[0]['name']}", headers=PAGE, allow_redirects=False
    )
    assert answer.headers.get("Location", "").startswith("/confirm")
    assert (await tags(site)).count("recording.export-asked") == 1
    assert "recording.exported" not in await tags(site)


async def test_a_job_that_failed_is_told(site: World, session: Booking) -> None:
    """Waiting shows a share; failed says what to do."""
    reviewer = await site.browser("reviewer")
    await site.post(reviewer, f"/records/{session.id}/handover", **WANTED)
    assert "<progress" in (await site.get(reviewer, f"/records/{session.id}/handover"))[1]
    async with site.database.transaction() as tx:
        await tx.execute(update(jobs.Job).values(state="failed"))
    _, text = await site.get(reviewer, f"/records/{session.id}/handover")
    assert "制作失败" in text
    assert "<progress" not in text


async def test_only_who_may_export_and_only_what_is_there(site: World, session: Booking) -> None:
    """Every other role, a foreign recording, an invented form, name or id, an endless recipient: refused in words."""
    row = await made(site, session)
    other = await site.interrogation(480)
    await recorded.adopt(site, other, "golden-1", source=recorded.golden())
    name = row.files[0]["name"]
    for login in ("officer", "inspector", "lawyer", "duty", "admin", "interpreter", "admin-court"):
        browser = await site.browser(login)
        for path in ("", f"/{row.id}", f"/{row.id}/{name}", f"/{row.id}/progress"):
            assert (await site.get(browser, f"/records/{session.id}/handover{path}"))[0] in (403, 404), (login, path)
        for path in ("", f"/{row.id}/receipt"):
            assert (await site.post(browser, f"/records/{session.id}/handover{path}", **WANTED))[0] in (403, 404)
    reviewer = await site.browser("reviewer")
    for fields, status in (
        ({"recording": "golden-1"}, 404),
        ({"recording": "../" + recorded.MADE}, 404),
        ({"content": "everything"}, 422),
        ({"content": "working"}, 409),
        ({"recipient": ""}, 422),
        ({"recipient": "x" * 101}, 422),
    ):
        assert (await site.post(reviewer, f"/records/{session.id}/handover", **(WANTED | fields)))[0] == status, fields
    for path in (f"/records/{other.id}/handover/{row.id}", f"/records/{session.id}/handover/{'0' * 22}"):
        assert (await site.get(reviewer, path))[0] == 404
    for hostile in ("..%2Fhandover.jsonl", "clear", "seg-000001", "x" * 500):
        assert (await site.get(reviewer, f"/records/{session.id}/handover/{row.id}/{hostile}"))[0] == 404
    async with site.database.transaction(write=False) as tx:
        assert len(await outgoing.of_recording(tx, recorded.MADE)) == 1


async def test_oversized_form_is_refused(site: World, session: Booking) -> None:
    """More than any form holds is not read to its end."""
    reviewer = await site.browser("reviewer")
    status, _, _ = await site.post(
        reviewer, f"/records/{session.id}/handover", **(WANTED | {"recipient": "x" * 400_000})
    )
    assert status == 413
