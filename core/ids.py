"""Identifiers: opaque, sortable by creation, safe in paths and addresses."""

import hashlib
import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32, lower case


def new_id() -> str:
    """Return 22 characters: 48 bits of milliseconds since 1970, then 60 random bits."""
    number = (time.time_ns() // 1_000_000 << 60) | secrets.randbits(60)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(105, -1, -5))


def new_secret() -> str:
    """Return 43 URL-safe characters holding 256 random bits."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """Return the hex SHA-256 of a high-entropy secret, the only form in which one is stored.

    What comes in a header may hold half a character; that is an unknown secret like any other.
    """
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
