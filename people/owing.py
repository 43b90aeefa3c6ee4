"""What an account still owes before anything is open to it: a password or passkey of its own, a second factor. Pure."""

from datetime import datetime
from enum import StrEnum


class Method(StrEnum):
    """How a login session began, or the strongest proof given in it since."""

    PASSWORD = "password"  # noqa: S105  # a word, not a secret
    TOTP = "totp"
    RECOVERY = "recovery"
    PASSKEY = "passkey"
    SWITCH = "switch"
    """A PIN at a shared desk."""
    LINK = "link"
    """A one-time link from an administrator."""
    OUTSIDE = "outside"
    """A provider of single sign-on, which asks for its own second factor."""


WEAK = frozenset({Method.PASSWORD, Method.LINK})
"""What alone is not enough where a second factor is required."""


class Owes(StrEnum):
    """What comes first. While anything is owed, the account has no role at all."""

    NOTHING = ""
    WAY = "way"
    """Came by a one-time link: add a passkey or choose a password."""
    PASSWORD = "password"  # noqa: S105  # a word, not a secret
    """Signed in with a password that somebody else knows: choose an own one."""
    FACTOR = "factor"
    """A password alone, where a second factor is required: add a passkey or a code app."""


def owes(method: str, issued: datetime | None, *, second_factor: bool) -> Owes:
    """What the login session owes. ``issued``: when an administrator handed out the account's password."""
    if method == Method.LINK:
        return Owes.WAY
    if issued is not None and method != Method.PASSKEY:
        return Owes.PASSWORD
    if second_factor and method in WEAK:
        return Owes.FACTOR
    return Owes.NOTHING
