"""A lawyer's file in a case looks the same to police before and after twenty visits."""

import re
from datetime import datetime, timedelta
from html import unescape

import pytest
from sqlalchemy import select

from core.ids import new_id
from recordings.models import Recording
from scheduler.models import Booking, Party, State
from signaling.models import LiveSession
from tests.attacks.test_routes import filled, routes
from tests.web.world import PAGE, World

VISITS = 20
ELSEWHERE = re.compile(r"^/(static|language|signout|i|terminal|trust|health|metrics)\b")
"""Not of an account: files, languages, guests, devices."""
OWN_TRACE = re.compile(r"^/(ledger|account)\b")
"""Holds the reader's own searches and sign-ins, which differ by having been made; the ledger is tried apart."""
COUNTS = re.compile(r"^/statistics\b")
"""Counts of whole facilities, never of a lawyer or a case."""
NONCE = re.compile(r'nonce="[^"]*"')


async def everything(site: World, login: str, most: int = 40) -> dict[str, str]:
    """What somebody sees: every address without an id, and every address those link to, with its words."""
    browser = await site.browser(login)
    waiting = [path for method, path in routes(site) if method == "GET" and "{" not in path]
    seen: dict[str, str] = {}
    while waiting and len(seen) < most:
        path = waiting.pop(0)
        if path in seen or ELSEWHERE.match(path) or OWN_TRACE.match(path) or COUNTS.match(path):
            continue
        answer = await browser.get(path, headers=PAGE, allow_redirects=False)
        text = f"{answer.status} " + (await answer.text() if "text" in answer.content_type else "")
        seen[path] = NONCE.sub("", text).replace(answer.headers["X-Request-Id"], "")
        waiting += [unescape(link) for link in re.findall(r'href="(/[^"#]*)"', text)]
    return seen


async def visits_held(site: World) -> list[str]:
    """Twenty visits of a suspect of the officer's case took place, each with its live session and its chain; return
    the ids of all that came of them."""
    pattern = await site.visit()
    ids: list[str] = []
    async with site.database.transaction() as tx:
        parties = (await tx.execute(select(Party).where(Party.booking == pattern.id))).scalars().all()
        model = await tx.get_one(Booking, pattern.id)
        for number in range(1, VISITS + 1):
            visit = _visit(model, site.clock.now() - timedelta(days=number))
            tx.add(visit)
            await tx.flush()
            tx.add_all(_party(party, visit.id) for party in parties)
            recording = _chain(visit)
            tx.add_all([recording, _live(visit, recording.id)])
            ids += [visit.id, recording.id]
        model.state = State.WITHDRAWN
    return ids


def _visit(model: Booking, start: datetime) -> Booking:
    end = start + timedelta(minutes=50)
    values = {name: getattr(model, name) for name in ("organisation", "facility", "case", "created_by")}
    times = {"start": start, "end": start + timedelta(hours=1), "created": start, "started": start, "ended": end}
    return Booking(id=new_id(), kind="visit", state=State.DONE, version=3, **values, **times)


def _party(party: Party, booking: str) -> Party:
    names = ("role", "endpoint_role", "person", "custody_person", "name", "number", "room", "lead")
    return Party(booking=booking, **{name: getattr(party, name) for name in names})


def _chain(visit: Booking) -> Recording:
    assert visit.started
    assert visit.ended
    return Recording(
        id=new_id(),
        session=visit.id,
        kind="visit",
        policy="attendance",
        state="closed",
        started=visit.started,
        ended=visit.ended,
        duration_ms=50 * 60_000,
        takes=1,
        gaps=0,
        bytes=1000,
        digest="ab" * 32,
        verdict="INTACT",
        verified=visit.ended,
        finalized=visit.ended,
    )


def _live(visit: Booking, recording: str) -> LiveSession:
    assert visit.started
    return LiveSession(
        id=visit.id,
        kind="visit",
        state="ended",
        owner="x",
        lease=visit.started,
        media=0,
        recording=recording,
        opened=visit.started,
        started=visit.started,
        ended=visit.ended,
        digest="ab" * 32,
    )


@pytest.mark.parametrize("login", ["officer", "officer2", "reviewer", "duty-west"])
async def test_twenty_visits_change_nothing_police_can_open(site: World, login: str) -> None:
    """Every page and address of the API, followed from link to link, says the same words before and after."""
    before = await everything(site, login)
    assert len(before) > 5
    ids = await visits_held(site)
    after = await everything(site, login)
    assert before.keys() == after.keys()
    for path in before:
        assert before[path] == after[path], path
    browser = await site.browser(login)
    for method, path in routes(site):
        if method != "GET" or not re.search(r"\{(id|session)\}", path):
            continue
        for id_ in ids[:2]:
            answer = await browser.get(filled(path, id=id_, session=id_), headers=PAGE, allow_redirects=False)
            assert answer.status >= 300, (path, answer.status)
            if answer.status < 400:
                assert answer.headers["Location"].startswith("/signin"), path
