"""A real Chromium with a virtual authenticator adds a passkey and signs in with it."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import async_playwright

from people import passkeys
from people.passkeys import relying_party
from tests.chromium import launch

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><script>
async function post(path, body) {
  const answer = await fetch(path, {method: "POST", body: JSON.stringify(body)});
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}
async function add() {
  const {secret, options} = await post("/add/begin", {});
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const made = await navigator.credentials.create({publicKey});
  return post("/add/finish", {secret, credential: JSON.stringify(made)});
}
async function signIn() {
  const {secret, options} = await post("/sign-in/begin", {});
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const made = await navigator.credentials.get({publicKey});
  return post("/sign-in/finish", {secret, credential: JSON.stringify(made)});
}
</script>"""


@pytest.fixture
async def address(database, clock, enter) -> AsyncIterator[str]:
    """A page of four requests around the use cases, on localhost, where browsers allow passkeys."""
    _, officer = await enter("officer")
    server = TestServer(web.Application(), host="localhost")

    def party():
        return relying_party(f"http://localhost:{server.port}", "远见")

    async def show(_request):
        return web.Response(text=PAGE, content_type="text/html")

    async def add_begin(_request):
        secret, options = await passkeys.begin_adding(database, clock, officer, party())
        return web.json_response({"secret": secret, "options": options})

    async def add_finish(request):
        await passkeys.finish_adding(database, clock, officer, party(), label="Chromium", **await request.json())
        return web.json_response({"kept": len(await passkeys.own(database, officer))})

    async def sign_in_begin(_request):
        secret, options = await passkeys.begin_sign_in(database, clock, party())
        return web.json_response({"secret": secret, "options": options})

    async def sign_in_finish(request):
        _, principal = await passkeys.finish_sign_in(database, clock, party(), **await request.json())
        return web.json_response({"person": principal.id, "roles": sorted(principal.roles)})

    server.app.router.add_get("/", show)
    for path, handler in (
        ("/add/begin", add_begin),
        ("/add/finish", add_finish),
        ("/sign-in/begin", sign_in_begin),
        ("/sign-in/finish", sign_in_finish),
    ):
        server.app.router.add_post(path, handler)
    await server.start_server()
    yield f"http://localhost:{server.port}/"
    await server.close()


async def test_chromium_signs_in_with_a_passkey(address, site):
    """Added once, used twice, without typing a name."""
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        page = await browser.new_page()
        session = await page.context.new_cdp_session(page)
        await session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        await page.goto(address)
        assert await page.evaluate("add()") == {"kept": 1}
        for _ in range(2):
            signed_in = await page.evaluate("signIn()")
            assert signed_in == {"person": site.persons["officer"], "roles": ["officer"]}
        await browser.close()
