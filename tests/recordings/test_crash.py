"""Killed at a random instant: what was acknowledged is there, the rest is said."""

import json
import os
import random
import signal
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from core.clock import SystemClock
from recordings.abandoned import close_abandoned
from recordings.filesystem import Disk
from recordings.keys import FileKeys
from recordings.reader import Reader
from recordings.verify import verify
from tests.campaigns import campaign, rounds, seed

KILLS = rounds(5, 200)
LOST_S = 2.0
"""Seconds of what it was given that a kill may cost."""
SLACK = 3
"""Times more on a machine that has other things to do."""
PROGRAM = Path(__file__).parent / "recording_program.py"


@dataclass
class Run:
    """What a killed process had told, and what it had been given."""

    acknowledged: list[int]
    """Media times."""
    packets: int
    last_ns: int
    """When the last packet came, by the machine's monotonic clock."""


def run_until_killed(place: Path, seconds: float, who: str) -> Run:
    """Record into ``place`` as in the product, a commit a second; kill -9 ``seconds`` after the first acknowledgement
    the ``relay``, whose recorder process then ends by itself, or the ``recorder`` first."""
    command = [sys.executable, str(PROGRAM), str(place), "1.0"]
    program = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(PROGRAM.parents[2])}
    )
    acknowledged: list[int] = []
    recorder: list[int] = []
    first = threading.Event()

    def listen():
        for line in program.stdout:
            if line.startswith("recorder "):
                recorder.append(int(line.split()[1]))
            if line.startswith("durable"):
                acknowledged.append(int(line.split()[1]))
                first.set()
        first.set()

    listener = threading.Thread(target=listen)
    listener.start()
    assert first.wait(300), "neither acknowledged nor ended"
    time.sleep(seconds)
    if who == "recorder":
        os.kill(recorder[0], signal.SIGKILL)
    program.send_signal(signal.SIGKILL)
    program.wait()
    listener.join()
    assert acknowledged, "ended before its first acknowledgement"
    return Run(acknowledged, *struct.unpack("<QQ", place.with_name(place.name + ".given").read_bytes()))


@campaign
def test_kills_at_random_instants_lose_nothing_acknowledged(tmp_path):
    """One recording, whose relay or recorder is killed again and again: each run recovers it and costs two seconds at
    most; in the end every acknowledged second verifies, and what is missing between two takes is a declared gap."""
    rng = random.Random(seed(7))
    runs = [
        run_until_killed(tmp_path / "var", rng.random() * 1.2, ("recorder", "relay")[kill % 2]) for kill in range(KILLS)
    ]
    place = tmp_path / "var"
    assert close_abandoned(place, "rec-1", lambda: FileKeys(place), SystemClock(), Disk())
    found = verify(place / "recordings" / "rec-1")
    assert (found.exit_code, found.takes) == (0, KILLS + 1), found.findings()
    reader = Reader.open(place, "rec-1", FileKeys(place))
    recovered = [body for body in reader.bodies if body["type"] == "recovered"]
    assert [body["take"] for body in recovered] == list(range(2, KILLS + 2)), "each take says what it found"
    covered = [body for body in reader.bodies if body["type"] == "frame"]
    for ms in [ms for run in runs for ms in run.acknowledged]:
        assert any(body["from_ms"] < ms <= body["to_ms"] for body in covered), ms
    assert sum(not p.is_report for p in reader.packets()) == sum(body["packets"] for body in covered)
    numbers = [entry["number"] for entry in reader.log()]
    assert numbers == sorted(set(numbers))
    lost = [lost_seconds(reader, covered, take, run) for take, run in enumerate(runs, 1)]
    gaps = {body["from_ms"] for body in reader.bodies if body["type"] == "gap" and body["cause"] == "restart"}
    assert len(gaps) >= KILLS - 1
    print(json.dumps({"kills": KILLS, "lost_s_max": round(max(lost), 3), "lost_s_mean": round(mean(lost), 3)}))
    assert max(lost) <= SLACK * LOST_S


def lost_seconds(reader, covered, take, run):
    """From the end of what a take kept to the last packet it was given."""
    begun = next(body for body in reader.bodies if body["type"] == "take" and body["take"] == take)
    kept_ms = max(body["to_ms"] for body in covered if body["take"] == take)
    assert sum(body["packets"] for body in covered if body["take"] == take) <= run.packets
    return max(0.0, (run.last_ns - int(begun["mono_ns"])) / 1e9 - (kept_ms - begun["ms"]) / 1e3)
