"""Writing down organisations, people, accounts and roles, in the caller's transaction and with its ledger entry.

Whether the asker may is decided before: by ``people.administration`` for pages, by the operator for the command line.
"""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from core.errors import Conflict, Invalid, NotFound
from people import store
from people.models import Account, Organisation, Person, RoleGrant
from people.principals import Tree
from people.roles import check_grant

SYSTEM = "system"


async def add_organisation(
    tx: AsyncSession,
    clock: Clock,
    *,
    kind: str,
    name: str,
    tree: str | None = None,
    parent: str | None = None,
    phone: str = "",
    by: str = SYSTEM,
) -> Organisation:
    """Add a root of ``tree``, or a node below ``parent``, whose tree it then shares."""
    above = await tx.get(Organisation, parent) if parent else None
    if parent and above is None:
        raise NotFound("organisation-unknown", "There is no such organisation.")
    found = above.tree if above else tree
    if found not in set(Tree):
        raise Invalid("tree-unknown", "An organisation belongs to police, procuratorate, court or justice.")
    made = Organisation(parent=parent, tree=str(found), kind=kind, name=typed(name, 128, "name"), phone=phone.strip())
    tx.add(made)
    await tx.flush()
    await ledger.append(
        tx, "organisation.added", actor=by, subject=made.id, at=clock.now(), details={"tree": made.tree, "kind": kind}
    )
    return made


async def add_person(
    tx: AsyncSession,
    clock: Clock,
    *,
    organisation: str,
    name: str,
    number: str = "",
    phone: str = "",
    by: str = SYSTEM,
) -> Person:
    """Register somebody under an organisation."""
    if await tx.get(Organisation, organisation) is None:
        raise NotFound("organisation-unknown", "There is no such organisation.")
    person = Person(
        name=typed(name, 64, "name"), number=number.strip()[:32], organisation=organisation, phone=phone.strip()[:32]
    )
    tx.add(person)
    await tx.flush()
    await ledger.append(tx, "person.registered", actor=by, subject=person.id, at=clock.now())
    return person


async def open_account(
    tx: AsyncSession,
    clock: Clock,
    *,
    person: str,
    login: str,
    password_hash: str | None,
    locale: str = "zh-CN",
    issued: bool = False,
    by: str = SYSTEM,
) -> Account:
    """Give a person a login. ``issued``: somebody else knows the password.

    Raises ``Conflict`` when the login is taken or they have one.
    """
    folded = typed(login, 64, "login").casefold()
    same = select(Account.person).where((Account.login == folded) | (Account.person == person))
    if (await tx.execute(same)).first():
        raise Conflict("login-taken", "This sign-in name is in use. Choose another one.", field="login")
    now = clock.now()
    account = Account(
        person=person,
        login=folded,
        password=password_hash,
        locale=locale,
        created=now,
        issued=now if issued else None,
    )
    tx.add(account)
    await tx.flush()
    await ledger.append(tx, "account.opened", actor=by, subject=person, at=clock.now())
    return account


async def grant(
    tx: AsyncSession, clock: Clock, *, person: str, role: str, facility: str | None = None, by: str = SYSTEM
) -> RoleGrant:
    """Give a role of the person's own tree; the same again changes nothing. Raises ``Invalid`` or ``NotFound``."""
    somebody = await get_person(tx, person)
    organisation = await tx.get_one(Organisation, somebody.organisation)
    wanted = check_grant(role, organisation.tree, facility)
    for held in await store.grants(tx, person):
        if (held.role, held.facility) == (wanted, facility):
            return held
        if held.facility is not None and facility is not None:
            raise Conflict("one-post", "This person is on duty at another facility already. Revoke that first.")
    made = RoleGrant(
        person=person,
        role=wanted.value,
        organisation=organisation.id,
        facility=facility,
        granted_by=by,
        granted=clock.now(),
    )
    tx.add(made)
    await tx.flush()
    details = {"role": wanted.value, "facility": facility}
    await ledger.append(tx, "role.granted", actor=by, subject=person, at=clock.now(), details=details)
    return made


async def get_person(tx: AsyncSession, person: str) -> Person:
    """The person, or ``NotFound``."""
    found = await tx.get(Person, person)
    if found is None:
        raise NotFound("person-unknown", "There is no such person.")
    return found


def typed(value: str, longest: int, field: str) -> str:
    """A name as typed, trimmed; ``Invalid`` when empty, too long or holding control characters."""
    trimmed = value.strip()
    if not trimmed or len(trimmed) > longest or not trimmed.isprintable():
        raise Invalid(
            "text-unusable", "Please fill this in, with at most {count} characters.", field=field, count=longest
        )
    return trimmed
