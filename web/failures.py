"""The door where an error becomes an HTTP answer: a page for people, ``{"code","text","field"}`` for programs."""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler

from core.errors import Denied, PeerError, PersonError
from core.texts import msgid as m
from core.texts import translate
from web.confirming import ask, carried
from web.context import principal_of
from web.language import local_path, locale_of, see_other
from web.mistakes import REFUSED
from web.rendering import page, shown

log = structlog.get_logger()

_TITLES: Mapping[int, str] = {
    400: m("That could not be understood"),
    403: m("This is not open to you"),
    404: m("There is nothing at this address"),
    405: m("That is not possible here"),
    409: m("Something has changed meanwhile"),
    413: m("That is too large"),
    422: m("Please look at this again"),
    429: m("Please wait a moment"),
    500: m("Something went wrong on our side"),
    503: m("The service is not available right now"),
}
_SENTENCES: Mapping[int, str] = {
    400: "The request could not be read. Nothing was changed.",
    403: "Your account does not have this right. If you need it, ask your administrator.",
    404: "The page may have moved, or the link is incomplete.",
    405: "This address does not accept that kind of request. Nothing was changed.",
    413: "The request was larger than is accepted here. Nothing was changed.",
    429: "There were too many attempts in a short time. Please wait a minute and try again.",
    500: "Nothing you typed is at fault. Please try again; if it happens again, tell your administrator the number.",
    503: "Please try again in a minute.",
}
_SIGN_IN = frozenset({"signed-out", "sign-in"})
"""Codes that mean: nobody is known here, so the sign-in page is the way on."""
_CODES: Mapping[int, str] = {404: "not-found", 405: "method-not-allowed", 413: "too-large", 429: "too-many"}


@web.middleware
async def failure_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into an answer; nothing of a traceback reaches the client."""
    try:
        response = await handler(request)
        if response.status >= 400 and REFUSED in request:
            _noted(request, request[REFUSED], response.status)
        return response
    except Denied as error:
        if principal_of(request) is None and error.code in _SIGN_IN and wants_page(request):
            return see_other(f"/signin?{_next(request)}")
        _noted(request, error.code, error.status)
        if error.code == "owing" and wants_page(request):
            return see_other(f"/account/begin?{_next(request)}")
        if error.code == "step-up" and wants_page(request):
            return await _step_up(request)
        return _answer(request, _denied_status(request, error), error.code, error.text, error.values, error.field)
    except PersonError as error:
        _noted(request, error.code, error.status)
        return _answer(request, error.status, error.code, error.text, error.values, error.field)
    except PeerError as error:
        return web.json_response({"code": error.code, "text": error.text, "field": None}, status=400)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _http_error(request, error)
    except HttpProcessingError:  # what the library says of the headers inside a form with files
        return _http_error(request, web.HTTPBadRequest())
    except (ConnectionResetError, TimeoutError):
        raise
    except Exception as error:
        log.error("a request failed", path=_route(request), error=type(error).__name__, exc_info=True)
        return _answer(request, 500, "internal", _SENTENCES[500], {}, None)


async def _step_up(request: web.Request) -> web.StreamResponse:
    """Ask for proof: at an address of its own, or in place with the form that was sent, so that nothing is lost."""
    fields = None if request.method == "GET" else await carried(request)
    if fields is None:
        return see_other(f"/confirm?{urlencode({'next': _here(request)})}")
    return await ask(request, act=request.path_qs, after=_here(request), fields=fields)


def _noted(request: web.Request, code: str, status: int) -> None:
    """Every refusal is in the log: which route and why, never what was sent or by whom."""
    log.warning("a request was refused", code=code, status=status, path=_route(request))


def _next(request: web.Request) -> str:
    return urlencode({"next": request.path_qs if request.method == "GET" else "/"})


def _here(request: web.Request) -> str:
    """The page to repeat the step on: the one asked for, or the one whose form was sent."""
    if request.method == "GET":
        return request.path_qs
    try:
        return local_path(urlsplit(request.headers.get("Referer", "")).path or "/")
    except ValueError:  # brackets without an end
        return "/"


def _denied_status(request: web.Request, error: Denied) -> int:
    return 401 if error.code in _SIGN_IN and principal_of(request) is None else error.status


def _http_error(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    status = error.status
    _noted(request, _CODES.get(status, f"http-{status}"), status)
    sentence = _SENTENCES.get(status, _SENTENCES[400 if status < 500 else 500])
    response = _answer(request, status, _CODES.get(status, f"http-{status}"), sentence, {}, None)
    for name in ("Allow", "Retry-After"):
        if name in error.headers:
            response.headers[name] = error.headers[name]
    return response


def _answer(
    request: web.Request, status: int, code: str, text: str, values: Mapping[str, object], field: str | None
) -> web.StreamResponse:
    values = shown(request).words(values)
    if not wants_page(request):
        sentence = translate(locale_of(request), text, values)
        return web.json_response({"code": code, "text": sentence, "field": field}, status=status)
    title = _TITLES.get(status, _TITLES[400 if status < 500 else 500])
    fitted = HTTPStatus(status).value
    return page(
        request,
        "errors/error.html",
        status=fitted,
        code=code,
        status_code=status,
        title_text=title,
        sentence=text,
        values=values,
    )


def wants_page(request: web.Request) -> bool:
    """Whether the answer is for a person's eyes: a browser's navigation says it takes HTML."""
    return "text/html" in request.headers.get("Accept", "")


def _route(request: web.Request) -> str:
    """The pattern of the address, which unlike the address holds nothing about anybody."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"
