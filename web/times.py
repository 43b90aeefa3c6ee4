"""A day and a time as people type them, on the wall clock of a place."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from core.errors import Invalid
from web.forms import Form


def wall_clock(typed: Form, day: str, clock: str, zone: ZoneInfo) -> datetime:
    """The instant at which the clock of ``zone`` shows what stands in the fields ``day`` and ``clock``; UTC.

    Of an hour that comes twice the first is meant; one the clock leaps over is refused, as is what is no time at all.
    """
    try:
        on = date.fromisoformat(typed.raw(day))
    except ValueError:
        on = None
    if on is None or not 2000 <= on.year < 2200:
        raise Invalid("field-date", "Please give a date such as 2026-11-21.", field=day)
    try:
        at = time.fromisoformat(typed.raw(clock))
    except ValueError:
        at = None
    if at is None or at.tzinfo is not None:
        raise Invalid("field-clock", "Please give a time such as 14:30.", field=clock)
    local = datetime.combine(on, at, zone)
    instant = local.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise Invalid(
            "no-such-time", "On that day the clocks are put forward and this time does not exist.", field=clock
        )
    return instant
