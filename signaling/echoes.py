"""Device checks that run: an echo at a media process, at most one per principal. Belongs to no session."""

from datetime import datetime, timedelta

from media import commands
from people.principals import Principal
from signaling.link import Link

LASTS = timedelta(seconds=30)
"""The media process ends an echo well before; older ones are forgotten."""


class Echoes:
    """Whose echo each resource is."""

    def __init__(self) -> None:
        self._all: dict[str, tuple[Principal, Link, datetime]] = {}

    def add(self, resource: str, principal: Principal, link: Link, now: datetime) -> None:
        for old in [r for r, (_, _, since) in self._all.items() if now - since > LASTS]:
            del self._all[old]
        self._all[resource] = (principal, link, now)

    def replace(self, principal: Principal) -> None:
        """A new check ends the one before."""
        for resource in [r for r, (who, _, _) in self._all.items() if _key(who) == _key(principal)]:
            self._close(resource)

    def end(self, resource: str, principal: Principal | None) -> bool:
        """End an echo of ``principal``; ``False`` when it is none."""
        found = self._all.get(resource)
        if found is None or principal is None or _key(principal) != _key(found[0]):
            return False
        self._close(resource)
        return True

    def _close(self, resource: str) -> None:
        _, link, _ = self._all.pop(resource)
        link.send(commands.Withdraw(resource=resource))


def _key(principal: Principal) -> tuple[str, str]:
    return principal.kind, principal.id
