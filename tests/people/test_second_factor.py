"""A code app makes the password half of a sign-in; recovery codes are the way back."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from sqlalchemy import select

from core.errors import Denied, TooMany
from people import second_factor
from people.models import CodeApp, RecoveryCode
from people.second_factor import matching_step
from tests.people.conftest import PASSWORD


@pytest.fixture
def app(database, clock, door, vault, enter):
    """Give the officer a code app; returns its TOTP and the recovery codes."""

    async def go(login="officer"):
        _, principal = await enter(login)
        uri = await second_factor.begin_app(database, clock, vault, principal, site="远见")
        totp = pyotp.TOTP(parse_qs(urlsplit(uri).query)["secret"][0])
        codes = await second_factor.confirm_app(database, clock, door, vault, principal, code=totp.at(clock.now()))
        clock.advance(30)
        return totp, codes

    return go


@pytest.fixture
def finish(database, clock, door, vault):
    async def go(pending, code):
        return await second_factor.finish(database, clock, door, vault, pending=pending, code=code)

    return go


async def pending_of(enter, login="officer"):
    with pytest.raises(Denied) as caught:
        await enter(login)
    assert caught.value.code == "code-needed"
    return caught.value.values["pending"]


async def refused(awaitable):
    with pytest.raises(Denied) as caught:
        await awaitable
    return caught.value.code


async def test_with_a_code_app_the_password_alone_is_half(enter, app, finish, clock):
    """The right code completes the sign-in."""
    totp, _ = await app()
    _, principal = await finish(await pending_of(enter), totp.at(clock.now()))
    assert principal.has("officer")


async def test_an_app_that_never_showed_a_code_is_not_asked_for(database, clock, vault, enter):
    """Nobody is locked out by a set-up they did not finish."""
    _, officer = await enter("officer")
    await second_factor.begin_app(database, clock, vault, officer, site="远见")
    await enter("officer")


async def test_a_code_works_once(enter, app, finish, clock):
    """Looked over the shoulder, it is worth nothing."""
    totp, _ = await app()
    code = totp.at(clock.now())
    await finish(await pending_of(enter), code)
    assert await refused(finish(await pending_of(enter), code)) == "code-wrong"


async def test_of_parallel_uses_of_one_code_one_wins(enter, app, finish, clock):
    """Five sign-ins with the same code at once: one gets in."""
    totp, _ = await app()
    pending = [await pending_of(enter) for _ in range(5)]
    code = totp.at(clock.now())
    results = await asyncio.gather(*(finish(one, code) for one in pending), return_exceptions=True)
    assert sum(not isinstance(result, BaseException) for result in results) == 1


async def test_five_wrong_codes_end_the_sign_in(enter, app, finish, clock):
    """After five tries even the right code must begin again."""
    totp, _ = await app()
    pending = await pending_of(enter)
    for _ in range(5):
        assert await refused(finish(pending, "000000")) == "code-wrong"
    assert await refused(finish(pending, totp.at(clock.now()))) == "challenge-over"


async def test_guessing_codes_over_many_sign_ins_is_held_back(enter, app, finish):
    """Knowing the password does not buy endless codes."""
    await app()
    pending = [await pending_of(enter) for _ in range(3)]
    for n in range(8):
        assert await refused(finish(pending[n // 4], "000000")) == "code-wrong"
    with pytest.raises(TooMany):
        await finish(pending[2], "000000")


async def test_a_pending_sign_in_expires_and_is_used_up(enter, app, finish, clock):
    """Five minutes, and once."""
    totp, _ = await app()
    pending = await pending_of(enter)
    clock.advance(300)
    assert await refused(finish(pending, totp.at(clock.now()))) == "challenge-over"
    pending = await pending_of(enter)
    await finish(pending, totp.at(clock.now()))
    clock.advance(30)
    assert await refused(finish(pending, totp.at(clock.now()))) == "challenge-over"


async def test_a_recovery_code_is_a_way_in_once(database, enter, app, finish):
    """However it is typed; another person's is none."""
    _, codes = await app()
    _, others = await app("lawyer")
    assert len(set(codes)) == 10
    await finish(await pending_of(enter), codes[0].upper().replace("-", " "))
    assert await refused(finish(await pending_of(enter), codes[0])) == "code-wrong"
    assert await refused(finish(await pending_of(enter), others[0])) == "code-wrong"
    _, principal = await finish(await pending_of(enter), codes[1])
    assert await second_factor.recovery_codes_left(database, principal) == 8


async def test_neither_secret_nor_recovery_codes_are_readable_in_the_database(database, app):
    """The database alone gives nobody a code."""
    totp, codes = await app()
    async with database.transaction(write=False) as tx:
        stored = (await tx.execute(select(CodeApp.secret))).scalar_one()
        hashes = " ".join((await tx.execute(select(RecoveryCode.hash))).scalars())
    assert totp.secret not in stored
    assert all(code.replace("-", "") not in hashes for code in codes)


async def test_removing_the_app_needs_fresh_proof(database, clock, door, vault, enter, app, finish):
    """And a code is such a proof."""
    from people import logins

    totp, _ = await app()
    cookie, officer = await finish(await pending_of(enter), totp.at(clock.now()))
    clock.advance(660)
    assert await refused(second_factor.remove_app(database, clock, officer)) == "step-up"
    half = second_factor.prove(database, clock, door, vault, officer, password=PASSWORD, code="")
    assert await refused(half) == "code-wrong"
    await second_factor.prove(database, clock, door, vault, officer, password=PASSWORD, code=totp.at(clock.now()))
    officer = await logins.authenticate(database, clock, cookie)
    await second_factor.remove_app(database, clock, officer, second_factor=False)
    await enter("officer")


@pytest.mark.parametrize("code", ["", "x" * 9999, "１２３４５６", "12345", "-00001", "\x00\x00\x00\x00\x00\x00"])
async def test_a_strange_code_is_wrong(enter, app, finish, code):
    """Whatever is typed gets the same answer."""
    await app()
    assert await refused(finish(await pending_of(enter), code)) == "code-wrong"


def test_a_phone_may_be_one_step_off():
    """One step earlier or later is accepted, two are not, and never one already used."""
    secret = pyotp.random_base32()
    totp, now = pyotp.TOTP(secret), 1_000_000_000
    step = now // 30
    for offset, found in ((-2, None), (-1, step - 1), (0, step), (1, step + 1), (2, None)):
        assert matching_step(secret, totp.generate_otp(step + offset), now, 0) == found
    assert matching_step(secret, totp.generate_otp(step), now, step) is None
