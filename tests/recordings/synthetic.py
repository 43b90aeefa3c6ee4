"""Synthetic participants for tests: encoded pictures and sound, packetized as a browser would."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import av
import numpy as np

from media.ports import Track

FPS = 15


@cache
def pictures(codec: str, width: int, height: int, seconds: int, every: int = 30) -> tuple[tuple[bytes, bool], ...]:
    """Encoded frames whose grey level tells the second, with whether each is a key frame."""
    context = av.CodecContext.create({"vp8": "libvpx", "h264": "libx264"}[codec], "w")
    context.width, context.height = width, height
    context.pix_fmt = "yuv420p"
    context.time_base = Fraction(1, FPS)
    context.framerate = Fraction(FPS)
    context.bit_rate = 200_000
    context.gop_size = every
    context.options = {
        "vp8": {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"},
        "h264": {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "x264-params": "annexb=1"},
    }[codec]
    found = []
    for index in range(seconds * FPS):
        image = np.full((height, width, 3), grey_of(index // FPS), np.uint8)
        image[: height // 4, : width // 4] = (index * 16) % 255
        frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="yuv420p")
        frame.pts = index
        found += [(bytes(packet), packet.is_keyframe) for packet in context.encode(frame)]
    found += [(bytes(packet), packet.is_keyframe) for packet in context.encode(None)]
    return tuple(found)


def grey_of(second: int) -> int:
    """Grey level of the picture in a second: distinct for eleven seconds."""
    return 30 + 20 * (second % 11)


@cache
def sound(seconds: int, hertz: int = 440) -> tuple[bytes, ...]:
    """Opus packets of twenty milliseconds of a tone."""
    context = av.CodecContext.create("libopus", "w")
    context.sample_rate = 48_000
    context.layout = "stereo"
    context.format = "s16"
    context.time_base = Fraction(1, 48_000)
    context.bit_rate = 32_000
    found = []
    for index in range(seconds * 50):
        times = (np.arange(960) + index * 960) / 48_000
        tone = (np.sin(2 * np.pi * hertz * times) * 8000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.repeat(tone, 2)[None, :], "s16", "stereo")
        frame.sample_rate = 48_000
        frame.pts = index * 960
        found += [bytes(packet) for packet in context.encode(frame)]
    return tuple(found[: seconds * 50])


def rtp(payload_type: int, sequence: int, timestamp: int, ssrc: int, payload: bytes, marker: bool = False) -> bytes:
    head = struct.pack(">BBHII", 0x80, payload_type | marker << 7, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
    return head + payload


def vp8_payloads(frame: bytes, size: int = 1100) -> list[bytes]:
    """RFC 7741 with a 15-bit picture id, as Chromium sends."""
    parts = [frame[i : i + size] for i in range(0, len(frame), size)]
    return [bytes((0x90 if not i else 0x80, 0x80, 0x80, 0x01)) + part for i, part in enumerate(parts)]


def h264_payloads(frame: bytes, size: int = 1100) -> list[bytes]:
    """RFC 6184: single units and FU-A."""
    payloads = []
    for unit in (
        u.rstrip(b"\0") if i else u for i, u in enumerate(frame.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1"))
    ):
        if not unit:
            continue
        if len(unit) <= size:
            payloads.append(unit)
            continue
        body = unit[1:]
        parts = [body[i : i + size] for i in range(0, len(body), size)]
        for i, part in enumerate(parts):
            flags = (0x80 if i == 0 else 0) | (0x40 if i == len(parts) - 1 else 0)
            payloads.append(bytes((unit[0] & 0xE0 | 28, flags | unit[0] & 31)) + part)
    return payloads


@dataclass(frozen=True)
class Sent:
    """One event of a synthetic stream, at nanoseconds from its start."""

    at_ns: int
    track: Track
    packet: bytes | None = None
    report: tuple[int, int] | None = None


def track(number: int, kind: str, codec: str, endpoint: str = "ep-a", publication: str = "camera") -> Track:
    rate = 48_000 if kind == "audio" else 90_000
    payload_type = 111 if kind == "audio" else 96
    return Track(number, "session", endpoint, "host", publication, kind, codec, rate, payload_type, 1000 + number)


def ntp(seconds: float) -> int:
    return int((3_900_000_000 + seconds) * (1 << 32))


def audio_stream(to: Track, seconds: int, *, base: int = 12_345, delay_ns: int = 5_000_000) -> Iterator[Sent]:
    for index, packet in enumerate(sound(seconds)):
        at = index * 20_000_000
        if index % 50 == 25:
            yield Sent(at + delay_ns, to, report=(ntp(at / 1e9), base + index * 960 & 0xFFFFFFFF))
        yield Sent(at + delay_ns, to, rtp(111, 65_500 + index, base + index * 960, to.ssrc, packet, index == 0))


def video_stream(
    to: Track,
    seconds: int,
    *,
    width: int = 160,
    height: int = 120,
    base: int = 4_294_900_000,
    delay_ns: int = 5_000_000,
) -> Iterator[Sent]:
    sequence = 65_000
    payloads = vp8_payloads if to.codec == "vp8" else h264_payloads
    for index, (frame, _) in enumerate(pictures(to.codec, width, height, seconds)):
        at = index * 1_000_000_000 // FPS
        stamp = base + index * 90_000 // FPS
        if index % FPS == 3:
            yield Sent(at + delay_ns, to, report=(ntp(at / 1e9), stamp & 0xFFFFFFFF))
        parts = payloads(frame)
        for number, part in enumerate(parts):
            yield Sent(at + delay_ns, to, rtp(96, sequence, stamp, to.ssrc, part, number == len(parts) - 1))
            sequence += 1


def merged(*streams: Iterator[Sent]) -> list[Sent]:
    return sorted((event for stream in streams for event in stream), key=lambda event: event.at_ns)
