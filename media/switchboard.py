"""Keeps the tables the packet path reads: which stream goes to which flows and sinks.

Everything that opens or shuts a route ends in ``route``, so that one rule (``routing.may_flow``) decides.
"""

import secrets

import structlog

from core.clock import Clock
from media import rtp
from media.commands import Published, TrackSilent
from media.congestion import Level
from media.counters import Counters
from media.feedback import Feedback
from media.incoming import Incoming
from media.peer import Peer
from media.pictures import Pictures
from media.ports import Sink, Track
from media.relay import MAX_SSRCS, Relay
from media.routing import Flow, Retransmission, may_flow
from media.sdp import Codec
from media.sessions import Publication, Resource, Session

log = structlog.get_logger()

LAYER_SILENT_NS = 1_000_000_000
"""A simulcast layer that brought nothing for this long has been switched off by its sender."""


class Switchboard:
    """Binds SSRCs to streams, streams to flows and sinks."""

    def __init__(self, relay: Relay, feedback: Feedback, clock: Clock, counters: Counters) -> None:
        self._relay = relay
        self._feedback = feedback
        self._clock = clock
        self._counters = counters
        relay.bind = self.bind
        relay.sink_broke = self.sink_broke

    def bind(
        self, peer: Peer, ssrc: int, payload_type: int, length: int, sequence: int, timestamp: int
    ) -> Incoming | None:
        """Return the stream for a packet of an SSRC not seen before; None drops the packet."""
        known = peer.payload_types.get(payload_type)
        if known is None or ssrc in peer.streams:
            self._counters.dropped["payload-type"] += 1
            return None
        if peer.ssrcs_seen >= MAX_SSRCS:
            self._counters.dropped["ssrc-limit"] += 1
            return None
        kind, codec = known
        resource: Resource = peer.owner
        rid = self._rid(resource, length) if kind == "video" and resource.rids else ""
        if rid is None:
            self._counters.dropped["no-rid"] += 1
            return None
        peer.ssrcs_seen += 1
        now_ns = self._clock.monotonic_ns()
        stream = self._stream(resource, peer, kind, codec, ssrc, sequence, timestamp, now_ns)
        stream.rid = rid
        peer.streams[ssrc] = stream
        if resource.publication is None:
            self._echo(resource, stream)
        else:
            self._install(resource.publication, stream, now_ns)
        return stream

    def _rid(self, resource: Resource, length: int) -> str | None:
        """Which simulcast layer the packet in the buffer belongs to; None when it does not say (RFC 8852)."""
        for number, value in rtp.extensions(self._relay.buffer, length):
            if number == resource.rid_extension:
                rid = value.decode("ascii", "replace")
                return rid if rid in resource.rids else None
        return None

    def _stream(
        self,
        resource: Resource,
        peer: Peer,
        kind: str,
        codec: Codec,
        ssrc: int,
        sequence: int,
        timestamp: int,
        now: int,
    ) -> Incoming:
        publication, session = resource.publication, resource.session
        if session is not None:
            session.tracks += 1
        info = Track(
            number=session.tracks if session else 1,
            session=session.id if session else "",
            endpoint=resource.endpoint,
            role=publication.role if publication else "",
            publication=publication.name if publication else "echo",
            kind="audio" if kind == "audio" else "video",
            codec=codec.name,
            clock_rate=codec.clock_rate,
            payload_type=codec.payload_type,
            ssrc=ssrc,
            fmtp=codec.fmtp,
        )
        return Incoming(info, peer, sequence, timestamp, now, nack="nack" in codec.feedback)

    def _echo(self, resource: Resource, stream: Incoming) -> None:
        stream.flows = tuple(flow for flow in resource.flows if flow.kind == stream.info.kind)
        for flow in stream.flows:
            flow.leave(stream.last_ns)
            flow.target = stream
            self._counters.dropped["no-keyframe"] += flow.wait_for(stream)
        if stream.info.kind == "video":
            self._feedback.want_keyframe(stream)

    def _install(self, publication: Publication, stream: Incoming, now_ns: int) -> None:
        """Make ``stream`` what the publication now shows of its kind."""
        kind = stream.info.kind
        stream.publication = publication
        session = publication.session
        if stream.rid:
            self._install_layer(publication, stream)
        else:
            before = publication.streams.get(kind)
            if before is not None:
                self.close_stream(publication, before)
            publication.streams[kind] = stream
            if session.recorded:
                self.attach(session, stream)
        self.route(publication)
        if not publication.announced:
            publication.announced = True
            kinds = tuple(sorted(publication.codecs))
            session.emit(
                Published(session=session.id, endpoint=publication.endpoint, publication=publication.name, kinds=kinds)
            )
        if kind in publication.silent:
            self.silence_changed(publication, kind, silent=False)

    def _install_layer(self, publication: Publication, stream: Incoming) -> None:
        """Add a simulcast layer; of each rid the newest counts."""
        rids: tuple[str, ...] = stream.peer.owner.rids
        for old in [layer for layer in publication.layers if layer.rid == stream.rid]:
            self.close_stream(publication, old)
        publication.layers = sorted([*publication.layers, stream], key=lambda layer: rids.index(layer.rid))
        self.elect(publication)

    def elect(self, publication: Publication) -> None:
        """Show and record the largest layer that brings packets; without simulcast there is nothing to choose."""
        if not publication.layers:
            return
        now_ns = self._clock.monotonic_ns()
        active = [layer for layer in publication.layers if now_ns - layer.last_ns < LAYER_SILENT_NS]
        best, before = (active or publication.layers)[0], publication.streams.get("video")
        if best is before:
            return
        if before is not None:
            before.each_sink(lambda sink: sink.closed(before.info), self.sink_broke)
            before.sinks = ()
        publication.streams["video"] = best
        if publication.session.recorded:
            self.attach(publication.session, best)
        self.route(publication)

    def close_stream(self, publication: Publication | None, stream: Incoming) -> None:
        """The stream brings nothing any more: flows wait for a successor, sinks close the track."""
        now_ns = self._clock.monotonic_ns()
        if publication is not None:
            self.count_layers(publication)
        for flow in stream.flows:
            flow.leave(now_ns)
            flow.open = False
        stream.flows = ()
        for first, count in stream.reception.abandon():
            self._feedback.lost(stream, first, count)
        stream.each_sink(lambda sink: sink.closed(stream.info), self.sink_broke)
        stream.sinks = ()
        stream.peer.streams.pop(stream.ssrc, None)
        stream.ring.clear()
        if publication is None:
            return
        if stream in publication.layers:
            publication.layers.remove(stream)
        if publication.streams.get(stream.info.kind) is stream:
            del publication.streams[stream.info.kind]

    def attach(self, session: Session, stream: Incoming) -> None:
        """Record ``stream`` from the next packet on."""
        sink = session.taping.sink if session.taping else None
        if sink is None or sink in stream.sinks:
            return
        stream.sinks = (*stream.sinks, sink)
        stream.each_sink(lambda each: each.opened(stream.info), self.sink_broke)
        if stream.sender_report is not None:
            ntp, timestamp, arrival = stream.sender_report
            stream.each_sink(lambda each: each.sender_report(stream.info, ntp, timestamp, arrival), self.sink_broke)
        if stream.keyframes is not None:
            self._feedback.want_keyframe(stream)

    def attach_all(self, session: Session) -> None:
        for publication in session.publications.values():
            for stream in publication.streams.values():
                self.attach(session, stream)

    def detach_all(self, session: Session, sink: Sink) -> None:
        """Take ``sink`` off all streams at once."""
        for publication in session.publications.values():
            for stream in publication.streams.values():
                stream.sinks = tuple(each for each in stream.sinks if each is not sink)

    def sink_broke(self, stream: Incoming, sink: Sink) -> None:
        """A sink raised: it is taken off everywhere, and the recording is over."""
        log.exception("a sink raised", session=stream.info.session, track=stream.info.number)
        session: Session | None = stream.publication.session if stream.publication else None
        if session is not None:
            self.detach_all(session, sink)
            if session.taping is not None and session.taping.sink is sink:
                session.taping.failed("sink-error")

    def route(self, publication: Publication) -> None:
        """Open and shut the flows of a publication as the session's state says."""
        session = publication.session
        self.count_layers(publication)
        for kind, flows in publication.flows.items():
            allowed = may_flow(
                forwarding=session.forwarding,
                recorder_broken=session.recorder_broken,
                silenced=kind in publication.silenced,
            )
            main = publication.streams.get(kind)
            streams = publication.layers if kind == "video" and publication.layers else [main] if main else []
            self._route_kind(streams, flows, allowed)

    def count_layers(self, publication: Publication) -> None:
        """Count what came of each simulcast layer since the last call for viewers who are shown another.

        Called before routes change and twice a second; what a viewer got of its old layer just before it changed over
        counts for the other, so each is right to half a second.
        """
        for layer in publication.layers:
            came, layer.layer_mark = layer.packets - layer.layer_mark, layer.packets
            others = [
                flow
                for flow in publication.flows["video"]
                if flow.open and (flow.target if flow.waiting else flow.source) is not layer
            ]
            self._counters.dropped["other-layer"] += came * len(others)

    def route_all(self, session: Session) -> None:
        for publication in session.publications.values():
            self.route(publication)

    def _route_kind(self, streams: list[Incoming], flows: list[Flow], allowed: bool) -> None:
        now_ns = self._clock.monotonic_ns()
        for flow in flows:
            shown = flow.congestion.level is not Level.PAUSED or flow.kind == "audio"
            flow.thin(flow.kind == "video" and flow.congestion.level is Level.THIN)
            flow.target = self._layer(streams, flow, now_ns) if allowed and shown and flow.peer.outbound else None
            if flow.open and flow.target is None:
                flow.leave(now_ns)
            flow.open = flow.target is not None
            self._counters.dropped["no-keyframe"] += flow.wait_for(flow.target)
            if len(streams) > 1 and flow.pictures is None:
                flow.pictures = Pictures()
        for stream in streams:
            stream.flows = tuple(
                flow for flow in flows if flow.open and (flow.target is stream or flow.source is stream)
            )
            opened = [flow for flow in stream.flows if flow.target is stream and flow.waiting]
            changing = any(flow.target is stream and flow.source is not stream for flow in stream.flows)
            if stream.keyframes is not None and opened:
                self._first_picture(stream, opened, now_ns)
            elif stream.keyframes is not None and changing:
                self._feedback.want_keyframe(stream)

    def _layer(self, streams: list[Incoming], flow: Flow, now_ns: int) -> Incoming | None:
        """The stream a flow should run on: the large layer, or the small one for a small tile or a weak line."""
        if len(streams) < 2:
            return streams[0] if streams else None
        active = [stream for stream in streams if now_ns - stream.last_ns < LAYER_SILENT_NS] or streams
        return active[-1 if flow.small or flow.congestion.level < Level.FULL else 0]

    def _first_picture(self, stream: Incoming, flows: list[Flow], now_ns: int) -> None:
        """Give new viewers the packets since the last keyframe, or ask for a new one."""
        packets = stream.replay(now_ns)
        if not packets:
            self._feedback.want_keyframe(stream)
            return
        for flow in flows:
            _, _, sequence, timestamp, _ = rtp.HEADER.unpack_from(packets[0])
            flow.begin(stream, sequence, timestamp, now_ns)
            run = flow.find((sequence + flow.sequence_offset) & 0xFFFF)
            assert run is not None
            flow.packet_mark -= len(packets)
            flow.octet_mark -= sum(map(payload_octets, packets))
            for packet in packets:
                number = rtp.HEADER.unpack_from(packet)[2]
                self._relay.resend(flow, run, (number + flow.sequence_offset) & 0xFFFF, packet, again=False)
            self._feedback.began(flow, now_ns)

    def dismiss(self, flow: Flow) -> None:
        """A viewer's flow is gone, whatever it still waited for."""
        self._counters.dropped["no-keyframe"] += flow.wait_for(None)

    def silence_changed(self, publication: Publication, kind: str, *, silent: bool) -> None:
        """Tell that a kind of media has fallen silent, or is back."""
        (publication.silent.add if silent else publication.silent.discard)(kind)
        publication.session.emit(
            TrackSilent(
                session=publication.session.id,
                endpoint=publication.endpoint,
                publication=publication.name,
                kind="audio" if kind == "audio" else "video",
                silent=silent,
            )
        )


def payload_octets(packet: bytes) -> int:
    """Length of a packet without its header, as the totals of a sender report count."""
    return len(packet) - rtp.payload_start(packet, len(packet))


def new_flow(kind: str, codec: Codec, peer: Peer) -> Flow:
    """A flow with numbers nobody can guess (RFC 3550 5.1)."""
    flow = Flow(
        kind=kind,
        ssrc=secrets.randbelow(0xFFFFFFFE) + 1,
        payload_type=codec.payload_type,
        clock_rate=codec.clock_rate,
        sequence=secrets.randbelow(0x8000),
        timestamp=secrets.randbits(32),
        peer=peer,
    )
    if codec.rtx is not None:
        flow.rtx = Retransmission(codec.rtx, secrets.randbelow(0xFFFFFFFE) + 1, secrets.randbelow(0x10000))
    return flow
