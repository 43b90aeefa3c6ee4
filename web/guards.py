"""What every request and response goes through: an id, security headers, and the rule against forged requests."""

import re
import secrets
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from core.errors import Denied
from core.ids import new_id
from web.context import context

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_REQUEST_ID = re.compile(r"[0-9A-Za-z_-]{8,64}\Z")


@web.middleware
async def request_id_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give every request an id that stands in its log lines and in its response."""
    given = request.headers.get("X-Request-Id", "")
    trusted = from_proxy(request) and _REQUEST_ID.match(given)
    request["request_id"] = given if trusted else new_id()
    request["remote"] = remote_of(request)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request=request["request_id"])
    return await handler(request)


@web.middleware
async def headers_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Make the nonce of this response; the headers follow when it is prepared."""
    request["nonce"] = secrets.token_urlsafe(16)
    return await handler(request)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal ``on_response_prepare``: security headers on every response, error or not, stream or not."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _policy(request.get("nonce", "")))
    headers.setdefault("Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self), geolocation=()")
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("Cache-Control", "no-store")
    headers["Server"] = "Yuanjian"
    if "request_id" in request:
        headers["X-Request-Id"] = request["request_id"]
    if context(request).settings.base_url.startswith("https:"):
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")


def _policy(nonce: str) -> str:
    allowed = f"'self' 'nonce-{nonce}'" if nonce else "'self'"
    rules = {
        "default-src": "'none'",
        "script-src": allowed,
        "style-src": allowed,
        "img-src": "'self' data: blob:",
        "media-src": "'self' blob: mediastream:",
        "connect-src": "'self'",
        "manifest-src": "'self'",
        "worker-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


@web.middleware
async def forgery_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a changing request that another site made the visitor's browser send.

    Browsers say where a request comes from in ``Sec-Fetch-Site`` and ``Origin``. A bearer token is never sent by a
    browser on its own, so a request that carries one and no cookie cannot be forged.
    """
    if request.method not in _SAFE and not _own(request):
        raise Denied(
            "foreign-origin",
            "This request came from another page, so nothing was done. Please go back and try again from here.",
        )
    return await handler(request)


def _own(request: web.Request) -> bool:
    if request.headers.get("Authorization", "").startswith("Bearer ") and not request.cookies:
        return True
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None and site != "same-origin":
        return False
    if origin is not None:
        return origin in own_origins(request)
    return site == "same-origin"


def own_origins(request: web.Request) -> frozenset[str]:
    """Origins under which this request's browser may know us: the configured one, and the one it spoke to."""
    base = urlsplit(context(request).settings.base_url)
    scheme, host = request.scheme, request.host
    if from_proxy(request):
        scheme = request.headers.get("X-Forwarded-Proto", scheme)
        host = request.headers.get("X-Forwarded-Host", host)
    return frozenset({f"{base.scheme}://{base.netloc}", f"{scheme}://{host}"})


def from_proxy(request: web.Request) -> bool:
    """Whether the other end of the connection is the proxy whose headers are believed."""
    proxy = context(request).settings.trusted_proxy
    return bool(proxy) and request.remote == proxy


def remote_of(request: web.Request) -> str:
    """Address of the visitor, for throttling: the last hop the trusted proxy names, else the connection's."""
    forwarded = request.headers.get("X-Forwarded-For", "")
    if from_proxy(request) and forwarded:
        return forwarded.rsplit(",", 1)[-1].strip()
    return request.remote or ""
