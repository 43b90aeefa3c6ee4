"""WHIP and WHEP offers (RFC 9725, RFC 8866, RFC 8829) read into what a relay needs of them."""

import string
from dataclasses import dataclass, field

from aiortc import sdp

from core.errors import PeerError

MAX_BYTES = 64_000
MAX_MEDIA = 16
MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
RRID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
CLOCK_RATES = {"opus": 48_000, "vp8": 90_000, "h264": 90_000, "vp9": 90_000, "av1": 90_000}
_ICE_CHARS = frozenset(string.ascii_letters + string.digits + "+/-_")
_SETUPS = {"auto": "actpass", "client": "active", "server": "passive"}


@dataclass(frozen=True, slots=True)
class Codec:
    """One payload type of an offer. ``rtx`` is the payload type of its retransmissions (RFC 4588)."""

    payload_type: int
    name: str
    clock_rate: int
    channels: int | None
    fmtp: str
    feedback: frozenset[str]
    rtx: int | None = None

    def parameter(self, name: str) -> str | None:
        """Value of one format parameter, lower case."""
        for part in self.fmtp.split(";"):
            key, _, value = part.strip().partition("=")
            if key == name:
                return value.lower()
        return None


@dataclass(frozen=True, slots=True)
class Media:
    """One m-section. ``rids`` are the simulcast layers it sends, in order of preference."""

    kind: str
    mid: str
    direction: str
    protocol: str
    codecs: tuple[Codec, ...]
    formats: tuple[str, ...]
    extensions: dict[str, int] = field(default_factory=dict)
    rids: tuple[str, ...] = ()
    rsize: bool = False


@dataclass(frozen=True, slots=True)
class Relayed:
    """A relayed candidate of the offer: address, port and type preference, which tells TURN over what."""

    host: str
    port: int
    preference: int


@dataclass(frozen=True, slots=True)
class Offer:
    ufrag: str
    password: str
    fingerprints: tuple[tuple[str, str], ...]
    setup: str
    """``actpass``, ``active`` or ``passive``."""
    media: tuple[Media, ...]
    relayed: tuple[Relayed, ...] = ()


def parse_offer(text: str) -> Offer:
    """Return the offer in ``text``; raise ``PeerError`` with code ``bad-sdp``."""
    if len(text) > MAX_BYTES:
        raise _bad("longer than 64 kB")
    try:
        description = sdp.SessionDescription.parse(text)
        _, groups = sdp.grouplines(text)
    except Exception:  # aiortc's parser asserts, indexes and unpacks freely: whatever it raises means the same
        raise _bad("not a session description") from None
    if not 0 < len(description.media) <= MAX_MEDIA:
        raise _bad("no media, or too many")
    try:
        return _offer(description, groups)
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError):
        raise _bad("an attribute has no meaning") from None


def credentials(fragment: str) -> tuple[str, str] | None:
    """ICE ufrag and password that a trickle fragment names (RFC 8840 9), or None when it names none that hold."""
    lines = dict(line.rstrip("\r").partition(":")[::2] for line in fragment[:MAX_BYTES].split("\n"))
    ufrag, password = lines.get("a=ice-ufrag", ""), lines.get("a=ice-pwd", "")
    fit = 4 <= len(ufrag) <= 256 and 22 <= len(password) <= 256 and _ICE_CHARS.issuperset(ufrag + password)
    return (ufrag, password) if fit else None


def _bad(text: str) -> PeerError:
    return PeerError("bad-sdp", text)


def _offer(description: sdp.SessionDescription, groups: list[list[str]]) -> Offer:
    transport = next((item for item in description.media if item.dtls and item.port), None)
    if transport is None or transport.dtls is None or not transport.dtls.fingerprints:
        raise _bad("no DTLS fingerprint or setup role")
    ice = transport.ice
    ufrag, password = (ice.usernameFragment, ice.password) if ice else (None, None)
    if not ufrag or not password or not 4 <= len(ufrag) <= 256 or not 22 <= len(password) <= 256:
        raise _bad("no ICE credentials")
    for item in description.media:
        if item.port and item.ice and item.ice.usernameFragment not in (None, ufrag):
            raise _bad("media are not bundled on one transport")
    media = tuple(
        _media(index, item, lines) for index, (item, lines) in enumerate(zip(description.media, groups, strict=True))
    )
    if len({item.mid for item in media}) != len(media):
        raise _bad("two media with one mid")
    prints = tuple((item.algorithm, item.value) for item in transport.dtls.fingerprints)
    return Offer(ufrag, password, prints, _SETUPS[transport.dtls.role], media, _relayed(description))


def _relayed(description: sdp.SessionDescription) -> tuple[Relayed, ...]:
    return tuple(
        Relayed(candidate.ip, candidate.port, candidate.priority >> 24)
        for item in description.media
        for candidate in item.ice_candidates
        if candidate.type == "relay"
    )


def _media(index: int, item: sdp.MediaDescription, lines: list[str]) -> Media:
    mid = item.rtp.muxId or str(index)
    if len(mid) > 16 or not mid.isascii() or not mid.isprintable() or " " in mid:
        raise _bad("a mid is not a token")
    return Media(
        kind=item.kind if item.port or "a=bundle-only" in lines else "rejected:" + item.kind,
        mid=mid,
        direction=item.direction or "sendrecv",
        protocol=item.profile,
        codecs=_codecs(item) if item.kind in ("audio", "video") else (),
        formats=tuple(str(value) for value in item.fmt),
        extensions={header.uri: header.id for header in item.rtp.headerExtensions if 0 < header.id < 256},
        rids=_rids(lines),
        rsize="a=rtcp-rsize" in lines,
    )


def _codecs(item: sdp.MediaDescription) -> tuple[Codec, ...]:
    retransmits = {
        codec.parameters.get("apt"): codec.payloadType for codec in item.rtp.codecs if codec.name.lower() == "rtx"
    }
    order = {value: index for index, value in enumerate(item.fmt)}
    found = [
        Codec(
            payload_type=codec.payloadType or 0,
            name=codec.name.lower(),
            clock_rate=codec.clockRate,
            channels=codec.channels,
            fmtp=sdp.parameters_to_sdp(codec.parameters),
            feedback=frozenset(f"{entry.type} {entry.parameter or ''}".strip() for entry in codec.rtcpFeedback),
            rtx=retransmits.get(codec.payloadType),
        )
        for codec in item.rtp.codecs
        if CLOCK_RATES.get(codec.name.lower()) == codec.clockRate and 0 < (codec.payloadType or 0) < 128
    ]
    return tuple(sorted(found, key=lambda codec: order.get(codec.payload_type, len(order))))


def _rids(lines: list[str]) -> tuple[str, ...]:
    """Rids of ``a=simulcast:send`` (RFC 8853), first alternative of each, without the paused mark."""
    for line in lines:
        if line.startswith("a=simulcast:send "):
            listed = line.split(" ", 2)[1].split(";")
            rids = [entry.split(",")[0].removeprefix("~") for entry in listed]
            return tuple(rid for rid in rids if rid.isalnum() and rid.isascii() and len(rid) <= 16)[:3]
    return ()


def choose_audio(media: Media) -> Codec | None:
    """Opus, or nothing."""
    return next((codec for codec in media.codecs if codec.name == "opus"), None)


def choose_video(media: Media, policy: str) -> Codec | None:
    """The codec the session's policy wants: ``vp8``, ``h264`` (42e01f, mode 1, first), ``any`` in offered order."""
    usable = [codec for codec in media.codecs if codec.name != "opus" and _mode_fits(codec)]
    if policy != "any":
        usable = [codec for codec in usable if codec.name == policy]
    if usable and usable[0].name == "h264":
        same = [codec for codec in usable if codec.name == "h264"]
        return next((codec for codec in same if (codec.parameter("profile-level-id") or "")[:4] == "42e0"), same[0])
    return usable[0] if usable else None


def match(media: Media, wanted: Codec) -> Codec | None:
    """The payload type under which a viewer takes what the publisher sends as ``wanted``."""
    same = [codec for codec in media.codecs if codec.name == wanted.name and _mode_fits(codec)]
    if wanted.name == "h264":
        profile = (wanted.parameter("profile-level-id") or "42e01f")[:4]
        exact = [codec for codec in same if (codec.parameter("profile-level-id") or "")[:4] == profile]
        close = [codec for codec in same if (codec.parameter("profile-level-id") or "")[:2] == profile[:2]]
        return next(iter([*exact, *close, *same]), None)
    for name in ("profile-id", "profile"):
        value = wanted.parameter(name) or "0"
        same = [codec for codec in same if (codec.parameter(name) or "0") == value]
    return next(iter(same), None)


def _mode_fits(codec: Codec) -> bool:
    return codec.name != "h264" or codec.parameter("packetization-mode") == "1"
