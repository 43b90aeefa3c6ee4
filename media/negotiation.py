"""From an offer to the sections of our answer: which media, which codec, which direction. Pure."""

from dataclasses import dataclass

from media import sdp
from media.answers import Section
from media.sdp import Codec, Media, Offer

VIEWS = frozenset({"close", "wide"})
"""Publications of a room's cameras: encoders that cannot choose their codec, so no session's policy binds them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the session allows a publisher to send."""

    video: str
    audio_level: bool
    previous: str | None
    """Codec of the video the publication had before: viewers are set up for it."""


def _refuse(media: Media) -> Section:
    return Section(media, None)


def publishing(offer: Offer, wanted: Wanted, publication: str) -> list[Section]:
    """Accept the first audio and the first video section that sends and has a codec we take; refuse the rest."""
    sections: list[Section] = []
    taken: set[str] = set()
    for media in offer.media:
        codec = None
        if media.direction in ("sendonly", "sendrecv") and media.kind not in taken:
            codec = _published(media, wanted, publication)
        if codec is None:
            sections.append(_refuse(media))
            continue
        taken.add(media.kind)
        sections.append(Section(media, codec, "recvonly", audio_level=wanted.audio_level, rids=_layers(media, codec)))
    return sections


def _published(media: Media, wanted: Wanted, publication: str) -> Codec | None:
    if media.kind == "audio":
        codec = sdp.choose_audio(media)
    elif media.kind == "video":
        codec = sdp.choose_video(media, wanted.previous) if wanted.previous else None
        codec = codec or sdp.choose_video(media, wanted.video)
        if codec is None and publication in VIEWS:
            codec = sdp.choose_video(media, "any")
    else:
        codec = None
    return codec


def _layers(media: Media, codec: Codec) -> tuple[str, ...]:
    """The two simulcast layers we take: the first offered, which is the largest, and the last (RFC 8853 5.3)."""
    if codec.name != "vp8" or len(media.rids) < 2 or sdp.RID not in media.extensions:
        return ()
    return media.rids[0], media.rids[-1]


def subscribing(offer: Offer, published: dict[str, Codec]) -> list[Section]:
    """Answer each section that receives with what the publication has of its kind."""
    sections: list[Section] = []
    taken: set[str] = set()
    for media in offer.media:
        there = published.get(media.kind)
        codec = sdp.match(media, there) if there and media.direction in ("recvonly", "sendrecv") else None
        if codec is None or media.kind in taken:
            sections.append(_refuse(media))
            continue
        taken.add(media.kind)
        sections.append(Section(media, codec, "sendonly"))
    return sections


def echoing(offer: Offer) -> list[Section]:
    """Accept what both sends and receives, to send it back."""
    sections: list[Section] = []
    taken: set[str] = set()
    for media in offer.media:
        codec = None
        if media.direction == "sendrecv" and media.kind not in taken:
            codec = sdp.choose_audio(media) if media.kind == "audio" else sdp.choose_video(media, "any")
        if codec is None or media.kind not in ("audio", "video"):
            sections.append(_refuse(media))
            continue
        taken.add(media.kind)
        sections.append(Section(media, codec, "sendrecv"))
    return sections
