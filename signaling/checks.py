"""The state of identity checks: what was found about a person present, and which still pictures were asked for.

Plain values of the session's presence; ``identity`` decides about them.
"""

from dataclasses import dataclass, field
from enum import StrEnum

PARTS = ("face", "document")
"""The two still pictures of a check, in the order they are taken."""


class Result(StrEnum):
    """What a check has found."""

    OPEN = "open"
    MATCH = "match"
    NO_MATCH = "no-match"
    REFUSED = "refused"
    NOT_ME = "not-me"
    SKIPPED = "skipped"
    """Not checked, for a stated reason."""


SETTLED = frozenset({Result.MATCH, Result.SKIPPED})
"""Results with which questions may be asked."""
VERIFYING = frozenset({"document", "known", "facility", "service"})
"""Ways of confirming somebody that verify who they are; a word of their own or of the invitation does not."""


@dataclass(slots=True)
class Check:
    """What is known of one person's identity."""

    result: Result = Result.OPEN
    way: str = ""
    """See ``messages.IdentityView``."""
    document: str = ""
    officer: str = ""
    """Person present who compared."""
    service: str = ""
    """What the outside service said last; ``asked`` while it has not answered."""


class Consent(StrEnum):
    """Where a request for still pictures stands."""

    ASKED = "asked"
    REFUSED = "refused"
    GRANTED = "granted"
    SENT = "sent"
    WITHDRAWN = "withdrawn"


@dataclass(slots=True)
class Stills:
    """One request for still pictures: of whom, at which endpoint, and what was sent."""

    id: str
    present: str
    endpoint: str
    by: str
    """Endpoint that asked."""
    consent: Consent = Consent.ASKED
    kept: dict[str, str] = field(default_factory=dict)
    """Part → id of the stored picture."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Parts that have not arrived."""
        return tuple(part for part in PARTS if part not in self.kept)
