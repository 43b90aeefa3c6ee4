"""What the benchmarks ask of the machine: who it is, what a process has used, and to end one for certain."""

import asyncio
import os
import platform
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TICKS = os.sysconf("SC_CLK_TCK")
END_S = 5.0
"""A process asked to end gets this long before it is killed."""


@dataclass(frozen=True)
class Cpu:
    """CPU seconds of a process and of those it runs, of which user time (known to 10 ms only), what the process used
    alone, and resident memory in megabytes."""

    total: float
    user: float
    alone: float
    rss_mb: float


def cpu(pid: int) -> Cpu:
    """Read the use of a running process and of the processes it runs."""
    uses = [_cpu_of(each) for each in (pid, *_children(pid))]
    total, user, rss_mb = (sum(column) for column in zip(*uses, strict=True))
    return Cpu(total, user, uses[0][0], rss_mb)


def _cpu_of(pid: int) -> tuple[float, float, float]:
    user = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11]) / TICKS
    resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return time.clock_gettime(_clock_of(pid)), user, resident / 1e6


def _children(pid: int) -> list[int]:
    return [
        int(child)
        for children in Path(f"/proc/{pid}/task").glob("*/children")
        for child in children.read_text().split()
    ]  # fmt: skip


def _clock_of(pid: int) -> int:
    """The CPU clock of another process: what clock_getcpuclockid(3) computes, in nanoseconds instead of ticks."""
    return ~pid << 3 | 2


def percentile(values: list[float], share: float) -> float | None:
    """``values`` are sorted."""
    return round(values[min(len(values) - 1, int(len(values) * share))], 2) if values else None


def machine() -> dict[str, Any]:
    """What figures are worth nothing without."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "cores": os.cpu_count(), "model": names[0].partition(":")[2].strip() if names else platform.machine(),
        "kernel": platform.release(), "python": platform.python_version(),
    }  # fmt: skip


async def end(process: subprocess.Popen[Any]) -> None:
    """Ask a process to end, and kill it when it does not."""
    process.terminate()
    try:
        await asyncio.to_thread(process.wait, END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        await asyncio.to_thread(process.wait)
