"""Links to a film: good for one person, one address and some hours, signed by the site.

A link is no permission: who may see the record, and whether its opening stands in the ledger, is asked with each
request. It is what keeps an address that was sent on, or found in a history, from being one.
"""

import hmac
from datetime import UTC, datetime, timedelta

from aiohttp import web

from core.errors import Denied
from people.principals import Principal
from web.context import VAULT, context

LASTS = timedelta(hours=12)
_NAME = "link"


def sign(request: web.Request, principal: Principal, path: str) -> str:
    """The address ``path``, for ``principal``, until ``LASTS`` from now."""
    until = int((context(request).clock.now() + LASTS).timestamp())
    return f"{path}?{_NAME}={until}.{_macs(request, principal, path, until)[0]}"


def require(request: web.Request, principal: Principal) -> None:
    """Raise ``Denied("link-expired")`` unless the address asked for was signed for ``principal`` and still holds."""
    until, _, mac = request.query.get(_NAME, "").partition(".")
    if not (until.isascii() and until.isdigit() and len(until) < 12 and mac.isascii()):
        raise _expired()
    good = any(hmac.compare_digest(mac, own) for own in _macs(request, principal, request.path, int(until)))
    if not good or datetime.fromtimestamp(int(until), UTC) <= context(request).clock.now():
        raise _expired()


def _macs(request: web.Request, principal: Principal, path: str, until: int) -> tuple[str, ...]:
    """Under each key the site has for such things, newest first."""
    return request.config_dict[VAULT].code_hashes(f"{principal.id}\0{path}\0{until}", "link")


def _expired() -> Denied:
    return Denied("link-expired", "This link has expired. Please open the recording on its page again.")
