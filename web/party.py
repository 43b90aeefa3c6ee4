"""The site as passkeys know it, for the browser at hand."""

from urllib.parse import urlsplit

from aiohttp import web

from core.errors import Conflict
from people.passkeys import RelyingParty, relying_party
from web.context import context


def party_of(request: web.Request) -> RelyingParty | None:
    """The configured site; on a machine of one's own also ``localhost``. ``None`` where browsers have no passkeys."""
    settings = context(request).settings
    base = settings.base_url
    if settings.is_loopback and not settings.public_url and urlsplit(f"//{request.host}").hostname == "localhost":
        base = f"{request.scheme}://{request.host}"
    return relying_party(base, settings.site_name)


def party(request: web.Request) -> RelyingParty:
    """As ``party_of``. Raises ``Conflict`` where there are no passkeys."""
    found = party_of(request)
    if found is None:
        raise Conflict(
            "no-passkeys-here", "Passkeys need the site to be opened by its name, not by a number such as 127.0.0.1."
        )
    return found
