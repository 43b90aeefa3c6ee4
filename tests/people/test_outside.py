"""Single sign-on against a real provider: who is bound comes in, and no altered, foreign or replayed answer does."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from joserfc.jwk import RSAKey

from core import tls
from core.config import SingleSignOn
from core.errors import Conflict, Denied, NotFound, OperatorError, Unavailable
from people import administration, outside
from people.outside import Providers
from tests.people.provider import CLIENT, SECRET, Provider, unsigned

BACK = "http://localhost/signin/outside/police/back"


@pytest.fixture
async def provider(clock) -> AsyncIterator[Provider]:
    made = await Provider(clock).start()
    yield made
    await made.server.close()


@pytest.fixture
def providers(provider, clock) -> Providers:
    one = SingleSignOn(name="警务统一认证", issuer=provider.issuer, client_id=CLIENT, client_secret=SECRET)
    return Providers({"police": one}, clock)


@pytest.fixture
async def bound(database, clock, providers, site):
    """The officer is bound to ``u-4711`` by their administrator."""
    admin = await site.principal(database, "admin.branch")
    await outside.bind(database, clock, providers, admin, person=site.persons["officer"], subject="u-4711")


@pytest.fixture
def begin(database, clock, providers):
    async def go():
        return await outside.begin(database, clock, providers, "police", redirect=BACK, after="/book")

    return go


@pytest.fixture
def finish(database, clock, providers):
    async def go(cookie, answer, tree="police"):
        return await outside.finish(database, clock, providers, tree, cookie=cookie, answer=answer)

    return go


async def refused(awaitable):
    with pytest.raises(Denied) as caught:
        await awaitable
    return caught.value.code


async def test_who_is_bound_comes_in(provider, site, bound, begin, finish):
    """With their roles, on to the page asked for; discovery and keys are asked for once."""
    for _ in range(2):
        cookie, address = await begin()
        assert address.startswith(f"{provider.issuer}/authorize?")
        _, principal, after = await finish(cookie, provider.visit(address))
        assert (principal.id, principal.roles, after) == (site.persons["officer"], {"officer"}, "/book")
    assert (provider.asked.count("about"), provider.asked.count("keys")) == (1, 1)


async def test_who_is_not_bound_stays_outside(provider, database, begin, finish, enter):
    """A right token of a stranger opens nothing, even when it names a mail address we know."""
    provider.claims = lambda claims: claims | {"email": "officer", "preferred_username": "officer"}
    cookie, address = await begin()
    assert await refused(finish(cookie, provider.visit(address))) == "outside-unbound"


async def test_the_suspended_stay_outside(provider, database, clock, site, bound, begin, finish):
    """The provider may not know yet; we do."""
    admin = await site.principal(database, "admin.branch")
    await administration.suspend(database, clock, admin, person=site.persons["officer"])
    cookie, address = await begin()
    assert await refused(finish(cookie, provider.visit(address))) == "outside-unbound"


TOKENS = {
    "unsigned": lambda p: {"sign": unsigned},
    "public key as shared key": lambda p: {"sign": p.hs_with_public_key},
    "foreign key of the same name": lambda p: {"sign": p.foreign},
    "key in the header": lambda p: {"sign": p.with_own_header_key},
    "altered": lambda p: {"sign": lambda c: p.signed(c)[:-8] + "AAAAAAAA"},
    "no token": lambda p: {"sign": lambda c: ""},
    "wrong nonce": lambda p: {"claims": lambda c: c | {"nonce": "another"}},
    "no nonce": lambda p: {"claims": lambda c: {k: v for k, v in c.items() if k != "nonce"}},
    "wrong audience": lambda p: {"claims": lambda c: c | {"aud": "another-client"}},
    "several audiences": lambda p: {"claims": lambda c: c | {"aud": [CLIENT, "another-client"]}},
    "for another party": lambda p: {"claims": lambda c: c | {"azp": "another-client"}},
    "wrong issuer": lambda p: {"claims": lambda c: c | {"iss": "https://sso.evil.example"}},
    "expired": lambda p: {"claims": lambda c: c | {"exp": c["iat"] - 120}},
    "no expiry": lambda p: {"claims": lambda c: {k: v for k, v in c.items() if k != "exp"}},
    "of yesterday": lambda p: {"claims": lambda c: c | {"iat": c["iat"] - 86_400}},
    "of tomorrow": lambda p: {"claims": lambda c: c | {"iat": c["iat"] + 86_400}},
    "no subject": lambda p: {"claims": lambda c: c | {"sub": ""}},
    "subject that is no text": lambda p: {"claims": lambda c: c | {"sub": ["u-4711"]}},
}


@pytest.mark.parametrize("wrong", sorted(TOKENS))
async def test_no_wrong_token_is_believed(provider, bound, begin, finish, wrong):
    """One refusal for all of them."""
    for name, value in TOKENS[wrong](provider).items():
        setattr(provider, name, value)
    cookie, address = await begin()
    assert await refused(finish(cookie, provider.visit(address))) == "outside-refused"


async def test_a_code_works_once(provider, bound, begin, finish):
    """Neither in the same sign-on again, nor in another one (PKCE)."""
    cookie, address = await begin()
    answer = provider.visit(address)
    await finish(cookie, answer)
    assert await refused(finish(cookie, answer)) == "challenge-over"
    stolen = provider.visit((await begin())[1])
    cookie, address = await begin()
    mixed = provider.visit(address) | {"code": stolen["code"]}
    assert await refused(finish(cookie, mixed)) == "outside-refused"


async def test_a_sign_on_belongs_to_its_browser(provider, bound, begin, finish):
    """The answer to somebody else's sign-on signs nobody in as them: neither without a cookie nor with another."""
    _, theirs = await begin()
    mine, _ = await begin()
    assert await refused(finish("", provider.visit(theirs))) == "challenge-over"
    assert await refused(finish(mine, provider.visit(theirs))) == "outside-refused"


async def test_answers_of_another_provider_are_not_mixed_up(provider, database, clock, bound, begin, finish):
    """An answer that names another issuer, or none where the provider names itself, ends the sign-on."""
    for change in ({"iss": "https://sso.evil.example"}, {"iss": ""}):
        cookie, address = await begin()
        answer = {k: v for k, v in (provider.visit(address) | change).items() if v}
        assert await refused(finish(cookie, answer)) == "outside-refused"
    assert "token" not in provider.asked


async def test_a_sign_on_of_one_tree_ends_in_no_other(provider, database, clock, begin):
    """Begun with the police's provider it is worth nothing at the court's address."""
    one = SingleSignOn(name="警务统一认证", issuer=provider.issuer, client_id=CLIENT, client_secret=SECRET)
    both = Providers({"police": one, "court": one}, clock)
    cookie, address = await begin()
    answer = provider.visit(address)
    assert (
        await refused(outside.finish(database, clock, both, "court", cookie=cookie, answer=answer)) == "outside-refused"
    )


async def test_a_person_of_another_tree_does_not_come_in_through_this_one(
    provider, database, clock, site, begin, finish
):
    """A subject bound to a lawyer by the justice side is nobody at the police's provider."""
    one = SingleSignOn(name="司法", issuer=provider.issuer, client_id=CLIENT, client_secret=SECRET)
    admin = await site.principal(database, "admin.justice")
    person = site.persons["lawyer"]
    await outside.bind(database, clock, Providers({"justice": one}, clock), admin, person=person, subject="u-4711")
    cookie, address = await begin()
    assert await refused(finish(cookie, provider.visit(address))) == "outside-unbound"


async def test_a_late_answer_begins_again(provider, clock, bound, begin, finish):
    """Ten minutes, then the sign-on is over."""
    cookie, address = await begin()
    clock.advance(600)
    assert await refused(finish(cookie, provider.visit(address))) == "challenge-over"


async def test_new_keys_are_fetched_but_not_for_every_stranger(provider, clock, bound, begin, finish):
    """After the provider changed its key one more look is taken, at most once a minute."""
    cookie, address = await begin()
    await finish(cookie, provider.visit(address))
    clock.advance(61)
    provider.key = RSAKey.generate_key(2048, {"kid": "two", "use": "sig"})
    cookie, address = await begin()
    await finish(cookie, provider.visit(address))
    assert provider.asked.count("keys") == 2
    provider.sign = provider.with_own_header_key
    for _ in range(3):
        cookie, address = await begin()
        assert await refused(finish(cookie, provider.visit(address))) == "outside-refused"
    assert provider.asked.count("keys") == 2


async def test_a_description_of_somebody_else_is_not_believed(provider, begin):
    """Discovery must name the issuer of the settings."""
    provider.issuer_told = "https://sso.evil.example"
    with pytest.raises(Unavailable):
        await begin()


@pytest.mark.parametrize("told", ["{", "[]", "null", "[" * 5000, "x" * 300_000])
async def test_a_description_that_cannot_be_read_is_told_in_words(provider, begin, told):
    """Whatever comes back, the other ways in remain."""
    provider.told = told
    with pytest.raises(Unavailable):
        await begin()


async def test_a_provider_that_is_away_is_told_in_words(provider, begin, finish):
    """Nobody waits for ever; the other ways in remain."""
    cookie, address = await begin()
    answer = provider.visit(address)
    await provider.server.close()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(finish(cookie, answer), 60)


async def test_a_second_factor_can_be_asked_of_the_provider(provider, database, clock, bound):
    """With ``methods`` set the token must name one of them."""
    one = SingleSignOn(
        name="警务统一认证", issuer=provider.issuer, client_id=CLIENT, client_secret=SECRET, methods=("mfa",)
    )
    strict = Providers({"police": one}, clock)

    async def go():
        cookie, address = await outside.begin(database, clock, strict, "police", redirect=BACK, after="/")
        return await outside.finish(database, clock, strict, "police", cookie=cookie, answer=provider.visit(address))

    assert await refused(go()) == "outside-refused"
    provider.claims = lambda claims: claims | {"amr": ["pwd", "mfa"]}
    await go()


async def test_binding_is_for_administrators_of_the_tree_with_fresh_proof(database, clock, providers, site, bound):
    """Neither for others, nor twice the same subject, nor where the tree has no provider."""
    officer, reviewer = site.persons["officer"], site.persons["reviewer"]
    admin, justice = await site.principal(database, "admin"), await site.principal(database, "admin.justice")
    with pytest.raises(Conflict):
        await outside.bind(database, clock, providers, admin, person=reviewer, subject="u-4711")
    with pytest.raises(NotFound):
        await outside.bind(database, clock, providers, justice, person=site.persons["lawyer"], subject="x")
    with pytest.raises(Denied):
        await outside.unbind(database, clock, justice, person=officer)
    clock.advance(601)
    assert await refused(outside.unbind(database, clock, admin, person=officer)) == "step-up"


@pytest.mark.parametrize("issuer", ["http://sso.example.org", "https://sso.example.org?x=1", "ftp://x", "sso"])
def test_a_provider_is_reached_over_tls(issuer):
    """Plain HTTP is for this machine alone."""
    with pytest.raises(ValueError, match="issuer"):
        SingleSignOn(name="x", issuer=issuer, client_id="x")


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS1"])
def test_a_weak_algorithm_cannot_be_set(algorithm):
    """Neither none nor a shared key, by setting either."""
    with pytest.raises(ValueError, match="algorithms"):
        SingleSignOn(name="x", issuer="https://sso.example.org", client_id="x", algorithms=(algorithm,))


@pytest.fixture
async def secured(clock, tmp_path) -> AsyncIterator[Provider]:
    """A provider over TLS whose certificate comes from an authority of its own network."""
    made = tls.ensure(tmp_path / "tls", ("127.0.0.1", "localhost"), datetime.now(UTC))
    provider = await Provider(clock).start(tls.server_context(made.certificate, made.key))
    yield provider
    await provider.server.close()


@pytest.mark.parametrize("known", ["its own", "another", "the machine's"])
async def test_a_provider_is_known_by_its_certificate(secured, database, clock, tmp_path, known):
    """By the authority that the settings name, and by no other; the machine's own store does not know this one."""
    other = tls.ensure(tmp_path / "other", ("localhost",), datetime.now(UTC)).authority
    named = {"its own": tmp_path / "tls" / "ca.crt", "another": other, "the machine's": None}[known]
    one = SingleSignOn(name="x", issuer=secured.issuer, client_id=CLIENT, client_secret=SECRET, authorities=named)
    begun = outside.begin(database, clock, Providers({"police": one}, clock), "police", redirect=BACK, after="/")
    if known == "its own":
        assert (await begun)[1].startswith(f"{secured.issuer}/authorize?")
    else:
        with pytest.raises(Unavailable):
            await begun
        assert secured.asked == []


def test_authorities_that_cannot_be_read_stop_the_start(clock, tmp_path):
    """A file that is not there, and one that holds no certificate, each in words."""
    with pytest.raises(ValueError, match="no such file"):
        SingleSignOn(name="x", issuer="https://sso.example.org", client_id=CLIENT, authorities=tmp_path / "none")
    (tmp_path / "empty").write_text("no certificate")
    one = SingleSignOn(name="x", issuer="https://sso.example.org", client_id=CLIENT, authorities=tmp_path / "empty")
    with pytest.raises(OperatorError, match="holds no certificates"):
        Providers({"police": one}, clock)
