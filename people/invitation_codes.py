"""Codes around invitations: one sent by SMS or mail to prove the contact, one to type where a link cannot be sent,
and one that tells anybody whether an invitation is real.
"""

import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Denied, Invalid
from core.texts import DEFAULT, translate
from core.vault import Vault
from people import challenges, contacts, invitations, throttle
from people.challenges import Purpose
from people.models import Invitation
from people.permissions import Relation
from people.principals import Principal
from people.throttle import Throttle

ContactKind = Literal["sms", "mail"]

TRIES = 5
_DIGITS = 6
_SHORT_LENGTH = 10
_SHORT_ALPHABET = "23456789BCDFGHJKMNPQRSTVWXYZ"
_REFERENCE = 10
_PHONE = re.compile(r"\+?[0-9]{5,15}")
_MAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[a-z0-9.-]{1,180}\.[a-z]{2,24}")
MESSAGE = (
    "{code} is your code for the invitation by {officer} ({number}), {unit}, valid for ten minutes. Type it only on "
    "the page you opened yourself. Nobody from us asks for it, for money or for your screen. To check, call {phone}."
)
INVITATION = (
    "{officer} ({number}), {unit}, invites you to a conversation by video. Open {link} in your browser. To check "
    "first, call {phone}, or open {check} with the reference {reference}. Nobody from us asks for money, codes or "
    "your screen."
)
"""What a guest is sent with the link. Nothing of the case, and no word on why."""


class Carrier(Protocol):
    """Carries a short text to a phone number or mail address."""

    async def send(self, kind: ContactKind, to: str, text: str) -> None:
        """Deliver or raise."""


@dataclass(frozen=True)
class Real:
    """What anybody may know of an invitation whose reference and officer's number they hold."""

    unit: str
    unit_phone: str
    valid_until: datetime


async def set_contact(
    tx: AsyncSession,
    clock: Clock,
    vault: Vault,
    principal: Principal,
    held: Collection[Relation],
    invitation: str,
    *,
    kind: ContactKind,
    address: str,
    locale: str = DEFAULT,
) -> None:
    """Ask the guest for a code sent to ``address`` before they come in; what goes there is in the language ``locale``.

    Raises ``Invalid``.
    """
    found = await invitations.own(tx, principal, held, invitation)
    plain = address.strip().lower().replace(" ", "")
    if not (_PHONE if kind == "sms" else _MAIL).fullmatch(plain):
        raise Invalid("contact-unusable", "This phone number or mail address cannot be used.", field="contact")
    found.locale = locale
    found.contact, found.contact_kind = vault.seal(plain.encode(), _context(found.id)), kind
    await ledger.append(
        tx, "invitation.contact-set", actor=principal.id, subject=found.id, at=clock.now(), details={"kind": kind}
    )
    await contacts.keep_looking(tx, clock)


async def make_short(
    tx: AsyncSession, clock: Clock, vault: Vault, principal: Principal, held: Collection[Relation], invitation: str
) -> str:
    """Return a code of ten characters that stands for the link, for a letter or a call; an earlier one is void."""
    found = await invitations.own(tx, principal, held, invitation)
    code = "".join(secrets.choice(_SHORT_ALPHABET) for _ in range(_SHORT_LENGTH))
    found.short = vault.code_hashes(code, invitations.SHORT)[0]
    await ledger.append(tx, "invitation.short-code", actor=principal.id, subject=found.id, at=clock.now())
    return f"{code[:5]}-{code[5:]}"


def contact_of(vault: Vault, invitation: Invitation) -> tuple[ContactKind, str] | None:
    """How the guest can be reached, and where; ``None`` when no way was given, or it was forgotten."""
    if invitation.contact is None:
        return None
    kind: ContactKind = "sms" if invitation.contact_kind == "sms" else "mail"
    return kind, vault.unseal(invitation.contact, _context(invitation.id)).decode()


def said(invitation: Invitation, text: str, **values: str) -> str:
    """``text`` in the guest's language; its places for who asks and how to check that are filled (ON-4)."""
    who = {
        "officer": invitation.officer_name,
        "number": invitation.officer_number,
        "unit": invitation.unit,
        "phone": invitation.unit_phone,
    }
    return translate(invitation.locale, text, {**who, **values})


async def send_code(
    database: Database,
    clock: Clock,
    gate: Throttle,
    vault: Vault,
    carrier: Carrier,
    secret: str,
    *,
    address: str = "",
) -> str:
    """Send a six-digit code to the guest's contact; return the secret that binds it to this browser.

    Raises as ``invitations.look`` does, ``TooMany`` after five codes in an hour.
    """
    gate.take(throttle.INVITATION_ADDRESS, throttle.network(address))
    code = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}d}"
    async with database.transaction() as tx:
        found = await invitations.usable(tx, clock, secret, vault=vault, accepted=False)
        if found.contact is None or found.contact_kind is None:
            raise Denied("no-code-needed", "This invitation needs no code.")
        gate.take(throttle.INVITATION_CODES, found.id)
        hashed = vault.code_hashes(code, _context(found.id))[0]
        browser = await challenges.ask(tx, clock, Purpose.INVITATION_CODE, subject=found.id, value=hashed)
        await ledger.append(tx, "invitation.code-sent", actor="system", subject=found.id, at=clock.now())
    await _send(vault, carrier, found, MESSAGE, code=code)
    return browser


async def send_link(
    database: Database, gate: Throttle, vault: Vault, carrier: Carrier, invitation: str, *, link: str, check: str
) -> None:
    """Send the link of an invitation to its contact, by whoever has just made it. ``check`` is the public page that
    says whether an invitation is real. Raises ``TooMany``, ``Unavailable``."""
    gate.take(throttle.INVITATION_SENT, invitation)
    async with database.transaction(write=False) as tx:
        found = await tx.get_one(Invitation, invitation)
    await _send(vault, carrier, found, INVITATION, link=link, check=check, reference=reference(invitation))


async def _send(vault: Vault, carrier: Carrier, found: Invitation, text: str, **values: str) -> None:
    """Send ``text`` to the guest's contact."""
    contact = contact_of(vault, found)
    assert contact is not None
    await carrier.send(*contact, said(found, text, **values))


async def accept(
    database: Database,
    clock: Clock,
    gate: Throttle,
    vault: Vault,
    secret: str,
    *,
    browser: str = "",
    code: str = "",
    address: str = "",
) -> str:
    """Accept an invitation by link or short code, with the code sent where one is asked for; return the cookie.

    Raises as ``invitations.accept`` does; ``Denied`` with ``code-needed``, ``code-wrong``, after five of them
    ``challenge-over``.
    """
    async with database.transaction(write=False) as tx:
        found = await invitations.usable(tx, clock, secret, vault=vault, accepted=False)
    if found.contact_kind is not None:
        await _check_code(database, clock, vault, found, browser, code)
    return await invitations.accept(
        database, clock, gate, secret, address=address, vault=vault, code_proved=found.contact_kind is not None
    )


async def _check_code(
    database: Database, clock: Clock, vault: Vault, found: Invitation, browser: str, code: str
) -> None:
    if not browser:
        raise Denied("code-needed", "A code was sent to you. Type it here.", field="code")
    async with database.transaction() as tx:
        asked = await challenges.attempt(tx, clock, Purpose.INVITATION_CODE, browser, TRIES)
    if asked.subject != found.id:
        raise challenges.over()
    digits = re.sub(r"\s", "", code[:32])
    right = asked.value in vault.code_hashes(digits, _context(found.id))
    async with database.transaction() as tx:
        if right:
            await challenges.take(tx, clock, Purpose.INVITATION_CODE, browser)
        else:
            await ledger.append(tx, "invitation.code-wrong", actor="unknown", subject=found.id, at=clock.now())
    if not right:
        raise Denied("code-wrong", "This code is not right. Look at the newest message.", field="code")


def reference(invitation: str) -> str:
    """What the letter or message shows so that anybody can ask whether it is real; no way in."""
    tail = invitation[-_REFERENCE:].upper()
    return f"{tail[:5]}-{tail[5:]}"


async def is_real(
    database: Database, clock: Clock, gate: Throttle, *, reference: str, officer_number: str, address: str = ""
) -> Real | None:
    """Whether an invitation of that reference by that officer stands now.

    ``None`` for everything else alike: unknown, another number, withdrawn, expired. Names nobody. Raises ``TooMany``.
    """
    gate.take(throttle.INVITATION_ADDRESS, throttle.network(address))
    tail = re.sub(r"[^0-9a-z]", "", reference[:64].lower())
    if len(tail) != _REFERENCE:
        return None
    query = select(Invitation).where(
        Invitation.id.endswith(tail, autoescape=True),
        Invitation.officer_number == officer_number.strip()[:32],
        Invitation.state != "revoked",
        Invitation.valid_until > clock.now(),
    )
    async with database.transaction(write=False) as tx:
        found = (await tx.execute(query.limit(1))).scalar()
    return Real(found.unit, found.unit_phone, found.valid_until) if found and officer_number.strip() else None


def _context(invitation: str) -> str:
    return f"invitation:{invitation}"
