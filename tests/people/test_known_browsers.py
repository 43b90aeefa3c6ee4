"""Strangers who use up an account's tries do not lock out a browser that signed in to it; nothing else buys tries."""

from dataclasses import replace

import pytest

from core.errors import Denied, TooMany
from people import known_browsers, logins, throttle
from tests.people.conftest import PASSWORD


@pytest.fixture
def at(database, clock, door, vault, site):
    """Sign in to ``login`` with the cookie ``known``; returns who it is."""

    async def go(known="", login="officer", password=PASSWORD, address="192.0.2.1"):
        _, principal = await logins.sign_in(
            database, clock, door, login=login, password=password, address=address, vault=vault, known=known
        )
        return principal

    return go


@pytest.fixture
def remember(database, clock, vault, site):
    async def go(login="officer", cookie=""):
        return await known_browsers.remember(database, clock, vault, site.persons[login], cookie)

    return go


@pytest.fixture
async def besieged(door, at):
    """Strangers have used up every try there is: of the account, of the address, of all."""

    async def begin(login="officer"):
        for limit, key in (
            (throttle.SIGN_IN_LOGIN, (login,)),
            (throttle.SIGN_IN_ADDRESS, ("192.0.2.1",)),
            (throttle.SIGN_IN_ALL, ()),
        ):
            for _ in range(limit.amount):
                door.throttle.first(limit, *key)
        with pytest.raises(TooMany):
            await at(login=login)

    return begin


async def test_a_known_browser_enters_while_strangers_are_held_back(at, remember, besieged):
    """The owner signs in as ever, again and again."""
    cookie = await remember()
    await besieged()
    for _ in range(10):
        assert (await at(cookie)).has("officer")


async def test_its_own_tries_are_counted(at, remember, besieged):
    """Eight wrong ones, then it waits like a stranger; another known browser does not."""
    one, other = await remember(), await remember()
    await besieged()
    for _ in range(8):
        with pytest.raises(Denied, match="sign-in-failed"):
            await at(one, password="wrong")
    with pytest.raises(TooMany):
        await at(one)
    assert await at(other)


async def test_one_browser_is_known_to_several_accounts(at, remember, besieged):
    """At a shared desk each keeps a place, up to eight; signing in again takes no second one."""
    cookie = await remember("lawyer", await remember())
    assert (await remember("officer", cookie)).count("~") == 1
    await besieged()
    assert await at(cookie)
    assert await at(cookie, login="lawyer")
    many = "~".join([cookie] * 9)
    assert (await remember("officer", many)).count("~") < known_browsers.MOST


async def test_the_entry_of_another_account_buys_nothing(at, remember, besieged):
    """Whoever has an account of their own cannot guess at somebody else's with it."""
    cookie = await remember("lawyer")
    await besieged()
    with pytest.raises(TooMany):
        await at(cookie)


async def test_a_forged_or_altered_entry_buys_nothing(at, remember, besieged):
    """Every part counts: nonce, time, password, mark; garbage is no entry."""
    cookie = await remember()
    parts = cookie.split(".")
    altered = [
        ".".join(("A" * len(p) if n == i and i != 1 else "1" if n == i else p) for n, p in enumerate(parts))
        for i in range(4)
    ]
    await besieged()
    for made in (
        *altered,
        "",
        "~",
        "...",
        "a.1.b.c",
        "a.²." + "b.c",
        "\ud800.1.1.1",
        cookie[:-1],
        cookie * 30,
        "x" * 5000,
    ):
        with pytest.raises(TooMany):
            await at(made)
    assert await at(cookie)


async def test_an_entry_made_elsewhere_buys_nothing(database, clock, at, remember, besieged, site, tmp_path):
    """Another site's secret makes no entry of this one."""
    from core.vault import Vault

    strange = Vault(tmp_path / "strange")
    strange.ensure(clock.now())
    cookie = await known_browsers.remember(database, clock, strange, site.persons["officer"], "")
    await besieged()
    with pytest.raises(TooMany):
        await at(cookie)


async def test_an_entry_ends_with_the_password(database, clock, door, site, at, remember, besieged):
    """Replayed after a change of the password it is nothing; the browser that changed it gets a new one."""
    old, new = await remember(), "four quiet river stones"
    principal = replace(await site.principal(database, "officer"), proved=clock.now())
    await logins.change_password(database, clock, door, principal, old=PASSWORD, new=new)
    fresh = await remember("officer", old)
    await besieged()
    with pytest.raises(TooMany):
        await at(old, password=new)
    assert await at(fresh, password=new)


async def test_an_entry_ends_after_half_a_year(clock, at, remember, besieged):
    """One day before it is good, afterwards not; one from the future never."""
    cookie = await remember()
    await besieged()
    clock.advance((known_browsers.LASTS.days - 1) * 86_400)
    assert await at(cookie)
    clock.advance(86_400)
    with pytest.raises(TooMany):
        await at(cookie)
    clock.advance(-2 * known_browsers.LASTS.days * 86_400)
    with pytest.raises(TooMany):
        await at(cookie)


async def test_a_known_browser_learns_nothing_more(at, remember):
    """A wrong password is answered as to anybody, and an entry opens nothing."""
    cookie = await remember()
    with pytest.raises(Denied) as known:
        await at(cookie, password="wrong")
    with pytest.raises(Denied) as stranger:
        await at("", password="wrong")
    assert (known.value.code, known.value.text) == (stranger.value.code, stranger.value.text)


async def test_what_is_forged_costs_no_query(database, vault, clock, monkeypatch):
    """Cookies that this site did not make are told apart before the database is asked."""

    async def asked(*_):
        raise AssertionError

    monkeypatch.setattr("people.store.account_by_login", asked)
    assert await logins._known_browser(database, clock, vault, "a.1.b.c~d.2.e.f", "officer") is None
