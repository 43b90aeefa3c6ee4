"""Killed at a random instant: what was acknowledged is there, the rest is said."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from core.clock import SystemClock
from recordings.abandoned import close_abandoned
from recordings.filesystem import Disk
from recordings.keys import FileKeys
from recordings.reader import Reader
from recordings.verify import verify
from tests.campaigns import campaign, rounds, seed

KILLS = rounds(5, 200)
PROGRAM = Path(__file__).parent / "recording_program.py"


def run_until_killed(place: Path, seconds: float) -> list[int]:
    """Record into ``place``, kill -9 after ``seconds`` from the first acknowledgement; return acknowledged times."""
    command = [sys.executable, str(PROGRAM), str(place), "0.05"]
    program = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(PROGRAM.parents[2])}
    )
    acknowledged: list[int] = []
    first = threading.Event()

    def listen():
        for line in program.stdout:
            if line.startswith("durable"):
                acknowledged.append(int(line.split()[1]))
                first.set()
        first.set()

    listener = threading.Thread(target=listen)
    listener.start()
    assert first.wait(300), "neither acknowledged nor ended"
    time.sleep(seconds)
    program.send_signal(signal.SIGKILL)
    program.wait()
    listener.join()
    assert acknowledged, "ended before its first acknowledgement"
    return acknowledged


@campaign
def test_kills_at_random_instants_lose_nothing_acknowledged(tmp_path):
    """One recording, killed again and again: each run recovers it; in the end every acknowledged second verifies."""
    rng = random.Random(seed(7))
    acknowledged: list[int] = []
    for _ in range(KILLS):
        acknowledged += run_until_killed(tmp_path, rng.random() * 0.4)
    assert close_abandoned(tmp_path, "rec-1", lambda: FileKeys(tmp_path), SystemClock(), Disk())
    found = verify(tmp_path / "recordings" / "rec-1")
    assert (found.exit_code, found.takes) == (0, KILLS + 1), found.findings()
    covered = [body for body in Reader.open(tmp_path, "rec-1", FileKeys(tmp_path)).bodies if body["type"] == "frame"]
    for ms in acknowledged:
        assert any(body["from_ms"] < ms <= body["to_ms"] for body in covered), ms
    reader = Reader.open(tmp_path, "rec-1", FileKeys(tmp_path))
    assert sum(not p.is_report for p in reader.packets()) == sum(body["packets"] for body in covered)
    numbers = [entry["number"] for entry in Reader.open(tmp_path, "rec-1", FileKeys(tmp_path)).log()]
    assert numbers == sorted(set(numbers))
