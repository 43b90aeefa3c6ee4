"""Signing in and out."""

from dataclasses import dataclass

from aiohttp import web

from core.errors import Denied, PersonError
from people import logins, stepup
from scheduler import demo
from web.context import context, principal_of
from web.failures import wants_page
from web.forms import form, query
from web.guards import remote_of
from web.identity import DOOR, account, clear_cookie, set_cookie
from web.language import local_path, see_other
from web.mistakes import of_error
from web.navigation import first_page
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
    """``GET /signin``."""
    if principal_of(request) is not None:
        return see_other("/")
    asked = query(request)
    return _page(request, next_page=asked.raw("next"), told=asked.raw("told"))


async def submit(request: web.Request) -> web.StreamResponse:
    """``POST /signin``: a mistake shows the form again, with the sentence and without the password."""
    found, typed = context(request), await form(request)
    try:
        secret, principal = await logins.sign_in(
            found.database,
            found.clock,
            request.config_dict[DOOR],
            login=typed.raw("login")[:64],
            password=typed.raw("password")[:1000],
            agent=request.headers.get("User-Agent", "")[:200],
            address=remote_of(request),
        )
    except PersonError as error:
        if not wants_page(request) or error.status >= 500:
            raise
        return _page(request, error=error, login=typed.raw("login")[:64], next_page=typed.raw("next"))
    wanted = local_path(typed.raw("next"))
    response = see_other(wanted if wanted != "/" else first_page(principal))
    set_cookie(request, response, "account", secret)
    return response


async def leave(request: web.Request) -> web.StreamResponse:
    """``POST /signout``."""
    found, principal = context(request), principal_of(request)
    if principal is not None and principal.kind == "account":
        await logins.sign_out(found.database, found.clock, principal)
    response = see_other("/signin?told=out")
    clear_cookie(request, response, "account")
    return response


async def confirm(request: web.Request) -> web.StreamResponse:
    """``GET /confirm?next=``: somebody signed in a while ago shows once more that it is them."""
    account(request)
    return page(request, "signin/confirm.html", next=local_path(query(request).raw("next")), error=None)


async def confirmed(request: web.Request) -> web.StreamResponse:
    """``POST /confirm``: back to the page whose step wanted fresh proof."""
    principal, found, typed = account(request), context(request), await form(request)
    door, wanted = request.config_dict[DOOR], local_path(typed.raw("next"))
    try:
        await stepup.prove_by_password(
            found.database, found.clock, door, principal, password=typed.raw("password")[:1000]
        )
    except PersonError as error:
        if error.status >= 500:
            raise
        mistake = of_error(request, error)
        return page(request, "signin/confirm.html", status=error.status, next=wanted, error=mistake)
    return see_other(wanted)


def _page(
    request: web.Request, *, error: PersonError | None = None, login: str = "", next_page: str = "", told: str = ""
) -> web.Response:
    mistake = of_error(request, error) if error else None
    status = (401 if isinstance(error, Denied) else error.status) if error else 200
    return page(
        request,
        "signin/signin.html",
        status=status,
        error=mistake,
        login=login,
        next=local_path(next_page),
        told=told,
        accounts=_demo_accounts(request),
    )


def _demo_accounts(request: web.Request) -> list[DemoLine]:
    if not context(request).settings.demo:
        return []
    return [DemoLine(login, demo.PASSWORD, name, role) for login, name, _, _, _, _, role in demo.ACCOUNTS]


def routes() -> list[web.RouteDef]:
    return [
        web.get("/signin", show),
        web.post("/signin", submit),
        web.post("/signout", leave),
        web.get("/confirm", confirm),
        web.post("/confirm", confirmed),
    ]
