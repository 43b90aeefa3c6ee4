"""Cameras of a room: added, shown their key once, given another, put out of use, by whoever may."""

import pytest
from sqlalchemy import select

from core.errors import Conflict, Invalid, NotFound
from core.ids import hash_secret
from core.ledger import Entry
from core.vault import Purpose
from people import cameras, resealing
from people.cameras import View, Way, Wish
from people.models import RoomCamera
from people.terminals import Place
from tests.people.conftest import FACILITY, ROOM

WIDE = Wish("天花板", View.WIDE, Way.WHIP)
ADDRESS = "rtsp://admin:secret@10.1.2.3/live?key=abc"
READ = Wish("墙上", View.CLOSE, Way.RTSP, ADDRESS)


@pytest.fixture
def place(site):
    """The room of the small site's facility, with the organisations above it."""
    return Place(room=ROOM, facility=FACILITY, label="讯问室 1", line=(site.branch, site.bureau))


@pytest.fixture
async def duty(database, site):
    return await site.principal(database, "duty")


async def test_a_key_is_known_by_its_hash_alone(database, clock, vault, place, duty):
    """The right key is the camera; a wrong one, one of nobody and an empty one are all the same."""
    camera, key = await cameras.add(database, clock, vault, duty, place, WIDE)
    found = await cameras.authenticate(database, camera, key)
    assert (found.id, found.room, found.view, found.way) == (camera, ROOM, View.WIDE, Way.WHIP)
    for wrong in (key[:-1], "", key + "x"):
        assert await cameras.authenticate(database, camera, wrong) is None
    assert await cameras.authenticate(database, "0" * 22, key) is None
    async with database.transaction(write=False) as tx:
        row = (await tx.execute(select(RoomCamera))).scalar_one()
        entries = [entry.tag for entry in (await tx.execute(select(Entry))).scalars()]
    assert (row.key, row.address) == (hash_secret(key), None)
    assert entries[-1] == "camera.added"


async def test_a_new_key_ends_the_old_one(database, clock, vault, place, duty):
    """Only the newest key counts, and none once the camera is out of use; its view is free again then."""
    camera, key = await cameras.add(database, clock, vault, duty, place, WIDE)
    newer = await cameras.rotate(database, clock, duty, place, camera)
    assert await cameras.authenticate(database, camera, key) is None
    assert await cameras.authenticate(database, camera, newer) is not None
    await cameras.revoke(database, clock, duty, place, camera)
    assert await cameras.authenticate(database, camera, newer) is None
    with pytest.raises(NotFound):
        await cameras.rotate(database, clock, duty, place, camera)
    await cameras.add(database, clock, vault, duty, place, WIDE)
    assert len(await cameras.of_room(database, duty, place)) == 1


async def test_a_room_has_one_camera_of_each_view(database, clock, vault, place, duty):
    """A second wide one is refused; a close one stands beside it; another room is another matter."""
    await cameras.add(database, clock, vault, duty, place, WIDE)
    with pytest.raises(Conflict) as caught:
        await cameras.add(database, clock, vault, duty, place, WIDE)
    assert caught.value.code == "view-taken"
    await cameras.add(database, clock, vault, duty, place, READ)
    await cameras.add(database, clock, vault, duty, Place("q" * 22, FACILITY, "讯问室 2", place.line), WIDE)
    assert [row.view for row in await cameras.of_room(database, duty, place)] == ["close", "wide"]


async def test_an_address_is_sealed_and_shown_masked(database, clock, vault, place, duty):
    """Neither password nor path stand readable in the table; a rotated sealing key still opens it."""
    camera, key = await cameras.add(database, clock, vault, duty, place, READ)
    assert key == ""
    await resealing.rotate(database, clock, vault, Purpose.SEAL)
    async with database.transaction(write=False) as tx:
        row = await cameras.find(tx, camera)
    assert row.shown == "rtsp://10.1.2.3:554/…"
    assert not any(part in f"{row.address} {row.shown}" for part in ("secret", "abc", "admin"))
    assert cameras.address_of(vault, cameras.known(row)) == ADDRESS
    await cameras.readdress(database, clock, vault, duty, place, camera, "rtsp://10.1.2.4/x")
    async with database.transaction(write=False) as tx:
        assert cameras.address_of(vault, cameras.known(await cameras.find(tx, camera))) == "rtsp://10.1.2.4/x"


@pytest.mark.parametrize(
    "address", ["", "http://10.0.0.1/", "rtsp://127.0.0.1/", "rtsp://169.254.169.254/", "rtsp://[::1]/", "rtsp://a@b@c"]
)
async def test_an_address_that_may_not_be_opened_is_refused(database, clock, vault, place, duty, address):
    """What is no RTSP address, and what lies on this machine or its links, is never stored."""
    with pytest.raises(Invalid) as caught:
        await cameras.add(database, clock, vault, duty, place, Wish("x", View.WIDE, Way.RTSP, address))
    assert caught.value.field == "address"
    assert await cameras.of_room(database, duty, place) == []


async def test_named_networks_decide(database, clock, vault, place, duty):
    """With networks of cameras configured only these are taken."""
    networks = ("10.20.0.0/16",)
    with pytest.raises(Invalid):
        await cameras.add(database, clock, vault, duty, place, READ, networks)
    wish = Wish("x", View.WIDE, Way.RTSP, "rtsp://10.20.0.9/x")
    await cameras.add(database, clock, vault, duty, place, wish, networks)


@pytest.mark.parametrize("who", ["officer", "lawyer", "reviewer"])
async def test_only_who_runs_the_place_has_cameras_to_manage(database, clock, vault, place, site, duty, who):
    """Everybody else is refused, to add, renew, read at another address and put out of use."""
    camera, _ = await cameras.add(database, clock, vault, duty, place, WIDE)
    other = await site.principal(database, who)
    for attempt in (
        cameras.add(database, clock, vault, other, place, READ),
        cameras.rotate(database, clock, other, place, camera),
        cameras.readdress(database, clock, vault, other, place, camera, ADDRESS),
        cameras.revoke(database, clock, other, place, camera),
        cameras.of_room(database, other, place),
    ):
        with pytest.raises(NotFound):
            await attempt


async def test_an_administrator_of_the_tree_manages_them_too(database, clock, vault, place, site):
    """The line of the facility decides; a facility of nobody's line stays closed, and so does a room it is not in."""
    admin = await site.principal(database, "admin")
    camera, _ = await cameras.add(database, clock, vault, admin, place, WIDE)
    with pytest.raises(NotFound):
        await cameras.add(database, clock, vault, admin, Place(ROOM, FACILITY, "x", ("z" * 22,)), READ)
    with pytest.raises(NotFound):
        await cameras.revoke(database, clock, admin, Place("q" * 22, FACILITY, "x", place.line), camera)
