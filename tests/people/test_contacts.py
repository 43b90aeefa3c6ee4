"""Guests' phone numbers and mail addresses go when their time is over, and nothing is easier to accept for it."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from core import ledger
from core.errors import Denied
from core.jobs import Job, Worker
from people import contacts, invitation_codes, invitations
from people.invitations import NewInvitation
from people.models import Invitation
from people.permissions import Relation
from tests.people.conftest import SESSION

HELD = frozenset({Relation.SELF})


@pytest.fixture
def invite(database, clock, site, vault):
    """An invitation with a contact, valid for so many hours; returns id and secret."""

    async def go(hours):
        officer = await site.principal(database, "officer")
        until = clock.now() + timedelta(hours=hours)
        async with database.transaction() as tx:
            wanted = NewInvitation(session=SESSION, role="witness", name="赵", valid_until=until)
            id_, secret = await invitations.create(tx, clock, officer, HELD, wanted)
            await invitation_codes.set_contact(tx, clock, vault, officer, HELD, id_, kind="sms", address="13800138000")
        return id_, secret

    return go


async def contact_of(database, id_):
    async with database.transaction(write=False) as tx:
        found = await tx.get_one(Invitation, id_)
        return found.contact, found.contact_kind


async def test_a_contact_goes_thirty_days_after_the_invitation_and_the_ledger_tells(database, clock, invite):
    """Not a day before; one that is still valid stays."""
    old, _ = await invite(3)
    clock.advance(contacts.KEPT.total_seconds())
    new, _ = await invite(3)
    assert await contacts.forget(database, clock) == 0
    clock.advance(3 * 3600)
    assert await contacts.forget(database, clock) == 1
    assert await contact_of(database, old) == (None, "sms")
    assert (await contact_of(database, new))[0]
    async with database.transaction(write=False) as tx:
        found = await ledger.find(tx, ledger.Wanted(tag="invitation.contact-forgotten"))
    assert [entry.subject for entry in found] == [old]


async def test_the_worker_looks_by_itself_every_day_until_none_is_left(database, clock, invite):
    """Kept by the transaction that keeps the contact; afterwards nothing waits any more."""
    old, _ = await invite(3)
    worker = Worker(database, clock, contacts.handlers(database, clock))
    for _ in range(40):
        while await worker.run_one():
            pass
        clock.advance(24 * 3600)
    assert (await contact_of(database, old))[0] is None
    async with database.transaction(write=False) as tx:
        left = (await tx.execute(select(Job).where(Job.kind == contacts.JOB, Job.state != "done"))).scalars().all()
    assert left == []


async def test_without_its_contact_an_invitation_asks_for_the_code_all_the_same(database, clock, door, vault, invite):
    """Were one valid again, nobody would come in by the link alone."""
    id_, secret = await invite(3)
    async with database.transaction() as tx:
        (await tx.get_one(Invitation, id_)).contact = None
    with pytest.raises(Denied) as refused:
        await invitations.accept(database, clock, door.throttle, secret, vault=vault)
    assert refused.value.code == "code-needed"
    with pytest.raises(Denied) as refused:
        await invitation_codes.accept(database, clock, door.throttle, vault, secret, browser="", code="000000")
    assert refused.value.code == "code-needed"
