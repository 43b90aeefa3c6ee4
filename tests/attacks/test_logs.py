"""Logs hold ids and fixed sentences: no secret, password, code, telephone, name or line of an SDP goes through them."""

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from media import commands
from people.cameras import View, Way
from people.models import Person
from signaling import messages
from tests.scheduler.conftest import seeded_sqlite, sqlite_site  # noqa: F401  # fixtures
from tests.signaling.acts import a_statement, live_interrogation
from tests.signaling.conftest import world  # noqa: F401  # fixture
from tests.signaling.test_cameras import a_camera, send, settled
from tests.signaling.test_whip import SDP
from tests.signaling.world import World as Doors
from tests.web.device import device
from tests.web.test_guest import ask
from tests.web.test_invitations import code_in, invite, messages_sent, secret_of
from tests.web.world import World

PHONE = "13800138000"
PASSWORDS = ("yuanjian-demo", "a wrong guess of mine")
OFFER = "v=0\r\na=ice-ufrag:Ab3d\r\na=ice-pwd:9fThisIsThePasswordOfIce77\r\na=fingerprint:sha-256 AA:BB\r\n"


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], str]]:
    """Every line of our own log and of the libraries', down to their details."""
    caplog.set_level(logging.WARNING)  # as ``core.logs`` sets third-party loggers
    with capture_logs() as entries:

        def read() -> str:
            assert entries, "nothing was logged, so nothing was tried"
            return "\n".join(map(repr, entries)) + caplog.text

        yield read


def cookies(browser) -> list[str]:
    return [cookie.value for cookie in browser.session.cookie_jar]


async def test_signing_in_inviting_and_pairing_leave_no_secret(site: World, logged) -> None:
    """Wrong and right passwords, an invitation with link, contact and codes, a terminal with key and cookies."""
    browser, phone = await site.browser(), await site.browser()
    for password in PASSWORDS:
        await site.post(browser, "/signin", login="lawyer", password=password)
    secret = secret_of((await invite(site, way="contact", contact=PHONE))[0])
    await ask(site, phone, "/i/look", secret="x" * 43)
    await ask(site, phone, "/i/code", secret=secret)
    code = code_in(messages_sent(site)[-1])
    await ask(site, phone, "/i/accept", secret=secret, me=True, code="000000")
    await ask(site, phone, "/i/accept", secret=secret, me=True, code=code)
    await site.post(browser, "/real", reference="AAAAA-BBBBB", number="031207")
    terminal = await device(site)
    duty = await site.browser("duty")
    room = re.search(r'<option value="(\w{22})"', (await site.get(duty, "/terminals"))[1])
    assert room is not None
    pairing = await terminal.code()
    await site.post(duty, "/terminals", code="AAAA-BBBB", room=room[1])
    await terminal.paired(duty, room[1])
    text = logged()
    kept = [*PASSWORDS, secret, code, PHONE, pairing, "王秀兰", "周建平", "031207"]
    for hidden in [*kept, *cookies(browser), *cookies(phone), *cookies(terminal.browser)]:
        assert hidden not in text, hidden


async def test_a_session_leaves_no_token_and_no_sdp(world: Doors, logged) -> None:  # noqa: F811  # the fixture
    """Tickets used and refused, resume secrets, media tokens, an offer that is taken and one that is not."""
    session = await a_statement(world)
    officer = await world.account("officer")
    ticket = (await world.ticket(officer, session))["ticket"]
    for _ in range(2):
        peer = await world.socket(session)
        await peer.say(messages.Hello(version=1, ticket=ticket, agent="Mozilla/5.0 (Phone of 王)"))
        await peer.ws.receive()
    peer = await world.join(officer, session)
    await peer.say(messages.NamePerson(role="witness", name="某人甲"))
    token, resume = peer.welcome["token"], peer.welcome["resume"]
    for bearer in (token, "made-up-token-of-somebody"):
        headers = {**SDP, "Authorization": f"Bearer {bearer}"}
        await world.client.post(peer.welcome["whip"] + "camera", data=OFFER, headers=headers)
        await world.client.post(peer.welcome["whip"] + "nonsense", data=OFFER, headers=headers)
    world.link.rejects = "bad-offer"
    headers = {**SDP, "Authorization": f"Bearer {token}"}
    await world.client.post(peer.welcome["whip"] + "camera", data=OFFER, headers=headers)
    text = logged()
    for hidden in (
        ticket,
        token,
        resume,
        "made-up-token",
        "ice-pwd",
        "9fThisIsThePassword",
        "Ab3d",
        "某人甲",
        "Phone of",
    ):
        assert hidden not in text, hidden


async def test_a_camera_leaves_neither_key_nor_address(world: Doors, logged) -> None:  # noqa: F811  # the fixture
    """Right and wrong keys at the door, and an address that cannot be opened, stand in no line."""
    session, _, _ = await live_interrogation(world)
    camera, key = await a_camera(world, session)
    await a_camera(world, session, View.CLOSE, Way.RTSP)
    world.link.rejects = "bad-address"
    await world.hub.rooms.look()
    for secret in (key, "made-up-key-of-somebody"):
        await send(world, camera, secret, OFFER)
    await settled(world)
    assert world.link.commands_of(commands.AttachCamera)
    for hidden in (key, "made-up-key", "name:secret", "10.1.2.3"):
        assert hidden not in logged(), hidden


async def test_a_failure_of_the_database_tells_no_values(site: World) -> None:
    """What is written down of an error holds the statement, not what was to be stored: names, numbers, hashes."""
    with pytest.raises(IntegrityError) as caught:
        async with site.database.transaction() as tx:
            await tx.execute(insert(Person).values(id="x" * 22, name="王秀兰", number="031207", organisation=None))
    assert "王秀兰" not in str(caught.value)
    assert "031207" not in str(caught.value)


def test_the_server_writes_no_addresses_down() -> None:
    """The access log, which would hold every address and its query, is off."""
    main = (Path(__file__).parents[2] / "main.py").read_text(encoding="utf-8")
    assert "access_log=None" in main
