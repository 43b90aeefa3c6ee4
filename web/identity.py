"""Who is asking: the cookie of an account, a guest or a terminal, or a bearer token, turned into a principal."""

from collections.abc import Mapping
from typing import Literal

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from core.errors import Denied
from core.ids import hash_secret
from people import invitations, known_browsers, logins, terminals, tokens
from people.logins import Door
from people.owing import Owes
from people.principals import Principal
from web.context import VAULT, WebContext, context, principal_of
from web.language import settle

log = structlog.get_logger()

DOOR: web.AppKey[Door] = web.AppKey("door", Door)
"""Password hashing and counters of tries, one per process."""
CookieKind = Literal["account", "guest", "terminal", "outside"]
"""The last is no identity: it ties a single sign-on under way to the browser that began it."""

_NAMES: dict[CookieKind, str] = {
    "account": "yj",
    "guest": "yj-guest",
    "terminal": "yj-terminal",
    "outside": "yj-outside",
}
_AGES: dict[CookieKind, int | None] = {"account": None, "guest": 12 * 3600, "terminal": 400 * 24 * 3600, "outside": 600}
_ORDERS: tuple[tuple[str, tuple[CookieKind, ...]], ...] = (
    ("/terminal", ("terminal",)),
    ("/i", ("guest",)),
    ("", ("account", "guest", "terminal")),
)
_WITHOUT = ("/static/", "/health/", "/language/")
_TOWARDS: Mapping[Owes, tuple[str, ...]] = {
    Owes.WAY: ("/account/passkeys", "/account/password"),
    Owes.PASSWORD: ("/account/password",),
    Owes.FACTOR: ("/account/passkeys", "/account/app"),
}
"""Where what is owed can be given."""
_OWN_TOKEN = ("/whip/", "/whep/", "/media/")


@web.middleware
async def principal_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Set ``request["principal"]`` to who is asking, or ``None``, and ``request["browser"]`` to the cookie's hash."""
    request["principal"] = None
    request["browsers"] = _browsers(request)
    if not _proves_itself(request):
        request["principal"] = await _find(request)
        settle(request)
        _let_pass(request)
    return await handler(request)


def _let_pass(request: web.Request) -> None:
    """Raise ``Denied("owing")`` when an account that owes a password or a second factor asks for anything else."""
    principal = principal_of(request)
    if principal is None or not principal.owes:
        return
    own = ("/account/begin", "/signout", *_TOWARDS[Owes(principal.owes)])
    if not any(request.path == path or request.path.startswith(path + "/") for path in own):
        raise Denied("owing", "Set up your own way to sign in first. Nothing else is open before.")


def _proves_itself(request: web.Request) -> bool:
    """Whether nobody need be looked up: the address is for everybody, or proves itself by a ticket or a media token.

    Running sessions go on while the database is away, so these must not ask it.
    """
    path = request.path
    if path.startswith(_WITHOUT) or (path.startswith("/live/") and path.endswith("/socket")):
        return True
    return path.startswith(_OWN_TOKEN) and request.headers.get("Authorization", "").startswith("Bearer ")


async def _find(request: web.Request) -> Principal | None:
    found = context(request)
    authorization = request.headers.get("Authorization", "")
    if authorization.startswith("Bearer "):
        return await tokens.authenticate_token(found.database, found.clock, authorization.removeprefix("Bearer "))
    for kind in _order(request):
        secret = request.cookies.get(cookie_name(request, kind))
        start = request.cookies.get(_start_name(request)) if kind == "terminal" else None
        if secret and (principal := await _known(found, kind, secret, start)):
            request["browser"] = hash_secret(secret)
            return principal
        if secret and kind != "terminal":  # that one asks every few seconds until it has proved itself
            log.warning("a cookie was refused", kind=kind)
    return None


async def _known(found: WebContext, kind: CookieKind, secret: str, start: str | None) -> Principal | None:
    match kind:
        case "account":
            return await logins.authenticate(
                found.database, found.clock, secret, second_factor=found.settings.second_factor
            )
        case "guest":
            return await invitations.authenticate_guest(found.database, found.clock, secret)
        case "terminal":
            return await terminals.authenticate_terminal(found.database, secret, start)
        case "outside":
            return None


def _browsers(request: web.Request) -> frozenset[str]:
    """Hashes of the cookies of identity this comes with, whether they are good or not."""
    cookies = (request.cookies.get(cookie_name(request, kind)) for kind in _NAMES)
    return frozenset(hash_secret(secret) for secret in cookies if secret)


def _order(request: web.Request) -> tuple[CookieKind, ...]:
    """Which cookies are looked at. ``?as=guest`` picks one where a browser holds several."""
    asked = request.query.get("as")
    for kind in _NAMES:
        if kind == asked:
            return (kind,)
    path = request.path
    return next(order for prefix, order in _ORDERS if not prefix or path == prefix or path.startswith(prefix + "/"))


def cookie_name(request: web.Request, kind: CookieKind) -> str:
    """Bound to this host by its name where cookies may be: over HTTPS."""
    return ("__Host-" if _secure(request) else "") + _NAMES[kind]


def set_cookie(request: web.Request, response: web.StreamResponse, kind: CookieKind, secret: str) -> None:
    """Hand the browser the secret by which it is known from now on."""
    response.set_cookie(
        cookie_name(request, kind),
        secret,
        path="/",
        max_age=_AGES[kind],
        httponly=True,
        secure=_secure(request),
        samesite="Lax",
    )


def set_start(request: web.Request, response: web.StreamResponse, secret: str) -> None:
    """Hand a terminal the cookie of a start it has proved. It lasts as long as the browser runs, or less."""
    secure = _secure(request)
    response.set_cookie(_start_name(request), secret, path="/", httponly=True, secure=secure, samesite="Lax")


async def set_known(request: web.Request, response: web.StreamResponse, person: str) -> None:
    """Have the browser remember that ``person`` signed in here, so that strangers cannot use up its tries."""
    found, vault = context(request), request.config_dict[VAULT]
    value = await known_browsers.remember(found.database, found.clock, vault, person, known_cookie(request))
    age = int(known_browsers.LASTS.total_seconds())
    secure, name = _secure(request), _known_name(request)
    response.set_cookie(name, value, path="/", max_age=age, httponly=True, secure=secure, samesite="Strict")


def known_cookie(request: web.Request) -> str:
    """By what this browser is known to accounts, empty when it is not."""
    return request.cookies.get(_known_name(request), "")


def _known_name(request: web.Request) -> str:
    return ("__Host-" if _secure(request) else "") + "yj-known"


def _start_name(request: web.Request) -> str:
    return cookie_name(request, "terminal") + "-start"


def clear_cookie(request: web.Request, response: web.StreamResponse, kind: CookieKind) -> None:
    """Make the browser forget it."""
    response.del_cookie(cookie_name(request, kind), path="/", httponly=True, secure=_secure(request), samesite="Lax")


def _secure(request: web.Request) -> bool:
    return context(request).settings.base_url.startswith("https:")


def signed_in(request: web.Request) -> Principal:
    """Who is asking; raise ``Denied`` (``signed-out``) when nobody is. Pages answer that with the sign-in page."""
    principal = principal_of(request)
    if principal is None:
        raise Denied("signed-out", "You are not signed in, or were signed out. Please sign in again.")
    return principal


def account(request: web.Request) -> Principal:
    """The account holder asking; guests and terminals are told that this page is not theirs."""
    principal = signed_in(request)
    if principal.kind != "account":
        raise Denied("not-an-account", "This page is for people with an account.")
    return principal
