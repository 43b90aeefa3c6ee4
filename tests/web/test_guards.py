"""What every request goes through: origin rule, headers, ids, limits, errors as page or JSON."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request

from core.ids import hash_secret
from tests.web.world import PAGE, World, world
from web.app import build
from web.context import WebContext
from web.identity import principal_middleware
from web.rendering import TEMPLATES


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin", "Origin": "{own}"}, 303),
        ({"Origin": "{own}"}, 303),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "{own}"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://elsewhere.example"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
async def test_changing_request_must_come_from_own_page(site: World, headers: dict[str, str], status: int) -> None:
    """A form is taken from our own pages only."""
    browser = await site.browser("lawyer")
    own = {name: value.replace("{own}", site.url) for name, value in headers.items()}
    answer = await browser.post("/signout", headers=PAGE | own, allow_redirects=False)
    assert answer.status == status
    page = await browser.get("/", headers=PAGE, allow_redirects=False)
    assert (page.status == 200) == (status == 403)


async def test_bearer_token_needs_no_origin_but_a_cookie_does(site: World) -> None:
    """A request with a bearer token alone cannot be forged; one that carries cookies too can."""
    bearer = {"Authorization": "Bearer nobody", "Accept": "application/json"}
    alone = await site.browser()
    assert (await alone.post("/api/rehearsals", json={}, headers=bearer)).status == 401
    signed_in = await site.browser("lawyer")
    answer = await signed_in.post("/api/rehearsals", json={}, headers=bearer)
    assert (answer.status, (await answer.json())["code"]) == (403, "foreign-origin")


async def test_every_answer_carries_the_security_headers(site: World) -> None:
    """Pages, errors, redirects and files are guarded alike, and scripts need a nonce made for this answer."""
    browser = await site.browser()
    seen = set()
    for path in ("/signin", "/nope", "/", "/health/live"):
        answer = await browser.get(path, headers=PAGE, allow_redirects=False)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
        assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "camera=(self)" in answer.headers["Permissions-Policy"]
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["X-Request-Id"]
        seen.add(policy)
    assert len(seen) == 4


async def test_https_is_kept_to_where_the_site_has_it(site: World, seeded: Path, tmp_path: Path) -> None:
    """Under an https address every answer says so for a year; on loopback without TLS none does."""
    plain = await (await site.browser()).get("/signin", headers=PAGE)
    assert "Strict-Transport-Security" not in plain.headers
    (tmp_path / "other").mkdir()
    async with world(seeded, tmp_path / "other", public_url="https://meet.example.org") as other:
        browser = await other.browser()
        for path in ("/signin", "/nope", "/", "/health/live", "/static/css/tokens.css"):
            answer = await browser.get(path, headers=PAGE, allow_redirects=False)
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000", path


async def test_request_id_is_taken_from_a_trusted_proxy_only(site: World) -> None:
    """Whoever sends an id from anywhere gets one of ours."""
    browser = await site.browser()
    answer = await browser.get("/health/live", headers={"X-Request-Id": "chosen-by-me"})
    assert answer.headers["X-Request-Id"] != "chosen-by-me"


async def test_error_is_a_page_for_people_and_json_for_programs(site: World) -> None:
    """The same address answers each in their own way, with the same status."""
    browser = await site.browser()
    page = await browser.get("/nope", headers=PAGE)
    assert page.status == 404
    assert "这个地址没有内容" in await page.text()
    program = await browser.get("/nope", headers={"Accept": "application/json"})
    assert (program.status, await program.json()) == (
        404,
        {"code": "not-found", "text": "页面可能已经移动，或者链接不完整。", "field": None},
    )


async def test_signed_out_visitor_is_led_to_sign_in_and_back(site: World) -> None:
    """A page asked for too early is where one lands after signing in."""
    browser = await site.browser()
    answer = await browser.get("/book/visit?who=x", headers=PAGE, allow_redirects=False)
    assert answer.status == 303
    assert answer.headers["Location"] == "/signin?next=%2Fbook%2Fvisit%3Fwho%3Dx"


async def test_defect_shows_no_traceback(site: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What went wrong inside stays inside: the visitor reads a sentence and a number to give."""

    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret of the house")

    monkeypatch.setattr("web.pages.signin.logins.sign_in", broken)
    browser = await site.browser()
    status, text, _ = await site.post(browser, "/signin", login="lawyer", password="x")
    assert status == 500
    assert "secret of the house" not in text
    assert "Traceback" not in text
    assert "系统出了点问题" in text


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/i/look", b"{", "application/json"),
        ("/i/look", b"[]", "application/json"),
        ("/i/look", b"\xff\xfe", "application/json"),
        ("/i/look", json.dumps({"secret": 7}).encode(), "application/json"),
        ("/i/accept", b"null", "application/json"),
        ("/signin", b"\xff%zz", "application/x-www-form-urlencoded"),
        ("/signin", b"login=a", "multipart/form-data; boundary=x"),
    ],
)
async def test_malformed_body_is_refused_in_words(site: World, path: str, body: bytes, kind: str) -> None:
    """Hostile input gets a 4xx with a stable code, never a defect."""
    browser = await site.browser()
    headers = {"Content-Type": kind, "Origin": site.url, "Accept": "application/json"}
    answer = await browser.post(path, data=body, headers=headers)
    assert 400 <= answer.status < 500, await answer.text()
    assert set(await answer.json()) == {"code", "text", "field"}


async def test_oversize_body_is_refused(site: World) -> None:
    """A form the size of a film is not read."""
    browser = await site.browser()
    headers = {"Origin": site.url, "Accept": "application/json"}
    answer = await browser.post("/signin", data={"login": "x" * 400_000}, headers=headers)
    assert (answer.status, (await answer.json())["code"]) == (413, "too-large")


@pytest.mark.parametrize(
    "path",
    [
        "/bookings/%00",
        "/bookings/../../etc/passwd",
        "/records/" + "x" * 3000,
        "/day?day=2026-02-31",
        "/day?day=yesterday",
        "/book/visit/time?who=%3Cscript%3E",
        "/book/visit/time?minutes=-5",
        "/book/interrogation/check?who=a.b&start=never",
        "/book/war",
        "/language/fr",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
    ],
)
async def test_malformed_address_is_refused_in_words(site: World, path: str) -> None:
    """Addresses typed by hand or by a scanner end in a page with a sentence."""
    for login in ("lawyer", "duty", None):
        browser = await site.browser(login)
        status, text = await site.get(browser, path)
        assert status in (303, 400, 403, 404, 422), (login, status)
        assert "Traceback" not in text


async def test_database_away_is_told_in_words(site: World) -> None:
    """Without its records the site says so, and says that nothing was changed."""
    browser = await site.browser("lawyer")
    await site.database.close()
    (site.settings.data_dir / "yuanjian.sqlite3").rename(site.settings.data_dir / "gone")
    (site.settings.data_dir / "yuanjian.sqlite3").mkdir()
    status, text = await site.get(browser, "/")
    assert status == 503
    assert "暂时无法读取系统数据" in text
    ready = await browser.get("/health/ready")
    assert (ready.status, (await ready.json())["database"]) == (503, False)
    assert (await browser.get("/health/live")).status == 200


async def test_want_of_room_is_told_and_leaves_the_site_ready(site: World) -> None:
    """A watchman reads that no new recording begins; nobody is sent elsewhere for it."""
    parts = {"settings": site.settings, "database": site.database, "clock": site.clock}
    async with TestClient(TestServer(build(WebContext(**parts, remarks=lambda: {"space": False})))) as watchman:
        answer = await watchman.get("/health/ready")
        assert (answer.status, await answer.json()) == (200, {"ready": True, "database": True, "space": False})


INLINE = re.compile(r"<(script|style)(?![^>]*\bnonce=)|\sstyle\s*=|\son[a-z]+\s*=\s*[\"']|javascript:", re.IGNORECASE)


def test_no_template_holds_inline_script_or_style() -> None:
    """Nothing that the policy would refuse: scripts carry the nonce, style and handlers stand in files."""
    for path in sorted(TEMPLATES.rglob("*.html")):
        found = INLINE.search(path.read_text(encoding="utf-8"))
        assert found is None, (path.name, found)


def test_no_script_writes_markup() -> None:
    """The sinks that Trusted Types forbid are not used at all."""
    sinks = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|DOMParser")
    for path in sorted((TEMPLATES.parent / "static").rglob("*.js")):
        if "vendor" not in path.parts:
            assert sinks.search(path.read_text(encoding="utf-8")) is None, path.name


@pytest.mark.parametrize(("path", "found"), [("/live/s/ticket", True), ("/live/s/socket", False)])
async def test_doors_of_a_session_know_the_browser(site: World, path: str, found: bool) -> None:
    """A ticket is bound to the cookie that asked; at the socket, where nobody is looked up, all cookies count."""
    cookie = await site.cookie("officer")
    headers = {"Cookie": f"yj={cookie}; yj-guest=other; yj-language=en"}
    request = make_mocked_request("POST", path, headers=headers, app=site.server.app)
    request["locale"] = "en"  # by the middleware before

    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response()

    await principal_middleware(request, handler)
    assert request["browsers"] == {hash_secret(cookie), hash_secret("other")}
    assert request.get("browser") == (hash_secret(cookie) if found else None)
