"""What the relay and its recorder process say to each other."""

from datetime import UTC, datetime, timedelta

import pytest
import synthetic
from hypothesis import given
from hypothesis import strategies as st

from media.ports import ChainHead
from recordings import messages
from recordings.logbook import Entry
from recordings.messages import PREFIX, MessageError, Splitter
from recordings.shelf import laid_out, packets_of
from recordings.take import Committed
from recordings.tape import Gathered, Kind, Packets
from recordings.timesource import Reading
from recordings.writing import Written

NOW = datetime(2026, 11, 26, 9, 30, 1, 250_001, tzinfo=UTC)
packets = st.lists(st.tuples(st.integers(0, 2**32 - 1), st.binary(max_size=1500), st.integers(0, 2**62)), max_size=20)
events = st.lists(
    st.sampled_from(
        [
            (Kind.OPENED, synthetic.track(7, "video", "vp8", "端点"), 5),
            (Kind.CLOSED, 7, 6),
            (Kind.LOG, Entry(3, NOW, {"type": "marker"}, {"note": "第一\u2028行"}), 7),
            (Kind.GAP, None, 8, 9, "overflow"),
            (Kind.TOKEN, 4, "ab", "token", "authority"),
        ]
    ),
    max_size=4,
)


@given(packets, events, st.dictionaries(st.integers(1, 9), st.integers(0, 99)), st.integers(0, 2**62))
def test_what_was_gathered_arrives_as_it_was(packets, events, lost, mono_ns):
    """Whatever the packets and events are, cut out of a stream that comes in pieces."""
    now = Reading(mono_ns, NOW + timedelta(microseconds=mono_ns % 1000))
    gathered = Gathered(now, events, Packets.of(packets), lost)
    data = b"".join(laid_out(gathered.packets))
    stream = (messages.pack(messages.of_gathered(gathered), data) + data) * 2
    splitter, found = Splitter(), []
    for at in range(0, len(stream), 977):
        found += splitter.feed(stream[at : at + 977])
    for head, came in found:
        got = messages.gathered_of(head, packets_of(came, 0, *head["packets"]))
        assert (got.now, got.events, list(got.packets), got.lost) == (now, events, packets, lost)
    assert len(found) == 2


@given(st.binary(max_size=200))
def test_noise_is_no_message(noise):
    """Nothing but ``MessageError`` comes of bytes that nobody of ours has sent."""
    try:
        for head, _ in Splitter().feed(noise):
            assert isinstance(head, dict)
    except MessageError:
        pass


@pytest.mark.parametrize("lengths", [(messages.MAX_HEAD + 1, 0), (2, messages.MAX_DATA + 1)])
def test_lengths_nobody_sends_are_refused_before_anything_is_kept(lengths):
    with pytest.raises(MessageError):
        list(Splitter().feed(PREFIX.pack(*lengths)))


@given(packets, st.integers(0, 2**62), st.integers(0, 2**40))
def test_the_brief_form_of_writing_says_the_same_as_json(packets, mono_ns, at):
    gathered = Gathered(Reading(mono_ns, NOW), [], Packets.of(packets))
    brief, long = (
        [messages.gathered_of(head, gathered.packets) for head, _ in Splitter().feed(message)]
        for message in (
            messages.pack_write(7, gathered, at),
            messages.pack({"id": 7, "do": "write", "at": at, **messages.of_gathered(gathered)}),
        )
    )
    assert brief == long
    [(head, _)] = Splitter().feed(messages.pack_write(7, gathered, at))
    assert (head["id"], head["do"], head["at"]) == (7, "write", at)
    assert list(head["packets"]) == [len(packets), gathered.packets.size]


@given(events.filter(bool), st.dictionaries(st.integers(1, 9), st.integers(0, 99), min_size=1))
def test_what_is_more_than_packets_is_said_as_well(events, lost):
    for gathered in (Gathered(Reading(1, NOW), events), Gathered(Reading(1, NOW), [], Packets(), lost)):
        [(head, _)] = Splitter().feed(messages.pack_write(7, gathered, 0))
        assert messages.gathered_of(head, Packets()) == gathered


@given(st.integers(0, 2**62), st.integers(0, 2**50), st.integers(1, 99))
def test_news_of_what_is_written_arrive_as_they_were(us, ms, take):
    written = Written(Committed(NOW + timedelta(microseconds=us % 10**15), ms), ChainHead(take, ms, "0f" * 32))
    [(head, _)] = Splitter().feed(messages.pack_written(9, written))
    assert (head["id"], head["tell"], messages.written_of(head)) == (9, "written", written)


@pytest.mark.parametrize("text", [b"W", b"D", b"W" + bytes(99), b"D" + bytes(40), b"D" + bytes(32) + b"\xff" * 64])
def test_a_brief_form_of_another_size_is_no_message(text):
    with pytest.raises(MessageError):
        list(Splitter().feed(PREFIX.pack(len(text), 0) + text))
