"""A real Chromium on bad networks: loss, jitter, and no UDP at all."""

import asyncio
import json
from pathlib import Path

import pytest

from media import commands
from tests.chromium import chromium
from tests.wire.coturn import coturn
from tests.wire.forwarder import Forwarder
from tests.wire.stage import pair, site

pytestmark = pytest.mark.browser


async def test_ten_percent_loss_and_jitter_leave_speech_and_picture() -> None:
    """With 10 % loss and 100 ms jitter both ways the tone is there 95 % of the time and no freeze exceeds 5 s."""
    forwarder = Forwarder(seed=11)
    async with (
        chromium() as opened,
        site(public=(f"127.0.0.1:{forwarder.port}",)) as (service, recorders, address, _),
    ):
        forwarder.to(service.port)
        viewer = await pair(opened, address)
        for line in (forwarder.up, forwarder.down):
            line.loss, line.jitter = 0.1, 0.1
        await asyncio.sleep(2)
        await viewer.evaluate("start()")
        await asyncio.sleep(12)
        result = await viewer.evaluate("result()")
        print(json.dumps(result))
        assert result["heard"] >= 0.95
        assert result["longest"] < 5000
        assert result["frames"] > 60
        lost = sum(count for _, _, count in recorders.made[0].missing)
        received = sum(map(len, recorders.made[0].packets.values()))
        assert lost <= received * 0.01
        forwarder.close()


async def test_where_no_udp_gets_out_tcp_is_used() -> None:
    """A Chromium that may not use UDP reaches the relay by its passive TCP candidate."""
    async with (
        chromium("--webrtc-ip-handling-policy=disable_non_proxied_udp") as opened,
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
        for _ in range(3):
            await viewer.evaluate("start()")
            await asyncio.sleep(1)
            forwarder.rebind()
            await asyncio.sleep(4)
            longest.append((await viewer.evaluate("result()"))["longest"])
        print(json.dumps({"rebinding": [round(gap) for gap in longest], "rebound": service.counters.rebound}))
        assert max(longest) < 2000
        assert service.counters.rebound >= 3
        forwarder.close()


async def test_where_only_tcp_443_gets_out_turn_over_tls_is_used(tmp_path: Path) -> None:
    """No UDP and no TCP but to one port: Chromium comes through TURN over TLS by itself, and that is told."""
    async with (
        coturn(tmp_path, relay="127.0.0.2") as turn,
        chromium("--webrtc-ip-handling-policy=disable_non_proxied_udp", "--ignore-certificate-errors") as opened,
        site(turn_addresses=("127.0.0.2",)) as (_, recorders, address, events),
    ):
        server = turn.server("tls")
        entry = {"urls": server.urls, "username": server.username, "credential": server.credential}
        firewall = f"servers = {{iceServers: [{json.dumps(entry)}]}}; blocked = /^a=candidate.* tcp /;"
        viewer = await pair(opened, address, firewall)
        await viewer.evaluate("start()")
        await asyncio.sleep(3)
        result = await viewer.evaluate("result()")
        assert result["frames"] > 10
        assert result["heard"] >= 0.95
        assert {event.way for event in events if isinstance(event, commands.Connected)} == {"turn"}
        assert await viewer.evaluate("relayProtocol()") == "tls"
        assert {track.kind for track in recorders.made[0].tracks.values()} == {"audio", "video"}
