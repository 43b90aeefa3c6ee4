"""Attacks that worked on others, each named after what it copies; here every one is refused and changes nothing."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from people import logins, store, tokens
from scheduler.models import Booking, State
from tests.web.device import device
from tests.web.world import PAGE, World

Attack = Callable[[World], Awaitable[None]]
ATTACKS: list[tuple[Attack, frozenset[str]]] = []
"""Each with what it leaves behind: events of the log, or codes of refused requests."""
PASSWORD = "yuanjian-demo"


def attack(*leaves: str) -> Callable[[Attack], Attack]:
    """Put an attack on the list with its traces. One without any is not refused but disarmed: nothing comes of it that
    does not come of a visit to our first page."""

    def put(function: Attack) -> Attack:
        ATTACKS.append((function, frozenset(leaves)))
        return function

    return put


@pytest.mark.parametrize(("attempt", "leaves"), ATTACKS, ids=[attempt.__name__ for attempt, _ in ATTACKS])
async def test_attack(site: World, attempt: Attack, leaves: frozenset[str]) -> None:
    """The attack is refused, and whoever reads the log finds each of its traces, as a warning or worse."""
    with capture_logs() as said:
        await attempt(site)
    told = {str(entry.get("code") or entry["event"]) for entry in said if entry["log_level"] in ("warning", "error")}
    assert leaves <= told, (leaves - told, told)


def test_there_are_forty() -> None:
    """The list does not shrink unnoticed, and forty of them are refused with a line in the log."""
    assert len([attempt for attempt, leaves in ATTACKS if leaves]) >= 40


def own(site: World) -> dict[str, str]:
    return PAGE | {"Sec-Fetch-Site": "same-origin", "Origin": site.url}


async def with_cookie(site: World, value: str, path: str = "/") -> int:
    """What somebody gets who sends ``value`` as the account's cookie; 401 when led to the sign-in."""
    browser = await site.browser()
    headers = PAGE | {"Cookie": f"yj={value}"}
    answer = await browser.get(path, headers=headers, allow_redirects=False)
    return 401 if answer.headers.get("Location", "").startswith("/signin") else answer.status


def jwt(header: dict[str, str], key: bytes | None) -> str:
    """A token as a forger makes it."""

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")

    body = part(json.dumps(header).encode()) + "." + part(b'{"sub":"admin","role":"administrator","exp":9999999999}')
    signature = hmac.new(key, body.encode(), hashlib.sha256).digest() if key is not None else b""
    return f"{body}.{part(signature)}"


async def roles_of(site: World, login: str) -> frozenset[str]:
    return (await site.principal(login)).roles


# Forged and stolen identities


@attack("a cookie was refused")
async def unsigned_jwt_as_cookie(site: World) -> None:
    assert await with_cookie(site, jwt({"alg": "none"}, None)) == 401


@attack("a cookie was refused")
async def jwt_signed_with_an_empty_secret(site: World) -> None:
    assert await with_cookie(site, jwt({"alg": "HS256"}, b"")) == 401


@attack("signed-out")
async def jwt_as_bearer_token(site: World) -> None:
    browser = await site.browser()
    headers = {"Authorization": f"Bearer {jwt({'alg': 'HS256'}, b'secret')}"}
    answer = await browser.post("/api/rehearsals", json={}, headers=headers)
    assert answer.status in (401, 403)


@attack("a cookie was refused")
async def empty_cookie(site: World) -> None:
    for value in ("", '""', "null", "undefined", "0", "true"):
        assert await with_cookie(site, value) == 401


@attack("signed-out")
async def empty_bearer_token(site: World) -> None:
    browser = await site.browser()
    for value in ("Bearer ", "Bearer null", "Bearer undefined", "bearer", "Basic YWRtaW46YWRtaW4="):
        headers = {"Authorization": value, "Sec-Fetch-Site": "same-origin"}
        answer = await browser.post("/api/rehearsals", json={}, headers=headers, allow_redirects=False)
        assert answer.status in (401, 403), value


@attack("a cookie was refused")
async def hash_from_a_stolen_database_as_cookie(site: World) -> None:
    cookie = await site.cookie("officer")
    assert await with_cookie(site, hashlib.sha256(cookie.encode()).hexdigest()) == 401


@attack("a cookie was refused")
async def cookie_used_after_sign_out(site: World) -> None:
    cookie = await site.cookie("officer")
    principal = await logins.authenticate(site.database, site.clock, cookie)
    assert principal
    await logins.sign_out(site.database, site.clock, principal)
    assert await with_cookie(site, cookie) == 401


@attack("a cookie was refused")
async def cookie_used_the_next_day(site: World) -> None:
    cookie = await site.cookie("officer")
    site.clock.advance(24 * 3600)
    assert await with_cookie(site, cookie) == 401


@attack("a cookie was refused")
async def cookie_of_a_suspended_account(site: World) -> None:
    cookie, admin = await site.cookie("officer"), await site.browser("admin")
    person = (await site.principal("officer")).id
    await site.post(admin, f"/people/{person}/suspend")
    assert await with_cookie(site, cookie) == 401


@attack("a cookie was refused")
async def session_fixation(site: World) -> None:
    browser = await site.browser()
    data = {"login": "officer", "password": PASSWORD, "next": "/"}
    headers = own(site) | {"Cookie": "yj=chosen-by-the-attacker"}
    answer = await browser.post("/signin", data=data, headers=headers, allow_redirects=False)
    assert answer.cookies["yj"].value != "chosen-by-the-attacker"
    assert await with_cookie(site, "chosen-by-the-attacker") == 401


@attack("a sign-in failed", "sign-in-failed")
async def default_passwords(site: World) -> None:
    browser = await site.browser()
    for login, password in (("admin", "admin"), ("admin", "password"), ("root", "root"), ("admin", ""), ("", "")):
        status, _, _ = await site.post(browser, "/signin", login=login, password=password)
        assert status in (401, 403, 422)


@attack("a sign-in failed", "sign-in-failed")
async def sql_in_the_login(site: World) -> None:
    browser = await site.browser()
    for login in ("' OR '1'='1", "officer'--", 'officer" OR ""="', "officer\x00", "%", "offi_er"):
        status, _, _ = await site.post(browser, "/signin", login=login, password="x")
        assert status in (401, 403, 422), login


@attack("a sign-in failed", "sign-ins are held back", "too-many")
async def guessing_a_password(site: World) -> None:
    browser = await site.browser()
    statuses = [(await site.post(browser, "/signin", login="officer", password=f"guess {n}"))[0] for n in range(12)]
    assert statuses[-1] == 429
    assert (await site.post(browser, "/signin", login="officer", password=PASSWORD))[0] == 429


@attack("a sign-in failed", "sign-ins are held back", "too-many")
async def locking_the_owner_out(site: World) -> None:
    owner, stranger = await site.browser(), await site.browser()
    assert (await site.post(owner, "/signin", login="officer", password=PASSWORD))[0] == 303
    for n in range(12):
        await site.post(stranger, "/signin", login="officer", password=f"guess {n}")
    copied = owner.session.cookie_jar.filter_cookies(site.server.make_url("/"))["yj-known"]
    for value in ("", copied.value[:-1], copied.value[::-1], "known", "a.1.b.c"):
        stranger.session.cookie_jar.update_cookies({"yj-known": value}, site.server.make_url("/"))
        assert (await site.post(stranger, "/signin", login="officer", password=PASSWORD))[0] == 429
    owner.session.cookie_jar.clear(lambda cookie: cookie.key == "yj")
    assert (await site.post(owner, "/signin", login="officer", password=PASSWORD))[0] == 303


@attack("a sign-in failed", "sign-ins are held back", "too-many")
async def guessing_behind_invented_addresses(site: World) -> None:
    browser, statuses = await site.browser(), []
    for n in range(12):
        headers = own(site) | {"X-Forwarded-For": f"203.0.113.{n}", "X-Real-IP": f"203.0.113.{n}"}
        data = {"login": "officer", "password": f"guess {n}"}
        answer = await browser.post("/signin", data=data, headers=headers, allow_redirects=False)
        statuses.append(answer.status)
    assert statuses[-1] == 429


@attack("sign-in-failed")
async def finding_out_which_logins_exist(site: World) -> None:
    browser, said = await site.browser(), []
    for login in ("officer", "nobody"):
        data = {"login": login, "password": "wrong"}
        headers = own(site) | {"Accept": "application/json"}
        answer = await browser.post("/signin", data=data, headers=headers, allow_redirects=False)
        said.append((answer.status, await answer.json()))
    assert said[0] == said[1]


@attack("signed-out")
async def expired_operator_token(site: World) -> None:
    secret = await tokens.issue_token(site.database, site.clock, name="old", lasts=timedelta(hours=1))
    site.clock.advance(3600)
    browser = await site.browser()
    answer = await browser.post("/api/rehearsals", json={}, headers={"Authorization": f"Bearer {secret}"})
    assert answer.status in (401, 403)


@attack("not-an-account")
async def operator_token_on_pages_of_people(site: World) -> None:
    secret = await tokens.issue_token(site.database, site.clock, name="rehearsal")
    interrogation, browser = await site.interrogation(), await site.browser()
    for path in ("/people", "/day", f"/bookings/{interrogation.id}", f"/records/{interrogation.id}", "/records"):
        answer = await browser.get(path, headers={"Authorization": f"Bearer {secret}"}, allow_redirects=False)
        assert answer.status >= 400, path


# Reaching what belongs to others


@attack("no-booking")
async def somebody_elses_visit_by_its_id(site: World) -> None:
    visit = await site.visit()
    for login in ("lawyer2", "officer", "admin", "reviewer", "duty-west"):
        status, text = await site.get(await site.browser(login), f"/bookings/{visit.id}")
        assert status in (403, 404)
        assert "沈知远" not in text


@attack("not-allowed", "not-found")
async def record_at_a_guessed_address(site: World) -> None:
    interrogation = await site.interrogation()
    for login in (None, "lawyer", "duty", "duty-west", "admin", "admin-justice"):
        browser = await site.browser(login)
        for path in ("", "/media/host-camera.webm", "/media/participant-1.webm"):
            answer = await browser.get(f"/records/{interrogation.id}{path}", headers=PAGE, allow_redirects=False)
            assert answer.status >= 303, (login, path)
            assert answer.headers.get("Location", "/signin").startswith("/signin")


@attack("no-record", "not-found")
async def record_of_a_visit_by_the_reviewer(site: World) -> None:
    visit = await site.visit()
    browser = await site.browser("reviewer")
    for method, path in (("GET", ""), ("POST", "/play"), ("POST", "/verify"), ("GET", "/media/a.webm")):
        answer = await browser.request(method, f"/records/{visit.id}{path}", headers=own(site), allow_redirects=False)
        assert answer.status in (403, 404)


@attack("no-session", "not-allowed")
async def live_page_by_knowing_the_id(site: World) -> None:
    visit = await site.visit()
    for login in ("lawyer2", "officer", "reviewer", "admin", "duty-west"):
        status, _ = await site.get(await site.browser(login), f"/sessions/{visit.id}/live")
        assert status in (403, 404), login


@attack("no-booking")
async def calendar_file_of_a_stranger(site: World) -> None:
    visit = await site.visit()
    status, text = await site.get(await site.browser("lawyer2"), f"/bookings/{visit.id}/calendar.ics")
    assert status in (403, 404)
    assert "BEGIN:VCALENDAR" not in text


@attack("not-allowed", "not-found")
async def person_of_another_tree(site: World) -> None:
    lawyer, officer = (await site.principal("lawyer")).id, (await site.principal("officer")).id
    for login, person in (("admin", lawyer), ("admin-justice", officer), ("admin-court", officer), ("officer", lawyer)):
        status, text = await site.get(await site.browser(login), f"/people/{person}")
        assert status in (403, 404)
        assert "沈知远" not in text


@attack("not-allowed", "not-found")
async def suspending_a_lawyer_as_police(site: World) -> None:
    lawyer = (await site.principal("lawyer")).id
    for login in ("admin", "admin-prosecutor", "admin-court", "duty"):
        status, _, _ = await site.post(await site.browser(login), f"/people/{lawyer}/suspend")
        assert status in (403, 404)
    assert await roles_of(site, "lawyer") == {"lawyer"}


@attack("not-found", "role-of-another-tree")
async def granting_a_role_of_another_tree(site: World) -> None:
    officer = (await site.principal("officer")).id
    for login, role in (("admin", "lawyer"), ("admin", "judge"), ("admin-justice", "lawyer"), ("admin", "operator")):
        await site.post(await site.browser(login), f"/people/{officer}/grant", role=role)
    assert await roles_of(site, "officer") == {"officer"}


@attack("own-role")
async def granting_a_role_to_oneself(site: World) -> None:
    admin = (await site.principal("admin")).id
    for role in ("reviewer", "officer", "inspector"):
        await site.post(await site.browser("admin"), f"/people/{admin}/grant", role=role)
    assert await roles_of(site, "admin") == {"administrator"}


@attack("step-up")
async def granting_from_a_screen_left_open(site: World) -> None:
    admin, officer = await site.browser("admin"), (await site.principal("officer")).id
    site.clock.advance(3600)
    await site.post(admin, f"/people/{officer}/grant", role="reviewer")
    assert await roles_of(site, "officer") == {"officer"}


@attack()
async def roles_smuggled_into_a_registration(site: World) -> None:
    admin = await site.browser("admin")
    unit = (await site.principal("admin")).organisation or ""
    fields = {"organisation": unit, "name": "假名", "login": "smuggled", "password": "seven small green pears"}
    await site.post(admin, "/people/new", **fields, role="administrator", roles="administrator", state="active")
    assert await roles_of(site, "smuggled") == frozenset()


@attack("not-allowed")
async def registering_into_another_tree(site: World) -> None:
    justice = (await site.principal("admin-justice")).organisation or ""
    fields = {"organisation": justice, "name": "假名", "login": "planted", "password": "seven small green pears"}
    status, _, _ = await site.post(await site.browser("admin"), "/people/new", **fields)
    assert status >= 400
    async with site.database.transaction(write=False) as tx:
        assert await store.account_by_login(tx, "planted") is None


@attack("no-booking")
async def confirming_for_another_facility(site: World) -> None:
    visit = await site.visit()
    for login in ("duty", "duty-centre", "duty-west", "duty-river"):
        if (await site.principal(login)).facility != visit.facility:
            status, _, _ = await site.post(await site.browser(login), f"/day/{visit.id}/confirm", version="1")
            assert status == 404
    async with site.database.transaction(write=False) as tx:
        assert (await tx.get_one(Booking, visit.id)).state is State.REQUESTED


@attack("not-allowed")
async def custody_steps_by_the_questioning_officer(site: World) -> None:
    interrogation = await site.interrogation()
    for step in ("brought", "identity_checked", "escort_left", "returned"):
        status, _, _ = await site.post(await site.browser("officer"), f"/day/{interrogation.id}/custody", step=step)
        assert status in (403, 404)


@attack("not-allowed")
async def pairing_a_terminal_without_the_duty(site: World) -> None:
    unpaired = await device(site)
    code = await unpaired.code()
    for login in ("officer", "lawyer", "admin", "reviewer"):
        status, _, _ = await site.post(await site.browser(login), "/terminals", code=code, room="0" * 22)
        assert status in (403, 404)
    assert (await unpaired.state())["paired"] is False


@attack("not-allowed")
async def starting_a_questioning_as_lawyer(site: World) -> None:
    browser = await site.browser("lawyer")
    for path in ("/start", "/book/interrogation", "/book/statement"):
        status, _, _ = await site.post(browser, path, kind="statement", case="0" * 22)
        assert status >= 400, path


# Invitations


@attack("invitation-unknown", "too-many")
async def guessing_an_invitation(site: World) -> None:
    browser, statuses = await site.browser(), []
    for n in range(70):
        answer = await browser.post("/i/look", json={"secret": f"guess-{n}"}, headers=own(site))
        statuses.append(answer.status)
    assert set(statuses) == {404, 429}
    assert statuses[-1] == 429


@attack("invitation-unknown")
async def invitation_secret_of_another_type(site: World) -> None:
    browser = await site.browser()
    for secret in (None, 1, [], {}, ["x"], {"$ne": ""}, True, "x" * 100_000):
        for path in ("/i/look", "/i/accept"):
            answer = await browser.post(path, json={"secret": secret}, headers=own(site))
            assert 400 <= answer.status < 500, secret


@attack("not-found", "method-not-allowed")
async def invitation_on_the_path_or_query(site: World) -> None:
    browser = await site.browser()
    for path in ("/i/secret", "/i?secret=abc&accept=1", "/i/accept"):
        answer = await browser.get(path, headers=PAGE, allow_redirects=False)
        assert "yj-guest" not in answer.cookies


# The browser as a weapon


@attack("foreign-origin")
async def form_of_another_site(site: World) -> None:
    visit, cookie = await site.visit(), await site.cookie("lawyer")
    browser = await site.browser()
    foreign = (
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "same-site", "Origin": "https://other.example"},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {},
    )
    for headers in foreign:
        sent = PAGE | headers | {"Cookie": f"yj={cookie}"}
        answer = await browser.post(f"/bookings/{visit.id}/withdraw", headers=sent, allow_redirects=False)
        assert answer.status == 403, headers
    assert (await site.get(await site.browser("lawyer"), f"/bookings/{visit.id}"))[0] == 200


@attack("foreign-origin")
async def bearer_header_to_pass_the_forgery_rule(site: World) -> None:
    visit, cookie = await site.visit(), await site.cookie("lawyer")
    browser = await site.browser()
    headers = {"Origin": "https://evil.example", "Authorization": "Bearer x", "Cookie": f"yj={cookie}"}
    answer = await browser.post(f"/bookings/{visit.id}/withdraw", headers=PAGE | headers, allow_redirects=False)
    assert answer.status == 403


@attack("foreign-origin")
async def json_as_plain_text_from_another_site(site: World) -> None:
    browser = await site.browser()
    headers = {"Content-Type": "text/plain", "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = await browser.post("/i/accept", data='{"secret":"x"}', headers=headers)
    assert answer.status == 403


@attack()
async def script_in_a_display_name(site: World) -> None:
    admin, unit = await site.browser("admin"), (await site.principal("admin")).organisation or ""
    name = "<script>alert(1)</script>"
    fields = {"organisation": unit, "name": name, "login": "scripted", "password": "seven small green pears"}
    await site.post(admin, "/people/new", **fields)
    _, text = await site.get(admin, "/people")
    assert name not in text


@attack()
async def script_in_a_search(site: World) -> None:
    for login, path in (("admin", "/people?q="), ("reviewer", "/records?q="), ("lawyer", "/?q=")):
        for payload in ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{7*7}}", "${7*7}"):
            _, text = await site.get(await site.browser(login), path + payload)
            assert payload not in text or payload in ("{{7*7}}", "${7*7}")
            assert ">49<" not in text


@attack()
async def header_split_by_a_line_feed(site: World) -> None:
    browser = await site.browser()
    for path in ("/signin?next=/%0d%0aSet-Cookie:%20yj=x", "/language/en?next=/%0d%0aSet-Cookie:%20yj=x"):
        answer = await browser.get(path, headers=PAGE, allow_redirects=False)
        assert "yj" not in answer.cookies
        assert "\n" not in answer.headers.get("Location", "")


@attack()
async def open_redirect(site: World) -> None:
    browser = await site.browser()
    for target in (
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/%5cevil.example",
        "javascript:alert(1)",
    ):
        answer = await browser.get("/language/en", params={"next": target}, headers=PAGE, allow_redirects=False)
        leads = answer.headers.get("Location", "/")
        assert leads.startswith("/")
        assert not leads.startswith(("//", "/\\"))


@attack()
async def framing_sniffing_and_caching(site: World) -> None:
    answer = await (await site.browser("officer")).get("/", headers=PAGE)
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


@attack()
async def cookie_read_by_a_script(site: World) -> None:
    browser = await site.browser()
    data = {"login": "officer", "password": PASSWORD, "next": "/"}
    answer = await browser.post("/signin", data=data, headers=own(site), allow_redirects=False)
    morsel = answer.cookies["yj"]
    assert morsel["httponly"]
    assert morsel["samesite"] in ("Lax", "Strict")


# Files, methods, sizes


@attack("not-found")
async def path_traversal(site: World) -> None:
    browser = await site.browser("reviewer")
    for path in (
        "/static/../main.py",
        "/static/%2e%2e/%2e%2e/main.py",
        "/static/..%2f..%2fmain.py",
        "/static/css/%2e%2e%2f%2e%2e%2f%2e%2e%2fpyproject.toml",
        "/static//etc/passwd",
        f"/records/{'0' * 22}/media/..%2f..%2f..%2fetc%2fpasswd",
    ):
        answer = await browser.get(path, headers=PAGE, allow_redirects=False)
        text = await answer.text()
        assert answer.status >= 300, path
        assert "Composition root" not in text
        assert "root:" not in text


@attack("not-allowed", "not-found")
async def impossible_ids(site: World) -> None:
    browser = await site.browser("reviewer")
    for id_ in ("%00", "a" * 5000, "1;DROP%20TABLE%20persons", "%F0%9F%92%A9", "null", "-1"):
        for path in (f"/bookings/{id_}", f"/records/{id_}", f"/sessions/{id_}/live"):
            assert 400 <= (await site.get(browser, path))[0] < 500, path


@attack("method-not-allowed")
async def other_methods(site: World) -> None:
    browser = await site.browser("officer")
    for method in ("TRACE", "PUT", "PATCH", "DELETE", "PROPFIND"):
        answer = await browser.request(method, "/signin", headers=own(site))
        assert answer.status in (403, 404, 405)
    headers = own(site) | {"X-HTTP-Method-Override": "DELETE"}
    assert (await browser.post("/people", headers=headers)).status in (403, 404, 405)


@attack("too-large")
async def enormous_bodies(site: World) -> None:
    browser = await site.browser()
    answer = await browser.post("/signin", data={"login": "x" * 2_000_000, "password": "x"}, headers=own(site))
    assert answer.status in (400, 413)


@attack("not-json", "invitation-unknown")
async def malformed_json(site: World) -> None:
    browser = await site.browser()
    headers = own(site) | {"Content-Type": "application/json"}
    for body in ("", "{", "null", "[]", '"x"', "NaN", '{"secret": 1e999}', "\ud800", '{"a":' * 50):
        answer = await browser.post("/i/look", data=body.encode("utf-8", "replace"), headers=headers)
        assert 400 <= answer.status < 500, body


@attack("not-json", "a cookie was refused", "signed-out", "http-400")
async def half_a_character(site: World) -> None:
    browser = await site.browser()
    half = b'{"secret":"\\ud800","credential":"\\ud800"}'
    for path in ("/i/look", "/i/accept", "/i/code", "/terminal/start", "/signin/passkey"):
        answer = await browser.post(path, data=half, headers=own(site) | {"Accept": "application/json"})
        assert answer.status == 422, path
    form = b"login=officer&password=" + PASSWORD.encode()
    file = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a\x00.pdf"\r\n\r\n%PDF-1.4\r\n--x--\r\n'
    cookie = f"Cookie: yj={await site.cookie('lawyer')}".encode()
    for header, path, body in (
        (b"Cookie: yj=\xff", b"/", None),
        (b"Authorization: Bearer \xff", b"/", None),
        (b"User-Agent: \xff", b"/signin", form),
        (b"Referer: http://[", b"/", None),
        (cookie + b"\r\nContent-Type: multipart/form-data; boundary=x", b"/papers/new", file),
    ):
        status = await raw(site, header, path, body)
        assert status < 500, header


async def raw(site: World, header: bytes, path: bytes, body: bytes | None) -> int:
    """The status of a request whose bytes no client would send."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.server.port)
    kind = b"" if b"Content-Type" in header else b"\r\nContent-Type: application/x-www-form-urlencoded"
    length = b"" if body is None else kind + b"\r\nContent-Length: %d" % len(body)
    line = (b"GET " if body is None else b"POST ") + path + b" HTTP/1.1\r\n"
    rest = b"Host: x\r\nConnection: close\r\nSec-Fetch-Site: same-origin\r\n" + header + length
    writer.write(line + rest + b"\r\n\r\n" + (body or b""))
    status = int((await reader.readline()).split()[1])
    writer.close()
    return status


@attack("foreign-origin")
async def believed_proxy_headers(site: World) -> None:
    browser = await site.browser("officer")
    headers = PAGE | {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Original-URL": "/people"}
    answer = await browser.get("/", headers=headers)
    assert "evil.example" not in await answer.text()
    posted = own(site) | {"X-Forwarded-Host": "evil.example", "Origin": "https://evil.example"}
    assert (await browser.post("/signout", headers=posted, allow_redirects=False)).status == 403


@attack("not-found")
async def error_that_tells_too_much(site: World) -> None:
    browser = await site.browser()
    for path in ("/nothing", "/records/x", "/signin?next[]=1", "/book/%7B%7B7*7%7D%7D"):
        _, text = await site.get(browser, path)
        assert "Traceback" not in text
        assert "/work" not in text
        assert "sqlalchemy" not in text.lower()
