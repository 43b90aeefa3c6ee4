"""Terminals with a key of their own: made in the browser as non-extractable, challenged at every start.

The cookie of such a terminal alone is worth nothing: a start is proved by an ECDSA P-256 signature (WebCrypto form, r
and s of 32 bytes each, SHA-256) over ``MESSAGE`` and the challenge, and the newest start ends the ones before.
"""

import base64
import binascii
import contextlib

import structlog
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Denied, Invalid
from core.ids import hash_secret, new_secret
from people import challenges
from people.challenges import Purpose
from people.models import Terminal, TerminalStart

log = structlog.get_logger()

MESSAGE = b"yuanjian terminal start\n"
_LONGEST = 256


def check_public_key(spki: str) -> str:
    """Return a P-256 public key (SPKI, base64) as stored. Raises ``Invalid``."""
    _load(spki)
    return spki


async def is_known(database: Database, key: str) -> bool:
    """Whether a paired terminal with a key pair has this cookie: it can then be challenged."""
    async with database.transaction(write=False) as tx:
        return await _by_cookie(tx, key) is not None


async def _by_cookie(tx: AsyncSession, key: str) -> Terminal | None:
    query = select(Terminal).where(Terminal.key == hash_secret(key[:_LONGEST]), Terminal.state == "paired")
    return (await tx.execute(query.where(Terminal.public_key.is_not(None)))).scalar_one_or_none()


async def challenge(database: Database, clock: Clock, key: str) -> tuple[str, str]:
    """Return a secret to bring back and the challenge (base64url) to sign. Raises ``Denied("terminal-unknown")``."""
    async with database.transaction() as tx:
        terminal = await _by_cookie(tx, key)
        if terminal is None:
            raise _unknown()
        asked = new_secret()
        secret = await challenges.ask(tx, clock, Purpose.TERMINAL_START, subject=terminal.id, value=asked)
    return secret, asked


async def start(database: Database, clock: Clock, key: str, *, secret: str, signature: str) -> str:
    """Check the signature (base64) and return the cookie of this start. Raises ``Denied``."""
    now, cookie = clock.now(), new_secret()
    async with database.transaction() as tx:
        asked = await challenges.take(tx, clock, Purpose.TERMINAL_START, secret)
    async with database.transaction() as tx:
        terminal = await tx.get(Terminal, asked.subject)
        if terminal is None or terminal.state != "paired" or terminal.key != hash_secret(key[:_LONGEST]):
            raise _unknown()
        right = terminal.public_key is not None and _signed(terminal.public_key, asked.value, signature)
        tag = "terminal.started" if right else "terminal.refused"
        await ledger.append(tx, tag, actor=terminal.id, subject=terminal.id, at=now)
        if right:
            former = update(TerminalStart).where(TerminalStart.terminal == terminal.id, TerminalStart.ended.is_(None))
            await tx.execute(former.values(ended=now))
            tx.add(TerminalStart(hash=hash_secret(cookie), terminal=terminal.id, started=now, ended=None))
    if not right:
        log.warning("a terminal's signature was refused", terminal=asked.subject)
        raise Denied("terminal-refused", "This device could not prove that it is the paired terminal. Pair it anew.")
    return cookie


def _signed(spki: str, asked: str, signature: str) -> bool:
    try:
        raw = base64.b64decode(signature[:_LONGEST], validate=True)
        if len(raw) != 64:
            return False
        der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        _load(spki).verify(der, MESSAGE + asked.encode(), ec.ECDSA(SHA256()))
    except (binascii.Error, ValueError, InvalidSignature):
        return False
    return True


def _load(spki: str) -> ec.EllipticCurvePublicKey:
    with contextlib.suppress(ValueError, UnsupportedAlgorithm):
        key = load_der_public_key(base64.b64decode(spki[:_LONGEST], validate=True))
        if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
            return key
    raise Invalid("key-unusable", "This browser made a key that cannot be used. Update it, or use another one.")


def _unknown() -> Denied:
    return Denied("terminal-unknown", "This device is not paired, or its pairing was ended.")
