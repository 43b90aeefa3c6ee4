"""Rotating a key loses nothing and leaves the old key nothing to open."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from sqlalchemy import select

from core import ledger
from core.checkpoints import Log
from core.errors import OperatorError
from core.ledger import Wanted
from core.vault import Purpose
from people import invitation_codes, invitations, resealing, second_factor
from people.invitations import NewInvitation
from people.models import Card, CodeApp, Invitation, RecoveryCode
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


async def test_older_keys_of_codes_are_forgotten_when_nothing_is_under_them(database, clock, vault, enter, site):
    """Recovery codes, cards and short codes of before stand in the way and are counted; said twice, they are void."""
    _, officer = await enter("officer")
    async with database.transaction() as tx:
        wanted = NewInvitation(session=SESSION, role="witness", name="赵", valid_until=clock.now() + timedelta(hours=1))
        id_, _ = await invitations.create(tx, clock, officer, {Relation.SELF}, wanted)
        await invitation_codes.make_short(tx, clock, vault, officer, {Relation.SELF}, id_)
        tx.add(Card(person=officer.id, hash=vault.code_hashes("04A1B2C3", "card")[0], created=clock.now()))
    await second_factor.renew_recovery_codes(database, clock, vault, officer)
    clock.advance(60)
    await resealing.rotate(database, clock, vault, Purpose.CODES)
    with pytest.raises(OperatorError, match="10 recovery codes, 1 cards and 1 short codes"):
        await resealing.forget_codes(database, clock, vault)
    assert len(vault.keys(Purpose.CODES)) == 2
    gone = await resealing.forget_codes(database, clock, vault, even_so=True)
    assert (gone.recovery_codes, gone.cards, gone.invitations, len(vault.keys(Purpose.CODES))) == (10, 1, 1, 1)
    assert await second_factor.recovery_codes_left(database, officer) == 0
    async with database.transaction(write=False) as tx:
        assert (await tx.execute(select(Card))).first() is None
        assert (await tx.execute(select(Invitation.short))).scalar_one() is None


async def test_codes_of_the_new_key_stand_in_nobodys_way(database, clock, vault, enter):
    """Once people have renewed theirs the older key goes, and what they hold works on."""
    _, officer = await enter("officer")
    await second_factor.renew_recovery_codes(database, clock, vault, officer)
    clock.advance(60)
    await resealing.rotate(database, clock, vault, Purpose.CODES)
    clock.advance(60)
    codes = await second_factor.renew_recovery_codes(database, clock, vault, officer)
    assert not await resealing.forget_codes(database, clock, vault)
    assert await second_factor.recovery_codes_left(database, officer) == len(codes)
    hashed = vault.code_hashes(codes[0].replace("-", ""), f"recovery:{officer.id}")
    async with database.transaction(write=False) as tx:
        assert (await tx.execute(select(RecoveryCode).where(RecoveryCode.hash.in_(hashed)))).first()


async def test_the_ledgers_older_key_goes_after_the_new_one_has_signed(database, clock, vault, tmp_path):
    """Not while the newest head opens by the old key alone; afterwards signing goes on."""
    log = Log(database, tmp_path / "ledger", vault)
    async with database.transaction() as tx:
        await ledger.append(tx, "test.done", actor="a", subject="s", at=clock.now())
    await log.advance(clock)
    await resealing.rotate(database, clock, vault, Purpose.LEDGER)
    rotated = Log(database, tmp_path / "ledger", vault)
    with pytest.raises(OperatorError, match="not signed by the new key"):
        await resealing.forget_ledger(database, clock, vault, rotated)
    await rotated.advance(clock)
    await resealing.forget_ledger(database, clock, vault, rotated)
    assert len(vault.keys(Purpose.LEDGER)) == 1
    alone = Log(database, tmp_path / "ledger", vault)
    assert (await alone.advance(clock, thorough=True)).size == (await alone.advance(clock)).size > 1
    async with database.transaction(write=False) as tx:
        assert (await ledger.find(tx, Wanted(tag="secret.forgotten"), 5))[0].subject == "ledger"
