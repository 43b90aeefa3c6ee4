"""What is given out as a file is never shown as a page of ours, whichever door it comes through."""

from tests.attacks.estate import estate
from tests.attacks.test_routes import routes
from tests.attacks.test_walk import expected, tried
from tests.web.world import World
from web import policy

PAGES = frozenset({"text/html", "application/json"})
DOORS = {
    "/bookings/{id}/calendar.ics",
    "/day/papers/{id}/file",
    "/day/{id}/scan",
    "/day/{list}.csv",
    "/filed/{id}/copy/{recording}",
    "/ledger.csv",
    "/papers/files/{id}",
    "/records.csv",
    "/sessions/{session}/stills/{still}",
    "/statistics/{list}.csv",
}
"""Every address that gives out a file here; a new one is seen by the test and belongs on the list."""
ELSEWHERE = {
    "/cases/{id}/handover/{handover}/{name}",
    "/records/{id}/handover/{handover}/{name}",
    "/records/{id}/media/{recording}/{file}",
    "/filed/{id}/media/{recording}/{file}",
    "/api/rehearsals/{id}/media/{file}",
    "/trust/ca.crt",
}
"""Tried where their files are made: beside the pages of records, handovers, of the rehearsal, and of trust."""


async def test_files_are_attached_and_not_sniffed(site: World) -> None:
    """Each door, by somebody who may: saved instead of shown, its type believed, nothing of it run."""
    built, found = await estate(site), set()
    browser = await site.browser()
    for (method, pattern), rule in policy.TABLE.items():
        if method != "GET" or rule.open or (method, pattern) not in routes(site):
            continue
        for path, thing, actions in tried(built, f"{method} {pattern}", rule):
            for asker in (one for one in built.askers if expected(built, one, rule, thing, actions)):
                headers = asker.headers | {"Accept": "text/html", "Range": "bytes=0-99"}
                answer = await browser.get(path, headers=headers, allow_redirects=False)
                if answer.status in (200, 206) and answer.content_type not in PAGES:
                    found.add(pattern)
                    assert answer.headers["X-Content-Type-Options"] == "nosniff", path
                    boxed = "sandbox" in answer.headers["Content-Security-Policy"]
                    assert boxed or answer.headers["Content-Disposition"].startswith("attachment"), path
                    assert "default-src 'none'" in answer.headers["Content-Security-Policy"], path
                    break
    assert found == DOORS


def test_the_other_doors_are_named() -> None:
    """What is tried elsewhere is still an address of ours."""
    assert {("GET", path) for path in ELSEWHERE} <= set(policy.TABLE)
