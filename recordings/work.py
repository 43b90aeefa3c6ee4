"""Work on recordings that blocks or may be brought down by what participants sent: a program of its own, niced.

    python -m recordings.work finalize DATA_DIR RECORDING
    python -m recordings.work compose DATA_DIR RECORDING < WISHES.json

Ended by SIGTERM it leaves what is finished; run again it goes on from there.
"""

import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from core.clock import SystemClock
from recordings.compose import Composer, Wishes
from recordings.filesystem import Disk
from recordings.finalize import Finalizer
from recordings.keys import FileKeys
from recordings.layout import RecordingFiles

PROGRESS = ".progress.json"
"""In ``derived/`` while a composition runs: seconds done and in all."""


def main(arguments: list[str]) -> int:
    """Return the exit status: 0 done, 64 wrong arguments; anything else is a failure to try again."""
    signal.signal(signal.SIGTERM, _stop)
    match arguments:
        case ["finalize", data_dir, recording]:
            os.nice(10)
            place = Path(data_dir)
            Finalizer(place, lambda: FileKeys(place), SystemClock(), Disk()).run(recording)
            return 0
        case ["compose", data_dir, recording]:
            os.nice(15)
            compose(Path(data_dir), recording, wishes_of(json.loads(sys.stdin.read() or "{}")))
            return 0
        case _:
            return 64


def compose(data_dir: Path, recording: str, wishes: Wishes) -> None:
    """Compose a recording, keeping its progress where pages can read it."""
    path = RecordingFiles.of(data_dir, recording).derived / PROGRESS
    shown = -1

    def progress(done: int, total: int) -> None:
        nonlocal shown
        if done * 100 // total != shown:
            shown = done * 100 // total
            path.write_text(json.dumps({"done": done, "total": total}), encoding="ascii")
            print(f"{done}/{total}", flush=True)

    try:
        Composer(data_dir, lambda: FileKeys(data_dir), SystemClock(), Disk()).run(recording, wishes, progress)
    finally:
        path.unlink(missing_ok=True)


def wishes_of(said: dict[str, Any]) -> Wishes:
    """``title``, ``labels`` (endpoint to words), ``zone``, ``protected`` (endpoints), all optional."""
    plain = Wishes()
    return Wishes(
        title=str(said.get("title", "")),
        labels={str(key): str(value) for key, value in dict(said.get("labels") or {}).items()},
        zone=str(said.get("zone", plain.zone)),
        protected=frozenset(map(str, said.get("protected") or ())),
    )


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(75)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
