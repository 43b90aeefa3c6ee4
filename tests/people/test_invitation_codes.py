"""Codes around invitations prove a contact, replace a link, and tell real from forged."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from core.errors import Denied, Invalid, NotFound, TooMany
from people import invitation_codes, invitations
from people.invitations import NewInvitation
from people.models import Challenge, Invitation
from people.permissions import Relation
from tests.people.conftest import SESSION

HELD = frozenset({Relation.SELF})


class Letterbox:
    """A carrier that keeps what it carries."""

    def __init__(self):
        self.sent = []

    async def send(self, kind, to, text):
        self.sent.append((kind, to, text))

    @property
    def code(self):
        """The six digits of the newest message."""
        return self.sent[-1][2].split("，")[0].removeprefix("验证码 ").strip()


@pytest.fixture
def box():
    return Letterbox()


@pytest.fixture
def invite(database, clock, site, vault):
    """An invitation with a phone number; returns id and secret."""

    async def go(address="+86 138 0013 8000", kind="sms"):
        officer = await site.principal(database, "officer")
        wanted = NewInvitation(
            session=SESSION, role="witness", name="赵证人", valid_until=clock.now() + timedelta(hours=3)
        )
        async with database.transaction() as tx:
            id_, secret = await invitations.create(tx, clock, officer, HELD, wanted)
            if address:
                await invitation_codes.set_contact(tx, clock, vault, officer, HELD, id_, kind=kind, address=address)
        return id_, secret

    return go


@pytest.fixture
def ask(database, clock, door, vault, box):
    async def go(secret):
        return await invitation_codes.send_code(database, clock, door.throttle, vault, box, secret)

    return go


@pytest.fixture
def accept(database, clock, door, vault):
    async def go(secret, browser="", code=""):
        return await invitation_codes.accept(database, clock, door.throttle, vault, secret, browser=browser, code=code)

    return go


async def refused(awaitable):
    with pytest.raises((Denied, NotFound)) as caught:
        await awaitable
    return caught.value.code


async def test_the_code_comes_to_the_contact_and_opens_the_way(database, clock, invite, ask, accept, box):
    """Sent in the guest's language with who asks and how to check; typed, it lets this browser in."""
    _, secret = await invite()
    browser = await ask(secret)
    kind, to, text = box.sent[0]
    assert (kind, to) == ("sms", "+8613800138000")
    assert "东湖分局" in text
    assert "0571-81" in text
    cookie = await accept(secret, browser, f" {box.code[:3]} {box.code[3:]} ")
    assert (await invitations.authenticate_guest(database, clock, cookie)).session == SESSION


async def test_without_the_code_nobody_comes_in(database, clock, door, invite, accept):
    """Neither through the page for codes nor around it."""
    _, secret = await invite()
    assert (await invitations.look(database, clock, door.throttle, secret)).code_by == "sms"
    assert await refused(accept(secret)) == "code-needed"
    assert await refused(invitations.accept(database, clock, door.throttle, secret)) == "code-needed"


async def test_a_code_belongs_to_the_browser_that_asked(invite, ask, accept, box):
    """The code of one browser does not open another's way, nor another invitation."""
    _, secret = await invite()
    _, other_secret = await invite()
    first = await ask(secret)
    first_code = box.code
    second = await ask(secret)
    other = await ask(other_secret)
    assert first_code != box.code or first != second
    assert await refused(accept(secret, other, box.code)) == "challenge-over"
    if first_code != box.code:
        assert await refused(accept(secret, second, "000000" if first_code == "000000" else "x")) == "code-wrong"
    await accept(secret, first, first_code)


async def test_five_wrong_codes_end_it(invite, ask, accept, box):
    """After five tries the right code is worth nothing; a new one must be asked for."""
    _, secret = await invite()
    browser = await ask(secret)
    wrong = "000000" if box.code != "000000" else "000001"
    for _ in range(5):
        assert await refused(accept(secret, browser, wrong)) == "code-wrong"
    assert await refused(accept(secret, browser, box.code)) == "challenge-over"


async def test_five_codes_an_hour(invite, ask):
    """Nobody's phone is flooded."""
    _, secret = await invite()
    for _ in range(5):
        await ask(secret)
    with pytest.raises(TooMany):
        await ask(secret)


async def test_a_code_expires(invite, ask, accept, box, clock):
    """After ten minutes."""
    _, secret = await invite()
    browser = await ask(secret)
    clock.advance(600)
    assert await refused(accept(secret, browser, box.code)) == "challenge-over"


async def test_neither_code_nor_contact_is_readable_in_the_database(database, invite, ask, box):
    """The database alone gives neither."""
    await ask((await invite())[1])
    async with database.transaction(write=False) as tx:
        contact = (await tx.execute(select(Invitation.contact))).scalar_one()
        value = (await tx.execute(select(Challenge.value))).scalar_one()
    assert "138" not in contact
    assert box.code not in value


@pytest.mark.parametrize(
    ("kind", "address"),
    [("sms", "call me"), ("sms", "12"), ("mail", "x"), ("mail", "a@b.c,d@e.fg"), ("mail", "a@b.cn\nBcc: x@y.zz")],
)
async def test_an_unusable_contact_is_refused(invite, kind, address):
    """No message goes anywhere it was not meant to."""
    with pytest.raises(Invalid):
        await invite(address, kind)


async def test_a_short_code_stands_for_the_link(database, clock, door, site, vault, invite, accept):
    """Typed in any case and grouping it opens the same invitation; the link works too until accepted."""
    id_, secret = await invite(address="")
    officer = await site.principal(database, "officer")
    async with database.transaction() as tx:
        short = await invitation_codes.make_short(tx, clock, vault, officer, HELD, id_)
    typed = short.lower().replace("-", " ")
    view = await invitations.look(database, clock, door.throttle, typed, vault=vault)
    assert view.id == id_
    assert (await invitations.look(database, clock, door.throttle, secret, vault=vault)).id == id_
    await accept(typed)
    assert await refused(accept(typed)) == "invitation-used"


async def test_a_short_code_ends_with_reissue_and_revocation(database, clock, site, vault, invite, accept):
    """And a newer short code voids the older."""
    id_, _ = await invite(address="")
    officer = await site.principal(database, "officer")
    async with database.transaction() as tx:
        first = await invitation_codes.make_short(tx, clock, vault, officer, HELD, id_)
        second = await invitation_codes.make_short(tx, clock, vault, officer, HELD, id_)
        await invitations.reissue(tx, clock, officer, HELD, id_)
    for code in (first, second):
        assert await refused(accept(code)) == "invitation-unknown"


async def test_anybody_can_ask_whether_an_invitation_is_real(database, clock, door, site, invite):
    """Reference and officer's number together answer with unit and phone, and with nothing about the guest."""
    id_, _ = await invite()

    async def real(reference, number):
        return await invitation_codes.is_real(
            database, clock, door.throttle, reference=reference, officer_number=number
        )

    reference = invitation_codes.reference(id_)
    found = await real(reference.lower(), " N-officer ")
    assert (found.unit, found.unit_phone) == ("东湖分局", "0571-81")
    assert "赵" not in repr(found)
    for wrong in (
        (reference, "N-other"),
        (reference, ""),
        ("AAAAA-AAAAA", "N-officer"),
        ("", ""),
        ("%%%%%%%%%%", "N-officer"),
    ):
        assert await real(*wrong) is None
    clock.advance(3 * 3600)
    assert await real(reference, "N-officer") is None


async def test_a_withdrawn_invitation_is_no_longer_real(database, clock, door, site, invite):
    """It answers like one that never was."""
    id_, _ = await invite()
    officer = await site.principal(database, "officer")
    async with database.transaction() as tx:
        await invitations.revoke(tx, clock, officer, HELD, id_)
    reference = invitation_codes.reference(id_)
    assert (
        await invitation_codes.is_real(database, clock, door.throttle, reference=reference, officer_number="N-officer")
        is None
    )


async def test_asking_is_held_back(database, clock, door, site):
    """References cannot be tried by the thousand."""

    async def real():
        await invitation_codes.is_real(
            database, clock, door.throttle, reference="AAAAA-AAAAA", officer_number="1", address="192.0.2.5"
        )

    for _ in range(60):
        await real()
    with pytest.raises(TooMany):
        await real()
