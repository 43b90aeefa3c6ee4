"""What forwarding a packet costs: this relay, Janus videoroom and stock aiortc under the same load.

    python -m bench.relay [--rooms 1,10,25] [--size 2] [--seconds 10] [--rounds 3] [--servers ours+rec,janus+rec,…]

Rooms of synthetic participants that send pre-encoded VP8 (≈0.6 Mb/s) and Opus, paced; everybody sees everybody
else. One JSON line per server, number of rooms and round, servers alternating: CPU microseconds per forwarded packet
(user, system), loss, delay as seen by viewers, resident memory. Nothing is asserted.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from bench.lab import janus
from bench.lab.load import Rooms
from bench.lab.participant import Participant
from media.endpoint import local_addresses

TICKS = os.sysconf("SC_CLK_TCK")
SERVERS = ("ours+rec", "ours", "janus+rec", "janus", "stock")
WARM_UP_S = 3.0


class Server(Protocol):
    """A server under test."""

    async def start(self) -> int: ...

    async def publish(self, room: str, who: str, participant: Participant) -> None: ...

    async def subscribe(self, room: str, who: str, whom: str, participant: Participant) -> None: ...

    async def stop(self) -> None: ...


class Whip:
    """A server that speaks WHIP and WHEP, started as a Python module that prints where it listens."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments

    async def start(self) -> int:
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
        self._address = json.loads(line)["http"]
        self._http = aiohttp.ClientSession()
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

    async def stop(self) -> None:
        await self._http.close()
        self._process.terminate()
        await asyncio.to_thread(self._process.wait)


def server(name: str, directory: Path, host: str) -> Server:
    """Make the server called ``name``."""
    if name == "stock":
        return Whip("bench.lab.stock", "--host", host)
    if name.startswith("janus"):
        return janus.Janus(directory, host, record=name.endswith("+rec"))
    record = str(directory / "data") if name.endswith("+rec") else "none"
    return Whip("bench.open_relay", "--port", "0", "--host", host, "--record", record)


@dataclass(frozen=True)
class Cpu:
    """CPU seconds of a process and resident memory in megabytes."""

    user: float
    system: float
    rss_mb: float


def cpu(pid: int) -> Cpu:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return Cpu(int(fields[11]) / TICKS, int(fields[12]) / TICKS, resident / 1e6)


def percentile(values: list[float], share: float) -> float | None:
    return round(values[min(len(values) - 1, int(len(values) * share))], 2) if values else None


async def measure(name: str, rooms: int, size: int, seconds: float, host: str) -> dict[str, Any]:
    """Run one server under one load and return its line."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        tested = server(name, Path(directory), host)
        pid = await tested.start()
        load = Rooms(host)
        try:
            await load.fill(rooms, size, tested.publish, tested.subscribe, stamped=name != "stock")
            await asyncio.sleep(WARM_UP_S)
            before, packets, sent = cpu(pid), load.received(), sum(each.sent for each in load.senders)
            load.measure(True)
            own = time.process_time()
            await asyncio.sleep(seconds)
            own = time.process_time() - own
            after, forwarded = cpu(pid), load.received() - packets
            load.measure(False)
            sent = sum(each.sent for each in load.senders) - sent
        finally:
            await load.leave()
            await tested.stop()
    user, system = after.user - before.user, after.system - before.system
    delays = load.delays()
    return {
        "server": name, "rooms": rooms, "size": size, "seconds": seconds, "sent_per_s": round(sent / seconds),
        "forwarded_per_s": round(forwarded / seconds), "us_per_packet": round((user + system) / forwarded * 1e6, 1),
        "us_user": round(user / forwarded * 1e6, 1), "us_system": round(system / forwarded * 1e6, 1),
        "loss": round(load.loss(), 6), "delay_p50_ms": percentile(delays, 0.5),
        "delay_p99_ms": percentile(delays, 0.99),
        "rss_mb": round(after.rss_mb, 1), "load_cpu": round(own / seconds, 2), "machine_load": os.getloadavg()[0],
    }  # fmt: skip


def summary(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Medians per server and load, and our share of Janus under the same conditions."""
    medians: dict[tuple[str, int], float] = {}
    for name, rooms in sorted({(line["server"], line["rooms"]) for line in lines}):
        costs = [line["us_per_packet"] for line in lines if (line["server"], line["rooms"]) == (name, rooms)]
        medians[name, rooms] = statistics.median(costs)
    out = []
    for (name, rooms), cost in medians.items():
        other = medians.get((name.replace("ours", "janus"), rooms)) if name.startswith("ours") else None
        share = {"of_janus": round(cost / other, 2)} if other else {}
        out.append({"summary": name, "rooms": rooms, "median_us_per_packet": cost, **share})
    return out


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.relay", description=__doc__.splitlines()[0])
    parser.add_argument("--rooms", default="1,10,25")
    parser.add_argument("--size", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--servers", default=",".join(SERVERS))
    parser.add_argument("--host", default=local_addresses(loopback=True)[0])
    return parser.parse_args()


async def main() -> None:
    options = arguments()
    names = [name for name in options.servers.split(",") if not name.startswith("janus") or janus.installed()]
    lines = []
    for rooms in map(int, options.rooms.split(",")):
        for _ in range(options.rounds):
            for name in names:
                if name == "stock" and rooms > 1:
                    continue
                line = await measure(name, rooms, options.size, options.seconds, options.host)
                lines.append(line)
                print(json.dumps(line), flush=True)
    for line in summary(lines):
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
