"""Everybody on every address with own and foreign objects: what is answered is what the table of permissions says."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from core.errors import OperatorError
from people.permissions import Action, Relation, allowed
from people.policies import Policy
from scheduler.custody import APPROVALS
from signaling import policy as doors
from tests.attacks.estate import Asker, Estate, Thing, estate
from tests.attacks.test_routes import routes
from tests.web.world import World
from web import policy

REFUSED = frozenset({401, 403, 404})
NOTHING = Thing({})
"""Where an address names no object: whatever relation is asked for may hold."""
FILLED = {
    "{path}": "css/tokens.css", "{locale}": "en", "{tree}": "police",
    "/statistics/{list}": "/statistics/waiting", "{list}": "register", "{external}": "a",
}  # fmt: skip
A = Action
ACTS: dict[str, dict[str, tuple[Action, ...]]] = {
    "POST /day/{id}/{act}": {
        "confirm": (A.CONFIRM_BOOKING,), "no-show": (A.CONFIRM_CUSTODY,), "arrived": (A.CONFIRM_CUSTODY,),
        "settle": (A.MOVE_BOOKING,),
    },
    "POST /people/{id}/{act}": {
        "grant": (A.GRANT_ROLE,), "suspend": (A.SUSPEND_PERSON,), "reset": (A.RESET_CREDENTIALS,),
        "end": (A.END_LOGINS,),
    },
    "POST /records/{id}/keeping/{act}": {"hold": (A.HOLD_RECORD,), "file": (A.FILE_RECORD,), "ask": (A.ASK_KEEPING,)},
    "POST /records/{id}/composition/{act}": {"cancel": (A.FILE_RECORD,), "resume": (A.FILE_RECORD,)},
    "POST /account/pin/{act}": {"set": (), "remove": ()},
    "POST /facilities/{id}/calendar/{act}": {"hours": (A.MANAGE_ORGANISATION,), "grid": (A.MANAGE_ORGANISATION,)},
}  # fmt: skip
"""Addresses that end with an act, and what each asks for."""
LET_IN = frozenset({"not-opened", "no-recording", "no-file", "no-recorded-file", "sealed-original", "no-absence"})
"""What only those are told who may: open it first, nothing is there yet, this is not your password."""


@pytest.fixture
async def built(site: World) -> Estate:
    return await estate(site)


class Frozen:
    """The database as it was, put back after whatever a request changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept = sqlite3.connect(":memory:")
        with closing(sqlite3.connect(path)) as now:
            now.backup(self._kept)

    def contents(self) -> dict[str, object]:
        """Every table but those that tell of the asking itself."""
        with closing(sqlite3.connect(self._path)) as now:
            tables = [row[0] for row in now.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {t: now.execute(f'SELECT * FROM "{t}"').fetchall() for t in tables if t not in TOLD}

    def put_back(self) -> None:
        with closing(sqlite3.connect(self._path)) as now:
            self._kept.backup(now)


TOLD = frozenset({"ledger", "login_sessions", "api_tokens", "terminals"})
"""Written by asking: the entry that somebody asked, when somebody was last seen."""


def tried(built: Estate, address: str, rule: Policy) -> Iterator[tuple[str, Thing, tuple[Action, ...]]]:
    """Every way to ask at an address: the path with an object in it, the object, and the actions asked for."""
    things = built.things[rule.of] if rule.of else [NOTHING]
    for thing in things:
        for act, actions in ACTS.get(address, {"": ()}).items():
            path = address.split()[1].replace("{act}", act)
            for name, value in thing.path.items():
                path = path.replace("{" + name + "}", value)
            for name, value in FILLED.items():
                path = path.replace(name, value)
            assert "{" not in path, path
            yield path, thing, thing.actions or actions or rule.actions


def expected(built: Estate, asker: Asker, rule: Policy, thing: Thing, actions: tuple[Action, ...]) -> bool:
    """What the table says."""
    if rule.open:
        return True
    if asker.principal is None or asker.principal.kind not in rule.kinds:
        return False
    held = frozenset(Relation) if thing is NOTHING else thing.held_by(asker, built.organisation(asker))
    if not actions:
        return thing is NOTHING or Relation.SELF in held
    also = rule.also is None or allowed(asker.principal, rule.also, held)
    return also and any(allowed(asker.principal, action, held) for action in actions)


async def test_everybody_everywhere(built: Estate, tmp_path: Path) -> None:
    """For every address, object and asker: refused exactly where the table denies, and a refusal changes nothing."""
    site, wrong = built.site, []
    nobody = Asker("nobody", None, {})
    frozen = Frozen(tmp_path / "yuanjian.sqlite3")
    before = frozen.contents()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
        for (method, pattern), rule in policy.TABLE.items():
            address = f"{method} {pattern}"
            if rule.open or (method, pattern) not in routes(site):
                continue
            for path, thing, actions in tried(built, address, rule):
                for asker in (nobody, *built.askers):
                    want = expected(built, asker, rule, thing, actions)
                    status = await _ask(client, asker, method, path, built, own=not rule.actions)
                    if (status not in REFUSED) != want or status >= 500:
                        wrong.append((address, path, asker.name, status, "allowed" if want else "denied"))
                    if method != "GET" and want:
                        frozen.put_back()
                if method != "GET" and frozen.contents() != before:
                    wrong.append((address, path, "a refusal changed something"))
                    frozen.put_back()
    assert not wrong, "\n".join(map(str, wrong))


async def _ask(client: aiohttp.ClientSession, asker: Asker, method: str, path: str, built: Estate, *, own: bool) -> int:
    """Status of the answer; 200 for whoever was let in and told that something is wrong or missing."""
    site = built.site
    headers = {"Accept": "application/json", "Sec-Fetch-Site": "same-origin", "Origin": site.url} | asker.headers
    data = FORM | built.forms if method == "POST" and not path.startswith(JSON) else None
    body = (
        CANCEL
        if path.startswith("/api/v1/bookings/")
        else {}
        if method in ("POST", "PUT") and path.startswith(JSON)
        else None
    )
    answer = await client.request(method, site.url + path, headers=headers, data=data, json=body, allow_redirects=False)
    if answer.status in REFUSED and "json" in answer.content_type:
        return 200 if (await answer.json())["code"] in LET_IN else answer.status
    if answer.status in REFUSED and own:  # one's own page, which says what is wrong with what was typed
        return 200
    leads = answer.headers.get("Location", "")
    return 401 if answer.status == 303 and leads.startswith("/signin") else answer.status


CANCEL = {"officer": "031207", "reason": "not-needed"}
FORM = {
    "version": "1", "step": "brought", "what": "hospital", "until": "2026-12-01", "verdict": "accepted",
    "finding": "justified", "reason": "other", "invitation": "0" * 22, "content": "working", "end": "2026-12-01",
    "number": "1", "exception": APPROVALS[0], "act": "unseal", "role": "inspector", "signed": "x", "sha256": "x",
    "purpose": "identity", "why": "own_wish", "decision": "end",
    "absence": "0" * 22, "through": "2026-12-01",
}  # fmt: skip
JSON = ("/api/", "/terminal/", "/account/passkeys/begin", "/confirm/passkey")


async def test_an_address_without_a_policy_is_closed(site: World) -> None:
    """The site does not start with one; were it there, nobody would come in."""

    async def handler(request: web.Request) -> web.Response:
        return web.Response(text="secret")

    app = web.Application()
    app[policy.POLICIES] = {}
    app.router.add_get("/forgotten", handler)
    with pytest.raises(OperatorError, match="/forgotten"):
        policy.check(app)
    known = site.server.app[policy.POLICIES]
    kept = known.pop(("GET", "/book"))
    try:
        browser = await site.browser("officer")
        assert (await site.get(browser, "/book"))[0] == 403
    finally:
        known[("GET", "/book")] = kept
    assert (await site.get(browser, "/book"))[0] == 200


def test_every_address_has_a_policy_and_no_policy_is_idle(site_routes: Callable[[], set[tuple[str, str]]]) -> None:
    """The tables hold exactly the addresses that are served."""
    assert set(policy.TABLE) == site_routes()


@pytest.fixture
def site_routes(site: World) -> Callable[[], set[tuple[str, str]]]:
    return lambda: set(routes(site))


def test_an_open_address_says_why() -> None:
    """What asks nobody who they are gives its reason; what asks names an action or is everybody's own."""
    for address, rule in {**policy.TABLE, **doors.TABLE}.items():
        assert not (rule.open and rule.actions), address
