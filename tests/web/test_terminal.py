"""A terminal over its addresses: pairing with a key of its own, proof at every start, one room, out of use at once."""

import re

import pytest
from sqlalchemy import select

from people.models import Terminal
from tests.web.device import Device, device
from tests.web.world import World


async def room_of_duty(site: World) -> str:
    found = re.search(r'<option value="(\w{22})"', (await site.get(await site.browser("duty"), "/terminals"))[1])
    assert found is not None
    return found[1]


@pytest.fixture
async def terminal(site: World) -> Device:
    """A terminal that is paired and started."""
    made = await device(site)
    await made.paired(await site.browser("duty"), await room_of_duty(site))
    return made


async def test_without_a_key_there_is_no_pairing(site: World) -> None:
    """A device that sends no key, or one that cannot be used, gets no code."""
    asked = await device(site)
    for body in ({}, {"public_key": ""}, {"public_key": "AAAA"}, {"public_key": ["x"]}, {"public_key": "x" * 5000}):
        status, answer = await asked.send("/terminal/pair", **body)
        assert (status, "code" in answer and "-" in answer["code"][4:5]) == (422, False), body


async def test_back_after_a_power_cut(terminal: Device) -> None:
    """The start's cookie is gone with the browser; the device proves itself anew and is the same terminal."""
    room = (await terminal.state())["room"]
    terminal.browser.session.cookie_jar.clear(lambda cookie: cookie.key == "yj-terminal-start")
    assert await terminal.state() == {"paired": True, "waiting": False, "start": True}
    assert await terminal.start()
    assert (await terminal.state())["room"] == room


async def test_a_copy_of_the_cookies_is_put_out_by_the_next_start(site: World, terminal: Device) -> None:
    """Whoever copies both cookies has them until the terminal starts again, and cannot start by themselves."""
    thief = await device(site)
    thief.browser.session.cookie_jar.update_cookies(
        {c.key: c.value for c in terminal.browser.session.cookie_jar}, site.server.make_url("/")
    )
    assert "room" in await thief.state()
    assert await terminal.start()
    assert "room" not in await thief.state()
    assert not await thief.start()
    assert await thief.state() == {"paired": False, "waiting": False}
    assert "room" in await terminal.state()


async def test_what_is_plugged_in_is_told_and_shown(site: World, terminal: Device) -> None:
    """The duty post reads camera, microphone, line and browser, each cut to what it may be."""
    status, _ = await terminal.send(
        "/terminal/seen", camera=True, microphone=False, network="4g" * 99, version="Mozilla/5.0 Chrome/156.0.1 <b>"
    )
    assert status == 200
    async with site.database.transaction(write=False) as tx:
        health = (await tx.execute(select(Terminal.health).where(Terminal.state == "paired"))).scalar_one()
    assert (health["camera"], health["microphone"], len(health["network"])) == (True, False, 32)
    text = (await site.get(await site.browser("duty"), "/terminals"))[1]
    assert "Chrome 156" in text
    assert "<b>" not in text.split("Chrome 156")[1][:40]


async def test_out_of_use_at_once(site: World, terminal: Device) -> None:
    """Revoked: its state is that of an unknown device, and nothing starts it again."""
    duty = await site.browser("duty")
    revoke = re.search(r"/terminals/(\w{22})/revoke", (await site.get(duty, "/terminals"))[1])
    assert revoke is not None
    assert (await site.post(duty, f"/terminals/{revoke[1]}/revoke"))[0] == 303
    assert await terminal.state() == {"paired": False, "waiting": False}
    assert (await terminal.send("/terminal/challenge"))[0] == 403
    assert (await terminal.send("/terminal/seen", camera=True))[0] == 403


async def test_who_oversees_a_tree_sees_its_terminals(site: World, terminal: Device) -> None:
    """Inspectors read the health of each by facility, administrators put one out of use; other trees see none."""
    inspector, admin, court = [await site.browser(login) for login in ("inspector", "admin", "admin-court")]
    await terminal.send("/terminal/seen", camera=True, microphone=False, network="4g", version="Chrome/156.0")
    status, text = await site.get(inspector, "/terminals")
    main = text.split("<main")[1]
    assert (status, "城东看守所" in main, "Chrome 156" in main, "<form" in main) == (200, True, True, False)
    assert "Chrome 156" not in (await site.get(court, "/terminals"))[1]
    revoke = re.search(r"/terminals/\w{22}/revoke", (await site.get(admin, "/terminals"))[1])
    assert revoke is not None
    assert (await site.post(inspector, revoke[0]))[0] == 403
    assert (await site.post(court, revoke[0]))[0] == 404
    assert (await site.post(admin, revoke[0]))[::2] == (303, "/terminals?told=revoked")
    assert "Chrome 156" not in (await site.get(admin, "/terminals?told=revoked"))[1]
    assert await terminal.state() == {"paired": False, "waiting": False}
    for login in ("officer", "lawyer", "reviewer"):
        assert (await site.get(await site.browser(login), "/terminals"))[0] == 403
