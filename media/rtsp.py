"""A process that reads one RTSP camera and writes its picture as RTP packets to standard output.

    python -m media.rtsp < address

Demuxing foreign streams is the riskiest parsing there is, so it happens in a process of its own without keys or
sessions. The address may hold a password, so it comes by standard input, never as an argument. Each packet is
preceded by two bytes of length (RFC 4571). Nothing is decoded or encoded; only H.264 can be taken. The host of the
address is an IP address already; a camera that sends its reader elsewhere is given up before anything of it is taken.
"""

import ipaddress
import secrets
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import av

from media import h264

PAYLOAD_TYPE = 96
OPTIONS = {
    "rtsp_transport": "tcp",
    "timeout": "5000000",
    "fflags": "nobuffer",
    "protocol_whitelist": "rtsp,rtp,tcp,tls",
}
"""Of FFmpeg; ``timeout`` in microseconds. The protocols are those of an interleaved stream and nothing else."""


class Writer:
    """Numbers packets and writes them."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._sequence = secrets.randbelow(0x8000)
        self._ssrc = secrets.randbelow(0xFFFFFFFE) + 1

    def picture(self, nal_units: list[bytes], timestamp: int) -> None:
        """Write one access unit; the marker ends it (RFC 6184 5.1)."""
        payloads = [payload for unit in nal_units if unit for payload in h264.payloads(unit)]
        for index, payload in enumerate(payloads):
            marker = 0x80 if index == len(payloads) - 1 else 0
            head = struct.pack(
                "!BBHII", 0x80, marker | PAYLOAD_TYPE, self._sequence, timestamp & 0xFFFFFFFF, self._ssrc
            )
            self._sequence = (self._sequence + 1) & 0xFFFF
            self._out.write(struct.pack("!H", len(head) + len(payload)) + head + payload)
        self._out.flush()


def connections(table: str, own: set[str]) -> Iterator[str]:
    """Remote addresses of the sockets with these inodes in the text of ``/proc/net/tcp`` or ``tcp6``."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        words = [bytes.fromhex(fields[2].partition(":")[0][at : at + 8])[::-1] for at in range(0, 32, 8)]
        if fields[9] in own:
            yield str(ipaddress.ip_address(b"".join(words)))


def elsewhere(host: str) -> bool:
    """Whether this process is connected to any other address than ``host``: FFmpeg follows redirections (RFC 2326
    11.3) without asking."""
    links = [link.readlink().name for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    own = {name[8:-1] for name in links if name.startswith("socket:[")}
    tables = (Path(f"/proc/self/net/{name}") for name in ("tcp", "tcp6"))
    found = {ip for table in tables if table.exists() for ip in connections(table.read_text(), own)}
    return bool(found - {str(ipaddress.ip_address(host))})


def copy(address: str, out: BinaryIO) -> None:
    """Read the camera until it ends; raise ``ValueError`` when it has no H.264 or lies elsewhere than it said."""
    with av.open(address, options=OPTIONS, timeout=10) as camera:
        if elsewhere(str(urlsplit(address).hostname)):
            raise ValueError("the camera sends its reader elsewhere")
        streams = [stream for stream in camera.streams.video if stream.codec_context.name == "h264"]
        if not streams:
            raise ValueError("the camera sends no H.264")
        extradata = streams[0].codec_context.extradata or b""
        writer, sets = Writer(out), h264.parameter_sets(extradata)
        for packet in camera.demux(streams[0]):
            data = bytes(packet)
            if not data:
                continue
            found = list(h264.length_prefixed(data) if extradata[:1] == b"\1" else h264.units(data))
            time = packet.pts if packet.pts is not None else packet.dts or 0
            inband = any(unit[:1] and unit[0] & 0x1F == 7 for unit in found)
            units = [*([] if inband or not packet.is_keyframe else sets), *found]
            writer.picture(units, round(time * (packet.time_base or 0) * 90_000))


def main() -> int:
    address = sys.stdin.readline().strip()
    try:
        copy(address, sys.stdout.buffer)
    except (OSError, ValueError, av.FFmpegError) as error:
        print(type(error).__name__, file=sys.stderr)  # never the address
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
