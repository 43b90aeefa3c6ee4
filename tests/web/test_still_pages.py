"""Still pictures of an identity check on pages: who sees them, that the ledger knows first, and what is left after."""

from datetime import UTC, datetime, timedelta

import pytest

from cases import volume
from core import ledger
from core.jobs import Worker
from core.ledger import Wanted
from people import stills
from people.models import IdentityStill
from people.stills import Coming
from people.veil import Veil
from scheduler.models import Booking
from tests.web import recorded
from tests.web.world import World
from web.context import VAULT
from web.happenings import IDENTITY, read

PICTURE = b"\xff\xd8\xff picture \xff\xd9"


async def kept(site: World, session: Booking, part: str = "face") -> IdentityStill:
    """A picture that came in a session."""
    vault = site.server.app[VAULT]
    coming = Coming(session.id, "s1", part, "e" * 22, "p3")
    return await stills.keep(site.database, site.clock, vault, coming, PICTURE, by="i" * 22, lasts=timedelta(hours=72))


async def looks(site: World) -> list[tuple[str, str]]:
    async with site.database.transaction(write=False) as tx:
        return [(entry.actor, entry.subject) for entry in await ledger.find(tx, Wanted(tag=stills.VIEWED))]


async def test_officers_who_took_part_and_reviewers_see_a_picture(site: World) -> None:
    """As a picture and nothing else, never kept by the browser; each look stands in the ledger."""
    session = await site.statement()
    still = await kept(site, session)
    for login in ("officer", "officer2", "reviewer"):
        browser = await site.browser(login)
        answer = await browser.get(f"/sessions/{session.id}/stills/{still.id}")
        assert (answer.status, await answer.read()) == (200, PICTURE), login
        assert answer.content_type == "image/jpeg"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert (await looks(site))[0] == ((await site.principal(login)).id, session.id)
    assert len(await looks(site)) == 3


@pytest.mark.parametrize(
    "login", ["officer3", "lawyer", "duty", "inspector", "admin", "interpreter", "admin-justice", None]
)
async def test_nobody_else_does(site: World, login: str | None) -> None:
    """Whoever they are: refused, and no look is noted because there was none."""
    session = await site.statement()
    still = await kept(site, session)
    browser = await site.browser(login)
    answer = await browser.get(f"/sessions/{session.id}/stills/{still.id}", allow_redirects=False)
    assert answer.status in (303, 401, 403, 404)
    assert PICTURE not in await answer.read()
    assert await looks(site) == []


async def test_a_picture_is_not_had_by_way_of_another_session(site: World) -> None:
    """Taking part elsewhere opens nothing; a visit's address has none; after its term there is none."""
    session, other, visit = await site.statement(), await site.interrogation(), await site.visit()
    still = await kept(site, session)
    officer, lawyer = await site.browser("officer"), await site.browser("lawyer")
    assert (await officer.get(f"/sessions/{other.id}/stills/{still.id}")).status == 404
    assert (await lawyer.get(f"/sessions/{visit.id}/stills/{still.id}")).status == 403
    assert (await officer.get(f"/sessions/{session.id}/stills/{'0' * 22}")).status == 404
    site.clock.advance(72 * 3600)
    late = await site.browser("reviewer")
    assert (await late.get(f"/sessions/{session.id}/stills/{still.id}")).status == 404
    assert await looks(site) == []


async def test_where_somebody_is_protected_only_officers_of_the_case_see_any(
    site: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Face and document would undo the alias: a reviewer is told that there is nothing."""

    async def veil(*_: object) -> Veil:
        return Veil({"孙丽": "化名甲"})

    monkeypatch.setattr(volume, "veil", veil)
    session = await site.statement()
    still = await kept(site, session)
    address = f"/sessions/{session.id}/stills/{still.id}"
    assert (await (await site.browser("reviewer")).get(address)).status == 404
    assert await looks(site) == []
    assert (await (await site.browser("officer")).get(address)).status == 200


async def test_the_record_shows_it_while_it_is_kept_and_its_check_value_after(site: World) -> None:
    """A reviewer is offered the picture; an officer of the case who was not there only reads of it; then the digest."""
    session = await site.interrogation()
    await recorded.adopt(site, session)
    still = await kept(site, session, "document")
    address = f"/sessions/{session.id}/stills/{still.id}"
    _, text = await site.get(await site.browser("reviewer"), f"/records/{session.id}")
    assert address in text
    _, text = await site.get(await site.browser("inspector"), f"/records/{session.id}")
    assert "身份核验" in text
    assert address not in text
    await stills.withdraw(site.database, site.clock, [still.id])
    assert await Worker(site.database, site.clock, stills.handlers(site.database, site.clock)).run_one()
    _, text = await site.get(await site.browser("reviewer"), f"/records/{session.id}")
    assert still.digest[:16] in text
    assert address not in text


def test_every_step_of_a_check_is_a_line_of_the_record() -> None:
    """By whom, how, with which document; what a reviewer should look at first is marked."""
    at = datetime(2026, 3, 2, 4, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    said = [
        ({"event": "person", "endpoint": "h", "present": "p1", "role": "officer"}, {"name": "周建平"}),
        ({"event": "joined", "endpoint": "g", "role": "guest"}, {"label": "孙丽"}),
        ({"event": "person", "endpoint": "g", "present": "p2", "role": "witness"}, {"name": "孙丽"}),
        ({"event": "stills-asked", "request": "s1", "present": "p2", "endpoint": "g", "by": "h"}, {}),
        ({"event": "stills-answered", "request": "s1", "present": "p2", "endpoint": "g", "consent": False}, {}),
        ({"event": "still-kept", "request": "s1", "present": "p2", "endpoint": "g", "part": "face"}, {}),
        ({"event": "identity-service", "present": "p2", "outcome": "no-match", "reference": ""}, {}),
        ({"event": "person-doubted", "present": "p2", "why": "no-match", "by": "h", "officer": "p1"}, {}),
        ({"event": "identity-open", "present": "p2"}, {}),
        ({"event": "identity-skipped", "present": "p2", "reason": "urgent", "by": "h", "officer": "p1"}, {}),
        ({"event": "name", "endpoint": "g", "me": True}, {}),
        ({"event": "name", "endpoint": "g", "me": False}, {}),
        (
            {"event": "person-confirmed", "present": "p2", "how": "document", "by": "h", "way": "stills",
             "officer": "p1", "document": "id-card"},
            {},
        ),
    ]  # fmt: skip
    lines = read({"number": n, "at": at, "ms": 0, "public": a, "private": b} for n, (a, b) in enumerate(said, 1))
    checks = [line for line in lines if line.event in IDENTITY]
    assert [(line.event, line.values["who"], line.grave) for line in checks] == [
        ("stills-asked", "孙丽", False),
        ("stills-answered", "孙丽", False),
        ("still-kept", "孙丽", False),
        ("identity-service", "孙丽", False),
        ("person-doubted", "孙丽", True),
        ("identity-open", "孙丽", True),
        ("identity-skipped", "孙丽", True),
        ("not-me", "孙丽", True),
        ("person-confirmed", "孙丽", False),
    ]
    assert all(line.detail for line in checks if line.event not in ("stills-asked", "identity-open", "not-me"))
    assert (checks[-1].by, checks[-1].also) == ("周建平", ("With still pictures", "Identity card"))
