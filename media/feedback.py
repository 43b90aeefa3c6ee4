"""RTCP in both directions: what publishers are asked for, what viewers ask for, and who is told what."""

import asyncio
from collections.abc import Iterable
from typing import Any

from core.clock import Clock
from media import rtcp
from media.config import Limits
from media.counters import Counters
from media.incoming import Incoming
from media.peer import Peer
from media.relay import WINDOW_S, Relay
from media.routing import Flow

REPAIR_S = 0.02
"""Period of the NACK timer; it runs only while something is missing."""
NACKS_PER_PACKET = 150
SENT_REPORTS = 8
ACTIVE_NS = 1_000_000_000
"""A stream that brought nothing for this long is not asked for keyframes."""


class Feedback:
    """Handles RTCP of peers, repairs streams, writes reports."""

    def __init__(self, relay: Relay, clock: Clock, counters: Counters, limits: Limits) -> None:
        self._relay = relay
        self._clock = clock
        self._counters = counters
        self._resends = round(limits.resends_per_second * WINDOW_S)
        self._repairing: set[Incoming] = set()
        self._timer: asyncio.TimerHandle | None = None
        relay.feedback = self.control
        relay.missing = self.missing
        relay.lost = self.lost
        relay.began = self.began

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._repairing.clear()

    # From peers

    def control(self, peer: Peer, packet: bytes, now_ns: int) -> None:
        """Take an authenticated compound packet of ``peer``."""
        try:
            items = rtcp.parse(packet)
        except ValueError:
            self._counters.dropped["rtcp-malformed"] += 1
            return
        for item in items:
            self._item(peer, item, now_ns)

    def _item(self, peer: Peer, item: rtcp.Item, now_ns: int) -> None:
        match item:
            case rtcp.SenderReport():
                self._sender_report(peer, item, now_ns)
            case rtcp.Report():
                self._line(peer, item, now_ns)
            case rtcp.Lost():
                self._resend(peer, item, now_ns)
            case rtcp.KeyframeWanted():
                self._keyframe_wanted(peer, item)
            case _:
                return

    def _sender_report(self, peer: Peer, item: rtcp.SenderReport, now_ns: int) -> None:
        stream = peer.streams.get(item.ssrc)
        if stream is None:
            self._counters.dropped["rtcp-ssrc"] += 1
            return
        self._counters.feedback["sr", "from-publisher"] += 1
        stream.sender_report = (item.ntp, item.rtp, now_ns)
        for sink in stream.sinks:
            try:
                sink.sender_report(stream.info, item.ntp, item.rtp, now_ns)
            except Exception:  # foreign code, see Relay.plain
                self._relay.sink_broke(stream, sink)
        for flow in stream.flows:
            self._translate(flow, stream, now_ns)

    def _keyframe_wanted(self, peer: Peer, item: rtcp.KeyframeWanted) -> None:
        self._counters.feedback["pli", "from-viewer"] += 1
        flow = self._flow(peer, item.ssrc)
        if flow is not None and flow.open and flow.source is not None:
            self.want_keyframe(flow.source)

    def _flow(self, peer: Peer, ssrc: int) -> Flow | None:
        """What ``peer`` receives as ``ssrc``; counted when that is nothing."""
        flow = peer.flows.get(ssrc)
        if flow is None:
            self._counters.dropped["rtcp-ssrc"] += 1
        return flow

    def _line(self, peer: Peer, item: rtcp.Report, now_ns: int) -> None:
        flow = peer.flows.get(item.ssrc)
        if flow is None:
            return
        self._counters.feedback["rr", "from-viewer"] += 1
        flow.line.loss = item.fraction
        sent = flow.line.sent.get(item.lsr)
        if item.lsr and sent is not None:
            trip = (now_ns - sent) / 1e6 - item.dlsr / 65.536
            if 0 <= trip < 60_000:
                flow.line.rtt_ms = trip

    def _resend(self, peer: Peer, item: rtcp.Lost, now_ns: int) -> None:
        flow = self._flow(peer, item.ssrc)
        if flow is None or not flow.open:
            return
        self._counters.feedback["nack", "from-viewer"] += len(item.sequences)
        for sequence in item.sequences:
            run = flow.find(sequence)
            packet = run.source.ring.get(run.theirs(sequence), now_ns) if run else None
            if run is None or packet is None or (flow.pictures and run.source is not flow.source):
                continue  # what never reached us is asked of the publisher by our own timer
            flow.resends += 1
            if flow.resends > self._resends:
                self._counters.dropped["resend-rate"] += 1
                return
            self._relay.resend(flow, run, sequence, packet)
            self._counters.resent += 1

    # To publishers

    def missing(self, stream: Incoming) -> None:
        """Start asking for what ``stream`` lacks."""
        self._repairing.add(stream)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(REPAIR_S, self._repair)

    def _repair(self) -> None:
        now_ns = self._clock.monotonic_ns()
        for stream in tuple(self._repairing):
            self.repair(stream, now_ns)
            if not stream.reception.missing:
                self._repairing.discard(stream)
        self._timer = None
        if self._repairing:
            self._timer = asyncio.get_running_loop().call_later(REPAIR_S, self._repair)

    def repair(self, stream: Incoming, now_ns: int) -> None:
        """Ask for what is due and give up what is hopeless."""
        due = stream.reception.due(now_ns)
        for at in range(0, 0 if stream.peer.limited else len(due.ask), NACKS_PER_PACKET):
            part = due.ask[at : at + NACKS_PER_PACKET]
            if self._relay.control(stream.peer, rtcp.nack(stream.peer.ssrc, stream.ssrc, part)):
                self._counters.feedback["nack", "to-publisher"] += len(part)
        for first, count in due.given_up:
            self.lost(stream, first, count)

    def lost(self, stream: Incoming, first: int, count: int) -> None:
        """A run of packets will not come: sinks are told, and video needs a new picture."""
        self._counters.lost += count
        stream.each_sink(lambda sink: sink.lost(stream.info, first, count), self._relay.sink_broke)
        if stream.keyframes is not None:
            self.want_keyframe(stream)

    def want_keyframe(self, stream: Incoming) -> None:
        """Ask for a keyframe now, or as soon as the spacing allows."""
        if stream.keyframes is None:
            return
        stream.keyframes.want()
        self._ask(stream, self._clock.monotonic_ns())

    def _ask(self, stream: Incoming, now_ns: int) -> None:
        assert stream.keyframes is not None
        if not stream.keyframes.due(now_ns, recorded=bool(stream.sinks)):
            return
        if self._relay.control(stream.peer, rtcp.pli(stream.peer.ssrc, stream.ssrc)):
            self._counters.feedback["pli", "to-publisher"] += 1

    def keyframes(self, stream: Incoming, now_ns: int) -> None:
        """Housekeeping of one stream: repeat requests that nothing answered."""
        if stream.keyframes is None or now_ns - stream.last_ns > ACTIVE_NS:
            return
        if any(flow.target is stream and (flow.waiting or flow.source is not stream) for flow in stream.flows):
            stream.keyframes.want()
        self._ask(stream, now_ns)

    def receiver_report(self, peer: Peer, now_ns: int, also: bytes = b"") -> None:
        """Tell a publisher how its streams arrive (RFC 3550 6.4.2), with our CNAME and ``also``."""
        blocks = [_block(stream, now_ns) for stream in peer.streams.values()]
        packet = rtcp.receiver_report(peer.ssrc, blocks) + rtcp.source_description(peer.ssrc, "relay") + also
        if self._relay.control(peer, packet):
            self._counters.feedback["rr", "to-publisher"] += 1

    # To viewers

    def began(self, flow: Flow, now_ns: int) -> None:
        """A flow has begun: its first sender report goes at once, so that lips and voice meet from the start."""
        self._counters.dropped["no-keyframe"] += flow.wait_for(None)
        if flow.source is not None:
            self._translate(flow, flow.source, now_ns)

    def _translate(self, flow: Flow, stream: Any, now_ns: int) -> None:
        """Send the publisher's sender report, moved to now and to the flow's numbers."""
        if stream.sender_report is None or flow.waiting:
            return
        ntp, timestamp, arrival_ns = stream.sender_report
        passed = now_ns - arrival_ns
        ntp = (ntp + (passed << 32) // 1_000_000_000) & 0xFFFFFFFFFFFFFFFF
        timestamp += passed * flow.clock_rate // 1_000_000_000 + flow.timestamp_offset
        packets, octets = flow.totals()
        packet = rtcp.sender_report(flow.ssrc, ntp, timestamp, packets, octets)
        cname = f"{stream.info.endpoint}.{stream.info.publication}"
        if self._relay.control(flow.peer, packet + rtcp.source_description(flow.ssrc, cname)):
            self._counters.feedback["sr", "to-viewer"] += 1
            flow.line.sent[ntp >> 16 & 0xFFFFFFFF] = now_ns
            while len(flow.line.sent) > SENT_REPORTS:
                del flow.line.sent[next(iter(flow.line.sent))]

    def goodbye(self, streams: Iterable[Incoming]) -> None:
        """Streams are closed: stop repairing them."""
        self._repairing.difference_update(streams)


def _block(stream: Incoming, now_ns: int) -> rtcp.Report:
    lsr = dlsr = 0
    if stream.sender_report is not None:
        ntp, _, arrival_ns = stream.sender_report
        lsr, dlsr = ntp >> 16 & 0xFFFFFFFF, (now_ns - arrival_ns) * 65536 // 1_000_000_000 & 0xFFFFFFFF
    return stream.reception.report(stream.ssrc, lsr, dlsr)
