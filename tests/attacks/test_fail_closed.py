"""With a ledger that does not answer, nothing grave is done and nothing is shown: the entry comes before the effect."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core import ledger
from tests.attacks.estate import Estate, estate
from tests.attacks.test_walk import FORM, Frozen
from tests.web.world import World

READ = {
    # class of evidence.md, section 5: address and who may
    "view: a recording's log": ("record", "/records/{id}", "officer"),
    "view: a paper by its lawyer": ("paper", "/papers/files/{id}", "lawyer"),
    "view: a paper by the post": ("paper", "/day/papers/{id}/file", "duty"),
    "view: a scanned page": ("scan", "/day/{id}/scan", "duty"),
    "view: the ledger": ("police", "/ledger", "reviewer"),
    "export: the ledger": ("police", "/ledger.csv", "reviewer"),
    "export: the list of records": ("police", "/records.csv", "reviewer"),
    "export: the register": ("police", "/day/register.csv", "duty"),
    "export: a copy of what was filed": ("filed", "/filed/{id}/copy/{recording}", "lawyer"),
    "export: a file made ready": ("record", "/records/{id}/handover/{handover}/{name}", "reviewer"),
}
DONE = {
    "view: a recording": ("record", "/records/{id}/play", "officer", {}),
    "view: what was filed": ("filed", "/filed/{id}/view", "lawyer", {}),
    "export: a recording is made ready": (
        "record", "/records/{id}/handover", "reviewer", {"content": "working", "recipient": "检察院"},
    ),
    "unseal: asked for": ("record", "/records/{id}/keeping/ask", "officer", {"act": "unseal", "reason": "court-order"}),
    "delete: kept from it": ("record", "/records/{id}/keeping/hold", "reviewer", {"reason": "court-order"}),
    "unseal: a real name": ("protected", "/protected/{id}/name", "officer", {"purpose": "identity"}),
    "role change: granted": ("person", "/people/{id}/grant", "admin", {"role": "inspector"}),
    "role change: suspended": ("person", "/people/{id}/suspend", "admin", {}),
    "role change: ways in reset": ("person", "/people/{id}/reset", "admin", {}),
    "role change: a system connected": ("police", "/systems", "admin", {"name": "x", "role": "case_system"}),
}  # fmt: skip


@pytest.fixture
async def built(site: World) -> Estate:
    return await estate(site)


@contextmanager
def silent() -> Iterator[None]:
    """The ledger does not answer."""

    async def broken(*_: Any, **__: Any) -> None:
        raise OSError("no answer")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "append", broken)
        yield


def path_of(built: Estate, kind: str, pattern: str) -> str:
    for name, value in built.things[kind][0].path.items():
        pattern = pattern.replace("{" + name + "}", value)
    return pattern


async def test_nothing_is_shown_without_its_entry(built: Estate) -> None:
    """Each class of view and export: an error of ours and not a byte of it; with the ledger back it is shown."""
    browser = await built.site.browser()
    for what, (kind, pattern, login) in READ.items():
        path = path_of(built, kind, pattern)
        headers = next(asker.headers for asker in built.askers if asker.name == login) | {"Accept": "text/html"}
        with silent():
            answer = await browser.get(path, headers=headers, allow_redirects=False)
            assert answer.status in (500, 503), what
            assert answer.content_type == "text/html", what
            assert "Content-Disposition" not in answer.headers, what
        answer = await browser.get(path, headers=headers, allow_redirects=False)
        assert answer.status in (200, 206) or pattern.endswith("{name}"), (what, answer.status)


async def test_nothing_grave_is_done_without_its_entry(built: Estate, tmp_path: Path) -> None:
    """Each class of act leaves the database as it was; with the ledger back it is done."""
    site, frozen = built.site, Frozen(tmp_path / "yuanjian.sqlite3")
    before = frozen.contents()
    for what, (kind, pattern, login, fields) in DONE.items():
        path, who = path_of(built, kind, pattern), await site.browser(login)
        form = FORM | built.forms | fields
        with silent():
            status, _, _ = await site.post(who, path, **form)
        assert status in (500, 503), what
        assert frozen.contents() == before, what
        status, text, _ = await site.post(who, path, **form)
        assert status in (200, 303), (what, status, text[-2000:])
        frozen.put_back()


async def test_a_recording_that_was_not_noted_as_opened_does_not_play(built: Estate) -> None:
    """The entry is the permission: without it the file stays shut."""
    officer = await built.site.browser("officer")
    with silent():
        await built.site.post(officer, path_of(built, "record", "/records/{id}/play"))
    answer = await officer.get(path_of(built, "record", "/records/{id}/media/{recording}/{file}"))
    assert answer.status == 403
