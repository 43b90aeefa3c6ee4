"""Refusals and instants in words: the reader's language, the facility's clock."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from core.refusals import Refused
from core.texts import translate
from scheduler.windows import ZONE


def say(refused: Refused, locale: str, *, now: datetime, zone: str = ZONE) -> str:
    """The sentence of a refusal, its instants as the facility's clock shows them."""
    values = {name: _value(value, locale, now, zone) for name, value in refused.values.items()}
    return translate(locale, refused.text, values)


def when(at: datetime, locale: str, *, now: datetime, zone: str) -> str:
    """An instant as people say it: today by time alone, the day before and after by name, others by date."""
    local, today = at.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone)).date()
    clock = f"{local.hour}:{local.minute:02d}"
    match (local.date() - today).days:
        case 0:
            return clock
        case 1:
            return translate(locale, "tomorrow {time}", {"time": clock})
        case -1:
            return translate(locale, "yesterday {time}", {"time": clock})
        case _:
            values = {"year": local.year, "month": local.month, "day": local.day, "time": clock}
            text = "{year}-{month}-{day} {time}" if local.year != today.year else "{month}/{day} {time}"
            return translate(locale, text, values)


def _value(value: object, locale: str, now: datetime, zone: str) -> object:
    if isinstance(value, datetime):
        return when(value, locale, now=now, zone=zone)
    if isinstance(value, tuple | list):
        return translate(locale, ", ").join(str(_value(item, locale, now, zone)) for item in value)
    return value


def local_values(values: Mapping[str, object], locale: str, *, now: datetime, zone: str) -> dict[str, object]:
    """The values of any sentence with its instants in words."""
    return {name: _value(value, locale, now, zone) for name, value in values.items()}
