"""Offers of real browsers and encoders, and what the relay answers."""

from pathlib import Path

import pytest
from aiortc import sdp as aiortc_sdp
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import PeerError
from media import answers, negotiation, sdp

OFFERS = Path(__file__).parent / "offers"
WHIP = (OFFERS / "chromium-whip.sdp").read_bytes().decode()
WHEP = (OFFERS / "chromium-whep.sdp").read_bytes().decode()
TRANSPORT = answers.Transport(
    "ours", "secret" * 5, "AA:BB", "passive", answers.candidates([("192.0.2.1", 5)], tcp=False)
)


def publish(offer: str, video: str = "vp8", *, level: bool = True, name: str = "camera") -> list[answers.Section]:
    return negotiation.publishing(sdp.parse_offer(offer), negotiation.Wanted(video, level, None), name)


def written(sections: list[answers.Section]) -> str:
    return answers.write(sections, TRANSPORT, 1)


def test_a_browsers_offer_is_read() -> None:
    """Credentials, role, media and codecs of Chromium's WHIP offer."""
    offer = sdp.parse_offer(WHIP)
    assert (offer.ufrag, offer.setup) == ("5fcF" if "5fcF" in WHIP else offer.ufrag, "actpass")
    assert [media.kind for media in offer.media] == ["audio", "video"]
    assert {"vp8", "h264", "vp9", "av1"} <= {codec.name for codec in offer.media[1].codecs}


@pytest.mark.parametrize("policy", ["vp8", "h264", "any"])
def test_one_video_codec_is_answered_as_the_session_wants(policy: str) -> None:
    """VP8 or H.264 by policy; H.264 in mode 1 and constrained baseline."""
    _, video = publish(WHIP, policy)
    assert video.codec is not None
    assert video.codec.name == ("vp8" if policy == "any" else policy)
    if policy == "h264":
        assert video.codec.parameter("packetization-mode") == "1"
        assert (video.codec.parameter("profile-level-id") or "").startswith("42e0")


def test_nothing_is_accepted_that_the_relay_does_not_do() -> None:
    """No transport-cc, no RED or FEC, no orientation, no other header extension."""
    text = written(publish(WHIP))
    for word in ("transport", "red/", "ulpfec", "flexfec", "video-orientation", "abs-send-time", "toffset", "usedtx"):
        assert word not in text.replace("urn:ietf:params:rtp-hdrext:sdes", "")
    assert "useinbandfec=1" in text


def test_audio_levels_are_accepted_only_where_allowed() -> None:
    """The level tells who speaks, so sealed sessions do without."""
    assert "ssrc-audio-level" in written(publish(WHIP))
    assert "ssrc-audio-level" not in written(publish(WHIP, level=False))


def test_the_answer_is_a_description_others_can_read() -> None:
    """aiortc reads it: ICE-lite, our role, one candidate, one bundle."""
    parsed = aiortc_sdp.SessionDescription.parse(written(publish(WHIP)))
    assert [media.direction for media in parsed.media] == ["recvonly", "recvonly"]
    assert parsed.media[0].ice.iceLite
    assert parsed.media[0].ice_candidates[0].port == 5
    assert parsed.group[0].items == ["0", "1"]


def test_a_viewer_gets_the_publishers_codec_under_its_own_number() -> None:
    """The payload type is the viewer's, the codec the publisher's."""
    published = {section.media.kind: section.codec for section in publish(WHIP, "h264") if section.codec}
    audio, video = negotiation.subscribing(sdp.parse_offer(WHEP), published)
    assert audio.codec is not None
    assert video.codec is not None
    assert (audio.codec.name, video.codec.name) == ("opus", "h264")
    assert "a=sendonly" in written([audio, video])


def test_what_is_not_published_is_rejected_in_its_place() -> None:
    """A section without a publication is answered with port 0, so that order and number fit."""
    published = {section.media.kind: section.codec for section in publish(WHIP) if section.codec}
    del published["audio"]
    text = written(negotiation.subscribing(sdp.parse_offer(WHEP), published))
    assert "m=audio 0 " in text
    assert "a=group:BUNDLE 1\r\n" in text


def test_data_channels_and_second_cameras_are_rejected() -> None:
    """One audio and one video per resource; anything else gets port 0."""
    video = WHIP[WHIP.index("m=video") :]
    more = (
        WHIP + video.replace("a=mid:1", "a=mid:2") + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:3\r\n"
    )
    sections = publish(more)
    assert [section.codec is not None for section in sections] == [True, True, False, False]
    assert written(sections).count("m=video 0 ") == 1


def test_a_rooms_encoder_may_bring_what_it_can() -> None:
    """A room camera that only has H.264 is taken in a VP8 session; an endpoint's camera is not."""
    only = "\r\n".join(line for line in WHIP.split("\r\n") if "VP8" not in line)
    assert publish(only, "vp8", name="wide")[1].codec is not None
    assert publish(only, "vp8")[1].codec is None


def test_bundle_only_sections_are_taken() -> None:
    """Port 0 with a=bundle-only is no refusal (RFC 8843 6)."""
    offer = WHIP.replace("m=video 9", "m=video 0").replace("a=mid:1", "a=mid:1\r\na=bundle-only")
    assert publish(offer)[1].codec is not None
    assert publish(WHIP.replace("m=video 9", "m=video 0"))[1].codec is None


@pytest.mark.parametrize(("offered", "ours"), [("actpass", "passive"), ("active", "passive"), ("passive", "active")])
def test_our_role_fits_each_offered_role(offered: str, ours: str) -> None:
    """Passive unless the offer itself is passive."""
    assert answers.setup_for(sdp.parse_offer(WHIP.replace("setup:actpass", f"setup:{offered}"))) == ours


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "v=0\r\n",
        "hello",
        WHIP.replace("a=fingerprint", "a=x"),
        WHIP.replace("a=ice-ufrag", "a=x"),
        WHIP.replace("a=setup:actpass", "a=setup:nonsense"),
        WHIP.replace("a=setup:actpass", "a=x"),
        WHIP.replace("a=rtpmap:96 ", "a=rtpmap:x "),
        WHIP.replace("a=mid:1", "a=mid:0"),
        WHIP.replace("a=ice-ufrag:", "a=ice-ufrag:a", 1),
        WHIP + "a=padding:" + "x" * 64_000,
        WHIP.replace("m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=audio 9 UDP/TLS/RTP/SAVPF 999"),
    ],
)
def test_a_broken_offer_is_refused_with_its_code(broken: str) -> None:
    """Whatever is wrong with it, the word is bad-sdp."""
    with pytest.raises(PeerError) as refused:
        sdp.parse_offer(broken)
    assert refused.value.code == "bad-sdp"


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(WHIP)), st.integers(0, 40), st.text(max_size=12))
def test_a_mangled_offer_is_answered_or_refused(at: int, cut: int, inserted: str) -> None:
    """Random damage to a real offer never gets further than PeerError."""
    try:
        sections = publish(WHIP[:at] + inserted + WHIP[at + cut :])
    except PeerError:
        return
    written(sections)


def test_candidates_prefer_reachable_addresses() -> None:
    """Addresses keep their order; loopback is last; IPv6 is written plainly."""
    lines = answers.candidates([("192.0.2.1", 5), ("fd00::1", 5), ("127.0.0.1", 5)], tcp=True)
    udp = [line.split() for line in lines if " udp " in line]
    assert [parts[4] for parts in sorted(udp, key=lambda parts: -int(parts[3]))] == [
        "192.0.2.1",
        "fd00::1",
        "127.0.0.1",
    ]
    assert all(line.endswith("tcptype passive") for line in lines if " tcp " in line)


@given(st.text(max_size=200), st.text(max_size=40), st.text(max_size=40))
def test_a_hostile_fragment_names_no_credentials_that_could_not_be_sent(noise: str, ufrag: str, password: str) -> None:
    """Whatever a PATCH holds, what is taken from it is ASCII of the lengths that ICE allows."""
    found = sdp.credentials(f"{noise}\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\n")
    if found is not None:
        assert all(part.isascii() for part in found)
        assert 4 <= len(found[0]) <= 256
        assert 22 <= len(found[1]) <= 256
