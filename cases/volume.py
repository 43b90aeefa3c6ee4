"""The secret volume: real names of protected persons, sealed with a key of their own, and what is made from them."""

import json
from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cases import store
from cases.models import CustodyPerson, ProtectedPerson
from cases.protection import HELD_MINOR, Standing, is_minor
from core.database import vault_of
from core.ids import new_id
from core.vault import Purpose, Vault
from people.veil import Veil


def _context(row: ProtectedPerson) -> str:
    return f"protected-person:{row.id}"


def put(tx: AsyncSession, row: ProtectedPerson, name: str, born: date | None) -> None:
    """Add a protected person with the real name sealed."""
    row.id = row.id or new_id()
    said = {"name": name, "born": born.isoformat() if born else None}
    plain = json.dumps(said, ensure_ascii=False).encode()
    row.sealed = vault_of(tx).seal(plain, _context(row), Purpose.NAMES)
    tx.add(row)


def real_name(tx: AsyncSession, row: ProtectedPerson) -> str:
    """The name in the volume. Whoever calls this has asked for permission, and told the ledger, before."""
    return str(_opened(vault_of(tx), row)["name"])


def _opened(vault: Vault, row: ProtectedPerson) -> dict[str, str | None]:
    found: dict[str, str | None] = json.loads(vault.unseal(row.sealed, _context(row), Purpose.NAMES))
    return found


async def persons(tx: AsyncSession, case: str) -> Sequence[ProtectedPerson]:
    """Everybody who ever had an alias in a case, by alias."""
    query = select(ProtectedPerson).where(ProtectedPerson.case == case)
    return (await tx.execute(query.order_by(ProtectedPerson.alias))).scalars().all()


async def standing(tx: AsyncSession, case: str) -> list[ProtectedPerson]:
    """Whose alias stands in a case."""
    return [row for row in await persons(tx, case) if row.state is not Standing.ENDED]


async def veil(tx: AsyncSession, case: str | None, at: datetime) -> Veil:
    """What hides the names of a case: aliases of the protected, and of those in custody who were minors at ``at``."""
    if case is None:
        return Veil()
    rows = await standing(tx, case)
    vault = vault_of(tx) if rows else None
    held = [person.name for person in await store.suspects(tx, case) if is_minor(person.born, at.date())]
    named = {str(_opened(vault, row)["name"]): row.alias for row in rows} if vault else {}
    return Veil({**dict.fromkeys(held, HELD_MINOR), **named})


async def held_minors(tx: AsyncSession, persons_: Sequence[str]) -> dict[str, str]:
    """Names of persons in custody by id: for those who may be told (``protection.tells_held_minor``)."""
    query = select(CustodyPerson.id, CustodyPerson.name).where(CustodyPerson.id.in_(persons_))
    return {row.id: row.name for row in await tx.execute(query)}


async def reseal(tx: AsyncSession, vault: Vault) -> int:
    """Seal anew what older keys sealed; return how many."""
    changed = 0
    for row in (await tx.execute(select(ProtectedPerson))).scalars():
        if vault.outdated(row.sealed, Purpose.NAMES):
            plain = vault.unseal(row.sealed, _context(row), Purpose.NAMES)
            row.sealed, changed = vault.seal(plain, _context(row), Purpose.NAMES), changed + 1
    return changed
