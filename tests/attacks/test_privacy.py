"""A lawyer's file in a case looks the same to police before and after twenty visits."""

import re
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from html import unescape

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from sqlalchemy import delete, select

from core import ledger
from core.ids import new_id
from recordings.models import Recording
from scheduler import choices
from scheduler.models import Booking, Hold, Party, State
from scheduler.statistics import FEWEST
from signaling.models import LiveSession
from tests.attacks.estate import Estate, _people
from tests.attacks.test_routes import filled, routes
from tests.web.world import PAGE, World

Client = TestClient[web.Request, web.Application]
VISITS = 20
VARIANTS = 3
"""Times one address is opened with different words behind its question mark: days of a calendar have no end."""
ELSEWHERE = re.compile(r"^/(static|language|signout|i|terminal|trust|health|metrics)\b")
"""Not of an account: files, languages, guests, devices."""
LEDGER = re.compile(r"^/ledger\b")
"""Holds the reader's own searches, which differ by having been made, and that the post did its work: tried below."""
ACTS = (
    # who, what, about the visit or its recording, with which details
    ("lawyer", "booking.requested", "visit", {"kind": "visit", "version": 1}),
    ("duty", "booking.confirmed", "visit", {"kind": "visit", "version": 2}),
    ("duty", "booking.brought", "visit", {"kind": "visit", "version": 3}),
    ("duty", "booking.moved", "visit", {"kind": "visit", "version": 4, "room": "r"}),
    ("duty", "late_scan.viewed", "visit", {}),
    ("duty", "apart.stopped", "visit", {}),
    ("system", "recording.head", "recording", {"take": 1}),
    ("duty", "recording.verified", "recording", {}),
)
"""What the ledger holds of each visit."""
COUNTS = re.compile(r"^/statistics\b")
"""Counts of whole facilities, never of a lawyer or a case: tried apart, below."""
NONCE = re.compile(r'nonce="[^"]*"')


async def everything(site: World, browser: Client, *, but: re.Pattern[str]) -> dict[str, str]:
    """What somebody sees: every address without an id, and every address those link to, with its words."""
    waiting = [path for method, path in routes(site) if method == "GET" and "{" not in path]
    seen: dict[str, str] = {}
    variants: Counter[str] = Counter()
    while waiting:
        path = waiting.pop(0)
        bare = path.partition("?")[0]
        if path in seen or ELSEWHERE.match(path) or but.match(path) or variants[bare] == VARIANTS:
            continue
        variants[bare] += 1
        seen[path] = await words(browser, path)
        waiting += [unescape(link) for link in re.findall(r'href="(/[^"#]*)"', seen[path])]
    return seen


async def words(browser: Client, path: str) -> str:
    """Status and text of a page, without what differs each time."""
    answer = await browser.get(path, headers=PAGE, allow_redirects=False)
    text = f"{answer.status} " + (await answer.text() if "text" in answer.content_type else "")
    return NONCE.sub("", text).replace(answer.headers["X-Request-Id"], "")


async def visits_held(site: World, pattern: Booking, days: Iterable[int] = range(1, VISITS + 1)) -> list[str]:
    """Visits like ``pattern``, of a suspect of the officer's case, took place so many days ago each, with their rooms,
    live session and chain; return the ids of all that came of them."""
    ids: list[str] = []
    async with site.database.transaction() as tx:
        parties = (await tx.execute(select(Party).where(Party.booking == pattern.id))).scalars().all()
        model = await tx.get_one(Booking, pattern.id)
        for number in days:
            visit = _visit(model, site.clock.now() - timedelta(days=number))
            tx.add(visit)
            await tx.flush()
            tx.add_all(_party(party, visit.id) for party in parties)
            tx.add_all(_hold(visit, party.room) for party in parties if party.room)
            recording = _chain(visit)
            tx.add_all([recording, _live(visit, recording.id)])
            ids += [visit.id, recording.id]
        model.state = State.WITHDRAWN
        await tx.execute(delete(Hold).where(Hold.booking == pattern.id))
    return ids


def _visit(model: Booking, start: datetime) -> Booking:
    end = start + timedelta(minutes=50)
    values = {name: getattr(model, name) for name in ("organisation", "facility", "case", "created_by")}
    times = {"start": start, "end": start + timedelta(hours=1), "created": start, "started": start, "ended": end}
    return Booking(id=new_id(), kind="visit", state=State.DONE, version=3, **values, **times)


def _party(party: Party, booking: str) -> Party:
    names = ("role", "endpoint_role", "person", "custody_person", "name", "number", "room", "lead")
    return Party(booking=booking, **{name: getattr(party, name) for name in names})


def _hold(visit: Booking, room: str) -> Hold:
    return Hold(booking=visit.id, resource=f"room:{room}", start=visit.start, end=visit.end)


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


@pytest.mark.parametrize("login", ["officer", "officer2", "reviewer", "inspector", "admin", "duty-west"])
async def test_twenty_visits_change_nothing_police_can_open(site: World, login: str) -> None:
    """Every page and address of the API, followed from link to link, says the same words before and after."""
    browser, apart = await site.browser(login), re.compile(f"{LEDGER.pattern}|{COUNTS.pattern}")
    before = await everything(site, browser, but=apart)
    ids = await visits_held(site, await site.visit())
    after = await everything(site, browser, but=apart)
    opened = [path for path in before if before[path].startswith("200")]
    print(f"{login}: {len(before)} addresses walked, {len(opened)} opened")
    assert {"/account", "/account/sign-ins"} < set(opened)
    assert before.keys() == after.keys()
    for path in before:
        assert before[path] == after[path], path
    for method, path in routes(site):
        if method != "GET" or not re.search(r"\{(id|session)\}", path):
            continue
        for id_ in ids[:2]:
            answer = await browser.get(filled(path, id=id_, session=id_), headers=PAGE, allow_redirects=False)
            assert answer.status >= 300, (path, answer.status)
            if answer.status < 400:
                assert answer.headers["Location"].startswith("/signin"), path


async def noted(site: World, ids: list[str]) -> None:
    """What is written down when visits take place; ``ids`` as ``visits_held`` returns them."""
    people = {login: (await site.principal(login)).id for login in ("lawyer", "duty")}
    async with site.database.transaction() as tx:
        for visit, recording in zip(ids[::2], ids[1::2], strict=True):
            for who, tag, about, details in ACTS:
                subject = visit if about == "visit" else recording
                actor = people.get(who, who)
                await ledger.append(tx, tag, actor=actor, subject=subject, at=site.clock.now(), details=details)


def without_searches(text: str) -> Counter[str]:
    """The rows of the ledger's file, but for the searches and numbers, which go up by looking."""
    rows = [row for row in text.splitlines() if "ledger.searched" not in row]
    return Counter(row.partition(",")[2] for row in rows)


@pytest.mark.parametrize("login", ["reviewer", "inspector", "admin", "security"])
async def test_the_ledger_leads_to_no_visit(site: World, login: str) -> None:
    """Twenty visits later there is nothing to find by a visit, its recording, its lawyer or its client; what is new
    says that the post did something, and not about what."""
    await _people(Estate(site))
    browser, duty = await site.browser(login), (await site.principal("duty")).id
    ids = await visits_held(site, await site.visit())
    lawyer = (await site.principal("lawyer")).id
    clients = [
        client.id for client in await choices.my_clients(site.database, site.clock, await site.principal("lawyer"))
    ]
    asked = ["", "?tag=booking.", "?tag=recording.", f"?actor={duty}", f"?actor={lawyer}"]
    asked += [f"?subject={about}" for about in (*ids, lawyer, *clients)]
    before = {one: without_searches(await words(browser, f"/ledger.csv{one}")) for one in asked}
    await noted(site, ids)
    own_acts = sum(who == "duty" for who, *_ in ACTS) * VISITS
    for one in asked:
        told, page = await words(browser, f"/ledger.csv{one}"), await words(browser, f"/ledger{one}")
        fresh = without_searches(told) - before[one]
        assert fresh.total() == {"": own_acts, f"?actor={duty}": own_acts}.get(one, fresh.total()), one
        assert not (fresh and "subject" in one), one
        for row in fresh:
            assert row.endswith(",,"), row  # neither about what, nor any detail
        for text in (told, page.partition("<table")[2]):
            assert not [about for about in (*ids, lawyer, *clients, "kind=visit") if about in text], one


@pytest.mark.parametrize("login", ["reviewer", "inspector", "admin", "duty"])
async def test_statistics_show_no_single_visit(site: World, login: str) -> None:
    """With one to four visits the page and its tables say the same as with none, the fifth is a figure."""
    browser, names = await site.browser(login), ("沈知远", *await _clients(site))
    tables = ("waiting", "rooms", "capacity", "kinds", "reach")
    pages = ["/statistics", *(f"/statistics/{table}.csv" for table in tables)]
    pattern = await site.visit()
    none = [await words(browser, page) for page in pages]
    assert all(text.startswith("200") for text in none)
    for number in range(1, FEWEST):
        await visits_held(site, pattern, [number])
        assert [await words(browser, page) for page in pages] == none, number
    await visits_held(site, pattern, [FEWEST])
    told = [await words(browser, page) for page in pages]
    assert not [name for name in names for text in told if name in text]
    assert told != none


async def _clients(site: World) -> list[str]:
    """The names of those the lawyer visits."""
    lawyer = await site.principal("lawyer")
    return [client.name for client in await choices.my_clients(site.database, site.clock, lawyer)]
