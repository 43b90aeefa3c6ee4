"""Every message of a live session and every command of the hub has a policy; every seat tries every message, also with
objects of nobody."""

import inspect

import pytest

from cases.kinds import Role
from people.permissions import TABLE, Action
from people.principals import Role as Account
from signaling import asks, events
from signaling import messages as m
from signaling.hub import Hub
from signaling.messages import ClientMessage
from signaling.states import State
from tests.signaling.rosters import GUEST, POST, Driver, live

SEATS = {
    "statement": ("host", "second", "guest", "stranger"),
    "interrogation": ("host", "second", "room", "stranger"),
    "visit": ("lawyer", "room", "post"),
    "rehearsal": ("host", "guest"),
}
"""Seats of a live session of each kind; ``stranger`` waits in the lobby."""
ANY, NOBODY = "host second guest room lawyer post stranger", ""
POLICY: dict[type, dict[str, str]] = {
    # message: who may, by kind; "" is every kind not named
    m.Device: {"": ANY, "interrogation": "second stranger"},
    m.Page: {"": ANY, "visit": NOBODY},
    m.CheckDone: {"": ANY},
    m.NamePerson: {"": "guest room stranger", "visit": NOBODY, "rehearsal": NOBODY},
    m.DropPerson: {"": "host second", "visit": "lawyer", "rehearsal": "host guest"},
    m.ConfirmPerson: {"": "host", "visit": "post"},
    m.DoubtPerson: {"": "host", "visit": "post"},
    m.SkipIdentity: {"": "host", "visit": NOBODY, "rehearsal": NOBODY},
    m.AskStills: {"": NOBODY, "statement": "host"},
    m.AnswerStills: {"": NOBODY},
    m.VerifyPerson: {"": "host", "visit": NOBODY, "rehearsal": NOBODY},
    m.ConfirmName: {"": "stranger", "statement": "guest stranger", "rehearsal": NOBODY, "visit": NOBODY},
    m.Admit: {"": "host", "rehearsal": NOBODY},
    m.Refuse: {"": "host", "rehearsal": NOBODY},
    m.Eject: {"": "host", "visit": NOBODY},
    m.Start: {"": NOBODY},
    m.Hold: {"": "host second guest room", "visit": "post"},
    m.Resume: {"": NOBODY},
    m.Extend: {"": "host", "visit": "lawyer post"},
    m.End: {"": "host", "visit": "lawyer post"},
    m.Leave: {"": ANY},
    m.Chat: {"": "host second guest", "interrogation": NOBODY, "visit": NOBODY},
    m.Marker: {"": "host", "visit": "post"},
    m.Share: {"": "host", "visit": "lawyer"},
    m.Prefer: {"": NOBODY},
    m.Help: {"": ANY},
}
"""Who may do what while a session is live, the object being one of the session. ``Prefer`` has none here: nothing is
published. ``AnswerStills`` has none: nobody was asked.
``Start`` and ``Resume`` belong to other states; ``HELD`` has a test of its own."""
DOOR = frozenset({m.Hello, m.Ping})
"""Taken before anything is asked of a session: the way in, and a ping."""


def test_every_message_has_a_policy() -> None:
    """A message without an entry, or without a handler, fails here."""
    known = set(ClientMessage.__args__)
    assert set(POLICY) | DOOR == known
    assert set(asks._HANDLERS) == known - DOOR


def session(kind: str) -> Driver:
    """A live session with a stranger in its lobby and, in a visit, the post at its desk."""
    driver = live(kind)
    if kind == "visit":
        driver.join(POST)
    if "stranger" in SEATS[kind]:
        driver.take(events.Joined(events.Seat("stranger", GUEST.role, "某丙", GUEST.persons)))
    return driver


def session_roles(driver: Driver) -> frozenset[Role]:
    """Whose identity is verified in this kind."""
    wanted = driver.session.kind.identity
    return wanted.roles if wanted else frozenset()


def asked(driver: Driver, kind: type, *, foreign: bool) -> object:
    """A message with the session's own objects, or with objects of nobody."""
    presence, host = driver.session.presence, driver.session.kind.host
    own = next(e for e in presence.admitted() if e.role is not host)
    roles = session_roles(driver)
    checked = next((p.id for e in presence.admitted() for p in e.persons.values() if p.role in roles), "p999")
    waiting = next((e.id for e in presence.waiting()), "nobody")
    person = "p999" if foreign else next(iter(own.persons))
    inside, outside = ("nobody", "nobody") if foreign else (own.id, waiting)
    values: dict[type, dict[str, object]] = {
        m.Device: {"kind": "video", "state": "off"},
        m.Page: {"hidden": True},
        m.CheckDone: {"picture": True, "microphone": True, "speaker": True, "loss": 0.0, "delay_ms": 1.0},
        m.NamePerson: {"role": "guardian", "name": "某丁", "endpoint": "nobody" if foreign else None},
        m.DropPerson: {"present": person},
        m.ConfirmPerson: {"present": person, "how": "document"},
        m.DoubtPerson: {"present": person, "why": "no-match"},
        m.SkipIdentity: {"present": "p999" if foreign else checked, "reason": "urgent"},
        m.AskStills: {"present": "p999" if foreign else checked},
        m.AnswerStills: {"request": "s1", "consent": True},
        m.VerifyPerson: {
            "present": "p999" if foreign else checked,
            "document": "id-card",
            "number": "110101199003070000",
        },
        m.ConfirmName: {"me": False},
        m.Admit: {"endpoint": outside},
        m.Refuse: {"endpoint": outside, "reason": "other"},
        m.Eject: {"endpoint": inside, "reason": "other"},
        m.Hold: {"reason": "停"},
        m.Resume: {"reason": "继续"},
        m.Extend: {"minutes": 15},
        m.End: {"reason": "结束"},
        m.Chat: {"text": "你好"},
        m.Marker: {"label": "要点"},
        m.Share: {"on": True},
        m.Prefer: {"endpoint": inside, "publication": "camera", "size": "small"},
    }
    return kind(**values.get(kind, {}))


def did(driver: Driver, seat: str, message: object) -> bool:
    """Whether anything but a refusal came of it."""
    return any(not isinstance(effect, events.Deny) for effect in driver.ask(seat, message))


@pytest.mark.parametrize("kind", SEATS)
@pytest.mark.parametrize("message", POLICY, ids=lambda one: one.__name__)
def test_every_seat_tries_every_message(kind: str, message: type) -> None:
    """Exactly those whom the policy names change anything."""
    wanted = POLICY[message].get(kind, POLICY[message][""]).split()
    for seat in SEATS[kind]:
        driver = session(kind)
        assert did(driver, seat, asked(driver, message, foreign=False)) == (seat in wanted), seat


OBJECTS = (
    *(m.NamePerson, m.DropPerson, m.ConfirmPerson, m.DoubtPerson, m.SkipIdentity, m.AskStills, m.VerifyPerson),
    *(m.Admit, m.Refuse, m.Eject, m.Prefer),
)


@pytest.mark.parametrize("kind", SEATS)
@pytest.mark.parametrize("message", OBJECTS, ids=lambda one: one.__name__)
def test_nobody_reaches_what_is_not_of_this_session(kind: str, message: type) -> None:
    """Endpoints and persons of other sessions change nothing, whoever asks, in a live session and in a held one."""
    for seat in SEATS[kind]:
        for held in (False, True):
            driver = session(kind)
            if held:
                driver.take(events.RelayDown())
            before = driver.state
            assert not did(driver, seat, asked(driver, message, foreign=True)), seat
            assert driver.state is before


@pytest.mark.parametrize("kind", SEATS)
def test_only_the_host_goes_on_after_a_hold(kind: str) -> None:
    """In a held session everybody else's wish to go on is refused."""
    host = {"visit": "post"}.get(kind, "host")
    for seat in SEATS[kind]:
        driver = session(kind)
        driver.ask(host, m.Hold(reason="停"))
        assert driver.state is State.HELD
        driver.ask(seat, m.Resume(reason="继续"))
        assert (driver.state is State.LIVE) == (seat == host), seat


def test_an_endpoint_nobody_knows_is_not_heard() -> None:
    """A message under the id of no endpoint of the session changes nothing."""
    for message in POLICY:
        driver = session("statement")
        assert driver.ask("nobody", asked(driver, message, foreign=False)) == [], message


COMMANDS: dict[str, Action | str] = {
    "snapshot": "shows presence and time, never picture or sound",
    "live_sessions": "ids, for the terminal's own room and the day list",
    "is_running": "a question of the doors",
    "get": "a question of the doors",
    "by_token": "the bearer of a media token; there is no other way to media",
    "open": "after a ticket was spent",
    "custody_changed": Action.CONFIRM_CUSTODY,
    "window_changed": "after the calendar was changed by whoever may: MOVE_BOOKING, EXTEND_SESSION, CANCEL_BOOKING",
    "calls_answered": Action.HOST,
    "end": Action.HOST,
    "withdraw_gone": "by the clock",
    "touch": "by the clock",
    "link_up": "by the media process",
    "link_down": "by the media process",
    "link_event": "by the media process",
    "ready": "for the readiness page: says nothing of sessions",
    "health": "for the readiness page: numbers",
    "recordings": "for the watch of the disk: a number",
    "all_metrics": "for /metrics on this machine",
    "start": "by the process",
    "stop": "by the process",
}
"""What pages and doors may ask of the hub, and by which right; what its callers check is tried in ``test_routes``."""


def test_every_command_of_the_hub_has_a_policy() -> None:
    """A public member of the hub that is not listed fails here; a right listed is held by somebody."""
    public = {name for name, _ in inspect.getmembers(Hub) if not name.startswith("_")}
    assert public == set(COMMANDS)
    for action in (value for value in COMMANDS.values() if isinstance(value, Action)):
        assert any(action in row for row in TABLE.values())
        assert action not in TABLE[Account.GUEST]
        assert action not in TABLE[Account.LAWYER]
