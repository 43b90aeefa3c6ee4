"""My account: how I sign in, where I am signed in, my language; and what a new account sets up first."""

from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from core.errors import Denied, PersonError
from people import logins, passkeys, second_factor, switching, ways
from people.models import LoginSession
from people.owing import Owes
from people.principals import Principal
from web.agents import device
from web.context import context
from web.forms import form, path_id, query
from web.identity import DOOR, account, set_known
from web.language import COOKIE, local_path, see_other
from web.mistakes import Mistake, of_error
from web.party import party_of
from web.rendering import page

_SHOWN = 50


@dataclass(frozen=True, slots=True)
class SignInLine:
    """One sign-in as its owner sees it."""

    id: str
    at: datetime
    seen: datetime
    method: str
    device: str
    address: str
    open: bool
    why: str
    """How it ended: empty for one that is open or ran out."""
    here: bool
    """Whether it is the browser at hand."""


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /account``."""
    principal, found = account(request), context(request)
    async with found.database.transaction(write=False) as tx:
        has = await ways.of(tx, principal.id)
    pin, card = await switching.own(found.database, principal)
    return page(
        request,
        "account/account.html",
        has=has,
        keys=await passkeys.own(found.database, principal),
        codes=await second_factor.recovery_codes_left(found.database, principal),
        pin=pin,
        card=card,
        lines=[line for line in await _sign_ins(request, principal) if line.open],
        told=query(request).raw("told"),
    )


async def sign_ins(request: web.Request) -> web.StreamResponse:
    """``GET /account/sign-ins``: the last fifty."""
    return page(request, "account/sign_ins.html", lines=await _sign_ins(request, account(request)))


async def _sign_ins(request: web.Request, principal: Principal) -> list[SignInLine]:
    found = context(request)
    now = found.clock.now()
    return [_line(row, principal, now) for row in await logins.my_logins(found.database, principal)][:_SHOWN]


def _line(row: LoginSession, principal: Principal, now: datetime) -> SignInLine:
    return SignInLine(
        id=row.id,
        at=row.created,
        seen=row.seen,
        method=row.method,
        device=device(row.agent),
        address=row.address,
        open=logins.is_open(row, now),
        why=row.ended_why or "",
        here=row.id == principal.login,
    )


async def end(request: web.Request) -> web.StreamResponse:
    """``POST /account/sign-ins/{id}/end``: sign one other browser out."""
    principal, found = account(request), context(request)
    await logins.revoke(found.database, found.clock, principal, path_id(request))
    return see_other("/account?told=ended")


async def end_others(request: web.Request) -> web.StreamResponse:
    """``POST /account/sign-ins/end-others``."""
    principal, found = account(request), context(request)
    await logins.revoke_others(found.database, found.clock, principal)
    return see_other("/account?told=ended-others")


async def begin(request: web.Request) -> web.StreamResponse:
    """``GET /account/begin?next=``: what a new account sets up before anything is open to it."""
    principal, after = account(request), local_path(query(request).raw("next"))
    if after.startswith("/account/begin"):
        after = "/"
    if not principal.owes:
        return see_other(after)
    return page(request, "account/begin.html", owes=principal.owes, after=after, passkeys=party_of(request) is not None)


async def password(request: web.Request) -> web.StreamResponse:
    """``GET /account/password?next=``."""
    return await _password(request, query(request).raw("next"))


async def _password(request: web.Request, after: str, error: Mistake | None = None) -> web.Response:
    principal = account(request)
    status = error.status if error else 200
    asked = await _asks_for_old(request, principal)
    return page(request, "account/password.html", status=status, old=asked, after=local_path(after), error=error)


async def _asks_for_old(request: web.Request, principal: Principal) -> bool:
    """Whether the present password is asked for: not of somebody who must choose one, or has none."""
    if principal.owes in (Owes.WAY, Owes.PASSWORD):
        return False
    return await logins.has_password(context(request).database, principal)


async def change_password(request: web.Request) -> web.StreamResponse:
    """``POST /account/password``."""
    principal, found, typed = account(request), context(request), await form(request)
    door, new = request.config_dict[DOOR], typed.raw("new")[:1000]
    try:
        if await _asks_for_old(request, principal):
            old = typed.raw("old")[:1000]
            await logins.change_password(found.database, found.clock, door, principal, old=old, new=new)
        else:
            await logins.choose_password(found.database, found.clock, door, principal, new=new)
    except PersonError as error:
        if error.status >= 500 or (isinstance(error, Denied) and error.code == "step-up"):
            raise
        return await _password(request, typed.raw("next"), of_error(request, error))
    after = local_path(typed.raw("next"))
    response = see_other(after if after != "/" or principal.owes else "/account?told=password")
    await set_known(request, response, principal.id)
    return response


async def language(request: web.Request) -> web.StreamResponse:
    """``POST /account/language``: of this account in every browser; one chosen in this browser gives way."""
    principal, found, typed = account(request), context(request), await form(request)
    await logins.set_locale(found.database, principal, typed.choice("locale", ("zh-CN", "en")))
    response = see_other("/account?told=language")
    response.del_cookie(COOKIE, path="/")
    return response


def routes() -> list[web.RouteDef]:
    return [
        web.get("/account", show),
        web.get("/account/begin", begin),
        web.get("/account/sign-ins", sign_ins),
        web.post("/account/sign-ins/end-others", end_others),
        web.post("/account/sign-ins/{id}/end", end),
        web.get("/account/password", password),
        web.post("/account/password", change_password),
        web.post("/account/language", language),
    ]
