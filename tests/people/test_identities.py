"""What was withdrawn is withdrawn for connections that stand already (F26)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from people import administration, identities, invitations, logins, store, terminals, tokens
from people.invitations import NewInvitation
from people.permissions import Relation
from people.terminals import Place
from tests.people.conftest import FACILITY, ROOM, SESSION


@pytest.fixture
def gone(database, clock):
    """Which of the principals may no longer act."""

    async def ask(*principals):
        async with database.transaction(write=False) as tx:
            return await identities.withdrawn(tx, clock.now(), principals)

    return ask


@pytest.fixture
async def everybody(database, clock, door, site, enter):
    """One principal of each kind: officer, guest, terminal, token."""
    _, officer = await enter("officer")
    async with database.transaction() as tx:
        wanted = NewInvitation(session=SESSION, role="witness", name="赵", valid_until=clock.now() + timedelta(hours=3))
        _, secret = await invitations.create(tx, clock, officer, {Relation.SELF}, wanted)
    cookie = await invitations.accept(database, clock, door.throttle, secret)
    guest = await invitations.authenticate_guest(database, clock, cookie)
    duty = await site.principal(database, "duty")
    pairing = await terminals.begin(database, clock, door.throttle)
    place = Place(room=ROOM, facility=FACILITY, label="会见室 1")
    await terminals.confirm(database, clock, door.throttle, duty, code=pairing.code, place=place)
    terminal = await terminals.authenticate_terminal(database, await terminals.collect(database, clock, pairing.device))
    token = await tokens.authenticate_token(
        database, clock, await tokens.issue_token(database, clock, name="t", lasts=timedelta(hours=1))
    )
    return officer, guest, terminal, token


async def test_nobody_is_gone_without_a_reason(gone, everybody):
    """All four kinds stand; asking about nobody is fine."""
    assert await gone(*everybody) == frozenset()
    assert await gone() == frozenset()


async def test_each_kind_goes_for_its_own_reason(database, clock, site, gone, everybody):
    """Sign-out, revocation, and time."""
    officer, guest, terminal, token = everybody
    await logins.sign_out(database, clock, officer)
    assert await gone(*everybody) == {officer}
    duty = await site.principal(database, "duty")
    await terminals.revoke(database, clock, duty, terminal.id)
    assert await gone(*everybody) == {officer, terminal}
    clock.advance(3600)
    assert await gone(*everybody) == {officer, terminal, token}
    clock.advance(2 * 3600)
    assert await gone(*everybody) == {officer, guest, terminal, token}


async def test_a_role_taken_back_closes_what_stands(database, clock, site, enter, gone):
    """Nobody goes on as an officer or at a post that was taken back."""
    admin = await site.principal(database, "admin")
    for login in ("officer", "duty"):
        _, principal = await enter(login)
        assert await gone(principal) == frozenset()
        async with database.transaction(write=False) as tx:
            grant = (await store.grants(tx, principal.id))[0].id
        await administration.revoke_role(database, clock, admin, grant=grant)
        assert await gone(principal) == {principal}


async def test_a_new_role_closes_nothing(database, clock, site, enter, gone):
    """Getting more is no reason to be thrown out."""
    _, officer = await enter("officer")
    admin = await site.principal(database, "admin")
    await administration.grant_role(database, clock, admin, person=officer.id, role="reviewer")
    assert await gone(officer) == frozenset()


async def test_invented_principals_do_not_stand(gone, everybody):
    """An id of another kind, another room, or no login session is nobody."""
    officer, guest, terminal, _ = everybody
    invented = {replace(officer, login=None), replace(guest, id=officer.id), replace(terminal, room="x")}
    assert await gone(*invented) == invented


async def test_a_long_session_is_not_cut_by_the_limits_of_its_login(database, clock, enter, gone):
    """Fourteen hours into a questioning the officer is still connected, though the cookie needs a new sign-in."""
    cookie, officer = await enter("officer")
    clock.advance(14 * 3600)
    assert await gone(officer) == frozenset()
    assert await logins.authenticate(database, clock, cookie) is None
