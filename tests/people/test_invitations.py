"""An invitation brings one guest to one session: looked at freely, accepted once, ended at once."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from core.errors import Denied, Invalid, NotFound, TooMany
from core.ids import hash_secret
from people import identities, invitations
from people.invitations import NewInvitation
from people.models import Invitation
from people.permissions import Relation
from tests.people.conftest import SESSION

HELD = frozenset({Relation.SELF})


@pytest.fixture
def invite(database, clock, site):
    """Invite a witness in the officer's name; returns id and secret."""

    async def go(who="officer", **more):
        officer = await site.principal(database, who)
        wanted = {
            "session": SESSION,
            "role": "witness",
            "name": "赵证人",
            "valid_until": clock.now() + timedelta(hours=3),
        } | more
        async with database.transaction() as tx:
            return await invitations.create(tx, clock, officer, HELD, NewInvitation(**wanted))

    return go


@pytest.fixture
def guest(database, clock, door, invite):
    """An accepted invitation: id, secret, cookie and principal."""

    async def go():
        id_, secret = await invite()
        cookie = await invitations.accept(database, clock, door.throttle, secret)
        return id_, secret, cookie, await invitations.authenticate_guest(database, clock, cookie)

    return go


async def code_of(awaitable):
    with pytest.raises((Denied, NotFound)) as caught:
        await awaitable
    return caught.value.code


async def test_an_invitation_says_who_asks(database, clock, door, invite):
    """The view names the guest, the officer with number, and the unit with its phone to check by."""
    _, secret = await invite()
    view = await invitations.look(database, clock, door.throttle, secret)
    assert (view.name, view.officer_name, view.officer_number) == ("赵证人", "王officer", "N-officer")
    assert (view.unit, view.unit_phone) == ("东湖分局", "0571-81")


async def test_looking_consumes_nothing(database, clock, door, invite):
    """Link previews and several browsers may look; the invitation can still be accepted."""
    _, secret = await invite()
    for _ in range(5):
        assert (await invitations.look(database, clock, door.throttle, secret)).state == "open"
    await invitations.accept(database, clock, door.throttle, secret)


async def test_only_hashes_are_stored(database, clock, guest):
    """Neither the link's secret nor the cookie can be read from the database."""
    _, secret, cookie, _ = await guest()
    async with database.transaction(write=False) as tx:
        row = (await tx.execute(select(Invitation))).scalar_one()
    assert (row.secret, row.cookie) == (hash_secret(secret), hash_secret(cookie))


async def test_accepting_binds_one_browser(database, clock, door, guest):
    """The guest's principal is for that session only; the link is used up for others but still explains itself."""
    id_, secret, _, principal = await guest()
    assert (principal.kind, principal.id, principal.session) == ("guest", id_, SESSION)
    assert principal.roles == {"guest"}
    assert await code_of(invitations.accept(database, clock, door.throttle, secret)) == "invitation-used"
    assert (await invitations.look(database, clock, door.throttle, secret)).state == "accepted"


async def test_of_parallel_acceptances_one_wins(database, clock, door, invite):
    """Ten browsers at once: one gets the cookie."""
    _, secret = await invite()
    accepting = (invitations.accept(database, clock, door.throttle, secret) for _ in range(10))
    results = await asyncio.gather(*accepting, return_exceptions=True)
    assert sum(isinstance(result, str) for result in results) == 1
    assert {result.code for result in results if not isinstance(result, str)} == {"invitation-used"}


async def test_the_window_of_validity(database, clock, door, invite):
    """Before it, looking says from when; after it, that it has expired; the cookie ends with it."""
    _, secret = await invite(valid_from=clock.now() + timedelta(hours=1))
    look = invitations.look
    assert await code_of(look(database, clock, door.throttle, secret)) == "invitation-early"
    clock.advance(3600)
    cookie = await invitations.accept(database, clock, door.throttle, secret)
    clock.advance(2 * 3600 - 1)
    assert await invitations.authenticate_guest(database, clock, cookie)
    clock.advance(1)
    assert await invitations.authenticate_guest(database, clock, cookie) is None
    assert await code_of(look(database, clock, door.throttle, secret)) == "invitation-expired"


async def test_a_longer_session_keeps_its_guests(database, clock, guest):
    """Extending moves the end of the session's invitations, never backwards."""
    _, _, cookie, _ = await guest()
    async with database.transaction() as tx:
        await invitations.extend(tx, SESSION, clock.now() + timedelta(hours=5))
        await invitations.extend(tx, SESSION, clock.now() + timedelta(hours=1))
    clock.advance(4 * 3600)
    assert await invitations.authenticate_guest(database, clock, cookie)


async def test_revoking_ends_link_and_browser(database, clock, door, site, guest):
    """After a revocation neither the link nor the accepted browser works."""
    id_, secret, cookie, principal = await guest()
    officer = await site.principal(database, "officer")
    async with database.transaction() as tx:
        await invitations.revoke(tx, clock, officer, (), id_)
    assert await invitations.authenticate_guest(database, clock, cookie) is None
    assert await code_of(invitations.look(database, clock, door.throttle, secret)) == "invitation-withdrawn"
    async with database.transaction(write=False) as tx:
        assert await identities.withdrawn(tx, clock.now(), [principal]) == {principal}


async def test_reissuing_gives_a_new_link_and_ends_the_old(database, clock, door, site, guest):
    """A lost phone: the new link works, the old link and its browser do not."""
    id_, old, cookie, _ = await guest()
    officer = await site.principal(database, "officer")
    async with database.transaction() as tx:
        new = await invitations.reissue(tx, clock, officer, (), id_)
    assert await invitations.authenticate_guest(database, clock, cookie) is None
    assert await code_of(invitations.look(database, clock, door.throttle, old)) == "invitation-unknown"
    await invitations.accept(database, clock, door.throttle, new)


@pytest.mark.parametrize("who", ["lawyer", "duty", "admin", "reviewer"])
async def test_only_officers_invite(invite, who):
    """Whoever else asks is refused."""
    with pytest.raises(Denied):
        await invite(who)


async def test_an_unrelated_officer_touches_no_invitation(database, clock, door, site, invite):
    """Another officer neither revokes nor reissues, whatever relation to themselves they bring."""
    from people import administration

    id_, _ = await invite()
    admin = await site.principal(database, "admin")
    await administration.grant_role(database, clock, admin, person=site.persons["reviewer"], role="officer")
    other = await site.principal(database, "reviewer")
    for act in (invitations.revoke, invitations.reissue):
        async with database.transaction() as tx:
            with pytest.raises(Denied):
                await act(tx, clock, other, HELD, id_)


async def test_an_invitation_that_is_over_before_it_begins_is_refused(clock, invite):
    """The window must lie ahead."""
    with pytest.raises(Invalid):
        await invite(valid_until=clock.now())


async def test_the_guest_confirms_or_denies_the_name(database, clock, guest):
    """What the guest says of the name is kept for the officer."""
    _, _, _, principal = await guest()
    assert (await invitations.view(database, principal)).name_confirmed is None
    await invitations.confirm_name(database, clock, principal, is_me=False)
    assert (await invitations.view(database, principal)).name_confirmed == "no"


@pytest.mark.parametrize("secret", ["", "x", "x" * 5000, "\x00", "é"])
async def test_an_invented_secret_is_unknown(database, clock, door, site, secret):
    """Garbage is answered like any unknown invitation."""
    assert await code_of(invitations.look(database, clock, door.throttle, secret)) == "invitation-unknown"


async def test_guessing_links_is_held_back(database, clock, door, site):
    """An address that tries many secrets has to wait."""
    guesses = [invitations.look(database, clock, door.throttle, f"g{n}", address="192.0.2.66") for n in range(61)]
    results = await asyncio.gather(*guesses, return_exceptions=True)
    assert [type(result) for result in results] == [NotFound] * 60 + [TooMany]


async def test_an_accepted_invitation_is_not_usable_again(database, clock, guest):
    """Looked at directly, without the update behind it: accepted is refused, and shown only to whoever asks for it."""
    _, secret, _, _ = await guest()
    async with database.transaction(write=False) as tx:
        with pytest.raises(Denied, match="invitation-used"):
            await invitations.usable(tx, clock, secret, vault=None, accepted=False)
        assert (await invitations.usable(tx, clock, secret, vault=None, accepted=True)).state == "accepted"


@pytest.mark.parametrize("state", ["open", "revoked"])
async def test_a_cookie_counts_only_while_the_invitation_is_accepted(database, clock, guest, state):
    """Even a cookie that was left behind by mistake opens nothing."""
    _, _, cookie, _ = await guest()
    async with database.transaction() as tx:
        await tx.execute(update(Invitation).values(state=state))
    assert await invitations.authenticate_guest(database, clock, cookie) is None
