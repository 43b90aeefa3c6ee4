"""What administrators of a tree do with the people of their tree, and nobody else."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Invalid, NotFound
from people import enrolment, registry, store, switching
from people.logins import Door
from people.models import (
    Account,
    CodeApp,
    LoginSession,
    Organisation,
    OutsideIdentity,
    Passkey,
    Person,
    RecoveryCode,
    RoleGrant,
)
from people.passwords import check_new
from people.permissions import Action, allowed, relations, require
from people.principals import Principal, Role
from people.roles import check_granter


@dataclass(frozen=True)
class Registration:
    """A person to be registered with an account; without a first password they come in by a one-time link."""

    organisation: str
    name: str
    login: str
    password: str = ""
    number: str = ""
    phone: str = ""
    locale: str = "zh-CN"


@dataclass(frozen=True)
class Post:
    """A facility a duty officer is named for, and the organisation it hangs on."""

    facility: str
    organisation: str


async def organisations(database: Database, principal: Principal) -> Sequence[Organisation]:
    """The principal's organisation and those below it, for the administrator's page."""
    require(principal, Action.VIEW_PEOPLE, relations(principal, line=(principal.organisation or "",)))
    async with database.transaction(write=False) as tx:
        ids = await store.below(tx, principal.organisation or "")
        return [await tx.get_one(Organisation, id_) for id_ in ids]


async def people(
    database: Database, principal: Principal, *, search: str = ""
) -> Sequence[tuple[Person, Account | None]]:
    """People of the principal's organisation and those below it."""
    require(principal, Action.VIEW_PEOPLE, relations(principal, line=(principal.organisation or "",)))
    async with database.transaction(write=False) as tx:
        ids = await store.below(tx, principal.organisation or "")
        return await store.persons_of(tx, ids, search=search[:64])


async def register(
    database: Database, clock: Clock, door: Door, principal: Principal, registration: Registration
) -> str:
    """Register a person with an account in the principal's tree; return the person's id."""
    hashed = None
    if registration.password:
        check_new(registration.password, login=registration.login, name=registration.name)
        hashed = await door.passwords.hash(registration.password)
    async with database.transaction() as tx:
        line = await store.line(tx, registration.organisation)
        require(principal, Action.REGISTER_PERSON, relations(principal, line=line))
        person = await registry.add_person(
            tx,
            clock,
            organisation=registration.organisation,
            name=registration.name,
            number=registration.number,
            phone=registration.phone,
            by=principal.id,
        )
        await registry.open_account(
            tx,
            clock,
            person=person.id,
            login=registration.login,
            password_hash=hashed,
            locale=registration.locale,
            issued=hashed is not None,
            by=principal.id,
        )
        return person.id


async def grant_role(
    database: Database,
    clock: Clock,
    principal: Principal,
    *,
    person: str,
    role: str,
    post: Post | None = None,
    licence_checked: bool = False,
) -> None:
    """Give a role of the principal's own tree to one of its people. Raises ``Denied`` or ``Invalid``.

    ``licence_checked``: the principal states that the lawyer's licence stands in the register; without it nobody
    becomes a lawyer here.
    """
    async with database.transaction() as tx:
        somebody = await may(tx, clock, principal, Action.GRANT_ROLE, person)
        if role == Role.LAWYER:
            await _licence(tx, clock, principal, somebody, checked=licence_checked)
        if post is not None:
            line = await store.line(tx, post.organisation)
            require(principal, Action.GRANT_ROLE, relations(principal, line=line))
        await registry.grant(
            tx, clock, person=person, role=role, facility=post.facility if post else None, by=principal.id
        )


async def _licence(tx: AsyncSession, clock: Clock, principal: Principal, somebody: Person, *, checked: bool) -> None:
    if not checked or not somebody.number:
        raise Invalid(
            "licence-unchecked",
            "Compare the licence number with the register of the bar first, and say so here.",
            field="licence",
        )
    await ledger.append(tx, "licence.checked", actor=principal.id, subject=somebody.id, at=clock.now())


async def revoke_role(database: Database, clock: Clock, principal: Principal, *, grant: str) -> None:
    """Take a role back. It is gone from the next request, ticket and connection check on."""
    async with database.transaction() as tx:
        held = await tx.get(RoleGrant, grant)
        if held is None or held.revoked is not None:
            raise NotFound("grant-unknown", "This role was taken back already.")
        await may(tx, clock, principal, Action.GRANT_ROLE, held.person)
        held.revoked = clock.now()
        await ledger.append(
            tx,
            "role.revoked",
            actor=principal.id,
            subject=held.person,
            at=clock.now(),
            details={"role": held.role, "facility": held.facility},
        )


async def suspend(database: Database, clock: Clock, principal: Principal, *, person: str) -> None:
    """Suspend somebody of the own tree: every login of theirs ends at once, and their PIN is forgotten."""
    await _set_state(database, clock, principal, person, "suspended")


async def restore(database: Database, clock: Clock, principal: Principal, *, person: str) -> None:
    """Lift a suspension."""
    await _set_state(database, clock, principal, person, "active")


async def reset_password(
    database: Database, clock: Clock, door: Door, principal: Principal, *, person: str, password: str
) -> None:
    """Give somebody a new first password after checking who they are; all their logins end."""
    async with database.transaction(write=False) as tx:
        somebody = await may(tx, clock, principal, Action.RESET_CREDENTIALS, person)
        account = await tx.get(Account, person)
    if account is None:
        raise NotFound("account-unknown", "This person has no account.")
    check_new(password, login=account.login, name=somebody.name)
    hashed = await door.passwords.hash(password)
    async with database.transaction() as tx:
        await tx.execute(update(Account).where(Account.person == person).values(password=hashed, issued=clock.now()))
        await store.end_logins(tx, person, clock.now(), "password")
        await switching.forget(tx, person)
        await ledger.append(tx, "password.reset", actor=principal.id, subject=person, at=clock.now())


async def invite(database: Database, clock: Clock, principal: Principal, *, person: str) -> str:
    """Return the secret of a one-time link by which ``person`` signs in and sets up ways of their own."""
    async with database.transaction() as tx:
        await may(tx, clock, principal, Action.RESET_CREDENTIALS, person)
        return await enrolment.issue(tx, clock, person=person, by=principal.id)


async def reset_credentials(database: Database, clock: Clock, principal: Principal, *, person: str) -> str:
    """Take every way in from somebody whose phone or key is lost; return the secret of a one-time link back in."""
    async with database.transaction() as tx:
        await may(tx, clock, principal, Action.RESET_CREDENTIALS, person)
        secret = await enrolment.issue(tx, clock, person=person, by=principal.id)
        await tx.execute(update(Account).where(Account.person == person).values(password=None, issued=None))
        for table in (Passkey, CodeApp, RecoveryCode, OutsideIdentity):
            await tx.execute(delete(table).where(table.person == person))
        await switching.forget(tx, person)
        await store.end_logins(tx, person, clock.now(), "revoked")
        await ledger.append(tx, "credentials.reset", actor=principal.id, subject=person, at=clock.now())
    return secret


async def end_logins(database: Database, clock: Clock, principal: Principal, *, person: str) -> int:
    """Sign somebody of the own tree out everywhere; return how many login sessions ended."""
    async with database.transaction() as tx:
        await may(tx, clock, principal, Action.END_LOGINS, person)
        ended = await store.end_logins(tx, person, clock.now(), "revoked")
        details = {"why": "revoked", "count": ended}
        await ledger.append(tx, "login.ended", actor=principal.id, subject=person, at=clock.now(), details=details)
    return ended


@dataclass(frozen=True, slots=True)
class SignIn:
    """One sign-in as others than its owner see it."""

    login: LoginSession
    address: str
    """Empty but for security staff."""


async def sign_ins(database: Database, clock: Clock, principal: Principal, *, person: str) -> Sequence[SignIn]:
    """Sign-in history of somebody of the own tree. Where from is for security staff, and their look an entry."""
    async with database.transaction() as tx:
        line = await store.line(tx, (await registry.get_person(tx, person)).organisation)
        held = relations(principal, line=line)
        require(principal, Action.VIEW_SIGN_INS, held)
        full = allowed(principal, Action.VIEW_ADDRESSES, held)
        if full:
            await ledger.append(tx, "sign-ins.viewed", actor=principal.id, subject=person, at=clock.now())
        return [SignIn(row, row.address if full else "") for row in await store.logins(tx, person)]


async def _set_state(database: Database, clock: Clock, principal: Principal, person: str, state: str) -> None:
    async with database.transaction() as tx:
        somebody = await may(tx, clock, principal, Action.SUSPEND_PERSON, person)
        if somebody.state == state:
            return
        somebody.state = state
        if state == "suspended":
            await store.end_logins(tx, person, clock.now(), "suspended")
            await switching.forget(tx, person)
            await enrolment.withdraw(tx, person)
        tag = "person.suspended" if state == "suspended" else "person.restored"
        await ledger.append(tx, tag, actor=principal.id, subject=person, at=clock.now())


async def may(tx: AsyncSession, clock: Clock, principal: Principal, action: Action, person: str) -> Person:
    """The person, when ``principal`` may do ``action`` to them; role changes and resets need fresh proof."""
    somebody = await registry.get_person(tx, person)
    line = await store.line(tx, somebody.organisation)
    organisation = await tx.get_one(Organisation, somebody.organisation)
    check_granter(principal, person, organisation.tree)
    require(principal, action, relations(principal, line=line), now=clock.now())
    return somebody
