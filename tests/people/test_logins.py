"""Signing in tells the same to everybody who fails, lasts within two limits, and ends at once when it is ended."""

import pytest
from sqlalchemy import select

from core import ledger
from core.errors import Denied, Invalid, NotFound, TooMany
from core.ids import hash_secret
from people import administration, logins, throttle
from people.models import LoginSession
from tests.people.conftest import PASSWORD


async def tags(database):
    async with database.transaction(write=False) as tx:
        return list((await tx.execute(select(ledger.Entry.tag).order_by(ledger.Entry.number))).scalars())


async def test_the_right_password_gives_a_cookie(database, clock, enter, site):
    """A sign-in returns a secret whose principal has the person's roles, place and tree."""
    cookie, principal = await enter("  OFFICER ")
    again = await logins.authenticate(database, clock, cookie, second_factor=False)
    assert again == principal
    assert (principal.id, principal.tree, principal.roles) == (site.persons["officer"], "police", {"officer"})
    assert principal.login
    assert (await tags(database))[-1] == "login.succeeded"


async def test_a_duty_officer_carries_the_facility(enter):
    """The post of a duty officer is part of who they are."""
    _, principal = await enter("duty")
    assert principal.facility == "f" * 22


async def test_only_the_hash_of_a_cookie_is_stored(database, enter):
    """The database holds nothing a thief of it could sign in with."""
    cookie, _ = await enter("officer")
    async with database.transaction(write=False) as tx:
        stored = (await tx.execute(select(LoginSession.hash))).scalar_one()
    assert stored == hash_secret(cookie) != cookie


async def test_an_unknown_login_and_a_wrong_password_look_the_same(database, enter):
    """Nobody learns which logins exist."""
    said = []
    for login in ("officer", "nobody"):
        with pytest.raises(Denied) as caught:
            await enter(login, password="wrong")
        said.append((caught.value.code, caught.value.text, caught.value.field, caught.value.status))
    assert said[0] == said[1]
    assert (await tags(database))[-2:] == ["login.failed", "login.failed"]


async def test_an_unknown_login_costs_a_hash_too(database, clock, enter, door, monkeypatch):
    """The time of an answer does not tell either: a dummy hash is verified."""
    seen = []
    real = type(door.passwords).verify

    async def verify(self, stored, password):
        seen.append(stored)
        return await real(self, stored, password)

    monkeypatch.setattr(type(door.passwords), "verify", verify)
    with pytest.raises(Denied):
        await enter("nobody", password="wrong")
    assert seen == [None]


async def test_guessing_is_held_back_and_the_owner_elsewhere_is_not(database, enter):
    """After eight tries from one address even the right password must wait; another address still enters."""
    for _ in range(8):
        with pytest.raises(Denied):
            await enter("officer", password="wrong")
    for _ in range(2):
        with pytest.raises(TooMany) as caught:
            await enter("officer")
    assert caught.value.values["minutes"] >= 1
    _, principal = await enter("officer", address="198.51.100.7")
    assert principal.has("officer")
    assert (await tags(database)).count("login.held-back") == 1


@pytest.mark.parametrize(
    ("limit", "key", "others_enter"),
    [
        (throttle.SIGN_IN_LOGIN, ("officer",), True),
        (throttle.SIGN_IN_ADDRESS, ("203.0.113.5",), True),
        (throttle.SIGN_IN_ALL, (), False),
    ],
)
async def test_tries_are_counted_per_account_per_address_and_together(enter, door, limit, key, others_enter):
    """Each counter alone holds a sign-in back once it is full, and nobody whom it does not count."""
    for _ in range(limit.amount):
        door.throttle.take(limit, *key)
    with pytest.raises(TooMany):
        await enter("officer", address="203.0.113.5")
    if others_enter:
        assert await enter("lawyer", address="198.51.100.7")


async def test_a_right_password_clears_the_count(enter):
    """Somebody who mistypes now and then is never held back."""
    for _ in range(3):
        for _ in range(6):
            with pytest.raises(Denied):
                await enter("officer", password="wrong")
        await enter("officer")


async def test_addresses_of_one_ipv6_network_count_together(enter):
    """Whoever holds a /64 gains nothing from its many addresses."""
    for number in range(8):
        with pytest.raises(Denied):
            await enter("officer", password="wrong", address=f"2001:db8::{number}")
    with pytest.raises(TooMany):
        await enter("officer", address="2001:db8::ffff")


async def test_an_idle_login_ends(database, clock, enter):
    """Two hours without a request sign out; activity before keeps it."""
    cookie, _ = await enter("officer")
    clock.advance(3600)
    assert await logins.authenticate(database, clock, cookie)
    clock.advance(7199)
    assert await logins.authenticate(database, clock, cookie)
    clock.advance(7200)
    assert await logins.authenticate(database, clock, cookie) is None


async def test_a_busy_login_ends_after_twelve_hours(database, clock, enter):
    """The absolute limit holds however busy somebody is."""
    cookie, _ = await enter("officer")
    for _ in range(11):
        clock.advance(3600)
        assert await logins.authenticate(database, clock, cookie)
    clock.advance(3600)
    assert await logins.authenticate(database, clock, cookie) is None


async def test_signing_out_ends_this_login_only(database, clock, enter):
    """One browser signs out, the other stays."""
    first, principal = await enter("officer")
    second, _ = await enter("officer")
    await logins.sign_out(database, clock, principal)
    assert await logins.authenticate(database, clock, first) is None
    assert await logins.authenticate(database, clock, second)
    assert (await tags(database))[-1] == "login.ended"


async def test_own_logins_are_listed_and_revoked(database, clock, enter):
    """The owner sees every browser and can end one, or all others."""
    first, principal = await enter("officer")
    second, other = await enter("officer")
    assert {login.id for login in await logins.my_logins(database, principal)} == {principal.login, other.login}
    await logins.revoke(database, clock, principal, other.login)
    assert await logins.authenticate(database, clock, second) is None
    await enter("officer")
    assert await logins.revoke_others(database, clock, principal) == 1
    assert await logins.authenticate(database, clock, first)


async def test_nobody_revokes_the_login_of_another(database, clock, enter):
    """Somebody else's login session looks as if there were none."""
    _, principal = await enter("officer")
    cookie, other = await enter("lawyer")
    with pytest.raises(NotFound):
        await logins.revoke(database, clock, principal, other.login)
    assert await logins.authenticate(database, clock, cookie)


async def test_a_suspended_person_is_out_at_once(database, clock, enter, site):
    """Suspension ends every login, and the next sign-in says why only after the right password."""
    cookie, _ = await enter("officer")
    admin = await site.principal(database, "admin")
    await administration.suspend(database, clock, admin, person=site.persons["officer"])
    assert await logins.authenticate(database, clock, cookie) is None
    with pytest.raises(Denied) as caught:
        await enter("officer")
    assert caught.value.code == "account-closed"
    with pytest.raises(Denied) as caught:
        await enter("officer", password="wrong")
    assert caught.value.code == "sign-in-failed"
    await administration.restore(database, clock, admin, person=site.persons["officer"])
    await enter("officer")


async def test_a_changed_password_ends_the_other_logins(database, clock, door, enter):
    """The old password is out, this browser stays, the others do not."""
    cookie, principal = await enter("officer")
    other, _ = await enter("officer")
    await logins.change_password(database, clock, door, principal, old=PASSWORD, new="four quiet river stones")
    assert await logins.authenticate(database, clock, cookie)
    assert await logins.authenticate(database, clock, other) is None
    with pytest.raises(Denied):
        await enter("officer")
    await enter("officer", password="four quiet river stones")


async def test_a_new_password_needs_the_old_one(database, clock, door, enter):
    """Whoever finds an open screen cannot take the account over."""
    _, principal = await enter("officer")
    with pytest.raises(Denied):
        await logins.change_password(database, clock, door, principal, old="wrong", new="four quiet river stones")


@pytest.mark.parametrize("new", ["short", "password123", "officer2026", "aaaaaaaaaaaa", "x" * 129])
async def test_a_guessable_password_is_refused(database, clock, door, enter, new):
    """Short, worn, derived or overlong passwords change nothing."""
    _, principal = await enter("officer")
    with pytest.raises(Invalid):
        await logins.change_password(database, clock, door, principal, old=PASSWORD, new=new)
    await enter("officer")


@pytest.mark.parametrize("cookie", [None, "", "x", "x" * 5000, "\x00", "é"])
async def test_a_strange_cookie_is_nobody(database, clock, site, cookie):
    """Garbage in the cookie is the same as none."""
    assert await logins.authenticate(database, clock, cookie) is None


async def test_the_language_is_remembered(database, clock, enter):
    """A chosen language follows the account to the next browser; an unknown one does not."""
    _, principal = await enter("officer")
    await logins.set_locale(database, principal, "en")
    await logins.set_locale(database, principal, "xx")
    _, principal = await enter("officer")
    assert principal.locale == "en"
