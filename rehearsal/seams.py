"""Every touch of private names of aiortc and aioice, in one place.

* aioice leaves 127.0.0.1 out when it gathers host candidates, and a server on loopback offers nothing else.
* aiortc decodes every received frame in a thread of its own per track. Thirty of those starve two cores; the rehearsal
  takes the assembled encoded frames instead and decodes on its own loop. Reports, NACK and PLI stay aiortc's.
"""

import importlib.metadata
from collections.abc import Awaitable, Callable
from typing import Any

from aiortc import RTCPeerConnection, RTCRtpReceiver, RTCRtpSender

EncodedFrame = Callable[[bytes, int], None]
"""Called with an assembled frame and its RTP timestamp counted from the first one."""


def _check_versions() -> None:
    for name, wanted in (("aiortc", "1.16."), ("aioice", "0.13.")):
        found = importlib.metadata.version(name)
        if not found.startswith(wanted):
            raise ImportError(f"{name} {found}: the rehearsal knows the inside of {wanted}x only")


_check_versions()


def gather_only(peer: RTCPeerConnection, addresses: list[str]) -> None:
    """Make ``peer`` gather host candidates for ``addresses`` alone; call before its local description is set."""
    for transceiver in peer.getTransceivers():
        connection: Any = transceiver.sender.transport.transport.iceGatherer._connection
        gather = type(connection).get_component_candidates.__get__(connection)
        connection.get_component_candidates = _with_addresses(gather, addresses)


def _with_addresses(gather: Callable[..., Awaitable[Any]], addresses: list[str]) -> Callable[..., Awaitable[Any]]:
    async def gather_given(component: int, addresses: object = None, timeout: int = 5) -> Any:
        return await gather(component=component, addresses=given, timeout=timeout)

    given = list(addresses)
    return gather_given


def take_frames(receiver: RTCRtpReceiver, frame: EncodedFrame) -> None:
    """Hand assembled frames to ``frame`` on the event loop instead of decoding them in a thread.

    Call before the answer is set. The receiver's decoder thread starts, finds its queue at an end, and is gone.
    """
    inside: Any = receiver
    inside._RTCRtpReceiver__decoder_queue = _Intake(frame)


def on_first_packet(receiver: RTCRtpReceiver, arrived: Callable[[], None]) -> None:
    """Call ``arrived`` once, when the first RTP packet for ``receiver`` comes in."""

    inside: Any = receiver

    async def first(packet: Any, arrival_time_ms: int) -> None:
        del inside._handle_rtp_packet  # uncovers the method of the class
        arrived()
        await inside._handle_rtp_packet(packet, arrival_time_ms)

    inside._handle_rtp_packet = first


def ask_keyframe(receiver: RTCRtpReceiver) -> None:
    """Send a PLI with the next packet (RFC 4585 section 6.3.1), as after an error of aiortc's own decoder."""
    inside: Any = receiver
    inside._RTCRtpReceiver__decoder_error.set()


def packets_sent(sender: RTCRtpSender) -> int:
    """RTP packets ``sender`` has sent, without retransmissions."""
    inside: Any = sender
    return int(inside._RTCRtpSender__packet_count)


def packets_received(receiver: RTCRtpReceiver) -> tuple[int, int]:
    """RTP packets received and lost over all sources of ``receiver``."""
    inside: Any = receiver
    streams = inside._RTCRtpReceiver__remote_streams.values()
    return sum(stream.packets_received for stream in streams), sum(max(stream.packets_lost, 0) for stream in streams)


class _Intake:
    """Stands where aiortc has the queue to its decoder thread."""

    def __init__(self, frame: EncodedFrame) -> None:
        self._frame = frame

    def put(self, task: tuple[Any, Any] | None) -> None:
        if task is not None:
            _, encoded = task
            self._frame(bytes(encoded.data), int(encoded.timestamp))

    def get(self) -> None:
        """Tell the decoder thread that there is nothing to do and never will be."""
        return
