"""Invitations: how a witness, victim or guardian comes to one session without an account.

The link holds 256 random bits behind ``#``, of which only the hash is stored. Looking consumes nothing, so link
previews and "open in a proper browser" do no harm; accepting is a POST, works once, and gives that browser a cookie.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Denied, Invalid, NotFound
from core.ids import hash_secret, new_secret
from core.vault import Vault
from people import store, throttle
from people.models import Invitation, Organisation, Person
from people.permissions import Action, Relation, require
from people.principals import Principal
from people.registry import typed
from people.throttle import Throttle

log = structlog.get_logger()

_LONGEST = 128
SHORT = "invitation-short"
"""Context of the keyed hash of short codes."""


@dataclass(frozen=True)
class NewInvitation:
    """Who is invited to what, until when."""

    session: str
    role: str
    name: str
    """The guest as the officer knows them."""
    valid_until: datetime
    valid_from: datetime | None = None
    """Default: at once."""
    party: str | None = None
    locale: str = "zh-CN"


@dataclass(frozen=True)
class InvitationView:
    """What the guest's page says: who asks, and how to check that without us."""

    id: str
    session: str
    role: str
    name: str
    officer_name: str
    officer_number: str
    unit: str
    unit_phone: str
    state: str
    valid_from: datetime
    valid_until: datetime
    name_confirmed: str | None
    locale: str
    code_by: str | None = None
    """``sms`` or ``mail`` when a code must be typed before accepting, see ``invitation_codes``."""


async def create(
    tx: AsyncSession, clock: Clock, principal: Principal, held: Collection[Relation], wanted: NewInvitation
) -> tuple[str, str]:
    """Invite a guest in the name of the officer ``principal``; return id and secret, which exists only in the link.

    ``held`` are the principal's relations to the session, as whoever knows bookings found them.
    """
    require(principal, Action.INVITE_GUEST, held)
    now, secret = clock.now(), new_secret()
    if wanted.valid_until <= max(now, wanted.valid_from or now):
        raise Invalid("invitation-window", "The invitation would be over before it begins.", field="valid_until")
    officer = await tx.get_one(Person, principal.id)
    unit = await tx.get_one(Organisation, officer.organisation)
    made = Invitation(
        session=wanted.session,
        party=wanted.party,
        role=wanted.role,
        name=typed(wanted.name, 64, "name"),
        officer=officer.id,
        officer_name=officer.name,
        officer_number=officer.number,
        unit=unit.name,
        unit_phone=unit.phone,
        secret=hash_secret(secret),
        valid_from=wanted.valid_from or now,
        valid_until=wanted.valid_until,
        created=now,
        locale=wanted.locale,
    )
    tx.add(made)
    await tx.flush()
    await _write(tx, clock, "invitation.created", principal.id, made)
    return made.id, secret


async def reissue(
    tx: AsyncSession, clock: Clock, principal: Principal, held: Collection[Relation], invitation: str
) -> str:
    """Return a new secret; the old link and the browser that accepted it are out at once."""
    found = await own(tx, principal, held, invitation)
    secret = new_secret()
    found.secret, found.cookie, found.state, found.accepted = hash_secret(secret), None, "open", None
    found.name_confirmed, found.short = None, None
    await _write(tx, clock, "invitation.reissued", principal.id, found)
    return secret


async def revoke(
    tx: AsyncSession, clock: Clock, principal: Principal, held: Collection[Relation], invitation: str
) -> None:
    """Withdraw an invitation: link and accepted browser are out at once."""
    found = await own(tx, principal, held, invitation)
    found.state, found.cookie, found.short = "revoked", None, None
    await _write(tx, clock, "invitation.revoked", principal.id, found)


async def extend(tx: AsyncSession, session: str, valid_until: datetime) -> None:
    """Let the invitations of a session last longer, because the session does; none is shortened."""
    longer = update(Invitation).where(Invitation.session == session, Invitation.valid_until < valid_until)
    await tx.execute(longer.values(valid_until=valid_until))


async def of_session(tx: AsyncSession, session: str) -> Sequence[InvitationView]:
    """The invitations of a session, oldest first."""
    return [_view(row) for row in await store.invitations_of(tx, session)]


async def look(
    database: Database, clock: Clock, gate: Throttle, secret: str, *, address: str = "", vault: Vault | None = None
) -> InvitationView:
    """What the invitation says; changes nothing. Raises ``NotFound``, ``Denied`` or ``TooMany``.

    With ``vault`` the short code is taken in place of the link's secret.
    """
    gate.take(throttle.INVITATION_ADDRESS, throttle.network(address))
    async with database.transaction(write=False) as tx:
        return _view(await usable(tx, clock, secret, vault=vault, accepted=True))


async def accept(
    database: Database,
    clock: Clock,
    gate: Throttle,
    secret: str,
    *,
    address: str = "",
    vault: Vault | None = None,
    code_proved: bool = False,
) -> str:
    """Bind the invitation to this browser and return its cookie; works once. Raises as ``look`` does.

    One with a contact is accepted through ``invitation_codes.accept``; here it raises ``Denied("code-needed")``.
    """
    gate.take(throttle.INVITATION_ADDRESS, throttle.network(address))
    now, cookie = clock.now(), new_secret()
    async with database.transaction() as tx:
        found = await usable(tx, clock, secret, vault=vault, accepted=False)
        if found.contact_kind is not None and not code_proved:
            raise Denied("code-needed", "A code was sent to you. Type it here.", field="code")
        taken = await tx.execute(
            update(Invitation)
            .where(Invitation.id == found.id, Invitation.state == "open")
            .values(state="accepted", accepted=now, cookie=hash_secret(cookie))
        )
        if taken.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE's result is a cursor result
            raise _refused("invitation-used")
        await _write(tx, clock, "invitation.accepted", found.id, found)
    return cookie


async def confirm_name(database: Database, clock: Clock, guest: Principal, *, is_me: bool) -> None:
    """The guest says whether they are the person named. A "no" is kept, and told to the officer by the hub."""
    async with database.transaction() as tx:
        found = await tx.get(Invitation, guest.id)
        if guest.kind != "guest" or found is None:
            raise NotFound("invitation-unknown", _SENTENCES["invitation-unknown"])
        found.name_confirmed = "yes" if is_me else "no"
        tag = "invitation.name-confirmed" if is_me else "invitation.name-denied"
        await _write(tx, clock, tag, guest.id, found)


async def deny(
    database: Database, clock: Clock, gate: Throttle, secret: str, *, address: str = "", vault: Vault | None = None
) -> None:
    """Whoever opened the link says that they are not the person named: it is void, and the officer sees why."""
    gate.take(throttle.INVITATION_ADDRESS, throttle.network(address))
    async with database.transaction() as tx:
        found = await usable(tx, clock, secret, vault=vault, accepted=False)
        found.name_confirmed, found.state, found.cookie, found.short = "no", "revoked", None, None
        await _write(tx, clock, "invitation.name-denied", found.id, found)


async def authenticate_guest(database: Database, clock: Clock, cookie: str | None) -> Principal | None:
    """The guest of an accepted, still valid invitation."""
    if not cookie or len(cookie) > _LONGEST:
        return None
    async with database.transaction(write=False) as tx:
        return await store.guest_principal(tx, clock.now(), cookie=hash_secret(cookie))


async def view(database: Database, guest: Principal) -> InvitationView:
    """The invitation that ``guest`` came by."""
    async with database.transaction(write=False) as tx:
        found = await tx.get(Invitation, guest.id)
    if guest.kind != "guest" or found is None:
        raise NotFound("invitation-unknown", _SENTENCES["invitation-unknown"])
    return _view(found)


async def usable(tx: AsyncSession, clock: Clock, secret: str, *, vault: Vault | None, accepted: bool) -> Invitation:
    """The invitation of a secret or short code that stands now; ``accepted`` ones too where asked. Raises."""
    return _usable(await _by_secret(tx, secret, vault), clock.now(), accepted=accepted)


async def _by_secret(tx: AsyncSession, secret: str, vault: Vault | None) -> Invitation | None:
    if not secret or len(secret) > _LONGEST:
        return None
    which = Invitation.secret == hash_secret(secret)
    if vault is not None:
        typed_code = "".join(character for character in secret.upper() if character.isalnum())
        which = which | Invitation.short.in_(vault.code_hashes(typed_code, SHORT))
    return (await tx.execute(select(Invitation).where(which))).scalar_one_or_none()


def _usable(found: Invitation | None, now: datetime, *, accepted: bool) -> Invitation:
    if found is None:
        raise _refused("invitation-unknown")
    if found.state == "revoked":
        raise _refused("invitation-withdrawn")
    if now >= found.valid_until:
        raise _refused("invitation-expired")
    if now < found.valid_from:
        raise _refused("invitation-early", at=found.valid_from)
    if found.state == "accepted" and not accepted:
        raise _refused("invitation-used")
    return found


_SENTENCES = {
    "invitation-unknown": "This invitation is not known here. Check the address, or call the station that invited you.",
    "invitation-withdrawn": "This invitation was withdrawn. Please call the station that invited you.",
    "invitation-expired": "This invitation has expired. Please call the station that invited you.",
    "invitation-early": "This invitation is not valid yet. It can be opened from {at}.",
    "invitation-used": "This invitation was opened on another device already. If that was not you, call the station.",
}


def _refused(code: str, *, at: datetime | None = None) -> Denied | NotFound:
    log.warning("an invitation was refused", code=code)
    if code == "invitation-unknown":
        return NotFound(code, _SENTENCES[code])
    return Denied(code, _SENTENCES[code], at=at) if at else Denied(code, _SENTENCES[code])


async def own(tx: AsyncSession, principal: Principal, held: Collection[Relation], invitation: str) -> Invitation:
    """An invitation that ``principal`` may change. Raises ``NotFound`` or ``Denied``."""
    found = await tx.get(Invitation, invitation)
    if found is None:
        raise NotFound("invitation-unknown", "There is no such invitation.")
    mine = {Relation.SELF} if found.officer == principal.id else set()
    require(principal, Action.INVITE_GUEST, mine | (set(held) - {Relation.SELF}))
    return found


async def _write(tx: AsyncSession, clock: Clock, tag: str, actor: str, found: Invitation) -> None:
    await ledger.append(tx, tag, actor=actor, subject=found.id, at=clock.now(), details={"session": found.session})


def _view(row: Invitation) -> InvitationView:
    return InvitationView(
        id=row.id,
        session=row.session,
        role=row.role,
        name=row.name,
        officer_name=row.officer_name,
        officer_number=row.officer_number,
        unit=row.unit,
        unit_phone=row.unit_phone,
        state=row.state,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        name_confirmed=row.name_confirmed,
        locale=row.locale,
        code_by=row.contact_kind,
    )
