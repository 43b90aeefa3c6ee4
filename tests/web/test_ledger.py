"""Reading the ledger through the pages: auditors by filters, paging and CSV, ids and no names; everybody their own."""

import re

import pytest

from core import ledger
from scheduler.models import Booking
from tests.web.world import World


async def write(site: World, who: str, tag: str, subject: str, count: int = 1) -> None:
    person = (await site.principal(who)).id
    async with site.database.transaction() as tx:
        for _ in range(count):
            await ledger.append(tx, tag, actor=person, subject=subject, at=site.clock.now(), details={"by": "test"})


async def test_filters_pages_and_csv(site: World) -> None:
    """The filters stand in the address and survive paging; the file holds ids and no names."""
    await write(site, "officer", "recording.log-viewed", "s" * 22, count=60)
    await write(site, "lawyer", "recording.log-viewed", "s" * 22)
    reviewer = await site.browser("reviewer")
    officer = (await site.principal("officer")).id
    status, text = await site.get(reviewer, f"/ledger?tag=recording.&actor={officer}&since=2026-03-01")
    assert status == 200
    assert text.count('<td data-label="操作" class="mono">recording.log-viewed') == 50
    assert "周建平" not in text[text.index("<table") : text.index("</table>")]
    older = re.search(r'href="(/ledger\?[^"]*before=\d+)"', text)
    assert older is not None
    assert f"actor={officer}" in older[1]
    assert (await site.get(reviewer, older[1].replace("&amp;", "&")))[1].count(
        'class="mono">recording.log-viewed'
    ) == 10
    answer = await reviewer.get("/ledger.csv?tag=recording.")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="ledger.csv"'
    body = await answer.text()
    assert body.count("recording.log-viewed") == 60
    assert "周建平" not in body


@pytest.mark.parametrize("asked", ["since=x", "before=0", "before=x", "until=2026-13-01", "since=1800-01-01"])
async def test_a_filter_that_cannot_be_read_is_told(site: World, asked: str) -> None:
    """Never an error of ours."""
    assert (await site.get(await site.browser("reviewer"), f"/ledger?{asked}"))[0] == 422


@pytest.mark.parametrize("login", ["officer", "lawyer", "duty", "interpreter"])
async def test_others_do_not_search(site: World, login: str) -> None:
    """The page and the file are for auditors."""
    browser = await site.browser(login)
    assert (await site.get(browser, "/ledger"))[0] == 403
    assert (await site.get(browser, "/ledger.csv"))[0] == 403


async def test_everybody_sees_who_looked(site: World) -> None:
    """The officer of a session reads the name of who opened its record; somebody else's page stays empty."""
    session = await site.statement(15)
    async with site.database.transaction() as tx:
        (await tx.get_one(Booking, session.id)).started = site.clock.now()
    await write(site, "reviewer", "recording.play-granted", session.id)
    name = (await site.principal("reviewer")).name
    _, text = await site.get(await site.browser("officer"), "/looked")
    row = text[text.index("<table") : text.index("</table>")]
    assert name in row
    assert "recording." not in row
    for login in ("lawyer", "officer3"):
        assert "<table" not in (await site.get(await site.browser(login), "/looked"))[1]
