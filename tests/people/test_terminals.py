"""A device becomes the terminal of a room by a code that the facility's duty officer confirms."""

import pytest

from core.errors import Denied, NotFound, TooMany
from people import identities, terminals
from people.terminals import Health, Place
from tests.people.conftest import FACILITY, ROOM

PLACE = Place(room=ROOM, facility=FACILITY, label="会见室 1")


@pytest.fixture
def pair(database, clock, door, site):
    """Pair a device to a room; returns its key."""

    async def go(place=PLACE):
        pairing = await terminals.begin(database, clock, door.throttle)
        duty = await site.principal(database, "duty")
        await terminals.confirm(database, clock, door.throttle, duty, code=pairing.code, place=place)
        return await terminals.collect(database, clock, pairing.device)

    return go


async def test_a_confirmed_device_gets_its_key(database, clock, door, site):
    """Before confirmation it waits; after it, the key makes it the terminal of that room."""
    pairing = await terminals.begin(database, clock, door.throttle)
    assert await terminals.collect(database, clock, pairing.device) is None
    duty = await site.principal(database, "duty")
    typed = pairing.code.lower().replace("-", " ")
    await terminals.confirm(database, clock, door.throttle, duty, code=typed, place=PLACE)
    key = await terminals.collect(database, clock, pairing.device)
    terminal = await terminals.authenticate_terminal(database, key)
    assert (terminal.kind, terminal.room, terminal.facility, terminal.name) == ("terminal", ROOM, FACILITY, "会见室 1")
    assert terminal.roles == {"terminal"}


async def test_a_key_is_fetched_once(database, clock, door, site):
    """Whoever comes second with the same device secret begins anew."""
    pairing = await terminals.begin(database, clock, door.throttle)
    duty = await site.principal(database, "duty")
    await terminals.confirm(database, clock, door.throttle, duty, code=pairing.code, place=PLACE)
    await terminals.collect(database, clock, pairing.device)
    with pytest.raises(Denied) as caught:
        await terminals.collect(database, clock, pairing.device)
    assert caught.value.code == "pairing-over"


async def test_a_code_expires(database, clock, door, site):
    """After ten minutes neither the duty officer nor the device can use it."""
    pairing = await terminals.begin(database, clock, door.throttle)
    clock.advance(600)
    duty = await site.principal(database, "duty")
    with pytest.raises(NotFound):
        await terminals.confirm(database, clock, door.throttle, duty, code=pairing.code, place=PLACE)
    with pytest.raises(Denied):
        await terminals.collect(database, clock, pairing.device)


@pytest.mark.parametrize("who", ["officer", "admin", "lawyer", "reviewer"])
async def test_only_a_duty_officer_pairs(database, clock, door, site, who):
    """To others the room is not there and the code stays unconfirmed."""
    pairing = await terminals.begin(database, clock, door.throttle)
    principal = await site.principal(database, who)
    with pytest.raises(NotFound):
        await terminals.confirm(database, clock, door.throttle, principal, code=pairing.code, place=PLACE)
    assert await terminals.collect(database, clock, pairing.device) is None


async def test_a_room_of_another_facility_is_refused(database, clock, door, site):
    """The duty officer of one facility pairs nothing in another."""
    pairing = await terminals.begin(database, clock, door.throttle)
    duty = await site.principal(database, "duty")
    elsewhere = Place(room=ROOM, facility="g" * 22, label="会见室 1", line=(site.branch, site.bureau))
    with pytest.raises(NotFound):
        await terminals.confirm(database, clock, door.throttle, duty, code=pairing.code, place=elsewhere)


async def test_guessing_codes_is_held_back(database, clock, door, site):
    """Ten wrong codes in ten minutes and even a right one must wait."""
    pairing = await terminals.begin(database, clock, door.throttle)
    duty = await site.principal(database, "duty")
    for _ in range(10):
        with pytest.raises(NotFound):
            await terminals.confirm(database, clock, door.throttle, duty, code="2222-2222", place=PLACE)
    with pytest.raises(TooMany):
        await terminals.confirm(database, clock, door.throttle, duty, code=pairing.code, place=PLACE)


async def test_a_new_device_replaces_the_old_one_of_the_room(database, pair):
    """A room has one terminal: pairing anew puts the former out of use."""
    first = await pair()
    second = await pair()
    assert await terminals.authenticate_terminal(database, first) is None
    assert await terminals.authenticate_terminal(database, second)


async def test_a_revoked_terminal_is_out_at_once(database, clock, site, pair):
    """Its key is nobody's from the next request on, and open connections are told."""
    terminal = await terminals.authenticate_terminal(database, await pair())
    duty = await site.principal(database, "duty")
    await terminals.revoke(database, clock, duty, terminal.id)
    async with database.transaction(write=False) as tx:
        assert await identities.withdrawn(tx, clock.now(), [terminal, duty]) == {terminal, duty}
    await terminals.revoke(database, clock, duty, terminal.id)  # twice is once
    with pytest.raises(NotFound):
        await terminals.revoke(database, clock, duty, "0" * 22)


async def test_an_administrator_of_the_tree_revokes_too(database, clock, site, pair):
    """With the facility in their line; to another tree's there is no such terminal."""
    terminal = await terminals.authenticate_terminal(database, await pair())
    justice, admin = await site.principal(database, "admin.justice"), await site.principal(database, "admin")
    line = (site.branch, site.bureau)
    with pytest.raises(NotFound):
        await terminals.revoke(database, clock, justice, terminal.id, line=())
    with pytest.raises(NotFound):
        await terminals.revoke(database, clock, justice, terminal.id, line=line)
    await terminals.revoke(database, clock, admin, terminal.id, line=line)


async def test_health_is_what_the_terminal_told_last(database, clock, site, pair):
    """The duty officer sees when it was last seen and whether it has camera and microphone."""
    terminal = await terminals.authenticate_terminal(database, await pair())
    clock.advance(60)
    await terminals.seen(database, clock, terminal, Health(camera=True, microphone=False, version="x" * 500))
    listed = await terminals.of_facility(database, await site.principal(database, "duty"), FACILITY)
    assert [(t.id, t.seen, t.health["camera"], t.health["microphone"]) for t in listed] == [
        (terminal.id, clock.now(), True, False)
    ]
    assert len(listed[0].health["version"]) == 200
    with pytest.raises(Denied):
        await terminals.of_facility(database, await site.principal(database, "officer"), FACILITY)


@pytest.mark.parametrize("key", [None, "", "x" * 5000, "\x00"])
async def test_a_strange_key_is_no_terminal(database, site, key):
    """Garbage in the cookie is the same as none."""
    assert await terminals.authenticate_terminal(database, key) is None
