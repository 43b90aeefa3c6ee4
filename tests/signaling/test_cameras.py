"""Cameras of a room in a live session: where they may stand, what is told of them, their door."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from cases.kinds import KINDS, Recording
from media import commands
from people import cameras as registered
from people.cameras import View, Way, Wish
from people.terminals import Place
from signaling import events, messages
from signaling.cameras import RETRIES, Attach, Cameras, LetGo, shown, stand
from signaling.resources import Resource, Resources
from tests.signaling.acts import live_interrogation, live_visit, ready_interrogation, room_of
from tests.signaling.rosters import CLOSE, WIDE, Driver, live
from tests.signaling.world import World

SDP = {"Content-Type": "application/sdp"}


# Where they may stand


def test_only_what_is_recorded_in_the_clear_takes_a_camera_of_the_room() -> None:
    """No kind that is privileged, or of which no clear recording is made, has room for one."""
    for kind in KINDS.values():
        clear = kind.recording is Recording.CLEAR and not kind.privileged
        assert kind.takes_room_cameras is clear
    assert not KINDS["visit"].takes_room_cameras


def test_a_camera_stands_beside_its_terminal() -> None:
    """With the room's endpoint, while that may publish; in no other room, and never in a visit."""
    driver = live("interrogation")
    found = stand(driver.session, "r1")
    assert found is not None
    assert found.id == "room"
    assert stand(driver.session, "r2") is None
    assert stand(live("visit").session, "r1") is None
    alone = Driver("interrogation")
    assert stand(alone.session, "r1") is None


def test_a_camera_follows_the_rights_of_its_endpoint() -> None:
    """It stays through a hold, and after the end until the person in custody is back."""
    driver = live("interrogation")
    driver.ask("host", messages.Hold(reason="休息"))
    assert stand(driver.session, "r1") is not None
    driver.ask("host", messages.End())
    assert driver.session.awaits_return
    assert stand(driver.session, "r1") is not None
    driver.take(events.Withdrawn("room"))
    assert stand(driver.session, "r1") is None


# What is due


def due(mine: Cameras, driver: Driver, resources: Resources | None = None) -> list[Attach | LetGo]:
    return mine.due(driver.session, resources or Resources(), driver.now)


def test_a_camera_that_is_read_is_asked_for_again_ever_later() -> None:
    """After each failure the wait grows to its bound; a picture makes the next failure a first one."""
    driver, mine = live("interrogation"), Cameras()
    mine.known = (CLOSE, WIDE)
    for wait in (*RETRIES, RETRIES[-1]):
        assert [act.camera for act in due(mine, driver) if isinstance(act, Attach)] == [CLOSE]
        mine.asking(CLOSE)
        assert due(mine, driver) == []
        mine.failed(CLOSE, driver.now)
        driver.now += wait - timedelta(milliseconds=1)
        assert due(mine, driver) == []
        driver.now += timedelta(milliseconds=1)
    mine.attached(CLOSE, "room", "x1")
    mine.seen("room", "close")
    assert mine.gone("x1", driver.now) is not None
    driver.now += RETRIES[0]
    assert len(due(mine, driver)) == 1


def test_nothing_is_read_while_the_media_process_is_away() -> None:
    """Nor before the room's terminal is there."""
    driver, mine = live("interrogation"), Cameras()
    mine.known = (CLOSE,)
    driver.take(events.RelayDown())
    assert due(mine, driver) == []
    assert due(mine, Driver("interrogation")) == []


@pytest.mark.parametrize("known", [(), (replace(WIDE, proof="another"),)], ids=["out of use", "another key"])
def test_whatever_lost_its_right_is_let_go(known: tuple[Any, ...]) -> None:
    """A camera out of use, and one whose key changed, lose their resource; the same key keeps it."""
    driver, mine, resources = live("interrogation"), Cameras(), Resources()
    mine.known = (WIDE,)
    mine.attached(WIDE, "room", "x1")
    resources.add(Resource("x1", "room", "publish", "wide", "e"))
    assert due(mine, driver, resources) == []
    mine.known = known
    assert due(mine, driver, resources) == [LetGo("x1")]


def test_a_room_in_which_a_visit_begins_is_closed_to_cameras() -> None:
    """Whatever else is still open there: nothing is read, and what stands is let go."""
    driver, mine = live("interrogation"), Cameras()
    mine.known = (WIDE, CLOSE)
    mine.attached(WIDE, "room", "x1")
    mine.closed = frozenset({"r1"})
    assert due(mine, driver) == [LetGo("x1")]


def test_what_nobody_answers_for_is_let_go() -> None:
    """A stream that a process before this one took: by which key is not known any more."""
    driver, mine, resources = live("interrogation"), Cameras(), Resources()
    resources.note(commands.Connected(session="s1", endpoint="room", resource="x1", publication="wide"))
    resources.note(commands.Connected(session="s1", endpoint="room", resource="x2", publication="camera"))
    assert due(mine, driver, resources) == [LetGo("x1")]


# What is told


def test_a_view_that_goes_away_is_told_once_and_its_return_too() -> None:
    """In words to those present and in the log; a silent picture counts as away, a silent microphone does not."""
    driver = live("interrogation")
    driver.take(events.CamerasKnown((WIDE,)))
    driver.take(events.PublicationSeen("room", "wide", True))
    assert driver.logged("camera-away") == []
    for silent in (True, True, False):
        driver.take(events.TrackSilent("room", "wide", "video", silent))
    driver.take(events.TrackSilent("room", "wide", "audio", True))
    driver.take(events.PublicationSeen("room", "wide", False))
    driver.take(events.CameraAway("room", "wide"))
    told = [(e.code, e.text) for e in driver.effects if isinstance(e, events.Tell)]
    assert [code for code, _ in told if code.startswith("wide")] == ["wide-away", "wide-back", "wide-away"]
    assert told[-1][1] == "The wide view of {label} is away."
    assert driver.logged("camera-away") == [{"event": "camera-away", "endpoint": "room", "view": "wide"}] * 2


def test_those_present_see_each_camera_its_way_and_its_line() -> None:
    """There or away; the line only of one that is there; nothing of it at other endpoints or in a visit."""
    driver = live("interrogation")
    driver.take(events.CamerasKnown((CLOSE, WIDE)))
    line = messages.LineView(up_loss=0, down_loss=0, rtt_ms=None, way="rtsp")
    driver.take(events.PublicationSeen("room", "close", True))
    driver.take(events.LineSeen("room", line, "close"))
    endpoints = driver.session.presence.endpoints
    found = [(c.view, c.way, c.state, c.line) for c in shown(driver.session, endpoints["room"])]
    assert found == [("close", "rtsp", "on", line), ("wide", "whip", "away", None)]
    assert endpoints["room"].line is None
    assert shown(driver.session, endpoints["host"]) == ()
    visit = live("visit")
    visit.take(events.CamerasKnown((WIDE,)))
    assert shown(visit.session, visit.session.presence.endpoints["room"]) == ()


def test_the_sound_of_a_room_camera_is_recorded_but_not_heard() -> None:
    """Its terminal is heard already; two microphones of one room would be an echo."""
    driver = live("interrogation")
    effects = driver.take(events.PublicationSeen("room", "wide", True))
    assert events.Silence("room", "wide", "audio", True) in effects
    assert not any(isinstance(e, events.Silence) and e.kind == "video" for e in effects)


# The door


async def a_camera(world: World, session: str, view: View = View.WIDE, way: Way = Way.WHIP) -> tuple[str, str]:
    """A camera of the session's room, and its key."""
    return await camera_in(world, await room_of(world, session), view, way)


async def camera_in(world: World, room: str, view: View = View.WIDE, way: Way = Way.WHIP) -> tuple[str, str]:
    place = Place(room, "f" * 22, "讯问室")
    wish = Wish("天花板", view, way, "rtsp://name:secret@10.1.2.3/x" if way is Way.RTSP else "")
    async with world.site.db.transaction() as tx:
        return await registered.put(tx, world.clock, world.vault, place, wish, by="admin")


async def send(world: World, camera: str, key: str, data: str = "v=0\r\n", **more: Any) -> Any:
    headers = {"Authorization": f"Bearer {key}", **SDP, **more}
    return await world.client.post(f"/whip/camera/{camera}", data=data, headers=headers)


async def seen(world: World, session: str, resource: str, view: str = "wide") -> None:
    """The media process sees the first packet of a camera."""
    endpoint = world.link.resources[resource].endpoint
    world.link.emit(commands.Published(session=session, endpoint=endpoint, publication=view, kinds=("video",)))


async def drop(world: World, session: str, resource: str) -> None:
    """The media process closes a camera."""
    endpoint = world.link.resources[resource].endpoint
    world.link.emit(commands.Left(session=session, endpoint=endpoint, resource=resource, cause="failed"))


async def test_a_camera_is_published_under_its_rooms_endpoint(world: World) -> None:
    """Its offer is answered like any WHIP offer; those present see and may receive it beside the terminal."""
    session, host, room = await live_interrogation(world)
    camera, key = await a_camera(world, session)
    answer = await send(world, camera, key)
    assert answer.status == 201
    assert answer.headers["Location"].startswith("/media/")
    sent = world.link.commands_of(commands.Publish)[-1]
    assert (sent.session, sent.endpoint, sent.publication) == (session, room.welcome["endpoint"], "wide")
    await seen(world, session, answer.headers["Location"].removeprefix("/media/"))

    def there(m: dict[str, Any]) -> bool:
        return m["type"] == "view" and any("wide" in e["publications"] for e in m["endpoints"])

    view = await host.until(there)
    [there_now] = next(e for e in view["endpoints"] if e["role"] == "room")["cameras"]
    assert (there_now["view"], there_now["way"], there_now["state"]) == ("wide", "whip", "on")
    received = await world.client.post(
        f"/whep/{session}/{room.welcome['endpoint']}/wide",
        data="v=0\r\n",
        headers={"Authorization": f"Bearer {host.welcome['token']}", **SDP},
    )
    assert received.status == 201


async def test_an_encoder_can_ask_whether_its_stream_is_taken(world: World) -> None:
    """204 while it stands, 404 before and after, whatever ended it; nothing is told without the key."""
    session, _, _ = await live_interrogation(world)
    camera, key = await a_camera(world, session)

    async def asked(secret: str) -> int:
        headers = {"Authorization": f"Bearer {secret}"}
        return (await world.client.get(f"/whip/camera/{camera}", headers=headers)).status

    assert await asked(key) == 404
    resource = (await send(world, camera, key)).headers["Location"].removeprefix("/media/")
    assert await asked(key) == 204
    assert await asked("wrong") == 401
    await drop(world, session, resource)
    assert await asked(key) == 404


async def test_patch_and_delete_are_for_the_key_alone(world: World) -> None:
    """Another camera's key and an endpoint's token do not reach its resource; its own restarts and ends it."""
    session, host, _ = await live_interrogation(world)
    camera, key = await a_camera(world, session)
    _, other = await a_camera(world, session, View.CLOSE)
    at = (await send(world, camera, key)).headers["Location"]
    for wrong, status in ((other, 401), ("", 401), (host.welcome["token"], 404)):
        answer = await world.client.delete(at, headers={"Authorization": f"Bearer {wrong}"})
        assert answer.status == status
    fragment = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*", "Authorization": f"Bearer {key}"}
    assert (await world.client.patch(at, data="a=ice-ufrag:x\r\n", headers=fragment)).status == 200
    assert (await world.client.delete(at, headers={"Authorization": f"Bearer {key}"})).status == 200
    assert commands.Withdraw(resource=at.removeprefix("/media/")) in world.link.sent


async def test_an_unknown_camera_and_a_wrong_key_look_the_same(world: World) -> None:
    """401 with the same words, whether a session is open or not; after too many tries nothing is looked at."""
    session, _, _ = await live_interrogation(world)
    camera, key = await a_camera(world, session)
    answers = []
    for id_, secret in ((camera, "wrong"), ("0" * 22, key), (camera, "")):
        answer = await send(world, id_, secret)
        answers.append((answer.status, (await answer.json())["code"], (await answer.json())["text"]))
    assert len(set(answers)) == 1
    assert answers[0][:2] == (401, "camera-unknown")
    for _ in range(30):
        last = await send(world, camera, "wrong")
    assert (last.status, (await last.json())["code"]) == (429, "too-many")


async def test_before_and_after_its_session_the_encoder_is_told_when_to_ask_again(world: World) -> None:
    """No session, a session whose terminal is not there, another room's session: 503 with Retry-After."""
    session, _, _ = await live_interrogation(world)
    elsewhere, key = await camera_in(world, "q" * 22)
    answer = await send(world, elsewhere, key)
    assert (answer.status, answer.headers["Retry-After"], (await answer.json())["code"]) == (503, "5", "not-open")
    camera, key = await a_camera(world, session)
    world.live(session).take(events.EndAsked("ended-by-page", "x"))
    assert (await send(world, camera, key)).status == 201  # the custody side stays on record until the return
    await world.steps(session, *[registered_step("returned")])
    world.advance(1)
    assert (await send(world, camera, key)).status == 503


def registered_step(word: str) -> Any:
    from scheduler.models import Step

    return Step(word)


async def test_a_visit_takes_no_camera_and_says_so(world: World) -> None:
    """Whoever holds the right key is refused with the sentence; the attempt is in the log, once; nothing is read."""
    session, _, _ = await live_visit(world)
    camera, key = await a_camera(world, session)
    await a_camera(world, session, View.CLOSE, Way.RTSP)
    for _ in range(3):
        answer = await send(world, camera, key)
        assert (answer.status, (await answer.json())["code"]) == (503, "no-camera-here")
    await world.hub.rooms.look()
    world.advance(1)
    assert world.link.commands_of(commands.AttachCamera) == []
    entries = [e.public for e in world.live(session).log if e.public["event"] == "camera-refused"]
    assert [entry["camera"] for entry in entries] == [camera]


async def test_a_visit_that_begins_in_the_room_ends_its_cameras_at_once(world: World) -> None:
    """While an interrogation still waits there for the return, its encoder and its network camera are let go."""
    session, _, _ = await live_interrogation(world)
    room = await room_of(world, session)
    camera, key = await a_camera(world, session)
    resource = (await send(world, camera, key)).headers["Location"].removeprefix("/media/")
    await world.hub.rooms.look()
    assert commands.Withdraw(resource=resource) not in world.link.sent
    visit = live("visit").session
    visit.presence.endpoints["room"].room = room
    world.hub._lives["visit"] = SimpleNamespace(session=visit, cameras=SimpleNamespace(close=lambda rooms: None))  # type: ignore[assignment]
    world.hub.rooms.close_rooms()
    del world.hub._lives["visit"]
    assert commands.Withdraw(resource=resource) in world.link.sent


async def test_what_is_no_offer_is_refused(world: World) -> None:
    """An oversized body, another type, and an id of another shape, before the media process sees anything."""
    session, _, _ = await live_interrogation(world)
    camera, key = await a_camera(world, session)
    assert (await send(world, camera, key, "x" * 70_000)).status == 413
    assert (await send(world, camera, key, **{"Content-Type": "text/plain"})).status == 415
    assert (await send(world, "%00" * 22, key)).status == 401
    assert world.link.commands_of(commands.Publish) == []


@pytest.mark.parametrize("act", ["revoke", "rotate"])
async def test_a_stream_ends_with_its_key(world: World, act: str) -> None:
    """The next look at the database closes what came by a key that no longer counts; the new key is taken."""
    session, _, _ = await live_interrogation(world)
    camera, key = await a_camera(world, session)
    resource = (await send(world, camera, key)).headers["Location"].removeprefix("/media/")
    await world.hub.rooms.look()
    assert commands.Withdraw(resource=resource) not in world.link.sent
    newer = ""
    async with world.site.db.transaction() as tx:
        row = await registered.find(tx, camera)
        if act == "revoke":
            await registered.end(tx, world.clock, row, by="admin")
        else:
            newer = await registered.renew_key(tx, world.clock, row, by="admin")
    await world.hub.rooms.look()
    assert commands.Withdraw(resource=resource) in world.link.sent
    assert (await send(world, camera, key)).status == 401
    if newer:
        assert (await send(world, camera, newer)).status == 201


async def test_a_camera_is_read_while_the_session_is_open(world: World) -> None:
    """Asked for by its whole address, again after it was away, let go when it is put out of use."""
    session, host, _ = await live_interrogation(world)
    camera, _ = await a_camera(world, session, View.CLOSE, Way.RTSP)
    await world.hub.rooms.look()
    await settled(world)
    [asked] = world.link.commands_of(commands.AttachCamera)
    assert (asked.publication, asked.address) == ("close", "rtsp://name:secret@10.1.2.3/x")
    resource = next(r for r, c in world.link.resources.items() if c is asked)
    await drop(world, session, resource)
    notice = await host.a("notice", code="close-away")
    assert notice["text"]
    world.advance(RETRIES[0].total_seconds())
    await settled(world)
    assert len(world.link.commands_of(commands.AttachCamera)) == 2
    async with world.site.db.transaction() as tx:
        await registered.end(tx, world.clock, await registered.find(tx, camera), by="admin")
    await world.hub.rooms.look()
    again = next(reversed(world.link.resources))
    assert commands.Withdraw(resource=again) in world.link.sent
    said = "".join(str(entry.public) + str(entry.private) for entry in world.live(session).log)
    assert "secret" not in said
    assert "10.1.2.3" not in said


async def settled(world: World) -> None:
    """Let what was spawned run."""
    import asyncio

    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_camera_of_a_session_that_waits_is_there_from_the_lobby_on(world: World) -> None:
    """As endpoints are: sent before the start, forwarded to nobody before it."""
    session, _, _ = await ready_interrogation(world)
    camera, key = await a_camera(world, session)
    assert (await send(world, camera, key)).status == 201
    assert not any(command.on for command in world.link.commands_of(commands.Forward))


async def test_after_a_crash_encoders_come_anew(world: World) -> None:
    """By which key a running stream came is lost with the process, so it is closed and comes again with its key."""
    session, _, room = await live_interrogation(world)
    camera, key = await a_camera(world, session)
    resource = (await send(world, camera, key)).headers["Location"].removeprefix("/media/")
    endpoint = room.welcome["endpoint"]
    await world.written(session)
    await world.crash()
    world.link.emit(commands.Connected(session=session, endpoint=endpoint, resource=resource, publication="wide"))
    world.advance(1)
    assert commands.Withdraw(resource=resource) in world.link.sent
