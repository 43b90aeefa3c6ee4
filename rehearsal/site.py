"""The public HTTP of a server, as one visitor sees it: pages and forms, JSON, SDP, WebSocket, files."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiortc import RTCIceServer

from core.errors import OperatorError, PeerError
from rehearsal.pages import Form, Page
from rehearsal.peers import Answer, Exchange, Route

_TIMEOUT = aiohttp.ClientTimeout(total=30)
_HTML = {"Accept": "text/html"}
_FILE_LIMIT = 512 * 1024 * 1024


class Site:
    """One server and one visitor: the bearer of an operator's token, or a browser with cookies of its own.

    An async context manager. Every failure is a ``PeerError`` with a stable code.
    """

    def __init__(self, base: str, token: str | None = None) -> None:
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise OperatorError(f"{base}: give an address such as https://meet.example.org")
        self.base = base.rstrip("/") + "/"
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self._token = token
        self._host = parts.hostname
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        headers = {"Accept": "application/json"} | ({} if self._token else {"Origin": self.origin})
        cookies = aiohttp.CookieJar(unsafe=True)  # a server on an address without a name is a site like any other
        self._http = aiohttp.ClientSession(timeout=_TIMEOUT, headers=headers, cookie_jar=cookies)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, path: str) -> dict[str, Any]:
        """Return the JSON object at ``path``."""
        return await self._json("GET", path, None)

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send a JSON object and return the one that comes back."""
        return await self._json("POST", path, body)

    async def show(self, path: str) -> Page:
        """Open a page."""
        async with self._request("GET", path, self._token, headers=_HTML) as response:
            return await _page(response)

    async def send(self, form: Form, **values: str) -> Page:
        """Fill in and send a form; return the page it leads to."""
        typed = {**form.values, **values}
        way: dict[str, Any] = {"params": typed} if form.method == "get" else {"data": typed}
        async with self._request(form.method.upper(), form.action, self._token, headers=_HTML, **way) as response:
            return await _page(response)

    def exchange(self, url: str, bearer: str) -> Exchange:
        """How offers travel to a WHIP or WHEP address."""

        async def post(offer: str) -> Answer:
            headers = {"Content-Type": "application/sdp", "Accept": "application/sdp"}
            async with self._request("POST", url, bearer, data=offer.encode(), headers=headers) as response:
                if response.status != 201:
                    raise await _refused(response)
                place = response.headers.get("Location")
                return Answer(await response.text(), urljoin(str(response.url), place) if place else None)

        return post

    async def delete(self, url: str, bearer: str) -> None:
        """Delete a media resource; one that is gone already is as good."""
        async with self._request("DELETE", url, bearer) as response:
            if response.status >= 400 and response.status not in (404, 410):
                raise await _refused(response)

    async def download(self, url: str, target: Path) -> None:
        """Store what ``url`` gives as ``target``."""
        size = 0
        async with self._request("GET", url, self._token, headers={"Accept": "*/*"}) as response:
            if response.status != 200:
                raise await _refused(response)
            with target.open("wb") as file:
                async for piece in response.content.iter_chunked(1 << 16):
                    size += len(piece)
                    if size > _FILE_LIMIT:
                        raise PeerError("file-too-long", f"a recorded file above {_FILE_LIMIT >> 20} MB")
                    file.write(piece)

    async def socket(self, url: str) -> aiohttp.ClientWebSocketResponse:
        """Open a WebSocket as a page of the site would."""
        try:
            return await self._session.ws_connect(urljoin(self.base, url), origin=self.origin, max_msg_size=1 << 20)
        except aiohttp.WSServerHandshakeError as error:
            raise PeerError("socket-refused", f"WebSocket: HTTP {error.status}") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise PeerError("unreachable", f"WebSocket: {type(error).__name__}") from None

    def route(self, ice_servers: object) -> Route:
        """How media get out, given ``ice_servers`` of a welcome. On loopback nothing but loopback is gathered."""
        items = ice_servers if isinstance(ice_servers, list) else []
        servers = tuple(
            RTCIceServer(urls=item["urls"], username=item.get("username"), credential=item.get("credential"))
            for item in items
        )
        return Route(ice_servers=servers, addresses=_loopback(self._host))

    async def _json(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        async with self._request(method, path, self._token, json=body) as response:
            if response.status >= 400:
                raise await _refused(response)
            try:
                found = await response.json()
            except (ValueError, aiohttp.ClientError):
                found = None
            if not isinstance(found, dict):
                raise PeerError("not-json", f"{method} {response.url.path}: no JSON object came back")
            return found

    def _request(self, method: str, url: str, bearer: str | None, **more: Any) -> "_Request":
        headers = {**({"Authorization": f"Bearer {bearer}"} if bearer else {}), **more.pop("headers", {})}
        return _Request(self._session.request(method, urljoin(self.base, url), headers=headers, **more))

    @property
    def _session(self) -> aiohttp.ClientSession:
        assert self._http is not None, "use the site as a context manager"
        return self._http


class _Request:
    """A request whose network failures are ``PeerError``s."""

    def __init__(self, context: Any) -> None:
        self._context = context

    async def __aenter__(self) -> aiohttp.ClientResponse:
        try:
            response: aiohttp.ClientResponse = await self._context.__aenter__()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise PeerError("unreachable", f"the server cannot be reached: {type(error).__name__}") from None
        return response

    async def __aexit__(self, *details: Any) -> None:
        await self._context.__aexit__(*details)


async def _page(response: aiohttp.ClientResponse) -> Page:
    if response.status >= 400:
        raise PeerError(f"http-{response.status}", f"{response.method} {response.url.path}: HTTP {response.status}")
    return Page(address=response.url.raw_path_qs, text=await response.text())


async def _refused(response: aiohttp.ClientResponse) -> PeerError:
    """The server's stable code and sentence, if it sent them."""
    where = f"{response.method} {response.url.path}: HTTP {response.status}"
    try:
        body = await response.json(content_type=None)
        return PeerError(str(body["code"]), f"{where}: {body['text']}")
    except (ValueError, KeyError, TypeError, aiohttp.ClientError):
        return PeerError(f"http-{response.status}", where)


def _loopback(host: str) -> tuple[str, ...]:
    """The addresses to gather for a server at ``host``: its own when that is loopback, else aioice's choice."""
    if host == "localhost":
        return ("127.0.0.1",)
    try:
        return (host,) if ipaddress.ip_address(host).is_loopback else ()
    except ValueError:
        return ()
