"""Signed bodies between this site and another system: a shared secret, the second it was signed in, HMAC-SHA-256.

The header ``Yuanjian-Signature`` holds ``t=SECONDS,v1=HEX`` over the seconds, a dot and the body.
"""

import hashlib
import hmac
import re
from datetime import datetime, timedelta

HEADER = "Yuanjian-Signature"
SKEW = timedelta(minutes=5)
"""How old, or how far ahead, a signature may be."""
_FORM = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})\Z")


def signature(secret: str, at: datetime, body: bytes) -> str:
    """The header's value for ``body`` signed at ``at``."""
    seconds = str(int(at.timestamp()))
    return f"t={seconds},v1={_digest(secret, seconds, body)}"


def is_signed(secret: str, header: str, body: bytes, now: datetime) -> bool:
    """Whether ``header`` signs ``body`` by ``secret`` and is fresh. Never raises."""
    found = _FORM.match(header)
    if found is None or abs(int(found[1]) - now.timestamp()) > SKEW.total_seconds():
        return False
    return hmac.compare_digest(_digest(secret, found[1], body), found[2])


def _digest(secret: str, seconds: str, body: bytes) -> str:
    return hmac.new(secret.encode(), seconds.encode() + b"." + body, hashlib.sha256).hexdigest()
