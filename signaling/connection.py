"""One open WebSocket as the session sees it: a bounded outbox and the code it is closed with. No I/O of its own.

At most ``MOST`` messages wait; of ``View`` and ``Durable`` only the newest. Whoever reads more slowly is cut off and
comes back by its resume secret with the whole state anew.
"""

import asyncio
from enum import IntEnum

from core.texts import Texts
from signaling.messages import Durable, View

MOST = 128


class Close(IntEnum):
    """Why a socket is closed, as its close code."""

    REPLACED = 4000
    """A newer connection of the same endpoint has taken over. Do not reconnect."""
    PROTOCOL = 4001
    """Several messages could not be read, or the version is not spoken here."""
    NO_HELLO = 4002
    """The first message did not come within five seconds."""
    SENT_AWAY = 4003
    """Refused or removed by the host."""
    ENDED = 4005
    """The session is over."""
    TOO_MANY = 4006
    """More messages than an endpoint may send."""
    TOO_SLOW = 4007
    """The endpoint reads too slowly: come back by the resume secret."""
    LEFT = 4008
    """The endpoint said that it leaves."""
    UNKNOWN = 4401
    """The resume secret is not known or void: ask for a new ticket."""
    DENIED = 4403
    """Not allowed, too early, too late, ticket used: the ``Refused`` before says which."""
    LATER = 1013
    """The service cannot let anybody in right now: try again in a few seconds."""
    RESTART = 1012
    """The server restarts: come back by the resume secret."""


class Connection:
    """What waits to be sent to one endpoint, in its language."""

    def __init__(self, locale: str) -> None:
        self.texts = Texts(locale)
        self.closing: Close | None = None
        self._outbox: list[object] = []
        self._wake = asyncio.Event()

    @property
    def waiting(self) -> int:
        return len(self._outbox)

    def offer(self, message: object) -> None:
        """Have a message sent, unless the connection is closing."""
        if self.closing is not None:
            return
        if isinstance(message, View | Durable):
            self._outbox = [other for other in self._outbox if type(other) is not type(message)]
        if len(self._outbox) >= MOST:
            self._outbox.clear()
            self.close(Close.TOO_SLOW)
            return
        self._outbox.append(message)
        self._wake.set()

    def close(self, code: Close) -> None:
        """Close after what waits is sent; the first code counts."""
        if self.closing is None:
            self.closing = code
        self._wake.set()

    async def take(self) -> list[object]:
        """Wait for something to do; return the messages to send now, none when only closing is left."""
        while not self._outbox and self.closing is None:
            self._wake.clear()
            await self._wake.wait()
        taken, self._outbox = self._outbox, []
        return taken
