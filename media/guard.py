"""Between the sockets and the relay: whatever a datagram does to us, at most its own peer's transport closes.

No input is known to raise; this is what stands there when we are wrong.
"""

from typing import Any

import structlog

from media.counters import Counters
from media.rebinding import Rebinding
from media.relay import Relay
from media.resources import Resources
from media.transports import Transports

log = structlog.get_logger()


class Guard:
    """Implements ``endpoint.Taker``."""

    def __init__(
        self, relay: Relay, transports: Transports, rebinding: Rebinding, resources: Resources, counters: Counters
    ) -> None:
        self._relay = relay
        self._rebinding = rebinding
        self._transports = transports
        self._resources = resources
        self._counters = counters
        self.buffer = relay.buffer
        self._media = relay.media

    def media(self, peer: Any, length: int, now_ns: int) -> None:
        try:
            self._media(peer, length, now_ns)
        except Exception:  # a flaw of ours: at most this peer's transport closes
            self._broke(peer)

    def handshake(self, peer: Any, length: int, address: Any) -> None:
        try:
            self._transports.handshake(bytes(self.buffer[:length]), peer, address)
            if peer.dtls.ignored:
                self._counters.dropped["dtls-ignored"] += 1
        except Exception:  # as above
            self._broke(peer)

    def check(self, length: int, port: Any, address: Any) -> None:
        try:
            self._transports.check(bytes(self.buffer[:length]), port, address)
        except Exception:  # as above, but nobody is known yet
            self._counters.dropped["internal"] += 1
            log.exception("a connectivity check broke the relay")

    def stray(self, length: int, port: Any, address: Any, now_ns: int) -> None:
        try:
            self._rebinding.stray(length, port, address, now_ns)
        except Exception:  # as above
            self._counters.dropped["internal"] += 1
            log.exception("a packet of an unknown address broke the relay")

    def flush(self) -> None:
        try:
            self._relay.flush()
        except Exception:  # a flaw of ours: what was collected is lost, the next wake-up begins anew
            self._counters.dropped["internal"] += 1
            log.exception("forwarding broke the relay")

    def _broke(self, peer: Any) -> None:
        self._counters.dropped["internal"] += 1
        log.exception("a packet broke the relay", resource=peer.owner.id)
        self._resources.close(peer.owner, "failed")
