"""The answers the relay gives (RFC 8829 5.3): ICE-lite, one bundle, only what it can really do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from media.sdp import AUDIO_LEVEL, MID, RID, RRID, Codec, Media, Offer

FEEDBACK = ("nack", "nack pli", "ccm fir", "goog-remb")
"""Feedback we take and give where it was offered; never transport-cc."""


@dataclass(frozen=True, slots=True)
class Transport:
    """Our side of one resource's transport."""

    ufrag: str
    password: str
    fingerprint: str
    setup: str
    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """What we send in a media section: our SSRC, its RTX SSRC or 0, and the stream it belongs to."""

    ssrc: int
    rtx: int
    stream: str
    cname: str


@dataclass(frozen=True, slots=True)
class Section:
    """Our answer to one m-section: ``codec`` None rejects it, ``direction`` is ours."""

    media: Media
    codec: Codec | None
    direction: str = "recvonly"
    send: Stream | None = None
    audio_level: bool = False
    rids: tuple[str, ...] = ()


def candidates(addresses: Sequence[tuple[str, int]], *, tcp: bool) -> tuple[str, ...]:
    """One UDP host candidate per address and, with ``tcp``, a passive TCP one (RFC 8445 5.1.2, RFC 6544 4.2)."""
    lines = []
    for index, (host, port) in enumerate(addresses):
        preference = 65535 - index - (10 if ip_address(host).is_loopback else 0)
        lines.append(f"{index + 1} 1 udp {126 << 24 | preference << 8 | 255} {host} {port} typ host")
    for index, (host, port) in enumerate(addresses if tcp else ()):
        preference = 4 << 13 | 8191 - index
        lines.append(f"{index + 101} 1 tcp {90 << 24 | preference << 8 | 255} {host} {port} typ host tcptype passive")
    return tuple(lines)


def setup_for(offer: Offer) -> str:
    """Our DTLS role: passive unless the offer itself is passive (RFC 5763 5)."""
    return "active" if offer.setup == "passive" else "passive"


def write(sections: Sequence[Section], transport: Transport, number: int) -> str:
    """Return the whole answer. ``number`` is the session id of the origin line."""
    accepted = [section.media.mid for section in sections if section.codec]
    lines = ["v=0", f"o=- {number} 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=ice-lite"]
    lines += [f"a=group:BUNDLE {' '.join(accepted)}", "a=msid-semantic:WMS *"]
    first = True
    for section in sections:
        lines += _section(section, transport, first) if section.codec else _rejected(section.media)
        first = first and not section.codec
    return "\r\n".join(lines) + "\r\n"


def fragment(transport: Transport, mid: str) -> str:
    """The answer to an ICE restart: an ``application/trickle-ice-sdpfrag`` body (RFC 8840 9, RFC 9725 4.3)."""
    lines = ["a=ice-lite", f"a=ice-ufrag:{transport.ufrag}", f"a=ice-pwd:{transport.password}"]
    lines += ["m=audio 9 UDP/TLS/RTP/SAVPF 0", f"a=mid:{mid}"]
    lines += [f"a=candidate:{candidate}" for candidate in transport.candidates]
    return "\r\n".join([*lines, "a=end-of-candidates"]) + "\r\n"


def _rejected(media: Media) -> list[str]:
    kind = media.kind.removeprefix("rejected:")
    return [
        f"m={kind} 0 {media.protocol} {' '.join(media.formats[:1]) or '0'}",
        "c=IN IP4 0.0.0.0", f"a=mid:{media.mid}", "a=inactive",
    ]  # fmt: skip


def _section(section: Section, transport: Transport, first: bool) -> list[str]:
    media, codec = section.media, section.codec
    assert codec is not None
    types = [codec.payload_type, *([codec.rtx] if codec.rtx is not None else [])]
    lines = [f"m={media.kind} 9 {media.protocol} {' '.join(map(str, types))}", "c=IN IP4 0.0.0.0"]
    lines += ["a=rtcp:9 IN IP4 0.0.0.0", f"a=mid:{media.mid}", f"a={section.direction}", "a=rtcp-mux"]
    lines += ["a=rtcp-rsize"] if media.rsize else []
    lines += [f"a=ice-ufrag:{transport.ufrag}", f"a=ice-pwd:{transport.password}"]
    lines += [f"a=fingerprint:sha-256 {transport.fingerprint}", f"a=setup:{transport.setup}"]
    lines += [f"a=extmap:{number} {uri}" for uri, number in _extensions(section)]
    lines += _codec(codec)
    lines += [f"a=rid:{rid} recv" for rid in section.rids]
    lines += [f"a=simulcast:recv {';'.join(section.rids)}"] if section.rids else []
    lines += _sent(section.send, media.kind) if section.send else []
    if first:
        lines += [f"a=candidate:{candidate}" for candidate in transport.candidates] + ["a=end-of-candidates"]
    return lines


def _extensions(section: Section) -> Iterable[tuple[str, int]]:
    wanted = [MID]
    if section.rids:
        wanted += [RID, RRID]
    if section.audio_level and section.direction != "sendonly":
        wanted.append(AUDIO_LEVEL)
    return [(uri, section.media.extensions[uri]) for uri in wanted if uri in section.media.extensions]


def _codec(codec: Codec) -> list[str]:
    names = {"opus": "opus", "vp8": "VP8", "h264": "H264", "vp9": "VP9", "av1": "AV1"}
    channels = f"/{codec.channels}" if codec.channels and codec.channels > 1 else ""
    number = codec.payload_type
    lines = [f"a=rtpmap:{number} {names[codec.name]}/{codec.clock_rate}{channels}"]
    lines += [f"a=rtcp-fb:{number} {name}" for name in FEEDBACK if name in codec.feedback]
    fmtp = "minptime=10;useinbandfec=1" if codec.name == "opus" else codec.fmtp
    lines += [f"a=fmtp:{number} {fmtp}"] if fmtp else []
    if codec.rtx is not None:
        lines += [f"a=rtpmap:{codec.rtx} rtx/{codec.clock_rate}", f"a=fmtp:{codec.rtx} apt={number}"]
    return lines


def _sent(send: Stream, kind: str) -> list[str]:
    lines = [f"a=msid:{send.stream} {kind}"]
    lines += [f"a=ssrc-group:FID {send.ssrc} {send.rtx}"] if send.rtx else []
    for ssrc in (send.ssrc, send.rtx) if send.rtx else (send.ssrc,):
        lines += [f"a=ssrc:{ssrc} cname:{send.cname}", f"a=ssrc:{ssrc} msid:{send.stream} {kind}"]
    return lines
