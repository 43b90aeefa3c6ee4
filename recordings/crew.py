"""Threads that many writers share: one while it keeps up with the disk, more while work waits behind a slow one.

One thread writes for all with warm caches, and nobody waits for the interpreter. But a disk that is slow, or hangs with
one file, must not hold up the recordings of others: work that waits longer than ``LATE`` gets another thread.
"""

import queue
import threading
import time
from collections.abc import Callable

LATE = 0.05
"""Seconds after which work that nobody took is late."""
IDLE = 30.0
"""Seconds after which a thread without work ends, if it is not the last."""

Work = Callable[[], None]


class Crew:
    """Runs what it is given, each once, soon, in the order given but for what runs at the same time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self._since = 0.0
        """When work was taken last while some waited, or began to wait."""
        self._lock = threading.Lock()
        self._threads = 0

    @property
    def threads(self) -> int:
        return self._threads

    def put(self, work: Work) -> None:
        """Have ``work`` done; it must not raise. Whether more hands are needed is seen at each call."""
        now, late = time.monotonic(), False
        if self._waiting.empty():
            self._since = now
        else:
            late = now - self._since > LATE
        self._waiting.put(work)
        if late or not self._threads:
            self._hire()

    def _hire(self) -> None:
        with self._lock:
            self._threads += 1
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                work = self._waiting.get(timeout=IDLE)
            except queue.Empty:
                if self._leave():
                    return
                continue
            self._since = time.monotonic()
            work()

    def _leave(self) -> bool:
        with self._lock:
            if self._threads == 1:
                return False
            self._threads -= 1
            return True
