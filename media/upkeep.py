"""What must happen by time: liveness, silence, keyframes, reports, limits. Called twice a second."""

from collections.abc import Iterable

import structlog

from core.clock import Clock
from media import rtcp
from media.commands import Active, Inactive, LineReport
from media.congestion import BAD_LOSS, allowed_bitrate
from media.counters import Counters
from media.feedback import Feedback
from media.negotiation import VIEWS
from media.peer import Peer
from media.relay import WINDOW_S
from media.resources import Resources
from media.sessions import Publication, Resource, Session
from media.switchboard import Switchboard
from media.tcp import CONGESTED
from media.thinning import has_layers
from media.transports import Transports

log = structlog.get_logger()

PERIOD_S = WINDOW_S
CONNECT_NS = 15_000_000_000
"""A resource that is not connected this long after its answer is gone."""
INACTIVE_NS = 8_000_000_000
LEFT_NS = 20_000_000_000
SILENT_NS = 2_000_000_000
ECHO_NS = 15_000_000_000
REPORT_TICKS = 2
LINE_TICKS = 10
"""Line reports every five seconds."""


class Upkeep:
    """``tick`` does everything that is due."""

    def __init__(
        self,
        resources: Resources,
        switchboard: Switchboard,
        feedback: Feedback,
        transports: Transports,
        clock: Clock,
        counters: Counters,
    ) -> None:
        self._counters = counters
        self._resources = resources
        self._switchboard = switchboard
        self._feedback = feedback
        self._transports = transports
        self._clock = clock
        self._ticks = 0

    def tick(self, sessions: Iterable[Session]) -> None:
        """Do what is due at this half second."""
        now_ns = self._clock.monotonic_ns()
        self._ticks += 1
        reports = self._ticks % REPORT_TICKS == 0
        if reports:
            self._transports.new_second()
        for resource in tuple(self._resources.all.values()):
            peer = resource.peer
            self._window(resource, peer)
            if not self._alive(resource, peer, now_ns) or not resource.connected:
                continue
            for stream in peer.streams.values():
                self._feedback.keyframes(stream, now_ns)
                if reports:
                    stream.ring.trim(stream.sequence, now_ns)
            if reports and peer.streams:
                self._feedback.receiver_report(peer, now_ns, self._estimate(resource))
            if reports and resource.kind == "subscribe":
                self._congestion(resource, now_ns)
        for session in tuple(sessions):
            for publication in tuple(session.publications.values()):
                self._switchboard.elect(publication)
                self._switchboard.count_layers(publication)
                self._silence(publication, now_ns)
            if self._ticks % LINE_TICKS == 0:
                self._lines(session)

    def _congestion(self, resource: Resource, now_ns: int) -> None:
        """Judge a viewer's line and give it less, or more again."""
        peer, publication = resource.peer, resource.publication
        if publication is None or not resource.flows:
            return
        loss = max((flow.line.loss for flow in resource.flows if flow.open), default=0.0)
        backlogged = peer.port is not None and peer.port.backlog(peer.address) > CONGESTED
        layered = len(publication.layers) > 1
        temporal = loss > BAD_LOSS or backlogged or any(flow.thinning for flow in resource.flows)
        temporal = temporal and self._temporal(publication, now_ns)
        for flow in resource.flows:
            before = flow.congestion.level
            after = flow.congestion.update(loss, now_ns, backlogged=backlogged, layered=layered, temporal=temporal)
            if flow.kind == "video" and before is not after:
                self._switchboard.route(publication)

    def _temporal(self, publication: Publication, now_ns: int) -> bool:
        """Whether what a weak line would get has layers in time, as the last second of it shows."""
        stream = publication.layers[-1] if publication.layers else publication.streams.get("video")
        return stream is not None and stream.info.codec == "vp8" and has_layers(stream.ring.payloads(now_ns))

    def _estimate(self, resource: Resource) -> bytes:
        """A REMB for a publisher that understands it, from the lines of its viewers."""
        publication = resource.publication
        codec = publication.codecs.get("video") if publication else None
        if publication is None or codec is None or "goog-remb" not in codec.feedback:
            return b""
        rates = [flow.congestion.rate for flow in publication.flows["video"] if flow.open]
        streams = [stream for stream in resource.peer.streams.values() if stream.info.kind == "video"]
        lines = [stream.reception.lost_on_line() for stream in streams]
        lost, expected = sum(line[0] for line in lines), sum(line[1] for line in lines)
        resource.uplink.update(lost, expected, sum(stream.octets for stream in streams))
        bitrate = allowed_bitrate(rates, recorded=publication.session.recorded, own=resource.uplink.rate)
        ssrcs = [stream.ssrc for stream in streams]
        self._counters.feedback["remb", "to-publisher"] += 1
        return rtcp.remb(resource.peer.ssrc, bitrate, ssrcs)

    def _window(self, resource: Resource, peer: Peer) -> None:
        """Begin a new window of the limits, and count what the last one brought; say so where it was too much."""
        self._counters.take(peer)
        if peer.limited != resource.limited:
            resource.limited = peer.limited
            if peer.limited:
                log.warning("a participant sends more than it may: what is too much is dropped", resource=resource.id)
            else:
                log.info("a participant keeps to its limits again", resource=resource.id)
        peer.rtcp = 0
        peer.limited = False
        for flow in resource.flows:
            flow.resends = 0

    def _alive(self, resource: Resource, peer: Peer, now_ns: int) -> bool:
        """Judge a resource by its newest authenticated packet; False when it was taken away."""
        silent = now_ns - peer.seen_ns
        if not resource.connected:
            if now_ns - resource.created_ns < CONNECT_NS:
                return True
            self._resources.close(resource, "failed")
            return False
        if resource.kind == "echo" and now_ns - resource.created_ns > ECHO_NS:
            self._resources.close(resource, "closed")
            return False
        if silent > LEFT_NS:
            self._resources.close(resource, "silent")
            return False
        if (silent > INACTIVE_NS) != resource.inactive:
            self._inactive(resource)
        return True

    def _inactive(self, resource: Resource) -> None:
        resource.inactive = not resource.inactive
        if resource.session is None:
            return
        kind = Inactive if resource.inactive else Active
        resource.session.emit(kind(session=resource.session.id, endpoint=resource.endpoint, resource=resource.id))

    def _silence(self, publication: Publication, now_ns: int) -> None:
        """Tell when a kind of media of a connected publication stops or comes back."""
        if publication.resource is None:
            return
        for kind in publication.codecs:
            stream = publication.streams.get(kind)
            last_ns = stream.last_ns if stream else publication.connected_ns
            silent = now_ns - last_ns >= SILENT_NS
            if silent != (kind in publication.silent):
                self._switchboard.silence_changed(publication, kind, silent=silent)

    def _lines(self, session: Session) -> None:
        by_line: dict[tuple[str, str], list[Resource]] = {}
        for resource in session.resources.values():
            if resource.connected:
                by_line.setdefault((resource.endpoint, _view(resource)), []).append(resource)
        for line, resources in by_line.items():
            session.emit(line_report(session.id, line, resources, LINE_TICKS * PERIOD_S))


def _view(resource: Resource) -> str:
    """Which camera of a room a resource is, or nothing: encoders stand on a line of their own."""
    name = resource.publication.name if resource.publication and resource.kind == "publish" else ""
    return name if name in VIEWS else ""


def line_report(session: str, line: tuple[str, str], resources: list[Resource], seconds: float) -> LineReport:
    """Sum up the line of an endpoint, or of one camera beside it, since the last report; moves the marks of its
    streams and flows."""
    lost = expected = up = down = 0
    losses, trips = [], []
    for resource in resources:
        for stream in resource.peer.streams.values():
            lost_now, expected_now = stream.reception.lost_on_line()
            lost += max(0, lost_now - stream.lost_mark)
            expected += max(0, expected_now - stream.expected_mark)
            up += stream.octets - stream.octets_mark
            stream.lost_mark, stream.expected_mark, stream.octets_mark = lost_now, expected_now, stream.octets
        for flow in resource.flows:
            octets = flow.totals()[1]
            down += octets - flow.line.octets_mark
            flow.line.octets_mark = octets
            if flow.open:
                losses.append(flow.line.loss)
            if flow.line.rtt_ms is not None:
                trips.append(flow.line.rtt_ms)
    return LineReport(
        session=session,
        endpoint=line[0],
        publication=line[1],
        up_loss=round(lost / expected, 4) if expected else 0.0,
        down_loss=round(sum(losses) / len(losses), 4) if losses else 0.0,
        rtt_ms=round(sum(trips) / len(trips), 1) if trips else None,
        up_kbps=round(up * 8 / 1000 / seconds, 1),
        down_kbps=round(down * 8 / 1000 / seconds, 1),
        way=next((resource.way for resource in resources if resource.kind == "publish"), resources[0].way),
    )
