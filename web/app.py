"""The web application: middlewares, static files and every page, around what it is handed."""

import importlib
import warnings
from typing import Final

from aiohttp import web

from core.vault import Vault
from people.counters import counters_of
from people.logins import Door
from people.outside import Providers
from people.throttle import Throttle
from scheduler import sending
from web import health
from web.api import table as api
from web.context import CARRIER, CONTEXT, VAULT, WebContext
from web.failures import failure_middleware
from web.guards import add_headers, forgery_middleware, headers_middleware, request_id_middleware
from web.identity import DOOR, principal_middleware
from web.language import locale_middleware
from web.language import routes as language_routes
from web.pages.outside import PROVIDERS
from web.policy import POLICIES, TABLE, policy_middleware
from web.rendering import ENVIRONMENT, STATICS, environment
from web.statics import shipped

# Keys of a request are plain words here: they are the seam to ``signaling``, which must not import ``web``.
warnings.filterwarnings("ignore", category=web.NotAppKeyWarning)

LARGEST_BODY: Final = 256 * 1024
"""Bytes of a request: forms and session descriptions are far below."""

PAGES: Final = (
    "home",
    "signin",
    "enrol",
    "outside",
    "confirm",
    "account",
    "account_keys",
    "desk",
    "booking",
    "searching",
    "bookings",
    "moving",
    "papers",
    "permits",
    "counsel",
    "waiting",
    "messages",
    "invitations",
    "closures",
    "week",
    "shift",
    "checking",
    "custody",
    "registers",
    "filed",
    "day",
    "facility_calendar",
    "rules",
    "watching",
    "statistics",
    "apart",
    "protected",
    "ledger",
    "terminals",
    "cameras",
    "guest",
    "guest_times",
    "witnesses",
    "real",
    "records",
    "record",
    "keeping",
    "handover",
    "case_handover",
    "access",
    "people",
    "facilities",
    "systems",
    "rehearsals",
    "trust",
    "live",
    "stills",
    "terminal",
)
"""Modules of ``web/pages``; each has ``routes()``."""


def build(context: WebContext) -> web.Application:
    """The application, ready for further routes (those of ``signaling``) and to be run."""
    app = web.Application(
        client_max_size=LARGEST_BODY,
        middlewares=[
            request_id_middleware,
            headers_middleware,
            locale_middleware,
            failure_middleware,
            forgery_middleware,
            principal_middleware,
            policy_middleware,
        ],
    )
    statics = shipped()
    app[CONTEXT], app[STATICS], app[ENVIRONMENT] = context, statics, environment(statics)
    app[POLICIES] = dict(TABLE)
    app[DOOR] = Door(throttle=Throttle(counters_of(context.settings)))
    app[VAULT] = Vault(context.settings.secrets)
    app[VAULT].ensure(context.clock.now())
    context.database.vault = app[VAULT]
    app[CARRIER] = sending.Direct(*sending.carriers(context.settings, context.clock))
    app[PROVIDERS] = Providers(context.settings.single_sign_on, context.clock)
    app.on_response_prepare.append(add_headers)
    app.router.add_get("/static/{path:.+}", statics.serve)
    app.add_routes(health.routes())
    app.add_routes(language_routes())
    for name in PAGES:
        app.add_routes(importlib.import_module(f"web.pages.{name}").routes())
    app.add_routes(api.routes())
    return app


__all__ = ["CONTEXT", "WebContext", "build"]
