"""Who somebody is now: a principal looked up anew, so that whatever was withdrawn is withdrawn everywhere."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from people import store
from people.principals import Principal

IDLE = timedelta(hours=2)
"""A login session that has not been used for so long is over."""
DESK_IDLE = timedelta(minutes=15)
"""At a desk whose user has a PIN, a login session not used for so long is locked."""
LASTS = timedelta(hours=12)
"""A login session is over after so long, however busy."""


async def find(tx: AsyncSession, now: datetime, kind: str, id_: str, login: str | None) -> Principal | None:
    """The principal ``id_`` of ``kind`` as it stands now; ``None`` when anything it rests on has ended.

    An account is found only through its login session.
    """
    match kind:
        case "account":
            session = await store.live_login(tx, now, now - IDLE, id_=login or "")
            return await store.account_principal(tx, id_, session) if session and session.person == id_ else None
        case "guest":
            return await store.guest_principal(tx, now, id_=id_)
        case "terminal":
            return await store.terminal_principal(tx, id_=id_)
        case "token":
            return await store.token_principal(tx, now, id_=id_)
        case _:
            return None


async def withdrawn(tx: AsyncSession, now: datetime, principals: Iterable[Principal]) -> frozenset[Principal]:
    """Those of ``principals`` who may no longer act as they did: signed out, suspended, revoked, or with a role or
    post taken back; guests and tokens also when their time is over.

    Whoever holds connections open asks this about every second and closes them. A handful of queries for any number.
    The idle and absolute limits of a login bind its next request, not a connection that stands: a questioning is
    never cut because its officer signed in this morning.
    """
    asked = frozenset(principals)
    by_kind = {kind: [p for p in asked if p.kind == kind] for kind in ("account", "guest", "terminal", "token")}
    standing = await store.standing_accounts(tx, by_kind["account"])
    standing |= await store.standing_guests(tx, now, by_kind["guest"])
    standing |= await store.standing_terminals(tx, by_kind["terminal"])
    standing |= await store.standing_tokens(tx, now, by_kind["token"])
    return asked - standing
