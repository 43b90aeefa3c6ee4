"""At a shared desk a PIN changes the person, for colleagues of the day, and proves nothing more."""

import pytest

from core.errors import Denied, Invalid, TooMany
from people import administration, logins, switching
from people.administration import Registration

PIN = "739146"


@pytest.fixture
def desk(database, clock, door, site, enter):
    """A colleague of the officer, with a PIN, signed in fully this morning."""

    async def go():
        admin = await site.principal(database, "admin.branch")
        wanted = Registration(organisation=site.branch, name="陈同事", login="chen", password="seven small green pears")
        await administration.register(database, clock, door, admin, wanted)
        _, chen = await enter("chen", password="seven small green pears")
        await switching.set_pin(database, clock, door, chen, pin=PIN)
        await logins.sign_out(database, clock, chen)
        return await enter("officer"), chen

    return go


@pytest.fixture
def switch(database, clock, door, vault):
    async def go(principal, login, pin):
        return await switching.switch(database, clock, door, vault, principal, who=login, pin=pin, second_factor=False)

    return go


async def refused(awaitable):
    with pytest.raises(Denied) as caught:
        await awaitable
    return caught.value.code


async def test_a_colleague_takes_over(database, clock, desk, switch):
    """The desk is theirs, the one before is out."""
    (cookie, officer), chen = await desk()
    new_cookie, principal = await switch(officer, "Chen", PIN)
    assert principal.id == chen.id
    assert await logins.authenticate(database, clock, new_cookie)
    assert await logins.authenticate(database, clock, cookie) is None


async def test_a_switch_is_no_fresh_proof(database, clock, door, desk, switch):
    """What needs a step-up still needs one."""
    (_, officer), _ = await desk()
    _, principal = await switch(officer, "chen", PIN)
    assert await refused(switching.set_pin(database, clock, door, principal, pin="918273")) == "step-up"


async def test_a_pin_of_yesterday_needs_a_full_sign_in_first(clock, desk, switch, enter):
    """Twelve hours after the last full sign-in the PIN is asleep."""
    await desk()
    clock.advance(12 * 3600)
    _, officer = await enter("officer")
    assert await refused(switch(officer, "chen", PIN)) == "switch-failed"


@pytest.mark.parametrize(("login", "pin"), [("chen", "000001"), ("nobody", PIN), ("lawyer", PIN), ("officer", PIN)])
async def test_every_failure_looks_the_same(enter, desk, switch, login, pin):
    """A wrong PIN, an unknown name, another organisation, oneself: one answer."""
    (_, officer), _ = await desk()
    await enter("lawyer")
    assert await refused(switch(officer, login, pin)) == "switch-failed"


async def test_guessing_pins_is_held_back(desk, switch):
    """Eight tries, then the right PIN must wait too."""
    (_, officer), _ = await desk()
    for _ in range(8):
        assert await refused(switch(officer, "chen", "000001")) == "switch-failed"
    with pytest.raises(TooMany):
        await switch(officer, "chen", PIN)


async def test_a_suspension_puts_the_pin_to_sleep(database, clock, site, desk, switch, enter):
    """Somebody suspended and restored signs in fully before a PIN works again."""
    (_, officer), chen = await desk()
    clock.advance(60)
    await enter("chen", password="seven small green pears")
    admin = await site.principal(database, "admin.branch")
    await administration.suspend(database, clock, admin, person=chen.id)
    await administration.restore(database, clock, admin, person=chen.id)
    assert await refused(switch(officer, "chen", PIN)) == "switch-failed"


@pytest.mark.parametrize(
    "pin", ["12345", "123456", "654321", "111111", "112112", "abcdef", "1234567890123", "６７８９０１"]
)
async def test_a_weak_pin_is_refused(database, clock, door, enter, pin):
    """Rows, repetitions, too short, too long, no digits."""
    _, officer = await enter("officer")
    with pytest.raises(Invalid):
        await switching.set_pin(database, clock, door, officer, pin=pin)
