"""A NAT has given a peer another port: heard at once, answered as soon as the new address has proved itself.

A browser sends a connectivity check every 2.5 s, and media every few milliseconds. So a media packet from an unknown
address is tried with the keys of the peers it may come from. One that authenticates, and is no replay, is that
peer's: it is taken, and from then on so is what else comes from there. Nothing is sent there yet but a connectivity
check of ours; only its answer, signed with the password of the peer's offer, moves what we send (consent, RFC 7675).
Somebody who copies packets on their way can so at most be heard with what is true, and gets nothing.
"""

import asyncio
import secrets
from collections.abc import Iterable
from typing import Any

from media import srtp, stun
from media.counters import Counters
from media.peer import Peer
from media.relay import Relay
from media.transports import Port, Transports

TRIALS_PER_S = 500
"""Keys tried per second for packets of unknown addresses; strangers who use them up only delay the change."""
TRIALS = 32
"""Peers tried for one packet."""
AGAIN_S = (0.1, 0.2, 0.4, 0.8)
"""When an unanswered check of ours is sent again."""


class Rebinding:
    """Tries packets of unknown addresses and checks those that turn out to be a peer's."""

    def __init__(self, relay: Relay, transports: Transports, counters: Counters) -> None:
        self._relay = relay
        self._transports = transports
        self._counters = counters
        self._left, self._window_ns = TRIALS_PER_S, 0
        self._trial = srtp.Buffer()
        self._asked: dict[bytes, tuple[Peer, Port, Any]] = {}
        transports.answered = self.answered

    def stray(self, length: int, port: Port, address: Any, now_ns: int) -> None:
        """Take the datagram in the relay's buffer that came from an unknown address, or drop and count it."""
        if now_ns - self._window_ns > 1_000_000_000:
            self._left, self._window_ns = TRIALS_PER_S, now_ns
        if port.way == "udp":
            data = bytes(self._relay.buffer[:length])
            for peer in suspects(self._transports.peers(), data, port, address)[:TRIALS]:
                if self._left <= 0:
                    break
                self._left -= 1
                if self._opens(peer, data):
                    self._adopt(peer, port, address, now_ns)
                    return
        self._counters.dropped["foreign"] += 1

    def _opens(self, peer: Peer, data: bytes) -> bool:
        trial = self._trial
        trial.data[: len(data)] = data
        trial.length[0] = len(data)
        open_ = srtp.unprotect_rtcp if control(data) else srtp.unprotect_rtp
        return not open_(peer.inbound, trial.pointer, trial.length)

    def _adopt(self, peer: Peer, port: Port, address: Any, now_ns: int) -> None:
        """The packet is the peer's: hand it on, listen to the address, and ask it to prove itself."""
        self._counters.rebound += 1
        length = self._trial.length[0]
        self._transports.learn(peer, port, address)
        if all(asked is not peer for asked, _, _ in self._asked.values()):  # one at a time: nobody is flooded by us
            self._ask(peer, port, address, 0)
        peer.seen_ns = now_ns
        if control(self._trial.data):
            self._relay.flush()
            self._relay.feedback(peer, bytes(self._trial.view[:length]), now_ns)
        else:
            self._relay.buffer[:length] = self._trial.view[:length]
            self._relay.plain(peer, length, now_ns)

    def _ask(self, peer: Peer, port: Port, address: Any, tries: int) -> None:
        """Send a check, again after a while, until it is answered, or the peer is there by a check of its own."""
        if port.peers.get(address) is not peer or (peer.address == address and peer.port is port):
            return
        transaction = secrets.token_bytes(12)
        self._asked[transaction] = (peer, port, address)
        asyncio.get_running_loop().call_later(sum(AGAIN_S), self._asked.pop, transaction, None)
        try:
            port.sendto(stun.request(transaction, peer.local_ufrag, peer.remote_ufrag, peer.remote_password), address)
        except OSError:
            self._counters.dropped["send-failed"] += 1
        if tries < len(AGAIN_S):
            asyncio.get_running_loop().call_later(AGAIN_S[tries], self._ask, peer, port, address, tries + 1)

    def answered(self, data: bytes, port: Port, address: Any) -> bool:
        """Whether ``data`` answers a check of ours; then the peer is where it came from."""
        answer = stun.parse_answer(data)
        asked = self._asked.get(answer.transaction) if answer else None
        if answer is None or asked is None:
            return False
        peer, by, at = asked
        if by is not port or at != address or not answer.authentic(peer.remote_password):
            self._counters.dropped["stun-forged"] += 1
            return True
        del self._asked[answer.transaction]
        if port.peers.get(address) is peer:
            self._transports.move(peer, port, address)
        return True


def control(data: bytes | bytearray) -> bool:
    """Whether a media datagram is RTCP (RFC 5761 4)."""
    return 191 < data[1] < 224


def suspects(peers: Iterable[Peer], data: bytes, port: Port, address: Any) -> list[Peer]:
    """Peers whose packet this may be: who sends the SSRC it names, then the longest silent ones of the same host."""
    known = [peer for peer in peers if peer.inbound is not None and not peer.limited]
    ssrc = 0 if control(data) else int.from_bytes(data[8:12], "big")
    sending = [peer for peer in known if ssrc in peer.streams]
    near = [peer for peer in known if peer.port is port and peer.address and peer.address[0] == address[0]]
    return [*sending, *(peer for peer in sorted(near, key=lambda peer: peer.seen_ns) if peer not in sending)]
