"""What each rule looks at: pure functions of the facts and the rule's parameters.

Each returns ``None`` when the rule is kept, else the values that fill its sentence.
"""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from cases.kinds import Role
from cases.models import CustodyStatus, Offence, Stage
from scheduler.calendar import WorkingDays
from scheduler.facts import Facts
from scheduler.models import FacilityKind
from scheduler.rooms import CASE_PREMISES, SERVES

Parameters = Mapping[str, int | float | str]
KEPT: None = None


_PRIVATE = frozenset({Role.LAWYER, Role.DETAINEE, Role.INTERPRETER, Role.GUARDIAN})
_INTERVIEWEES = (Role.WITNESS, Role.VICTIM)


def nobody_else(facts: Facts, _: Parameters) -> Mapping[str, object] | None:
    """Only lawyer, client, interpreter and guardian take part (LV-3)."""
    return KEPT if set(facts.roles) <= _PRIVATE else {}


def room_serves(facts: Facts, _: Parameters) -> Mapping[str, object] | None:
    """Both rooms are made for the kind (RM-1)."""
    serves = SERVES[facts.kind.code]
    if facts.far is not None and facts.far.use not in serves.far:
        return {"room": facts.far.name}
    same = facts.own is not None and facts.far is not None and facts.own.id == facts.far.id
    if facts.own is not None and not same and facts.own.use not in serves.own:
        return {"room": facts.own.name}
    return KEPT


def room_has_seats(facts: Facts, _: Parameters) -> Mapping[str, object] | None:
    """Each room has seats for those who are to sit in it; one room for both sides, for all of them (RM-2)."""
    one = facts.far is not None and facts.own is not None and facts.far.id == facts.own.id
    sides = [(facts.far, facts.far_persons + (facts.own_persons if one else 0)), (facts.own, facts.own_persons)]
    for room, persons in sides:
        if room is not None and not room.seats(persons):
            return {"room": room.name, "persons": persons, "seats": room.capacity}
    return KEPT


def enough_officers(facts: Facts, parameters: Parameters) -> Mapping[str, object] | None:
    """So many officers are named, co-operating ones included (IN-1)."""
    wanted = int(parameters["officers"])
    return KEPT if facts.count(Role.OFFICER, Role.COOPERATING_OFFICER) >= wanted else {"officers": wanted}


def place_by_custody(facts: Facts, _: Parameters) -> Mapping[str, object] | None:
    """The place fits where the person is held, or not (IN-2)."""
    if facts.far is None:
        return {}
    match facts.custody_status:
        case CustodyStatus.DETAINED:
            kept = facts.far.facility == facts.custody_facility
        case CustodyStatus.OUTSIDE:
            kept = False
        case CustodyStatus.NOT_ADMITTED:
            kept = facts.far.facility_kind in CASE_PREMISES
        case _:
            kept = facts.far.facility_kind is not FacilityKind.DETENTION_CENTRE
    return KEPT if kept else {}


def where_the_client_is(facts: Facts, _: Parameters) -> Mapping[str, object] | None:
    """The visit is at the facility that holds the client (LV-P)."""
    kept = facts.far is not None and facts.far.facility == facts.custody_facility
    return KEPT if kept else {}


def permit(facts: Facts, _: Parameters) -> Mapping[str, object] | None:
    """A grave case under investigation needs a permit, which is an exception granted (LV-2)."""
    grave = facts.offence in (Offence.SECURITY, Offence.TERRORISM) and facts.stage is Stage.INVESTIGATION
    return {} if grave else KEPT


def guardian(facts: Facts, _: Parameters) -> Mapping[str, object] | None:
    """A minor has a guardian (IN-7)."""
    return {} if facts.minor and not facts.count(Role.GUARDIAN) else KEPT


def interpreter(facts: Facts, _: Parameters) -> Mapping[str, object] | None:
    """Whoever needs an interpreter has one (IN-7i)."""
    return {} if facts.needs_interpreter and not facts.count(Role.INTERPRETER) else KEPT


def one_interviewee(facts: Facts, _: Parameters) -> Mapping[str, object] | None:
    """Exactly one witness or victim (WS-1)."""
    return KEPT if facts.count(*_INTERVIEWEES) == 1 else {"count": facts.count(*_INTERVIEWEES)}


def length_at_liberty(facts: Facts, parameters: Parameters) -> Mapping[str, object] | None:
    """A person at liberty is questioned for so many hours at most (IN-6l)."""
    if facts.custody_status not in (None, CustodyStatus.RELEASED):
        return KEPT
    hours = int(parameters["hours"])
    return KEPT if facts.end - facts.start <= timedelta(hours=hours) else {"hours": hours}


def rest_between(facts: Facts, parameters: Parameters) -> Mapping[str, object] | None:
    """A person at liberty has rested so long since the last questioning (IN-6r)."""
    if facts.custody_status not in (None, CustodyStatus.RELEASED) or facts.last_questioned is None:
        return KEPT
    free = facts.last_questioned + timedelta(hours=int(parameters["hours"]))
    return KEPT if facts.start >= free else {"from": free, "hours": int(parameters["hours"])}


def first_in_time(facts: Facts, parameters: Parameters) -> Mapping[str, object] | None:
    """The first questioning begins within so many hours of detention (IN-6f)."""
    if facts.questioned_before or facts.custody_since is None:
        return KEPT
    latest = facts.custody_since + timedelta(hours=int(parameters["hours"]))
    return KEPT if facts.start <= latest else {"latest": latest}


def girl(facts: Facts, _: Parameters) -> Mapping[str, object] | None:
    """A minor girl calls for a female officer (IN-7g)."""
    return {} if facts.minor and facts.sex == "female" else KEPT


def staggered(_: Facts, __: Parameters) -> Mapping[str, object] | None:
    """Always kept here: moves of others are no facts of this session; see ``scheduler/escorts.py`` (ES-1)."""
    return KEPT


def interpreter_permit(facts: Facts, _: Parameters) -> Mapping[str, object] | None:
    """An interpreter in a visit needs a permit, which is an exception granted (LV-2b)."""
    return {} if facts.count(Role.INTERPRETER) else KEPT


def permit_names_officers(facts: Facts, parameters: Parameters) -> Mapping[str, object] | None:
    """Inside a detention centre an accepted permit names the officers (IN-2b)."""
    inside = facts.far is not None and facts.far.facility_kind is FacilityKind.DETENTION_CENTRE
    wanted = int(parameters["officers"])
    return {"officers": wanted} if inside and facts.permit_named < wanted else KEPT


def not_at_night(facts: Facts, parameters: Parameters) -> Mapping[str, object] | None:
    """A questioning inside a detention centre does not touch its night, by the clock of the place (IN-2n)."""
    if facts.far is None or facts.far.facility_kind is not FacilityKind.DETENTION_CENTRE:
        return KEPT
    zone = ZoneInfo(facts.far.zone)
    begins, ends = int(parameters["from_hour"]), int(parameters["until_hour"])
    if begins == ends:
        return KEPT
    day = facts.start.astimezone(zone).date()
    for night in (day - timedelta(days=1), day, day + timedelta(days=1)):
        dark = datetime.combine(night, time(begins % 24), zone)
        light = datetime.combine(night + timedelta(days=1 if ends <= begins else 0), time(ends % 24), zone)
        if facts.start < light and dark < facts.end:
            return {"from": light}
    return KEPT


def on_the_grid(facts: Facts, parameters: Parameters) -> Mapping[str, object] | None:
    """A visit begins a multiple of the facility's minutes after local midnight, or after its band began (LV-4)."""
    if facts.far is None or facts.far.slot_minutes == 15:
        return KEPT  # every booking begins on a quarter of an hour
    local = facts.start.astimezone(ZoneInfo(facts.far.zone))
    minute = local.hour * 60 + local.minute
    begins = next((a for a, b in bands_of(str(parameters.get("bands", ""))) if a <= minute < b), 0)
    over = (minute - begins) % facts.far.slot_minutes
    if not over:
        return KEPT
    return {"minutes": facts.far.slot_minutes, "from": facts.start + timedelta(minutes=facts.far.slot_minutes - over)}


def few_no_shows(facts: Facts, parameters: Parameters) -> Mapping[str, object] | None:
    """The lawyer was the cause of fewer no-shows than close online booking (LV-4c)."""
    return KEPT if facts.lawyer_no_shows < int(parameters["count"]) else {"count": facts.lawyer_no_shows}


def notice(facts: Facts, parameters: Parameters) -> Mapping[str, object] | None:
    """The start is as far ahead as the facility asks (LV-4n)."""
    hours = float(parameters["hours"])
    earliest = facts.now + timedelta(hours=hours)
    return KEPT if not hours or facts.start >= earliest else {"from": earliest}


def in_practice_days(facts: Facts, parameters: Parameters) -> Mapping[str, object] | None:
    """The day is a working day, so many working days ahead (LV-4w). ``last`` = 0: any day."""
    first, last = int(parameters["first"]), int(parameters["last"])
    if not last or facts.far is None:
        return KEPT
    zone, days = ZoneInfo(facts.far.zone), WorkingDays(facts.differing)
    today, day = facts.now.astimezone(zone).date(), facts.start.astimezone(zone).date()
    from_, until = days.ahead(today, first), days.ahead(today, last)
    kept = from_ <= day <= until and days.works(day)
    return KEPT if kept else {"from": from_.isoformat(), "until": until.isoformat()}


def in_bands(facts: Facts, parameters: Parameters) -> Mapping[str, object] | None:
    """The visit lies in one of the day's bands, or in so many consecutive ones (LV-4b). Without bands: any time."""
    bands = bands_of(str(parameters["bands"]))
    if not bands or facts.far is None:
        return KEPT
    zone = ZoneInfo(facts.far.zone)
    start, end = facts.start.astimezone(zone), facts.end.astimezone(zone)
    from_ = start.hour * 60 + start.minute
    until = from_ + int((facts.end - facts.start).total_seconds()) // 60
    touched = [band for band in bands if band[0] < until and from_ < band[1]]
    covered = sum(min(until, band[1]) - max(from_, band[0]) for band in touched)
    kept = covered == until - from_ and len(touched) <= int(parameters["most"]) and start.date() == end.date()
    return KEPT if kept else {"bands": str(parameters["bands"]).replace(",", ", ")}


def of_length(facts: Facts, parameters: Parameters) -> Mapping[str, object] | None:
    """The length is one the facility offers (LV-4l). Without a list: any."""
    lengths = lengths_of(str(parameters["minutes"]))
    minutes = int((facts.end - facts.start).total_seconds()) // 60
    return KEPT if not lengths or minutes in lengths else {"minutes": str(parameters["minutes"]).replace(",", ", ")}


def elsewhere(_: Facts, __: Parameters) -> Mapping[str, object] | None:
    """Always kept here: what the rule says is applied at another moment, see ``scheduler/practice.py``."""
    return KEPT


def bands_of(text: str) -> list[tuple[int, int]]:
    """``09:00-10:00,10:00-11:00`` as minutes after midnight, in order. Raises ``ValueError``."""
    found: list[tuple[int, int]] = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        from_, until = (_minutes(clock) for clock in part.split("-"))
        if not from_ < until <= 24 * 60 or (found and from_ < found[-1][1]):
            raise ValueError(part)
        found.append((from_, until))
    return found


def lengths_of(text: str) -> list[int]:
    """``45,60,90`` as numbers. Raises ``ValueError``."""
    found = [int(piece) for piece in text.split(",") if piece.strip()]
    if not all(15 <= minutes <= 480 for minutes in found):
        raise ValueError(text)
    return found


def readable(name: str, text: str) -> bool:
    """Whether the text of a parameter can be read as what it stands for."""
    try:
        bands_of(text) if name == "bands" else lengths_of(text)
    except ValueError:
        return False
    return True


def _minutes(clock: str) -> int:
    hours, minutes = clock.strip().split(":")
    if not (0 <= int(hours) <= 24 and 0 <= int(minutes) < 60):
        raise ValueError(clock)
    return int(hours) * 60 + int(minutes)
