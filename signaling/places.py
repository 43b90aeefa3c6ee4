"""Who may come back to a session, and by what: endpoints, resume secrets, bearer tokens for media.

Secrets leave this module once and are kept as hashes; of each endpoint only the newest resume secret works.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from core.ids import hash_secret, new_id, new_secret
from people.principals import Principal, PrincipalKind
from signaling.connection import Connection
from signaling.keeping import EndpointKept
from signaling.models import EndpointRow

MOST_TOKENS = 4
"""Media tokens of earlier connections that still work, so that a request on its way is not refused."""


@dataclass(slots=True)
class Place:
    """An endpoint of one session: whose it is, and its open connection."""

    endpoint: str
    principal: Principal
    participant: int
    role: str
    resume: str | None = None
    """Hash of the secret it comes back by; ``None``: it may not."""
    connection: Connection | None = None
    tokens: list[str] = field(default_factory=list)
    credentials: datetime | None = None
    """When its connection was last given credentials for TURN."""

    @property
    def key(self) -> tuple[str, str, int]:
        """Who it is: the same principal comes to the same endpoint again."""
        return self.principal.kind, self.principal.id, self.participant

    def kept(self) -> EndpointKept:
        """What the database keeps of it."""
        who = self.principal
        return EndpointKept(
            self.endpoint, who.kind, who.id, who.login, self.participant, self.role, who.locale, self.resume
        )


class Places:
    """All endpoints a session has had."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        self._by_key: dict[tuple[str, str, int], Place] = {}
        self._by_resume: dict[str, Place] = {}
        self._by_token: dict[str, Place] = {}

    def __iter__(self) -> Iterator[Place]:
        return iter(self._places.values())

    def get(self, endpoint: str) -> Place | None:
        return self._places.get(endpoint)

    def of(self, principal: Principal, participant: int, role: str) -> Place:
        """The place of a principal, made when it comes for the first time."""
        place = self._by_key.get((principal.kind, principal.id, participant))
        if place is None:
            place = Place(new_id(), principal, participant, role)
            self._places[place.endpoint] = self._by_key[place.key] = place
        place.principal = principal
        return place

    def adopt(self, row: EndpointRow, principal: Principal | None) -> None:
        """Take a place over from the database; without its principal it only stays known."""
        who = principal or _unknown(row)
        place = Place(row.id, who, row.participant, row.role, row.resume if principal else None)
        self._places[place.endpoint] = self._by_key[place.key] = place
        if place.resume is not None:
            self._by_resume[place.resume] = place

    def by_resume(self, secret: str) -> Place | None:
        return self._by_resume.get(hash_secret(secret))

    def by_token(self, token: str) -> Place | None:
        return self._by_token.get(hash_secret(token))

    def admit(self, place: Place, connection: Connection) -> tuple[str, str, Connection | None]:
        """Give a place its new connection; return resume secret, media token and the connection it replaces."""
        before, place.connection = place.connection, connection
        self._void(place)
        resume, token = new_secret(), new_secret()
        place.resume = hash_secret(resume)
        self._by_resume[place.resume] = place
        place.tokens.append(hash_secret(token))
        self._by_token[place.tokens[-1]] = place
        while len(place.tokens) > MOST_TOKENS:
            del self._by_token[place.tokens.pop(0)]
        return resume, token, before

    def bar(self, place: Place) -> None:
        """It may not come back by itself, and its media tokens are void."""
        self._void(place)
        for token in place.tokens:
            self._by_token.pop(token, None)
        place.tokens.clear()

    def _void(self, place: Place) -> None:
        if place.resume is not None:
            self._by_resume.pop(place.resume, None)
        place.resume = None


_KINDS: dict[str, PrincipalKind] = {kind: kind for kind in ("account", "guest", "terminal", "token")}


def _unknown(row: EndpointRow) -> Principal:
    """Somebody whose login or invitation has ended: known to the log, with no right left."""
    return Principal(_KINDS[row.principal_kind], row.principal, "", frozenset(), locale=row.locale)
