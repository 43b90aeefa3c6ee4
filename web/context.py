"""What pages are handed at start, and the keys under which aiohttp carries it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from core.clock import Clock
from core.config import Settings
from core.database import Database
from core.vault import Vault
from people.invitation_codes import Carrier

if TYPE_CHECKING:
    from people.principals import Principal

TextSource = Callable[[], Awaitable[str]]
Readiness = Callable[[], Awaitable[Mapping[str, bool]]]


@dataclass(frozen=True, slots=True)
class WebContext:
    """The parts of the product that pages talk to; ``None`` where a part does not run beside this web process."""

    settings: Settings
    database: Database
    clock: Clock
    hub: Any = None
    """Live sessions (``signaling.hub.Hub``): only its snapshot and commands are used."""
    recordings: Any = None
    """Recorded sessions as ``recordings`` gives access to them."""
    metrics: TextSource | None = None
    """Further Prometheus text of this process's neighbours, such as the relay's."""
    ready: Readiness | None = None
    """Further conditions of readiness by name, such as ``media``."""
    remarks: Callable[[], Mapping[str, bool]] | None = None
    """What ``/health/ready`` says beside them and is no reason to send nobody here, such as ``space``."""


CONTEXT: web.AppKey[WebContext] = web.AppKey("context", WebContext)
VAULT: web.AppKey[Vault] = web.AppKey("vault", Vault)
"""The site's own secrets: seals second factors and contacts, hashes short codes."""


CARRIER: web.AppKey[Carrier] = web.AppKey("carrier", Carrier)
"""Carries codes and links to guests."""


def context(request: web.Request) -> WebContext:
    """The parts of the product behind this request."""
    return request.config_dict[CONTEXT]


def principal_of(request: web.Request) -> "Principal | None":
    """Who is asking, or ``None``."""
    found: Principal | None = request.get("principal")
    return found
