"""DTLS-SRTP (RFC 5764) as a synchronous machine, and the only door to private names of aiortc.

aiortc knows certificates, fingerprints, cipher lists and key derivation; its transport loop is not used, because
it closes on one empty datagram and cuts flights longer than 1500 bytes. Every private name this module leans on
is listed in ``SEAMS`` and has a contract test; the version is checked when the module is imported.
"""

from importlib.metadata import version

from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from OpenSSL import SSL

from core.errors import OperatorError

SUPPORTED = "1.16."
SEAMS = ("_create_ssl_context", "_validate_peer_identity", "_setup_srtp", "_set_role", "_srtp_profiles")
DATAGRAM = 1200
"""Largest handshake datagram we send; below every usual path MTU."""

if not version("aiortc").startswith(SUPPORTED):
    raise OperatorError(f"aiortc {version('aiortc')} is installed, but the relay is written for {SUPPORTED}x")


class _Wire:
    """Stands in for aiortc's ICE transport, of which only these two are read."""

    state = "new"
    role = "controlled"


class Identity:
    """The certificate of this process and its TLS context, shared by all handshakes."""

    def __init__(self) -> None:
        self.certificate = RTCCertificate.generateCertificate()
        self.fingerprint = next(
            print_.value for print_ in self.certificate.getFingerprints() if print_.algorithm == "sha-256"
        )
        transport = RTCDtlsTransport(_Wire(), [self.certificate])  # type: ignore[arg-type]  # see _Wire
        self.context = self.certificate._create_ssl_context(srtp_profiles=transport._srtp_profiles)
        self.context.set_options(SSL.OP_NO_QUERY_MTU)


class Dtls:
    """One DTLS association. ``feed`` what arrived, send what comes back, call ``timeout`` when it is due.

    ``server`` is our role. ``state`` is ``handshake``, ``connected``, ``failed`` or ``closed``. In ``connected``
    the SRTP sessions of pylibsrtp are ``rx`` and ``tx``. ``failure`` says in words why it failed; ``ignored``,
    whether the newest datagram meant nothing to an association that is up.
    """

    def __init__(self, identity: Identity, *, server: bool, fingerprints: list[tuple[str, str]]) -> None:
        self.state = "handshake"
        self.failure = ""
        self.ignored = False
        self.server = server
        self._parameters = RTCDtlsParameters([RTCDtlsFingerprint(algorithm=a, value=v) for a, v in fingerprints])
        self._transport = RTCDtlsTransport(_Wire(), [identity.certificate])  # type: ignore[arg-type]  # see _Wire
        self._transport._set_role("server" if server else "client")
        self._ssl = SSL.Connection(identity.context)
        self._ssl.set_ciphertext_mtu(DATAGRAM)
        self._transport._ssl = self._ssl
        if server:
            self._ssl.set_accept_state()
        else:
            self._ssl.set_connect_state()

    @property
    def rx(self) -> object:
        return self._transport._rx_srtp

    @property
    def tx(self) -> object:
        return self._transport._tx_srtp

    def start(self) -> list[bytes]:
        """Begin as the client: return the first flight."""
        self._handshake()
        return self._flush()

    def feed(self, datagram: bytes) -> list[bytes]:
        """Take one DTLS datagram of the peer; return datagrams to send."""
        if self.state in ("failed", "closed"):
            return []
        up = self.state == "connected"
        self._ssl.bio_write(datagram)
        if up:
            self._read()
        else:
            self._handshake()
        replies = self._flush()
        self.ignored = up and self.state == "connected" and not replies
        return replies

    def due(self) -> float | None:
        """Seconds until ``timeout`` must be called, or None when nothing waits for an answer."""
        if self.state in ("failed", "closed"):
            return None
        left: float | None = self._ssl.DTLSv1_get_timeout()
        return left

    def timeout(self) -> list[bytes]:
        """Retransmit the last flight (RFC 6347 4.2.4)."""
        try:
            self._ssl.DTLSv1_handle_timeout()
        except SSL.Error:
            self._fail("the peer stopped answering")
        return self._flush()

    def close(self) -> list[bytes]:
        """Say goodbye: return the close_notify alert."""
        if self.state == "connected":
            try:
                self._ssl.shutdown()
            except SSL.Error:
                return []
            self.state = "closed"
            return self._flush()
        self.state = "closed"
        return []

    def _handshake(self) -> None:
        try:
            self._ssl.do_handshake()
        except (SSL.WantReadError, SSL.SysCallError):  # the latter: a record was dropped, and there is no other
            return
        except SSL.Error as error:
            self._fail(_in_words(error))
            return
        self._finish()

    def _finish(self) -> None:
        self._transport._validate_peer_identity(self._parameters)
        if self._transport.state == "failed":
            self._fail("the certificate is not the one the offer named")
            return
        self._transport._setup_srtp()
        if self._transport.state == "failed":
            self._fail("no SRTP profile in common")
            return
        self.state = "connected"

    def _read(self) -> None:
        try:
            self._ssl.recv(1500)
        except SSL.ZeroReturnError:
            self.state = "closed"
        except SSL.Error:
            return  # nothing complete to read: alerts and repeated flights are handled inside

    def _fail(self, words: str) -> None:
        self.state = "failed"
        self.failure = words

    def _flush(self) -> list[bytes]:
        chunks = []
        while True:
            try:
                chunks.append(self._ssl.bio_read(65536))
            except SSL.Error:
                break
        return datagrams(b"".join(chunks))


class NoDtls:
    """Stands in for an association where packets come from this machine itself."""

    state = "closed"
    failure = ""
    ignored = False
    server = True
    rx = tx = None

    def close(self) -> list[bytes]:
        return []


def datagrams(flight: bytes) -> list[bytes]:
    """Cut a flight at record boundaries into datagrams of at most ``DATAGRAM`` bytes where records allow it."""
    packed: list[bytes] = []
    current = b""
    position = 0
    while position < len(flight):
        end = min(position + _record_length(flight, position), len(flight))
        record = flight[position:end]
        if current and len(current) + len(record) > DATAGRAM:
            packed.append(current)
            current = b""
        current += record
        position = end
    return [*packed, current] if current else packed


def _record_length(data: bytes, at: int) -> int:
    """Length of the record at ``at``: DTLS 1.2 plain header, or the unified one (RFC 9147 4)."""
    first = data[at]
    if first & 0xE0 != 0x20:
        return 13 + int.from_bytes(data[at + 11 : at + 13], "big")
    if not first & 0x04:
        return len(data) - at
    start = at + 1 + (2 if first & 0x08 else 1)
    return start - at + 2 + int.from_bytes(data[start : start + 2], "big")


def _in_words(error: SSL.Error) -> str:
    reasons = [str(part[-1]) for part in (error.args[0] if error.args else ()) if part]
    text = ", ".join(reasons) or "the connection broke"
    if any(word in text for word in ("curve", "ecc cert", "illegal parameter")):
        return f"{text}: the peer's certificate uses a curve we refuse; give it one on P-256"
    return text
