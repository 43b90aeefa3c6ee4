"""Passkeys (WebAuthn level 2): the first way to sign in. Several per person; the device verifies its user.

A passkey proves possession and, by the device's PIN or finger, the person: nothing else is asked for after it.
"""

import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import structlog
import webauthn
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, options_to_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, Denied, NotFound
from people import challenges, logins, stepup, ways
from people.challenges import Purpose
from people.models import Account, Passkey
from people.owing import Method
from people.permissions import require_fresh
from people.principals import Principal
from people.registry import typed

log = structlog.get_logger()

_LONGEST = 20_000
_MOST = 10
_VERIFIED = UserVerificationRequirement.REQUIRED


@dataclass(frozen=True)
class RelyingParty:
    """The site as passkeys know it."""

    id: str
    """Host name; passkeys are bound to it, so a look-alike site gets nothing."""
    origin: str
    name: str


def relying_party(base_url: str, name: str) -> RelyingParty | None:
    """The site at ``base_url``; ``None`` for a bare address, where browsers have no passkeys."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return RelyingParty(host, f"{parts.scheme}://{parts.netloc}", name) if host else None
    return None


async def begin_adding(
    database: Database, clock: Clock, principal: Principal, party: RelyingParty
) -> tuple[str, dict[str, Any]]:
    """Return a secret to bring back and the options for ``navigator.credentials.create``. Needs fresh proof."""
    require_fresh(principal, clock.now())
    async with database.transaction() as tx:
        account = await tx.get_one(Account, principal.id)
        existing = await _of(tx, principal.id)
        if len(existing) >= _MOST:
            raise Conflict("passkeys-enough", "You have {count} passkeys. Remove one first.", count=_MOST)
        options = webauthn.generate_registration_options(
            rp_id=party.id,
            rp_name=party.name,
            user_id=principal.id.encode(),
            user_name=account.login,
            user_display_name=principal.name,
            exclude_credentials=[_descriptor(key) for key in existing],
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=_VERIFIED
            ),
        )
        asked = bytes_to_base64url(options.challenge)
        secret = await challenges.ask(tx, clock, Purpose.PASSKEY_ADD, subject=principal.id, value=asked)
    return secret, json.loads(options_to_json(options))


async def finish_adding(
    database: Database,
    clock: Clock,
    principal: Principal,
    party: RelyingParty,
    *,
    secret: str,
    credential: str,
    label: str,
) -> None:
    """Keep the passkey the browser made; ``credential`` is its JSON. Raises ``Denied("passkey-refused")``."""
    named = typed(label, 64, "label")
    async with database.transaction() as tx:
        asked = await challenges.take(tx, clock, Purpose.PASSKEY_ADD, secret)
    if asked.subject != principal.id:
        raise challenges.over()
    try:
        made = webauthn.verify_registration_response(
            credential=credential[:_LONGEST],
            expected_challenge=base64url_to_bytes(asked.value),
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except Exception as error:  # the library parses what a stranger sent and may fail in any way
        raise _refused(error, principal.id) from None
    async with database.transaction() as tx:
        encoded = bytes_to_base64url(made.credential_id)
        if (await tx.execute(select(Passkey.id).where(Passkey.credential == encoded))).first():
            raise Conflict("passkey-known", "This passkey is in use already.")
        key = Passkey(
            person=principal.id,
            credential=encoded,
            public_key=bytes_to_base64url(made.credential_public_key),
            count=made.sign_count,
            label=named,
            created=clock.now(),
        )
        tx.add(key)
        await tx.flush()
        await logins.strengthen(tx, clock, principal, Method.PASSKEY)
        await ledger.append(tx, "passkey.added", actor=principal.id, subject=key.id, at=clock.now())


async def begin_sign_in(database: Database, clock: Clock, party: RelyingParty) -> tuple[str, dict[str, Any]]:
    """Return a secret and the options for ``navigator.credentials.get``; they name nobody."""
    return await _begin(database, clock, party, Purpose.PASSKEY_SIGN_IN, None, ())


async def finish_sign_in(
    database: Database,
    clock: Clock,
    party: RelyingParty,
    *,
    secret: str,
    credential: str,
    address: str = "",
    agent: str = "",
) -> tuple[str, Principal]:
    """Sign in with what the browser signed; return cookie and principal. Raises ``Denied("passkey-refused")``."""
    person = await _finish(database, clock, party, Purpose.PASSKEY_SIGN_IN, secret, credential)
    return await logins.start(database, clock, person, method=Method.PASSKEY, address=address, agent=agent)


async def begin_proof(
    database: Database, clock: Clock, principal: Principal, party: RelyingParty
) -> tuple[str, dict[str, Any]]:
    """As ``begin_sign_in``, for a step-up of ``principal``."""
    async with database.transaction(write=False) as tx:
        keys = await _of(tx, principal.id)
    return await _begin(database, clock, party, Purpose.PASSKEY_PROOF, principal.id, keys)


async def finish_proof(
    database: Database, clock: Clock, principal: Principal, party: RelyingParty, *, secret: str, credential: str
) -> None:
    """Step up with one of the principal's own passkeys."""
    person = await _finish(database, clock, party, Purpose.PASSKEY_PROOF, secret, credential)
    if person != principal.id:
        raise _refused(None, principal.id)
    async with database.transaction() as tx:
        await stepup.proved(tx, clock, principal, Method.PASSKEY)


async def own(database: Database, principal: Principal) -> Sequence[Passkey]:
    """The principal's passkeys, oldest first."""
    async with database.transaction(write=False) as tx:
        return await _of(tx, principal.id)


async def remove(
    database: Database, clock: Clock, principal: Principal, passkey: str, *, second_factor: bool = True
) -> None:
    """Forget one of the principal's passkeys; needs fresh proof. Raises ``Conflict("last-factor")``, ``NotFound``."""
    require_fresh(principal, clock.now())
    async with database.transaction() as tx:
        now_has = await ways.of(tx, principal.id)
        gone = await tx.execute(delete(Passkey).where(Passkey.id == passkey, Passkey.person == principal.id))
        if gone.rowcount != 1:  # type: ignore[attr-defined]  # a DELETE's result is a cursor result
            raise NotFound("passkey-unknown", "There is no such passkey.")
        ways.check_left(replace(now_has, passkeys=now_has.passkeys - 1), second_factor=second_factor)
        await ledger.append(tx, "passkey.removed", actor=principal.id, subject=passkey, at=clock.now())


async def _begin(
    database: Database,
    clock: Clock,
    party: RelyingParty,
    purpose: Purpose,
    person: str | None,
    keys: Sequence[Passkey],
) -> tuple[str, dict[str, Any]]:
    options = webauthn.generate_authentication_options(
        rp_id=party.id, user_verification=_VERIFIED, allow_credentials=[_descriptor(key) for key in keys]
    )
    asked = bytes_to_base64url(options.challenge)
    async with database.transaction() as tx:
        secret = await challenges.ask(tx, clock, purpose, subject=person, value=asked)
    return secret, json.loads(options_to_json(options))


async def _finish(
    database: Database, clock: Clock, party: RelyingParty, purpose: Purpose, secret: str, credential: str
) -> str:
    """Return whose passkey signed the challenge, and move its counter; a refusal is in the ledger."""
    async with database.transaction() as tx:
        asked = await challenges.take(tx, clock, purpose, secret)
        key = await _by_credential(tx, credential)
        failure = _moved(key, party, asked.value, credential, clock)
        if key is None or failure is not None:
            subject = key.person if key else "unknown"
            await ledger.append(tx, "login.failed", actor="unknown", subject=subject, at=clock.now())
    if key is None or failure is not None:
        raise _refused(failure, key.person if key else None)
    return key.person


def _moved(key: Passkey | None, party: RelyingParty, challenge: str, credential: str, clock: Clock) -> Exception | None:
    """Move the counter of a passkey that signed the challenge; return why not otherwise."""
    try:
        count = _verified(key, party, challenge, credential)
    except Exception as error:  # the library parses what a stranger sent and may fail in any way
        return error
    if key is not None:
        key.count, key.used = count, clock.now()
    return None


def _verified(key: Passkey | None, party: RelyingParty, challenge: str, credential: str) -> int:
    """The passkey's new counter; raises whatever the library does when anything does not fit."""
    if key is None:
        raise LookupError
    done = webauthn.verify_authentication_response(
        credential=credential,
        expected_challenge=base64url_to_bytes(challenge),
        expected_rp_id=party.id,
        expected_origin=party.origin,
        credential_public_key=base64url_to_bytes(key.public_key),
        credential_current_sign_count=key.count,
        require_user_verification=True,
    )
    return done.new_sign_count


async def _by_credential(tx: AsyncSession, credential: str) -> Passkey | None:
    if len(credential) > _LONGEST:
        return None
    try:
        parsed = json.loads(credential)
        named = str(parsed["id"])
        named.encode()  # half a character is no name
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return (await tx.execute(select(Passkey).where(Passkey.credential == named[:1400]))).scalar_one_or_none()


async def _of(tx: AsyncSession, person: str) -> Sequence[Passkey]:
    query = select(Passkey).where(Passkey.person == person).order_by(Passkey.created, Passkey.id)
    return (await tx.execute(query)).scalars().all()


def _descriptor(key: Passkey) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(id=base64url_to_bytes(key.credential))


def _refused(error: Exception | None, person: str | None) -> Denied:
    log.warning("a passkey was refused", person=person, error=type(error).__name__)
    return Denied("passkey-refused", "This passkey was not accepted. Try again, or sign in in another way.")
