"""Work on recordings that blocks or may be brought down by what participants sent: a program of its own, niced.

python -m recordings.work finalize DATA_DIR RECORDING
"""

import os
import sys
from pathlib import Path

from core.clock import SystemClock
from recordings.filesystem import Disk
from recordings.finalize import Finalizer
from recordings.keys import FileKeys


def main(arguments: list[str]) -> int:
    """Return the exit status: 0 done, 64 wrong arguments; anything else is a failure to try again."""
    match arguments:
        case ["finalize", data_dir, recording]:
            os.nice(10)
            place = Path(data_dir)
            Finalizer(place, lambda: FileKeys(place), SystemClock(), Disk()).run(recording)
            return 0
        case _:
            return 64


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
