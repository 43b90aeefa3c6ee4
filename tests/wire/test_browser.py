"""A real Chromium on bad networks: loss, jitter, and no UDP at all."""

import asyncio
import json
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from media import commands
from tests.campaigns import WHOLE, campaign
from tests.chromium import chromium
from tests.ear import Ear
from tests.wire.coturn import certificate, coturn
from tests.wire.forwarder import Forwarder
from tests.wire.nss import trust
from tests.wire.reopened import reopen
from tests.wire.stage import TONE_HZ, pair, site

pytestmark = pytest.mark.browser
NO_UDP = "--webrtc-ip-handling-policy=disable_non_proxied_udp"


@dataclass(frozen=True)
class Weather:
    """A bad network both ways, and what must be left of a call on it."""

    name: str
    line: dict[str, float]
    heard: float = 0.95
    seconds: float = 12.0


TEN = Weather("10 % loss, 100 ms jitter", {"loss": 0.10, "jitter": 0.1})
MATRIX = [
    Weather("5 % loss, 100 ms jitter", {"loss": 0.05, "jitter": 0.1}, seconds=20),
    Weather("10 % loss, 100 ms jitter", {"loss": 0.10, "jitter": 0.1}, seconds=30),
    Weather("20 % loss, 100 ms jitter", {"loss": 0.20, "jitter": 0.1}, heard=0.8, seconds=20),
    Weather("reordering", {"reorder": 0.3, "delay": 0.02}, seconds=20),
    Weather("150 kbit/s", {"rate": 150_000, "delay": 0.02}, seconds=20),
]


async def judge(weather: Weather, directory: Path) -> None:
    """F10: live and in the recorded file reopened with PyAV the tone is there and no picture stands for 5 s."""
    forwarder = Forwarder(seed=11)
    async with (
        chromium() as opened,
        site(directory, public=(f"127.0.0.1:{forwarder.port}",)) as (service, _, address, _),
    ):
        forwarder.to(service.port)
        viewer = await pair(opened, address)
        for line in (forwarder.up, forwarder.down):
            for name, value in weather.line.items():
                setattr(line, name, value)
        await asyncio.sleep(2)
        await viewer.evaluate("start()")
        await asyncio.sleep(weather.seconds)
        live = await viewer.evaluate("result()")
    forwarder.close()
    recorded = (await asyncio.to_thread(reopen, directory, "bench-room", TONE_HZ))["a"]
    print(json.dumps({"network": weather.name, "live": live, "recorded": asdict(recorded)}))
    assert live["heard"] >= weather.heard
    assert live["longest"] < 5000
    assert recorded.heard >= weather.heard
    assert recorded.freeze < 5
    assert recorded.seconds > weather.seconds


@campaign
@pytest.mark.parametrize("weather", MATRIX if WHOLE else [TEN], ids=lambda weather: weather.name)
async def test_f10_bad_networks_leave_speech_and_picture(weather: Weather, tmp_path: Path) -> None:
    """Tone and picture are there, live and in the recorded file; the whole matrix in the soak."""
    await judge(weather, tmp_path)


async def test_where_no_udp_gets_out_tcp_is_used() -> None:
    """A Chromium that may not use UDP reaches the relay by its passive TCP candidate."""
    async with (
        chromium(NO_UDP) as opened,
        site() as (_, _, address, events),
    ):
        viewer = await pair(opened, address)
        await viewer.evaluate("start()")
        await asyncio.sleep(3)
        result = await viewer.evaluate("result()")
        assert result["frames"] > 10
        assert {event.way for event in events if isinstance(event, commands.Connected)} == {"tcp"}


async def test_a_nat_that_forgets_its_mappings_stops_nothing_for_long() -> None:
    """When both ways of a Chromium pair get other ports in a call, the picture is back within two seconds."""
    forwarder = Forwarder(seed=12)
    async with chromium() as opened, site(public=(f"127.0.0.1:{forwarder.port}",)) as (service, _, address, _):
        forwarder.to(service.port)
        viewer = await pair(opened, address)
        longest = []
        for _ in range(2):
            await viewer.evaluate("start()")
            await asyncio.sleep(1)
            forwarder.rebind()
            await asyncio.sleep(3)
            longest.append((await viewer.evaluate("result()"))["longest"])
        print(json.dumps({"rebinding": [round(gap) for gap in longest], "rebound": service.counters.rebound}))
        assert max(longest) < 2000
        assert service.counters.rebound >= 2
        forwarder.close()


async def test_where_only_tcp_443_gets_out_turn_over_tls_is_used(tmp_path: Path) -> None:
    """No UDP and no TCP but to one port: Chromium comes through TURN over TLS by itself, and that is told.

    It does so because it trusts the authority of the TURN server's certificate; one that does not gets no way.
    """
    trust(tmp_path / "home", x509.load_pem_x509_certificate(certificate(tmp_path)[0].with_name("ca.crt").read_bytes()))
    async with (
        coturn(tmp_path, relay="127.0.0.2") as turn,
        chromium(NO_UDP, home=tmp_path / "home") as opened,
        site(turn_addresses=("127.0.0.2",)) as (_, recorders, address, events),
    ):
        entry = entry_of(turn, "tls")
        viewer = await comes_through(entry, "tls", opened, address, recorders, events)
        assert await viewer.evaluate("relayed(servers.iceServers[0])") == ["tls"]
        async with chromium(NO_UDP) as distrustful:
            stranger = await distrustful.new_page()
            await stranger.goto(address)
            assert await stranger.evaluate(f"relayed({json.dumps(entry)})") == []


async def test_where_no_udp_gets_out_turn_over_tcp_is_used(tmp_path: Path) -> None:
    """No UDP, and no TCP to the relay itself: Chromium comes through TURN over TCP by itself, and that is told."""
    async with (
        coturn(tmp_path, relay="127.0.0.2") as turn,
        chromium(NO_UDP) as opened,
        site(turn_addresses=("127.0.0.2",)) as (_, recorders, address, events),
    ):
        await comes_through(entry_of(turn, "tcp"), "tcp", opened, address, recorders, events)


def entry_of(turn: Any, way: str) -> dict[str, Any]:
    """What a page is told of a TURN server."""
    server = turn.server(way)
    return {"urls": server.urls, "username": server.username, "credential": server.credential}


async def comes_through(
    entry: dict[str, Any], protocol: str, opened: Any, address: str, recorders: Any, events: list[Any]
) -> Any:
    """Two pages that no TCP candidate lets out see and hear each other through that TURN server; return the viewer."""
    viewer = await pair(
        opened, address, f"servers = {{iceServers: [{json.dumps(entry)}]}}; blocked = /^a=candidate.* tcp /;"
    )
    await viewer.evaluate("start()")
    await asyncio.sleep(3)
    result = await viewer.evaluate("result()")
    assert result["frames"] > 10
    assert result["heard"] >= 0.95
    assert {event.way for event in events if isinstance(event, commands.Connected)} == {"turn"}
    assert await viewer.evaluate("relayProtocol()") == protocol
    assert {track.kind for track in recorders.made[0].tracks.values()} == {"audio", "video"}
    return viewer


async def test_an_ice_restart_is_hardly_seen() -> None:
    """Both pages of a call PATCH new credentials: they are used; picture and sound stay."""
    async with chromium() as opened, site() as (service, _, address, _):
        viewer = await pair(opened, address)
        ear = Ear(viewer, "#view", "connection", level=1.0)
        await ear.open()
        await viewer.evaluate("start()")
        await asyncio.sleep(1)
        stood, sound = {}, {}
        for side, page in (("sender", opened.contexts[0].pages[0]), ("viewer", viewer)):
            await ear.begin()
            await page.evaluate("restart()")
            await asyncio.sleep(2)
            used, offered = await page.evaluate("ufrags()")
            assert used == offered
            stood[side] = round((await viewer.evaluate("result()"))["longest"])
            sound[side] = await ear.heard()
            await viewer.evaluate("start()")
        print(json.dumps({"ICE restart": {"picture stood for_ms": stood, "sound": sound}}))
        assert max(stood.values()) < 2000
        assert max(each["away_ms"] for each in sound.values()) < 2000
        assert [len(each.peer.local) for each in service.resources.all.values()] == [2, 2]


def apart(flashes: list[float], beeps: list[float]) -> list[float]:
    """Milliseconds by which each beep came after its flash; of those that both came."""
    nearest = [min((beep - flash for beep in beeps), key=abs) for flash in flashes]
    return [gap for gap in nearest if abs(gap) < 500]


async def test_f10_sound_and_picture_stay_together_live() -> None:
    """Flash and beep of one instant, as the viewing page shows and plays them on a clean and on a bad network."""
    forwarder, gaps = Forwarder(seed=13), {}
    async with chromium() as opened, site(public=(f"127.0.0.1:{forwarder.port}",)) as (service, _, address, _):
        forwarder.to(service.port)
        viewer = await pair(opened, address, sends="send(url, ...clap())")
        await viewer.evaluate("heed()")
        for weather in (Weather("clean", {}, seconds=8), TEN):
            for line in (forwarder.up, forwarder.down):
                for name, value in weather.line.items():
                    setattr(line, name, value)
            await asyncio.sleep(4)
            await viewer.evaluate("flashes.length = beeps.length = 0")
            await asyncio.sleep(weather.seconds)
            gaps[weather.name] = apart(*await viewer.evaluate("[flashes, beeps]"))
            assert len(gaps[weather.name]) >= weather.seconds / 2
    forwarder.close()
    own = statistics.median(gaps["clean"])  # of the page's own way to hear: its graph of sound is behind its speaker
    skew = [gap - own for gap in gaps[TEN.name]]
    figures = {"pairs": len(skew), "median_ms": statistics.median(skew), "worst_ms": max(skew, key=abs)}
    print(
        json.dumps(
            {"network": TEN.name, "sound after picture": {k: round(v) for k, v in figures.items()}, "own_ms": own}
        )
    )
    assert abs(statistics.median(skew)) < 240


@pytest.mark.parametrize("codec", ["VP9", "AV1"])
async def test_other_codecs_pass_untouched(codec: str) -> None:
    """Two pages that take only this codec see each other through the relay, and the recorder is told which it is."""
    async with chromium() as opened, site() as (_, recorders, address, _):
        viewer = await pair(opened, address, f"codec = {codec!r}")
        await viewer.evaluate("start()")
        await asyncio.sleep(3)
        result = await viewer.evaluate("result()")
        assert result["frames"] > 10
        recorder = recorders.made[0]
        tracks = {track.codec: number for number, track in recorder.tracks.items() if track.kind == "video"}
        assert set(tracks) == {codec.lower()}
        assert len(recorder.packets[tracks[codec.lower()]]) > 20
