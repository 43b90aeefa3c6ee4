"""A software authenticator: makes passkeys and signs as a browser and a security key together would (WebAuthn 6, 7)."""

import hashlib
import json
import os
import struct
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import bytes_to_base64url as b64

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Authenticator:
    """One credential; ``flags``, ``count`` and ``origin`` can be set wrong on purpose."""

    origin: str = "https://meet.example.org"
    flags: int = PRESENT | VERIFIED
    count: int = 1
    id: bytes = field(default_factory=lambda: os.urandom(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, options: dict) -> str:
        """The JSON a browser posts after ``navigator.credentials.create``, without attestation."""
        data = self._data(options["rp"]["id"], ATTESTED)
        data += bytes(16) + struct.pack(">H", len(self.id)) + self.id + self._cose()
        attestation = (
            b"\xa3" + _text("fmt") + _text("none") + _text("attStmt") + b"\xa0" + _text("authData") + _bytes(data)
        )
        client = self._client("webauthn.create", options["challenge"])
        return self._credential({"clientDataJSON": b64(client), "attestationObject": b64(attestation)})

    def get(self, options: dict) -> str:
        """The JSON a browser posts after ``navigator.credentials.get``."""
        client = self._client("webauthn.get", options["challenge"])
        data = self._data(options["rpId"], 0)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        response = {"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature)}
        return self._credential(response)

    def _credential(self, response: dict) -> str:
        return json.dumps({"id": b64(self.id), "rawId": b64(self.id), "type": "public-key", "response": response})

    def _client(self, type_: str, challenge: str) -> bytes:
        return json.dumps({"type": type_, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def _data(self, rp_id: str, more: int) -> bytes:
        return hashlib.sha256(rp_id.encode()).digest() + struct.pack(">BI", self.flags | more, self.count)

    def _cose(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        return b"\xa5\x01\x02\x03\x26\x20\x01\x21" + _bytes(x) + b"\x22" + _bytes(y)


def _text(value: str) -> bytes:
    return bytes([0x60 + len(value)]) + value.encode()


def _bytes(value: bytes) -> bytes:
    return (bytes([0x58, len(value)]) if len(value) < 256 else b"\x59" + struct.pack(">H", len(value))) + value
