"""The shared desk: my PIN and card, locking, and a colleague taking over."""

from aiohttp import web

from core.errors import Denied, PersonError
from people import logins, switching
from people.switching import Desk
from web.context import VAULT, context
from web.forms import form, query
from web.identity import DOOR, account, clear_cookie, cookie_name
from web.language import local_path, see_other
from web.mistakes import Mistake, of_error
from web.pages.signin import came_from, signed_in_to
from web.rendering import page


async def pin(request: web.Request) -> web.StreamResponse:
    """``GET /account/pin``."""
    return await _pin(request)


async def _pin(request: web.Request, error: Mistake | None = None) -> web.Response:
    has, card = await switching.own(context(request).database, account(request))
    status, told = (error.status if error else 200), query(request).raw("told")
    return page(request, "account/pin.html", status=status, has=has, card=card, told=told, error=error)


async def change_pin(request: web.Request) -> web.StreamResponse:
    """``POST /account/pin/{act}``: set or remove the PIN, or remember a card."""
    principal, found, typed = account(request), context(request), await form(request)
    act = request.match_info["act"]
    try:
        match act:
            case "set":
                door, digits = request.config_dict[DOOR], typed.raw("pin")[:64]
                await switching.set_pin(found.database, found.clock, door, principal, pin=digits)
            case "card":
                vault, number = request.config_dict[VAULT], typed.raw("card")[:64]
                await switching.set_card(found.database, found.clock, vault, principal, number=number)
            case "remove":
                await switching.remove_pin(found.database, found.clock, principal)
            case _:
                raise web.HTTPNotFound
    except PersonError as error:
        if error.status >= 500 or error.code == "step-up":
            raise
        return await _pin(request, of_error(request, error))
    return see_other(f"/account/pin?told={act}")


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /desk?next=``: who sits here now?"""
    return _page(request, await _desk(request), query(request).raw("next"))


def _page(request: web.Request, desk: Desk, after: str, error: Mistake | None = None, who: str = "") -> web.Response:
    return page(
        request,
        "signin/desk.html",
        status=error.status if error else 200,
        locked=desk.locked,
        name=desk.principal.name,
        who=who,
        after=local_path(after),
        error=error,
    )


async def _desk(request: web.Request) -> Desk:
    """Whose desk this browser is, locked or not; else "sign in"."""
    found = context(request)
    cookie = request.cookies.get(cookie_name(request, "account"))
    desk = await switching.at_desk(found.database, found.clock, cookie)
    if desk is None:
        raise Denied("signed-out", "You are not signed in, or were signed out. Please sign in again.")
    return desk


async def lock(request: web.Request) -> web.StreamResponse:
    """``POST /desk/lock``."""
    principal, found = account(request), context(request)
    try:
        await switching.lock(found.database, found.clock, principal)
    except PersonError as error:
        if error.code != "pin-first":
            raise
        return see_other("/account/pin?told=first")
    return see_other("/desk")


async def enter(request: web.Request) -> web.StreamResponse:
    """``POST /desk``: the one before opens a locked desk; a colleague takes over an open one."""
    found, typed, desk = context(request), await form(request), await _desk(request)
    door, who, after = request.config_dict[DOOR], typed.raw("who")[:64], typed.raw("next")
    try:
        if desk.locked:
            await switching.unlock(found.database, found.clock, door, desk, pin=typed.raw("pin"))
            return see_other(after or "/")
        secret, principal = await switching.switch(
            found.database,
            found.clock,
            door,
            request.config_dict[VAULT],
            desk.principal,
            who=who,
            pin=typed.raw("pin"),
            second_factor=found.settings.second_factor,
            **came_from(request),
        )
    except PersonError as error:
        if error.status >= 500:
            raise
        return await _refused(request, desk, after, of_error(request, error), who)
    return signed_in_to(request, secret, principal, "/")


async def _refused(request: web.Request, desk: Desk, after: str, mistake: Mistake, who: str) -> web.StreamResponse:
    """The page again or, after too many wrong PINs, the sign-in page."""
    found = context(request)
    cookie = request.cookies.get(cookie_name(request, "account"))
    if await switching.at_desk(found.database, found.clock, cookie) is None:
        response = see_other("/signin?told=pin")
        clear_cookie(request, response, "account")
        return response
    return _page(request, desk, after, mistake, who)


async def leave(request: web.Request) -> web.StreamResponse:
    """``POST /desk/leave``: sign the locked desk's user out, for somebody else's full sign-in."""
    found, desk = context(request), await _desk(request)
    await logins.sign_out(found.database, found.clock, desk.principal)
    response = see_other("/signin")
    clear_cookie(request, response, "account")
    return response


def routes() -> list[web.RouteDef]:
    return [
        web.get("/account/pin", pin),
        web.post("/account/pin/{act}", change_pin),
        web.get("/desk", show),
        web.post("/desk", enter),
        web.post("/desk/lock", lock),
        web.post("/desk/leave", leave),
    ]
