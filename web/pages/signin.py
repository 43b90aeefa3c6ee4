"""Signing in by passkey, or by password and code; signing out."""

from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from core.errors import Denied, Invalid, PersonError
from people import logins, passkeys, second_factor, switching, throttle
from people.principals import Principal
from scheduler import demo
from web.context import VAULT, context, principal_of
from web.failures import wants_page
from web.forms import form, json_body, query
from web.guards import remote_of
from web.identity import DOOR, clear_cookie, cookie_name, known_cookie, set_cookie, set_known
from web.language import local_path, see_other
from web.mistakes import of_error
from web.navigation import first_page
from web.party import party, party_of
from web.rendering import page


@dataclass(frozen=True, slots=True)
class DemoLine:
    """An account for trying out, as the page lists it."""

    login: str
    password: str
    name: str
    role: str
    """msgid"""


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /signin``. A locked desk is opened on its own page."""
    asked = query(request)
    if principal_of(request) is not None:
        return see_other(asked.raw("next") or "/")
    found = context(request)
    if cookie := request.cookies.get(cookie_name(request, "account")):
        desk = await switching.at_desk(found.database, found.clock, cookie)
        if desk is not None and desk.locked and not asked.has("anew"):
            return see_other(f"/desk?{urlencode({'next': local_path(asked.raw('next'))})}")
    return signin_page(request, after=asked.raw("next"), told=asked.raw("told"))


async def submit(request: web.Request) -> web.StreamResponse:
    """``POST /signin``: a mistake shows the form again, with the sentence and without the password."""
    found, typed = context(request), await form(request)
    login, after = typed.raw("login")[:64], typed.raw("next")
    try:
        secret, principal = await logins.sign_in(
            found.database,
            found.clock,
            request.config_dict[DOOR],
            login=login,
            password=typed.raw("password")[:1000],
            vault=request.config_dict[VAULT],
            known=known_cookie(request),
            **came_from(request),
        )
    except PersonError as error:
        if not wants_page(request) or error.status >= 500:
            raise
        if error.code == "code-needed":
            return _code_page(request, pending=str(error.values["pending"]), after=after)
        return signin_page(request, error=error, login=login, after=after)
    return await _known_from_now(request, signed_in_to(request, secret, principal, after), principal)


async def submit_code(request: web.Request) -> web.StreamResponse:
    """``POST /signin/code``: the code app's digits, or a recovery code, after the right password."""
    found, typed = context(request), await form(request)
    pending, after = typed.raw("pending")[:128], typed.raw("next")
    try:
        secret, principal = await second_factor.finish(
            found.database,
            found.clock,
            request.config_dict[DOOR],
            request.config_dict[VAULT],
            pending=pending,
            code=typed.raw("code"),
            **came_from(request),
        )
    except PersonError as error:
        if error.status >= 500:
            raise
        if error.code == "code-wrong":
            return _code_page(request, pending=pending, after=after, error=error)
        return signin_page(request, error=error, after=after)
    return await _known_from_now(request, signed_in_to(request, secret, principal, after), principal)


async def begin_passkey(request: web.Request) -> web.StreamResponse:
    """``POST /signin/passkey/begin``: what a passkey is asked to sign; the answer names nobody."""
    found = context(request)
    request.config_dict[DOOR].throttle.take(throttle.PASSKEY_BEGIN, throttle.network(remote_of(request)))
    secret, options = await passkeys.begin_sign_in(found.database, found.clock, party(request))
    return web.json_response({"secret": secret, "options": options})


async def submit_passkey(request: web.Request) -> web.StreamResponse:
    """``POST /signin/passkey`` with ``secret``, ``credential`` and ``next``: the cookie, and where to go."""
    found, body = context(request), await json_body(request)
    fields = {name: body.get(name) for name in ("secret", "credential", "next")}
    if not all(isinstance(value, str) for value in fields.values()):
        raise Invalid("not-json", "The request is not a JSON object.")
    secret, principal = await passkeys.finish_sign_in(
        found.database,
        found.clock,
        party(request),
        secret=str(fields["secret"]),
        credential=str(fields["credential"]),
        **came_from(request),
    )
    response = web.json_response({"next": _after(str(fields["next"]), principal)})
    set_cookie(request, response, "account", secret)
    return await _known_from_now(request, response, principal)


async def leave(request: web.Request) -> web.StreamResponse:
    """``POST /signout``."""
    found, principal = context(request), principal_of(request)
    if principal is not None and principal.kind == "account":
        await logins.sign_out(found.database, found.clock, principal)
    response = see_other("/signin?told=out")
    clear_cookie(request, response, "account")
    return response


async def _known_from_now(request: web.Request, response: web.Response, principal: Principal) -> web.Response:
    """Only where somebody showed a way in of their own: not after a switch at a desk, a link or another site's word."""
    await set_known(request, response, principal.id)
    return response


def came_from(request: web.Request) -> dict[str, str]:
    """What the sign-in history holds about the browser."""
    agent = request.headers.get("User-Agent", "").encode(errors="replace").decode()  # it may hold half a character
    return {"agent": agent[:200], "address": remote_of(request)}


def signed_in_to(request: web.Request, secret: str, principal: Principal, after: str) -> web.Response:
    """Hand the cookie over and go on to the page asked for, else to where this person begins."""
    response = see_other(_after(after, principal))
    set_cookie(request, response, "account", secret)
    return response


def _after(wanted: str, principal: Principal) -> str:
    path = local_path(wanted)
    return path if path != "/" else first_page(principal)


def signin_page(
    request: web.Request, *, error: PersonError | None = None, login: str = "", after: str = "", told: str = ""
) -> web.Response:
    """The sign-in page, with what went wrong."""
    settings = context(request).settings
    return page(
        request,
        "signin/signin.html",
        status=_status(error),
        error=of_error(request, error) if error else None,
        login=login,
        after=local_path(after),
        told=told,
        passkeys=party_of(request) is not None,
        outside=settings.single_sign_on,
        accounts=_demo_accounts(request),
    )


def _code_page(request: web.Request, *, pending: str, after: str, error: PersonError | None = None) -> web.Response:
    return page(
        request,
        "signin/code.html",
        status=_status(error),
        error=of_error(request, error) if error else None,
        pending=pending,
        after=local_path(after),
    )


def _status(error: PersonError | None) -> int:
    if error is None:
        return 200
    return 401 if isinstance(error, Denied) else error.status


def _demo_accounts(request: web.Request) -> list[DemoLine]:
    if not context(request).settings.demo:
        return []
    return [DemoLine(login, demo.PASSWORD, name, role) for login, name, _, _, _, _, role in demo.ACCOUNTS]


def routes() -> list[web.RouteDef]:
    return [
        web.get("/signin", show),
        web.post("/signin", submit),
        web.post("/signin/code", submit_code),
        web.post("/signin/passkey/begin", begin_passkey),
        web.post("/signin/passkey", submit_passkey),
        web.post("/signout", leave),
    ]
