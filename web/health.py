"""For whoever watches the machine: is it alive, is it ready, what does it measure."""

import ipaddress

import structlog
from aiohttp import web
from prometheus_client import REGISTRY, generate_latest

from core.errors import YuanjianError
from web.context import context, principal_of
from web.guards import from_proxy

log = structlog.get_logger()


async def live(_request: web.Request) -> web.Response:
    """``GET /health/live``: this process answers."""
    return web.json_response({"live": True})


async def ready(request: web.Request) -> web.Response:
    """``GET /health/ready``: database, relay and jobs can be used; 503 with the name of what cannot.

    Want of room for new recordings (``space``) is told and leaves the site ready: live sessions go on.
    """
    conditions = {"database": await _database(request)}
    if (more := context(request).ready) is not None:
        conditions |= await more()
    fine = all(conditions.values())
    remarks = context(request).remarks
    told = {**conditions, **(remarks() if remarks else {})}
    return web.json_response({"ready": fine, **told}, status=200 if fine else 503)


async def _database(request: web.Request) -> bool:
    try:
        await context(request).database.ping()
    except YuanjianError:
        return False
    return True


async def metrics(request: web.Request) -> web.Response:
    """``GET /metrics`` as Prometheus text, on this machine or with an operator's token only."""
    principal = principal_of(request)
    operator = principal is not None and "operator" in principal.roles
    if not operator and (from_proxy(request) or not _loopback(request.remote)):
        raise web.HTTPNotFound
    text = generate_latest(REGISTRY).decode()
    if (more := context(request).metrics) is not None:
        text += await more()
    return web.Response(text=text, content_type="text/plain")


def _loopback(remote: str | None) -> bool:
    try:
        return remote is not None and ipaddress.ip_address(remote).is_loopback
    except ValueError:
        return False


def routes() -> list[web.RouteDef]:
    return [
        web.get("/health/live", live),
        web.get("/health/ready", ready),
        web.get("/ready", ready),
        web.get("/metrics", metrics),
    ]
