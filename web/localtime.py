"""Times people type by the clock of a place, turned into instants: pure. Nobody types a zone."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from core.errors import Invalid
from web.forms import Form

_CLOCK = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)\Z", re.ASCII)


def local_instant(typed: Form, name: str, zone: ZoneInfo) -> datetime:
    """The instant a field of date and time means at a place, such as ``2026-03-29T14:00``.

    A time that the clocks skip in spring is refused; one that comes twice in autumn is the first.
    """
    try:
        naive = datetime.fromisoformat(typed.raw(name))
    except ValueError:
        naive = None
    if naive is None or naive.tzinfo is not None or not 2000 <= naive.year < 2200:
        raise Invalid("field-time-typed", "Please give date and time.", field=name)
    return instant_of(naive, zone, name)


def instant_of(naive: datetime, zone: ZoneInfo, name: str) -> datetime:
    """The instant at which the clocks of ``zone`` show ``naive``."""
    instant = naive.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != naive:
        raise Invalid("no-such-time", "The clocks are put forward then: this time does not exist.", field=name)
    return instant


def on_day(typed: Form, name: str, day: date, zone: ZoneInfo) -> datetime | None:
    """The instant of a time of day typed into a field, such as ``14:05``; ``None`` when it is empty."""
    if not typed.has(name):
        return None
    minutes = clock_minutes(typed, name)
    midnight = datetime.combine(day, datetime.min.time())
    return instant_of(midnight + timedelta(minutes=minutes), zone, name)


def clock_minutes(typed: Form, name: str) -> int:
    """Minutes after midnight of a time of day; 24:00 is the end of the day."""
    found = _CLOCK.match(typed.raw(name).strip())
    if found is None or (found[1] == "24" and found[2] != "00"):
        raise Invalid("field-clock", "Please give a time such as 08:30.", field=name)
    return int(found[1]) * 60 + int(found[2])


def wall_clock(typed: Form, day: str, clock: str, zone: ZoneInfo) -> datetime:
    """The instant that two fields mean at a place: a day such as ``2026-11-21`` and a time of day."""
    try:
        on = date.fromisoformat(typed.raw(day))
    except ValueError:
        on = None
    if on is None or not 2000 <= on.year < 2200:
        raise Invalid("field-date", "Please give a date such as 2026-11-21.", field=day)
    minutes = clock_minutes(typed, clock)
    return instant_of(datetime.combine(on, datetime.min.time()) + timedelta(minutes=minutes), zone, clock)


def end_of_day(typed: Form, name: str, zone: ZoneInfo) -> datetime:
    """The instant at which a typed day is over at a place: a paper is good on its last day too."""
    on = typed.day(name, date.min)
    return instant_of(datetime.combine(on, datetime.min.time()) + timedelta(days=1), zone, name)
