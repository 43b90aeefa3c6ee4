"""After the sealing key was rotated: everything sealed with an older one is sealed anew, then the old keys can go."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta

from sqlalchemy import Column, ColumnElement, MetaData, String, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.checkpoints import Log
from core.clock import Clock
from core.database import Base, Database
from core.errors import OperatorError
from core.vault import Purpose, Vault
from people import stills
from people.cameras import sealed_for
from people.models import Card, CodeApp, IdentityStill, Invitation, RecoveryCode, RoomCamera
from people.registry import SYSTEM

Resealer = Callable[[AsyncSession, Vault], Awaitable[int]]
ELSEWHERE: dict[Purpose, Resealer] = {}
"""What packages this one does not know keep sealed, by purpose; ``main.py`` says who seals it anew."""


async def reseal(database: Database, vault: Vault) -> int:
    """Seal anew what older keys sealed, all or nothing; return how many rows.

    Raises ``OperatorError`` when something cannot be opened, or is sealed in a column this does not know.
    """
    changed = 0
    async with database.transaction() as tx:
        for app in (await tx.execute(select(CodeApp))).scalars():
            if vault.outdated(app.secret):
                context = f"code-app:{app.person}"
                app.secret, changed = vault.seal(vault.unseal(app.secret, context), context), changed + 1
        for invitation in (await tx.execute(select(Invitation).where(Invitation.contact.is_not(None)))).scalars():
            if invitation.contact and vault.outdated(invitation.contact):
                context = f"invitation:{invitation.id}"
                plain = vault.unseal(invitation.contact, context)
                invitation.contact, changed = vault.seal(plain, context), changed + 1
        for still in (await tx.execute(select(IdentityStill).where(IdentityStill.picture.is_not(None)))).scalars():
            changed += stills.reseal(vault, still)
        for camera in (await tx.execute(select(RoomCamera).where(RoomCamera.address.is_not(None)))).scalars():
            if camera.address and vault.outdated(camera.address):
                plain = vault.unseal(camera.address, sealed_for(camera.id))
                camera.address, changed = vault.seal(plain, sealed_for(camera.id)), changed + 1
        await _refuse_left_behind(tx, vault, Purpose.SEAL)
    return changed


async def _refuse_left_behind(tx: AsyncSession, vault: Vault, purpose: Purpose) -> None:
    """Look through every column of text there is: a key is not destroyed while anything is still under it."""
    await tx.flush()
    connection = await tx.connection()
    metadata = MetaData()
    await connection.run_sync(metadata.reflect)
    old = [key.id for key in vault.keys(purpose)[1:]]
    for column in _texts(metadata):
        for key in old:
            query = select(func.count()).select_from(column.table).where(column.startswith(f"{key}.", autoescape=True))
            if (await tx.execute(query)).scalar_one():
                raise OperatorError(
                    f"{column.table.name}.{column.name} holds what the old key sealed: the old key stays"
                )


def _texts(metadata: MetaData) -> Iterator[Column[str]]:
    for table in metadata.tables.values():
        yield from (column for column in table.columns if isinstance(column.type, String))


async def rotate(database: Database, clock: Clock, vault: Vault, purpose: Purpose) -> tuple[str, int]:
    """Make a new key of ``purpose`` and, for what is sealed, seal everything with it and destroy the old ones.

    Returns the new key's id and how many rows were sealed anew. Keys of codes stay beside the new one, because codes
    printed or sent are known only by their hash; ledger keys stay, so that older checkpoints can be opened: ``forget``
    ends them.
    """
    key, changed = vault.rotate(purpose, clock.now()), 0
    if purpose is Purpose.SEAL:
        changed = await reseal(database, vault)
        vault.forget_old(purpose)
    elif purpose in ELSEWHERE:
        async with database.transaction() as tx:
            changed = await ELSEWHERE[purpose](tx, vault)
            await _refuse_left_behind(tx, vault, purpose)
        vault.forget_old(purpose)
    async with database.transaction() as tx:
        details = {"purpose": purpose.value, "key": key}
        await ledger.append(tx, "secret.rotated", actor=SYSTEM, subject=purpose.value, at=clock.now(), details=details)
    return key, changed


@dataclass(frozen=True, slots=True)
class UnderOldKeys:
    """What may be known only by a hash under an older key of codes: all that was made before the newest."""

    recovery_codes: int
    cards: int
    invitations: int
    """With a short code."""

    def __bool__(self) -> bool:
        return bool(self.recovery_codes or self.cards or self.invitations)


async def forget_codes(database: Database, clock: Clock, vault: Vault, *, even_so: bool = False) -> UnderOldKeys:
    """Destroy the older keys of codes, ``even_so`` also when codes are void by it, which are then deleted.

    Raises ``OperatorError`` that counts them.
    """
    since = vault.keys(Purpose.CODES)[0].made + timedelta(seconds=1)  # it is written down to the second
    codes = RecoveryCode.created < since, RecoveryCode.used.is_(None)
    shorts = Invitation.created < since, Invitation.short.is_not(None), Invitation.valid_until > clock.now()
    async with database.transaction() as tx:
        found = UnderOldKeys(
            await _count(tx, RecoveryCode, *codes),
            await _count(tx, Card, Card.created < since),
            await _count(tx, Invitation, *shorts),
        )
        if found and not even_so:
            raise OperatorError(
                f"under older keys are {found.recovery_codes} recovery codes, {found.cards} cards and "
                f"{found.invitations} short codes of invitations: have them renewed, or make them void with --even-so"
            )
        await tx.execute(delete(RecoveryCode).where(*codes))
        await tx.execute(delete(Card).where(Card.created < since))
        await tx.execute(update(Invitation).where(*shorts).values(short=None))
        await _forgotten(tx, clock, Purpose.CODES, asdict(found))
    vault.forget_old(Purpose.CODES)
    return found


async def forget_ledger(database: Database, clock: Clock, vault: Vault, log: Log) -> None:
    """Destroy the older keys of the ledger once the newest head is signed by the newest. Raises ``OperatorError``."""
    await log.check_new_key()
    async with database.transaction() as tx:
        await _forgotten(tx, clock, Purpose.LEDGER, {})
    vault.forget_old(Purpose.LEDGER)


async def _count(tx: AsyncSession, table: type[Base], *conditions: ColumnElement[bool]) -> int:
    return (await tx.execute(select(func.count()).select_from(table).where(*conditions))).scalar_one()


async def _forgotten(tx: AsyncSession, clock: Clock, purpose: Purpose, void: dict[str, int]) -> None:
    await ledger.append(tx, "secret.forgotten", actor=SYSTEM, subject=purpose.value, at=clock.now(), details=void)
