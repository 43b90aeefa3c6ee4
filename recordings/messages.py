"""What the relay and its recorder process say to each other over a socket. Pure.

    message = u32 length of head · u32 length of data, both big-endian · head, JSON or brief · data

``data`` are packets that have no place on the ``shelf``, and otherwise empty. The two messages of every second have a
brief form of fixed size: with cold caches it takes a fifth of the time JSON does. No pickle: the relay parses what
strangers send, and whoever took it over should not thereby run code where the keys are.
"""

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from media.ports import ChainHead, Closing, RecordingSpec, Track
from recordings.canonical import parsed
from recordings.logbook import Entry
from recordings.take import Committed
from recordings.tape import Event, Gathered, Kind, Packets
from recordings.timesource import Reading, from_ns, to_ns
from recordings.writing import Written

PREFIX = struct.Struct("!II")
_WRITE = struct.Struct("!cIqqIIQ")
"""``W``, number of the recording, both clocks, packets and their bytes, where they lie."""
_WRITTEN = struct.Struct("!cIqQIQ64s")
"""``D``, number of the recording, until when: clock and media; the head: take, media time, digest."""
MAX_HEAD = 64 << 20
MAX_DATA = 1 << 30

Head = dict[str, Any]


class MessageError(ValueError):
    """What came is no message of ours."""


def pack(head: Mapping[str, Any], data: bytes | bytearray | memoryview = b"") -> bytes:
    """Return prefix and head of a message; ``data`` follows them on the wire."""
    return _led(json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode(), len(data))


def pack_write(number: int, gathered: Gathered, at: int) -> bytes:
    """Return the message to write packets that lie on the shelf at ``at``, brief when there is nothing else to say."""
    if gathered.events or gathered.lost:
        return pack({"id": number, "do": "write", "at": at, **of_gathered(gathered)})
    now, packets = gathered.now, gathered.packets
    return _led(_WRITE.pack(b"W", number, now.mono_ns, now.utc_ns, len(packets), packets.size, at))


def pack_written(number: int, written: Written) -> bytes:
    """Return the message that what was handed over is on disk."""
    committed, head = written.committed, written.head
    until = (to_ns(committed.until), committed.ms)
    return _led(_WRITTEN.pack(b"D", number, *until, head.take, head.media_ms, head.digest.encode()))


def _led(text: bytes, data: int = 0) -> bytes:
    """A head behind its prefix; so many bytes of data follow."""
    return PREFIX.pack(len(text), data) + text


def lengths(prefix: bytes | bytearray | memoryview) -> tuple[int, int]:
    """Bytes of head and of data. Raises ``MessageError`` for more than anybody sends."""
    head, data = PREFIX.unpack(prefix)
    if head > MAX_HEAD or data > MAX_DATA:
        raise MessageError(f"a message of {head} and {data} bytes")
    return head, data


def unpack(text: bytes | bytearray | memoryview) -> Head:
    """Return the head of a message. Raises ``MessageError``."""
    try:
        if text[:1] == b"W":
            _, number, mono_ns, utc_ns, count, size, at = _WRITE.unpack(text)
            said = {"now": (mono_ns, utc_ns), "events": (), "lost": (), "packets": (count, size), "at": at}
            return {"id": number, "do": "write", **said}
        if text[:1] == b"D":
            _, number, until, ms, take, media_ms, digest = _WRITTEN.unpack(text)
            return {"id": number, "tell": "written", "until": (until, ms), "head": (take, media_ms, digest.decode())}
        head = parsed(bytes(text))
    except (ValueError, struct.error):
        raise MessageError("neither JSON nor brief") from None
    if not isinstance(head, dict):
        raise MessageError("not an object")
    return head


class Splitter:
    """Cuts a stream into messages."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes | memoryview) -> Iterator[tuple[Head, bytes]]:
        """Yield what is whole. Raises ``MessageError``; the stream is then of no further use."""
        rest = self._rest
        rest += data
        while len(rest) >= PREFIX.size:
            head, more = lengths(rest[: PREFIX.size])
            end = PREFIX.size + head
            if len(rest) < end + more:
                return
            message = unpack(rest[PREFIX.size : end]), bytes(rest[end : end + more])
            del rest[: end + more]
            yield message


# What was gathered


def of_gathered(gathered: Gathered) -> Head:
    """What is said of it; its packets go another way."""
    return {
        "now": [gathered.now.mono_ns, to_ns(gathered.now.utc)],
        "events": [_event(event) for event in gathered.events],
        "lost": list(gathered.lost.items()),
        "packets": [len(gathered.packets), gathered.packets.size],
    }


def gathered_of(head: Mapping[str, Any], packets: Packets) -> Gathered:
    """The inverse of ``of_gathered``, with the packets that came."""
    now = Reading(head["now"][0], from_ns(head["now"][1]))
    return Gathered(now, [_event_of(event) for event in head["events"]], packets, dict(head["lost"]))


def _event(event: Event) -> list[Any]:
    match event:
        case (Kind.OPENED, Track() as track, arrival):
            return [int(Kind.OPENED), of_track(track), arrival]
        case (Kind.LOG, Entry() as entry, arrival):
            said = [entry.number, entry.at.isoformat(), entry.public, entry.private]
            return [int(Kind.LOG), said, arrival]
    return [int(event[0]), *event[1:]]


def _event_of(said: Sequence[Any]) -> Event:
    kind = Kind(said[0])
    if kind is Kind.OPENED:
        return (kind, track_of(said[1]), said[2])
    if kind is Kind.LOG:
        number, at, public, private = said[1]
        return (kind, Entry(number, datetime.fromisoformat(at), public, private), said[2])
    return (kind, *said[1:])


# Parts


def of_track(track: Track) -> list[Any]:
    return [getattr(track, name) for name in Track.__slots__]


def track_of(said: Sequence[Any]) -> Track:
    return Track(*said)


def of_spec(spec: RecordingSpec) -> list[Any]:
    return [getattr(spec, name) for name in RecordingSpec.__slots__]


def spec_of(said: Sequence[Any]) -> RecordingSpec:
    return RecordingSpec(*said)


def written_of(said: Mapping[str, Any]) -> Written:
    return Written(Committed(from_ns(said["until"][0]), said["until"][1]), ChainHead(*said["head"]))


def of_closing(closing: Closing | None) -> list[Any] | None:
    return [closing.digest, closing.frames, closing.duration_ms, closing.gaps] if closing else None


def closing_of(said: Sequence[Any] | None) -> Closing | None:
    return Closing(*said) if said else None
