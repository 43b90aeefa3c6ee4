"""How fast one gets in, what silent endpoints cost, and whether coming and going leaves anything behind.

    python -m bench.joins [--silent 200] [--cycles 1000]

One JSON line each: offer to DTLS connected, alone and with twenty others in the same second; CPU and memory of
endpoints that are connected and silent; memory, tables and file descriptors before and after cycles of joining and
leaving. Nothing is asserted.
"""

import argparse
import asyncio
import json
import os
import time

from bench.lab.load import packetize
from bench.lab.machine import cpu, percentile
from bench.lab.participant import Participant
from bench.relay import Whip
from media.endpoint import local_addresses

CROWD = 20


async def join(server: Whip, host: str, room: str, who: str) -> tuple[Participant, float]:
    """Join as a publisher; return the participant and the milliseconds from offer to DTLS."""
    participant = Participant(host)
    begun = time.monotonic()
    await server.publish(room, who, participant)
    return participant, (time.monotonic() - begun) * 1000


async def alone(server: Whip, host: str, count: int) -> list[float]:
    """Join one after another."""
    took = []
    for index in range(count):
        participant, milliseconds = await join(server, host, "alone", f"p{index}")
        took.append(milliseconds)
        participant.close()
        await asyncio.sleep(0.02)
    return sorted(took)


async def crowd(server: Whip, host: str) -> list[float]:
    """Join while others do in the same second."""

    async def later(index: int) -> float:
        await asyncio.sleep(index / CROWD)
        participant, milliseconds = await join(server, host, "crowd", f"p{index}")
        participant.close()
        return milliseconds

    return sorted(await asyncio.gather(*(later(index) for index in range(CROWD))))


async def silent(server: Whip, pid: int, host: str, count: int) -> dict[str, float]:
    """CPU share of a core and memory per endpoint for many that only keep their connection alive."""
    before = cpu(pid)
    everybody = [(await join(server, host, f"silent{index // 10}", f"p{index % 10}"))[0] for index in range(count)]
    await asyncio.sleep(2)
    start, begun = cpu(pid), time.monotonic()
    await asyncio.sleep(10)
    end = cpu(pid)
    share = (end.total - start.total) / (time.monotonic() - begun)
    for participant in everybody:
        participant.close()
    await asyncio.sleep(1)
    return {"core_share": round(share, 4), "mb_each": round((end.rss_mb - before.rss_mb) / count, 3)}


async def cycles(server: Whip, pid: int, host: str, count: int) -> dict[str, object]:
    """Memory and file descriptors of the server before and after many joins with a little media."""
    payload = packetize(b"\x00" + bytes(2000))[0]

    async def one(index: int) -> None:
        participant, _ = await join(server, host, "cycles", f"p{index % 3}")
        participant.send_rtp(participant.rtp("video", 1, 1, payload))
        participant.close()
        await asyncio.sleep(0.01)

    for index in range(20):
        await one(index)
    await asyncio.sleep(1)
    memory, files = cpu(pid).rss_mb, len(os.listdir(f"/proc/{pid}/fd"))
    for index in range(count):
        await one(index)
    await asyncio.sleep(1)
    gauges = await server.metrics()
    return {
        "rss_mb_before": round(memory, 1), "rss_mb_after": round(cpu(pid).rss_mb, 1), "files_before": files,
        "files_after": len(os.listdir(f"/proc/{pid}/fd")), "resources_after": gauges["yuanjian_media_resources"],
    }  # fmt: skip


async def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.joins", description=__doc__.splitlines()[0])
    parser.add_argument("--silent", type=int, default=200)
    parser.add_argument("--cycles", type=int, default=1000)
    parser.add_argument("--host", default=local_addresses(loopback=True)[0])
    options = parser.parse_args()
    server = Whip("bench.open_relay", "--port", "0", "--host", options.host, "--record", "none")
    pid = await server.start()
    try:
        for what, took in (
            ("alone", await alone(server, options.host, 50)),
            ("crowd", await crowd(server, options.host)),
        ):
            quantiles = {"p50_ms": percentile(took, 0.5), "p95_ms": percentile(took, 0.95)}
            print(json.dumps({"joins": what, "count": len(took), **quantiles}), flush=True)
        idle = await silent(server, pid, options.host, options.silent)
        print(json.dumps({"silent": options.silent, **idle}), flush=True)
        print(json.dumps({"cycles": options.cycles, **await cycles(server, pid, options.host, options.cycles)}))
    finally:
        await server.stop()


if __name__ == "__main__":
    asyncio.run(main())
