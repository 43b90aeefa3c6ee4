"""How soon what is withdrawn reaches connections that stand: within two seconds (F26).

Whoever holds such connections asks ``identities.withdrawn`` at instants of ``looks``. What is withdrawn just after one
look has read is found by the next: the beginnings of two looks lie ``EVERY`` apart, whatever the first took, and the
second may take what is left of ``WITHIN``.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog

from core.clock import Clock

log = structlog.get_logger()

WITHIN = 2.0
"""Seconds from a withdrawal to the cut."""
EVERY = 1.0
"""Seconds from the beginning of one look to that of the next."""


def pause(spent: float) -> float:
    """Seconds to wait after a look that took ``spent``; none after one so long that the next is due."""
    return max(0.0, EVERY - spent)


def reaches(before: float, spent: float) -> float:
    """Seconds after which the last of a look is cut that took ``spent``, of what was withdrawn in the worst instant:
    just after the look before it, which took ``before``, had read."""
    return before + pause(before) + spent


async def looks(
    clock: Clock, at: str, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> AsyncIterator[None]:
    """Tell when to look, for ever. What is done until the next is asked for is the look; one that leaves a withdrawal
    standing for longer than ``WITHIN`` is told in the log, with ``at``, what is looked at."""
    spent = 0.0
    while True:
        await sleep(pause(spent))
        before, began = spent, clock.monotonic_ns()
        yield
        spent = (clock.monotonic_ns() - began) / 1e9
        if reaches(before, spent) > WITHIN:
            log.warning("looking who may still be connected takes too long", at=at, seconds=round(spent, 3))
