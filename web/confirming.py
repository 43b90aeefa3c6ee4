"""Asking once more who is at the keyboard, without losing what was typed: the form comes back as it was sent.

The page that asks carries the fields of the act; after the proof the browser is told (307) to send the same form to
where it was going.
"""

from collections.abc import Sequence

from aiohttp import web

from core.errors import Invalid
from people import ways
from web.context import context
from web.forms import form
from web.identity import account
from web.language import local_path
from web.mistakes import Mistake
from web.party import party_of
from web.rendering import page

Carried = Sequence[tuple[str, str]]
PREFIX = "confirm_"
"""Of the fields that are the proof; no other form has such."""
_SECRETS = frozenset({"password", "new", "old", "again", "pin", "code", "secret", "client_secret"})
_MOST = 100


async def carried(request: web.Request) -> Carried | None:
    """The fields of the form that was sent, but for those of a proof; ``None`` when they cannot be sent again.

    A file cannot, and a secret should not stand in a page.
    """
    try:
        fields = [item for item in (await request.post()).items() if not item[0].startswith(PREFIX)]
    except (ValueError, UnicodeDecodeError, LookupError):
        return None
    texts = [(name, value) for name, value in fields if isinstance(value, str)]
    if len(texts) != len(fields) or len(texts) > _MOST or any(name in _SECRETS and value for name, value in texts):
        return None
    return texts


async def ask(
    request: web.Request, *, act: str = "", after: str = "/", fields: Carried = (), error: Mistake | None = None
) -> web.Response:
    """The page that asks for proof. ``act``: where the carried fields go afterwards; else the browser goes to
    ``after``."""
    principal, found = account(request), context(request)
    async with found.database.transaction(write=False) as tx:
        has = await ways.of(tx, principal.id)
    return page(
        request,
        "signin/confirm.html",
        status=error.status if error else (403 if act else 200),
        act=act,
        after=local_path(after),
        fields=fields,
        has=has,
        passkeys=bool(has.passkeys) and party_of(request) is not None,
        error=error,
    )


async def target(request: web.Request) -> tuple[str, str, Carried]:
    """Where a proved form goes: the act, the page after it, and what it carries. Raises ``Invalid``."""
    typed = await form(request)
    fields = await carried(request)
    if fields is None:
        raise Invalid("form-unreadable", "The form could not be read. Please go back and try again.")
    act = typed.raw(PREFIX + "act")
    return (local_path(act) if act else ""), local_path(typed.raw(PREFIX + "next")), fields
