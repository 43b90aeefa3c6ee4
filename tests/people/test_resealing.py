"""Rotating a key loses nothing and leaves the old key nothing to open."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from sqlalchemy import select

from core.errors import OperatorError
from core.vault import Purpose
from people import invitation_codes, invitations, resealing, second_factor
from people.invitations import NewInvitation
from people.models import CodeApp, Invitation
from people.permissions import Relation
from tests.people.conftest import SESSION


async def test_a_rotated_sealing_key_is_the_only_one_left(database, clock, door, vault, enter, site):
    """Code apps and contacts go on working; what the old key sealed opens no more."""
    _, officer = await enter("officer")
    uri = await second_factor.begin_app(database, clock, vault, officer, site="远见")
    totp = pyotp.TOTP(parse_qs(urlsplit(uri).query)["secret"][0])
    async with database.transaction() as tx:
        wanted = NewInvitation(session=SESSION, role="witness", name="赵", valid_until=clock.now() + timedelta(hours=1))
        held = {Relation.SELF}
        id_, _ = await invitations.create(tx, clock, officer, held, wanted)
        await invitation_codes.set_contact(tx, clock, vault, officer, held, id_, kind="sms", address="13800138000")
        old = (await tx.execute(select(CodeApp.secret))).scalar_one()
    _, changed = await resealing.rotate(database, clock, vault, Purpose.SEAL)
    assert changed == 2
    assert len(vault.keys(Purpose.SEAL)) == 1
    assert await second_factor.confirm_app(database, clock, door, vault, officer, code=totp.at(clock.now()))
    async with database.transaction(write=False) as tx:
        contact = (await tx.execute(select(Invitation.contact))).scalar_one()
    assert vault.unseal(contact, f"invitation:{id_}") == b"13800138000"
    with pytest.raises(OperatorError):
        vault.unseal(old, f"code-app:{officer.id}")


async def test_rotating_codes_keeps_printed_ones(database, clock, door, vault, enter, site):
    """A short code in a letter still opens its invitation."""
    _, officer = await enter("officer")
    async with database.transaction() as tx:
        wanted = NewInvitation(session=SESSION, role="witness", name="赵", valid_until=clock.now() + timedelta(hours=1))
        id_, _ = await invitations.create(tx, clock, officer, {Relation.SELF}, wanted)
        short = await invitation_codes.make_short(tx, clock, vault, officer, {Relation.SELF}, id_)
    await resealing.rotate(database, clock, vault, Purpose.CODES)
    assert (await invitations.look(database, clock, door.throttle, short, vault=vault)).id == id_
