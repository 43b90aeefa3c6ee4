"""Signing in by every way, the own account, fresh proof that loses nothing, and what a new account sets up first."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import select, update

from people.models import Account, LoginSession
from tests.people.authenticator import Authenticator
from tests.web.world import PAGE, World, world

PASSWORD = "yuanjian-demo"


@pytest.fixture
async def strict(seeded: Path, tmp_path: Path) -> AsyncIterator[World]:
    """A site with a name, where a password alone is not enough."""
    settings = {"require_second_factor": True, "public_url": "http://localhost"}
    async with world(seeded, tmp_path, **settings) as made:
        yield made


async def enter(site: World, login: str = "officer", **fields: str):
    """A browser that typed the password; with where it was led."""
    browser = await site.browser()
    typed = {"login": login, "password": PASSWORD, "next": "/"} | fields
    status, text, leads = await site.post(browser, "/signin", **typed)
    return browser, status, text, leads


async def ask_json(site: World, browser, path: str, **body: str) -> tuple[int, dict]:
    headers = {"Origin": site.url, "Sec-Fetch-Site": "same-origin"}
    answer = await browser.post(path, json=body, headers=headers)
    return answer.status, await answer.json()


async def app_of(site: World, browser) -> tuple[pyotp.TOTP, list[str]]:
    """Set up a code app through the pages; return it and the recovery codes shown."""
    status, text, _ = await site.post(browser, "/account/app/begin")
    letters = re.search(r'class="digest">([A-Z2-7 ]+)<', text)
    assert status == 200
    assert "<svg" in text
    assert letters
    totp = pyotp.TOTP(letters[1].replace(" ", ""))
    assert (await site.post(browser, "/account/app", code="000000"))[0] == 403
    status, text, _ = await site.post(browser, "/account/app", code=totp.at(site.clock.now()))
    assert status == 200
    site.clock.advance(30)
    return totp, re.findall(r'class="mono">(\w{5}-\w{5})<', text)


async def key_of(site: World, browser) -> Authenticator:
    """Add a passkey through the pages."""
    key = Authenticator(origin="http://localhost")
    status, told = await ask_json(site, browser, "/account/passkeys/begin")
    assert status == 200, told
    made = key.create(told["options"])
    fields = {"secret": told["secret"], "credential": made, "label": "三号办公室电脑"}
    assert (await site.post(browser, "/account/passkeys", **fields))[0] == 303
    return key


# Signing in


async def test_a_code_app_is_set_up_and_asked_for(site: World) -> None:
    """The password alone leads to the question for the code; the right one goes on to the page asked for, once."""
    browser, *_ = await enter(site)
    totp, codes = await app_of(site, browser)
    assert len(codes) == 10
    browser, status, text, _ = await enter(site, next="/book")
    assert status == 200
    pending = re.search(r'name="pending" value="([^"]+)"', text)
    assert pending
    fields = {"pending": pending[1], "next": "/book"}
    assert (await site.post(browser, "/signin/code", code="123", **fields))[0] == 401
    code = totp.at(site.clock.now())
    assert (await site.post(browser, "/signin/code", code=code, **fields))[::2] == (303, "/book")
    assert (await site.get(browser, "/book"))[0] == 200
    other, _, text, _ = await enter(site)
    again = re.search(r'name="pending" value="([^"]+)"', text)
    assert again
    assert (await site.post(other, "/signin/code", code=code, pending=again[1]))[0] == 401


async def test_a_recovery_code_lets_in_once(site: World) -> None:
    """It stands for the app's digits, and is used up."""
    browser, *_ = await enter(site)
    _, codes = await app_of(site, browser)
    for expected in (303, 401):
        browser, _, text, _ = await enter(site)
        pending = re.search(r'name="pending" value="([^"]+)"', text)
        assert pending
        assert (await site.post(browser, "/signin/code", code=codes[0], pending=pending[1]))[0] == expected


async def test_five_wrong_codes_begin_again(site: World) -> None:
    """Nobody guesses on at one pending sign-in."""
    browser, *_ = await enter(site)
    totp, _ = await app_of(site, browser)
    browser, _, text, _ = await enter(site)
    pending = re.search(r'name="pending" value="([^"]+)"', text)
    assert pending
    for _ in range(5):
        await site.post(browser, "/signin/code", code="000000", pending=pending[1])
    status, text, _ = await site.post(browser, "/signin/code", code=totp.at(site.clock.now()), pending=pending[1])
    assert status == 401
    assert 'action="/signin"' in text


async def test_a_passkey_signs_in_and_goes_on(strict: World) -> None:
    """Nothing is typed; the page asked for comes next, never another site."""
    browser = await strict.browser("officer")
    key = await key_of(strict, browser)
    for number, (wanted, leads) in enumerate(
        [("/book", "/book"), ("//evil.example", "/"), ("https://evil.example", "/")]
    ):
        key.count = number + 2
        other = await strict.browser()
        _, told = await ask_json(strict, other, "/signin/passkey/begin")
        signed = key.get(told["options"])
        body = {"secret": told["secret"], "credential": signed, "next": wanted}
        status, said = await ask_json(strict, other, "/signin/passkey", **body)
        assert (status, said) == (200, {"next": leads})
        assert (await strict.get(other, "/book"))[0] == 200
        status, said = await ask_json(strict, other, "/signin/passkey", **body)
        assert (status, said["code"]) == (403, "challenge-over")


@pytest.mark.parametrize(
    "body", [{}, {"secret": 1}, {"secret": "x", "credential": "{}", "next": "/"}, {"secret": "x" * 9999}]
)
async def test_garbage_for_a_passkey_is_refused(strict: World, body: dict) -> None:
    """Never an error of ours."""
    status, said = await ask_json(strict, await strict.browser(), "/signin/passkey", **body)
    assert status in (403, 422), said


async def test_asking_for_challenges_is_held_back(strict: World) -> None:
    """One address fills no table with challenges."""
    browser = await strict.browser()
    statuses = {(await ask_json(strict, browser, "/signin/passkey/begin"))[0] for _ in range(301)}
    assert statuses == {200, 429}


# What an account owes


async def test_a_password_alone_is_not_enough_where_a_second_factor_is_required(strict: World) -> None:
    """Every page leads to setting one up; nothing else is open; afterwards one goes on to the page asked for."""
    browser, status, _, leads = await enter(strict, next="/book")
    assert (status, leads) == (303, "/book")
    assert (await browser.get("/book", headers=PAGE, allow_redirects=False)).headers["Location"] == (
        "/account/begin?next=%2Fbook"
    )
    for path in ("/", "/account", "/account/sign-ins", "/desk", "/account/pin"):
        answer = await browser.get(path, headers=PAGE, allow_redirects=False)
        assert answer.headers["Location"].startswith("/account/begin?next="), path
    answer = await browser.get("/sessions/" + "0" * 22 + "/join", headers={"Accept": "application/json"})
    assert (answer.status, (await answer.json())["code"]) == (403, "owing")
    assert (await strict.get(browser, "/account/begin?next=/book"))[0] == 200
    await app_of(strict, browser)
    assert (await strict.get(browser, "/book"))[0] == 200


async def test_the_demo_needs_no_second_factor_and_any_other_site_does(
    site: World, seeded: Path, tmp_path: Path
) -> None:
    """The default is the strict one; only the demo, asked for by name, is open with a password."""
    browser, *_ = await enter(site)
    assert (await site.get(browser, "/book"))[0] == 200
    (tmp_path / "real").mkdir()
    async with world(seeded, tmp_path / "real", demo=False) as real:
        browser, *_ = await enter(real)
        assert (await real.get(browser, "/book"))[0] == 303


async def test_an_issued_password_must_be_replaced(site: World) -> None:
    """Whoever handed it out knows it: first an own one, that is not the same and not worn."""
    officer = (await site.principal("officer")).id
    async with site.database.transaction() as tx:
        await tx.execute(update(Account).where(Account.person == officer).values(issued=site.clock.now()))
    browser, *_ = await enter(site)
    assert (await site.get(browser, "/book"))[0] == 303
    for bad in (PASSWORD, "short", "password123"):
        status, text, _ = await site.post(browser, "/account/password", new=bad, next="/book")
        assert status == 422, bad
        assert bad not in text
    status, _, leads = await site.post(browser, "/account/password", new="four plain words here", next="/book")
    assert (status, leads) == (303, "/book")
    assert (await site.get(browser, "/book"))[0] == 200


async def test_a_one_time_link_leads_to_an_own_passkey(strict: World) -> None:
    """It works once; then a passkey is added and everything is open."""
    admin = await strict.browser("admin")
    await key_of(strict, admin)
    officer = (await strict.principal("officer")).id
    status, text, _ = await strict.post(admin, f"/people/{officer}/reset")
    link = re.search(r'value="http://localhost/enrol#([\w-]{43})"', text)
    assert status == 200
    assert link
    assert (await enter(strict))[1] == 401
    browser = await strict.browser()
    assert (await strict.get(browser, "/enrol"))[0] == 200
    assert (await strict.post(browser, "/enrol", secret=link[1]))[::2] == (303, "/account/begin")
    assert (await strict.post(await strict.browser(), "/enrol", secret=link[1]))[0] == 403
    assert (await strict.get(browser, "/book"))[0] == 303
    assert (await strict.get(browser, "/account/app"))[0] == 303
    assert (await strict.get(browser, "/account/passkeys/new"))[0] == 200
    key = Authenticator(origin="http://localhost")
    _, told = await ask_json(strict, browser, "/account/passkeys/begin")
    fields = {"secret": told["secret"], "credential": key.create(told["options"]), "label": "新手机", "next": "/book"}
    assert (await strict.post(browser, "/account/passkeys", **fields))[::2] == (303, "/book")
    assert (await strict.get(browser, "/book"))[0] == 200


async def test_a_newer_link_ends_the_older_and_a_suspension_every_one(strict: World) -> None:
    """Only the newest is worth something, for three days."""
    admin = await strict.browser("admin")
    await key_of(strict, admin)
    officer = (await strict.principal("officer")).id

    async def link() -> str:
        _, text, _ = await strict.post(admin, f"/people/{officer}/link")
        found = re.search(r"/enrol#([\w-]{43})", text)
        assert found
        return found[1]

    old, new = await link(), await link()
    assert (await strict.post(await strict.browser(), "/enrol", secret=old))[0] == 403
    await strict.post(admin, f"/people/{officer}/suspend")
    assert (await strict.post(await strict.browser(), "/enrol", secret=new))[0] == 403


# The own account


async def test_the_account_page_lists_ways_and_sign_ins(site: World) -> None:
    """Where one is signed in, and each other place ended by itself or all at once; never somebody else's."""
    browser, *_ = await enter(site)
    other, *_ = await enter(site)
    third, *_ = await enter(site)
    stranger, *_ = await enter(site, "lawyer")
    _, text = await site.get(browser, "/account")
    ids = re.findall(r"/account/sign-ins/(\w{22})/end", text)
    assert len(ids) == 2
    assert text.count("当前浏览器") == 1
    assert (await site.post(stranger, f"/account/sign-ins/{ids[0]}/end"))[0] == 404
    assert (await site.post(browser, f"/account/sign-ins/{ids[0]}/end"))[0] == 303
    assert sorted([(await site.get(other, "/account"))[0], (await site.get(third, "/account"))[0]]) == [200, 303]
    assert (await site.post(browser, "/account/sign-ins/end-others"))[0] == 303
    assert {(await site.get(who, "/account"))[0] for who in (other, third)} == {303}
    assert (await site.get(browser, "/account"))[0] == 200
    assert (await site.get(stranger, "/account"))[0] == 200
    assert "已被退出" in (await site.get(browser, "/account/sign-ins"))[1]


async def test_the_last_factor_stays(strict: World) -> None:
    """The only passkey cannot be removed; once there is a second, one of them can."""
    browser = await strict.browser("officer")
    await key_of(strict, browser)
    _, text = await strict.get(browser, "/account/passkeys")
    first = re.search(r"/account/passkeys/(\w{22})/remove", text)
    assert first
    status, text, _ = await strict.post(browser, f"/account/passkeys/{first[1]}/remove")
    assert status == 409
    assert "最后一种验证方式" in text
    await key_of(strict, browser)
    assert (await strict.post(browser, f"/account/passkeys/{first[1]}/remove"))[0] == 303
    stranger = await strict.browser("lawyer")
    await key_of(strict, stranger)
    second = re.search(r"/account/passkeys/(\w{22})/remove", (await strict.get(browser, "/account/passkeys"))[1])
    assert second
    await key_of(strict, stranger)
    assert (await strict.post(stranger, f"/account/passkeys/{second[1]}/remove"))[0] == 404


async def test_the_code_app_can_go_while_a_passkey_stays(strict: World) -> None:
    """Removed with its recovery codes; as the last factor it stays."""
    browser = await strict.browser("officer")
    await app_of(strict, browser)
    status, text, _ = await strict.post(browser, "/account/app/remove")
    assert status == 409
    assert "最后一种验证方式" in text
    await key_of(strict, browser)
    assert (await strict.post(browser, "/account/app/remove"))[::2] == (303, "/account?told=app-removed")


async def test_the_password_is_changed_with_the_present_one(site: World) -> None:
    """A wrong one changes nothing; the right one signs other browsers out."""
    browser, *_ = await enter(site)
    other, *_ = await enter(site)
    fields = {"new": "five plain words of mine"}
    assert (await site.post(browser, "/account/password", old="wrong", **fields))[0] == 403
    assert (await site.post(browser, "/account/password", **fields))[0] == 403
    assert (await site.get(other, "/account"))[0] == 200
    assert (await site.post(browser, "/account/password", old=PASSWORD, **fields))[0] == 303
    assert (await site.get(other, "/account"))[0] == 303
    assert (await enter(site))[1] == 401


async def test_the_language_of_the_account_is_kept(site: World) -> None:
    """It follows the account into every browser."""
    browser, *_ = await enter(site)
    assert (await site.post(browser, "/account/language", locale="en"))[0] == 303
    other, *_ = await enter(site)
    assert '<html lang="en"' in (await site.get(other, "/account"))[1]
    assert (await site.post(browser, "/account/language", locale="tlh"))[0] == 422


async def test_pages_of_the_account_are_for_accounts(site: World) -> None:
    """Without one they lead to signing in."""
    browser = await site.browser()
    for path in (
        "/account",
        "/account/passkeys",
        "/account/app",
        "/account/password",
        "/account/pin",
        "/desk",
        "/confirm",
    ):
        answer = await browser.get(path, headers=PAGE, allow_redirects=False)
        assert answer.headers["Location"].startswith("/signin?next="), path


# Fresh proof


async def test_proof_by_passkey_goes_on_with_what_was_typed(strict: World) -> None:
    """The form comes back, is sent on after the proof, and another's passkey proves nothing."""
    admin, colleague = await strict.browser("admin"), await strict.browser("officer")
    key, foreign = await key_of(strict, admin), await key_of(strict, colleague)
    officer = (await strict.principal("officer")).id
    strict.clock.advance(30 * 60)
    status, text, _ = await strict.post(admin, f"/people/{officer}/grant", role="inspector")
    assert status == 403
    assert 'data-passkey="confirm"' in text
    key.count = foreign.count = 2
    carried = {"role": "inspector", "confirm_act": f"/people/{officer}/grant"}
    for one, expected in ((foreign, 403), (key, 307)):
        _, told = await ask_json(strict, admin, "/confirm/passkey")
        signed = one.get(told["options"])
        proof = {"confirm_secret": told["secret"], "confirm_credential": signed}
        status, _, leads = await strict.post(admin, "/confirm", **proof, **carried)
        assert status == expected
    assert leads == f"/people/{officer}/grant"
    assert (await strict.post(admin, leads, **carried))[0] == 303


async def test_proof_wants_the_code_too_where_there_is_an_app(site: World) -> None:
    """Whoever knows the password of an open desk gives no proof without the phone."""
    browser, *_ = await enter(site, "admin")
    totp, _ = await app_of(site, browser)
    site.clock.advance(30 * 60)
    assert (await site.get(browser, "/account/passkeys/new"))[0] == 303
    fields = {"confirm_password": PASSWORD, "confirm_next": "/account/passkeys/new"}
    assert (await site.post(browser, "/confirm", **fields))[0] == 403
    code = totp.at(site.clock.now())
    status, _, leads = await site.post(browser, "/confirm", confirm_code=code, **fields)
    assert (status, leads) == (303, "/account/passkeys/new")


@pytest.mark.parametrize("act", ["//evil.example/x", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
async def test_proof_never_sends_a_form_elsewhere(site: World, act: str) -> None:
    """A prepared form cannot carry what was typed to another site."""
    browser, *_ = await enter(site)
    status, _, leads = await site.post(browser, "/confirm", confirm_password=PASSWORD, confirm_act=act)
    assert (status, leads) == (307, "/")


async def test_a_secret_is_not_carried_in_the_page(site: World) -> None:
    """A new password typed too late is typed again rather than written into a page."""
    browser, *_ = await enter(site, "admin")
    officer = (await site.principal("officer")).id
    site.clock.advance(30 * 60)
    status, text, leads = await site.post(browser, f"/people/{officer}/password", password="four plain words here")
    assert status == 303
    assert leads.startswith("/confirm?next=")
    assert "four plain words here" not in text


# Administrators


async def test_an_administrator_signs_somebody_out_everywhere(site: World) -> None:
    """At once, in the own tree only."""
    lawyer, officer = (await site.principal("lawyer")).id, (await site.principal("officer")).id
    browser, *_ = await enter(site)
    admin = await site.browser("admin")
    for act in ("end", "link", "reset", "password", "suspend", "grant", "bind", "unbind"):
        status, text, _ = await site.post(admin, f"/people/{lawyer}/{act}", role="lawyer", subject="s", password="x")
        assert status in (403, 404), (act, status)
        assert "/enrol#" not in text
    assert (await site.post(admin, f"/people/{officer}/end"))[0] == 303
    assert (await site.get(browser, "/account"))[0] == 303


async def test_a_lawyer_is_named_only_after_the_licence_was_checked(site: World) -> None:
    """By the justice side, which says so; the statement is in the ledger."""
    admin = await site.browser("admin-justice")
    _, text = await site.get(admin, "/people/new")
    unit = re.search(r'<option value="(\w{22})"', text.split('id="organisation"')[1])
    assert unit
    fields = {"name": "新律师", "organisation": unit[1], "login": "novice", "number": "13201202010000001"}
    _, _, leads = await site.post(admin, "/people/new", **fields)
    person = leads.split("?")[0]
    assert (await site.post(admin, f"{person}/grant", role="lawyer"))[0] == 422
    assert (await site.post(admin, f"{person}/grant", role="lawyer", licence="yes"))[0] == 303


async def test_addresses_are_for_security_staff(site: World) -> None:
    """The administrator sees when and how, the security staff also from where."""
    officer = (await site.principal("officer")).id
    await enter(site)
    admin = await site.browser("admin")
    assert "127.0.0.1" not in (await site.get(admin, f"/people/{officer}"))[1]
    reviewer = (await site.principal("reviewer")).id
    assert (await site.post(admin, f"/people/{reviewer}/grant", role="security"))[0] == 303
    guard = await site.browser("reviewer")
    status, text = await site.get(guard, f"/people/{officer}")
    assert status == 200
    assert "127.0.0.1" in text
    assert f"/people/{officer}/suspend" not in text
    for act in ("link", "reset", "suspend", "grant"):
        assert (await site.post(guard, f"/people/{officer}/{act}", role="officer"))[0] == 403


async def test_an_idle_sign_in_ends(site: World) -> None:
    """The page that asks two hours later leads to signing in."""
    browser, *_ = await enter(site)
    site.clock.advance(2 * 3600)
    assert (await site.get(browser, "/account"))[0] == 303
    async with site.database.transaction(write=False) as tx:
        assert (await tx.execute(select(LoginSession.ended).where(LoginSession.ended.is_not(None)))).first() is None
