"""The pages of a recorded session, over real recordings and the library that serves them."""

import io
import shutil

import av
import pytest
from sqlalchemy import update

from core import jobs, ledger
from core.checkpoints import Log
from core.config import Settings
from core.database import Database, sqlite_url
from core.vault import Purpose, Vault
from recordings import filing, site_backup, store
from recordings.filesystem import Disk
from recordings.models import DerivedFile, Recording
from scheduler.models import Booking, Party
from tests.web import recorded
from tests.web.world import PAGE, World, world
from web.pages import records


async def test_the_golden_recording_is_shown_and_plays(site: World) -> None:
    """Verdict, digest, timeline and film of the oldest format come from the real library, in ranges."""
    session = await site.interrogation()
    row = await recorded.adopt(site, session, "golden-1", source=recorded.golden())
    reviewer = await site.browser("reviewer")
    status, text = await site.get(reviewer, f"/records/{session.id}")
    assert status == 200
    assert row.digest in text
    assert "<video" not in text
    assert (await site.post(reviewer, f"/records/{session.id}/play"))[0] == 303
    status, text = await site.get(reviewer, f"/records/{session.id}")
    assert status == 200
    film = f"/records/{session.id}/media/golden-1/01-camera-01.webm"
    film = await site.film(reviewer, f"/records/{session.id}", film)
    answer = await reviewer.get(film, headers={"Range": "bytes=0-3"})
    assert (answer.status, await answer.read()) == (206, b"\x1a\x45\xdf\xa3")
    assert answer.headers["Content-Disposition"] == "attachment"


async def took_place(site: World, *sessions: Booking) -> None:
    async with site.database.transaction() as tx:
        for session in sessions:
            row = await tx.get_one(Booking, session.id)
            row.started, row.ended = session.start, session.end


async def test_filters_stand_in_the_address(site: World) -> None:
    """Words, kind, state and days narrow the list; what cannot be read is said and what was typed comes back."""
    interrogation, statement = await site.interrogation(), await site.statement()
    await recorded.adopt(site, interrogation)
    await took_place(site, statement)
    reviewer = await site.browser("reviewer")
    day = site.clock.now().strftime("%Y-%m-%d")
    for asked, found in (
        ("", {interrogation.id, statement.id}),
        ("?q=王秀兰", {statement.id}),
        ("?q=%25", set()),
        ("?kind=interrogation", {interrogation.id}),
        ("?kind=visit", {interrogation.id, statement.id}),
        ("?state=intact", {interrogation.id}),
        ("?state=preparing", {statement.id}),
        ("?state=look", set()),
        ("?state=erased", set()),
        (f"?from={day}&to={day}", {interrogation.id, statement.id}),
        ("?to=2026-03-01", set()),
        ("?page=2", set()),
        ("?page=99999999999999999999", {interrogation.id, statement.id}),
    ):
        status, text = await site.get(reviewer, "/records" + asked)
        assert status == 200, asked
        assert {session.id for session in (interrogation, statement) if session.id in text} == found, asked
    status, text = await site.get(reviewer, "/records?from=yesterday&q=x")
    assert status == 422
    assert 'value="yesterday"' in text


async def test_a_record_that_never_came_is_missing(site: World) -> None:
    """For an hour a record is being prepared; after that nobody is told to come back in a minute."""
    session = await site.statement()
    await took_place(site, session)
    for hours in (0, 9):  # it is planned for five hours ahead
        site.clock.advance(hours * 3600)
        reviewer = await site.browser("reviewer")
        _, listed = await site.get(reviewer, "/records")
        _, record = await site.get(reviewer, f"/records/{session.id}")
        assert ("没有记录" in listed, "这里没有本场次的记录" in record) == (bool(hours), bool(hours))


async def test_list_is_paged(site: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The links to older and newer keep the filters."""
    monkeypatch.setattr(records, "PER_PAGE", 1)
    first, second = await site.interrogation(), await site.statement()
    await took_place(site, first, second)
    reviewer = await site.browser("reviewer")
    _, text = await site.get(reviewer, "/records?from=2026-03-01")
    assert second.id in text
    assert first.id not in text
    assert 'href="/records?from=2026-03-01&amp;page=2"' in text
    _, text = await site.get(reviewer, "/records?from=2026-03-01&page=2")
    assert first.id in text
    assert 'rel="next"' not in text


async def test_table_to_take_along_is_told_to_the_ledger(site: World) -> None:
    """CSV holds the lines of the list, never a formula, and leaves an entry."""
    session = await site.statement()
    await took_place(site, session)
    async with site.database.transaction() as tx:
        await tx.execute(update(Party).where(Party.booking == session.id).values(name="=1+1"))
    reviewer = await site.browser("reviewer")
    answer = await reviewer.get("/records.csv", headers=PAGE)
    text = await answer.text()
    assert answer.headers["Content-Disposition"] == 'attachment; filename="records.csv"'
    assert "'=1+1" in text
    assert ",=" not in text
    assert await ledger_tags(site, "reviewer") == ["records.listed"]


@pytest.mark.parametrize(("gaps", "complete"), [(0, True), (2, False)])
async def test_a_recording_with_gaps_is_not_called_complete(site: World, gaps: int, complete: bool) -> None:
    """What its recorder stated as missing is no fault, and no completeness: on the page and in the table."""
    session = await site.interrogation()
    row = await recorded.adopt(site, session)
    async with site.database.transaction() as tx:
        await tx.execute(update(Recording).where(Recording.id == row.id).values(gaps=gaps, verdict="INTACT"))
    reviewer = await site.browser("reviewer")
    for path in (f"/records/{session.id}", "/records.csv"):
        text = await (await reviewer.get(path, headers=PAGE)).text()
        assert ("没有缺失" in text) is complete
        assert ("缺失处当时均已声明" in text) is not complete


async def ledger_tags(site: World, login: str) -> list[str]:
    person = (await site.principal(login)).id
    async with site.database.transaction(write=False) as tx:
        entries = await ledger.find(tx, ledger.Wanted(actors=[person]))
    return [entry.tag for entry in reversed(entries) if entry.tag.startswith("record")]


async def test_inspector_reads_but_does_not_play(site: World) -> None:
    """The list, the log and the verdict are open; picture and sound are not, and the page says so."""
    session = await site.interrogation()
    await recorded.adopt(site, session)
    inspector = await site.browser("inspector")
    assert session.id in (await site.get(inspector, "/records"))[1]
    status, text = await site.get(inspector, f"/records/{session.id}")
    assert status == 200
    assert "出示物证 3" in text
    assert "/play" not in text
    assert (await site.post(inspector, f"/records/{session.id}/play"))[0] == 403
    media = f"/records/{session.id}/media/{recorded.MADE}/01-camera-01.webm"
    assert (await site.get(inspector, media))[0] == 403
    assert (await site.post(inspector, f"/records/{session.id}/verify"))[0] == 303


async def test_one_entry_per_granted_playback(site: World) -> None:
    """Opening is told once however often the button is pressed; after twelve hours it is asked, and told, anew."""
    session = await site.interrogation()
    await recorded.adopt(site, session)
    reviewer = await site.browser("reviewer")
    for _ in range(2):
        assert (await site.post(reviewer, f"/records/{session.id}/play"))[0] == 303
    assert (await ledger_tags(site, "reviewer")).count("recording.play-granted") == 1
    site.clock.advance(13 * 3600)
    reviewer = await site.browser("reviewer")
    assert "<video" not in (await site.get(reviewer, f"/records/{session.id}"))[1]
    media = f"/records/{session.id}/media/{recorded.MADE}/01-camera-01.webm"
    assert (await site.get(reviewer, media))[0] == 403
    await site.post(reviewer, f"/records/{session.id}/play")
    assert (await ledger_tags(site, "reviewer")).count("recording.play-granted") == 2


RANGES = {
    "bytes=0-9": 206,
    "bytes=-10": 206,
    "bytes=99999999999-": 416,
    "bytes=5-1": 200,
    "bytes=0-1,3-4": 200,
    "bytes=0x10-": 200,
    "bytes=" + "9" * 400 + "-": 416,
    "pages=1-2": 200,
}


async def test_ranges_of_a_film(site: World) -> None:
    """One good range is served, one outside refused; anything else is answered with the whole."""
    session = await site.interrogation()
    await recorded.adopt(site, session)
    reviewer = await site.browser("reviewer")
    await site.post(reviewer, f"/records/{session.id}/play")
    media = f"/records/{session.id}/media/{recorded.MADE}"
    film = await site.film(reviewer, f"/records/{session.id}", f"{media}/01-camera-01.webm")
    for header, status in RANGES.items():
        answer = await reviewer.get(film, headers={"Range": header})
        assert answer.status == status, header
        if status != 416:
            whole = int(answer.headers["Content-Length"])
            assert len(await answer.read()) == (10 if status == 206 else whole)
    for name in ("..%2F..%2Fkeys%2Fsite-kek.pem", "chain.jsonl", "01-camera-01.webm.json", "x" * 300):
        assert (await reviewer.get(f"{media}/{name}", headers=PAGE)).status == 404, name


async def test_a_link_is_good_for_one_person_one_film_and_twelve_hours(site: World) -> None:
    """Sent on, changed, for another film or too late, it opens nothing, though its reader may open the record."""
    session = await site.interrogation()
    await recorded.adopt(site, session, source=recorded.made(composed=True))
    officer, reviewer = await site.browser("officer"), await site.browser("reviewer")
    page, films = f"/records/{session.id}", f"/records/{session.id}/media/{recorded.MADE}"
    for one in (officer, reviewer):
        await site.post(one, f"{page}/play")
    own = await site.film(reviewer, page, f"{films}/01-camera-01.webm")
    assert (await site.get(officer, own))[0] == 403
    path, _, link = own.partition("?link=")
    until, _, mac = link.partition(".")
    for changed in (
        "",
        f"{int(until) + 60}.{mac}",
        f"{until}.{mac[:-1]}",
        f"{until}.é",
        "9" * 400 + f".{mac}",
        f".{mac}",
    ):
        assert (await site.get(reviewer, f"{path}?link={changed}"))[0] == 403, changed
    assert (await site.get(reviewer, f"{films}/composed.mp4?link={link}"))[0] == 403
    assert (await reviewer.get(own, headers={"Range": "bytes=0-9"})).status == 206
    site.clock.advance(11 * 3600)
    reviewer = await site.browser("reviewer")
    assert (await reviewer.get(own, headers={"Range": "bytes=0-9"})).status == 206
    site.clock.advance(2 * 3600)
    reviewer = await site.browser("reviewer")
    await site.post(reviewer, f"{page}/play")
    status, text = await site.get(reviewer, own)
    assert (status, "链接已失效" in text) == (403, True)
    fresh = await site.film(reviewer, page, path)
    assert (await reviewer.get(fresh, headers={"Range": "bytes=0-9"})).status == 206


async def test_a_backup_restored_on_another_machine_plays_on_its_page(
    site: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """From one command's copy, taken while the site ran: people, case, session, verdict, timeline, log, films and the
    signed ledger are there, and what secrets sealed can be read again; without them nothing is left to compare with."""
    session = await site.interrogation()
    await recorded.adopt(site, session, source=recorded.made(composed=True))
    vault = Vault(site.settings.secrets)
    vault.ensure(site.clock.now())
    log = Log(site.database, site.settings.ledger_dir, vault)
    signed = await log.advance(site.clock)
    sealed = vault.seal(b"a name", "context", Purpose.NAMES)
    copy, new = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("elsewhere") / "var"
    site_backup.backup(site.settings, copy, Disk(), with_keys=True)
    again = site_backup.backup(site.settings, copy, Disk(), with_keys=True)
    assert again.copied.files == 0
    site_backup.restore(copy, Settings(data_dir=new), Disk())
    shutil.rmtree(site.settings.data_dir / "recordings")
    async with world(Database(sqlite_url(new / "yuanjian.sqlite3")), new) as other:
        reviewer = await other.browser("reviewer")
        page, films = f"/records/{session.id}", f"/records/{session.id}/media/{recorded.MADE}"
        assert (await other.post(reviewer, f"{page}/play"))[0] == 303
        assert (await other.post(reviewer, f"{page}/verify"))[0] == 303
        _, text = await other.get(reviewer, page)
        assert "出示物证 3" in text
        assert "完整性校验一致" in text
        for name in ("composed.mp4", "01-camera-01.webm"):
            answer = await reviewer.get(await other.film(reviewer, page, f"{films}/{name}"))
            with av.open(io.BytesIO(await answer.read())) as film:
                film.seek(int(film.duration * 0.6))
                assert next(film.decode(video=0)).width > 0, name
        kept = Vault(other.settings.secrets)
        kept.ensure(other.clock.now())
        assert kept.unseal(sealed, "context", Purpose.NAMES) == b"a name"
        head = await Log(other.database, other.settings.ledger_dir, kept).advance(other.clock)
        assert head.size > signed.size


async def test_check_names_the_second_and_stays_on_the_page(site: World) -> None:
    """One flipped bit is found by the button; verdict, finding and a mark on the timeline stay until the next check."""
    session = await site.interrogation()
    row = await recorded.adopt(site, session)
    segment = site.settings.data_dir / "recordings" / recorded.MADE / "seg-000001"
    spoilt = bytearray(segment.read_bytes())
    spoilt[len(spoilt) // 2] ^= 1
    segment.write_bytes(spoilt)
    officer = await site.browser("officer")
    assert "校验一致" in (await site.get(officer, f"/records/{session.id}"))[1]
    status, _, leads = await site.post(officer, f"/records/{session.id}/verify")
    assert (status, leads) == (303, f"/records/{session.id}?told=checked")
    _, text = await site.get(officer, leads)
    assert "与原始录制不一致" in text
    assert "span--damaged" in text
    async with site.database.transaction(write=False) as tx:
        kept = await tx.get_one(Recording, row.id)
    assert kept.verdict == "MODIFIED"
    assert session.id in (await site.get(officer, "/records?state=look"))[1]


async def test_a_chain_cut_short_is_not_intact(site: World) -> None:
    """Lines taken from the end are missed, because the digest at closing is known."""
    session = await site.interrogation()
    await recorded.adopt(site, session)
    chain = site.settings.data_dir / "recordings" / recorded.MADE / "chain.jsonl"
    chain.write_bytes(b"".join(chain.read_bytes().splitlines(keepends=True)[:-4]))
    officer = await site.browser("officer")
    await site.post(officer, f"/records/{session.id}/verify")
    async with site.database.transaction(write=False) as tx:
        assert (await tx.get_one(Recording, recorded.MADE)).verdict == "MISSING"


@pytest.mark.parametrize("state", ["waiting", "failed", "cancelled"])
async def test_composed_picture_that_is_not_there_is_told(site: World, state: str) -> None:
    """Pending shows progress; failed and stopped say what is lost: nothing. The single views play in all."""
    session = await site.interrogation()
    await recorded.adopt(site, session)
    async with site.database.transaction() as tx:
        await jobs.enqueue(tx, "compose_recording", {}, due=site.clock.now(), key=f"compose:{recorded.MADE}")
        await tx.execute(update(jobs.Job).values(state=state))
    reviewer = await site.browser("reviewer")
    await site.post(reviewer, f"/records/{session.id}/play")
    _, text = await site.get(reviewer, f"/records/{session.id}")
    assert ("正在制作合成画面" in text) == (state == "waiting")
    assert ("合成画面制作失败" in text) == (state == "failed")
    assert ("合成画面已停止制作" in text) == (state == "cancelled")
    assert ("停止制作</button>" in text, "继续制作</button>" in text) == (state == "waiting", state != "waiting")
    assert text.count("<video") == 2
    progress = site.settings.data_dir / "recordings" / recorded.MADE / "derived" / ".progress.json"
    progress.write_text('{"done": 9, "total": 18}')
    answer = await reviewer.get(f"/records/{session.id}/progress")
    assert await answer.json() == {"waits": state == "waiting", "made": False, "percent": 50}
    answer = await reviewer.get(f"/records/{session.id}/progress?recording=another")
    assert await answer.json() == {"waits": False, "made": True, "percent": 0}


async def test_a_composed_picture_older_than_the_recording_says_so(site: World) -> None:
    """Once what it was made of was made anew, and that the new one is on its way; counsel is given none meanwhile."""
    session = await site.interrogation()
    await recorded.adopt(site, session, source=recorded.made(composed=True))
    reviewer = await site.browser("reviewer")
    await site.post(reviewer, f"/records/{session.id}/play")
    said, being_made = "合成画面早于现有录音录像", "正在制作合成画面"
    _, text = await site.get(reviewer, f"/records/{session.id}")
    assert (said in text, being_made in text, text.count("<video")) == (False, False, 3)
    async with site.database.transaction() as tx:
        await jobs.enqueue(tx, "compose_recording", {}, due=site.clock.now(), key=f"compose:{recorded.MADE}")
        await tx.execute(update(DerivedFile).where(DerivedFile.kind == "composed").values(outdated=True))
        assert filing.working_copies(await store.files(tx, recorded.MADE)) == []
    _, text = await site.get(reviewer, f"/records/{session.id}")
    assert (said in text, being_made in text, text.count("<video")) == (True, True, 3)
    await site.get(reviewer, "/language/en?back=/")
    assert "older than the recording" in (await site.get(reviewer, f"/records/{session.id}"))[1]


async def test_a_composition_is_stopped_by_those_who_file_the_record(site: World) -> None:
    """Whoever only looks or checks is refused and shown no button; another recording, or another act, is not there;
    an act that comes too late does nothing and is not in the ledger."""
    session = await site.interrogation()
    await recorded.adopt(site, session)
    page = f"/records/{session.id}/composition"
    async with site.database.transaction() as tx:
        await jobs.enqueue(tx, "compose_recording", {}, due=site.clock.now(), key=f"compose:{recorded.MADE}")
    form = {"recording": recorded.MADE}
    inspector, officer = await site.browser("inspector"), await site.browser("officer")
    assert "停止制作</button>" not in (await site.get(inspector, f"/records/{session.id}"))[1]
    assert (await site.post(inspector, f"{page}/cancel", **form))[0] == 403
    assert (await site.post(officer, f"{page}/cancel", recording="golden-1"))[0] == 404
    assert (await site.post(officer, f"{page}/begin", **form))[0] == 404
    for act in ("resume", "cancel", "cancel", "resume"):
        status, _, leads = await site.post(officer, f"{page}/{act}", **form)
        assert (status, leads) == (303, f"/records/{session.id}?part=1#players")
    tags = [tag for tag in await ledger_tags(site, "officer") if tag.startswith("recording.compose")]
    assert tags == ["recording.compose-cancelled", "recording.compose-resumed"]


async def test_two_recordings_of_one_session_are_parts(site: World) -> None:
    """Each part has its verdict; one is played at a time, chosen in the address."""
    session = await site.interrogation()
    await recorded.adopt(site, session)
    await recorded.adopt(site, session, "golden-1", source=recorded.golden())
    reviewer = await site.browser("reviewer")
    await site.post(reviewer, f"/records/{session.id}/play")
    for asked, shown in (
        ("", recorded.MADE),
        ("?part=2", "golden-1"),
        ("?part=7", "golden-1"),
        ("?part=x", recorded.MADE),
    ):
        status, text = await site.get(reviewer, f"/records/{session.id}{asked}")
        assert status == 200
        assert text.count('class="verdict ') == 2
        assert f"/media/{shown}/" in text
        other = {recorded.MADE, "golden-1"} - {shown}
        assert f"/media/{other.pop()}/" not in text
