"""A join ticket opens one connection to one session, once, within half a minute, for who asked and while they may."""

import pytest

from core.errors import Denied
from people import administration, logins, tickets
from tests.people.conftest import SESSION


@pytest.fixture
def issue(database, clock):
    async def go(principal, session=SESSION, browser=None):
        async with database.transaction() as tx:
            return await tickets.issue(tx, clock, session=session, principal=principal, browser=browser)

    return go


@pytest.fixture
def spend(database, clock):
    async def go(ticket, session=SESSION, browsers=()):
        async with database.transaction() as tx:
            return await tickets.spend(tx, clock, session, ticket, browsers)

    return go


async def refused(spending):
    with pytest.raises(Denied) as caught:
        await spending
    return caught.value.code


async def test_a_ticket_brings_back_who_asked(enter, issue, spend):
    """The spender is the principal that asked."""
    _, officer = await enter("officer")
    assert await spend(await issue(officer)) == officer


async def test_a_ticket_works_once(enter, issue, spend):
    """The second use is refused."""
    _, officer = await enter("officer")
    ticket = await issue(officer)
    await spend(ticket)
    assert await refused(spend(ticket)) == "ticket-used"


async def test_a_ticket_expires_after_thirty_seconds(enter, issue, spend, clock):
    """At 30 s it is too late."""
    _, officer = await enter("officer")
    ticket = await issue(officer)
    clock.advance(30)
    assert await refused(spend(ticket)) == "ticket-expired"
    ticket = await issue(officer)
    clock.advance(29.9)
    await spend(ticket)


async def test_a_ticket_of_another_session_is_unknown_and_not_used_up(enter, issue, spend):
    """Trying a ticket elsewhere neither works nor costs its owner the way in."""
    _, officer = await enter("officer")
    ticket = await issue(officer)
    assert await refused(spend(ticket, "t" * 22)) == "ticket-unknown"
    await spend(ticket)


async def test_a_ticket_is_good_in_the_browser_that_asked_alone(enter, issue, spend):
    """Elsewhere, and without any cookie, it is refused and stays good for its owner."""
    _, officer = await enter("officer")
    ticket = await issue(officer, browser="b" * 64)
    assert await refused(spend(ticket)) == "ticket-foreign"
    assert await refused(spend(ticket, browsers={"c" * 64})) == "ticket-foreign"
    assert await spend(ticket, browsers={"a" * 64, "b" * 64}) == officer


@pytest.mark.parametrize("ticket", ["", "x", "é" * 50, "x" * 10_000])
async def test_an_invented_ticket_is_unknown(site, spend, ticket):
    """Garbage is refused with the code of an unknown ticket."""
    assert await refused(spend(ticket)) == "ticket-unknown"


async def test_an_altered_ticket_is_unknown(enter, issue, spend):
    """One other character is another ticket."""
    _, officer = await enter("officer")
    ticket = await issue(officer)
    assert await refused(spend(("A" if ticket[0] != "A" else "B") + ticket[1:])) == "ticket-unknown"


async def test_signing_out_withdraws_the_ticket(database, clock, enter, issue, spend):
    """A ticket ends with the login session that asked for it."""
    _, officer = await enter("officer")
    ticket = await issue(officer)
    await logins.sign_out(database, clock, officer)
    assert await refused(spend(ticket)) == "ticket-withdrawn"


async def test_suspension_withdraws_the_ticket(database, clock, site, enter, issue, spend):
    """Somebody suspended between asking and connecting stays out."""
    _, officer = await enter("officer")
    ticket = await issue(officer)
    admin = await site.principal(database, "admin")
    await administration.suspend(database, clock, admin, person=officer.id)
    assert await refused(spend(ticket)) == "ticket-withdrawn"


async def test_of_parallel_uses_one_wins(database, enter, issue, spend):
    """Twenty connections with one ticket: exactly one is let in."""
    import asyncio

    _, officer = await enter("officer")
    ticket = await issue(officer)
    results = await asyncio.gather(*(spend(ticket) for _ in range(20)), return_exceptions=True)
    assert sum(result == officer for result in results) == 1
    assert {result.code for result in results if result != officer} == {"ticket-used"}


async def test_a_try_elsewhere_leaves_the_ticket_even_when_it_is_committed(database, clock, enter, issue, spend):
    """The session is part of what is spent: a refusal whose transaction goes on to commit has used nothing up."""
    _, officer = await enter("officer")
    ticket = await issue(officer)
    async with database.transaction() as tx:
        with pytest.raises(Denied, match="ticket-unknown"):
            await tickets.spend(tx, clock, "t" * 22, ticket)
    assert await spend(ticket) == officer
