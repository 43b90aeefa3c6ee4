"""What a flood of forged packets costs a relay that works, and whether anybody notices.

    python -m bench.flood [--rooms 10] [--rate 1000] [--seconds 6]

Rooms of two send and receive while a stranger sends nothing, then ClientHellos, alerts, checks with a guessed name,
media-like and plain garbage, at ``rate`` datagrams a second in all. One JSON line each: share of a core, loss and
delay as viewers see it, how long an honest join takes meanwhile; the last line holds the difference. Nothing is
asserted.
"""

import argparse
import asyncio
import json
import os
import random
import socket
import time
from collections.abc import Iterator
from typing import Any

from aioice import stun

from bench.joins import join
from bench.lab.load import Rooms
from bench.lab.machine import cpu, machine, percentile
from bench.relay import Whip
from media.dtls import Dtls, Identity
from media.endpoint import local_addresses

ALERT = bytes.fromhex("15fefd00000000000000000002022f")
TICK_S = 0.01
JOINS = 10


def forged(chaos: random.Random) -> Iterator[bytes]:
    """For ever: one datagram of each kind after the other."""
    hello = Dtls(Identity(), server=False, fingerprints=[]).start()
    while True:
        yield from hello
        yield ALERT
        check = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        check.attributes["USERNAME"] = f"{chaos.randrange(1 << 32):08x}:them"
        check.add_message_integrity(b"guessed")
        yield bytes(check)
        yield b"\x80\x60" + chaos.randbytes(200)
        yield chaos.randbytes(chaos.randrange(1, 1400))


async def flood(host: str, port: int, rate: int) -> None:
    """Send ``rate`` datagrams a second until cancelled."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    datagrams, begun, sent = forged(random.Random(1)), time.monotonic(), 0
    try:
        while True:
            due = int((time.monotonic() - begun) * rate)
            for _ in range(due - sent):
                sock.sendto(next(datagrams), (host, port))
            sent = due
            await asyncio.sleep(TICK_S)
    finally:
        sock.close()


async def measure(server: Whip, pid: int, load: Rooms, seconds: float) -> dict[str, Any]:
    """What the server does in the next ``seconds``, and joins meanwhile."""
    load.measure(True)
    before, begun = cpu(pid), time.monotonic()
    dropped = _dropped(await server.metrics())
    await asyncio.sleep(seconds)
    after, took = cpu(pid), time.monotonic() - begun
    load.measure(False)
    delays = load.delays()
    for tally in load.tallies:
        tally.delays.clear()
    dropped = _dropped(await server.metrics()) - dropped
    joins = []
    for index in range(JOINS):
        participant, milliseconds = await join(server, load.host, "joins", f"p{index}")
        joins.append(milliseconds)
        participant.close()
    return {
        "core_share": round((after.total - before.total) / took, 3), "loss": round(load.loss(), 6),
        "delay_p50_ms": percentile(delays, 0.5), "delay_p99_ms": percentile(delays, 0.99),
        "dropped_per_s": round(dropped / took), "join_worst_ms": round(max(joins), 1),
        "machine_load": os.getloadavg()[0],
    }  # fmt: skip


def _dropped(metrics: dict[str, float]) -> float:
    return sum(value for name, value in metrics.items() if name.startswith("yuanjian_media_dropped_total"))


async def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.flood", description=__doc__.splitlines()[0])
    parser.add_argument("--rooms", type=int, default=10)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--host", default=local_addresses(loopback=True)[0])
    options = parser.parse_args()
    server = Whip("bench.open_relay", "--port", "0", "--host", options.host, "--record", "none")
    load = Rooms(options.host)
    try:
        pid = await server.start()
        await load.fill(options.rooms, 2, server.publish, server.subscribe, stamped=True)
        await asyncio.sleep(2)
        lines = {}
        for rate in (0, options.rate):
            flooding = asyncio.ensure_future(flood(options.host, server.media_port, rate)) if rate else None
            lines[rate] = await measure(server, pid, load, options.seconds)
            print(json.dumps({"forged_per_s": rate, "rooms": options.rooms, **lines[rate]}), flush=True)
            if flooding is not None:
                flooding.cancel()
        quiet, flooded = (lines[rate]["core_share"] for rate in (0, options.rate))
        more = {"core_share_added": round(flooded - quiet, 3), "of_what_it_used": round(flooded / quiet - 1, 3)}
        print(json.dumps({"flood": more, "machine": machine()}), flush=True)
    finally:
        await load.leave()
        await server.stop()


if __name__ == "__main__":
    asyncio.run(main())
