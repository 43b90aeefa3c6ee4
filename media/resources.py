"""Opening and closing WHIP and WHEP resources: offer in, answer out, peer and flows in between."""

import secrets
from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from core.clock import Clock
from core.errors import PeerError
from core.ids import new_id
from media import answers, negotiation, sdp
from media.answers import Section
from media.commands import Answered, Connected, Left, Unpublished
from media.config import Limits
from media.feedback import Feedback
from media.peer import Peer
from media.sessions import Emit, Publication, Resource, Session
from media.switchboard import Switchboard, new_flow
from media.transports import Transports

Kind = Literal["publish", "subscribe", "echo"]
WAYS = {0: "turn-tls", 1: "turn-tcp"}
"""Type preference of a browser's relayed candidate → how it reaches its TURN server; otherwise UDP."""


class Resources:
    """Makes resources and takes them away; every way out is ``close``."""

    def __init__(
        self,
        transports: Transports,
        switchboard: Switchboard,
        feedback: Feedback,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self.candidates: tuple[str, ...] = ()
        self.turn_addresses: frozenset[str] = frozenset()
        self.all: dict[str, Resource] = {}
        self._transports = transports
        self._switchboard = switchboard
        self._feedback = feedback
        self._clock = clock
        self._limits = limits
        transports.connected = self.connected
        transports.gone = lambda peer, cause: self.close(peer.owner, cause)

    # Opening

    def publish(self, session: Session, endpoint: str, name: str, role: str, offer_text: str) -> Answered:
        """Answer a WHIP offer; raise ``PeerError`` with ``bad-sdp``, ``no-codec`` or ``limit``."""
        offer = sdp.parse_offer(offer_text)
        publication = session.publications.get((endpoint, name))
        before = publication.codecs.get("video") if publication else None
        wanted = negotiation.Wanted(session.video, session.audio_level, before.name if before else None)
        sections = negotiation.publishing(offer, wanted, name)
        self._need_codec(sections)
        if publication is None:
            own = [each for each in session.publications.values() if each.endpoint == endpoint and each.resource]
            self._need_room(len(own) < self._limits.publications_per_endpoint)
            publication = Publication(session, endpoint, name, role)
            session.publications[publication.key] = publication
        if publication.pending is not None:
            self.close(publication.pending, "replaced")
        resource = self._open("publish", session, endpoint, publication, offer)
        publication.pending, publication.role = resource, role
        publication.codecs = {item.media.kind: item.codec for item in sections if item.codec}
        session.publications[publication.key] = publication
        return self._answer(resource, offer, sections)

    def subscribe(self, session: Session, endpoint: str, publication: Publication, offer_text: str) -> Answered:
        """Answer a WHEP offer; raise ``PeerError`` as ``publish`` does."""
        offer = sdp.parse_offer(offer_text)
        sections = negotiation.subscribing(offer, publication.codecs)
        self._need_codec(sections)
        own = [each for each in session.resources.values() if each.endpoint == endpoint and each.kind == "subscribe"]
        self._need_room(len(own) < self._limits.subscriptions_per_endpoint)
        resource = self._open("subscribe", session, endpoint, publication, offer)
        sections = self._flows(resource, sections, f"{publication.endpoint}.{publication.name}")
        for flow in resource.flows:
            publication.flows[flow.kind].append(flow)
        return self._answer(resource, offer, sections)

    def echo(self, check: str, emit: Emit, offer_text: str) -> Answered:
        """Answer an offer whose media come back; raise ``PeerError`` as ``publish`` does."""
        offer = sdp.parse_offer(offer_text)
        sections = negotiation.echoing(offer)
        self._need_codec(sections)
        for other in [each for each in self.all.values() if each.kind == "echo" and each.endpoint == check]:
            self.close(other, "replaced")
        resource = self._open("echo", None, check, None, offer)
        resource.emit = emit
        return self._answer(resource, offer, self._flows(resource, sections, "echo"))

    def source(self, session: Session, endpoint: str, name: str, role: str, codec: sdp.Codec) -> Resource:
        """Make a publication whose packets come from this machine, not over a transport of its own."""
        publication = session.publications.get((endpoint, name)) or Publication(session, endpoint, name, role)
        session.publications[publication.key] = publication
        before, publication.codecs = publication.resource, {"video": codec}
        resource = Resource(
            id=new_id(), kind="publish", endpoint=endpoint, session=session, publication=publication,
            etag="", created_ns=self._clock.monotonic_ns(), connected=True, way="rtsp",
        )  # fmt: skip
        resource.peer = self._transports.none(resource)
        resource.peer.payload_types[codec.payload_type] = ("video", codec)
        self.all[resource.id] = session.resources[resource.id] = resource
        publication.resource, publication.connected_ns = resource, resource.created_ns
        if before is not None:
            self.close(before, "replaced")
        return resource

    def _need_codec(self, sections: Iterable[Section]) -> None:
        if not any(section.codec for section in sections):
            raise PeerError("no-codec", "no media section has a codec this session takes")

    def _need_room(self, room: bool) -> None:
        if not room:
            raise PeerError("limit", "this endpoint has as many resources as it may have")

    def _open(
        self, kind: Kind, session: Session | None, endpoint: str, publication: Publication | None, offer: sdp.Offer
    ) -> Resource:
        setup = answers.setup_for(offer)
        resource = Resource(
            id=new_id(), kind=kind, endpoint=endpoint, session=session, publication=publication,
            etag="", created_ns=self._clock.monotonic_ns(), relayed=offer.relayed,
        )  # fmt: skip
        peer = self._transports.open(
            resource, setup=setup, ufrag=offer.ufrag, password=offer.password, fingerprints=offer.fingerprints
        )
        resource.peer = peer
        self.all[resource.id] = resource
        if session is not None:
            session.resources[resource.id] = resource
        return resource

    def _flows(self, resource: Resource, sections: list[Section], cname: str) -> list[Section]:
        """Make our outgoing streams and name them in the answer."""
        named = []
        for section in sections:
            if section.codec is None:
                named.append(section)
                continue
            flow = new_flow(section.media.kind, section.codec, resource.peer)
            flow.open = resource.kind == "echo"
            resource.flows.append(flow)
            resource.peer.flows[flow.ssrc] = flow
            stream = cname.rpartition(".")[2] or "media"
            named.append(
                replace(section, send=answers.Stream(flow.ssrc, flow.rtx.ssrc if flow.rtx else 0, stream, cname))
            )
        return named

    def _answer(self, resource: Resource, offer: sdp.Offer, sections: list[Section]) -> Answered:
        for section in sections:
            if section.codec and resource.kind != "subscribe":
                resource.peer.payload_types[section.codec.payload_type] = (section.media.kind, section.codec)
                if section.rids:
                    resource.rids, resource.rid_extension = section.rids, section.media.extensions[sdp.RID]
                if section.codec.rtx is not None:
                    resource.peer.rtx[section.codec.rtx] = section.codec.payload_type
        resource.mid = next(section.media.mid for section in sections if section.codec)
        transport = self._transport(resource.peer, answers.setup_for(offer))
        resource.etag = transport.ufrag
        text = answers.write(sections, transport, secrets.randbits(62))
        return Answered(request="", resource=resource.id, answer=text, etag=resource.etag)

    def _transport(self, peer: Peer, setup: str) -> answers.Transport:
        ufrag = next(reversed(peer.local))
        return answers.Transport(
            ufrag, peer.local[ufrag], self._transports.identity.fingerprint, setup, self.candidates
        )

    def restart(self, resource: Resource, fragment: str) -> Answered:
        """Give the resource fresh ICE credentials; the old ones hold until the new are used (RFC 8445 9)."""
        theirs = sdp.credentials(fragment)
        if theirs is not None:
            resource.peer.remote_ufrag, resource.peer.remote_password = theirs
        self._transports.credentials(resource.peer)
        transport = self._transport(resource.peer, "passive" if resource.peer.dtls.server else "active")
        resource.etag = transport.ufrag
        fragment = answers.fragment(transport, resource.mid)
        return Answered(request="", resource=resource.id, answer=fragment, etag=resource.etag)

    # In between

    def connected(self, peer: Peer) -> None:
        """DTLS is up: a publisher takes over from its predecessor, a viewer gets its routes."""
        resource: Resource = peer.owner
        resource.connected = True
        self.tell_connected(resource)
        publication = resource.publication
        if publication is None:
            return
        if resource.kind == "publish":
            before, publication.resource, publication.pending = publication.resource, resource, None
            publication.connected_ns = self._clock.monotonic_ns()
            if before is not None:
                self.close(before, "replaced")
        self._switchboard.route(publication)

    def tell_connected(self, resource: Resource) -> None:
        """Emit ``Connected``; said again to a web process that adopts the session."""
        resource.way = self._way(resource)
        emit = resource.session.emit if resource.session else resource.emit
        if emit is not None:
            emit(
                Connected(
                    session=resource.session.id if resource.session else "",
                    endpoint=resource.endpoint,
                    resource=resource.id,
                    way=resource.way,
                    publication=resource.publication.name
                    if resource.publication and resource.kind == "publish"
                    else "",
                )
            )

    def _way(self, resource: Resource) -> str:
        address, port = resource.peer.address, resource.peer.port
        if address is None:
            return resource.way
        for candidate in resource.relayed:
            if (candidate.host, candidate.port) == address[:2]:
                return WAYS.get(candidate.preference, "turn-udp")
        if address[0] in self.turn_addresses:
            return "turn"
        way: str = port.way
        return way

    # Closing

    def close(self, resource: Resource, cause: str) -> None:
        """Take a resource away, with its streams and flows; twice is once."""
        if self.all.pop(resource.id, None) is None:
            return
        publication, session, peer = resource.publication, resource.session, resource.peer
        streams = list(peer.streams.values())
        for stream in streams:
            self._switchboard.close_stream(publication, stream)
        self._feedback.goodbye(streams)
        self._transports.close(peer)
        if publication is not None:
            for flow in resource.flows:
                publication.flows[flow.kind].remove(flow)
                self._switchboard.dismiss(flow)
            self._leave(publication, resource)
        if session is not None:
            session.resources.pop(resource.id, None)
        emit = session.emit if session else resource.emit
        if emit is not None:
            name = session.id if session else ""
            emit(Left(session=name, endpoint=resource.endpoint, resource=resource.id, cause=cause))

    def _leave(self, publication: Publication, resource: Resource) -> None:
        session = publication.session
        if publication.pending is resource:
            publication.pending = None
        if publication.resource is resource:
            publication.resource = None
        self._switchboard.route(publication)
        if publication.resource is None and publication.pending is None:
            if publication.announced:
                publication.announced = False
                publication.silent.clear()
                session.emit(
                    Unpublished(session=session.id, endpoint=publication.endpoint, publication=publication.name)
                )
            if not any(publication.flows.values()) and session.publications.get(publication.key) is publication:
                del session.publications[publication.key]
