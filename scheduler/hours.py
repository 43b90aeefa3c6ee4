"""Reading calendars, and writing opening hours, breaks and blocks."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

import structlog
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from core import ledger
from core.clock import Clock
from core.database import Database
from core.errors import Invalid, NotFound
from scheduler.calendar import DAY_MINUTES, Calendar, Closure, Span, WorkingDays
from scheduler.models import Block, Facility, Hours, WorkingDay

log = structlog.get_logger()

COUNTRY = "CN"
SYSTEM = "system"
AROUND = timedelta(days=31)
DAYS = frozenset({"all", "working", "free"})


async def calendars_of(
    tx: AsyncSession, facilities: Collection[str], start: datetime, end: datetime
) -> dict[str, Calendar]:
    """The calendar of each facility, with the blocks that touch ``[start, end)``."""
    if not facilities:
        return {}
    query = select(Facility.id, Facility.zone, Hours).outerjoin(Hours, Hours.facility == Facility.id)
    rows = (await tx.execute(query.where(Facility.id.in_(facilities)))).all()
    zones, hours = {row[0]: row[1] for row in rows}, [row[2] for row in rows if row[2] is not None]
    closures: dict[str, list[Closure]] = {}
    for block in (await tx.execute(_blocks(facilities, start, end))).scalars():
        closures.setdefault(block.facility, []).append(Closure(block.start, block.end, block.room))
    days = await working_days(tx, start.date(), end.date()) if hours else WorkingDays()
    return {
        facility: Calendar(
            zone=zone,
            opening=tuple(_span(h) for h in hours if h.facility == facility and not h.is_break),
            breaks=tuple(_span(h) for h in hours if h.facility == facility and h.is_break),
            closures=tuple(closures.get(facility, ())),
            days=days,
        )
        for facility, zone in zones.items()
    }


def _blocks(facilities: Collection[str], start: datetime, end: datetime) -> Select[Block]:
    return select(Block).where(
        Block.facility.in_(facilities), Block.lifted.is_(None), Block.end > start, Block.start < end
    )


async def blocks_of(tx: AsyncSession, facility: str, start: datetime, end: datetime) -> Sequence[Block]:
    """Closures of a facility that touch ``[start, end)`` and were not lifted, earliest first."""
    return (await tx.execute(_blocks({facility}, start, end).order_by(Block.start, Block.id))).scalars().all()


async def hours_of(tx: AsyncSession, facility: str) -> Sequence[Hours]:
    """Opening hours, then breaks of a facility, by time of day."""
    query = select(Hours).where(Hours.facility == facility).order_by(Hours.is_break, Hours.opens, Hours.id)
    return (await tx.execute(query)).scalars().all()


async def remove_hours(tx: AsyncSession, clock: Clock, *, facility: str, hours: str, by: str = SYSTEM) -> None:
    """Take back opening hours or a break. Raises ``NotFound``."""
    found = await tx.get(Hours, hours)
    if found is None or found.facility != facility:
        raise NotFound("no-hours", "There are no such hours.")
    said = {"opens": found.opens, "closes": found.closes, "days": found.days, "word": found.word}
    await tx.delete(found)
    await tx.flush()
    await ledger.append(tx, "facility.hours-removed", actor=by, subject=facility, at=clock.now(), details=said)


async def days_of(tx: AsyncSession, year: int, country: str = COUNTRY) -> Sequence[WorkingDay]:
    """The days of a year that differ from their weekday, in order."""
    query = select(WorkingDay).where(
        WorkingDay.country == country, WorkingDay.day.between(date(year, 1, 1), date(year, 12, 31))
    )
    return (await tx.execute(query.order_by(WorkingDay.day))).scalars().all()


async def working_days(tx: AsyncSession, first: date, last: date, country: str = COUNTRY) -> WorkingDays:
    """The days of a country that differ from their weekday, a month around ``[first, last]`` included."""
    query = select(WorkingDay.day, WorkingDay.working).where(WorkingDay.country == country)
    rows = await tx.execute(query.where(WorkingDay.day.between(first - AROUND, last + AROUND)))
    return WorkingDays({row.day: row.working for row in rows})


async def set_day(
    tx: AsyncSession,
    clock: Clock,
    day: date,
    working: bool,
    name: str = "",
    *,
    country: str = COUNTRY,
    by: str = SYSTEM,
) -> None:
    """A day is worked, or free, whatever its weekday."""
    found = await tx.get(WorkingDay, (country, day))
    if found is None:
        tx.add(WorkingDay(country=country, day=day, working=working, name=name))
    else:
        found.working, found.name = working, name
    await tx.flush()
    details = {"day": day.isoformat(), "working": working}
    await ledger.append(tx, "calendar.day", actor=by, subject=country, at=clock.now(), details=details)


async def add_hours(
    tx: AsyncSession,
    clock: Clock,
    *,
    facility: str,
    opens: int,
    closes: int,
    days: str = "all",
    kinds: tuple[str, ...] = (),
    room: str | None = None,
    is_break: bool = False,
    word: str = "",
    by: str = SYSTEM,
) -> Hours:
    """Add opening hours or a break. ``closes`` may pass midnight, up to the next day's."""
    if not 0 <= opens < closes <= 2 * DAY_MINUTES or opens >= DAY_MINUTES:
        raise Invalid("hours", "The end must come after the start.", field="closes")
    if days not in DAYS and not (days and set(days) <= set("1234567")):
        raise Invalid("days", "Please choose on which days.", field="days")
    hours = Hours(
        facility=facility,
        room=room,
        kinds=list(kinds),
        days=days,
        opens=opens,
        closes=closes,
        is_break=is_break,
        word=word,
    )
    tx.add(hours)
    await tx.flush()
    await ledger.append(tx, "facility.hours", actor=by, subject=facility, at=clock.now(), details={"hours": hours.id})
    return hours


async def seed_working_days(tx: AsyncSession, clock: Clock, years: Collection[int], country: str = COUNTRY) -> int:
    """Fill the table of days that differ from their weekday, leaving edited ones; return how many were added.

    China from ``chinesecalendar`` (public holidays and worked weekends), others from ``holidays``. A year the library
    does not know is left to Monday to Friday, with a warning in the log.
    """
    known = _chinese(years) if country == "CN" else _elsewhere(country, years)
    if unknown := sorted(set(years) - {day.year for day in known}):
        log.warning("no holidays are known for a year: Monday to Friday is assumed", years=unknown)
    added = 0
    for day, (working, name) in sorted(known.items()):
        if await tx.get(WorkingDay, (country, day)) is None:
            tx.add(WorkingDay(country=country, day=day, working=working, name=name[:64]))
            added += 1
    await tx.flush()
    if added:
        details = {"years": sorted(years), "days": added}
        await ledger.append(tx, "calendar.seeded", actor=SYSTEM, subject=country, at=clock.now(), details=details)
    return added


async def ensure_working_days(db: Database, clock: Clock) -> int:
    """Before serving: the days of this year and the next are known as far as the libraries know them."""
    year = clock.now().year
    async with db.transaction() as tx:
        return await seed_working_days(tx, clock, (year, year + 1))


def _chinese(years: Collection[int]) -> dict[date, tuple[bool, str]]:
    try:
        from chinese_calendar import constants  # type: ignore[import-untyped]  # the library has no types
    except ImportError:
        return {}
    free = {day: (False, str(name)) for day, name in constants.holidays.items() if day.year in years}
    worked = {day: (True, str(name)) for day, name in constants.workdays.items() if day.year in years}
    return free | worked


def _elsewhere(country: str, years: Collection[int]) -> dict[date, tuple[bool, str]]:
    try:
        from holidays import country_holidays

        return {day: (False, name) for day, name in country_holidays(country, years=list(years)).items()}
    except (ImportError, NotImplementedError):
        return {}


def _span(hours: Hours) -> Span:
    return Span(hours.opens, hours.closes, hours.days, frozenset(hours.kinds), hours.room, hours.word)
