"""ICE-lite and DTLS of all peers: who may speak from which address (RFC 8445 2.5, RFC 5764, RFC 7983)."""

import asyncio
import secrets
from collections import Counter as Tally
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import structlog

from core.clock import Clock
from media import srtp, stun
from media.counters import Counters
from media.dtls import Dtls, Identity, NoDtls
from media.peer import ADDRESSES, Peer

log = structlog.get_logger()


class Port(Protocol):
    """A local socket; ``peers`` maps the remote addresses that passed a check."""

    peers: dict[Any, Peer]
    way: str
    segments: bool

    def sendto(self, data: bytes | bytearray | memoryview, address: Any, /) -> object: ...


class Transports:
    """Opens and closes peers, answers checks, drives handshakes."""

    def __init__(self, clock: Clock, counters: Counters, handshakes_per_second: int) -> None:
        self.identity = Identity()
        self.connected: Callable[[Peer], None] = lambda peer: None
        self.gone: Callable[[Peer, str], None] = lambda peer, cause: None
        self.answered: Callable[[bytes, Port, Any], bool] = lambda data, port, address: False
        """Whether STUN that is no check answers one of ours."""
        self._clock = clock
        self._counters = counters
        self._by_ufrag: dict[str, Peer] = {}
        self._handshakes: Tally[str] = Tally()
        self._handshakes_allowed = handshakes_per_second

    def open(
        self, owner: Any, *, setup: str, ufrag: str, password: str, fingerprints: Iterable[tuple[str, str]]
    ) -> Peer:
        """Make a peer that may connect from now on; ``setup`` is our role, ``ufrag`` and ``password`` are theirs."""
        dtls = Dtls(self.identity, server=setup == "passive", fingerprints=list(fingerprints))
        peer = Peer(owner, dtls, secrets.randbits(32), remote_ufrag=ufrag, remote_password=password)
        peer.seen_ns = self._clock.monotonic_ns()
        self.credentials(peer)
        return peer

    def none(self, owner: Any) -> Peer:
        """Make a peer without a transport, for packets that come from this machine."""
        peer = Peer(owner, NoDtls(), secrets.randbits(32))
        peer.seen_ns = self._clock.monotonic_ns()
        return peer

    def credentials(self, peer: Peer) -> tuple[str, str]:
        """Give the peer a fresh ufrag and password; the newest earlier pair stays valid beside it."""
        while len(peer.local) > 1:
            oldest = next(iter(peer.local))
            del peer.local[oldest], self._by_ufrag[oldest]
        ufrag, password = secrets.token_hex(4), secrets.token_urlsafe(24)
        peer.local[ufrag] = password
        self._by_ufrag[ufrag] = peer
        return ufrag, password

    def close(self, peer: Peer) -> None:
        """Say goodbye and forget the peer everywhere."""
        self._counters.take(peer)
        self._answer(peer, peer.dtls.close())
        if peer.timer is not None:
            peer.timer.cancel()
            peer.timer = None
        for ufrag in peer.local:
            self._by_ufrag.pop(ufrag, None)
        for port, address in peer.addresses:
            if port.peers.get(address) is peer:
                del port.peers[address]
        peer.addresses.clear()
        peer.inbound = peer.outbound = peer.send = None
        peer.dtls = NoDtls()  # its memory is OpenSSL's, which the collector does not see: free it now

    def peers(self) -> Iterable[Peer]:
        """Every peer once."""
        return dict.fromkeys(self._by_ufrag.values())

    def __len__(self) -> int:
        return len(self._by_ufrag)

    def new_second(self) -> None:
        """Start a new window of the handshake limit."""
        self._handshakes.clear()

    def check(self, data: bytes, port: Port, address: Any) -> None:
        """Answer a connectivity check and learn the address from it; drop all other STUN."""
        check = stun.parse_check(data)
        if check is None:
            if not self.answered(data, port, address):
                self._counters.dropped["stun-malformed"] += 1
            return
        peer = self._by_ufrag.get(check.local_ufrag)
        if peer is None:
            self._counters.dropped["stun-unknown"] += 1
            return
        password = peer.local[check.local_ufrag]
        if not check.authentic(password):
            self._counters.dropped["stun-forged"] += 1
            return
        peer.seen_ns = self._clock.monotonic_ns()
        if port.peers.get(address) is not peer:
            self.learn(peer, port, address)
        if peer.send is None or (check.nominated and (peer.address != address or peer.port is not port)):
            self.move(peer, port, address)
        peer.nominated = peer.nominated or check.nominated
        try:
            port.sendto(stun.success(check, address[:2], password), address)
        except OSError:
            self._counters.dropped["send-failed"] += 1
        if check.nominated and not peer.started:
            self._start(peer)

    def move(self, peer: Peer, port: Port, address: Any) -> None:
        """Send to the peer there from now on."""
        peer.port, peer.send, peer.address = port, port.sendto, address

    def learn(self, peer: Peer, port: Port, address: Any) -> None:
        """Take what comes from there as the peer's."""
        before = port.peers.get(address)
        if before is not None:
            before.addresses = [pair for pair in before.addresses if pair != (port, address)]
        port.peers[address] = peer
        peer.addresses.append((port, address))
        if len(peer.addresses) > ADDRESSES:
            old_port, old_address = peer.addresses.pop(0)
            if old_port.peers.get(old_address) is peer:
                del old_port.peers[old_address]

    def forget(self, port: Port, address: Any) -> None:
        """A connection is closed: its address is no way to the peer any more."""
        peer = port.peers.pop(address, None)
        if peer is None:
            return
        peer.addresses = [pair for pair in peer.addresses if pair != (port, address)]
        if peer.port is port and peer.address == address:
            if peer.addresses:
                peer.port, peer.address = peer.addresses[-1]
                peer.send = peer.port.sendto
            else:
                peer.send = None

    def _start(self, peer: Peer) -> None:
        """As the DTLS client, begin once the way is nominated; as the server, wait for the ClientHello."""
        peer.started = True
        if peer.dtls.state == "handshake" and not peer.inbound and not peer.dtls.server:
            self._advance(peer, peer.dtls.start())

    def handshake(self, data: bytes, peer: Peer, address: Any) -> None:
        """Take a DTLS datagram from an address that passed a check."""
        if peer.dtls.state == "handshake" and peer.timer is None:
            host = address[0]
            self._handshakes[host] += 1
            if self._handshakes[host] > self._handshakes_allowed:
                self._counters.dropped["handshake-rate"] += 1
                return
        self._advance(peer, peer.dtls.feed(data))

    def _advance(self, peer: Peer, replies: list[bytes]) -> None:
        self._answer(peer, replies)
        dtls = peer.dtls
        if dtls.state == "connected" and peer.inbound is None:
            peer.inbound, peer.outbound = srtp.handle(dtls.rx), srtp.handle(dtls.tx)
            peer.seen_ns = self._clock.monotonic_ns()
            self.connected(peer)
        if dtls.state == "failed":
            log.warning("a DTLS handshake failed", resource=peer.owner.id, reason=dtls.failure)
            self.gone(peer, "failed")
        elif dtls.state == "closed":
            self.gone(peer, "closed")
        else:
            self._schedule(peer)

    def _schedule(self, peer: Peer) -> None:
        if peer.timer is not None:
            peer.timer.cancel()
            peer.timer = None
        due = peer.dtls.due()
        if due is not None and peer.send is not None:
            peer.timer = asyncio.get_running_loop().call_later(max(due, 0.01), self._timeout, peer)

    def _timeout(self, peer: Peer) -> None:
        peer.timer = None
        self._advance(peer, peer.dtls.timeout())

    def _answer(self, peer: Peer, replies: list[bytes]) -> None:
        for reply in replies:
            if not peer.transmit(reply):
                self._counters.dropped["send-failed"] += 1
