"""Defence counsel reads what was filed: only their cases, only after investigation, only working copies, all told."""

import hashlib
import io
import zipfile

import pytest

from cases.models import Case, Stage
from core import ledger
from recordings import keys
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


def check_copy(data: bytes, site_key: bytes, page: str) -> None:
    """The zip file holds the working copy, nothing of the original; its list is signed and has the page's value."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
        sums = archive.read("SHA256SUMS")
        assert keys.is_signed(site_key, archive.read("SHA256SUMS.sig"), sums)
        listed = dict(line.split("  ")[::-1] for line in sums.decode().splitlines())
        assert {name: hashlib.sha256(archive.read(name)).hexdigest() for name in listed} == listed
    composed = COMPOSED.rpartition("/")[2]
    assert names == {composed, f"{composed}.json", "site.pub", "README.html", "SHA256SUMS", "SHA256SUMS.sig"}
    assert listed[composed] in page


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
    film = await site.film(lawyer, base, f"{base}/media/{COMPOSED}")
    answer = await lawyer.get(film, headers={"Range": "bytes=0-9"})
    assert (answer.status, answer.headers["Content-Disposition"]) == (206, "attachment")
    assert (await lawyer.get(film.partition("?")[0], headers=PAGE)).status == 403
    answer = await lawyer.get(f"{base}/copy/{recorded.MADE}", headers=PAGE)
    assert (answer.status, answer.content_type) == (200, "application/zip")
    assert "attachment" in answer.headers["Content-Disposition"]
    check_copy(await answer.read(), keys.site_publics(site.settings.data_dir)[0], text)
    for original in ("01-camera-01.webm", "seg-000001", "..%2Fkeys.json"):
        assert (await lawyer.get(f"{base}/media/{recorded.MADE}/{original}", headers=PAGE)).status == 404
    assert (await lawyer.get(f"{base}/copy/golden-1", headers=PAGE)).status == 404
    assert await tags(site) == ["recording.filed-viewed", "recording.filed-copied"]


async def test_nobody_else_finds_it(site: World, filed: Booking) -> None:
    """Other roles are told it is not theirs; the same lawyer finds nothing while the case is under investigation."""
    for login in ("officer", "reviewer", "inspector", "duty", "admin", "interpreter", "admin-court"):
        browser = await site.browser(login)
        assert (await site.get(browser, "/filed"))[0] == 403, login
        for path in ("", f"/media/{COMPOSED}", f"/copy/{recorded.MADE}"):
            assert (await site.get(browser, f"/filed/{filed.id}{path}"))[0] == 403, (login, path)
        assert (await site.post(browser, f"/filed/{filed.id}/view"))[0] == 403
    lawyer = await site.browser("lawyer")
    for path in (f"/records/{filed.id}", f"/records/{filed.id}/keeping"):
        assert (await site.get(lawyer, path))[0] == 403
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
    for path in ("", f"/media/{COMPOSED}", f"/copy/{recorded.MADE}"):
        assert (await site.get(lawyer, f"/filed/{filed.id}{path}"))[0] == 404, path
    assert (await site.post(lawyer, f"/filed/{filed.id}/view"))[0] == 404
