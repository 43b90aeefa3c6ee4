"""Browsers that signed in to an account before: strangers who guess cannot use up their tries (decision 0091).

A cookie holds one entry per account, ``nonce.seconds.password.mark``: the mark binds login, nonce and time, the third
part the present password, both keyed hashes of the site. An entry opens nothing; it buys tries of its own. It names
nobody, and without the site's secret nobody can make one.
"""

import hmac
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta

from core.clock import Clock
from core.database import Database
from core.vault import Vault
from people.models import Account

LASTS = timedelta(days=180)
MOST = 8
"""Accounts one browser is known to: those of a shared desk."""
_LONGEST = 1500


def known(vault: Vault, cookie: str, login: str, password: str | None, now: datetime) -> str | None:
    """The nonce of the entry by which a browser is known to an account, whose stored password is ``password``."""
    for nonce, seconds, bound, _ in entries_for(vault, cookie, login):
        issued = int(seconds)
        is_fresh = now - LASTS < datetime.fromtimestamp(issued, now.tzinfo) <= now
        if is_fresh and password is not None and _matches(bound, _bound(vault, nonce, password)):
            return nonce
    return None


def entries_for(vault: Vault, cookie: str, login: str) -> Iterator[tuple[str, str, str, str]]:
    """Entries that this site made for ``login``, whatever became of them since; found without asking the database."""
    for entry in _split(cookie):
        nonce, seconds, bound, mark = entry.split(".")
        if _matches(mark, _marks(vault, login, nonce, seconds, bound)):
            yield nonce, seconds, bound, mark


async def remember(database: Database, clock: Clock, vault: Vault, person: str, cookie: str) -> str:
    """The cookie of a browser in which ``person`` just signed in: a new entry, the newest of others as they were."""
    async with database.transaction(write=False) as tx:
        account = await tx.get_one(Account, person)
    stale = {".".join(parts) for parts in entries_for(vault, cookie, account.login)}
    others = [entry for entry in _split(cookie) if entry not in stale]
    if account.password is None:
        return "~".join(others)
    nonce, seconds = secrets.token_urlsafe(16), str(int(clock.now().timestamp()))
    bound = _bound(vault, nonce, account.password)[0]
    mark = _marks(vault, account.login, nonce, seconds, bound)[0]
    return "~".join([f"{nonce}.{seconds}.{bound}.{mark}", *others][:MOST])


def _split(cookie: str) -> list[str]:
    """What has the shape of entries, as far as one cookie may hold them."""
    if not cookie.isascii() or len(cookie) > _LONGEST:
        return []
    entries = [entry for entry in cookie.split("~") if entry.count(".") == 3]
    return [entry for entry in entries if (seconds := entry.split(".")[1]).isdecimal() and len(seconds) < 12][:MOST]


def _bound(vault: Vault, nonce: str, password: str) -> tuple[str, ...]:
    return tuple(found[:32] for found in vault.code_hashes(nonce, f"known-browser-password\0{password}"))


def _marks(vault: Vault, login: str, nonce: str, seconds: str, bound: str) -> tuple[str, ...]:
    return vault.code_hashes(f"{nonce}.{seconds}.{bound}", f"known-browser\0{login}")


def _matches(said: str, right: tuple[str, ...]) -> bool:
    return any(hmac.compare_digest(said, one) for one in right)
