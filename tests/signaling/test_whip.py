"""Media over HTTP: who may publish and receive what, and what bad requests get."""

from typing import Any

import pytest

from media import commands
from signaling import messages
from tests.signaling.acts import a_rehearsal, a_statement, live_interrogation, live_rehearsal, live_visit
from tests.signaling.world import Peer, World

SDP = {"Content-Type": "application/sdp"}


async def post(world: World, path: str, token: str, **more: Any) -> Any:
    headers = {**SDP, "Authorization": f"Bearer {token}", **more.pop("headers", {})}
    return await world.client.post(path, data=more.pop("data", "v=0\r\n"), headers=headers)


async def publish(world: World, peer: Peer, publication: str = "camera") -> Any:
    return await post(world, peer.welcome["whip"] + publication, peer.welcome["token"])


async def receive(world: World, peer: Peer, source: str, publication: str = "camera") -> Any:
    return await post(world, f"{peer.welcome['whep']}{source}/{publication}", peer.welcome["token"])


async def code(answer: Any) -> tuple[int, str]:
    assert answer.content_type == "application/problem+json"
    return answer.status, (await answer.json())["code"]


async def test_publishing_from_the_waiting_room(world: World) -> None:
    """201 with answer, Location and ETag; the relay learns endpoint, role and offer."""
    session = await a_statement(world)
    host = await world.join(await world.account("officer"), session)
    answer = await publish(world, host)
    assert (answer.status, answer.content_type, await answer.text()) == (201, "application/sdp", "v=0\r\n")
    assert answer.headers["Location"].startswith("/media/")
    assert answer.headers["ETag"]
    sent = world.link.commands_of(commands.Publish)[0]
    assert (sent.session, sent.endpoint, sent.role, sent.offer) == (
        session,
        host.welcome["endpoint"],
        "officer",
        "v=0\r\n",
    )


async def test_what_is_published_is_listed_and_received(world: World) -> None:
    """A publication is listed for admitted viewers as soon as its first packet came, and can be received then."""
    session, token = await a_rehearsal(world)
    host, other = await live_rehearsal(world, session, token)
    await publish(world, host)
    me = host.welcome["endpoint"]
    world.link.emit(commands.Published(session=session, endpoint=me, publication="camera", kinds=("audio", "video")))
    await other.until(
        lambda m: m["type"] == "view" and any(e["id"] == me and e["publications"] == ["camera"] for e in m["endpoints"])
    )
    answer = await receive(world, other, me)
    assert answer.status == 201
    assert world.link.commands_of(commands.Subscribe)[0].source == me


async def test_a_waiting_endpoint_receives_nothing(world: World) -> None:
    """Before the host admits, nobody's picture can be asked for."""
    session, token = await a_rehearsal(world)
    host = await world.join(token, session, 1)
    other = await world.join(token, session, 2)
    await publish(world, host)
    assert await code(await receive(world, other, host.welcome["endpoint"])) == (403, "may-not-receive")
    assert await code(await receive(world, host, other.welcome["endpoint"])) == (409, "no-publication")
    assert not world.link.commands_of(commands.Subscribe), "the relay is not even asked"


async def test_nobody_receives_themselves_or_a_stranger(world: World) -> None:
    """Own and unknown endpoints are not there to be received."""
    session, token = await a_rehearsal(world)
    host, _ = await live_rehearsal(world, session, token)
    for source in (host.welcome["endpoint"], "0" * 22):
        assert await code(await receive(world, host, source)) == (409, "no-publication")


async def test_only_camera_and_screen_are_names(world: World) -> None:
    """Anything else is not found; the relay is not asked."""
    host = await world.join(await world.account("officer"), await a_statement(world))
    assert await code(await publish(world, host, "room")) == (404, "no-such-publication")
    assert not world.link.commands_of(commands.Publish)


async def test_a_room_never_shares_a_screen(world: World) -> None:
    """Screen share is for those the kind names."""
    _, host, room = await live_interrogation(world)
    assert await code(await publish(world, room, "screen")) == (403, "may-not-publish")
    assert (await publish(world, host, "screen")).status == 201


async def test_the_duty_post_of_a_visit_neither_sends_nor_receives(world: World) -> None:
    """Presence and time, never picture or sound."""
    session, lawyer, _ = await live_visit(world)
    post_ = await world.join(await world.account("duty"), session)
    assert await code(await publish(world, post_)) == (403, "may-not-publish")
    assert await code(await receive(world, post_, lawyer.welcome["endpoint"])) == (403, "may-not-receive")


async def test_a_token_belongs_to_one_session_and_ends_with_its_endpoint(world: World) -> None:
    """No token, a foreign one, and that of who was removed: 401."""
    session, token = await a_rehearsal(world)
    other = await a_statement(world)
    host, second = await live_rehearsal(world, session, token)
    path = host.welcome["whip"] + "camera"
    assert await code(await post(world, path, "x" * 43)) == (401, "no-token")
    assert await code(await world.client.post(path, data="v=0", headers=SDP)) == (401, "no-token")
    assert await code(await post(world, f"/whip/{other}/camera", host.welcome["token"])) == (401, "no-token")
    await host.say(messages.Eject(endpoint=second.welcome["endpoint"], reason="disturbance"))
    assert await second.closed() == 4003
    assert await code(await publish(world, second)) == (401, "no-token")
    assert world.link.commands_of(commands.Remove)[-1].endpoint == second.welcome["endpoint"]


async def test_an_older_token_still_works_after_a_reconnect(world: World) -> None:
    """A request on its way during a reconnect is not refused."""
    session = await a_statement(world)
    host = await world.join(await world.account("officer"), session)
    back = await world.come_back(session, host.welcome["resume"])
    await back.a("view")
    assert (await publish(world, host)).status == 201
    assert (await publish(world, back)).status == 201


@pytest.mark.parametrize(
    ("rejected", "expected"),
    [
        ("bad-sdp", (400, "bad-sdp")),
        ("no-codec", (406, "no-codec")),
        ("no-session", (404, "no-session")),
        ("limit", (503, "limit")),
        ("overloaded", (503, "overloaded")),
    ],
)
async def test_what_the_relay_rejects(world: World, rejected: str, expected: tuple[int, str]) -> None:
    """Each rejection is a status, a stable code and a sentence."""
    host = await world.join(await world.account("officer"), await a_statement(world))
    world.link.rejects = rejected
    assert await code(await publish(world, host)) == expected


async def test_a_session_the_relay_had_no_room_for_is_opened_again(world: World) -> None:
    """It refused to open the session before: the next publication asks it once more."""
    host = await world.join(await world.account("officer"), await a_statement(world))
    world.link.sent.clear()
    world.link.rejects = "overloaded"
    assert await code(await publish(world, host)) == (503, "overloaded")
    kinds = [type(command).__name__ for command in world.link.sent]
    assert kinds == ["Publish", "OpenSession", "Publish"]


async def test_a_relay_that_is_away_is_a_503(world: World) -> None:
    """The media process is down: try again."""
    host = await world.join(await world.account("officer"), await a_statement(world))
    world.link.up = False
    assert await code(await publish(world, host)) == (503, "media-away")


async def test_bodies_are_bounded_and_of_the_right_type(world: World) -> None:
    """Other types 415, more than 64 kB 413, not UTF-8 400."""
    host = await world.join(await world.account("officer"), await a_statement(world))
    path, token = host.welcome["whip"] + "camera", host.welcome["token"]
    wrong = await post(world, path, token, headers={"Content-Type": "application/json"})
    assert await code(wrong) == (415, "content-type")
    assert await code(await post(world, path, token, data="x" * 70_000)) == (413, "too-large")
    assert await code(await post(world, path, token, data=b"\xff\xfe")) == (400, "bad-sdp")


async def test_restart_and_delete_of_a_resource(world: World) -> None:
    """PATCH wants If-Match; DELETE withdraws; both only by the resource's own endpoint."""
    session, token = await a_rehearsal(world)
    host, other = await live_rehearsal(world, session, token)
    made = await publish(world, host)
    where, etag = made.headers["Location"], made.headers["ETag"]
    mine = {"Authorization": f"Bearer {host.welcome['token']}", "Content-Type": "application/trickle-ice-sdpfrag"}
    fragment = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
    assert await code(await world.client.patch(where, data=fragment, headers=mine)) == (428, "if-match")
    stale = await world.client.patch(where, data=fragment, headers={**mine, "If-Match": '"old"'})
    assert await code(stale) == (412, "etag")
    candidates = await world.client.patch(where, data="a=candidate:1\r\n", headers={**mine, "If-Match": etag})
    assert candidates.status == 204
    done = await world.client.patch(where, data=fragment, headers={**mine, "If-Match": etag})
    assert (done.status, done.content_type) == (200, "application/trickle-ice-sdpfrag")
    theirs = {"Authorization": f"Bearer {other.welcome['token']}"}
    assert await code(await world.client.delete(where, headers=theirs)) == (404, "no-resource")
    assert (await world.client.delete(where, headers=mine)).status == 200
    assert await code(await world.client.delete(where, headers=mine)) == (404, "no-resource")
    assert len(world.link.commands_of(commands.Withdraw)) == 1


async def test_the_echo_needs_somebody_and_runs_once_per_person(world: World) -> None:
    """Nobody is refused; a second check ends the first; only its owner ends one."""
    officer = {"X-As": await world.account("officer"), **SDP}
    lawyer = {"X-As": await world.account("lawyer")}
    assert (await world.client.post("/echo", data="v=0", headers=SDP)).status == 403
    first = await world.client.post("/echo", data="v=0", headers=officer)
    second = await world.client.post("/echo", data="v=0", headers=officer)
    assert (first.status, second.status) == (201, 201)
    assert len(world.link.commands_of(commands.Withdraw)) == 1
    where = second.headers["Location"]
    assert (await world.client.delete(where, headers=lawyer)).status == 401
    assert (await world.client.delete(where, headers=officer)).status == 200


async def test_an_inactive_line_of_a_required_person_holds(world: World) -> None:
    """Media silent for eight seconds: whoever sits there is not here, whatever the socket says."""
    session, host, room = await live_interrogation(world)
    made = await publish(world, room)
    resource = made.headers["Location"].rsplit("/", 1)[1]
    me = room.welcome["endpoint"]
    world.link.emit(commands.Inactive(session=session, endpoint=me, resource="another"))
    world.link.emit(commands.Inactive(session=session, endpoint=me, resource=resource))
    view = await host.a("view", state="held")
    assert view["reason"] == "person-missing"
    world.link.emit(commands.Active(session=session, endpoint=me, resource=resource))
    await host.until(lambda m: m["type"] == "view" and not m["missing"])


async def test_a_lost_camera_of_the_custody_side_is_an_alarm(world: World) -> None:
    """The relay sees no packets: an alarm for everybody and an entry of the log, whatever the endpoint says."""
    session, host, room = await live_interrogation(world)
    me = room.welcome["endpoint"]
    await room.say(messages.Device(kind="video", state="off"))
    assert (await room.a("refused"))["code"] == "mute-forbidden"
    world.link.emit(commands.TrackSilent(session=session, endpoint=me, publication="camera", kind="video", silent=True))
    assert (await host.a("notice", level="alarm"))["code"] == "video-lost"
    view = await host.a("view")
    assert next(e for e in view["endpoints"] if e["id"] == me)["video"] == "lost"


async def test_muting_where_it_is_allowed_silences_the_route(world: World) -> None:
    """The relay stops forwarding that sound; the others see it is off."""
    session, token = await a_rehearsal(world)
    host, other = await live_rehearsal(world, session, token)
    await other.say(messages.Device(kind="audio", state="off"))
    me = other.welcome["endpoint"]
    await host.until(
        lambda m: m["type"] == "view" and any(e["id"] == me and e["audio"] == "off" for e in m["endpoints"])
    )
    silenced = world.link.commands_of(commands.Silence)[-1]
    assert (silenced.endpoint, silenced.kind, silenced.on) == (me, "audio", True)


async def test_a_small_tile_asks_for_the_small_layer(world: World) -> None:
    """The wish reaches the relay for the newest subscription; one for what is not received is no news to anybody."""
    session, token = await a_rehearsal(world)
    host, other = await live_rehearsal(world, session, token)
    me = host.welcome["endpoint"]
    await publish(world, host)
    world.link.emit(commands.Published(session=session, endpoint=me, publication="camera", kinds=("audio", "video")))
    await other.say(messages.Prefer(endpoint=me, publication="camera", size="small"))  # nothing is received yet
    for _ in range(2):
        resource = (await receive(world, other, me)).headers["Location"].removeprefix("/media/")
    for wish in (("camera", "small"), ("screen", "small"), ("camera", "large")):
        await other.say(messages.Prefer(endpoint=me, publication=wish[0], size=wish[1]))
    await other.say(messages.Prefer(endpoint=other.welcome["endpoint"], publication="camera", size="small"))
    await host.say(messages.Prefer(endpoint="nobody", publication="camera", size="small"))
    for peer in (host, other):
        await peer.say(messages.Ping())
        await peer.a("pong")
        assert peer.of("refused") == []
    sent = world.link.commands_of(commands.Prefer)
    assert [(c.resource, c.layer) for c in sent] == [(resource, "small"), (resource, "large")]
