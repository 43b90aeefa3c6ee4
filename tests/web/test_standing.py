"""A download that runs ends within two seconds of its reader losing the right to it (F26)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import ClientError, web
from aiohttp.test_utils import TestClient, TestServer

from people import administration, logins, withdrawal
from people.principals import Principal
from tests.web.world import World
from web.context import CONTEXT, WebContext
from web.playback import serve


class Endless:
    """A playable file larger than anybody reads here."""

    length = 10**12
    about = type("About", (), {"media_type": "video/webm"})()

    def __init__(self) -> None:
        self.closed = asyncio.Event()

    async def chunks(self, offset: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        while True:
            yield bytes(65_536)

    def close(self) -> None:
        self.closed.set()


@pytest.fixture
async def downloading(site: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator:
    """Begin a download as the officer; with its file and the answer."""
    monkeypatch.setattr(withdrawal, "EVERY", 0.05)
    source, held = Endless(), {}

    async def handler(request: web.Request) -> web.StreamResponse:
        request["principal"] = held["principal"]
        return await serve(request, source)

    app = web.Application()
    app[CONTEXT] = WebContext(settings=site.settings, database=site.database, clock=site.clock)
    app.router.add_get("/", handler)
    client = TestClient(TestServer(app))
    await client.start_server()

    async def begin() -> tuple[Principal, Endless, object]:
        cookie = await site.cookie("officer")
        principal = await logins.authenticate(site.database, site.clock, cookie, second_factor=False)
        assert principal is not None
        held["principal"] = principal
        return principal, source, await client.get("/")

    yield begin
    await client.close()


async def read_on(answer) -> None:
    """Read until the other end closes."""
    while True:
        await answer.content.readexactly(65_536)


async def suspended(site: World, principal: Principal) -> None:
    admin = replace(await site.principal("admin"), proved=site.clock.now())
    await administration.suspend(site.database, site.clock, admin, person=principal.id)


async def signed_out(site: World, principal: Principal) -> None:
    await logins.sign_out(site.database, site.clock, principal)


async def role_taken(site: World, principal: Principal) -> None:
    from web import store

    admin = replace(await site.principal("admin"), proved=site.clock.now())
    async with site.database.transaction(write=False) as tx:
        grant = (await store.grants_of(tx, [principal.id]))[principal.id][0]
    await administration.revoke_role(site.database, site.clock, admin, grant=grant.id)


@pytest.mark.parametrize("withdraw", [suspended, signed_out, role_taken])
async def test_a_download_ends_with_the_right_to_it(site: World, downloading, withdraw) -> None:
    """Whoever reads on is cut off, however much there would be."""
    principal, source, answer = await downloading()
    await answer.content.readexactly(200_000)
    await withdraw(site, principal)
    with pytest.raises(ClientError):
        await asyncio.wait_for(read_on(answer), 30)
    await asyncio.wait_for(source.closed.wait(), 30)


async def test_a_reader_that_waits_is_cut_off_too(site: World, downloading) -> None:
    """Not reading keeps no file open."""
    principal, source, _answer = await downloading()
    await signed_out(site, principal)
    await asyncio.wait_for(source.closed.wait(), 30)


async def test_a_download_goes_on_while_nothing_is_withdrawn(site: World, downloading) -> None:
    """Also across many looks."""
    _, source, answer = await downloading()
    for _ in range(5):
        await answer.content.readexactly(200_000)
        await asyncio.sleep(0.06)
    assert not source.closed.is_set()
    answer.close()
