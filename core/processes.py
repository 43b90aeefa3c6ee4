"""Running the product's processes: one parent that starts, watches, restarts and stops the others.

The parent holds a pipe to each child; a child whose pipe closes stops by itself, so that nothing is left behind when
the parent is killed.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

log = structlog.get_logger()

STOP_TIMEOUT = 20.0
"""Seconds a child has to stop cleanly before it is killed."""
BACKOFF = (0.0, 0.5, 1.0, 2.0, 5.0)
"""Pause before the nth restart in a row; the last value repeats."""
HEALTHY_AFTER = 30.0
"""Seconds after which a child counts as recovered and its next restart is immediate again."""


@dataclass(frozen=True)
class Process:
    """A child: its name for the log and the command that runs it."""

    name: str
    command: Sequence[str]


class Supervisor:
    """Keeps every process running until told to stop. Processes are stopped in the order given."""

    def __init__(self, processes: Sequence[Process]) -> None:
        self._processes = processes
        self._children: dict[str, asyncio.subprocess.Process] = {}
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Run until ``stop`` is called or SIGTERM or SIGINT arrives; returns when every child has ended."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        async with asyncio.TaskGroup() as group:
            keepers = [group.create_task(self._keep(process)) for process in self._processes]
            await self._stopping.wait()
            for process in self._processes:
                await self._end(process.name)
            for keeper in keepers:
                keeper.cancel()

    def stop(self) -> None:
        """Begin an orderly stop. May be called more than once."""
        self._stopping.set()

    async def _keep(self, process: Process) -> None:
        failures = 0
        while not self._stopping.is_set():
            started = asyncio.get_running_loop().time()
            code = await self._run_once(process)
            if self._stopping.is_set():
                return
            lived = asyncio.get_running_loop().time() - started
            failures = 0 if lived > HEALTHY_AFTER else failures + 1
            log.error("a process ended and is started again", process=process.name, code=code, failures=failures)
            await asyncio.sleep(BACKOFF[min(failures, len(BACKOFF)) - 1] if failures else 0.0)

    async def _run_once(self, process: Process) -> int:
        child = await asyncio.create_subprocess_exec(
            *process.command, stdin=asyncio.subprocess.PIPE, start_new_session=True
        )
        self._children[process.name] = child
        log.info("a process was started", process=process.name, pid=child.pid)
        return await child.wait()

    async def _end(self, name: str) -> None:
        child = self._children.get(name)
        if child is None or child.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        try:
            await asyncio.wait_for(child.wait(), STOP_TIMEOUT)
        except TimeoutError:
            log.error("a process did not stop and is killed", process=name)
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()


async def run_child(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run ``main(stop)`` as a child of the supervisor.

    ``stop`` is set by SIGTERM, SIGINT or the end of the parent; ``main`` then returns when it has cleaned up.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    _watch_parent(loop, stop)
    await main(stop)


def _watch_parent(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    descriptor = sys.stdin.fileno()

    def readable() -> None:
        if not os.read(descriptor, 1024):
            loop.remove_reader(descriptor)
            stop.set()

    with contextlib.suppress(OSError, ValueError):  # a regular file as stdin cannot be watched, nor need it be
        os.set_blocking(descriptor, False)
        loop.add_reader(descriptor, readable)
