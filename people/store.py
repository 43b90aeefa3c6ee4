"""Queries of people. Returns rows and values; decides nothing."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from people.models import (
    Account,
    ApiToken,
    Invitation,
    LoginSession,
    Organisation,
    Person,
    RoleGrant,
    Terminal,
    TerminalStart,
)
from people.principals import Principal, Role


async def line(tx: AsyncSession, organisation: str | None) -> tuple[str, ...]:
    """Ids from ``organisation`` up to the root of its tree; empty when there is none."""
    if organisation is None:
        return ()
    above = select(Organisation.id, Organisation.parent).where(Organisation.id == organisation).cte(recursive=True)
    above = above.union_all(select(Organisation.id, Organisation.parent).join(above, Organisation.id == above.c.parent))
    parents = {row.id: row.parent for row in await tx.execute(select(above))}
    found: list[str] = []
    step: str | None = organisation
    while step is not None and step in parents and step not in found:
        found.append(step)
        step = parents[step]
    return tuple(found)


async def below(tx: AsyncSession, organisation: str) -> tuple[str, ...]:
    """Ids of ``organisation`` and everything under it."""
    under = select(Organisation.id).where(Organisation.id == organisation).cte(recursive=True)
    under = under.union(select(Organisation.id).join(under, Organisation.parent == under.c.id))
    return tuple((await tx.execute(select(under.c.id))).scalars())


async def account_by_login(tx: AsyncSession, login: str) -> tuple[Account, Person] | None:
    """The account signed in to as ``login`` (already folded), whatever its state."""
    query = select(Account, Person).join(Person, Person.id == Account.person).where(Account.login == login)
    row = (await tx.execute(query)).first()
    return (row[0], row[1]) if row else None


async def grants(tx: AsyncSession, person: str) -> Sequence[RoleGrant]:
    """Roles ``person`` has now, oldest first."""
    query = select(RoleGrant).where(RoleGrant.person == person, RoleGrant.revoked.is_(None))
    return (await tx.execute(query.order_by(RoleGrant.granted, RoleGrant.id))).scalars().all()


async def account_principal(tx: AsyncSession, person_id: str, login: LoginSession | None = None) -> Principal | None:
    """The principal of an account that is open and whose person is not suspended."""
    query = (
        select(Person, Account, Organisation)
        .join(Account, Account.person == Person.id)
        .join(Organisation, Organisation.id == Person.organisation)
        .where(Person.id == person_id, Person.state == "active", Account.state == "active")
    )
    row = (await tx.execute(query)).first()
    if row is None:
        return None
    person, account, organisation = row
    held = await grants(tx, person_id)
    return Principal(
        kind="account",
        id=person.id,
        name=person.name,
        roles=frozenset(grant.role for grant in held),
        organisation=organisation.id,
        facility=next((grant.facility for grant in held if grant.facility), None),
        locale=account.locale,
        login=login.id if login else None,
        tree=organisation.tree,
        proved=login.proved if login else None,
    )


async def live_login(
    tx: AsyncSession, now: datetime, idle_since: datetime, *, hash_: str | None = None, id_: str | None = None
) -> LoginSession | None:
    """The login session of a cookie's hash or of an id, unless ended, past its limit or idle too long."""
    which = LoginSession.hash == hash_ if hash_ is not None else LoginSession.id == id_
    query = select(LoginSession).where(
        which, LoginSession.ended.is_(None), LoginSession.expires > now, LoginSession.seen > idle_since
    )
    return (await tx.execute(query)).scalar_one_or_none()


async def logins(tx: AsyncSession, person: str, limit: int = 50) -> Sequence[LoginSession]:
    """The login sessions of a person, newest first, ended ones included."""
    query = select(LoginSession).where(LoginSession.person == person)
    return (await tx.execute(query.order_by(LoginSession.created.desc()).limit(limit))).scalars().all()


async def end_logins(
    tx: AsyncSession, person: str, now: datetime, why: str, *, keep: str | None = None, only: str | None = None
) -> int:
    """End a person's running login sessions (all but ``keep``, or ``only`` one); return how many."""
    statement = update(LoginSession).where(LoginSession.person == person, LoginSession.ended.is_(None))
    if keep is not None:
        statement = statement.where(LoginSession.id != keep)
    if only is not None:
        statement = statement.where(LoginSession.id == only)
    result = await tx.execute(statement.values(ended=now, ended_why=why))
    return int(result.rowcount)  # type: ignore[attr-defined]  # an UPDATE's result is a cursor result


async def guest_principal(
    tx: AsyncSession, now: datetime, *, cookie: str | None = None, id_: str | None = None
) -> Principal | None:
    """The guest of an accepted invitation inside its validity, by hash of the cookie or by id."""
    which = Invitation.cookie == cookie if cookie is not None else Invitation.id == id_
    query = select(Invitation).where(
        which, Invitation.state == "accepted", Invitation.valid_from <= now, Invitation.valid_until > now
    )
    row = (await tx.execute(query)).scalar_one_or_none()
    if row is None:
        return None
    return Principal(
        kind="guest",
        id=row.id,
        name=row.name,
        roles=frozenset({Role.GUEST.value}),
        session=row.session,
        locale=row.locale,
    )


async def terminal_principal(
    tx: AsyncSession, *, key: str | None = None, start: str | None = None, id_: str | None = None
) -> Principal | None:
    """The paired terminal of a key's hash, with that of a running start where it has a key pair; or of an id."""
    which = Terminal.key == key if key is not None else Terminal.id == id_
    row = (await tx.execute(select(Terminal).where(which, Terminal.state == "paired"))).scalar_one_or_none()
    if row is None:
        return None
    if key is not None and row.public_key is not None:
        started = await tx.get(TerminalStart, start or "")
        if started is None or started.terminal != row.id or started.ended is not None:
            return None
    return Principal(
        kind="terminal",
        id=row.id,
        name=row.label,
        roles=frozenset({Role.TERMINAL.value}),
        facility=row.facility,
        room=row.room,
    )


async def token_principal(
    tx: AsyncSession, now: datetime, *, hash_: str | None = None, id_: str | None = None
) -> Principal | None:
    """The token of a hash or an id, unless revoked or expired."""
    which = ApiToken.hash == hash_ if hash_ is not None else ApiToken.id == id_
    query = select(ApiToken).where(which, ApiToken.revoked.is_(None), ApiToken.expires > now)
    row = (await tx.execute(query)).scalar_one_or_none()
    if row is None:
        return None
    return Principal("token", row.id, row.name, frozenset({row.role}), organisation=row.organisation)


async def account_by_number(tx: AsyncSession, number: str, organisations: Collection[str]) -> str | None:
    """Id of the one person of the organisations with an officer's number; ``None`` when none or several have it."""
    query = select(Person.id).where(Person.number == number, Person.organisation.in_(organisations)).limit(2)
    found = (await tx.execute(query)).scalars().all()
    return found[0] if len(found) == 1 else None


async def terminals_of(tx: AsyncSession, facilities: Collection[str]) -> Sequence[Terminal]:
    """Paired terminals of the facilities, by label."""
    query = select(Terminal).where(Terminal.facility.in_(facilities), Terminal.state == "paired")
    return (await tx.execute(query.order_by(Terminal.label))).scalars().all()


async def invitations_of(tx: AsyncSession, session: str) -> Sequence[Invitation]:
    """Invitations of a session, oldest first."""
    query = select(Invitation).where(Invitation.session == session)
    return (await tx.execute(query.order_by(Invitation.created, Invitation.id))).scalars().all()


async def names(tx: AsyncSession, persons: Collection[str]) -> dict[str, tuple[str, str]]:
    """Name and organisation's name by id, of those ids that are persons."""
    query = select(Person.id, Person.name, Organisation.name.label("unit"))
    query = query.join(Organisation, Organisation.id == Person.organisation).where(Person.id.in_(persons))
    return {row.id: (row.name, row.unit) for row in await tx.execute(query)}


async def person_ids(tx: AsyncSession, organisations: Collection[str]) -> tuple[str, ...]:
    """Everybody of the organisations."""
    return tuple((await tx.execute(select(Person.id).where(Person.organisation.in_(organisations)))).scalars())


async def persons_of(
    tx: AsyncSession, organisations: Collection[str], *, search: str = "", limit: int = 200
) -> Sequence[tuple[Person, Account | None]]:
    """People of the organisations whose name, number or login contains ``search``, by name."""
    query = select(Person, Account).outerjoin(Account, Account.person == Person.id)
    query = query.where(Person.organisation.in_(organisations))
    if search:
        fields = (Person.name, Person.number, Account.login)
        query = query.where(or_(*(field.icontains(search, autoescape=True) for field in fields)))
    rows = await tx.execute(query.order_by(Person.name, Person.id).limit(limit))
    return [(row[0], row[1]) for row in rows]


async def standing_accounts(tx: AsyncSession, principals: Collection[Principal]) -> frozenset[Principal]:
    """Accounts whose login session was not ended by anybody, and who still have every role and the post they had."""
    if not principals:
        return frozenset()
    running = (
        select(LoginSession.id, LoginSession.person)
        .join(Person, Person.id == LoginSession.person)
        .join(Account, Account.person == LoginSession.person)
        .where(LoginSession.id.in_([p.login for p in principals]), LoginSession.ended.is_(None))
        .where(Person.state == "active", Account.state == "active")
    )
    logins_ = {(row.id, row.person) for row in await tx.execute(running)}
    held: dict[str, set[str]] = {}
    granted = select(RoleGrant.person, RoleGrant.role, RoleGrant.facility).where(
        RoleGrant.person.in_([p.id for p in principals]), RoleGrant.revoked.is_(None)
    )
    for row in await tx.execute(granted):
        held.setdefault(row.person, set()).update({row.role, f"at:{row.facility}"})
    return frozenset(
        p
        for p in principals
        if (p.login, p.id) in logins_
        and p.roles <= held.get(p.id, set())
        and (p.facility is None or f"at:{p.facility}" in held.get(p.id, set()))
    )


async def standing_guests(tx: AsyncSession, now: datetime, principals: Collection[Principal]) -> frozenset[Principal]:
    """Guests whose invitation is accepted and valid."""
    if not principals:
        return frozenset()
    query = select(Invitation.id).where(
        Invitation.id.in_([p.id for p in principals]),
        Invitation.state == "accepted",
        Invitation.valid_from <= now,
        Invitation.valid_until > now,
    )
    found = set((await tx.execute(query)).scalars())
    return frozenset(p for p in principals if p.id in found)


async def standing_terminals(tx: AsyncSession, principals: Collection[Principal]) -> frozenset[Principal]:
    """Terminals that are paired, to the same room."""
    if not principals:
        return frozenset()
    query = select(Terminal.id, Terminal.room).where(
        Terminal.id.in_([p.id for p in principals]), Terminal.state == "paired"
    )
    found = {(row.id, row.room) for row in await tx.execute(query)}
    return frozenset(p for p in principals if (p.id, p.room) in found)


async def standing_tokens(tx: AsyncSession, now: datetime, principals: Collection[Principal]) -> frozenset[Principal]:
    """Tokens neither revoked nor expired."""
    if not principals:
        return frozenset()
    query = select(ApiToken.id).where(
        ApiToken.id.in_([p.id for p in principals]), ApiToken.revoked.is_(None), ApiToken.expires > now
    )
    found = set((await tx.execute(query)).scalars())
    return frozenset(p for p in principals if p.id in found)
