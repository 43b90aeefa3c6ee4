"""The supervisor keeps processes running and leaves none behind."""

import asyncio
import os
import sys
from pathlib import Path

from core.processes import Process, Supervisor

CHILD = """
import asyncio, os, pathlib, sys
from core.processes import run_child
async def main(stop):
    with open(sys.argv[1], "a") as file: print(os.getpid(), file=file)
    await stop.wait()
    with open(sys.argv[1], "a") as file: print("stopped", file=file)
asyncio.run(run_child(main))
"""


def child(notes: Path) -> Process:
    return Process("child", [sys.executable, "-c", CHILD, str(notes)])


async def lines(notes: Path, count: int) -> list[str]:
    while not notes.exists() or len(notes.read_text().splitlines()) < count:
        await asyncio.sleep(0.02)
    return notes.read_text().splitlines()


async def test_killed_process_is_started_again(tmp_path: Path) -> None:
    """A child that dies comes back with another process id."""
    notes = tmp_path / "notes"
    supervisor = Supervisor([child(notes)])
    running = asyncio.create_task(supervisor.run())
    (first,) = await lines(notes, 1)
    os.kill(int(first), 9)
    _, second = await lines(notes, 2)
    supervisor.stop()
    await running
    assert first != second


async def test_stop_lets_children_clean_up(tmp_path: Path) -> None:
    """An orderly stop ends the child by its own hand."""
    notes = tmp_path / "notes"
    supervisor = Supervisor([child(notes)])
    running = asyncio.create_task(supervisor.run())
    await lines(notes, 1)
    supervisor.stop()
    await running
    assert notes.read_text().splitlines()[-1] == "stopped"


async def test_child_stops_when_its_parent_is_gone(tmp_path: Path) -> None:
    """A child whose pipe to the parent closes stops by itself."""
    notes = tmp_path / "notes"
    running = await asyncio.create_subprocess_exec(*child(notes).command, stdin=asyncio.subprocess.PIPE)
    await lines(notes, 1)
    assert running.stdin is not None
    running.stdin.close()
    assert await running.wait() == 0
    assert (await lines(notes, 2))[-1] == "stopped"
