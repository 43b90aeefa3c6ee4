"""A buffer each thread has for what it makes next: used again and again, it stays in the caches."""

import threading

LEAST = 64 << 10
KEPT = 4 << 20
"""A larger buffer is not used again: it grew while a disk stood still."""


class Scratch(threading.local):
    """One buffer per thread."""

    _data = bytearray()

    def of(self, size: int) -> bytearray:
        """A buffer of at least ``size`` bytes, of any content; good until this thread asks for the next."""
        if len(self._data) < size or len(self._data) > KEPT:
            self._data = bytearray(max(size, LEAST))
        return self._data
