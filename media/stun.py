"""Connectivity checks, the only STUN an ICE-lite agent answers (RFC 8445 2.5, RFC 8489)."""

import struct
from dataclasses import dataclass
from typing import Any

from aioice import stun


@dataclass(frozen=True, slots=True)
class Check:
    """A Binding request that is well formed; not yet authenticated."""

    local_ufrag: str
    remote_ufrag: str
    nominated: bool
    priority: int
    message: stun.Message

    def authentic(self, password: str) -> bool:
        """Whether MESSAGE-INTEGRITY was made with our ``password`` for this peer (RFC 8489 9.1)."""
        return self.message.check_message_integrity(password.encode())


def parse_check(data: bytes) -> Check | None:
    """Return the connectivity check in ``data``, or None for anything else, however malformed."""
    try:
        message = stun.parse_message(data)
    except (ValueError, struct.error, IndexError):
        return None
    attributes: dict[str, Any] = message.attributes
    username = attributes.get("USERNAME", "")
    if message.message_method != stun.Method.BINDING or message.message_class != stun.Class.REQUEST:
        return None
    if "MESSAGE-INTEGRITY" not in attributes or username.count(":") != 1:
        return None
    local, _, remote = username.partition(":")
    return Check(local, remote, "USE-CANDIDATE" in attributes, attributes.get("PRIORITY", 0), message)


def success(check: Check, source: tuple[str, int], password: str) -> bytes:
    """Return the success response to ``check`` that came from ``source`` (RFC 8489 6.3.1.1)."""
    response = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.RESPONSE,
        transaction_id=check.message.transaction_id,
    )
    response.attributes["XOR-MAPPED-ADDRESS"] = source
    response.add_message_integrity(password.encode())
    return bytes(response)
