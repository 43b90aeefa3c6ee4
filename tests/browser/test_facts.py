"""What the live page is told before it has a connection, as each viewer may know it."""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cases.kinds import EndpointRole, Role
from core.texts import Texts
from people.principals import Principal
from scheduler.models import State
from scheduler.roster import Roster, RosterParty, RosterRoom
from tests.conftest import NOON
from web.pages.live import facts
from web.rendering import Shown
from web.scripts import imported

ZONE = "Asia/Shanghai"
OFFICER = Principal(kind="account", id="officer", name="李娜", roles=frozenset({"officer"}))
GUEST = Principal(kind="guest", id="guest", name="陈静", roles=frozenset(), session="s")


def party(role: Role, at: EndpointRole, name: str, person: str | None = None, room: str | None = None) -> RosterParty:
    return RosterParty(
        id=f"party-{name}",
        role=role,
        endpoint_role=at,
        name=name,
        number="031274" if person else "",
        person=person,
        custody_person=None,
        room=room,
        lead=False,
    )


def booked(start: datetime = NOON) -> Roster:
    return Roster(
        session="s",
        kind="statement",
        label="A-1",
        start=start,
        end=start + timedelta(hours=1),
        state=State.CONFIRMED,
        version=1,
        zone=ZONE,
        organisation=None,
        facility="f",
        facility_name="城东派出所",
        facility_phone="",
        steps={},
        parties=(
            party(Role.OFFICER, EndpointRole.HOST, "李娜", "officer"),
            party(Role.OFFICER, EndpointRole.HOST, "王芳", "second"),
            party(Role.WITNESS, EndpointRole.GUEST, "陈静", room="r"),
            party(Role.WITNESS, EndpointRole.GUEST, "林晓"),
        ),
        rooms=(RosterRoom("r", "远程取证室", "f", "城东派出所", False),),
    )


def told(roster: Roster, who: Principal, role: EndpointRole, now: datetime = NOON) -> dict[str, object]:
    return facts(roster, who, role, Texts("en"), Shown("en", ZoneInfo(ZONE), now), running=False)


def test_officer_meets_the_others_and_may_add_the_second() -> None:
    """The host is told everybody else, and whom to name at the same screen."""
    page = told(booked(), OFFICER, EndpointRole.HOST)
    assert [one["name"] for one in page["meet"]] == ["王芳", "陈静", "林晓"]
    assert page["candidates"] == [{"person": "second", "name": "王芳", "role": "officer", "number": "031274"}]
    assert page["meet"][1]["place"] == "城东派出所 · 远程取证室"
    assert page["policy"] == "clear"


def test_guest_is_told_who_leads_and_no_other_witness() -> None:
    """A witness learns the officers' names and numbers, not who else is asked."""
    page = told(booked(), GUEST, EndpointRole.GUEST)
    assert [one["name"] for one in page["meet"]] == ["李娜", "王芳"]
    assert page["candidates"] == []
    assert "王芳" not in str(page["rolesHere"])


@pytest.mark.parametrize(
    ("roster", "code"),
    [(booked(NOON - timedelta(hours=2)), "too-late"), (replace(booked(), state=State.CANCELLED), "cancelled")],
    ids=["late", "cancelled"],
)
def test_closed_says_why(roster: Roster, code: str) -> None:
    """When nobody can enter any more the page gets the sentence instead of a waiting room."""
    page = told(roster, OFFICER, EndpointRole.HOST)
    assert page["closed"]["code"] == code
    assert page["closed"]["text"]


def test_too_early_is_not_closed() -> None:
    """Before the window the page is told from when on it opens."""
    page = told(booked(NOON + timedelta(hours=1)), OFFICER, EndpointRole.HOST)
    assert page["closed"] is None
    assert page["opens"] == (NOON + timedelta(minutes=50)).isoformat()


def test_all_scripts_of_a_page_are_found() -> None:
    """Whatever a script imports, however deep, is fetched with the page."""
    assert {"room.js", "sdp.js", "backoff.js", "texts.js"} <= set(imported("live.js"))
    assert "live.js" not in imported("live.js")
    assert "check.js" not in imported("terminal.js")
