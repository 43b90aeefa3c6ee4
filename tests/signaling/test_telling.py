"""Effects as messages, and what is remembered for those who come back."""

from datetime import timedelta

from core.texts import Texts
from signaling import events, messages
from signaling.restore import Entry
from signaling.telling import Memory, Told, message, sentence
from tests.signaling.rosters import START

TELL = events.Tell("alarm", "audio-lost", "The microphone of {label} is lost.", {"label": "讯问室一"})


def test_a_notice_is_in_the_readers_language() -> None:
    """The same effect, two readers."""
    told = Told(7, START, TELL, frozenset({"a"}))
    chinese, english = (message(told, Texts(locale), "Asia/Shanghai") for locale in ("zh-CN", "en"))
    assert isinstance(chinese, messages.Notice)
    assert isinstance(english, messages.Notice)
    assert (chinese.text, english.text) == ("讯问室一 的麦克风已断开。", "The microphone of 讯问室一 is lost.")
    assert (chinese.number, chinese.level, chinese.code) == (7, "alarm", "audio-lost")


def test_instants_are_told_by_the_clock_of_the_facility() -> None:
    """04:00 UTC is noon in Shanghai."""
    text = sentence("The session now ends at {end}.", {"end": START}, "en", now=START, zone="Asia/Shanghai")
    assert text == "The session now ends at 12:00."


def test_only_what_was_missed_is_told_again() -> None:
    """By number, and only to those it was for."""
    memory = Memory()
    for number in range(1, 6):
        memory.add(Told(number, START, TELL, frozenset({"a"} if number % 2 else {"b"})))
    assert [told.number for told in memory.since("a", 1)] == [3, 5]
    assert [told.number for told in memory.since("c", 0)] == []


def test_chat_and_republish_are_recalled_from_the_log() -> None:
    """After a restart those who return still get the lines, and learn that media are to be sent anew."""
    memory = Memory()
    log = [
        Entry(1, START, {"event": "chat", "endpoint": "a"}, {"name": "甲", "text": "你好"}),
        Entry(2, START, {"event": "marker", "by": "a"}, {"label": "x"}),
        Entry(3, START + timedelta(seconds=1), {"event": "republish"}, {}),
    ]
    memory.recall(log, frozenset({"a"}))
    assert [type(message(t, Texts("en"), "UTC")) for t in memory.since("a", 0)] == [
        messages.Said,
        messages.Republish,
    ]
