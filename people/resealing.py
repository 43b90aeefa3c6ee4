"""After the sealing key was rotated: everything sealed with an older one is sealed anew, then the old keys can go."""

from collections.abc import Awaitable, Callable

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from core.database import Database
from core.vault import Purpose, Vault
from people import stills
from people.cameras import sealed_for
from people.models import CodeApp, IdentityStill, Invitation, RoomCamera
from people.registry import SYSTEM

Resealer = Callable[[AsyncSession, Vault], Awaitable[int]]
ELSEWHERE: dict[Purpose, Resealer] = {}
"""What packages this one does not know keep sealed, by purpose; ``main.py`` says who seals it anew."""


async def reseal(database: Database, vault: Vault) -> int:
    """Seal anew what older keys sealed, all or nothing; return how many rows. Raises ``OperatorError``."""
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
    return changed


async def rotate(database: Database, clock: Clock, vault: Vault, purpose: Purpose) -> tuple[str, int]:
    """Make a new key of ``purpose`` and, for what is sealed, seal everything with it and destroy the old ones.

    Returns the new key's id and how many rows were sealed anew. Keys of codes stay beside the new one, because codes
    printed or sent are known only by their hash; ledger keys stay, so that older checkpoints can be opened:
    ``Vault.forget_old`` ends them.
    """
    key, changed = vault.rotate(purpose, clock.now()), 0
    if purpose is Purpose.SEAL:
        changed = await reseal(database, vault)
        vault.forget_old(purpose)
    elif purpose in ELSEWHERE:
        async with database.transaction() as tx:
            changed = await ELSEWHERE[purpose](tx, vault)
        vault.forget_old(purpose)
    async with database.transaction() as tx:
        details = {"purpose": purpose.value, "key": key}
        await ledger.append(tx, "secret.rotated", actor=SYSTEM, subject=purpose.value, at=clock.now(), details=details)
    return key, changed
