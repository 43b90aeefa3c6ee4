"""At a shared desk: locking it, and a colleague taking over with a PIN, so that every act has its author.

A PIN is weak alone. It works only over somebody's session of the same organisation, for people who signed in fully
within the last twelve hours, sleeps after five wrong tries, and never counts as fresh proof. A locked desk opens for
the PIN of whoever locked it, and for nobody else's.
"""

import re
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, Denied, Invalid
from core.ids import hash_secret
from core.vault import Vault
from people import identities, logins, store, throttle
from people.logins import Door
from people.models import Card, LoginSession, Person, Pin
from people.owing import WEAK, Method
from people.permissions import FRESH, require_fresh
from people.principals import Principal

TRIES = 5
"""Wrong PINs in a row after which it sleeps until its owner signs in fully."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Whose session stands at a browser, also while it is locked and the browser can do nothing with it."""

    principal: Principal
    locked: bool


async def set_pin(database: Database, clock: Clock, door: Door, principal: Principal, *, pin: str) -> None:
    """Set or replace the principal's PIN of six to twelve digits; needs fresh proof."""
    require_fresh(principal, clock.now())
    if not re.fullmatch(r"[0-9]{6,12}", pin) or len(set(pin)) < 3 or pin in "01234567890" or pin in "09876543210":
        raise Invalid("pin-weak", "Use six to twelve digits that are not a row.", field="pin")
    hashed = await door.passwords.hash(pin)
    async with database.transaction() as tx:
        await tx.merge(Pin(person=principal.id, hash=hashed, wrong=0, created=clock.now()))
        await ledger.append(tx, "pin.set", actor=principal.id, subject=principal.id, at=clock.now())


async def remove_pin(database: Database, clock: Clock, principal: Principal) -> None:
    """Forget the PIN and the card; the desk no longer locks by itself."""
    require_fresh(principal, clock.now())
    async with database.transaction() as tx:
        await forget(tx, principal.id)
        await ledger.append(tx, "pin.removed", actor=principal.id, subject=principal.id, at=clock.now())


async def forget(tx: AsyncSession, person: str) -> None:
    """Forget PIN and card in the caller's transaction."""
    await tx.execute(delete(Pin).where(Pin.person == person))
    await tx.execute(delete(Card).where(Card.person == person))


async def set_card(database: Database, clock: Clock, vault: Vault, principal: Principal, *, number: str) -> None:
    """Remember the card whose ``number`` the reader typed, beside the PIN; needs fresh proof. Raises ``Conflict``."""
    require_fresh(principal, clock.now())
    if not re.fullmatch(r"[0-9A-Za-z]{6,64}", number.strip()):
        raise Invalid("card-unread", "Hold the card to the reader once more.", field="card")
    hashes = _card_hashes(vault, number)
    async with database.transaction() as tx:
        if await tx.get(Pin, principal.id) is None:
            raise Conflict("pin-first", "Choose a PIN first: a card alone opens nothing.", field="card")
        held = (await tx.execute(select(Card.person).where(Card.hash.in_(hashes)))).scalar_one_or_none()
        if held is not None and held != principal.id:
            raise Conflict("card-taken", "This card belongs to somebody else.", field="card")
        await tx.merge(Card(person=principal.id, hash=hashes[0], created=clock.now()))
        await ledger.append(tx, "card.set", actor=principal.id, subject=principal.id, at=clock.now())


async def own(database: Database, principal: Principal) -> tuple[bool, bool]:
    """Whether the principal has a PIN, and a card."""
    async with database.transaction(write=False) as tx:
        pin, card = await tx.get(Pin, principal.id), await tx.get(Card, principal.id)
    return pin is not None, card is not None


async def at_desk(database: Database, clock: Clock, cookie: str | None) -> Desk | None:
    """Whose login session the cookie names, locked or not; ``None`` when none runs."""
    now = clock.now()
    async with database.transaction(write=False) as tx:
        hashed = hash_secret((cookie or "")[:128])
        session = await store.live_login(tx, now, now - identities.IDLE, hash_=hashed)
        principal = await store.account_principal(tx, session.person, session) if session else None
        if session is None or principal is None:
            return None
        return Desk(principal, await logins.is_locked(tx, now, session))


async def lock(database: Database, clock: Clock, principal: Principal) -> None:
    """Lock the principal's desk. Raises ``Conflict`` when they have no PIN that would open it again."""
    async with database.transaction() as tx:
        if await tx.get(Pin, principal.id) is None:
            raise Conflict("pin-first", "Choose a PIN first: it opens the desk again.")
        await tx.execute(update(LoginSession).where(LoginSession.id == principal.login).values(locked=clock.now()))
        await ledger.append(tx, "desk.locked", actor=principal.id, subject=principal.login or "", at=clock.now())


async def unlock(database: Database, clock: Clock, door: Door, desk: Desk, *, pin: str) -> None:
    """Open the desk again with the PIN of whoever sits there. Raises as ``switch``.

    Sessions that are live there were never interrupted. After five wrong PINs the login session ends.
    """
    who = desk.principal
    door.throttle.take(throttle.SECOND_STEP, f"switch:{who.id}")
    if not await _right_pin(database, clock, door, who, who.id, pin):
        await _end_if_asleep(database, clock, who)
        raise _failed()
    door.throttle.forgive(throttle.SECOND_STEP, f"switch:{who.id}")
    async with database.transaction() as tx:
        opened = update(LoginSession).where(LoginSession.id == who.login)
        await tx.execute(opened.values(locked=None, seen=clock.now()))
        await ledger.append(tx, "desk.unlocked", actor=who.id, subject=who.login or "", at=clock.now())


async def switch(
    database: Database,
    clock: Clock,
    door: Door,
    vault: Vault,
    principal: Principal,
    *,
    who: str,
    pin: str,
    second_factor: bool = True,
    address: str = "",
    agent: str = "",
) -> tuple[str, Principal]:
    """Hand the desk over from ``principal`` to the owner of the login or card ``who``; return cookie and principal.

    Raises ``Denied("switch-failed")``, the same for an unknown login, a wrong or sleeping PIN, another organisation
    or nobody who signed in fully today; ``TooMany``.
    """
    folded = logins.fold(who)
    keys = (f"switch:{principal.id}", f"switch:{folded}")
    for key in keys:
        door.throttle.take(throttle.SECOND_STEP, key)
    person = await _candidate(database, clock, vault, principal, folded, second_factor=second_factor)
    if not await _right_pin(database, clock, door, principal, person.id if person else None, pin) or person is None:
        raise _failed()
    for key in keys:
        door.throttle.forgive(throttle.SECOND_STEP, key)
    return await _hand_over(database, clock, principal, person.id, address, agent)


async def _right_pin(
    database: Database, clock: Clock, door: Door, actor: Principal, person: str | None, pin: str
) -> bool:
    """Count a try at somebody's PIN before it is compared, so that parallel tries count too; a wrong one is noted."""
    async with database.transaction() as tx:
        counted = update(Pin).where(Pin.person == person, Pin.wrong < TRIES).values(wrong=Pin.wrong + 1)
        awake = (await tx.execute(counted)).rowcount == 1  # type: ignore[attr-defined]  # a cursor result
        stored = await tx.get(Pin, person) if person else None
    right = await door.passwords.verify(stored.hash if stored and awake else None, pin[:64])
    async with database.transaction() as tx:
        if right:
            await tx.execute(update(Pin).where(Pin.person == person).values(wrong=0))
        else:
            subject = person or "unknown"
            await ledger.append(tx, "login.failed", actor=actor.id, subject=subject, at=clock.now())
    return right


async def _end_if_asleep(database: Database, clock: Clock, who: Principal) -> None:
    async with database.transaction() as tx:
        pin = await tx.get(Pin, who.id)
        if pin is None or pin.wrong >= TRIES:
            await store.end_logins(tx, who.id, clock.now(), "pin", only=who.login)


async def _hand_over(
    database: Database, clock: Clock, principal: Principal, person: str, address: str, agent: str
) -> tuple[str, Principal]:
    cookie, made = await logins.start(database, clock, person, method=Method.SWITCH, address=address, agent=agent)
    now = clock.now()
    async with database.transaction() as tx:
        await store.end_logins(tx, principal.id, now, "switched", only=principal.login or "")
        stale = now - 2 * FRESH
        await tx.execute(update(LoginSession).where(LoginSession.id == made.login).values(proved=stale))
        after = await identities.find(tx, now, "account", person, made.login)
    assert after is not None
    return cookie, after


async def _candidate(
    database: Database, clock: Clock, vault: Vault, principal: Principal, who: str, *, second_factor: bool
) -> Person | None:
    """The active colleague of the same organisation who signed in fully within the last hours."""
    async with database.transaction(write=False) as tx:
        found = await store.account_by_login(tx, who)
        card = select(Card.person).where(Card.hash.in_(_card_hashes(vault, who)))
        held = (await tx.execute(card)).scalar_one_or_none()
        person = found[1] if found else (await tx.get(Person, held) if held else None)
        if person is None or person.organisation != principal.organisation or person.id == principal.id:
            return None
        since = clock.now() - identities.LASTS
        less = {Method.SWITCH, Method.LINK} | (WEAK if second_factor else set())
        full = select(LoginSession.id).where(
            LoginSession.person == person.id,
            LoginSession.method.not_in(less),
            LoginSession.created > since,
            LoginSession.ended_why.is_(None) | LoginSession.ended_why.in_(("signed-out", "switched")),
        )
        return person if (await tx.execute(full)).first() else None


def _card_hashes(vault: Vault, number: str) -> tuple[str, ...]:
    return vault.code_hashes(number.strip().casefold(), "card")


def _failed() -> Denied:
    return Denied("switch-failed", "The name or the PIN is not right, or a full sign-in is needed first.", field="pin")
