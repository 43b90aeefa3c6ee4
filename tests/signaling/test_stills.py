"""The door for still pictures: only the guest who agreed, for this session, each part once, a picture, in time."""

import asyncio
import hashlib
from typing import Any

import pytest
from sqlalchemy import select

from core.vault import Vault
from people.models import IdentityStill
from signaling import messages
from signaling.jpeg import LARGEST
from tests.signaling.acts import a_rehearsal, live_visit, stills_asked
from tests.signaling.test_jpeg import jpeg
from tests.signaling.world import Peer, World

PICTURE = jpeg()


async def agreed(world: World) -> tuple[str, Peer, Peer]:
    """A statement whose guest has agreed to still pictures."""
    session, host, guest = await stills_asked(world)
    await guest.say(messages.AnswerStills(request="s1", consent=True))
    await guest.until(lambda m: m["type"] == "view" and m["stills"] and m["stills"]["state"] == "granted")
    return session, host, guest


async def send(
    world: World,
    session: str,
    peer: Peer | None,
    part: str = "face",
    *,
    data: bytes = PICTURE,
    request: str = "s1",
    kind: str = "image/jpeg",
) -> tuple[int, dict[str, Any]]:
    headers = {"Content-Type": kind}
    if peer is not None:
        headers["Authorization"] = f"Bearer {peer.welcome['token']}"
    answer = await world.client.post(f"/live/{session}/stills/{request}/{part}", data=data, headers=headers)
    return answer.status, await answer.json()


async def kept(world: World) -> list[IdentityStill]:
    async with world.site.db.transaction(write=False) as tx:
        return list((await tx.execute(select(IdentityStill))).scalars())


async def test_two_pictures_are_sealed_and_told_to_the_host(world: World) -> None:
    """What is stored opens only with the site's key, has the digest of the log, and goes after the set time."""
    session, host, guest = await agreed(world)
    for part in ("face", "document"):
        status, said = await send(world, session, guest, part)
        assert status == 201, said
    view = await host.until(lambda m: m["type"] == "view" and m["identity"] and m["identity"][0]["stills"] == "sent")
    rows = await kept(world)
    assert view["identity"][0]["pictures"] == [row.id for row in sorted(rows, key=lambda row: row.part, reverse=True)]
    vault = Vault(world.settings.secrets)
    vault.ensure(world.clock.now())
    for row in rows:
        plain = vault.unseal(str(row.picture), f"identity-still:{row.id}")
        assert hashlib.sha256(plain).hexdigest() == row.digest
        assert PICTURE[:200].hex() not in str(row.picture)
        assert (row.due - row.taken).total_seconds() == world.settings.still_hours * 3600
    logged = [e.public for e in world.live(session).log if e.public["event"] == "still-kept"]
    assert {e["digest"] for e in logged} == {row.digest for row in rows}


async def test_nobody_else_sends_in_the_guests_place(world: World) -> None:
    """No token, the host's, one of another session, in either session, another request: nothing is kept."""
    session, host, guest = await agreed(world)
    other, token = await a_rehearsal(world)
    stranger = await world.join(token, other, 1)
    assert (await send(world, session, None))[0] == 401
    assert (await send(world, session, stranger))[0] == 401
    assert (await send(world, other, guest))[0] == 401
    assert (await send(world, other, stranger))[1]["code"] == "no-request"
    assert (await send(world, session, host))[1]["code"] == "no-request"
    assert (await send(world, session, guest, request="s2"))[1]["code"] == "no-request"
    assert (await send(world, session, guest, "passport"))[1]["code"] == "no-request"
    assert await kept(world) == []


async def test_without_consent_nothing_is_taken(world: World) -> None:
    """Asked but not answered, refused, withdrawn: refused each time."""
    session, host, guest = await stills_asked(world)
    assert (await send(world, session, guest))[1]["code"] == "not-granted"
    await guest.say(messages.AnswerStills(request="s1", consent=False))
    await host.a("notice", code="stills-refused")
    assert (await send(world, session, guest))[1]["code"] == "not-granted"
    assert await kept(world) == []


async def test_a_picture_is_sent_once(world: World) -> None:
    """Sent again, one after the other or at the same time, exactly one is kept."""
    session, _, guest = await agreed(world)
    answers = await asyncio.gather(*(send(world, session, guest) for _ in range(4)))
    assert sorted(status for status, _ in answers) == [201, 409, 409, 409]
    assert (await send(world, session, guest))[1]["code"] == "already-sent"
    assert len(await kept(world)) == 1


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        (b"<html><script>alert(1)</script>", "image/jpeg", 422),
        (PICTURE + b"PK\x03\x04", "image/jpeg", 422),
        (b"GIF89a" + PICTURE, "image/jpeg", 422),
        (PICTURE, "image/svg+xml", 415),
        (PICTURE, "text/html", 415),
        (PICTURE + b"\x00" * LARGEST, "image/jpeg", 413),
    ],
)
async def test_hostile_content_is_refused(world: World, data: bytes, kind: str, status: int) -> None:
    """Polyglots, other types and too many bytes leave nothing behind; a real picture can still follow."""
    session, _, guest = await agreed(world)
    assert (await send(world, session, guest, data=data, kind=kind))[0] == status
    assert await kept(world) == []
    assert (await send(world, session, guest))[0] == 201


async def test_nothing_comes_after_the_end(world: World) -> None:
    """Once the session is over the token is void or the picture not wanted."""
    session, host, guest = await agreed(world)
    await host.say(messages.End(reason="完"))
    await guest.a("ended")
    assert (await send(world, session, guest))[0] in (401, 409)
    assert await kept(world) == []


async def test_nobody_pictures_anybody_in_a_visit(world: World) -> None:
    """Neither the lawyer's nor the terminal's token opens the door, whatever the request is called."""
    session, lawyer, room = await live_visit(world)
    for peer in (lawyer, room):
        assert (await send(world, session, peer))[1]["code"] == "no-request"
    assert await kept(world) == []


async def test_a_restart_forgets_no_consent(world: World) -> None:
    """After a crash of the web process the guest goes on where they were; what was sent is not taken twice."""
    session, _, guest = await agreed(world)
    assert (await send(world, session, guest))[0] == 201
    await world.written(session)
    await world.crash()
    again = await world.come_back(session, guest.welcome["resume"])
    view = await again.a("view")
    assert view["stills"]["sent"] == ["face"]
    assert (await send(world, session, again))[1]["code"] == "already-sent"
    assert (await send(world, session, again, "document"))[0] == 201
