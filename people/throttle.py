"""How often something may be tried, per key: counted before the try, so that parallel tries count too."""

import ipaddress
import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, Storage
from limits.strategies import FixedWindowRateLimiter

from core.errors import TooMany

SIGN_IN_HERE = RateLimitItemPerMinute(8, 15, namespace="sign-in-here")
"""One login from one address: the honest owner elsewhere is not locked out by a guesser."""
SIGN_IN_LOGIN = RateLimitItemPerMinute(100, 60, namespace="sign-in-login")
"""One login from everywhere."""
SIGN_IN_KNOWN = RateLimitItemPerMinute(8, 15, namespace="sign-in-known")
"""One login from one browser that signed in to it before, whatever strangers try meanwhile."""
SIGN_IN_ADDRESS = RateLimitItemPerMinute(150, 15, namespace="sign-in-address")
"""One address, behind which a whole station may sit at the change of shift."""
SIGN_IN_ALL = RateLimitItemPerMinute(1200, 1, namespace="sign-in-all")
"""Passwords tried at this process from everywhere: above what its threads can check, the queue would only grow."""
PASSKEY_BEGIN = RateLimitItemPerMinute(300, 15, namespace="passkey-begin")
"""Challenges handed to one address: each sign-in page asks for one."""
OUTSIDE_BEGIN = RateLimitItemPerMinute(150, 15, namespace="outside-begin")
"""Single sign-ons begun from one address."""
ENROL = RateLimitItemPerMinute(30, 15, namespace="enrol")
"""One-time links tried from one address."""
SECOND_STEP = RateLimitItemPerMinute(8, 15, namespace="second-step")
"""Codes of one account."""
INVITATION_ADDRESS = RateLimitItemPerMinute(60, 15, namespace="invitation")
INVITATION_CODES = RateLimitItemPerMinute(5, 60, namespace="invitation-codes")
"""Codes sent for one invitation."""
INVITATION_SENT = RateLimitItemPerMinute(5, 60, namespace="invitation-sent")
"""Messages with the link of one invitation."""
PAIRING_BEGIN = RateLimitItemPerMinute(20, 15, namespace="pairing-begin")
TOLD = RateLimitItemPerMinute(1, 15, namespace="told")
"""How often it is written down that tries are held back."""
CAMERA_KEY = RateLimitItemPerMinute(30, 5, namespace="camera-key")
"""Keys of one camera tried from one address; a right one clears the count."""
CAMERA_NETWORK = RateLimitItemPerMinute(1200, 1, namespace="camera-network")
"""Cameras that ask from one address: a whole centre of encoders may wait behind it, each asking every few seconds."""
PAIRING_CONFIRM = RateLimitItemPerMinute(10, 10, namespace="pairing-confirm")

Limit = RateLimitItemPerMinute


class Throttle:
    """Counters in memory by default; a shared ``Storage`` of the ``limits`` library, see ``people.counters``."""

    def __init__(self, storage: Storage | None = None) -> None:
        self._windows = FixedWindowRateLimiter(storage or MemoryStorage())

    def take(self, limit: Limit, *key: str) -> None:
        """Count one try; raise ``TooMany`` with the minutes to wait when there were too many."""
        if not self._windows.hit(limit, *key):
            left = self._windows.get_window_stats(limit, *key).reset_time - time.time()
            raise TooMany(
                "too-many",
                "That was tried too often. Please wait {minutes} minutes and try again.",
                minutes=max(1, math.ceil(left / 60)),
            )

    def first(self, limit: Limit, *key: str) -> bool:
        """Count one try and return whether it is within the limit."""
        return self._windows.hit(limit, *key)

    def forgive(self, limit: Limit, *key: str) -> None:
        """Forget the tries of a key after a right one."""
        self._windows.clear(limit, *key)


def network(address: str) -> str:
    """The address tries are counted under: whole for IPv4, the /64 for IPv6, as one holder has all of it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
