"""What of a session's log the ledger holds too: every step of an identity check, by ids and words alone. Pure."""

from collections.abc import Mapping
from typing import Any

from signaling.checks import VERIFYING
from signaling.keeping import Told


def for_ledger(entry: Mapping[str, Any]) -> Told | None:
    """What the ledger is told of a log entry, with the endpoint that did it; ``None`` for what is no identity check."""
    event = str(entry["event"])
    if event == "person-confirmed" and entry["how"] not in VERIFYING:
        return None
    if event == "name" and entry["me"]:
        return None
    tag = _TAGS.get(event)
    if event == "stills-answered":
        tag = "identity.stills-granted" if entry["consent"] else "identity.stills-refused"
    if tag is None:
        return None
    by = str(entry.get("by") or entry.get("endpoint") or "")
    return Told(tag, by, {name: entry[name] for name in _TOLD if entry.get(name)})


_TAGS = {
    "person-confirmed": "identity.confirmed",
    "person-doubted": "identity.doubted",
    "identity-skipped": "identity.skipped",
    "identity-service": "identity.service-answered",
    "identity-open": "identity.open",
    "stills-asked": "identity.stills-asked",
    "name": "identity.not-me",
}
_TOLD = ("present", "request", "how", "way", "document", "why", "reason", "outcome", "reference", "officer", "room")
