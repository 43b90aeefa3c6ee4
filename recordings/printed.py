"""Times on paper: first as the clocks of the site showed them, then UTC, as in the composed picture. Pure."""

from datetime import datetime
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
"""The site's zone where nobody names another, as ``Settings.time_zone`` has it."""


def local_and_utc(at: datetime, zone: ZoneInfo) -> str:
    """``2026-03-03 06:30:00 (Asia/Shanghai) · UTC 2026-03-02 22:30:00``: both days, since they may differ."""
    utc = at.astimezone(ZoneInfo("UTC"))
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S} ({zone.key}) · UTC {utc:%Y-%m-%d %H:%M:%S}"


def span(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """``2026-03-03 06:30:00–06:32:18 (Asia/Shanghai) · UTC 2026-03-02 22:30:00–22:32:18``; the end has
    its own day where that is another."""
    return f"{_span(start, end, zone)} ({zone.key}) · UTC {_span(start, end, ZoneInfo('UTC'))}"


def _span(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    first, last = start.astimezone(zone), end.astimezone(zone)
    same = first.date() == last.date()
    return (
        f"{first:%Y-%m-%d %H:%M:%S}–{last:%H:%M:%S}" if same else f"{first:%Y-%m-%d %H:%M:%S}–{last:%Y-%m-%d %H:%M:%S}"
    )


def of_text(said: str, zone: ZoneInfo) -> str:
    """The same of an instant as records write it; whatever is none stays as it is."""
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        return said
    return local_and_utc(at, zone) if at.tzinfo else said
