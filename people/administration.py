"""What administrators of a tree do with the people of their tree, and nobody else."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import NotFound
from people import registry, store
from people.logins import Door
from people.models import Account, LoginSession, Organisation, Person, Pin, RoleGrant
from people.passwords import check_new
from people.permissions import Action, relations, require
from people.principals import Principal
from people.roles import check_granter


@dataclass(frozen=True)
class Registration:
    """A person to be registered with an account and a first password."""

    organisation: str
    name: str
    login: str
    password: str
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
            by=principal.id,
        )
        return person.id


async def grant_role(
    database: Database, clock: Clock, principal: Principal, *, person: str, role: str, post: Post | None = None
) -> None:
    """Give a role of the principal's own tree to one of its people. Raises ``Denied`` or ``Invalid``."""
    async with database.transaction() as tx:
        await _may(tx, clock, principal, Action.GRANT_ROLE, person)
        if post is not None:
            line = await store.line(tx, post.organisation)
            require(principal, Action.GRANT_ROLE, relations(principal, line=line))
        await registry.grant(
            tx, clock, person=person, role=role, facility=post.facility if post else None, by=principal.id
        )


async def revoke_role(database: Database, clock: Clock, principal: Principal, *, grant: str) -> None:
    """Take a role back. It is gone from the next request, ticket and connection check on."""
    async with database.transaction() as tx:
        held = await tx.get(RoleGrant, grant)
        if held is None or held.revoked is not None:
            raise NotFound("grant-unknown", "This role was taken back already.")
        await _may(tx, clock, principal, Action.GRANT_ROLE, held.person)
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
        somebody = await _may(tx, clock, principal, Action.RESET_CREDENTIALS, person)
        account = await tx.get(Account, person)
    if account is None:
        raise NotFound("account-unknown", "This person has no account.")
    check_new(password, login=account.login, name=somebody.name)
    hashed = await door.passwords.hash(password)
    async with database.transaction() as tx:
        await tx.execute(update(Account).where(Account.person == person).values(password=hashed))
        await store.end_logins(tx, person, clock.now(), "password")
        await tx.execute(delete(Pin).where(Pin.person == person))
        await ledger.append(tx, "password.reset", actor=principal.id, subject=person, at=clock.now())


async def sign_ins(database: Database, principal: Principal, *, person: str) -> Sequence[LoginSession]:
    """Sign-in history of somebody of the own tree."""
    async with database.transaction(write=False) as tx:
        line = await store.line(tx, (await registry.get_person(tx, person)).organisation)
        require(principal, Action.VIEW_SIGN_INS, relations(principal, line=line))
        return await store.logins(tx, person)


async def _set_state(database: Database, clock: Clock, principal: Principal, person: str, state: str) -> None:
    async with database.transaction() as tx:
        somebody = await _may(tx, clock, principal, Action.SUSPEND_PERSON, person)
        if somebody.state == state:
            return
        somebody.state = state
        if state == "suspended":
            await store.end_logins(tx, person, clock.now(), "suspended")
            await tx.execute(delete(Pin).where(Pin.person == person))
        tag = "person.suspended" if state == "suspended" else "person.restored"
        await ledger.append(tx, tag, actor=principal.id, subject=person, at=clock.now())


async def _may(tx: AsyncSession, clock: Clock, principal: Principal, action: Action, person: str) -> Person:
    """The person, when ``principal`` may do ``action`` to them; role changes and resets need fresh proof."""
    somebody = await registry.get_person(tx, person)
    line = await store.line(tx, somebody.organisation)
    organisation = await tx.get_one(Organisation, somebody.organisation)
    check_granter(principal, person, organisation.tree)
    require(principal, action, relations(principal, line=line), now=clock.now())
    return somebody
