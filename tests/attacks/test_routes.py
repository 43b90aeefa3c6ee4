"""Every address of the application has a policy: it is open on purpose, or closed to whoever does not belong there."""

import itertools

import pytest

from tests.web.world import PAGE, World
from web.policy import TABLE

LOGINS = (
    "lawyer", "lawyer2", "officer", "officer3", "duty", "duty-west", "interpreter", "reviewer", "inspector",
    "admin", "admin-prosecutor", "admin-court", "admin-justice",
)  # fmt: skip
BUSY = ("lawyer", "officer", "duty", "reviewer", "admin")
"""Those with most addresses between them."""


def routes(site: World) -> list[tuple[str, str]]:
    found = {(route.method, route.resource.canonical) for route in site.server.app.router.routes() if route.resource}
    return sorted((method, path) for method, path in found if method not in ("HEAD", "*"))


def filled(path: str, **values: str) -> str:
    """The address with something in each place."""
    for name, value in {"id": "0" * 22, "session": "0" * 22, "kind": "visit", "act": "confirm", "file": "a"}.items():
        path = path.replace("{" + name + "}", values.get(name, value))
    return path.replace("{path}", "css/tokens.css").replace("{locale}", "en")


async def ask(site: World, browser, method: str, path: str) -> int:
    headers = PAGE | {"Sec-Fetch-Site": "same-origin", "Origin": site.url}
    answer = await browser.request(method, path, headers=headers, allow_redirects=False)
    leads = answer.headers.get("Location", "")
    return 401 if answer.status == 303 and leads.startswith("/signin") else answer.status


async def test_every_address_is_open_on_purpose_or_closed(site: World) -> None:
    """Without a cookie only what is listed answers with anything but "sign in", "not here" or "not possible"."""
    browser = await site.browser()
    for method, path in routes(site):
        if not TABLE[(method, path)].open:
            status = await ask(site, browser, method, filled(path))
            assert 400 <= status < 500, (method, path, status)


async def test_nothing_breaks_and_nothing_is_made_of_nothing(site: World) -> None:
    """Every address with ids of nothing: never an error of ours, never something made of nothing."""
    for login in BUSY:
        browser = await site.browser(login)
        for method, path in routes(site):
            if path not in ("/signout", "/desk/leave"):
                status = await ask(site, browser, method, filled(path))
                assert status < 500, (login, method, path, status)
                assert "{id}" not in path or status >= 400, (login, method, path, status)


async def test_objects_of_others_are_not_there(site: World) -> None:
    """Each kind of object is seen by exactly those who belong to it."""
    visit, interrogation = await site.visit(), await site.interrogation()
    duties = {
        login: (await site.principal(login)).facility for login in ("duty", "duty-centre", "duty-west", "duty-river")
    }
    may = {
        visit.id: {"lawyer"} | {login for login, facility in duties.items() if facility == visit.facility},
        interrogation.id: {"officer", "officer2", "officer3"}
        | {login for login, facility in duties.items() if facility == interrogation.facility},
    }
    browsers = {login: await site.browser(login) for login in {*LOGINS, *duties, "officer2"}}
    for booking, login in itertools.product(may, browsers):
        status = await ask(site, browsers[login], "GET", f"/bookings/{booking}")
        assert (status == 200) == (login in may[booking]), (login, booking == visit.id, status)


@pytest.mark.parametrize("act", ["confirm", "decline", "cancel", "withdraw"])
async def test_nobody_else_decides(site: World, act: str) -> None:
    """Another facility, another lawyer, officers and administrators leave a request as it was."""
    visit = await site.visit()
    for login in ("lawyer2", "officer", "duty-west", "admin", "admin-justice", "reviewer"):
        browser = await site.browser(login)
        for path in (f"/day/{visit.id}/{act}", f"/bookings/{visit.id}/{act}"):
            status = await ask(site, browser, "POST", path)
            assert 400 <= status < 500, (login, path, status)
    assert (await site.get(await site.browser("lawyer"), f"/bookings/{visit.id}"))[0] == 200
