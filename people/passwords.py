"""Passwords: argon2id at 64 MiB, in few niced threads, with a bounded queue before them."""

import os
import threading
import unicodedata
from asyncio import wrap_future
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.errors import Invalid, Unavailable

T = TypeVar("T")

SHORTEST = 10
LONGEST = 128
_WORN = frozenset((Path(__file__).parent / "worn_passwords.txt").read_text(encoding="utf-8").split())
"""Among the first that guessers try; one per line, in lower case."""


class Passwords:
    """Hashes and verifies off the event loop; more callers than may wait are told to come back."""

    def __init__(self, *, memory_kib: int = 65_536, rounds: int = 2, parallel: int = 2, waiting: int = 40) -> None:
        self._hasher = PasswordHasher(time_cost=rounds, memory_cost=memory_kib, parallelism=1)
        self._threads = ThreadPoolExecutor(parallel, "argon2", initializer=_yield_to_others)
        self._room = parallel + waiting
        self._inside = 0
        self._nobody = self._hasher.hash(os.urandom(16).hex())

    async def hash(self, password: str) -> str:
        """Return what to store. Raises ``Unavailable`` when too many wait."""
        return await self._run(lambda: self._hasher.hash(_normal(password)))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether ``password`` is the one of ``stored``; takes as long when there is none stored."""

        def work() -> bool:
            try:
                return self._hasher.verify(stored or self._nobody, _normal(password)) and stored is not None
            except (VerificationError, InvalidHashError):
                return False

        return await self._run(work)

    def outdated(self, stored: str) -> bool:
        """Whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        """End the threads once idle."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._inside >= self._room:
            raise Unavailable("sign-in-busy", "Many people are signing in right now. Please try again in a minute.")
        self._inside += 1
        try:
            return await wrap_future(self._threads.submit(work))
        finally:
            self._inside -= 1


def check_new(password: str, *, login: str, name: str) -> None:
    """Raise ``Invalid`` unless ``password`` is long enough and not among the first to be guessed."""
    folded = _normal(password).casefold()
    if len(folded) < SHORTEST:
        raise Invalid(
            "password-short", "Use at least {count} characters, for example four words.", field="new", count=SHORTEST
        )
    if len(password) > LONGEST:
        raise Invalid("password-long", "Use at most {count} characters.", field="new", count=LONGEST)
    guessable = folded in _WORN or len(set(folded)) < 4 or folded.strip("0123456789") in {login, name.casefold()}
    if guessable:
        raise Invalid(
            "password-guessable", "This password is among the first that are tried. Take another one.", field="new"
        )


def _normal(password: str) -> str:
    """The same characters however the keyboard composed them; overlong input is cut before it costs time."""
    return unicodedata.normalize("NFKC", password[: LONGEST * 4])


def _yield_to_others() -> None:
    """A hash may take its time; a packet may not."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
