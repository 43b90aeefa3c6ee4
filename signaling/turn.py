"""Time-limited credentials for a TURN server (draft-uberti-behave-turn-rest): known to it by a shared secret alone."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

LIFETIME = timedelta(minutes=10)
RENEW = timedelta(minutes=8)
"""Age at which an endpoint gets new credentials, so that those it holds are always good for two minutes."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A TURN server of the site: its addresses, and the secret it shares with us."""

    urls: tuple[str, ...]
    secret: str


def hosts(urls: tuple[str, ...]) -> tuple[str, ...]:
    """Host names or addresses of TURN urls (RFC 7065), each once, without brackets."""
    found = (re.match(r"turns?:(?:\[([^]]+)\]|([^:?]+))", url) for url in urls)
    return tuple(dict.fromkeys(match[1] or match[2] for match in found if match))


def turn_credentials(secret: str, participant: str, now: datetime) -> tuple[str, str]:
    """Return (user name, password) that the server accepts until ``LIFETIME`` from ``now``.

    The user name is ``expiry:participant`` in seconds since 1970, the password the base64 HMAC-SHA1 of it.
    """
    user = f"{int((now + LIFETIME).timestamp())}:{participant}"
    digest = hmac.new(secret.encode(), user.encode(), hashlib.sha1).digest()
    return user, base64.b64encode(digest).decode("ascii")


def ice_servers(turn: Turn | None, participant: str, now: datetime) -> tuple[dict[str, str], ...]:
    """The servers an endpoint may use, as ``RTCIceServer`` members; none on a LAN."""
    if turn is None:
        return ()
    user, password = turn_credentials(turn.secret, participant, now)
    return tuple({"urls": url, "username": user, "credential": password} for url in turn.urls)
