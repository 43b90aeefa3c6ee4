"""Keeping a record through its page: who may do what, what it leaves behind, and who learns of it."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from cases.models import Case, Stage
from core import ledger
from recordings.models import KeepingRequest, LegalHold, Recording
from scheduler.models import Booking
from tests.web import recorded
from tests.web.world import World

YEARS = timedelta(days=4000).total_seconds()


@pytest.fixture
async def kept(site: World) -> Booking:
    """A recorded interrogation."""
    session = await site.interrogation()
    await recorded.adopt(site, session)
    return session


async def act(site: World, login: str, session: Booking, wanted: str, **fields: str) -> tuple[int, str]:
    browser = await site.browser(login)
    fields = {"recording": recorded.MADE} | fields
    status, text, leads = await site.post(browser, f"/records/{session.id}/keeping/{wanted}", **fields)
    return status, leads if status == 303 else text


async def asked_for(site: World) -> str:
    async with site.database.transaction(write=False) as tx:
        newest = select(KeepingRequest.id).order_by(KeepingRequest.asked.desc(), KeepingRequest.id.desc())
        return str((await tx.execute(newest.limit(1))).scalar_one())


async def tags(site: World) -> list[str]:
    async with site.database.transaction(write=False) as tx:
        found = await ledger.find(tx, ledger.Wanted(subjects=[recorded.MADE]))
    return [entry.tag for entry in reversed(found)]


async def ends(site: World, session: Booking) -> None:
    async with site.database.transaction() as tx:
        case = (await tx.get_one(Booking, session.id)).case
        await tx.execute(update(Case).where(Case.id == case).values(stage=Stage.CLOSED))


async def test_hold_is_placed_and_lifted_with_reasons(site: World, kept: Booking) -> None:
    """Reviewer and inspector may; an officer of the case may not; a reason that is not listed comes back."""
    assert (await act(site, "officer", kept, "hold", reason="court-order"))[0] == 403
    assert (await act(site, "inspector", kept, "hold", reason="whim"))[0] == 422
    assert (await act(site, "inspector", kept, "hold", reason="court-order"))[0] == 303
    _, text = await site.get(await site.browser("officer"), f"/records/{kept.id}/keeping")
    assert "法院要求" in text
    assert "生效中" in text
    assert (await act(site, "reviewer", kept, "lift", reason="court-order"))[0] == 422
    assert (await act(site, "reviewer", kept, "lift", reason="order-ended"))[0] == 303
    async with site.database.transaction(write=False) as tx:
        (hold,) = (await tx.execute(select(LegalHold))).scalars()
    assert hold.lifted_for == "order-ended"
    assert (await tags(site))[-2:] == ["recording.held", "recording.hold-lifted"]


async def test_destruction_takes_two_persons_the_end_of_the_case_and_the_term(site: World, kept: Booking) -> None:
    """Asked too early it is refused in words; decided by another and carried out, times, digest and reason remain."""
    fields = {"act": "delete", "reason": "term-over"}
    status, text = await act(site, "officer", kept, "ask", **fields)
    assert (status, "办结" in text) == (409, True)
    await ends(site, kept)
    assert (await act(site, "officer", kept, "ask", **fields))[0] == 409
    site.clock.advance(YEARS)
    assert (await act(site, "officer", kept, "ask", **fields))[0] == 303
    assert (await act(site, "officer", kept, "ask", **fields))[0] == 409
    request = await asked_for(site)
    answer = {"request": request, "answer": "approve", "understood": "1"}
    assert (await act(site, "officer", kept, "decide", **answer))[0] == 403
    assert (await act(site, "reviewer", kept, "destroy", request=request))[0] == 409
    assert (await act(site, "reviewer", kept, "decide", request=request, answer="approve"))[0] == 422
    assert (await act(site, "reviewer", kept, "decide", **answer))[0] == 303
    assert (await act(site, "inspector", kept, "destroy", request=request))[0] == 303
    folder = site.settings.data_dir / "recordings" / recorded.MADE
    assert not list(folder.glob("keys*.json"))
    assert not list(folder.glob("seg-*"))
    async with site.database.transaction(write=False) as tx:
        row = await tx.get_one(Recording, recorded.MADE)
    for page in ("", "/keeping"):
        status, text = await site.get(await site.browser("reviewer"), f"/records/{kept.id}{page}")
        assert status == 200
        assert row.digest in text
        assert "销毁" in text
        assert "<video" not in text
    assert "保存期限届满" in text
    assert (await tags(site))[-3:] == ["recording.delete-asked", "recording.delete-approved", "recording.erased"]


async def test_nobody_approves_what_they_asked_and_not_two_of_the_unit(site: World, kept: Booking) -> None:
    """A reviewer who asked is told that somebody else decides; a hold that came in between stops it."""
    await ends(site, kept)
    site.clock.advance(YEARS)
    await act(site, "reviewer", kept, "ask", act="delete", reason="term-over")
    answer = {"request": await asked_for(site), "answer": "approve", "understood": "1"}
    status, text = await act(site, "reviewer", kept, "decide", **answer)
    assert (status, "另一人" in text or "其他人" in text) == (409, True)
    assert (await act(site, "inspector", kept, "decide", **answer))[0] == 303
    await act(site, "reviewer", kept, "hold", reason="appeal")
    assert (await act(site, "inspector", kept, "destroy", **answer))[0] == 409
    assert list((site.settings.data_dir / "recordings" / recorded.MADE).glob("seg-*"))


async def test_sealed_original_is_released_for_a_time(site: World) -> None:
    """Filed by the officer, asked, approved by the inspector with fresh proof; given back it is sealed again."""
    kept = await site.interrogation()
    await recorded.adopt(site, kept, source=recorded.made(composed=True))
    media = f"/records/{kept.id}/media/{recorded.MADE}/01-camera-01.webm"
    assert (await act(site, "officer", kept, "ask", act="unseal", reason="review"))[0] == 409
    assert (await act(site, "officer", kept, "file"))[0] == 303
    officer = await site.browser("officer")
    await site.post(officer, f"/records/{kept.id}/play")
    assert (await officer.get(media)).status == 403
    assert (await act(site, "officer", kept, "ask", act="unseal", reason="review"))[0] == 303
    answer = {"request": await asked_for(site), "answer": "approve"}
    inspector = await site.browser("inspector")
    site.clock.advance(11 * 60)
    status, text, _ = await site.post(inspector, f"/records/{kept.id}/keeping/decide", **answer)
    assert (status, "请确认是您本人" in text) == (403, True)
    assert (await officer.get(media)).status == 403
    assert (await act(site, "inspector", kept, "decide", **answer))[0] == 303
    link = await site.film(officer, f"/records/{kept.id}", media)
    assert (await officer.get(link)).status == 200
    assert (await act(site, "officer", kept, "back", **answer))[0] == 303
    assert (await officer.get(link)).status == 403


async def test_acts_on_foreign_objects_are_not_there(site: World, kept: Booking) -> None:
    """A recording of another session, a request of another recording, an invented act: 404, and nothing is done.
    Who has nothing to do with records at all is told so."""
    other = await site.interrogation(480)
    await recorded.adopt(site, other, "golden-1", source=recorded.golden())
    for wanted in ("hold", "lift", "file", "ask"):
        status, _ = await act(site, "reviewer", kept, wanted, recording="golden-1", reason="review", act="unseal")
        assert status == 404, wanted
    assert (await act(site, "reviewer", kept, "shred"))[0] == 404
    assert (await act(site, "reviewer", kept, "decide", request="0" * 22, answer="approve"))[0] == 404
    assert (await act(site, "reviewer", kept, "decide", request="../x", answer="approve"))[0] == 422
    for login in ("lawyer", "duty", "admin", "interpreter", "admin-court"):
        for path in ("keeping", "access"):
            assert (await site.get(await site.browser(login), f"/records/{kept.id}/{path}"))[0] == 403, login
        assert (await act(site, login, kept, "hold", reason="review"))[0] == 403
    assert "recording.held" not in await tags(site)


async def test_access_history_is_the_ledgers(site: World, kept: Booking) -> None:
    """Who read, opened and checked stands there with name and unit, newest first; the officers do not see it."""
    officer = await site.browser("officer")
    await site.get(officer, f"/records/{kept.id}")
    await site.post(officer, f"/records/{kept.id}/play")
    assert (await site.get(officer, f"/records/{kept.id}/access"))[0] == 403
    inspector = await site.browser("inspector")
    status, text = await site.get(inspector, f"/records/{kept.id}/access")
    assert status == 200
    found = re.findall(r"周建平<br><span class=\"quiet small\">城东分局刑侦大队", text)
    assert len(found) == 2
    assert text.index("打开音视频") < text.index("查看日志和校验结论")
    assert (await site.get(inspector, f"/records/{kept.id}/access?before=1"))[1].count("<tbody>") == 0
    assert (await site.get(inspector, f"/records/{kept.id}/access?before=x"))[0] == 422
