"""My passkeys, my code app and my recovery codes."""

import io
from collections.abc import Sequence
from urllib.parse import parse_qs, urlencode, urlsplit

import segno
from aiohttp import web
from markupsafe import Markup

from core.errors import PersonError
from people import passkeys, second_factor
from people.permissions import require_fresh
from web.agents import device
from web.context import VAULT, context
from web.forms import form, path_id, query
from web.identity import DOOR, account
from web.language import local_path, see_other
from web.mistakes import Mistake, of_error
from web.party import party, party_of
from web.rendering import page


async def keys(request: web.Request) -> web.StreamResponse:
    """``GET /account/passkeys``."""
    return await _keys(request)


async def _keys(request: web.Request, error: Mistake | None = None) -> web.Response:
    return page(
        request,
        "account/passkeys.html",
        status=error.status if error else 200,
        keys=await passkeys.own(context(request).database, account(request)),
        possible=party_of(request) is not None,
        told=query(request).raw("told"),
        error=error,
    )


async def new_key(request: web.Request) -> web.StreamResponse:
    """``GET /account/passkeys/new?next=``: fresh proof first, then the name and the device's own question."""
    require_fresh(account(request), context(request).clock.now())
    return _new_key(request, query(request).raw("next"), device(request.headers.get("User-Agent", "")))


def _new_key(request: web.Request, after: str, label: str, error: Mistake | None = None) -> web.Response:
    return page(
        request,
        "account/passkey_new.html",
        status=error.status if error else 200,
        after=local_path(after),
        label=label,
        possible=party_of(request) is not None,
        error=error,
    )


async def begin_key(request: web.Request) -> web.StreamResponse:
    """``POST /account/passkeys/begin``: options for ``navigator.credentials.create``."""
    principal, found = account(request), context(request)
    secret, options = await passkeys.begin_adding(found.database, found.clock, principal, party(request))
    return web.json_response({"secret": secret, "options": options})


async def add_key(request: web.Request) -> web.StreamResponse:
    """``POST /account/passkeys``."""
    principal, found, typed = account(request), context(request), await form(request)
    after = local_path(typed.raw("next"))
    try:
        await passkeys.finish_adding(
            found.database,
            found.clock,
            principal,
            party(request),
            secret=typed.raw("secret"),
            credential=typed.raw("credential"),
            label=typed.raw("label"),
        )
    except PersonError as error:
        if error.status >= 500:
            raise
        return _new_key(request, after, typed.raw("label")[:64], of_error(request, error))
    return see_other(after if after != "/" or principal.owes else "/account/passkeys?told=added")


async def remove_key(request: web.Request) -> web.StreamResponse:
    """``POST /account/passkeys/{id}/remove``."""
    principal, found, key = account(request), context(request), path_id(request)
    needed = found.settings.second_factor
    try:
        await passkeys.remove(found.database, found.clock, principal, key, second_factor=needed)
    except PersonError as error:
        if error.code != "last-factor":
            raise
        return await _keys(request, of_error(request, error))
    return see_other("/account/passkeys?told=removed")


async def app(request: web.Request) -> web.StreamResponse:
    """``GET /account/app?next=``: set one up or, where there is one, what can be done with it."""
    principal, found, after = account(request), context(request), query(request).raw("next")
    if await second_factor.has_app(found.database, principal):
        return await _app(request)
    return page(request, "account/app_new.html", after=local_path(after), step="offer", error=None)


async def _app(request: web.Request, error: Mistake | None = None) -> web.Response:
    left = await second_factor.recovery_codes_left(context(request).database, account(request))
    return page(request, "account/app.html", status=error.status if error else 200, left=left, error=error)


async def begin_app(request: web.Request) -> web.StreamResponse:
    """``POST /account/app/begin``: a new secret, as a picture and in letters."""
    typed = await form(request)
    return await _begin_app(request, typed.raw("next"))


async def _begin_app(request: web.Request, after: str) -> web.Response:
    found = context(request)
    vault, site = request.config_dict[VAULT], found.settings.site_name
    address = await second_factor.begin_app(found.database, found.clock, vault, account(request), site=site)
    return _scan_page(request, address, after)


def _scan_page(request: web.Request, address: str, after: str, error: Mistake | None = None) -> web.Response:
    letters = parse_qs(urlsplit(address).query)["secret"][0]
    return page(
        request,
        "account/app_new.html",
        status=error.status if error else 200,
        step="scan",
        qr=drawn(address),
        letters=" ".join(letters[n : n + 4] for n in range(0, len(letters), 4)),
        after=local_path(after),
        error=error,
    )


async def confirm_app(request: web.Request) -> web.StreamResponse:
    """``POST /account/app``: the first code proves that the app works; the recovery codes are shown once."""
    principal, found, typed = account(request), context(request), await form(request)
    vault, after = request.config_dict[VAULT], local_path(typed.raw("next"))
    door, code = request.config_dict[DOOR], typed.raw("code")
    try:
        codes = await second_factor.confirm_app(found.database, found.clock, door, vault, principal, code=code)
    except PersonError as error:
        if error.status >= 500:
            raise
        address = await second_factor.pending_app(found.database, vault, principal, site=found.settings.site_name)
        if address is None:
            return see_other(f"/account/app?{urlencode({'next': after})}")
        return _scan_page(request, address, after, of_error(request, error))
    return _codes(request, codes, after)


async def remove_app(request: web.Request) -> web.StreamResponse:
    """``POST /account/app/remove``."""
    principal, found = account(request), context(request)
    needed = found.settings.second_factor
    try:
        await second_factor.remove_app(found.database, found.clock, principal, second_factor=needed)
    except PersonError as error:
        if error.code != "last-factor":
            raise
        return await _app(request, of_error(request, error))
    return see_other("/account?told=app-removed")


async def renew_codes(request: web.Request) -> web.StreamResponse:
    """``POST /account/app/codes``: ten new recovery codes; the old ones are void."""
    principal, found = account(request), context(request)
    codes = await second_factor.renew_recovery_codes(found.database, found.clock, request.config_dict[VAULT], principal)
    return _codes(request, codes, "/account")


def _codes(request: web.Request, codes: Sequence[str], after: str) -> web.Response:
    return page(request, "account/codes.html", codes=codes, after=after if after != "/" else "/account")


def drawn(text: str) -> Markup:
    """``text`` as a QR code, SVG."""
    picture = io.BytesIO()
    segno.make(text, error="m").save(picture, kind="svg", xmldecl=False, svgns=True, nl=False, border=2, omitsize=True)
    return Markup(picture.getvalue().decode())  # noqa: S704  drawn by us, holds squares only


def routes() -> list[web.RouteDef]:
    return [
        web.get("/account/passkeys", keys),
        web.get("/account/passkeys/new", new_key),
        web.post("/account/passkeys/begin", begin_key),
        web.post("/account/passkeys", add_key),
        web.post("/account/passkeys/{id}/remove", remove_key),
        web.get("/account/app", app),
        web.post("/account/app/begin", begin_app),
        web.post("/account/app", confirm_app),
        web.post("/account/app/remove", remove_app),
        web.post("/account/app/codes", renew_codes),
    ]
