"""A synthetic participant: one socket, one DTLS association, packets as bytes. Cheap enough to be many.

Speaks to anything that answers WHIP-like offers, this relay and others alike. Nothing is encoded or decoded;
what it sends is given as RTP payloads, what it gets is counted or handed to ``on_rtp``.
"""

import asyncio
import secrets
import socket
import struct
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from aioice import stun

from media import srtp
from media.dtls import Dtls, Identity

AUDIO, VIDEO = 111, 96
MID_ID = 1
_identity: Identity | None = None


def identity() -> Identity:
    """One certificate for all participants of this process."""
    global _identity
    _identity = _identity or Identity()
    return _identity


def attribute(text: str, name: str) -> str:
    """First value of ``a=name:`` in a session description."""
    return next(line.partition(":")[2].strip() for line in text.splitlines() if line.startswith(f"a={name}:"))


def ssrcs(text: str) -> dict[str, int]:
    """SSRC by kind of media that a description names."""
    found: dict[str, int] = {}
    kind = ""
    for line in text.splitlines():
        if line.startswith("m="):
            kind = line[2:].split(" ")[0]
        elif line.startswith("a=ssrc:"):
            found.setdefault(kind, int(line[7:].split(" ")[0]))
    return found


class Participant:
    """One transport. ``connect`` returns when DTLS is up."""

    def __init__(self, host: str = "127.0.0.1", setup: str = "active", way: str = "udp") -> None:
        self.way = way
        self.ufrag, self.password = secrets.token_hex(4), secrets.token_hex(16)
        self.setup = setup
        self.ssrc = {"audio": secrets.randbits(31) + 1, "video": secrets.randbits(31) + 1}
        self.on_rtp: Callable[[memoryview], None] | None = None
        self.on_rtcp: Callable[[bytes], None] | None = None
        self.received = 0
        self.connected = asyncio.get_running_loop().create_future()
        six = ip_address(host).version == 6
        kind = socket.SOCK_DGRAM if way == "udp" else socket.SOCK_STREAM
        self.socket = socket.socket(socket.AF_INET6 if six else socket.AF_INET, kind)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self.socket.bind((host, 0))
        self._stream = bytearray()
        self._remote: Any = None
        self._remote_ufrag = self._remote_password = ""
        self._dtls: Dtls | None = None
        self._in, self._out = srtp.Buffer(), srtp.Buffer()
        self._rx: Any = None
        self._tx: Any = None
        self._timer: asyncio.TimerHandle | None = None
        self._checks: asyncio.TimerHandle | None = None
        if way == "udp":
            asyncio.get_running_loop().add_reader(self.socket.fileno(), self._readable)

    # Descriptions

    def offer(self, direction: str = "sendonly", kinds: tuple[str, ...] = ("audio", "video"), **more: str) -> str:
        """A browser-like offer; ``more`` appends lines to the section of that kind."""
        setup = {"active": "active", "passive": "passive"}.get(self.setup, "actpass")
        return self._describe(direction, kinds, setup, {kind: str(mid) for mid, kind in enumerate(kinds)}, more)

    def answer(self, offer: str, direction: str) -> str:
        """An answer to ``offer`` that takes its first audio and video under their numbers."""
        mids: dict[str, str] = {}
        kind = ""
        for line in offer.splitlines():
            if line.startswith("m="):
                kind = line[2:].split(" ")[0]
            elif line.startswith("a=mid:"):
                mids.setdefault(kind, line[6:].strip())
        return self._describe(direction, tuple(mids), "active", mids, {})

    def _describe(
        self, direction: str, kinds: tuple[str, ...], setup: str, mids: dict[str, str], more: dict[str, str]
    ) -> str:
        lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0"]
        lines += [f"a=group:BUNDLE {' '.join(mids[kind] for kind in kinds)}", "a=msid-semantic: WMS *"]
        for kind in kinds:
            number = AUDIO if kind == "audio" else VIDEO
            codec = "opus/48000/2" if kind == "audio" else "VP8/90000"
            lines += [f"m={kind} 9 UDP/TLS/RTP/SAVPF {number}", "c=IN IP4 0.0.0.0", f"a=mid:{mids[kind]}"]
            lines += [f"a={direction}", "a=rtcp-mux", f"a=rtpmap:{number} {codec}", f"a=rtcp-fb:{number} nack"]
            lines += [f"a=rtcp-fb:{number} nack pli"] if kind == "video" else [f"a=fmtp:{number} useinbandfec=1"]
            lines += [f"a=ice-ufrag:{self.ufrag}", f"a=ice-pwd:{self.password}", f"a=setup:{setup}"]
            lines += [f"a=fingerprint:sha-256 {identity().fingerprint}"]
            lines += [f"a=extmap:{MID_ID} urn:ietf:params:rtp-hdrext:sdes:mid"]
            if direction != "recvonly":
                lines += [f"a=msid:bench {kind}", f"a=ssrc:{self.ssrc[kind]} cname:bench"]
            lines += more.get(kind, "").splitlines()
        return "\r\n".join(lines) + "\r\n"

    # Connecting

    async def connect(self, remote: str, timeout: float = 10.0) -> None:
        """Connect to the transport that ``remote`` describes; we control and nominate."""
        self._remote_ufrag, self._remote_password = attribute(remote, "ice-ufrag"), attribute(remote, "ice-pwd")
        self._remote = candidate(remote, self.way)
        if self.way == "tcp":
            loop = asyncio.get_running_loop()
            await loop.sock_connect(self.socket, self._remote)
            loop.add_reader(self.socket.fileno(), self._readable_stream)
        server = attribute(remote, "setup") == "active"
        algorithm, value = attribute(remote, "fingerprint").split()
        self._dtls = Dtls(identity(), server=server, fingerprints=[(algorithm, value)])
        self.check()
        await asyncio.wait_for(self.connected, timeout)

    def check(self) -> None:
        """Send a connectivity check now, and the next one when it is due."""
        if self._checks is not None:
            self._checks.cancel()
        message = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        message.attributes["USERNAME"] = f"{self._remote_ufrag}:{self.ufrag}"
        message.attributes["PRIORITY"] = 1853817087
        message.attributes["ICE-CONTROLLING"] = 1
        message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity(self._remote_password.encode())
        self.send(bytes(message))
        period = 2.5 if self.connected.done() else 0.1
        self._checks = asyncio.get_running_loop().call_later(period, self.check)

    def send(self, datagram: bytes | memoryview) -> None:
        """Send a datagram as it is."""
        try:
            if self.way == "tcp":
                self.socket.sendall(len(datagram).to_bytes(2, "big") + datagram)
            else:
                self.socket.sendto(datagram, self._remote)
        except OSError:
            return

    def _readable_stream(self) -> None:
        try:
            data = self.socket.recv(65536)
        except OSError:
            return
        if not data:
            asyncio.get_running_loop().remove_reader(self.socket.fileno())
        self._stream += data
        while len(self._stream) >= 2 and len(self._stream) >= 2 + (self._stream[0] << 8 | self._stream[1]):
            length = self._stream[0] << 8 | self._stream[1]
            self._in.data[:length] = self._stream[2 : 2 + length]
            del self._stream[: 2 + length]
            self._sort(length, self._remote)

    def _readable(self) -> None:
        while True:
            try:
                length, source = self.socket.recvfrom_into(self._in.data)
            except OSError:
                return
            self._sort(length, source)

    def _sort(self, length: int, source: Any) -> None:
        first = self._in.data[0] if length else 255
        if 127 < first < 192:
            self._media(length)
        elif first < 4:
            self._stun(bytes(self._in.data[:length]), source)
        elif 19 < first < 64 and self._dtls is not None:
            self._flight(self._dtls.feed(bytes(self._in.data[:length])))

    def _stun(self, data: bytes, source: Any) -> None:
        message = stun.parse_message(data)
        if message.message_class == stun.Class.REQUEST:
            response = stun.Message(
                message_method=stun.Method.BINDING,
                message_class=stun.Class.RESPONSE,
                transaction_id=message.transaction_id,
            )
            response.attributes["XOR-MAPPED-ADDRESS"] = source[:2]
            response.add_message_integrity(self.password.encode())
            self.socket.sendto(bytes(response), source)
        elif self._waits_to_start() and self._dtls is not None:
            self._flight(self._dtls.start())

    def _waits_to_start(self) -> bool:
        dtls = self._dtls
        return dtls is not None and not dtls.server and dtls.state == "handshake" and self._timer is None

    def _flight(self, datagrams: list[bytes]) -> None:
        for datagram in datagrams:
            self.send(datagram)
        dtls = self._dtls
        assert dtls is not None
        if self._timer is not None:
            self._timer.cancel()
        due = dtls.due()
        self._timer = asyncio.get_running_loop().call_later(due, self._again) if due is not None else None
        if dtls.state == "connected" and not self.connected.done():
            self._rx, self._tx = srtp.handle(dtls.rx), srtp.handle(dtls.tx)
            self.connected.set_result(None)
        elif dtls.state in ("failed", "closed") and not self.connected.done():
            self.connected.set_exception(ConnectionError(dtls.failure))

    def _again(self) -> None:
        assert self._dtls is not None
        self._flight(self._dtls.timeout())

    # Media

    def _media(self, length: int) -> None:
        if self._rx is None:
            return
        packet = self._in
        packet.length[0] = length
        if 191 < packet.data[1] < 224:
            if not srtp.unprotect_rtcp(self._rx, packet.pointer, packet.length) and self.on_rtcp is not None:
                self.on_rtcp(bytes(packet.view[: packet.length[0]]))
            return
        if srtp.unprotect_rtp(self._rx, packet.pointer, packet.length):
            return
        self.received += 1
        if self.on_rtp is not None:
            self.on_rtp(packet.view[: packet.length[0]])

    def send_rtp(self, packet: bytes) -> None:
        """Protect and send one plain RTP packet."""
        out = self._out
        out.data[: len(packet)] = packet
        out.length[0] = len(packet)
        if not srtp.protect_rtp(self._tx, out.pointer, out.length):
            self.send(out.view[: out.length[0]])

    def send_rtcp(self, packet: bytes) -> None:
        """Protect and send one plain RTCP packet, well formed or not."""
        out = self._out
        out.data[: len(packet)] = packet
        out.length[0] = len(packet)
        if not srtp.protect_rtcp(self._tx, out.pointer, out.length):
            self.send(out.view[: out.length[0]])

    def rtp(self, kind: str, sequence: int, timestamp: int, payload: bytes, *, marker: bool = False) -> bytes:
        """One plain RTP packet of ours."""
        number = (AUDIO if kind == "audio" else VIDEO) | (0x80 if marker else 0)
        return struct.pack("!BBHII", 0x80, number, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, self.ssrc[kind]) + payload

    def restart(self, remote: str) -> None:
        """Use the new ICE credentials that ``remote`` names from the next check on."""
        self._remote_ufrag, self._remote_password = attribute(remote, "ice-ufrag"), attribute(remote, "ice-pwd")

    def rebind(self) -> None:
        """Go on from another port, as behind a NAT that forgot us."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self.socket.fileno())
        host = self.socket.getsockname()[0]
        family = self.socket.family
        self.socket.close()
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((host, 0))
        loop.add_reader(self.socket.fileno(), self._readable)

    def close(self, *, goodbye: bool = True) -> None:
        """Leave; without ``goodbye`` as by a cut cable."""
        if self._dtls is not None and goodbye:
            for datagram in self._dtls.close():
                self.send(datagram)
        for timer in (self._timer, self._checks):
            if timer is not None:
                timer.cancel()
        asyncio.get_running_loop().remove_reader(self.socket.fileno())
        self.socket.close()


def candidate(text: str, way: str = "udp") -> tuple[str, int]:
    """Address of the first host candidate over ``way``."""
    for line in text.splitlines():
        if line.startswith("a=candidate:"):
            parts = line.split()
            if parts[2].lower() == way:
                return parts[4], int(parts[5])
    raise ValueError(f"no {way} candidate")
