"""Fresh proof by passkey, or by password and code; then back to the act that asked for it."""

from aiohttp import web

from core.errors import PersonError
from people import passkeys, second_factor
from web.confirming import PREFIX, ask, target
from web.context import VAULT, context
from web.forms import form, query
from web.identity import DOOR, account
from web.language import see_other
from web.mistakes import of_error
from web.party import party


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /confirm?next=``: somebody signed in a while ago shows once more that it is them."""
    return await ask(request, after=query(request).raw("next"))


async def begin(request: web.Request) -> web.StreamResponse:
    """``POST /confirm/passkey``: what a passkey is asked to sign."""
    principal, found = account(request), context(request)
    secret, options = await passkeys.begin_proof(found.database, found.clock, principal, party(request))
    return web.json_response({"secret": secret, "options": options})


async def submit(request: web.Request) -> web.StreamResponse:
    """``POST /confirm``: on to the page, or once more the form whose step wanted proof."""
    account(request)
    act, after, fields = await target(request)
    try:
        await _prove(request)
    except PersonError as error:
        if error.status >= 500:
            raise
        return await ask(request, act=act, after=after, fields=fields, error=of_error(request, error))
    if not act:
        return see_other(after)
    return web.Response(status=307, headers={"Location": act})


async def _prove(request: web.Request) -> None:
    principal, found, typed = account(request), context(request), await form(request)
    credential = typed.raw(PREFIX + "credential")
    if credential:
        await passkeys.finish_proof(
            found.database,
            found.clock,
            principal,
            party(request),
            secret=typed.raw(PREFIX + "secret"),
            credential=credential,
        )
        return
    await second_factor.prove(
        found.database,
        found.clock,
        request.config_dict[DOOR],
        request.config_dict[VAULT],
        principal,
        password=typed.raw(PREFIX + "password")[:1000],
        code=typed.raw(PREFIX + "code"),
    )


def routes() -> list[web.RouteDef]:
    return [
        web.get("/confirm", show),
        web.post("/confirm", submit),
        web.post("/confirm/passkey", begin),
    ]
