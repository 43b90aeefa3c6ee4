"""The path of a packet: unprotect in place, read the header, hand it to sinks, and to each flow under its numbers.

No decoding, no object per packet, no logging. What is decided here is only what must be decided per packet;
who gets what stands in the tuples ``flows`` and ``sinks`` of each stream, kept by ``media.switchboard``.
"""

from collections.abc import Callable

from core.clock import Clock
from media import rtp, srtp
from media.config import Limits
from media.counters import Counters
from media.incoming import Incoming
from media.outlet import Outlet
from media.peer import Peer
from media.ports import Sink
from media.routing import Flow, Run

_unpack = rtp.HEADER.unpack_from
_unprotect = srtp.unprotect_rtp
# Bound once: the path of a packet looks nothing up in modules.

Packet = tuple[int, int, int, int, bytes, bool, bool]
"""Padding bit, marker bit, sequence number, timestamp, payload, may a flow begin with it, is it late."""
WINDOW_S = 0.5
"""Length of the window of the limits per peer; ``new_window`` is called that often."""
MAX_SSRCS = 16
"""Distinct SSRCs a resource may use over its life."""


class Relay:
    """Takes SRTP of peers; ``buffer`` is where datagrams are received."""

    def __init__(self, clock: Clock, counters: Counters, limits: Limits) -> None:
        self._in = srtp.Buffer()
        self._outlet = Outlet(counters)
        self._stream: Incoming | None = None
        self._run: list[Packet] = []
        """Packets of ``_stream`` that came one after another and are not forwarded yet."""
        self._out = srtp.Buffer()
        self.buffer = self._in.data
        self.clock = clock
        self.counters = counters
        self.bind: Callable[[Peer, int, int, int, int, int], Incoming | None] = lambda *_: None
        """(peer, ssrc, payload type, length, sequence, timestamp) of an unknown SSRC → its stream, or None."""
        self.feedback: Callable[[Peer, bytes, int], None] = lambda *_: None
        """An authenticated RTCP packet, and its arrival."""
        self.lost: Callable[[Incoming, int, int], None] = lambda *_: None
        """A run of packets given up at once because the hole is too large."""
        self.sink_broke: Callable[[Incoming, Sink], None] = lambda *_: None
        self.began: Callable[[Flow, int], None] = lambda *_: None
        """A flow has begun a run."""
        self.missing: Callable[[Incoming], None] = lambda *_: None
        """A stream has packets to ask for again."""
        self._packets = round(limits.packets_per_second * WINDOW_S)
        self._octets = round(limits.bits_per_second * WINDOW_S / 8)
        self._rtcp = round(limits.rtcp_per_second * WINDOW_S)

    def media(self, peer: Peer, length: int, now_ns: int) -> None:
        """Take the SRTP or SRTCP datagram of ``length`` bytes that lies in ``buffer``."""
        data = self.buffer
        if 191 < data[1] < 224:  # RFC 5761 4
            self._control(peer, length, now_ns)
            return
        peer.packets += 1
        peer.octets += length
        if peer.packets > self._packets or peer.octets > self._octets:
            self._limit(peer, "packet-rate" if peer.packets > self._packets else "bit-rate")
            return
        buffer = self._in
        buffer.length[0] = length
        code = _unprotect(peer.inbound, buffer.pointer, buffer.length)
        if code:
            self._refused(code)
            return
        peer.seen_ns = now_ns
        length = buffer.length[0]
        self.plain(peer, length, now_ns)

    def plain(self, peer: Peer, length: int, now_ns: int) -> None:
        """Take the decrypted RTP packet of ``length`` bytes that lies in ``buffer``."""
        data = self.buffer
        first, second, sequence, timestamp, ssrc = _unpack(data)
        start = rtp.payload_start(data, length) if first & 0x1F else 12
        if not start:
            self.counters.dropped["malformed"] += 1
            return
        stream = peer.streams.get(ssrc)
        fresh = stream is None
        if stream is None or stream.payload_type != second & 0x7F:
            if second & 0x7F in peer.rtx:
                self._retransmitted(peer, length, start, now_ns)
                return
            self.flush()
            stream = self.bind(peer, ssrc, second & 0x7F, length, sequence, timestamp)
            if stream is None:
                return
        reception = stream.reception
        late = False
        if (sequence - reception.highest) & 0xFFFF == 1:
            reception.highest += 1
            reception.received += 1
        elif not fresh:
            late = self._out_of_order(stream, sequence, now_ns)
        if timestamp != stream.timestamp or fresh or late:
            self._new_timestamp(stream, sequence, timestamp, start, length, now_ns, late)
        stream.packets += 1
        stream.octets += length - start
        stream.last_ns = now_ns
        packet = bytes(self._in.view[:length])
        stream.ring.put(sequence, packet, now_ns)
        for sink in stream.sinks:
            try:
                sink.arrived((stream.info.number, packet, now_ns))
            except Exception:  # foreign code: the packet path goes on without it
                self.sink_broke(stream, sink)
        if stream.flows:
            if stream is not self._stream:
                self.flush()
                self._stream = stream
            starts = stream.keyframe is None or stream.keyframe_sequence == sequence
            self._run.append((first & 0x20, second & 0x80, sequence, timestamp, packet[start:], starts, late))

    def _retransmitted(self, peer: Peer, length: int, start: int, now_ns: int) -> None:
        """Unwrap a packet that was sent again (RFC 4588 4); padding and what is here already are dropped."""
        data = self.buffer
        end = rtp.payload_end(data, length, start)
        if end - start < 3:
            self.counters.dropped["padding"] += 1
            return
        _, second, _, timestamp, _ = _unpack(data)
        number = peer.rtx[second & 0x7F]
        sequence = data[start] << 8 | data[start + 1]
        stream = _original(peer, number, data, length)
        if stream is None or not stream.reception.lacks(sequence):
            self.counters.dropped["duplicate"] += 1
            return
        packet = rtp.HEADER.pack(0x80, second & 0x80 | number, sequence, timestamp, stream.ssrc)
        packet += data[start + 2 : end]
        data[: len(packet)] = packet
        self.plain(peer, len(packet), now_ns)

    def _limit(self, peer: Peer, reason: str) -> None:
        peer.limited = True
        self.counters.dropped[reason] += 1

    def _refused(self, code: int) -> None:
        self.counters.dropped["replayed" if code in srtp.REPLAYED else "unauthenticated"] += 1

    def _out_of_order(self, stream: Incoming, sequence: int, now_ns: int) -> bool:
        """Note a packet that is not the expected next; return whether it comes late, behind newer ones."""
        reception = stream.reception
        highest = reception.highest
        gone = reception.arrived(sequence, now_ns)
        if gone is not None:
            self.lost(stream, *gone)
        elif reception.missing:
            self.missing(stream)
        return reception.highest == highest

    def _new_timestamp(
        self, stream: Incoming, sequence: int, timestamp: int, start: int, length: int, now_ns: int, late: bool
    ) -> None:
        """A new frame begins, or a late packet may be the start of one: look for a keyframe, feed the jitter."""
        if not late:
            stream.timestamp, stream.timestamp_ns = timestamp, now_ns
            stream.reception.transit(timestamp, now_ns, stream.info.clock_rate)
        if stream.keyframe is not None and stream.keyframe(self.buffer, start, length):
            if stream.keyframes is not None:
                stream.keyframes.arrived(now_ns)
            stream.keyframe_sequence = sequence

    def flush(self) -> None:
        """Forward what the present wake-up has collected. Every wake-up ends with this."""
        stream, run = self._stream, self._run
        if stream is None:
            return
        self._stream, self._run = None, []
        outlet = self._outlet
        for flow in stream.flows:
            number, ssrc, peer, thinning = flow.payload_type, flow.ssrc, flow.peer, flow.thinning
            for index, (padding, marker, sequence, timestamp, payload, starts, late) in enumerate(run):
                if flow.waiting or flow.source is not stream:
                    if flow.target is not stream or not starts:
                        continue
                    self._begin(flow, stream, index, run)
                elif late:
                    if not flow.accepts_late(sequence):
                        self.counters.dropped["late"] += 1
                        continue
                elif thinning is not None and not thinning.passes(payload):
                    flow.skip(sequence, len(payload))
                    self.counters.dropped["thinned"] += 1
                    continue
                outlet.packet(
                    peer, 0x80 | padding, marker | number, (sequence + flow.sequence_offset) & 0xFFFF,
                    (timestamp + flow.timestamp_offset) & 0xFFFFFFFF, ssrc,
                    payload if flow.pictures is None else flow.pictures.rewrite(payload),
                )  # fmt: skip
            if thinning is not None and thinning.over:
                flow.thinning = None
        outlet.flush()

    def _begin(self, flow: Flow, stream: Incoming, index: int, run: list[Packet]) -> None:
        """Begin a run of ``flow`` with the packet at ``index``; the rest of what was collected counts as sent."""
        now_ns = stream.last_ns
        flow.leave(now_ns)
        flow.begin(stream, run[index][2], run[index][3], now_ns)
        flow.packet_mark -= len(run) - index
        flow.octet_mark -= sum(len(packet[4]) for packet in run[index:])
        self.began(flow, now_ns)

    def resend(self, flow: Flow, run: Run, sequence: int, packet: bytes, *, again: bool = True) -> None:
        """Send a packet of the ring, that belongs to ``run``, under our number ``sequence``.

        ``again``: the viewer asked for it, so it goes over RTX where that was negotiated.
        """
        first, second, _, timestamp, _ = _unpack(packet)
        payload = packet[rtp.payload_start(packet, len(packet)) :]
        if flow.pictures is not None:
            payload = flow.pictures.rewrite(payload)
        number, ssrc, ours = flow.payload_type, flow.ssrc, sequence
        if again and flow.rtx is not None:  # RFC 4588 4: the original number goes before the payload
            payload = sequence.to_bytes(2, "big") + payload
            number, ssrc, ours = flow.rtx.payload_type, flow.rtx.ssrc, flow.rtx.next()
        timestamp = (timestamp + run.timestamp_offset) & 0xFFFFFFFF
        self._outlet.packet(flow.peer, 0x80 | first & 0x20, second & 0x80 | number, ours, timestamp, ssrc, payload)
        self._outlet.flush()

    def control(self, peer: Peer, packet: bytes) -> bool:
        """Protect and send a compound RTCP packet."""
        out = self._out
        size = len(packet)
        if peer.outbound is None or peer.send is None or size > srtp.MAX_PACKET - 100:
            return False
        out.view[:size] = packet
        out.length[0] = size
        if srtp.protect_rtcp(peer.outbound, out.pointer, out.length):
            return False
        return peer.transmit(out.view[: out.length[0]])

    def _control(self, peer: Peer, length: int, now_ns: int) -> None:
        peer.rtcp += 1
        if peer.rtcp > self._rtcp:
            self._limit(peer, "rtcp-rate")
            return
        buffer = self._in
        buffer.length[0] = length
        code = srtp.unprotect_rtcp(peer.inbound, buffer.pointer, buffer.length)
        if code:
            self._refused(code)
            return
        peer.seen_ns = now_ns
        self.flush()
        self.feedback(peer, bytes(buffer.view[: buffer.length[0]]), now_ns)


def _original(peer: Peer, payload_type: int, data: bytearray, length: int) -> Incoming | None:
    """The stream a retransmission belongs to: the only one of its payload type, or the one its rrid names."""
    streams = [stream for stream in peer.streams.values() if stream.payload_type == payload_type]
    if len(streams) < 2:
        return streams[0] if streams else None
    values = {value.decode("ascii", "replace") for _, value in rtp.extensions(data, length)}
    return next((stream for stream in streams if stream.rid in values), None)
