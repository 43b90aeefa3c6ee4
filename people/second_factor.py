"""Codes beside the password: a TOTP app (RFC 6238), and recovery codes for the day the phone is lost."""

import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import replace

import pyotp
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Denied
from core.vault import Vault
from people import challenges, logins, stepup, throttle, ways
from people.challenges import Purpose
from people.logins import Door
from people.models import Account, CodeApp, RecoveryCode
from people.owing import Method
from people.permissions import require_fresh
from people.principals import Principal

STEP = 30
_DRIFT = (0, -1, 1)
"""Steps by which the clock of a phone may differ."""
_TRIES = 5
_RECOVERY_CODES = 10
_RECOVERY_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


async def begin_app(database: Database, clock: Clock, vault: Vault, principal: Principal, *, site: str) -> str:
    """Return the ``otpauth://`` address to show as a QR code; the app counts once ``confirm_app`` saw a code of it."""
    now = clock.now()
    require_fresh(principal, now)
    secret = pyotp.random_base32(32)
    sealed = vault.seal(secret.encode(), _context(principal.id))
    async with database.transaction() as tx:
        account = await tx.get_one(Account, principal.id)
        existing = await tx.get(CodeApp, principal.id)
        if existing is not None and existing.confirmed is not None:
            raise Denied("app-exists", "You have a code app already. Remove it first.")
        await tx.execute(delete(CodeApp).where(CodeApp.person == principal.id))
        tx.add(CodeApp(person=principal.id, secret=sealed, created=now))
    return pyotp.TOTP(secret).provisioning_uri(name=account.login, issuer_name=site)


async def pending_app(database: Database, vault: Vault, principal: Principal, *, site: str) -> str | None:
    """The address of a set-up that waits for its first code, to be shown again; ``None`` when there is none."""
    async with database.transaction(write=False) as tx:
        account, app = await tx.get_one(Account, principal.id), await tx.get(CodeApp, principal.id)
    if app is None or app.confirmed is not None:
        return None
    secret = vault.unseal(app.secret, _context(principal.id)).decode()
    return pyotp.TOTP(secret).provisioning_uri(name=account.login, issuer_name=site)


async def confirm_app(
    database: Database, clock: Clock, door: Door, vault: Vault, principal: Principal, *, code: str
) -> Sequence[str]:
    """Switch the app on with a code of it; return the recovery codes, which are shown once."""
    door.throttle.take(throttle.SECOND_STEP, principal.id)
    async with database.transaction() as tx:
        if not await _app_code(tx, clock, vault, principal.id, code, confirmed=False):
            raise _wrong()
        await tx.execute(update(CodeApp).where(CodeApp.person == principal.id).values(confirmed=clock.now()))
        await ledger.append(tx, "code-app.added", actor=principal.id, subject=principal.id, at=clock.now())
        door.throttle.forgive(throttle.SECOND_STEP, principal.id)
        await logins.strengthen(tx, clock, principal, Method.TOTP)
        return await _new_recovery_codes(tx, clock, vault, principal.id)


async def remove_app(database: Database, clock: Clock, principal: Principal, *, second_factor: bool = True) -> None:
    """Forget the app and the recovery codes. Raises ``Conflict("last-factor")`` when too little would be left."""
    require_fresh(principal, clock.now())
    async with database.transaction() as tx:
        ways.check_left(replace(await ways.of(tx, principal.id), app=False), second_factor=second_factor)
        await tx.execute(delete(CodeApp).where(CodeApp.person == principal.id))
        await tx.execute(delete(RecoveryCode).where(RecoveryCode.person == principal.id))
        await ledger.append(tx, "code-app.removed", actor=principal.id, subject=principal.id, at=clock.now())


async def renew_recovery_codes(database: Database, clock: Clock, vault: Vault, principal: Principal) -> Sequence[str]:
    """Return new recovery codes; the old ones no longer work."""
    require_fresh(principal, clock.now())
    async with database.transaction() as tx:
        await ledger.append(tx, "recovery-codes.renewed", actor=principal.id, subject=principal.id, at=clock.now())
        return await _new_recovery_codes(tx, clock, vault, principal.id)


async def finish(
    database: Database,
    clock: Clock,
    door: Door,
    vault: Vault,
    *,
    pending: str,
    code: str,
    address: str = "",
    agent: str = "",
) -> tuple[str, Principal]:
    """Complete a sign-in that asked for a code; return cookie and principal.

    Raises ``Denied("code-wrong")``, after five of them ``Denied("challenge-over")``; ``TooMany``.
    """
    async with database.transaction() as tx:
        asked = await challenges.attempt(tx, clock, Purpose.SECOND_STEP, pending, _TRIES)
    person = str(asked.subject)
    method = await check(database, clock, door, vault, person, code)
    async with database.transaction() as tx:
        await challenges.take(tx, clock, Purpose.SECOND_STEP, pending)
    return await logins.start(database, clock, person, method=method, address=address, agent=agent)


async def prove(
    database: Database, clock: Clock, door: Door, vault: Vault, principal: Principal, *, password: str, code: str
) -> None:
    """Step up with the password and, where the account has a code app, a code. Raises ``Denied`` or ``TooMany``."""
    door.throttle.take(throttle.SECOND_STEP, principal.id)
    if not await logins.check_password(database, door, principal.id, password):
        raise Denied("password-wrong", "The present password is not right.", field="password")
    method = Method.PASSWORD
    if await has_app(database, principal):
        method = await check(database, clock, door, vault, principal.id, code)
    door.throttle.forgive(throttle.SECOND_STEP, principal.id)
    async with database.transaction() as tx:
        await stepup.proved(tx, clock, principal, method)


async def has_app(database: Database, principal: Principal) -> bool:
    """Whether the principal has a code app that has shown that it works."""
    async with database.transaction(write=False) as tx:
        app = await tx.get(CodeApp, principal.id)
    return app is not None and app.confirmed is not None


async def check(database: Database, clock: Clock, door: Door, vault: Vault, person: str, code: str) -> Method:
    """Use up a code and return ``TOTP`` or ``RECOVERY``. Raises ``Denied("code-wrong")``, ``TooMany``."""
    door.throttle.take(throttle.SECOND_STEP, person)
    now = clock.now()
    method: Method | None
    async with database.transaction() as tx:
        if await _app_code(tx, clock, vault, person, code, confirmed=True):
            method = Method.TOTP
        elif await _recovery_code(tx, clock, vault, person, code):
            method = Method.RECOVERY
            await ledger.append(tx, "recovery-code.used", actor=person, subject=person, at=now)
        else:
            method = None
            await ledger.append(tx, "login.code-wrong", actor="unknown", subject=person, at=now)
    if method is None:
        raise _wrong()
    door.throttle.forgive(throttle.SECOND_STEP, person)
    return method


def matching_step(secret: str, code: str, unix_time: int, last_step: int) -> int | None:
    """The time step whose code is ``code``, later than ``last_step`` and at most one off; ``None`` when there is none.

    Every candidate is compared, so that the time taken tells nothing (RFC 6238 5.2).
    """
    totp, found = pyotp.TOTP(secret, interval=STEP), None
    for drift in _DRIFT:
        step = unix_time // STEP + drift
        right = hmac.compare_digest(totp.generate_otp(step).encode(), code.encode())
        if right and step > last_step and found is None:
            found = step
    return found


async def _app_code(tx: AsyncSession, clock: Clock, vault: Vault, person: str, code: str, *, confirmed: bool) -> bool:
    app = await tx.get(CodeApp, person)
    digits = re.sub(r"\s", "", code[:32])
    if app is None or (app.confirmed is not None) != confirmed or not re.fullmatch(r"[0-9]{6}", digits):
        return False
    secret = vault.unseal(app.secret, _context(person)).decode()
    step = matching_step(secret, digits, int(clock.now().timestamp()), app.last_step)
    if step is None:
        return False
    moved = await tx.execute(
        update(CodeApp).where(CodeApp.person == person, CodeApp.last_step < step).values(last_step=step)
    )
    return bool(moved.rowcount == 1)  # type: ignore[attr-defined]  # an UPDATE's result is a cursor result


async def _recovery_code(tx: AsyncSession, clock: Clock, vault: Vault, person: str, code: str) -> bool:
    hashes = vault.code_hashes(_plain(code), f"recovery:{person}")
    used = await tx.execute(
        update(RecoveryCode)
        .where(RecoveryCode.person == person, RecoveryCode.hash.in_(hashes), RecoveryCode.used.is_(None))
        .values(used=clock.now())
    )
    return bool(used.rowcount == 1)  # type: ignore[attr-defined]  # an UPDATE's result is a cursor result


async def _new_recovery_codes(tx: AsyncSession, clock: Clock, vault: Vault, person: str) -> Sequence[str]:
    await tx.execute(delete(RecoveryCode).where(RecoveryCode.person == person))
    codes = ["".join(secrets.choice(_RECOVERY_ALPHABET) for _ in range(10)) for _ in range(_RECOVERY_CODES)]
    for code in codes:
        hashed = vault.code_hashes(code, f"recovery:{person}")[0]
        tx.add(RecoveryCode(hash=hashed, person=person, created=clock.now()))
    await tx.flush()
    return [f"{code[:5]}-{code[5:]}" for code in codes]


async def recovery_codes_left(database: Database, principal: Principal) -> int:
    """How many recovery codes are unused."""
    query = select(RecoveryCode.hash).where(RecoveryCode.person == principal.id, RecoveryCode.used.is_(None))
    async with database.transaction(write=False) as tx:
        return len((await tx.execute(query)).all())


def _plain(code: str) -> str:
    return re.sub(r"[^a-z0-9]", "", code[:32].lower())


def _context(person: str) -> str:
    return f"code-app:{person}"


def _wrong() -> Denied:
    return Denied("code-wrong", "This code is not right, or was used already. Wait for the next one.", field="code")
