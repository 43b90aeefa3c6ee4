"""One synthetic participant: takes a ticket, joins, sends its code and tone, receives the others'.

It speaks the live wire as ``docs/PROTOCOL.md`` has it: JSON objects with a ``type``, numbered events, unknown members
from the server ignored.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp

from core.errors import PeerError
from rehearsal.peers import Receiving, Sending
from rehearsal.site import Site

VERSION = 1
PING_SECONDS = 5.0
STEP_SECONDS = 30.0
"""How long any single step may take before it counts as missing."""


class Participant:
    """An endpoint of ``session``. ``number`` (from 1) is what its picture and sound say.

    Use: ``join``, ``publish``, ``receive`` or ``receive_everyone``, ``act``, ``until``; then ``leave``, ``close``.
    """

    def __init__(self, site: Site, session: str, number: int, ticket: Mapping[str, Any] | None = None) -> None:
        """``ticket`` is what the request for a ticket says: by default which of an operator's participants it is;
        ``{}`` for whoever the site's cookies are."""
        self.site, self.session, self.number = site, session, number
        self._ticket = {"participant": number} if ticket is None else dict(ticket)
        self.welcome: dict[str, Any] = {}
        self.view: dict[str, Any] = {}
        """The newest view of the session; empty before the first."""
        self.ended: dict[str, Any] | None = None
        self.durable: str | None = None
        """Instant up to which the record is on disk, as the server last said."""
        self.refusals: list[dict[str, Any]] = []
        self.joined_ms = 0.0
        """From asking for the ticket to the first view."""
        self.live_at: float | None = None
        """Monotonic seconds when the session was first seen live."""
        self.sending: Sending | None = None
        self.receptions: dict[tuple[str, str], Receiving] = {}
        """What is received, by endpoint and publication."""
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._news = asyncio.Condition()
        self._gone = False

    @property
    def endpoint(self) -> str:
        """Id of this endpoint in the session."""
        return str(self.welcome["endpoint"])

    @property
    def state(self) -> str:
        """State of the session as last seen; empty before the first view."""
        return str(self.view.get("state", ""))

    async def join(self) -> None:
        """Trade a ticket for a place in the session; returns with the first view. Raises ``PeerError``."""
        began = time.monotonic()
        ticket = await self.site.post(f"live/{self.session}/ticket", self._ticket)
        self._socket = await self.site.socket(str(ticket["socket"]))
        await self.act("hello", version=VERSION, ticket=ticket["ticket"], agent="rehearsal")
        self._tasks = [asyncio.create_task(self._listen(self._socket)), asyncio.create_task(self._ping())]
        await self.until(lambda: bool(self.welcome and self.view), "a welcome and a view")
        self.joined_ms = 1000 * (time.monotonic() - began)

    async def act(self, kind: str, /, **members: Any) -> None:
        """Send one message of the live wire."""
        assert self._socket is not None
        try:
            await self._socket.send_str(json.dumps({"type": kind, **members}, ensure_ascii=False))
        except (aiohttp.ClientError, ConnectionError):
            raise PeerError("connection-lost", f"participant {self.number}: the WebSocket is closed") from None

    async def until(self, condition: Callable[[], bool], what: str, seconds: float = STEP_SECONDS) -> None:
        """Wait for news that make ``condition`` true; else ``PeerError`` ``missing`` naming ``what``."""
        try:
            async with asyncio.timeout(seconds), self._news:
                while not condition():
                    if self._gone:
                        raise PeerError("connection-lost", self._story(what))
                    await self._news.wait()
        except TimeoutError:
            raise PeerError("missing", self._story(what)) from None

    async def publish(self, publication: str = "camera", *, light: bool = False) -> None:
        """Send picture and sound as soon as the session allows it; returns when connected."""
        await self.until(lambda: bool(self.view["rights"]["publish"]), "the right to publish")
        url = str(self.welcome["whip"]) + publication
        exchange = self.site.exchange(url, str(self.welcome["token"]))
        route = self.site.route(self.welcome.get("ice_servers"))
        self.sending = Sending(exchange, self.number, route, light=light)
        await self.sending.open()

    async def receive(self, endpoint: str, publication: str = "camera") -> Receiving:
        """Receive one publication of another endpoint; returns when connected."""
        url = f"{self.welcome['whep']}{endpoint}/{publication}"
        exchange = self.site.exchange(url, str(self.welcome["token"]))
        while True:
            reception = Receiving(exchange, self.site.route(self.welcome.get("ice_servers")))
            self.receptions[endpoint, publication] = reception
            try:
                await reception.open()
                return reception
            except PeerError as error:
                await reception.close()
                if error.code != "no-publication":  # the publisher is just reconnecting: try again at the next view
                    raise
            await self._next_view(f"{endpoint} publishing again")

    async def receive_everyone(self, count: int, publication: str = "camera") -> None:
        """Receive ``count`` other endpoints, each as soon as it can be received; returns when all are connected."""
        opening: set[asyncio.Task[Receiving]] = set()
        try:
            while len(opening) < count:
                await self.until(lambda: bool(self._unreceived(publication)), "the other endpoints' publications")
                for endpoint in self._unreceived(publication):
                    opening.add(asyncio.create_task(self.receive(endpoint, publication)))
                await asyncio.sleep(0)  # each task registers its reception before the next look
            await asyncio.gather(*opening)
        finally:
            for task in opening:
                task.cancel()

    async def leave(self) -> None:
        """Give back all media resources and leave the session for good."""
        for peer in self._peers():
            if peer.resource:
                await self.site.delete(peer.resource, str(self.welcome["token"]))
        await self.act("leave")

    async def close(self) -> None:
        """Drop every connection without a word; may be called at any time, more than once."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._socket is not None:
            await self._socket.close()
        await asyncio.gather(*(peer.close() for peer in self._peers()))

    async def _next_view(self, what: str) -> None:
        number = self.view["number"]
        await self.until(lambda: bool(self.view["number"] != number), what)

    def _peers(self) -> list[Sending | Receiving]:
        return [*([self.sending] if self.sending else []), *self.receptions.values()]

    def _unreceived(self, publication: str) -> list[str]:
        if not self.view["rights"]["subscribe"]:
            return []
        return [
            item["id"]
            for item in self.view["endpoints"]
            if item["id"] != self.endpoint
            and publication in item["publications"]
            and (item["id"], publication) not in self.receptions
        ]

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        try:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._take(json.loads(message.data))
                    await self._tell()
        finally:
            self._gone = True
            await self._tell()

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    def _take(self, item: dict[str, Any]) -> None:
        match item.get("type"):
            case "welcome":
                self.welcome = item
            case "view":
                self.view = item
                if item["state"] == "live" and self.live_at is None:
                    self.live_at = time.monotonic()
            case "durable":
                self.durable = item["until"]
            case "ended":
                self.ended = item
            case "refused":
                self.refusals.append(item)

    async def _ping(self) -> None:
        while not self._gone:
            await asyncio.sleep(PING_SECONDS)
            with contextlib.suppress(PeerError):
                await self.act("ping")

    def _story(self, what: str) -> str:
        refused = f"; refused: {self.refusals[-1]['code']}" if self.refusals else ""
        state = self.state or "none"
        return f"participant {self.number} waited in vain for {what} (state {state}{refused})"
