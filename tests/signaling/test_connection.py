"""The outbox of one socket."""

from signaling.connection import MOST, Close, Connection
from signaling.messages import Durable, Pong, Replaced
from tests.signaling.rosters import START


async def test_only_the_newest_of_what_is_replaced_waits() -> None:
    """Ten durable marks in a row become one; other messages keep their order."""
    connection = Connection("en")
    connection.offer(Replaced())
    for _ in range(10):
        connection.offer(Durable(until=START))
    connection.offer(Pong(now=START))
    assert [type(m) for m in await connection.take()] == [Replaced, Durable, Pong]


async def test_who_reads_too_slowly_is_cut_off() -> None:
    """Beyond the bound nothing is kept for a reader that does not read."""
    connection = Connection("en")
    for _ in range(MOST + 1):
        connection.offer(Pong(now=START))
    assert (connection.closing, connection.waiting) == (Close.TOO_SLOW, 0)
    assert await connection.take() == []


async def test_the_first_close_code_counts_and_waits_for_what_was_said() -> None:
    """A message before the close is still sent; nothing after it is."""
    connection = Connection("en")
    connection.offer(Replaced())
    connection.close(Close.REPLACED)
    connection.close(Close.LEFT)
    connection.offer(Pong(now=START))
    assert [type(m) for m in await connection.take()] == [Replaced]
    assert connection.closing is Close.REPLACED
