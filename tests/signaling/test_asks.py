"""What endpoints ask: hostile and clumsy input changes nothing and is told why."""

import math

import pytest

from signaling import events, messages
from signaling.asks import HELP_AGAIN, clean
from tests.signaling.rosters import HOST, Driver, live

BAD = [
    ("host", messages.Hold(reason=""), "reason-wanted"),
    ("host", messages.Hold(reason="x" * 201), "reason-wanted"),
    ("host", messages.Hold(reason="\x00\x1b"), "reason-wanted"),
    ("host", messages.Marker(label=" "), "bad-text"),
    ("host", messages.End(reason="x" * 201), "reason-wanted"),
    ("host", messages.Extend(minutes=0), "bad-minutes"),
    ("host", messages.Extend(minutes=-15), "bad-minutes"),
    ("host", messages.Extend(minutes=7), "bad-minutes"),
    ("host", messages.Extend(minutes=10**9), "bad-minutes"),
    ("host", messages.Admit(endpoint="nobody"), "not-waiting"),
    ("host", messages.Admit(endpoint="second"), "not-waiting"),
    ("host", messages.Refuse(endpoint="second", reason="other"), "not-waiting"),
    ("host", messages.Eject(endpoint="host", reason="other"), "no-such-endpoint"),
    ("host", messages.ConfirmPerson(present="p99", how="known"), "no-such-person"),
    ("host", messages.DropPerson(present="p99"), "no-such-person"),
    ("host", messages.Resume(reason="继续"), "not-held"),
    ("host", messages.NamePerson(role="officer", name="x" * 65, number="1"), "bad-person"),
    ("host", messages.NamePerson(role="officer", name="", person="nobody"), "bad-person"),
    ("host", messages.NamePerson(role="judge", name="x"), "bad-person"),
    ("host", messages.NamePerson(role="officer", name="x", number="1", endpoint="guest"), "no-such-endpoint"),
    ("guest", messages.Chat(text=""), "bad-text"),
    ("guest", messages.Chat(text="x" * 2001), "bad-text"),
    ("guest", messages.DropPerson(present="p1"), "no-such-person"),
    ("guest", messages.Share(on=True), "not-allowed"),
    ("second", messages.ConfirmName(me=True), "not-allowed"),
    ("guest", messages.CheckDone(picture=True, microphone=True, speaker=True, loss=math.nan, delay_ms=1), "bad-check"),
    ("guest", messages.CheckDone(picture=True, microphone=True, speaker=True, loss=2, delay_ms=1), "bad-check"),
    ("guest", messages.CheckDone(picture=True, microphone=True, speaker=True, loss=0, delay_ms=math.inf), "bad-check"),
]


@pytest.mark.parametrize(("who", "message", "code"), BAD)
def test_bad_input_is_refused_with_its_code(who: str, message: object, code: str) -> None:
    """One refusal to the one who asked, nothing else."""
    driver = live("statement")
    effects = driver.ask(who, message)
    assert [(type(e), getattr(e, "code", "")) for e in effects] == [(events.Deny, code)]


def test_control_characters_are_taken_out() -> None:
    """What could disturb a screen or a log does not get into either; Chinese and line breaks do."""
    assert clean(" 你\x07好\n\u202e吗 ", 10) == "你好\n吗"
    assert clean("\u200b", 10) is None


def test_a_name_from_the_roster_cannot_be_changed() -> None:
    """An account's id brings its own name and number, whatever was typed."""
    driver = Driver("statement")
    driver.join(HOST)
    driver.ask("host", messages.NamePerson(role="officer", name="冒名", number="9", person="o2"))
    named = list(driver.session.presence.endpoints["host"].persons.values())[-1]
    assert (named.name, named.number, named.how) == ("林晓燕", "031518", "named")


def test_whoever_is_not_the_host_confirms_nobody() -> None:
    """A guest names a companion: unconfirmed until the host says so."""
    driver = live("statement")
    driver.ask("guest", messages.NamePerson(role="guardian", name="某母"))
    guest = driver.session.presence.endpoints["guest"]
    assert [p.how for p in guest.persons.values()] == ["document", None]


def test_a_second_call_for_help_is_the_same_call() -> None:
    """Pressing again within seconds calms the caller and does not call twice."""
    driver = live("interrogation")
    calls = [e for _ in range(3) for e in driver.ask("room", messages.Help()) if isinstance(e, events.CallPost)]
    assert len(calls) == 1
    driver.after(HELP_AGAIN.total_seconds())
    assert events.CallPost("room") in driver.ask("room", messages.Help())


def test_nobody_chats_in_a_hold() -> None:
    """What is said in a break would be outside the questioning."""
    driver = live("statement")
    driver.ask("host", messages.Hold(reason="休息"))
    driver.ask("guest", messages.Chat(text="你好"))
    assert driver.denied() == ["not-allowed"]


def test_a_screen_that_is_no_longer_shared_is_closed() -> None:
    """Share off closes the publication at the relay."""
    driver = live("statement")
    driver.ask("host", messages.Share(on=True))
    driver.take(events.PublicationSeen("host", "screen", True))
    assert events.StopPublication("host", "screen") in driver.ask("host", messages.Share(on=False))
    assert driver.session.presence.endpoints["host"].publications == set()
