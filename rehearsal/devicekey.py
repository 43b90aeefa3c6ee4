"""The key pair of a device that is a terminal, as a browser's WebCrypto makes and uses it."""

import base64
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rehearsal.site import Site

_MESSAGE: Final = b"yuanjian terminal start\n"


class DeviceKey:
    """An ECDSA P-256 pair that never leaves this process."""

    def __init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())

    @property
    def spki(self) -> str:
        """The public half, base64."""
        raw = self._private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(raw).decode()

    def sign(self, challenge: str) -> str:
        """The proof of a start, base64: r and s of 32 bytes each."""
        r, s = decode_dss_signature(self._private.sign(_MESSAGE + challenge.encode(), ec.ECDSA(SHA256())))
        return base64.b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()


async def start(terminal: Site, key: DeviceKey) -> None:
    """Prove a start, so that the cookie of the pairing counts."""
    asked = await terminal.post("terminal/challenge", {})
    proof = {"secret": asked["secret"], "signature": key.sign(str(asked["challenge"]))}
    await terminal.post("terminal/start", proof)
