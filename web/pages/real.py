"""Is this invitation real? A public page: anybody may ask, and learns the unit and its telephone, never a name."""

from aiohttp import web

from core.errors import PersonError, TooMany
from people import invitation_codes
from web.context import context
from web.forms import Form, form
from web.guards import remote_of
from web.identity import DOOR
from web.mistakes import Mistake, of_error
from web.rendering import page


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /real``."""
    return _page(request, None, None, None)


async def ask(request: web.Request) -> web.StreamResponse:
    """``POST /real``: so that neither reference nor number stands in an address. Unknown, withdrawn, expired and
    another officer's are answered alike."""
    found, typed = context(request), await form(request)
    try:
        real = await invitation_codes.is_real(
            found.database,
            found.clock,
            request.config_dict[DOOR].throttle,
            reference=typed.text("reference", longest=32),
            officer_number=typed.text("number", longest=32),
            address=remote_of(request),
        )
    except PersonError as error:
        if error.status != 422 and not isinstance(error, TooMany):
            raise
        return _page(request, typed, None, of_error(request, error))
    return _page(request, typed, real, None, asked=True)


def _page(
    request: web.Request,
    typed: Form | None,
    real: invitation_codes.Real | None,
    mistake: Mistake | None,
    *,
    asked: bool = False,
) -> web.Response:
    return page(
        request,
        "guest/real.html",
        status=mistake.status if mistake else 200,
        real=real,
        asked=asked,
        values={name: typed.raw(name)[:32] if typed else "" for name in ("reference", "number")},
        error=mistake,
    )


def routes() -> list[web.RouteDef]:
    return [web.get("/real", show), web.post("/real", ask)]
