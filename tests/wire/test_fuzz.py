"""Bent copies of what real browsers send, from strangers and from somebody admitted, at a relay with a call in it.

Each example is taken by the code that takes datagrams, behind the guard that would swallow what is raised; after each,
a packet of the call must still arrive. State stays from example to example, as in a process that lives long.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from aioice import stun
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.lab.participant import Participant
from media import commands
from media import stun as checks
from media.endpoint import MIN_DATAGRAM
from media.service import MediaService
from media.tcp import Connection
from tests.campaigns import campaign, rounds
from tests.media.corpora import bent, bent_offer, corpus
from tests.media.test_demultiplexing import Transport
from tests.wire.peers import Desk, FakeRecorders
from tests.wire.room import publish, room, subscribe
from tests.wire.strangers import Stranger
from tests.wire.test_layers import SIMULCAST

pytestmark = campaign
Result = TypeVar("Result")
many = settings(
    max_examples=rounds(150, 5_000),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
FOR_VIEWERS = {"late", "thinned", "no-keyframe", "other-layer", "send-failed", "unprotected"}
"""Reasons of what is left out on its way to a viewer, after it was taken."""
AUDIO, VIDEO = 111, 96
NAMES = {check.local_ufrag.encode() for check in map(checks.parse_check, corpus("stun").values()) if check}
"""Whom the checks of the corpus were for."""


@dataclass
class Call:
    """A relay in which ``honest`` is heard by a viewer, and somebody else is admitted who means no good."""

    service: MediaService
    desk: Desk
    honest: Participant
    viewer: Participant
    hostile: Participant
    layered: Participant
    watcher: Participant
    recorders: FakeRecorders
    said: int = 0

    def peer(self, participant: Participant) -> Any:
        return self.service.resources.all[participant.resource].peer

    @property
    def guard(self) -> Any:
        return self.service._ports[0].taker

    def give(self, data: bytes) -> int:
        """Lay ``data`` where datagrams are taken from; return its length."""
        self.guard.buffer[: len(data)] = data
        return len(data)

    def plain(self, participant: Participant, data: bytes) -> None:
        """Take ``data`` as the decrypted RTP of ``participant``."""
        peer = self.peer(participant)
        for stream in list(peer.streams.values())[4:]:  # whoever used up its sources could try nothing more
            self.service.switchboard.close_stream(stream.publication, stream)
        peer.ssrcs_seen = len(peer.streams)
        self.service.relay.plain(peer, self.give(data), self.service._clock.monotonic_ns())
        self.service.relay.flush()

    def dropped(self) -> int:
        counted = self.service.counters.dropped
        return sum(count for reason, count in counted.items() if reason not in FOR_VIEWERS)

    def kept(self, participant: Participant) -> int:
        """Packets on record of ``participant``."""
        endpoint = self.service.resources.all[participant.resource].endpoint
        recorder = self.recorders.made[0]
        return sum(len(recorder.packets[n]) for n, track in recorder.tracks.items() if track.endpoint == endpoint)

    def goes_on(self) -> None:
        """A packet of the honest one is heard and recorded, nobody was cut, nothing was raised."""
        viewer, before = self.peer(self.viewer), (self.peer(self.viewer).sent_packets, self.kept(self.honest))
        self.said += 1
        self.plain(self.honest, self.honest.rtp("audio", self.said, 960 * self.said, b"still here"))
        assert (viewer.sent_packets, self.kept(self.honest)) == (before[0] + 1, before[1] + 1)
        assert "internal" not in self.service.counters.dropped
        assert not self.desk.seen(commands.Left)
        self.desk.events.clear()
        for recorded in self.recorders.made[0].packets.values():
            del recorded[:-1]


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[Call]:
    recorders = FakeRecorders()
    async with room(recorders, recorded=True) as (service, desk):
        honest, viewer = await publish(desk, "s", "honest"), await subscribe(desk, "s", "viewer", "honest")
        hostile = await publish(desk, "s", "hostile")
        layered = Participant()
        answered = desk.ask(
            commands.Publish, session="s", endpoint="layered", role="x", publication="camera",
            offer=layered.offer(video=SIMULCAST + "\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96"),
        )  # fmt: skip
        layered.resource = answered.resource
        await layered.connect(answered.answer)
        watcher = await subscribe(desk, "s", "watcher", "hostile")
        await subscribe(desk, "s", "watcher", "layered")
        yield Call(service, desk, honest, viewer, hostile, layered, watcher, recorders)


@pytest.fixture(scope="module")
def call() -> Iterator[Call]:
    with asyncio.Runner() as runner:
        context = opened()
        made = runner.run(context.__aenter__())
        made.run = runner.run  # type: ignore[attr-defined]
        yield made
        runner.run(context.__aexit__(None, None, None))


def within(call: Call, act: Callable[[], Result]) -> Result:
    """Do ``act`` on the loop of the relay."""

    async def now() -> Result:
        return act()

    run: Callable[[Awaitable[Result]], Result] = call.run  # type: ignore[attr-defined]
    return run(now())


@many
@given(bent("stun", "dtls", "rtp", "rtcp", most=1600))
def test_strangers_are_dropped_once_and_not_answered(call: Call, data: bytes) -> None:
    """One datagram, one drop with its reason, and not one byte back; checks name a participant who is there."""
    stranger = Stranger(call.service.port)
    for name in NAMES:
        data = data.replace(name, call.peer(call.honest).local_ufrag.encode())
    before, port = sum(call.service.counters.dropped.values()), call.service._ports[0]

    def act() -> None:
        port.take(call.give(data), stranger.socket.getsockname())
        assert sum(call.service.counters.dropped.values()) == before + 1
        assert stranger.answers() == 0
        call.goes_on()

    within(call, act)
    stranger.socket.close()


@many
@given(st.lists(bent("stun", "rtp", "tcp"), min_size=1, max_size=4), st.integers(1, 700))
def test_streams_of_strangers_are_dropped_and_not_answered(call: Call, parts: list[bytes], cut: int) -> None:
    """Whatever comes over TCP: framed or not, cut anywhere, nothing comes back and what waits is bounded."""
    port = call.service._ports[1]
    stream = b"".join(len(part).to_bytes(2, "big") + part for part in parts[:-1]) + parts[-1]
    transport = Noting()
    connection = Connection(port)
    connection._transport, connection._address = transport, ("127.0.0.7", 7)

    def act() -> None:
        for at in range(0, len(stream), cut):
            if not transport.aborted:
                connection.data_received(stream[at : at + cut])
        assert transport.written == b""
        assert transport.aborted or len(connection._pending) <= 1502
        assert connection._address not in port.peers
        call.goes_on()

    within(call, act)


class Noting(Transport):
    """A TCP connection that notes what is written to it."""

    written = b""

    def write(self, data: bytes) -> None:
        self.written += data


NUMBERS = st.sampled_from([AUDIO, VIDEO, 97, 0, 127])


@many
@given(bent("rtp", "rtcp"), NUMBERS, st.sampled_from([1, 2, 3, 0xFFFFFFFF]), st.booleans())
def test_rtp_of_somebody_admitted_is_recorded_or_counted(
    call: Call, data: bytes, number: int, ssrc: int, own: bool
) -> None:
    """Each decrypted packet is on record or has a reason why not; with payload types that were agreed on, and not."""
    data = data.ljust(12, b"\0")
    if own:
        data = data[:1] + bytes((data[1] & 0x80 | number,)) + data[2:8] + ssrc.to_bytes(4, "big") + data[12:]

    def act() -> None:
        before = call.dropped() + call.kept(call.hostile)
        call.plain(call.hostile, data)
        assert call.dropped() + call.kept(call.hostile) == before + 1
        call.goes_on()

    within(call, act)


@many
@given(
    bent("rtp"),
    st.sampled_from([96, 97]),
    st.sampled_from([1, 2, 3]),
    st.sampled_from(["h", "l", "x", ""]),
    st.binary(max_size=20),
)
def test_layers_and_retransmissions_of_somebody_admitted_are_survived(
    call: Call, data: bytes, number: int, ssrc: int, rid: str, more: bytes
) -> None:
    """Header extensions and RTX, bent, of a publisher of two layers."""
    head = bytes((0x90, number)) + data[2:8].ljust(6, b"\0") + ssrc.to_bytes(4, "big")
    elements = (bytes((4 << 4 | len(rid) - 1,)) + rid.encode() if rid else b"") + more
    elements += bytes(-len(elements) % 4)
    head += b"\xbe\xde" + (len(elements) // 4).to_bytes(2, "big") + elements

    def act() -> None:
        call.plain(call.layered, (head + data[12:])[:1500])
        call.goes_on()

    within(call, act)


@many
@given(bent("rtcp"), st.booleans(), st.booleans())
def test_rtcp_of_somebody_admitted_is_read_or_counted(call: Call, data: bytes, viewer: bool, named: bool) -> None:
    """Reports, requests and nonsense of a publisher and of a viewer, about streams of their own and of others."""
    participant = call.watcher if viewer else call.hostile
    peer = call.peer(participant)
    known = [*peer.flows, *peer.streams]
    if named and known and len(data) >= 12:
        data = data[:8] + known[0].to_bytes(4, "big") + data[12:]

    def act() -> None:
        call.service.feedback.control(peer, data, call.service._clock.monotonic_ns())
        call.goes_on()

    within(call, act)


TLV = st.tuples(
    st.sampled_from([0x0006, 0x0020, 0x0024, 0x0025, 0x8022, 0x8028, 0x8029, 0x802A, 0xC057, 0x0014, 0x0003])
    | st.integers(0, 0xFFFF),
    st.binary(max_size=40),
)


@many
@given(st.lists(TLV, max_size=6), st.booleans(), st.integers(0, 0xFFFF))
def test_signed_checks_of_somebody_admitted_are_survived(
    call: Call, attributes: list[tuple[int, bytes]], right: bool, kind: int
) -> None:
    """A participant can sign whatever it likes: any attributes before the signature, of a request or of anything."""
    peer = call.peer(call.hostile)
    ufrag, password = next(iter(peer.local.items()))
    body = b""
    if right:
        name = f"{ufrag}:x".encode()
        attributes = [(0x0006, name), *attributes]
    for number, value in attributes:
        body += number.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value + bytes(-len(value) % 4)
    kind = 0x0001 if right else kind & 0x3FFF
    message = kind.to_bytes(2, "big") + len(body).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + bytes(12) + body
    integrity = stun.message_integrity(stun.set_body_length(message, len(message) - 20 + 24), password.encode())
    message = stun.set_body_length(message + b"\x00\x08\x00\x14" + integrity, len(body) + 24)

    def act() -> None:
        call.guard.check(call.give(message), call.service._ports[0], call.hostile.socket.getsockname())
        call.goes_on()

    within(call, act)


@many
@given(bent_offer(), st.sampled_from([commands.Publish, commands.Subscribe, commands.Echo]))
def test_offers_of_somebody_admitted_are_answered_or_refused(call: Call, offer: str, kind: Any) -> None:
    """Whatever a description says, it is answered or refused with a code, and a new transport is all that it leaves."""
    fields: dict[str, str] = {"session": "s", "endpoint": "other"}
    if kind is commands.Publish:
        fields |= {"role": "x", "publication": "camera"}
    elif kind is commands.Subscribe:
        fields |= {"source": "honest", "publication": "camera"}
    else:
        fields = {"check": "other"}

    def act() -> None:
        answer = call.desk.ask(kind, offer=offer, **fields)
        if isinstance(answer, commands.Answered):
            call.service.resources.close(call.service.resources.all[answer.resource], "withdrawn")
        else:
            assert answer.code in {"bad-sdp", "no-codec"}
        call.desk.events.clear()
        call.goes_on()

    within(call, act)


@many
@given(st.lists(bent("dtls").filter(lambda data: len(data) >= MIN_DATAGRAM), min_size=1, max_size=4))
def test_handshakes_of_somebody_admitted_harm_only_themselves(call: Call, flights: list[bytes]) -> None:
    """Bent flights at an association that has not begun, from an address that has proved itself."""

    def act() -> None:
        resource = call.service.resources.publish(
            call.service.sessions["s"], "other", "camera", "x", Participant().offer()
        )
        known = call.service.resources.all
        peer = known[resource.resource].peer
        for flight in flights:
            if resource.resource in known:
                call.guard.handshake(peer, call.give(flight), ("127.0.0.8", 8))
        call.service.transports.new_second()
        if resource.resource in known:
            call.service.resources.close(known[resource.resource], "withdrawn")
        call.desk.events.clear()
        call.goes_on()

    within(call, act)
