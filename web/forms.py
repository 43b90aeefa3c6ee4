"""Reading what people typed: every mistake is an ``Invalid`` with a sentence and the field's name."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from aiohttp import web

from core.errors import Invalid

_ID = re.compile(r"[0-9a-z]{22}\Z")
_LONGEST = 200


class Form:
    """The fields of one submitted form or query, trimmed, each at most once unless asked for as a list."""

    def __init__(self, values: Mapping[str, list[str]]) -> None:
        self._values = values

    def text(self, name: str, *, longest: int = _LONGEST, required: bool = True) -> str:
        """The field's words; empty only where not required."""
        value = " ".join(self.raw(name).split()) if longest <= _LONGEST else self.raw(name).strip()
        if required and not value:
            raise Invalid("field-missing", "Please fill in this field.", field=name)
        if len(value) > longest:
            raise Invalid("field-too-long", "Please shorten this to {longest} characters.", field=name, longest=longest)
        return value

    def raw(self, name: str) -> str:
        """What was typed, unchanged: for secrets."""
        found = self._values.get(name, [])
        return found[0] if found else ""

    def id(self, name: str) -> str:
        """An identifier chosen from a list."""
        value = self.raw(name)
        if not _ID.match(value):
            raise Invalid("field-choose", "Please choose one of the entries.", field=name)
        return value

    def optional_id(self, name: str) -> str | None:
        return self.id(name) if self.raw(name) else None

    def ids(self, name: str) -> tuple[str, ...]:
        """Several chosen identifiers, without repetition, at most 20."""
        values = tuple(dict.fromkeys(value for value in self._values.get(name, []) if value))
        if len(values) > 20 or not all(_ID.match(value) for value in values):
            raise Invalid("field-choose", "Please choose one of the entries.", field=name)
        return values

    def many(self, name: str) -> tuple[str, ...]:
        """Several chosen words, without repetition, at most 20."""
        return tuple(dict.fromkeys(value for value in self._values.get(name, []) if value))[:20]

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        value = self.raw(name)
        if value not in allowed:
            raise Invalid("field-choose", "Please choose one of the entries.", field=name)
        return value

    def number(self, name: str, low: int, high: int) -> int:
        value = self.raw(name)
        if not re.fullmatch(r"-?\d{1,9}", value, re.ASCII) or not low <= int(value) <= high:
            raise Invalid("field-number", "Please give a number from {low} to {high}.", field=name, low=low, high=high)
        return int(value)

    def ordinal(self, name: str) -> int:
        """Which of several, from 1: a page of a list, a part. Anything that is no such number is the first."""
        value = self.raw(name)
        return int(value) if re.fullmatch(r"[1-9]\d{0,3}", value, re.ASCII) else 1

    def instant(self, name: str) -> datetime:
        """A date and time with its zone, as slots carry it; UTC inside."""
        try:
            value = datetime.fromisoformat(self.raw(name))
        except ValueError:
            value = None
        if value is None or value.tzinfo is None or not 2000 <= value.year < 2200:
            raise Invalid("field-time", "Please choose one of the times.", field=name)
        return value.astimezone(UTC)

    def day(self, name: str, default: date) -> date:
        """A calendar day; the default when none is given."""
        if not self.raw(name):
            return default
        try:
            value = date.fromisoformat(self.raw(name))
        except ValueError:
            value = None
        if value is None or not 2000 <= value.year < 2200:
            raise Invalid("field-date", "Please give a date such as 2026-11-21.", field=name)
        return value

    def has(self, name: str) -> bool:
        return bool(self.raw(name))


def _collect(items: Any) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in items:
        if not isinstance(value, str):
            raise Invalid("field-file", "A file cannot be used here.", field=name)
        values.setdefault(name, []).append(value.replace("\x00", ""))
    return values


async def form(request: web.Request) -> Form:
    """The submitted form of ``request``."""
    try:
        posted = await request.post()
    except (ValueError, UnicodeDecodeError, LookupError):
        raise Invalid("form-unreadable", "The form could not be read. Please go back and try again.") from None
    return Form(_collect(posted.items()))


def query(request: web.Request) -> Form:
    """What stands after ``?`` in the address."""
    return Form(_collect(request.query.items()))


async def json_body(request: web.Request) -> dict[str, Any]:
    """The JSON object sent; ``Invalid`` for anything else."""
    try:
        body = await request.json()
        json.dumps(body, ensure_ascii=False).encode()  # half a character can be neither compared nor stored
    except (ValueError, UnicodeDecodeError, LookupError, RecursionError):  # the last: thousands of nested brackets
        body = None
    if not isinstance(body, dict):
        raise Invalid("not-json", "The request is not a JSON object.")
    return body


def path_id(request: web.Request, name: str = "id") -> str:
    """An identifier in the address; an impossible one is simply not there."""
    value = request.match_info[name]
    if not _ID.match(value):
        raise web.HTTPNotFound
    return value
