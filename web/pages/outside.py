"""Single sign-on: to the provider of one's own authority, and back."""

from aiohttp import web

from core.errors import PersonError
from people import outside, throttle
from people.outside import Providers
from web.context import context
from web.forms import query
from web.guards import remote_of
from web.identity import DOOR, clear_cookie, cookie_name, set_cookie
from web.language import local_path
from web.pages.signin import came_from, signed_in_to, signin_page

PROVIDERS: web.AppKey[Providers] = web.AppKey("providers", Providers)


async def begin(request: web.Request) -> web.StreamResponse:
    """``GET /signin/outside/{tree}?next=``: a link and no form, because the way leads to another site."""
    found, tree = context(request), request.match_info["tree"]
    request.config_dict[DOOR].throttle.take(throttle.OUTSIDE_BEGIN, throttle.network(remote_of(request)))
    try:
        cookie, place = await outside.begin(
            found.database,
            found.clock,
            request.config_dict[PROVIDERS],
            tree,
            redirect=f"{found.settings.base_url}/signin/outside/{tree}/back",
            after=local_path(query(request).raw("next")),
        )
    except PersonError as error:
        return signin_page(request, error=error)
    response = web.Response(status=303, headers={"Location": place})
    set_cookie(request, response, "outside", cookie)
    return response


async def back(request: web.Request) -> web.StreamResponse:
    """``GET /signin/outside/{tree}/back?code=&state=``: where the provider sends the browser."""
    found, tree = context(request), request.match_info["tree"]
    asked = query(request)
    try:
        secret, principal, after = await outside.finish(
            found.database,
            found.clock,
            request.config_dict[PROVIDERS],
            tree,
            cookie=request.cookies.get(cookie_name(request, "outside"), ""),
            answer={name: asked.raw(name) for name in ("code", "state", "iss", "error") if asked.has(name)},
            **came_from(request),
        )
    except PersonError as error:
        response = signin_page(request, error=error)
    else:
        response = signed_in_to(request, secret, principal, after)
    clear_cookie(request, response, "outside")
    return response


def routes() -> list[web.RouteDef]:
    return [
        web.get("/signin/outside/{tree}", begin),
        web.get("/signin/outside/{tree}/back", back),
    ]
