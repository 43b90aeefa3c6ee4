"""Effects as messages in the reader's language, and the memory of what was told, for those who come back. Pure."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from core.refusals import Refused
from core.texts import Texts
from scheduler.wording import say
from signaling import events, messages
from signaling.restore import Entry

REMEMBERED = 500
"""Messages kept per session for endpoints that come back."""

Tellable = events.Tell | events.Say | events.Warn | events.Republish


@dataclass(frozen=True, slots=True)
class Told:
    """Something that was told to some endpoints; ``number`` is that of the log entry it belongs to."""

    number: int
    at: datetime
    effect: Tellable
    to: frozenset[str]


class Memory:
    """What was told lately. The oldest is forgotten first: a view says the whole state anyway."""

    def __init__(self) -> None:
        self._told: deque[Told] = deque(maxlen=REMEMBERED)

    def add(self, told: Told) -> None:
        self._told.append(told)

    def since(self, endpoint: str, seen: int) -> Iterator[Told]:
        """What an endpoint that has seen up to ``seen`` has missed."""
        return (told for told in self._told if told.number > seen and endpoint in told.to)

    def recall(self, entries: Iterable[Entry], everybody: frozenset[str]) -> None:
        """Remember from the log what matters to those who come back after a restart."""
        for entry in entries:
            if entry.public.get("event") == "chat":
                said = events.Say(entry.public["endpoint"], str(entry.private["name"]), str(entry.private["text"]))
                self.add(Told(entry.number, entry.at, said, everybody))
            elif entry.public.get("event") == "republish":
                self.add(Told(entry.number, entry.at, events.Republish(), everybody))


def message(told: Told, texts: Texts, zone: str) -> object:
    """The wire message of ``told``."""
    effect = told.effect
    match effect:
        case events.Say():
            return messages.Said(
                number=told.number, at=told.at, endpoint=effect.endpoint, name=effect.name, text=effect.text
            )
        case events.Warn():
            text = texts(effect.text, minutes=effect.minutes)
            return messages.Warning(number=told.number, minutes=effect.minutes, text=text)
        case events.Republish():
            return messages.Republish(number=told.number)
        case events.Tell():
            return messages.Notice(
                number=told.number,
                at=told.at,
                level=effect.level,
                code=effect.code,
                text=sentence(effect.text, effect.values, texts.locale, now=told.at, zone=zone),
            )


def sentence(text: str, values: Mapping[str, object], locale: str, *, now: datetime, zone: str) -> str:
    """A msgid in the reader's language, its instants as the facility's clock shows them."""
    return say(Refused("", text, values), locale, now=now, zone=zone)
