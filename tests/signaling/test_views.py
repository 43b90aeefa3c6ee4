"""What each viewer sees of a session, and above all what they do not."""

from dataclasses import replace

import pytest
from pydantic_core import to_json

from cases.kinds import EndpointRole, Role
from core.texts import Texts
from scheduler.roster import READY
from signaling import events, messages
from signaling.events import Named, Seat
from signaling.messages import View
from signaling.views import view
from tests.signaling.rosters import GUEST, HOST, LAWYER, POST, ROOM, SECOND, Driver, live

OTHER = Seat("other", EndpointRole.GUEST, "丙方", (Named(Role.VICTIM, "丙方"),))


def seen(driver: Driver, viewer: str, locale: str = "en") -> View:
    return view(driver.session, driver.session.presence.endpoints[viewer], 1, Texts(locale), driver.now)


def ids(found: View) -> set[str]:
    return {endpoint.id for endpoint in found.endpoints}


def test_who_waits_never_learns_of_another_who_waits() -> None:
    """Two guests in the waiting room see themselves and the host, no trace of each other."""
    driver = Driver("statement")
    driver.join(HOST, GUEST, OTHER)
    assert ids(seen(driver, "guest")) == {"guest", "host"}
    assert ids(seen(driver, "other")) == {"other", "host"}
    assert "丙方" not in to_json(seen(driver, "guest")).decode()
    assert "某乙" not in to_json(seen(driver, "other")).decode()


def test_the_host_sees_who_waits() -> None:
    """Everybody at the door, with who they say they are."""
    driver = Driver("statement")
    driver.join(HOST, GUEST, OTHER)
    assert {(e.id, e.state) for e in seen(driver, "host").endpoints} == {
        ("host", "admitted"),
        ("guest", "waiting"),
        ("other", "waiting"),
    }


def test_an_admitted_guest_does_not_see_who_waits() -> None:
    """Inside, the door is the host's."""
    driver = live("statement")
    driver.join(OTHER)
    assert ids(seen(driver, "guest")) == {"host", "second", "guest"}


def test_the_post_sees_presence_and_time_only() -> None:
    """No publications, devices, lines or rights to media, whatever happens in the visit."""
    driver = live("visit")
    driver.join(POST)
    line = messages.LineView(up_loss=0.1, down_loss=0, rtt_ms=20, way="udp")
    for event in (
        events.PublicationSeen("lawyer", "camera", True),
        events.LineSeen("lawyer", line),
        events.TrackSilent("lawyer", "camera", "audio", True),
    ):
        driver.take(event)
    driver.ask("lawyer", messages.Page(hidden=True))
    found = seen(driver, "post")
    assert ids(found) == {"post", "lawyer", "room"}
    assert not (found.rights.publish)
    assert not (found.rights.subscribe)
    assert not (found.rights.mute)
    assert not (found.rights.share)
    for endpoint in found.endpoints:
        assert (endpoint.publications, endpoint.audio, endpoint.video, endpoint.line) == ((), "off", "off", None)
        assert not endpoint.hidden
    assert seen(driver, "room").endpoints[0].publications == ("camera",)


def test_a_visit_says_that_it_is_not_recorded() -> None:
    """Policy attendance, recording off, nothing durable: on every screen."""
    driver = live("visit")
    driver.take(events.DurableUntil(driver.now))
    for viewer in ("lawyer", "room"):
        found = seen(driver, viewer)
        assert (found.policy, found.recording, found.durable) == ("attendance", "off", None)


def test_publications_are_listed_before_the_start_for_those_inside() -> None:
    """The lawyer prepares to receive the room before the visit is live; who waits does not."""
    driver = Driver("visit")
    driver.join(LAWYER, ROOM)
    driver.take(events.PublicationSeen("room", "camera", True))
    assert ids(seen(driver, "lawyer")) == {"lawyer"}
    driver.recorder = False
    driver.steps(*READY)
    assert {e.id: e.publications for e in seen(driver, "lawyer").endpoints} == {"lawyer": (), "room": ("camera",)}


def test_the_words_of_who_pressed_stop_stay_inside() -> None:
    """Those who wait read that it is interrupted, not why."""
    driver = live("statement")
    driver.join(OTHER)
    driver.ask("guest", messages.Hold(reason="身体不适"))
    assert "身体不适" in seen(driver, "host").reason_text
    waiting = seen(driver, "other")
    assert waiting.reason_text
    assert "身体不适" not in waiting.reason_text


def test_a_guest_does_not_read_the_number_of_the_case() -> None:
    """The case's number is for those who lead and their colleagues."""
    driver = live("statement")
    assert "A-2026-17" in seen(driver, "host").title
    assert "A-2026-17" not in to_json(seen(driver, "guest")).decode()


def test_custody_steps_are_shown_to_those_who_wait_for_them() -> None:
    """Host and lawyer see how far the facility is; the room's screen does not show it."""
    driver = Driver("interrogation")
    driver.join(HOST, ROOM)
    driver.steps(*READY)
    assert seen(driver, "host").custody is not None
    assert seen(driver, "room").custody is None


@pytest.mark.parametrize("kind", ["visit", "interrogation", "statement"])
def test_rights_promise_nothing_that_is_refused(kind: str) -> None:
    """What a view says one may do is not denied as not allowed, and the other way round."""
    asks = {
        "chat": messages.Chat(text="你好"),
        "share": messages.Share(on=True),
        "stop": messages.Hold(reason="停"),
        "end": messages.End(),
        "extend": messages.Extend(minutes=15),
        "start": messages.Start(),
    }
    for right, ask in asks.items():
        for viewer in live(kind).session.presence.endpoints:
            driver = live(kind)
            may = getattr(seen(driver, viewer).rights, right)
            driver.ask(viewer, ask)
            assert may is ("not-allowed" not in driver.denied()), (viewer, right)


def test_a_line_is_not_shown_to_the_post_but_to_the_others() -> None:
    """Quality of lines is part of being in the session."""
    driver = live("statement")
    line = messages.LineView(up_loss=0.1, down_loss=0, rtt_ms=20, way="udp")
    driver.take(events.LineSeen("guest", line))
    assert next(e for e in seen(driver, "host").endpoints if e.id == "guest").line == line


def test_an_endpoint_that_is_away_is_shown_as_such() -> None:
    """Reconnecting is a state of its own."""
    driver = live("statement")
    driver.take(events.Gone("second"))
    assert next(e for e in seen(driver, "host").endpoints if e.id == "second").state == "away"
    driver.join(replace(SECOND, label="x"))
    assert next(e for e in seen(driver, "host").endpoints if e.id == "second").state == "admitted"
