"""Defence counsel reads what was filed: only their cases, only after investigation, only working copies, all told."""

import pytest

from cases.models import Case, Stage
from core import ledger
from recordings.models import Recording
from scheduler.models import Booking
from tests.web import recorded
from tests.web.world import PAGE, World

COMPOSED = f"{recorded.MADE}/composed.mp4"


@pytest.fixture
async def filed(site: World) -> Booking:
    """An interrogation whose recording was filed in a case at trial."""
    session = await site.interrogation()
    await recorded.adopt(site, session, source=recorded.made(composed=True))
    async with site.database.transaction() as tx:
        (await tx.get_one(Recording, recorded.MADE)).state = "filed"
        case = (await tx.get_one(Booking, session.id)).case
        (await tx.get_one(Case, str(case))).stage = Stage.TRIAL
    return session


async def tags(site: World) -> list[str]:
    async with site.database.transaction(write=False) as tx:
        found = await ledger.find(tx, ledger.Wanted(subjects=[recorded.MADE]))
    return [entry.tag for entry in reversed(found) if entry.tag.startswith("recording.filed-")]


async def test_counsel_views_and_copies_and_both_are_told(site: World, filed: Booking) -> None:
    """The working copy plays after it was opened and is copied with its check value; the original is not there."""
    lawyer = await site.browser("lawyer")
    assert filed.id in (await site.get(lawyer, "/filed"))[1]
    base = f"/filed/{filed.id}"
    assert (await lawyer.get(f"{base}/media/{COMPOSED}", headers=PAGE)).status == 403
    assert "<video" not in (await site.get(lawyer, base))[1]
    assert (await site.post(lawyer, f"{base}/view"))[0] == 303
    _, text = await site.get(lawyer, base)
    assert text.count("<video") == 1
    assert "沈知远" in text.split('class="watermark"')[1]
    assert (await lawyer.get(f"{base}/media/{COMPOSED}", headers={"Range": "bytes=0-9"})).status == 206
    answer = await lawyer.get(f"{base}/copy/{COMPOSED}", headers=PAGE)
    assert (answer.status, len(await answer.read())) == (200, int(answer.headers["Content-Length"]))
    assert "attachment" in answer.headers["Content-Disposition"]
    for original in ("01-camera-01.webm", "seg-000001", "..%2Fkeys.json"):
        for way in ("media", "copy"):
            assert (await lawyer.get(f"{base}/{way}/{recorded.MADE}/{original}", headers=PAGE)).status == 404
    assert await tags(site) == ["recording.filed-viewed", "recording.filed-copied"]


async def test_nobody_else_finds_it(site: World, filed: Booking) -> None:
    """Other roles are told it is not theirs; the same lawyer finds nothing while the case is under investigation."""
    for login in ("officer", "reviewer", "inspector", "duty", "admin", "interpreter", "admin-court"):
        browser = await site.browser(login)
        assert (await site.get(browser, "/filed"))[0] == 403, login
        for path in ("", f"/media/{COMPOSED}", f"/copy/{COMPOSED}"):
            assert (await site.get(browser, f"/filed/{filed.id}{path}"))[0] == 404, (login, path)
        assert (await site.post(browser, f"/filed/{filed.id}/view"))[0] == 404
    lawyer = await site.browser("lawyer")
    for path in (f"/records/{filed.id}", f"/records/{filed.id}/keeping"):
        assert (await site.get(lawyer, path))[0] == 404
    async with site.database.transaction() as tx:
        (await tx.get_one(Case, str(filed.case))).stage = Stage.INVESTIGATION
    assert (await site.get(lawyer, f"/filed/{filed.id}"))[0] == 404
    assert filed.id not in (await site.get(lawyer, "/filed"))[1]
    assert (await site.post(lawyer, f"/filed/{filed.id}/view"))[0] == 404
    assert await tags(site) == []


async def test_what_was_not_filed_does_not_exist(site: World, filed: Booking) -> None:
    """A recording of the same case that nobody filed is neither listed nor shown, opened or copied."""
    async with site.database.transaction() as tx:
        (await tx.get_one(Recording, recorded.MADE)).state = "closed"
    lawyer = await site.browser("lawyer")
    assert filed.id not in (await site.get(lawyer, "/filed"))[1]
    for path in ("", f"/media/{COMPOSED}", f"/copy/{COMPOSED}"):
        assert (await site.get(lawyer, f"/filed/{filed.id}{path}"))[0] == 404, path
    assert (await site.post(lawyer, f"/filed/{filed.id}/view"))[0] == 404
