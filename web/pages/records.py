"""Records: what took place in the own cases or the own tree, to be searched, filtered and taken along as a table."""

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from urllib.parse import urlencode

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from cases.kinds import KINDS
from core import ledger
from core.errors import Denied, Invalid
from core.texts import Texts
from core.texts import msgid as m
from people import store as people
from people.permissions import Action, Relation, allowed
from people.principals import Principal
from web import store, words
from web.context import context
from web.forms import Form, query
from web.identity import account
from web.language import locale_of
from web.rendering import page, shown
from web.store import RecordedSession, Records

PER_PAGE = 50
MOST = 5000
"""Lines of a table that is taken along."""
_HEAD = (
    m("Date"),
    m("Begin"),
    m("End"),
    m("What"),
    m("Case number"),
    m("Who took part"),
    m("Record"),
    m("Last checked"),
    m("Kept until at least"),
)
OPEN_KINDS = tuple(kind.code for kind in KINDS.values() if not kind.privileged and kind.statistics)


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters as the address holds them."""

    wanted: Records
    page: int
    values: dict[str, str]
    wrong: str = ""
    """msgid of what could not be read."""

    def address(self, path: str, page: int = 1) -> str:
        said = {name: value for name, value in self.values.items() if value} | ({"page": str(page)} if page > 1 else {})
        return f"{path}?{urlencode(said)}" if said else path


async def listing(request: web.Request) -> web.StreamResponse:
    """``GET /records?q=&kind=&state=&from=&to=&page=``: sessions whose record the viewer may open, newest first."""
    principal, found, asked = account(request), context(request), _asked(request)
    async with found.database.transaction(write=False) as tx:
        tree = await _tree(tx, principal)
        offset = (asked.page - 1) * PER_PAGE
        rows = await store.recorded_sessions(tx, principal.id, tree, asked.wanted, PER_PAGE + 1, offset)
    return page(
        request,
        "record/list.html",
        status=422 if asked.wrong else 200,
        rows=rows[:PER_PAGE],
        asked=asked,
        kinds=OPEN_KINDS,
        missing=store.is_missing,
        more=len(rows) > PER_PAGE,
        plays=allowed(principal, Action.PLAY_RECORD, frozenset(Relation)),
    )


async def table(request: web.Request) -> web.StreamResponse:
    """``GET /records.csv``: the same as a table for spreadsheets. What leaves the house is in the ledger first."""
    principal, found, asked = account(request), context(request), _asked(request)
    async with found.database.transaction() as tx:
        tree = await _tree(tx, principal)
        rows = await store.recorded_sessions(tx, principal.id, tree, asked.wanted, MOST, 0)
        details = {"lines": len(rows)}
        now = found.clock.now()
        await ledger.append(tx, "records.listed", actor=principal.id, subject=principal.id, at=now, details=details)
    headers = {"Content-Disposition": 'attachment; filename="records.csv"'}
    return web.Response(text=_csv(request, rows), content_type="text/csv", charset="utf-8", headers=headers)


async def _tree(tx: AsyncSession, principal: Principal) -> tuple[str, ...]:
    """Organisations whose records the viewer reads; none for officers, who have their cases."""
    if allowed(principal, Action.VIEW_RECORD, {Relation.OWN_TREE}):
        return tuple(await people.below(tx, principal.organisation or ""))
    if not principal.has("officer"):
        raise Denied("not-allowed", "Records are open to the officers of a case and to reviewers.")
    return ()


def _asked(request: web.Request) -> Asked:
    """The filters; one that cannot be read is said and left out, the others hold."""
    typed, wrong = query(request), ""
    names = ("q", "kind", "state", "from", "to")
    values = {name: typed.raw(name)[:60] for name in names}
    since = until = None
    try:
        since, until = _day(request, typed, "from"), _day(request, typed, "to")
    except Invalid as error:
        wrong = error.text
    wanted = Records(
        search=" ".join(values["q"].split()),
        kind=values["kind"] if values["kind"] in OPEN_KINDS else "",
        state=values["state"] if values["state"] in store.STATES else "",
        since=since,
        until=until + timedelta(days=1) if until else None,
    )
    return Asked(wanted, typed.ordinal("page"), values, wrong)


def _day(request: web.Request, typed: Form, name: str) -> datetime | None:
    """The beginning of a day at the site; ``None`` when none is given."""
    if not typed.has(name):
        return None
    show = shown(request)
    day = typed.day(name, show.calendar_day(show.now))
    return datetime.combine(day, time(), context(request).settings.zone).astimezone(UTC)


def _csv(request: web.Request, rows: list[RecordedSession]) -> str:
    """With the mark by which spreadsheets know UTF-8. Words that a spreadsheet would compute are kept words."""
    say, show = Texts(locale_of(request)), shown(request)
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow([say(title) for title in _HEAD])
    for row in rows:
        begun = show.local(row.started or row.start)
        ended = f"{show.local(row.ended):%H:%M}" if row.ended else ""
        checked = f"{show.local(row.verified):%Y-%m-%d %H:%M}" if row.verified else ""
        kept = f"{show.local(row.kept_until):%Y-%m-%d}" if row.kept_until else ""
        verdict = words.VERDICTS[words.verdict_of(row.verdict, row.gaps)][2] if row.verdict else ""
        line = [
            f"{begun:%Y-%m-%d}",
            f"{begun:%H:%M}",
            ended,
            say(words.word(words.KINDS, row.kind)),
            row.case_number,
            row.names,
            say(verdict or ("no record" if store.is_missing(row.ended, show.now) else "being prepared")),
            checked,
            kept,
        ]
        writer.writerow([_plain(cell) for cell in line])
    return "\ufeff" + target.getvalue()


def _plain(cell: str) -> str:
    return "'" + cell if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def routes() -> list[web.RouteDef]:
    return [web.get("/records", listing), web.get("/records.csv", table)]
