"""What forwarding a packet costs: this relay, Janus videoroom and stock aiortc under the same load.

    python -m bench.relay [--rooms 1,10,25] [--size 2] [--seconds 6] [--rounds 3] [--servers ours+rec,janus+rec,…]

Rooms of synthetic participants that send pre-encoded VP8 (≈0.6 Mb/s) and Opus, paced; everybody sees everybody
else. One JSON line per server, number of rooms and round, servers alternating: CPU microseconds per forwarded packet
(user, system), loss, delay as seen by viewers, resident memory, and for this relay how long a packet is in the
process. A server that does not answer in time is said and passed over. The last line holds the medians, our share of
Janus, and the machine. Nothing is asserted.
"""

import argparse
import asyncio
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from bench.lab import janus
from bench.lab.load import Rooms
from bench.lab.machine import cpu, end, machine, percentile
from bench.lab.participant import Participant
from media.counters import Histogram
from media.endpoint import local_addresses

SERVERS = ("ours+rec", "janus+rec", "ours", "stock")
WARM_UP_S = 3.0
FILL_S = 60.0
"""A server that has not let everybody in by then is passed over."""
MEDIANS = (
    "us_per_packet", "us_relay_alone", "us_user", "us_system", "loss", "delay_p50_ms", "delay_p99_ms",
    "inside_p50_ms", "inside_p99_ms", "rss_mb",
)  # fmt: skip
DELAY = "yuanjian_media_forward_delay_milliseconds_bucket"


class Server(Protocol):
    """A server under test."""

    async def start(self) -> int: ...

    async def publish(self, room: str, who: str, participant: Participant) -> None: ...

    async def subscribe(self, room: str, who: str, whom: str, participant: Participant) -> None: ...

    async def delays(self) -> Histogram | None:
        """How long packets were inside the process since it started; None when it does not say."""

    async def stop(self) -> None: ...


class Whip:
    """A server that speaks WHIP and WHEP, started as a Python module that prints where it listens."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments

    async def start(self) -> int:
        self._http = aiohttp.ClientSession()
        self._process = subprocess.Popen(
            [sys.executable, "-m", *self._arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        while True:
            line = await asyncio.to_thread(self._process.stdout.readline)
            if not line:
                raise RuntimeError("the server did not start")
            if line.startswith("{"):
                break
        told = json.loads(line)
        self._address, self.media_port = told["http"], int(told.get("media_port", 0))
        return self._process.pid

    async def _offer(self, path: str, offer: str) -> str:
        headers = {"Content-Type": "application/sdp"}
        async with self._http.post(self._address + path, data=offer, headers=headers) as answer:
            text = await answer.text()
            if answer.status != 201:
                raise RuntimeError(text)
            return text

    async def publish(self, room: str, who: str, participant: Participant) -> None:
        await participant.connect(await self._offer(f"/whip/{room}/{who}", participant.offer()))

    async def subscribe(self, room: str, who: str, whom: str, participant: Participant) -> None:
        await participant.connect(await self._offer(f"/whep/{room}/{whom}", participant.offer("recvonly")))

    async def metrics(self) -> dict[str, float]:
        """The server's metrics by name and labels; empty when it has none."""
        async with self._http.get(self._address + "/metrics") as answer:
            lines = (await answer.text()).splitlines() if answer.status == 200 else []
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}

    async def lag(self) -> dict[str, float]:
        """How late the server's loop was since this was asked last, where it says so."""
        async with self._http.get(self._address + "/lag") as answer:
            return dict(await answer.json())

    async def delays(self) -> Histogram | None:
        found = {name: count for name, count in (await self.metrics()).items() if name.startswith(DELAY)}
        if not found:
            return None
        bounds = [float(name.split('"')[1].replace("+Inf", "inf")) for name in found]
        histogram, below = Histogram(tuple(bounds[:-1])), 0
        for index, count in enumerate(found.values()):
            histogram.counts[index], below = int(count) - below, int(count)
        return histogram

    async def stop(self) -> None:
        await self._http.close()
        await end(self._process)


def server(name: str, directory: Path, host: str) -> Server:
    """Make the server called ``name``."""
    if name == "stock":
        return Whip("bench.lab.stock", "--host", host)
    if name.startswith("janus"):
        return janus.Janus(directory, host, record=name.endswith("+rec"))
    record = str(directory / "data") if name.endswith("+rec") else "none"
    return Whip("bench.open_relay", "--port", "0", "--host", host, "--record", record)


async def measure(name: str, rooms: int, size: int, seconds: float, host: str) -> dict[str, Any]:
    """Run one server under one load and return its line."""
    line: dict[str, Any] = {"server": name, "rooms": rooms, "size": size, "seconds": seconds}
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        tested, load = server(name, Path(directory), host), Rooms(host)
        try:
            async with asyncio.timeout(FILL_S):
                pid = await tested.start()
                await load.fill(rooms, size, tested.publish, tested.subscribe, stamped=name != "stock")
            await asyncio.sleep(WARM_UP_S)
            return {**line, **await _figures(tested, pid, load, seconds)}
        except (TimeoutError, RuntimeError, ConnectionError, aiohttp.ClientError) as error:
            return {**line, "failed": f"{type(error).__name__} {error}".strip()}
        finally:
            await load.leave()
            await tested.stop()


async def _figures(tested: Server, pid: int, load: Rooms, seconds: float) -> dict[str, Any]:
    """What the server did in the next ``seconds``."""
    inside_before = await tested.delays()
    before, packets, sent = cpu(pid), load.received(), sum(each.sent for each in load.senders)
    load.measure(True)
    own = time.process_time()
    await asyncio.sleep(seconds)
    own = time.process_time() - own
    after, forwarded = cpu(pid), load.received() - packets
    load.measure(False)
    sent = sum(each.sent for each in load.senders) - sent
    inside = await tested.delays()
    total, user = (after.total - before.total) / forwarded * 1e6, (after.user - before.user) / forwarded * 1e6
    alone = (after.alone - before.alone) / forwarded * 1e6
    delays = load.delays()
    return {
        "sent_per_s": round(sent / seconds), "forwarded_per_s": round(forwarded / seconds),
        "us_per_packet": round(total, 1), "us_relay_alone": round(alone, 1), "us_user": round(user, 1),
        "us_system": round(max(0.0, total - user), 1),
        "loss": round(load.loss(), 6), "delay_p50_ms": percentile(delays, 0.5),
        "delay_p99_ms": percentile(delays, 0.99), **_inside(inside_before, inside),
        "rss_mb": round(after.rss_mb, 1), "load_cpu": round(own / seconds, 2), "machine_load": os.getloadavg()[0],
    }  # fmt: skip


def _inside(before: Histogram | None, after: Histogram | None) -> dict[str, float | None]:
    """Quantiles of the time spent in the process between two readings, as upper bounds; null beyond the last bound."""
    if before is None or after is None:
        return {}
    after.counts = [now - then for now, then in zip(after.counts, before.counts, strict=True)]
    found = {"inside_p50_ms": after.quantile(0.5), "inside_p99_ms": after.quantile(0.99)}
    return {name: value if math.isfinite(value) else None for name, value in found.items()}


def summary(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians per number of rooms and server, our share of Janus under the same conditions, and the machine."""
    rooms: dict[str, dict[str, Any]] = {}
    for line in lines:
        if "failed" not in line:
            rooms.setdefault(str(line["rooms"]), {}).setdefault(line["server"], []).append(line)
    for servers in rooms.values():
        for name, found in servers.items():
            servers[name] = {figure: _median(found, figure) for figure in MEDIANS if found[0].get(figure) is not None}
        for name in ("ours", "ours+rec"):
            if name in servers and "janus+rec" in servers:
                share = servers[name]["us_per_packet"] / servers["janus+rec"]["us_per_packet"]
                servers[name]["of_janus_recording"] = round(share, 2)
        if "ours" in servers and "ours+rec" in servers:
            more = servers["ours+rec"]["us_per_packet"] / servers["ours"]["us_per_packet"] - 1
            servers["ours+rec"]["recording_adds"] = round(more, 2)
            alone = servers["ours+rec"]["us_relay_alone"] / servers["ours"]["us_relay_alone"] - 1
            servers["ours+rec"]["recording_adds_to_relay_alone"] = round(alone, 2)
    return {"summary": rooms, "machine": machine()}


def _median(lines: list[dict[str, Any]], figure: str) -> float:
    found: list[float] = [line[figure] for line in lines if line.get(figure) is not None]
    return round(statistics.median(found), 4)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.relay", description=__doc__.splitlines()[0])
    parser.add_argument("--rooms", default="1,10,25")
    parser.add_argument("--size", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--servers", default=",".join(SERVERS))
    parser.add_argument("--host", default=local_addresses(loopback=True)[0])
    return parser.parse_args()


async def main() -> None:
    options = arguments()
    names, lines = options.servers.split(","), []
    if not janus.installed():
        print(json.dumps({"janus": "not installed, passed over (apt-get install janus)"}), flush=True)
        names = [name for name in names if not name.startswith("janus")]
    for rooms in map(int, options.rooms.split(",")):
        for turn in range(options.rounds):
            for name in names:
                if name == "stock" and (rooms > 1 or turn):  # it is only to show the order of magnitude
                    continue
                line = await measure(name, rooms, options.size, options.seconds, options.host)
                lines.append(line)
                print(json.dumps(line), flush=True)
    print(json.dumps(summary(lines)), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
