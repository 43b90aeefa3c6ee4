"""In which language a page speaks: the visitor's choice, else the account's, else the browser's, else the site's."""

from dataclasses import replace

from aiohttp import web
from aiohttp.typedefs import Handler

from core import texts
from web.context import context, principal_of

COOKIE = "yj-language"
_YEAR = 365 * 24 * 3600


@web.middleware
async def locale_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Set ``request["locale"]`` as far as it is known before the visitor is."""
    request["locale"] = _choose(request)
    return await handler(request)


def settle(request: web.Request) -> None:
    """Once the visitor is known: the language this browser has chosen is theirs, else the account's is the page's."""
    principal = principal_of(request)
    if principal is None:
        return
    if request.cookies.get(COOKIE) in texts.LOCALES:
        request["principal"] = replace(principal, locale=request["locale"])
    else:
        request["locale"] = texts.choose(principal.locale, None, request["locale"])


def _choose(request: web.Request) -> str:
    site = context(request).settings.locale
    return texts.choose(request.cookies.get(COOKIE), request.headers.get("Accept-Language"), site)


def locale_of(request: web.Request) -> str:
    """The language of this request; safe to ask before the middleware has run."""
    return str(request.get("locale") or context(request).settings.locale)


async def switch(request: web.Request) -> web.StreamResponse:
    """``GET /language/{locale}?back=PATH``: remember the choice in this browser and go back to where it was made."""
    wanted = request.match_info["locale"]
    if wanted not in texts.LOCALES:
        raise web.HTTPNotFound
    response = see_other(request.query.get("back", "/"))
    secure = context(request).settings.base_url.startswith("https:")
    response.set_cookie(COOKIE, wanted, max_age=_YEAR, path="/", samesite="Lax", httponly=True, secure=secure)
    return response


def routes() -> list[web.RouteDef]:
    return [web.get("/language/{locale}", switch)]


def see_other(path: str) -> web.Response:
    """Send the browser on to a page of this site, with GET."""
    return web.Response(status=303, headers={"Location": local_path(path)})


def local_path(path: str) -> str:
    """``path`` when it leads to a page of this site, else the home page; never somewhere else."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if plain else "/"
