"""A protected witness, looked for everywhere: pages, exports, mails, the API, webhooks, the ledger, every column."""

import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from sqlalchemy import select, text, update

from cases.models import Case, ProtectedPerson, Stage
from core import ledger
from core.checkpoints import Log
from core.jobs import Worker
from recordings import jobs
from recordings.covering import is_due
from recordings.models import Recording
from scheduler import covering, invites, notices, sending, store, webhooks
from scheduler.models import Booking, Party
from signaling.models import LiveSession, SessionEvent
from tests.web import recorded
from tests.web.test_api import token
from tests.web.world import NOON, PAGE, World
from web.context import VAULT

NAME = "王秀兰"
HIDDEN = (NAME.encode(), NAME.encode("unicode_escape"), NAME[1:].encode())
"""As UTF-8, as JSON escapes it, and without the family name."""
LOGINS = ("officer", "officer2", "duty", "reviewer", "inspector", "lawyer", "admin")
MOST = 40
"""Pages of each viewer that are read."""

Browser = TestClient[web.Request, web.Application]


@dataclass
class Crawl:
    """Everything one viewer can reach by links, read as bytes."""

    who: str
    browser: Browser
    seen: dict[str, bytes] = field(default_factory=dict)

    async def run(self, *first: str) -> "Crawl":
        waiting = ["/", *first]
        while waiting and len(self.seen) < MOST:
            path = waiting.pop(0)
            if path in self.seen:
                continue
            answer = await self.browser.get(path, headers=PAGE, allow_redirects=True)
            self.seen[path] = await answer.read() + str(answer.headers).encode()
            if answer.content_type == "text/html":
                waiting += links(self.seen[path].decode())
        return self

    def naming(self) -> list[str]:
        return sorted(path for path, body in self.seen.items() if any(name in body for name in HIDDEN))


def links(page: str) -> list[str]:
    """Addresses of the site a page leads to, without those that only choose a day, a time or a language."""
    found = re.findall(r'(?:href|src|data-address)="(/[^"#]*)', page)
    skipped = ("/static/", "/language/", "/signout", "/book/visit/time", "/book/interrogation/time")
    return [path.replace("&amp;", "&") for path in found if not path.startswith(skipped)]


async def columns(site: World) -> str:
    """Every column of every table."""
    async with site.database.transaction(write=False) as tx:
        tables = (await tx.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))).scalars().all()
        rows = [str(tuple(row)) for table in tables for row in await tx.execute(text(f'SELECT * FROM "{table}"'))]
    return "\n".join(rows)


def files(site: World) -> list[Path]:
    """Files of the site that hold the name: the database's with its free pages, ledger, outbox, recordings."""
    everything = (p for p in site.settings.data_dir.rglob("*") if p.is_file())
    return [path for path in everything if any(name in path.read_bytes() for name in HIDDEN[:2])]


@dataclass(frozen=True)
class Lived:
    """A statement of a witness that took place, is planned, and was recorded."""

    past: str
    planned: str
    party: str
    secret: str


@pytest.fixture
async def lived(site: World) -> Lived:
    """One statement recorded and one ahead; an invitation, a log, an address for mails, a webhook."""
    past, planned = await site.statement(), await site.statement(24 * 60)
    officer, admin = await site.principal("officer"), await site.principal("admin")
    await recorded.adopt(site, past, source=recorded.made(composed=True, witness=NAME))
    await notices.set_address(site.database, officer, "mail", "officer@example.org")
    await webhooks.add(site.database, site.clock, admin, url="https://cases.example.org/hook")
    async with site.database.transaction() as tx:
        parties = await store.parties(tx, [planned.id])
        party = next(p.id for p in parties if p.name == NAME)
        live = LiveSession(
            id=past.id, kind="statement", state="ended", owner="x", lease=NOON, media=0, recording="r", opened=NOON
        )
        tx.add(live)
        await tx.flush()
        said = {"name": NAME, "text": f"我是{NAME}"}
        tx.add(SessionEvent(session=past.id, number=1, at=NOON, type="chat", public={"event": "chat"}, private=said))
        await tx.execute(update(Case).where(Case.id == past.case).values(stage=Stage.TRIAL, title=f"{NAME}被骗案"))
    _, secret = await invites.invite(site.database, site.clock, officer, planned.id, party)
    return Lived(past.id, planned.id, party, secret)


async def protect(site: World, lived: Lived, **changes: str) -> ProtectedPerson:
    """Mark the witness on the page, as an officer would."""
    officer = await site.browser("officer")
    _, page = await site.get(officer, f"/protected?party={lived.party}")
    chosen = re.search(r'<option value="([^"]+)" selected>' + NAME, page)
    assert chosen, "the party in the address is chosen"
    fields = {"who": chosen[1], "ground": "danger", "source": "own_request"} | changes
    status, page, leads = await site.post(officer, "/protected", **fields)
    assert (status, leads) == (303, "/protected?told=protected"), page
    async with site.database.transaction(write=False) as tx:
        return (await tx.execute(select(ProtectedPerson))).scalar_one()


async def work(site: World, outbox: Path, sent: list[bytes], *, masks: str = "") -> None:
    """Run what the worker would: mails, webhooks, and with ``masks``, the session it is of, the recording."""

    class Post:
        async def __call__(self, url: str, body: bytes, headers: Any) -> None:
            sent.append(body)

    handlers = {
        **sending.handlers(site.database, site.clock, sending.Outbox(outbox), sending.SmsOutbox(outbox)),
        **webhooks.handlers(site.database, site.clock, Post()),
    }
    if masks:
        found = covering.covers(site.database)
        handlers |= jobs.handlers(
            site.settings.data_dir, site.database, site.clock, covers=lambda _: found(masks)
        )  # what was adopted says another session in its first line
    worker = Worker(site.database, site.clock, handlers)
    while await worker.run_one():
        pass
    if masks:
        async with site.database.transaction() as tx:
            await tx.execute(update(Recording).values(session=masks))


async def everywhere(site: World, lived: Lived, outbox: Path, logins: Sequence[str] = LOGINS) -> dict[str, list[str]]:
    """Where the name is found, by who found it."""
    found: dict[str, list[str]] = {}
    aimed = [f"/bookings/{one}" for one in (lived.planned, lived.past)]
    aimed += [f"{place}{rest}" for place in aimed for rest in (".ics", "/invitations", "/move", "/calendar.ics")]
    aimed += [f"/records/{lived.past}", f"/filed/{lived.past}", "/records.csv", "/day/register?format=csv"]
    for login in logins:
        browser = await site.browser(login)
        crawl = await Crawl(login, browser).run(*aimed)
        assert len(crawl.seen) > 10, login
        found[login] = crawl.naming()
    case_system, secret = await site.browser(), await token(site)
    headers = {"Authorization": f"Bearer {secret}"}
    for path in (f"bookings/{lived.planned}", f"bookings/{lived.past}", "bookings", "results", "facilities"):
        body = await (await case_system.get(f"/api/v1/{path}", headers=headers)).read()
        found.setdefault("api", []).extend([path] if any(name in body for name in HIDDEN) else [])
    guest = await site.browser()
    looked = await guest.post("/i/look", json={"secret": lived.secret}, headers={"Origin": site.url})
    told = await looked.read()
    found["guest"] = ["/i/look"] if any(name in told for name in HIDDEN) else []
    sent: list[bytes] = []
    await work(site, outbox, sent)
    await Log(site.database, site.settings.ledger_dir, site.server.app[VAULT]).advance(site.clock)
    found["webhooks"] = ["body" for body in sent if any(name in body for name in HIDDEN)]
    letters = [path.read_bytes() for path in outbox.glob("*")]
    found["mails"] = ["letter" for letter in letters if any(name in letter for name in HIDDEN)]
    said = await columns(site)
    found["columns"] = ["a row"] if any(name.decode() in said for name in HIDDEN[:2]) else []
    found["files"] = [path.name for path in files(site)]
    return found


async def test_the_name_of_a_protected_witness_stands_nowhere(site: World, lived: Lived, tmp_path: Path) -> None:
    """Found by officers, post, API and in the tables before; by nobody and nowhere after."""
    before = await everywhere(site, lived, tmp_path / "outbox", ("officer", "reviewer"))
    assert {"officer", "guest", "columns", "files", "reviewer"} <= {who for who in before if before[who]}
    row = await protect(site, lived)
    after = await everywhere(site, lived, tmp_path / "outbox")
    assert {who: places for who, places in after.items() if places} == {}
    officer = await site.browser("officer")
    assert row.alias in (await site.get(officer, f"/bookings/{lived.planned}"))[1]
    assert f"{row.alias}：出示物证 3" in (await site.get(officer, f"/records/{lived.past}"))[1]


async def test_counsel_and_reviewer_get_the_masked_copy_or_none(site: World, lived: Lived, tmp_path: Path) -> None:
    """Filed in plain before; after marking not ready, then the masked copy alone; the officer still sees the plain.

    Links given out before are worth nothing after."""
    lawyer, reviewer, officer = [await site.browser(login) for login in ("lawyer", "reviewer", "officer")]
    async with site.database.transaction() as tx:
        await tx.execute(update(Recording).values(state="filed"))
    filed, record = f"/filed/{lived.past}", f"/records/{lived.past}"
    await site.post(lawyer, f"{filed}/view")
    await site.post(reviewer, f"{record}/play")
    await site.post(officer, f"{record}/play")

    async def link(who: Browser, place: str, file: str) -> str:
        return await site.film(who, place, f"{place}/media/{recorded.MADE}/{file}")

    async def status(who: Browser, path: str) -> int:
        return (await who.get(path, headers=PAGE | {"Range": "bytes=0-9"})).status

    plain = [(who, await link(who, place, "composed.mp4")) for who, place in ((lawyer, filed), (reviewer, record))]
    kept = await link(officer, record, "composed.mp4")
    assert [await status(who, path) for who, path in plain] == [206, 206]
    await protect(site, lived)
    assert [await status(who, path) for who, path in plain] == [404, 404]
    assert await status(lawyer, f"{filed}/copy/{recorded.MADE}") == 404
    for who, place in ((lawyer, filed), (reviewer, record)):
        page = (await site.get(who, place))[1]
        assert ("尚未就绪" in page, "<video" in page) == (True, False)
    assert await status(officer, kept) == 206
    async with site.database.transaction(write=False) as tx:
        assert is_due((await tx.get_one(Recording, recorded.MADE)).cover)
    site.clock.advance(3600)
    await work(site, tmp_path / "outbox", [], masks=lived.past)
    async with site.database.transaction(write=False) as tx:
        cover = (await tx.get_one(Recording, recorded.MADE)).cover
    assert cover.startswith("protected-")
    for who, place in ((lawyer, filed), (reviewer, record)):
        page = (await site.get(who, place))[1]
        assert set(re.findall(rf"/media/{recorded.MADE}/([^?\"]+)", page)) == {cover}
        assert await status(who, await link(who, place, cover)) == 206
    assert [await status(who, path) for who, path in plain] == [404, 403]
    bundle = await lawyer.get(f"{filed}/copy/{recorded.MADE}", headers=PAGE)
    with zipfile.ZipFile(io.BytesIO(await bundle.read())) as archive:
        assert {name for name in archive.namelist() if name.endswith(".mp4")} == {cover}
        assert not any(name in archive.read(one) for one in archive.namelist() for name in HIDDEN[:2])


async def test_the_name_is_read_with_proof_a_purpose_and_a_trace(site: World, lived: Lived) -> None:
    """After an hour proof is asked for; the name is shown once, never kept by the browser, and everybody sees who."""
    row = await protect(site, lived)
    officer, place = await site.browser("officer2"), f"/protected/{row.id}"
    assert NAME not in (await site.get(officer, place))[1]
    assert (await site.post(officer, f"{place}/name"))[0] == 422
    answer = await officer.post(f"{place}/name", data={"purpose": "service"}, headers=PAGE | {"Origin": site.url})
    assert (answer.status, NAME in await answer.text()) == (200, True)
    assert "no-store" in answer.headers["Cache-Control"]
    assert NAME not in (await site.get(officer, place))[1]
    seen = (await site.get(await site.browser("officer"), place))[1]
    assert "林晓燕" in seen
    assert "送达文书" in seen
    site.clock.advance(timedelta(hours=1).total_seconds())
    status, page, _ = await site.post(officer, f"{place}/name", purpose="service")
    assert (status, NAME in page, 'name="confirm_password"' in page) == (403, False, True)
    async with site.database.transaction(write=False) as tx:
        looks = await ledger.find(tx, ledger.Wanted(tag="person.name-read"))
    assert [entry.details["purpose"] for entry in looks] == ["service"]


async def test_nobody_else_reads_marks_or_ends(site: World, lived: Lived) -> None:
    """Other roles find nothing; the reviewer finds the alias, reads no name, and decides only what was asked."""
    row = await protect(site, lived)
    place = f"/protected/{row.id}"
    for login in ("duty", "lawyer", "interpreter", "prosecutor", "inspector", "admin", "admin-court"):
        browser = await site.browser(login)
        assert (await site.get(browser, "/protected"))[0] == 403, login
        assert (await site.get(browser, place))[0] in (403, 404), login
        for act, fields in (
            ("name", {"purpose": "court"}),
            ("end", {"why": "mistake"}),
            ("decide", {"decision": "end"}),
        ):
            status, page, _ = await site.post(browser, f"{place}/{act}", **fields)
            assert (status in (403, 404), NAME in page) == (True, False), (login, act)
    reviewer, officer = await site.browser("reviewer"), await site.browser("officer")
    status, page, _ = await site.post(reviewer, f"{place}/name", purpose="court")
    assert (status, NAME in page) == (403, False)
    assert (await site.post(reviewer, f"{place}/decide", decision="end"))[0] == 409
    assert (await site.post(officer, f"{place}/end", why="danger_over"))[0] == 303
    assert (await site.post(officer, f"{place}/decide", decision="end"))[0] == 403
    assert (await site.post(reviewer, f"{place}/decide", decision="end"))[2].endswith("told=ended")
    assert NAME in (await site.get(officer, f"/bookings/{lived.planned}"))[1]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"who": "x"}, "who"),
        ({"source": "document"}, "source"),
        ({"ground": "minor", "source": "document"}, "born"),
        ({"ground": "minor", "source": "statement", "born": "never"}, "born"),
        ({"alias": "王大姐"}, "alias"),
        ({"ground": "famous"}, "ground"),
    ],
)
async def test_a_mistake_stands_at_its_field(site: World, lived: Lived, fields: dict[str, str], field: str) -> None:
    """The form again with what was chosen; nobody is marked."""
    officer = await site.browser("officer")
    _, page = await site.get(officer, f"/protected?party={lived.party}")
    who = re.search(r'<option value="([^"]+)" selected>' + NAME, page)
    assert who
    wish = {"who": who[1], "ground": "danger", "source": "own_request"} | fields
    status, page, _ = await site.post(officer, "/protected", **wish)
    assert (status, f'id="{field}-error"' in page) == (422, True)
    async with site.database.transaction(write=False) as tx:
        assert (await tx.execute(select(ProtectedPerson))).first() is None


async def test_a_name_typed_later_becomes_the_alias(site: World, lived: Lived) -> None:
    """Booked anew by name on the page or by the API: the alias is kept, and nobody is told whose it is."""
    row = await protect(site, lived)
    again = await site.statement(48 * 60)
    async with site.database.transaction(write=False) as tx:
        names = (await tx.execute(select(Party.name).where(Party.booking == again.id))).scalars().all()
        case = (await tx.get_one(Booking, again.id)).case
    assert row.alias in names
    assert case
    assert NAME not in names
