"""What is not for somebody is to them not there: an object of others is answered, word for word, like an id of nothing.

Whoever is told "not yours" of one id and "not here" of another can try ids until they know which visits, papers and
terminals exist.
"""

import re
from collections.abc import Iterator

import aiohttp
import pytest

from people.permissions import Action, allowed
from people.policies import Policy, refusal
from tests.attacks.estate import Asker, Estate, Thing, estate
from tests.attacks.test_privacy import NONCE
from tests.attacks.test_routes import routes
from tests.attacks.test_walk import CANCEL, FORM, JSON, expected, tried
from tests.web.world import World
from web import policy

NOTHING = "0" * 22
ID = re.compile(r"[0-9a-z]{22}")
SEES = {
    "booking": Action.VIEW_BOOKING, "own-booking": Action.VIEW_BOOKING, "statement": Action.VIEW_BOOKING,
    "scan": Action.VIEW_BOOKING, "session": Action.VIEW_BOOKING, "record": Action.VIEW_RECORD,
    "still": Action.VIEW_RECORD,
    "person": Action.VIEW_PEOPLE, "protected": Action.VIEW_PROTECTED, "terminal": Action.VIEW_TERMINALS,
    "camera": Action.VIEW_TERMINALS, "replayed": Action.VIEW_RULES, "system-booking": Action.VIEW_RESULTS,
}  # fmt: skip
"""By kind of object, the action that shows somebody that it is there: such a one may hear that the rest is not open."""
PUBLIC = frozenset({"facility"})
"""Kinds of which everybody who books is shown the ids."""


@pytest.fixture
async def built(site: World) -> Estate:
    return await estate(site)


def sees(built: Estate, asker: Asker, rule: Policy, thing: Thing) -> bool:
    action, booked = SEES.get(rule.of), [one for one in built.things["booking"] if one.path == thing.path]
    relations = (booked[0] if booked else thing).held_by(asker, built.organisation(asker))
    return action is not None and allowed(asker.principal, action, relations)


def nowhere(text: str, ids: list[str]) -> str:
    for value in ids:
        text = text.replace(value, NOTHING)
    return text


def foreign(built: Estate) -> Iterator[tuple[tuple[str, str], str, list[str], Asker]]:
    """Every address with the ids in it and an asker who may knock there, but not for this object."""
    for (method, pattern), rule in policy.TABLE.items():
        if not rule.of or rule.of in PUBLIC or (method, pattern) not in routes(built.site):
            continue
        for path, thing, actions in tried(built, f"{method} {pattern}", rule):
            ids = [value for value in thing.path.values() if ID.fullmatch(value) and value in path]
            for asker in built.askers:
                barred = refusal(rule, asker.principal) is not None or expected(built, asker, rule, thing, actions)
                if ids and not barred and not sees(built, asker, rule, thing):
                    yield (method, pattern), path, ids, asker


async def test_what_is_not_mine_is_not_there(built: Estate) -> None:
    """Every address with an id in it, every asker who may knock there, every object that is not for them."""
    told, compared = [], 0
    async with aiohttp.ClientSession(built.site.url, cookie_jar=aiohttp.DummyCookieJar()) as client:
        for (method, pattern), path, ids, asker in foreign(built):
            compared += 1
            there = await answer(built, client, asker, method, path, ids)
            missing = await answer(built, client, asker, method, nowhere(path, ids), ids)
            if there != missing:
                told.append((method, pattern, asker.name, there[:90], missing[:90]))
    print(f"{compared} foreign objects asked for")
    assert compared > 300
    assert not told, "\n".join(map(str, told))


async def answer(
    built: Estate, client: aiohttp.ClientSession, asker: Asker, method: str, path: str, ids: list[str]
) -> str:
    """Status, where it leads and words, without what differs between any two answers."""
    site = built.site
    headers = {"Accept": "application/json", "Sec-Fetch-Site": "same-origin", "Origin": site.url} | asker.headers
    data = FORM | built.forms if method == "POST" and not path.startswith(JSON) else None
    body = CANCEL if method == "POST" and path.startswith(JSON) else None
    got = await client.request(method, path, headers=headers, data=data, json=body, allow_redirects=False)
    text = NONCE.sub("", await got.text()).replace(got.headers["X-Request-Id"], "")
    return nowhere(f"{got.status} {got.headers.get('Location', '')} {text}", ids)
