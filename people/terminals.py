"""Terminals: the device in a room, paired once, an endpoint nobody has to operate.

Device flow: the device shows a code, the duty officer of the facility types it and names the room, the device fetches
its long-lived key, which it keeps as a cookie and of which only the hash is stored.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Denied, NotFound
from core.ids import hash_secret, new_secret
from people import store, throttle
from people.models import PairingCode, Terminal
from people.permissions import Action, relations, require, require_known
from people.principals import Principal
from people.terminal_keys import check_public_key
from people.throttle import Throttle

log = structlog.get_logger()

CODE_LASTS = timedelta(minutes=10)
_ALPHABET = "23456789BCDFGHJKMNPQRSTVWXYZ"
"""No characters that look alike, and no vowels that make words."""
_LONGEST = 128


@dataclass(frozen=True)
class Pairing:
    """What a device that wants to be a terminal needs: a code for its screen and a secret to ask with."""

    code: str
    """Two groups of four, for example ``7K3F-MM2Q``."""
    device: str
    lasts: timedelta = CODE_LASTS


@dataclass(frozen=True)
class Place:
    """A room as whoever knows rooms describes it."""

    room: str
    facility: str
    label: str
    line: tuple[str, ...] = ()
    """The facility's organisation and those above it."""


def no_room() -> NotFound:
    """The same whether there is none, or none for this viewer."""
    return NotFound("no-room", "There is no such room.")


@dataclass(frozen=True)
class Health:
    """What a terminal tells about itself; never a sound or picture."""

    camera: bool
    microphone: bool
    network: str = ""
    version: str = ""


async def begin(
    database: Database, clock: Clock, gate: Throttle, *, address: str = "", public_key: str | None = None
) -> Pairing:
    """Start pairing a device, with the public half of its own key if it made one. Raises ``TooMany`` or ``Invalid``."""
    known_key = check_public_key(public_key) if public_key else None
    gate.take(throttle.PAIRING_BEGIN, throttle.network(address))
    now, device = clock.now(), new_secret()
    code = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    async with database.transaction() as tx:
        await tx.execute(delete(PairingCode).where(PairingCode.expires <= now))
        tx.add(
            PairingCode(
                code=hash_secret(code),
                device=hash_secret(device),
                created=now,
                expires=now + CODE_LASTS,
                public_key=known_key,
            )
        )
    return Pairing(f"{code[:4]}-{code[4:]}", device)


async def confirm(
    database: Database, clock: Clock, gate: Throttle, principal: Principal, *, code: str, place: Place
) -> None:
    """The duty officer says that the device showing ``code`` stands in ``place``.

    Raises ``Denied`` and ``NotFound("no-room")`` for a facility not theirs, ``NotFound("code-unknown")``, ``TooMany``.
    """
    held = relations(principal, facility=place.facility, line=place.line)
    require_known(principal, Action.PAIR_TERMINAL, held, see=Action.VIEW_TERMINALS, missing=no_room())
    gate.take(throttle.PAIRING_CONFIRM, principal.id)
    now = clock.now()
    typed = "".join(character for character in code.upper() if character.isalnum())
    async with database.transaction() as tx:
        done = await tx.execute(
            update(PairingCode)
            .where(PairingCode.code == hash_secret(typed), PairingCode.state == "waiting", PairingCode.expires > now)
            .values(
                state="confirmed",
                room=place.room,
                facility=place.facility,
                label=place.label,
                confirmed_by=principal.id,
            )
        )
        if done.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE's result is a cursor result
            log.warning("a pairing code was refused", person=principal.id)
            raise NotFound(
                "code-unknown", "No device shows this code, or it has changed since. Look again.", field="code"
            )


async def collect(database: Database, clock: Clock, device: str) -> str | None:
    """Return the terminal's key once its code is confirmed, ``None`` while it is not.

    The terminal that was paired to the same room before is revoked. Raises ``Denied("pairing-over")`` when the code
    has expired or its key was fetched: the device then begins anew.
    """
    now, key = clock.now(), new_secret()
    async with database.transaction() as tx:
        query = select(PairingCode).where(PairingCode.device == hash_secret(device[:_LONGEST]))
        pairing = (await tx.execute(query.with_for_update())).scalar_one_or_none()
        if pairing is None or pairing.expires <= now or pairing.state == "taken":
            raise Denied("pairing-over", "The code has expired. A new one is shown in a moment.")
        if pairing.state == "waiting":
            return None
        pairing.state = "taken"
        room, by = str(pairing.room), str(pairing.confirmed_by)
        await _replace(tx, clock, room, by)
        terminal = Terminal(
            room=room,
            facility=str(pairing.facility),
            label=str(pairing.label),
            key=hash_secret(key),
            paired=now,
            paired_by=by,
            seen=now,
            public_key=pairing.public_key,
        )
        tx.add(terminal)
        await tx.flush()
        await ledger.append(tx, "terminal.paired", actor=by, subject=terminal.id, at=now, details={"room": room})
    return key


async def authenticate_terminal(database: Database, key: str | None, start: str | None = None) -> Principal | None:
    """The paired terminal of a key; one that has a key pair needs the cookie of its newest start too."""
    if not key or len(key) > _LONGEST or len(start or "") > _LONGEST:
        return None
    async with database.transaction(write=False) as tx:
        return await store.terminal_principal(tx, key=hash_secret(key), start=hash_secret(start or ""))


async def seen(database: Database, clock: Clock, terminal: Principal, health: Health) -> None:
    """Note that a terminal lives and what it says of itself."""
    told = asdict(health) | {"network": health.network[:32], "version": health.version[:200]}
    async with database.transaction() as tx:
        await tx.execute(update(Terminal).where(Terminal.id == terminal.id).values(seen=clock.now(), health=told))


async def revoke(
    database: Database, clock: Clock, principal: Principal, terminal: str, *, line: tuple[str, ...] = ()
) -> None:
    """Put a terminal out of use at once; twice is once. ``line`` as in ``Place``, for administrators.

    Raises ``NotFound``, also for one that is not theirs to know of.
    """
    async with database.transaction() as tx:
        found = await tx.get(Terminal, terminal)
        held = relations(principal, facility=found.facility if found else None, line=line)
        unknown = NotFound("terminal-unknown", "There is no such terminal.")
        require_known(principal, Action.REVOKE_TERMINAL, held, see=Action.VIEW_TERMINALS, missing=unknown)
        if found is None:
            raise unknown
        if found.state == "paired":
            await _revoke(tx, clock, found, principal.id)


async def of_facility(
    database: Database, principal: Principal, facility: str, *, line: tuple[str, ...] = ()
) -> Sequence[Terminal]:
    """The terminals of a facility with when they were last seen and how they are."""
    require(principal, Action.VIEW_TERMINALS, relations(principal, facility=facility, line=line))
    async with database.transaction(write=False) as tx:
        return await store.terminals_of(tx, (facility,))


async def of_tree(database: Database, principal: Principal, facilities: Collection[str]) -> Sequence[Terminal]:
    """The same of several ``facilities``, which whoever knows them found below the principal's organisation."""
    require(principal, Action.VIEW_TERMINALS, relations(principal, line=(principal.organisation or "",)))
    async with database.transaction(write=False) as tx:
        return await store.terminals_of(tx, facilities)


async def _replace(tx: AsyncSession, clock: Clock, room: str, by: str) -> None:
    former = await tx.execute(select(Terminal).where(Terminal.room == room, Terminal.state == "paired"))
    for terminal in former.scalars():
        await _revoke(tx, clock, terminal, by)


async def _revoke(tx: AsyncSession, clock: Clock, terminal: Terminal, by: str) -> None:
    terminal.state, terminal.revoked = "revoked", clock.now()
    details = {"room": terminal.room}
    await ledger.append(tx, "terminal.revoked", actor=by, subject=terminal.id, at=clock.now(), details=details)
