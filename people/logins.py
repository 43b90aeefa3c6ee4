"""Signing in, staying signed in, signing out. A login session is an opaque cookie of which only the hash is stored."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Denied, Invalid, NotFound, TooMany
from core.ids import hash_secret, new_secret
from core.texts import LOCALES
from core.vault import Vault
from people import challenges, identities, known_browsers, store, throttle
from people.models import Account, CodeApp, LoginSession, Pin
from people.owing import WEAK, Method, Owes, owes
from people.passwords import Passwords, check_new
from people.permissions import require_fresh
from people.principals import Principal
from people.throttle import Throttle

log = structlog.get_logger()

_SEEN_EVERY = timedelta(minutes=1)
_LONGEST_COOKIE = 128


@dataclass(frozen=True)
class Door:
    """What stands at the door: password hashing off the loop, and the counters of tries. One per process."""

    passwords: Passwords = field(default_factory=Passwords)
    throttle: Throttle = field(default_factory=Throttle)


async def sign_in(
    database: Database,
    clock: Clock,
    door: Door,
    *,
    login: str,
    password: str,
    address: str = "",
    agent: str = "",
    vault: Vault | None = None,
    known: str = "",
) -> tuple[str, Principal]:
    """Return the cookie's secret and who signed in. With ``vault``, ``known`` is the cookie of ``known_browsers``.

    Raises ``Denied("sign-in-failed")``, the same and after the same time whether the login exists or not,
    ``Denied("account-closed")`` only after the right password, ``Denied("code-needed")`` when the account has a code
    app: its value ``pending`` goes to ``second_factor.finish``. Else ``TooMany`` or ``Unavailable``.
    """
    login = fold(login)
    browser = await _known_browser(database, clock, vault, known, login) if vault and known else None
    if browser is None or not door.throttle.first(throttle.SIGN_IN_KNOWN, login, browser):
        await _count(database, clock, door, login, address)
    async with database.transaction(write=False) as tx:
        found = await store.account_by_login(tx, login)
    account, person = found or (None, None)
    right = await door.passwords.verify(account.password if account else None, password)
    if not right or account is None or person is None:
        await _failed(database, clock, person.id if person else None)
        raise Denied("sign-in-failed", "The name or the password is not right. Please try again.", field="password")
    if account.state != "active" or person.state != "active":
        await _failed(database, clock, person.id)
        raise Denied("account-closed", "This account is closed. Please ask your administrator.")
    door.throttle.forgive(throttle.SIGN_IN_HERE, login, throttle.network(address))
    if browser is not None:
        door.throttle.forgive(throttle.SIGN_IN_KNOWN, login, browser)
    await _rehash(database, door, account, password)
    await _second_step(database, clock, person.id)
    return await start(database, clock, person.id, method=Method.PASSWORD, address=address, agent=agent)


async def start(
    database: Database, clock: Clock, person: str, *, method: Method, address: str = "", agent: str = ""
) -> tuple[str, Principal]:
    """Begin a login session of somebody whose proof was just checked; return its cookie's secret and who it is."""
    now, secret = clock.now(), new_secret()
    async with database.transaction() as tx:
        session = LoginSession(
            hash=hash_secret(secret),
            person=person,
            method=method,
            created=now,
            seen=now,
            expires=now + identities.LASTS,
            proved=now,
            agent=agent[:200],
            address=address[:45],
        )
        tx.add(session)
        await tx.flush()
        principal = await store.account_principal(tx, person, session)
        if principal is None:
            raise Denied("account-closed", "This account is closed. Please ask your administrator.")
        if method not in (Method.SWITCH, Method.LINK):
            await tx.execute(update(Pin).where(Pin.person == person).values(wrong=0))
        await ledger.append(tx, "login.succeeded", actor=person, subject=session.id, at=now, details={"method": method})
    log.info("somebody signed in", person=person, login=session.id, method=method)
    return secret, principal


async def authenticate(
    database: Database, clock: Clock, cookie: str | None, *, second_factor: bool = True
) -> Principal | None:
    """Who the cookie belongs to now; ``None`` when it is unknown, ended, expired, idle too long or locked.

    An account that owes something (``second_factor``: whether one is required here) comes without any role.
    """
    if not cookie or len(cookie) > _LONGEST_COOKIE:
        return None
    now = clock.now()
    async with database.transaction(write=False) as tx:
        session = await store.live_login(tx, now, now - identities.IDLE, hash_=hash_secret(cookie))
        if session is None or await is_locked(tx, now, session):
            return None
        principal = await store.account_principal(tx, session.person, session)
        account = await tx.get(Account, session.person)
    if principal is None or account is None:
        return None
    if now - session.seen >= _SEEN_EVERY:
        await touch(database, clock, frozenset({session.id}))
    owed = owes(session.method, account.issued, second_factor=second_factor)
    return replace(principal, owes=owed, roles=frozenset(), facility=None) if owed else principal


async def is_locked(tx: AsyncSession, now: datetime, session: LoginSession) -> bool:
    """Whether the desk is locked: by somebody, or by itself because its user has a PIN and was away."""
    if session.locked is not None:
        return True
    return now - session.seen > identities.DESK_IDLE and await tx.get(Pin, session.person) is not None


async def strengthen(tx: AsyncSession, clock: Clock, principal: Principal, method: Method) -> None:
    """Note in the caller's transaction that a session begun by less now rests on ``method``, just proved."""
    weak = update(LoginSession).where(LoginSession.id == principal.login, LoginSession.method.in_(WEAK))
    await tx.execute(weak.values(method=method, proved=clock.now()))


async def touch(database: Database, clock: Clock, used: frozenset[str]) -> None:
    """Note that login sessions are in use: by pages itself, by the live hub for those in a session."""
    async with database.transaction() as tx:
        running = update(LoginSession).where(LoginSession.id.in_(used), LoginSession.ended.is_(None))
        await tx.execute(running.values(seen=clock.now()))


async def sign_out(database: Database, clock: Clock, principal: Principal) -> None:
    """End the login session that ``principal`` came with."""
    await _end(database, clock, principal, "signed-out", only=principal.login or "")


async def my_logins(database: Database, principal: Principal) -> Sequence[LoginSession]:
    """The principal's own sign-ins, newest first, ended ones included."""
    async with database.transaction(write=False) as tx:
        return await store.logins(tx, principal.id)


def is_open(session: LoginSession, now: datetime) -> bool:
    """Whether a login session still works, locked or not."""
    return session.ended is None and session.expires > now and session.seen > now - identities.IDLE


async def revoke(database: Database, clock: Clock, principal: Principal, login: str) -> None:
    """End one of the principal's own login sessions. Raises ``NotFound`` for anybody else's."""
    if not await _end(database, clock, principal, "revoked", only=login):
        raise NotFound("login-unknown", "This sign-in is over already.")


async def revoke_others(database: Database, clock: Clock, principal: Principal) -> int:
    """End all of the principal's login sessions but this one; return how many."""
    return await _end(database, clock, principal, "revoked", keep=principal.login)


async def change_password(
    database: Database, clock: Clock, door: Door, principal: Principal, *, old: str, new: str
) -> None:
    """Replace the password and end all other login sessions. Raises ``Denied`` or ``Invalid``."""
    door.throttle.take(throttle.SECOND_STEP, principal.id)
    if not await check_password(database, door, principal.id, old):
        raise Denied("password-wrong", "The present password is not right.", field="old")
    await _replace_password(database, clock, door, principal, new)


async def choose_password(database: Database, clock: Clock, door: Door, principal: Principal, *, new: str) -> None:
    """Choose a password without the present one: of an account that owes one, or has none and gives fresh proof.

    Raises ``Denied`` or ``Invalid``.
    """
    if principal.owes not in (Owes.WAY, Owes.PASSWORD):
        require_fresh(principal, clock.now())
        if await has_password(database, principal):
            raise Denied("password-wrong", "The present password is not right.", field="old")
    await _replace_password(database, clock, door, principal, new)


async def has_password(database: Database, principal: Principal) -> bool:
    """Whether the account can be signed in to with a password."""
    async with database.transaction(write=False) as tx:
        return (await tx.get_one(Account, principal.id)).password is not None


async def _replace_password(database: Database, clock: Clock, door: Door, principal: Principal, new: str) -> None:
    async with database.transaction(write=False) as tx:
        account = await tx.get_one(Account, principal.id)
    check_new(new, login=account.login, name=principal.name)
    if await door.passwords.verify(account.password, new):
        raise Invalid("password-same", "This is the present password. Choose another one.", field="new")
    hashed, now = await door.passwords.hash(new), clock.now()
    async with database.transaction() as tx:
        own = update(Account).where(Account.person == principal.id)
        await tx.execute(own.values(password=hashed, issued=None))
        by_link = update(LoginSession).where(LoginSession.id == principal.login, LoginSession.method == Method.LINK)
        await tx.execute(by_link.values(method=Method.PASSWORD))
        await store.end_logins(tx, principal.id, now, "password", keep=principal.login)
        await ledger.append(tx, "password.changed", actor=principal.id, subject=principal.id, at=now)


async def set_locale(database: Database, principal: Principal, locale: str) -> None:
    """Remember the language of an account; an unknown one changes nothing."""
    if principal.kind == "account" and locale in LOCALES:
        async with database.transaction() as tx:
            await tx.execute(update(Account).where(Account.person == principal.id).values(locale=locale))


async def check_password(database: Database, door: Door, person: str, password: str) -> bool:
    """Whether ``password`` is that of ``person``'s account: for a step-up."""
    async with database.transaction(write=False) as tx:
        account = await tx.get(Account, person)
    return await door.passwords.verify(account.password if account else None, password)


def fold(login: str) -> str:
    """A login as it is stored and compared."""
    return login.strip().casefold()[:64]


async def _known_browser(database: Database, clock: Clock, vault: Vault, cookie: str, login: str) -> str | None:
    """By which entry of ``cookie`` this browser is known to the account now. What is forged costs no query."""
    if not any(known_browsers.entries_for(vault, cookie, login)):
        return None
    async with database.transaction(write=False) as tx:
        found = await store.account_by_login(tx, login)
    return known_browsers.known(vault, cookie, login, found[0].password if found else None, clock.now())


async def _count(database: Database, clock: Clock, door: Door, login: str, address: str) -> None:
    """Count the try under its three keys; a refusal is logged, and in the ledger when it is for a known account."""
    where = throttle.network(address)
    try:
        door.throttle.take(throttle.SIGN_IN_ADDRESS, where)
        door.throttle.take(throttle.SIGN_IN_ALL)
        door.throttle.take(throttle.SIGN_IN_HERE, login, where)
        door.throttle.take(throttle.SIGN_IN_LOGIN, login)
    except TooMany:
        log.warning("sign-ins are held back")
        if door.throttle.first(throttle.TOLD, login):
            await _throttled(database, clock, login)
        raise


async def _throttled(database: Database, clock: Clock, login: str) -> None:
    async with database.transaction() as tx:
        found = await store.account_by_login(tx, login)
        subject = found[1].id if found else "unknown"
        await ledger.append(tx, "login.held-back", actor="unknown", subject=subject, at=clock.now())


async def _failed(database: Database, clock: Clock, person: str | None) -> None:
    log.warning("a sign-in failed", person=person)
    async with database.transaction() as tx:
        await ledger.append(tx, "login.failed", actor="unknown", subject=person or "unknown", at=clock.now())


async def _second_step(database: Database, clock: Clock, person: str) -> None:
    """Ask for a code when the person has a code app that works."""
    async with database.transaction(write=False) as tx:
        app = await tx.get(CodeApp, person)
    if app is None or app.confirmed is None:
        return
    async with database.transaction() as tx:
        pending = await challenges.ask(tx, clock, challenges.Purpose.SECOND_STEP, subject=person)
    raise Denied(
        "code-needed", "Enter the six digits your code app shows, or a recovery code.", field="code", pending=pending
    )


async def _rehash(database: Database, door: Door, account: Account, password: str) -> None:
    if account.password is None or not door.passwords.outdated(account.password):
        return
    hashed = await door.passwords.hash(password)
    async with database.transaction() as tx:
        await tx.execute(update(Account).where(Account.person == account.person).values(password=hashed))


async def _end(
    database: Database,
    clock: Clock,
    principal: Principal,
    why: str,
    *,
    keep: str | None = None,
    only: str | None = None,
) -> int:
    now = clock.now()
    async with database.transaction() as tx:
        ended = await store.end_logins(tx, principal.id, now, why, keep=keep, only=only)
        if ended:
            await ledger.append(
                tx, "login.ended", actor=principal.id, subject=only or principal.id, at=now, details={"why": why}
            )
    return ended
