"""One WebRTC connection each: sending a publication (WHIP, RFC 9725), receiving one (WHEP).

How offers travel is the caller's: an ``Exchange`` takes an SDP offer and returns the answer.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiortc import (
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpSender,
    RTCRtpTransceiver,
    RTCSessionDescription,
)

from core.errors import PeerError
from rehearsal import seams
from rehearsal.tracks import Camera, Microphone
from rehearsal.watching import Heard, Listener, Seen, Watcher

CONNECT_SECONDS = 20.0
"""How long ICE and DTLS may take on a busy machine."""

LIGHT_RATE, LIGHT_PACKET_MS = 8, 40
"""Pictures per second, and length of a sound packet, of a light sender."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An SDP answer, and the address of the resource the server made for it."""

    sdp: str
    resource: str | None = None


Exchange = Callable[[str], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """How a connection gets out: the ICE servers given, and the local addresses to use."""

    ice_servers: tuple[RTCIceServer, ...] = ()
    addresses: tuple[str, ...] = ()
    """Empty: all of this machine but loopback."""


LOOPBACK = Route(addresses=("127.0.0.1",))


class _Peer:
    """An aiortc connection that makes the offer."""

    def __init__(self, exchange: Exchange, route: Route) -> None:
        self._exchange = exchange
        self._route = route
        self._connected = asyncio.Event()
        self.resource: str | None = None
        """Address of the resource at the server, for ``DELETE``."""
        self.opened_at: float | None = None
        """Monotonic seconds when the offer was sent."""
        # Not max-bundle: aiortc would then take the candidates of the last m-section, where a bundled answer has none.
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=list(route.ice_servers)))
        self._peer.on("connectionstatechange", self._state_changed)

    async def _open(self) -> None:
        if self._route.addresses:
            seams.gather_only(self._peer, list(self._route.addresses))
        await self._peer.setLocalDescription(await self._peer.createOffer())
        self.opened_at = time.monotonic()
        answer = await self._exchange(self._peer.localDescription.sdp)
        self.resource = answer.resource
        await self._peer.setRemoteDescription(RTCSessionDescription(sdp=answer.sdp, type="answer"))
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._connected.wait()
        except TimeoutError:
            raise PeerError("not-connected", f"no WebRTC connection within {CONNECT_SECONDS:.0f} s") from None
        if self._peer.connectionState != "connected":
            raise PeerError("not-connected", "the WebRTC connection failed")

    def _state_changed(self) -> None:
        if self._peer.connectionState in ("connected", "failed", "closed"):
            self._connected.set()

    @property
    def state(self) -> str:
        """``new``, ``connecting``, ``connected``, ``failed`` or ``closed``."""
        return str(self._peer.connectionState)

    async def close(self) -> None:
        """Close the connection; the resource at the server is the caller's to delete."""
        await self._peer.close()


class Sending(_Peer):
    """Sends a camera with the moving code and a microphone with the tone of ``participant``."""

    def __init__(self, exchange: Exchange, participant: int, route: Route = LOOPBACK, *, light: bool = False) -> None:
        """``light``: half of the packets, for many participants on one small machine."""
        super().__init__(exchange, route)
        self.camera = Camera(participant, LIGHT_RATE) if light else Camera(participant)
        self.microphone = Microphone(participant, LIGHT_PACKET_MS) if light else Microphone(participant)
        self._video = _only(self._peer.addTransceiver(self.camera, direction="sendonly"), "video/VP8")
        self._audio = _only(self._peer.addTransceiver(self.microphone, direction="sendonly"), "audio/opus")

    async def open(self) -> None:
        """Connect and begin to send. Raises ``PeerError``."""
        await self._open()

    @property
    def packets(self) -> int:
        """RTP packets sent, sound and picture together."""
        return sum(seams.packets_sent(item.sender) for item in (self._video, self._audio))


class Receiving(_Peer):
    """Receives one publication and looks for codes and tones in it."""

    def __init__(self, exchange: Exchange, route: Route = LOOPBACK) -> None:
        super().__init__(exchange, route)
        self.first_packet_at: float | None = None
        self.first_frame_at: float | None = None
        """Monotonic seconds of the first RTP packet, and of the first picture whose code was read."""
        self.recognised = asyncio.Event()
        """Set with the first code."""
        audio = _only(self._peer.addTransceiver("audio", direction="recvonly"), "audio/opus").receiver
        video = _only(self._peer.addTransceiver("video", direction="recvonly"), "video/VP8").receiver
        self._receivers: tuple[RTCRtpReceiver, ...] = (audio, video)
        self._watcher = Watcher(code=self._code_read, lost=lambda: seams.ask_keyframe(video))
        self._listener = Listener()
        seams.take_frames(video, self._watcher.frame)
        seams.take_frames(audio, self._listener.frame)
        for receiver in self._receivers:
            seams.on_first_packet(receiver, self._packet_arrived)

    async def open(self) -> None:
        """Connect. Raises ``PeerError``. What comes in is counted from then on."""
        await self._open()

    @property
    def seen(self) -> Seen:
        return self._watcher.seen

    @property
    def heard(self) -> Heard:
        return self._listener.heard

    @property
    def packets(self) -> tuple[int, int]:
        """RTP packets received, and lost for good."""
        counts = [seams.packets_received(receiver) for receiver in self._receivers]
        return sum(received for received, _ in counts), sum(lost for _, lost in counts)

    def _packet_arrived(self) -> None:
        self.first_packet_at = self.first_packet_at or time.monotonic()

    def _code_read(self) -> None:
        self.first_frame_at = self.first_frame_at or time.monotonic()
        self.recognised.set()


def _only(transceiver: RTCRtpTransceiver, mime: str) -> RTCRtpTransceiver:
    """Offer one codec, as the session's codec is known to the synthetic participant."""
    offered = RTCRtpSender.getCapabilities(transceiver.kind).codecs
    transceiver.setCodecPreferences([codec for codec in offered if codec.mimeType.lower() == mime.lower()])
    return transceiver
