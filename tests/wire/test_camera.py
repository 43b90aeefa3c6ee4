"""An RTSP camera attached to a room: read by a process of its own, forwarded and recorded without re-encoding."""

import asyncio
import base64
import struct
from fractions import Fraction

import av
import numpy
import pytest

from media import commands, h264
from tests.wire.peers import Desk, FakeRecorders, relay
from tests.wire.room import publish, room, speak, subscribe

FPS = 15
LOOPBACK = ("127.0.0.0/8",)


def encoded() -> tuple[bytes, list[list[bytes]]]:
    """Parameter sets and the NAL units of a second of H.264."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 320, 240, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, FPS), Fraction(FPS)
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "g": "5"}
    pictures = []
    for index in range(FPS):
        frame = av.VideoFrame.from_ndarray(numpy.full((360, 320), 90 + index, dtype=numpy.uint8), format="yuv420p")
        frame.pts = index
        pictures += [list(h264.units(bytes(packet))) for packet in encoder.encode(frame)]
    return pictures[0][0] + b"|" + pictures[0][1], pictures


class Camera:
    """A camera that speaks just enough RTSP (RFC 2326) for FFmpeg, interleaved over TCP."""

    def __init__(self, *, redirect: str = "", sound: str = "") -> None:
        """``sound``: how a second track is mapped, such as ``PCMU/8000``."""
        self._redirect, self._sound = redirect, sound
        sets, self._pictures = encoded()
        self._sets = ",".join(base64.b64encode(part).decode() for part in sets.split(b"|", 1))
        self.asked: list[str] = []

    async def start(self, host: str = "127.0.0.1") -> str:
        self._server = await asyncio.start_server(self._talk, host, 0)
        port = self._server.sockets[0].getsockname()[1]
        return f"rtsp://user:secret@{host}:{port}/wide"

    def stop(self) -> None:
        self._server.close()

    def _description(self) -> str:
        lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 0.0.0.0", "t=0 0", "m=video 0 RTP/AVP 96"]
        lines += ["a=rtpmap:96 H264/90000", f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={self._sets}"]
        lines.append("a=control:track1")
        if self._sound:
            lines += ["m=audio 0 RTP/AVP 97", f"a=rtpmap:97 {self._sound}", "a=control:track2"]
            lines += ["a=fmtp:97 streamtype=5;mode=AAC-hbr;config=1408;sizeLength=13;indexLength=3;indexDeltaLength=3"]
        return "\r\n".join(lines) + "\r\n"

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := (await reader.readuntil(b"\r\n\r\n")).decode():
                verb = request.split(" ", 1)[0]
                self.asked.append(verb)
                number = next(line for line in request.split("\r\n") if line.lower().startswith("cseq"))
                head, body = [f"RTSP/1.0 200 OK\r\n{number}\r\nSession: 1\r\n"], ""
                if verb == "DESCRIBE" and self._redirect:
                    head = [f"RTSP/1.0 302 Moved Temporarily\r\n{number}\r\nLocation: {self._redirect}\r\n"]
                elif verb == "DESCRIBE":
                    body = self._description()
                    head.append(f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n")
                elif verb == "SETUP":
                    channels = request.partition("interleaved=")[2][:3]
                    head.append(f"Transport: RTP/AVP/TCP;unicast;interleaved={channels}\r\n")
                writer.write(("".join(head) + "\r\n" + body).encode())
                if verb == "PLAY":
                    await self._play(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def _play(self, writer: asyncio.StreamWriter) -> None:
        sequence = 0
        for index in range(FPS * 300):
            payloads = [part for unit in self._pictures[index % FPS] for part in h264.payloads(unit)]
            for at, payload in enumerate(payloads):
                marker = 0x80 if at == len(payloads) - 1 else 0
                packet = struct.pack("!BBHII", 0x80, marker | 96, sequence, index * 6000, 77) + payload
                writer.write(b"$\0" + struct.pack("!H", len(packet)) + packet)
                sequence += 1
            if self._sound:
                packet = struct.pack("!BBHII", 0x80, 0x80 | 97, index, index * 533, 78) + b"\0\x10\x05\0" + bytes(160)
                writer.write(b"$\2" + struct.pack("!H", len(packet)) + packet)
            await writer.drain()
            await asyncio.sleep(1 / FPS)


async def test_a_camera_is_shown_and_recorded_until_it_is_withdrawn() -> None:
    """Its H.264 reaches recorder and viewer; after Withdraw its process is gone; its password is nowhere."""
    recorders, camera = FakeRecorders(), Camera()
    address = await camera.start()
    async with relay(recorders, camera_networks=LOOPBACK) as service:
        desk = Desk(service)
        desk.send(commands.OpenSession(session="s", video="any"))
        desk.send(commands.Arm(session="s", recording="r", kind="k", policy="clear"))
        await desk.wait(commands.RecorderReady)
        desk.send(commands.Forward(session="s", on=True))
        attached = desk.ask(
            commands.AttachCamera, session="s", endpoint="room", role="room", publication="wide", address=address
        )
        await desk.wait(commands.Published, endpoint="room", kinds=("video",))
        await asyncio.sleep(0.5)
        track = recorders.made[0].tracks[1]
        assert (track.codec, track.publication) == ("h264", "wide")
        received = recorders.made[0].packets[1]
        assert len(received) >= 5
        assert {packet[12] & 0x1F for packet in received} & {5, 7, 28}
        desk.send(commands.Withdraw(resource=attached.resource))
        assert desk.seen(commands.Left, resource=attached.resource, cause="withdrawn")
        async with asyncio.timeout(20):
            while service.cameras._tasks:
                await asyncio.sleep(0.05)
    camera.stop()


@pytest.mark.parametrize("sound", ["PCMU/8000", "opus/48000/2", "MPEG4-GENERIC/16000/1"])
async def test_of_a_camera_with_sound_the_picture_is_taken(sound: str) -> None:
    """Its sound is asked for by the demuxer and goes no further: one track, the picture."""
    recorders, camera = FakeRecorders(), Camera(sound=sound)
    address = await camera.start()
    async with room(recorders, recorded=True, camera_networks=LOOPBACK) as (_, desk):
        desk.ask(commands.AttachCamera, session="s", endpoint="room", role="room", publication="wide", address=address)
        await desk.wait(commands.Published, endpoint="room", kinds=("video",))
        await asyncio.sleep(0.5)
        assert [track.codec for track in recorders.made[0].tracks.values()] == ["h264"]
        assert len(recorders.made[0].packets[1]) >= 5
    camera.stop()


async def test_a_viewer_sees_the_camera() -> None:
    """A subscriber with H.264 gets its packets from a keyframe on."""
    camera = Camera()
    address = await camera.start()
    async with relay(camera_networks=LOOPBACK) as service:
        desk = Desk(service)
        desk.send(commands.OpenSession(session="s", video="any"))
        desk.send(commands.Forward(session="s", on=True))
        desk.ask(commands.AttachCamera, session="s", endpoint="room", role="room", publication="wide", address=address)
        viewer = await subscribe(desk, "s", "b", "room", "wide", h264=True)
        async with asyncio.timeout(15):
            while len(viewer.heads) < 5:
                await asyncio.sleep(0.05)
        assert viewer.payloads[0][0] & 0x1F in (5, 7, 28)
    camera.stop()


async def test_what_is_no_camera_is_refused_or_told_as_gone() -> None:
    """Other schemes are refused; a camera that does not answer leaves with a cause."""
    async with room(forwarding=False, camera_networks=LOOPBACK) as (service, desk):
        fields = {"session": "s", "endpoint": "room", "role": "room", "publication": "wide"}
        assert desk.ask(commands.AttachCamera, address="file:///etc/passwd", **fields).code == "bad-address"
        assert desk.ask(commands.AttachCamera, address="rtsp://x\nfile:///x", **fields).code == "bad-address"
        attached = desk.ask(commands.AttachCamera, address="rtsp://127.0.0.1:9/none", **fields)
        await desk.wait(commands.Left, resource=attached.resource, cause="failed")
        assert service.resources.all == {}


async def test_a_camera_lies_only_in_the_networks_of_cameras() -> None:
    """Without a setting neither this machine nor a link-local address is opened, by name either."""
    camera = Camera()
    address = await camera.start()
    async with room(forwarding=False) as (service, desk):
        fields = {"session": "s", "endpoint": "room", "role": "room", "publication": "wide"}
        for wrong in (address, address.replace("127.0.0.1", "localhost"), "rtsp://169.254.169.254/latest"):
            attached = desk.ask(commands.AttachCamera, address=wrong, **fields)
            await desk.wait(commands.Left, resource=attached.resource, cause="bad-address")
        assert service.resources.all == {}
    assert camera.asked == []
    camera.stop()


async def test_a_camera_that_sends_its_reader_elsewhere_is_given_up() -> None:
    """FFmpeg follows a redirection by itself; nothing that is found there is taken."""
    other = Camera()
    camera = Camera(redirect=await other.start("127.0.0.2"))
    address = await camera.start()
    async with room(forwarding=False, camera_networks=LOOPBACK) as (_, desk):
        fields = {"session": "s", "endpoint": "room", "role": "room", "publication": "wide"}
        attached = desk.ask(commands.AttachCamera, address=address, **fields)
        await desk.wait(commands.Left, resource=attached.resource, cause="failed")
        assert other.asked
        assert not desk.seen(commands.Published)
    camera.stop()
    other.stop()


async def test_a_camera_has_a_line_of_its_own() -> None:
    """What is told of the endpoint's line leaves its room's camera out, which is told beside it, read by RTSP."""
    camera = Camera()
    address = await camera.start()
    async with room(forwarding=False, camera_networks=LOOPBACK) as (_, desk):
        fields = {"session": "s", "endpoint": "room", "role": "room"}
        desk.ask(commands.AttachCamera, address=address, publication="wide", **fields)
        publisher = await publish(desk, "s", "room")
        await speak(publisher, 0, 20)
        line = await desk.wait(commands.LineReport, endpoint="room", publication="wide")
        own = await desk.wait(commands.LineReport, endpoint="room", publication="")
        assert (line.way, own.way) == ("rtsp", "udp")
        assert line.up_kbps > 0
        desk.send(commands.OpenSession(session="s"))
        assert desk.seen(commands.Connected, publication="wide", way="rtsp")
        publisher.close()
    camera.stop()
