"""A passkey signs its owner in, at this site only, verified by its device, once per challenge."""

import pytest
from sqlalchemy import select

from core import ledger
from core.errors import Conflict, Denied, NotFound
from people import passkeys
from people.passkeys import RelyingParty, relying_party
from tests.people.authenticator import PRESENT, Authenticator

PARTY = RelyingParty("meet.example.org", "https://meet.example.org", "远见")


@pytest.fixture
def add(database, clock):
    """Add a passkey of an authenticator to a signed-in principal."""

    async def go(principal, authenticator, label="密钥"):
        secret, options = await passkeys.begin_adding(database, clock, principal, PARTY)
        made = authenticator.create(options)
        await passkeys.finish_adding(database, clock, principal, PARTY, secret=secret, credential=made, label=label)

    return go


@pytest.fixture
def sign_in(database, clock):
    async def go(authenticator):
        secret, options = await passkeys.begin_sign_in(database, clock, PARTY)
        made = authenticator.get(options)
        return await passkeys.finish_sign_in(database, clock, PARTY, secret=secret, credential=made)

    return go


async def refused(awaitable):
    with pytest.raises(Denied) as caught:
        await awaitable
    return caught.value.code


async def test_a_passkey_signs_its_owner_in(database, clock, enter, add, sign_in):
    """Without a name or password; the login session says by what."""
    _, officer = await enter("officer")
    key = Authenticator()
    await add(officer, key)
    key.count += 1
    _, principal = await sign_in(key)
    assert (principal.id, principal.roles) == (officer.id, officer.roles)
    assert [k.label for k in await passkeys.own(database, officer)] == ["密钥"]


async def test_several_passkeys_and_one_removed(database, clock, enter, add, sign_in):
    """Each works; a removed one does not; nobody removes another's."""
    _, officer = await enter("officer")
    _, lawyer = await enter("lawyer")
    first, second = Authenticator(), Authenticator()
    await add(officer, first)
    await add(officer, second, "备用")
    listed = await passkeys.own(database, officer)
    with pytest.raises(NotFound):
        await passkeys.remove(database, clock, lawyer, listed[0].id)
    await passkeys.remove(database, clock, officer, listed[0].id)
    first.count = second.count = 2
    assert await refused(sign_in(first)) == "passkey-refused"
    await sign_in(second)


async def test_adding_needs_fresh_proof(database, clock, enter):
    """Whoever finds an open screen adds no passkey to it."""
    _, officer = await enter("officer")
    clock.advance(601)
    assert await refused(passkeys.begin_adding(database, clock, officer, PARTY)) == "step-up"


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://meet.example.org.evil.test"},
        {"origin": "http://meet.example.org"},
        {"flags": PRESENT},
        {"flags": 0},
    ],
)
async def test_what_was_made_elsewhere_or_unverified_is_refused(enter, add, sign_in, wrong):
    """A look-alike site, plain HTTP, or a device that did not verify its user: neither added nor used."""
    _, officer = await enter("officer")
    assert await refused(add(officer, Authenticator(**wrong))) == "passkey-refused"
    key = Authenticator()
    await add(officer, key)
    key.count = 2
    for name, value in wrong.items():
        setattr(key, name, value)
    assert await refused(sign_in(key)) == "passkey-refused"


async def test_a_copied_key_is_noticed(database, enter, add, sign_in):
    """A counter that steps back is refused, and the refusal is in the ledger."""
    _, officer = await enter("officer")
    key = Authenticator(count=10)
    await add(officer, key)
    key.count = 9
    assert await refused(sign_in(key)) == "passkey-refused"
    async with database.transaction(write=False) as tx:
        last = (await tx.execute(select(ledger.Entry).order_by(ledger.Entry.number.desc()))).scalars().first()
    assert (last.tag, last.subject) == ("login.failed", officer.id)


async def test_another_key_with_the_same_id_is_refused(enter, add, sign_in):
    """Knowing a credential's id is not having its key."""
    _, officer = await enter("officer")
    key = Authenticator()
    await add(officer, key)
    assert await refused(sign_in(Authenticator(id=key.id, count=5))) == "passkey-refused"


async def test_a_challenge_works_once_and_for_its_purpose(database, clock, enter, add):
    """The same answer again, after five minutes, or for another purpose: begin again."""
    _, officer = await enter("officer")
    key = Authenticator()
    await add(officer, key)
    key.count = 2
    secret, options = await passkeys.begin_sign_in(database, clock, PARTY)
    answer = {"secret": secret, "credential": key.get(options)}
    assert await refused(passkeys.finish_proof(database, clock, officer, PARTY, **answer)) == "challenge-over"
    await passkeys.finish_sign_in(database, clock, PARTY, **answer)
    assert await refused(passkeys.finish_sign_in(database, clock, PARTY, **answer)) == "challenge-over"
    secret, options = await passkeys.begin_sign_in(database, clock, PARTY)
    clock.advance(300)
    late = {"secret": secret, "credential": key.get(options)}
    assert await refused(passkeys.finish_sign_in(database, clock, PARTY, **late)) == "challenge-over"


async def test_a_refused_answer_uses_the_challenge_up(database, clock, enter, add):
    """Nobody tries many signatures at one challenge."""
    _, officer = await enter("officer")
    key = Authenticator()
    await add(officer, key)
    secret, _options = await passkeys.begin_sign_in(database, clock, PARTY)
    for code in ("passkey-refused", "challenge-over"):
        trying = passkeys.finish_sign_in(database, clock, PARTY, secret=secret, credential="{}")
        assert await refused(trying) == code


async def test_proof_is_of_the_own_passkey(database, clock, enter, add):
    """A step-up takes the principal's passkey, never a colleague's."""
    cookie, officer = await enter("officer")
    _, lawyer = await enter("lawyer")
    mine, other = Authenticator(), Authenticator()
    await add(officer, mine)
    await add(lawyer, other)
    mine.count = other.count = 2
    clock.advance(700)
    for key, code in ((other, "passkey-refused"), (mine, None)):
        secret, options = await passkeys.begin_proof(database, clock, officer, PARTY)
        proving = passkeys.finish_proof(database, clock, officer, PARTY, secret=secret, credential=key.get(options))
        if code:
            assert await refused(proving) == code
        else:
            await proving
    from people import logins

    fresh = await logins.authenticate(database, clock, cookie)
    assert fresh.proved == clock.now()


@pytest.mark.parametrize(
    "credential", ["", "{}", "null", "[]", "[" * 30_000, '{"id":5}', '{"id":"x","rawId":"x","response":{}}', "\x00"]
)
async def test_garbage_is_refused(database, clock, site, credential):
    """Whatever is posted, the answer is one sentence and a code."""
    secret, _ = await passkeys.begin_sign_in(database, clock, PARTY)
    trying = passkeys.finish_sign_in(database, clock, PARTY, secret=secret, credential=credential)
    assert await refused(trying) == "passkey-refused"


async def test_one_passkey_belongs_to_one_person(enter, add):
    """The same credential cannot be added twice."""
    _, officer = await enter("officer")
    _, lawyer = await enter("lawyer")
    key = Authenticator()
    await add(officer, key)
    with pytest.raises(Conflict):
        await add(lawyer, key)


@pytest.mark.parametrize(
    ("url", "party"),
    [
        ("https://meet.example.org", ("meet.example.org", "https://meet.example.org")),
        ("http://localhost:8080", ("localhost", "http://localhost:8080")),
        ("http://127.0.0.1:8080", None),
        ("https://[2001:db8::1]", None),
    ],
)
def test_passkeys_need_a_name(url, party):
    """Browsers offer passkeys for host names only."""
    found = relying_party(url, "远见")
    assert (found and (found.id, found.origin)) == party
