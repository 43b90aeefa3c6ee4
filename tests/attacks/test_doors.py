"""The doors of live sessions: every role before a session that is not theirs, and every message before the hello."""

from signaling import messages
from signaling.connection import Close
from signaling.messages import FROM_ENDPOINT, ClientMessage
from tests.attacks.test_messages import asked, session
from tests.scheduler.conftest import seeded_sqlite  # noqa: F401  # fixture
from tests.signaling.acts import a_statement, a_visit, an_interrogation
from tests.signaling.conftest import sqlite_site, world  # noqa: F401  # fixtures
from tests.signaling.world import World

LOGINS = (
    "lawyer", "lawyer2", "officer", "officer2", "officer3", "duty", "duty-west", "interpreter", "reviewer", "admin",
    "admin-prosecutor", "admin-court", "admin-justice",
)  # fmt: skip
DOORS = {
    ("POST", "/live/{session}/ticket"),
    ("GET", "/live/{session}/socket"),
    ("POST", "/live/{session}/stills/{request}/{part}"),
    ("POST", "/whip/camera/{camera}"),
    ("GET", "/whip/camera/{camera}"),
    ("POST", "/whip/{session}/{publication}"),
    ("POST", "/whep/{session}/{endpoint}/{publication}"),
    ("PATCH", "/media/{resource}"),
    ("DELETE", "/media/{resource}"),
    ("GET", "/echo"),
    ("POST", "/echo"),
}


async def test_every_role_before_every_session(world: World) -> None:  # noqa: F811  # the fixture
    """A ticket is had by exactly those who belong to a session; everybody else hears that there is none."""
    sessions = {
        "visit": (await a_visit(world), {"lawyer", "duty"}),
        "statement": (await a_statement(world), {"officer", "officer2"}),
    }
    interrogation = await an_interrogation(world, 4)
    guest = await world.guest(sessions["statement"][0], None)
    terminal = await world.terminal("0" * 22)
    for who in (*[await world.account(login) for login in LOGINS], guest, terminal):
        for session_id, belong in sessions.values():
            answer = await world.ticket(who, session_id)
            mine = who in belong or (who == guest and session_id == sessions["statement"][0])
            assert (answer["status"] != 404) == mine, (who, answer)
        refused = await world.ticket(who, interrogation)
        assert refused["status"] in (403, 404), (who, refused)
    assert (await world.ticket("nobody", sessions["visit"][0]))["status"] in (401, 403)


async def test_no_door_opens_without_its_own_proof(world: World) -> None:  # noqa: F811  # the fixture
    """Media addresses with no token, a made-up one, an account's cookie; and no door is missing from this list."""
    session_id = await a_statement(world)
    officer = await world.account("officer")
    routes = world.client.server.app.router.routes()  # type: ignore[union-attr]  # a server with an application
    known = {(r.method, r.resource.canonical) for r in routes if r.resource and r.method != "HEAD"}
    assert known == DOORS
    for method, path in DOORS - {("GET", "/live/{session}/socket"), ("POST", "/live/{session}/ticket")}:
        for headers in ({}, {"Authorization": "Bearer x"}, {"X-As": officer}, {"Authorization": "Bearer "}):
            address = path.replace("{session}", session_id).replace("{publication}", "camera")
            address = (
                address.replace("{camera}", "0" * 22).replace("{endpoint}", "0" * 22).replace("{resource}", "0" * 22)
            )
            answer = await world.client.request(method, address, data="v=0\r\n", headers=headers)
            assert answer.status in (401, 403, 404) or path == "/echo", (method, path, headers, answer.status)


async def test_nothing_is_taken_before_the_hello(world: World) -> None:  # noqa: F811  # the fixture
    """Any other first message ends the connection; nothing came of it."""
    session_id = await a_statement(world)
    for message in ClientMessage.__args__:
        if message is messages.Hello:
            continue
        peer = await world.socket(session_id)
        said = messages.Ping() if message is messages.Ping else asked(session("statement"), message, foreign=False)
        await peer.ws.send_bytes(FROM_ENDPOINT.encode(said))
        assert await peer.closed() == Close.PROTOCOL, message
        assert world.hub.get(session_id) is None


async def test_a_terminal_enters_the_sessions_of_its_room_alone(world: World) -> None:  # noqa: F811  # the fixture
    """Paired and proved, in the very same facility: to every other room's terminal there is no such session."""
    session_id = await a_visit(world)
    roster = await world.hub.desk.roster(session_id)
    assert roster is not None
    here, rooms = {room.id for room in roster.rooms}, set(world.site.rooms.values())
    assert here < rooms
    for room in rooms:
        answer = await world.ticket(await world.terminal(room), session_id)
        assert (answer["status"] != 404) == (room in here), (room, answer)
