"""A day in the life of the demo site, around the present: sessions over eight rooms, requests with their clocks, papers
to check, a broken room, somebody transferred, witnesses to invite, and a month behind it for statistics.

All names are invented. Rows are written as the use cases would leave them; only a database without them is filled.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from cases import registry as cases
from cases.kinds import EndpointRole, Role
from cases.models import CustodyPerson, CustodyStatus, Paper, PaperFile, PaperKind, Representation
from core.clock import Clock
from core.database import Database
from core.ids import new_id
from people import registry as people
from people.models import Account, Organisation, Person
from scheduler import escalation
from scheduler.demo_cast import (
    CASES,
    CENTRE,
    COMING,
    LAWYERS,
    MISSED,
    MORE_ROOMS,
    OFFICERS,
    PAST_DAYS,
    PDF,
    PERSONS,
    QUESTIONINGS,
    REQUESTS,
    STEPS_FOR,
    TRANSFERRED,
    VISITS,
    WITNESSES,
)
from scheduler.facilities import add_room
from scheduler.models import (
    Absence,
    Block,
    Booking,
    BookingChange,
    CustodyStep,
    Facility,
    Hold,
    OfferedTimes,
    Party,
    Room,
    State,
    Step,
)
from scheduler.windows import ZONE


@dataclass(slots=True)
class _Day:
    """Ids found on the way, and rows to be written at once."""

    tx: AsyncSession
    clock: Clock
    now: datetime
    origin: datetime
    """When the day shown as today begins."""
    place: Facility
    rooms: dict[str, str] = field(default_factory=dict)
    logins: dict[str, str] = field(default_factory=dict)
    lawyers: list[tuple[str, str]] = field(default_factory=list)
    """Id and name."""
    pairs: list[tuple[tuple[str, str, str], tuple[str, str, str]]] = field(default_factory=list)
    """Id, name and number of two officers each."""
    persons: list[tuple[str, str]] = field(default_factory=list)
    cases: list[str] = field(default_factory=list)
    rows: dict[type, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, table: type, **values: Any) -> None:
        """A row to be written; ``id`` is made where the table has one."""
        if hasattr(table, "id"):
            values.setdefault("id", new_id())
        self.rows.setdefault(table, []).append(values)

    def at(self, days: int, clock: str) -> datetime:
        """The instant of a time of a day, 0 being today."""
        hours, minutes = clock.split(":")
        return self.origin + timedelta(days=days, hours=int(hours), minutes=int(minutes))

    async def write(self) -> None:
        """Everything in as many statements as there are tables, in the order in which they refer to one another."""
        for table in (Booking, Party, Hold, BookingChange, CustodyStep, OfferedTimes):
            if self.rows.get(table):
                await self.tx.execute(insert(table), self.rows[table])


async def fill(db: Database, clock: Clock) -> None:
    """Write the day into a seeded demo site that has no bookings yet."""
    async with db.transaction() as tx:
        if (await tx.execute(select(Booking.id).limit(1))).first():
            return
        place = (await tx.execute(select(Facility).where(Facility.name == CENTRE))).scalar_one()
        now = clock.now().replace(second=0, microsecond=0)
        day = _Day(tx, clock, now, _origin(now), place)
        await _people(day)
        for room, start, minutes, person in VISITS:
            _visit(day, room, day.at(0, start), minutes, person, MISSED.get((room, start)))
        for room, start, minutes, person, pair in QUESTIONINGS:
            _questioning(day, room, day.at(0, start), minutes, person, pair, MISSED.get((room, start)))
        _coming(day)
        _behind(day)
        await _changes(day)
        await day.write()
        await _requests(day)
        await _papers(day)


def _origin(now: datetime) -> datetime:
    """Midnight of the place in its working hours; at other hours the day is moved so that its noon is now."""
    local = now.astimezone(ZoneInfo(ZONE))
    if 8 <= local.hour < 18:
        return datetime.combine(local.date(), time(), local.tzinfo)
    return now.replace(minute=now.minute // 30 * 30) - timedelta(hours=13)


async def _people(day: _Day) -> None:
    tx, clock = day.tx, day.clock
    for name, use in MORE_ROOMS:
        await add_room(tx, clock, facility=day.place.id, name=name, use=use)
    day.rooms = {
        name: id_ for id_, name in await tx.execute(select(Room.id, Room.name).where(Room.facility == day.place.id))
    }
    known = await tx.execute(select(Account.login, Person).join(Person, Person.id == Account.person))
    there = {row[0]: row[1] for row in known}
    day.logins = {login: person.id for login, person in there.items()}
    firms = [there["lawyer"].organisation, there["lawyer2"].organisation]
    day.lawyers = [(there[login].id, there[login].name) for login in ("lawyer", "lawyer2")]
    for number, name in enumerate(LAWYERS):
        made = await people.add_person(
            tx, clock, organisation=firms[number % 2], name=name, number=f"1320120181077{number:04d}"
        )
        await people.grant(tx, clock, person=made.id, role="lawyer")
        day.lawyers.append((made.id, name))
    officers = [(p.id, p.name, p.number) for p in (there["officer"], there["officer2"], there["officer3"])]
    for name, badge in OFFICERS:
        unit = there["officer"].organisation
        made = await people.add_person(tx, clock, organisation=unit, name=name, number=badge)
        await people.grant(tx, clock, person=made.id, role="officer")
        officers.append((made.id, name, badge))
    day.pairs = [(officers[0], officers[1]), (officers[3], officers[4]), (officers[5], officers[6])]
    await _custody(day)


async def _custody(day: _Day) -> None:
    tx, clock = day.tx, day.clock
    unit = (await tx.execute(select(Organisation.id).where(Organisation.name == "城东分局刑侦大队"))).scalar_one()
    opened = []
    for number, title in enumerate(CASES):
        made = await cases.add_case(
            tx,
            clock,
            number=f"江公（城东）刑立字〔{day.now.year}〕{501 + number:04d}号",
            title=title,
            organisation=unit,
        )
        opened.append(made.id)
        pair = [officer[0] for officer in (*day.pairs[0], *day.pairs[number % len(day.pairs)])]
        for officer in dict.fromkeys([*pair, day.logins["officer3"]]):
            await cases.assign(tx, clock, case=made.id, person=officer)
    known = {p.name: p.id for p in (await tx.execute(select(CustodyPerson))).scalars()}
    of_case = {r.client: r.case for r in (await tx.execute(select(Representation))).scalars()}
    for number, (name, lawyer) in enumerate(PERSONS):
        if name in known:
            day.persons.append((known[name], name))
            day.cases.append(of_case[known[name]] or opened[0])
            continue
        person = await _held(day, name, opened[number % len(opened)], lawyer)
        day.persons.append((person, name))
        day.cases.append(opened[number % len(opened)])


async def _held(day: _Day, name: str, case: str, lawyer: int) -> str:
    tx, clock = day.tx, day.clock
    made = await cases.add_custody_person(tx, clock, name=name, sex="male")
    await cases.suspect(tx, clock, case=case, person=made.id)
    status, since = CustodyStatus.DETAINED, day.now - timedelta(days=40)
    await cases.place(tx, clock, person=made.id, status=status, facility=day.place.id, since=since)
    by = day.logins["duty"]
    await cases.represent(tx, clock, lawyer=day.lawyers[lawyer][0], client=made.id, case=case, checked_by=by)
    return made.id


def _visit(
    day: _Day,
    room: str,
    start: datetime,
    minutes: int,
    person: int,
    missed: str | None = None,
    review: str | None = None,
) -> None:
    lawyer = day.lawyers[PERSONS[person][1]]
    asking = [{"role": Role.LAWYER, "endpoint_role": EndpointRole.PARTY, "person": lawyer[0], "name": lawyer[1]}]
    _session(day, "visit", room, start, minutes, day.persons[person], asking, missed=missed, review=review)


def _questioning(
    day: _Day, room: str, start: datetime, minutes: int, person: int, pair: int, missed: str | None = None
) -> None:
    asking = [
        {"role": Role.OFFICER, "endpoint_role": EndpointRole.HOST, "person": id_, "name": name, "number": number}
        for id_, name, number in day.pairs[pair]
    ]
    case = day.cases[person]
    _session(day, "interrogation", room, start, minutes, day.persons[person], asking, case=case, missed=missed)


def _session(
    day: _Day,
    kind: str,
    room: str,
    start: datetime,
    minutes: int,
    person: tuple[str, str] | None,
    asking: list[dict[str, Any]],
    *,
    case: str | None = None,
    missed: str | None = None,
    review: str | None = None,
    created: datetime | None = None,
) -> str:
    """One session as its hour has left it: over, about to begin, or ahead."""
    end, booking = start + timedelta(minutes=minutes), new_id()
    over = end <= day.now
    state = State.CONFIRMED if not over else State.NO_SHOW if missed else State.DONE
    made = created or start - timedelta(hours=26)
    day.add(
        Booking,
        id=booking,
        kind=kind,
        state=state,
        start=start,
        end=end,
        zone=ZONE,
        organisation=day.place.organisation,
        facility=day.place.id if room else None,
        case=case,
        created_by=asking[0]["person"],
        created=min(made, day.now),
        decided=min(made + timedelta(hours=2), day.now),
        decided_by=day.logins["duty"],
        reason=missed if over else None,
        owner={"lawyer": "lawyer", "ill": "client"}.get(missed or "") if over else None,
        arrived=start - timedelta(minutes=12) if not missed and start - timedelta(minutes=12) <= day.now else None,
        started=start + timedelta(minutes=2) if over and not missed else None,
        ended=end - timedelta(minutes=4) if over and not missed else None,
        review=review if not over else None,
        version=2 if state is not State.NO_SHOW else 3,
    )
    _seats(day, booking, room, (start, end), person, asking, holds=not (over and missed))
    _history(day, booking, asking[0]["person"], state, start, end, made)
    if person is not None and not missed:
        _steps(day, booking, start, end)
    return booking


def _seats(
    day: _Day,
    booking: str,
    room: str,
    window: tuple[datetime, datetime],
    person: tuple[str, str] | None,
    asking: list[dict[str, Any]],
    *,
    holds: bool,
) -> None:
    seats = sorted(new_id() for _ in range(len(asking) + 1))  # read back in this order
    nobody: dict[str, Any] = {"person": None, "custody_person": None, "number": "", "room": None, "lead": False}
    for number, party in enumerate(asking):
        day.add(Party, **{**nobody, **party, "id": seats[number], "booking": booking, "lead": number == 0})
    taken = [f"person:{party['person']}" for party in asking if party.get("person")]
    if person is not None:
        held = {"role": Role.DETAINEE, "endpoint_role": EndpointRole.ROOM, "custody_person": person[0]}
        day.add(
            Party,
            **{**nobody, **held, "name": person[1], "room": day.rooms[room], "id": seats[-1], "booking": booking},
        )
        taken += [f"custody:{person[0]}", f"room:{day.rooms[room]}"]
    for resource in taken if holds else ():
        day.add(Hold, booking=booking, resource=resource, start=window[0], end=window[1])


def _history(day: _Day, booking: str, asker: str, state: State, start: datetime, end: datetime, made: datetime) -> None:
    snapshot: Mapping[str, Any] = {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "reason": None,
        "owner": None,
        "parties": [],
    }
    acts = [("requested", asker, made), ("confirmed", day.logins["duty"], made + timedelta(hours=2))]
    if state is State.NO_SHOW:
        acts.append(("no_show", day.logins["duty"], start + timedelta(minutes=20)))
    for version, (act, by, at) in enumerate(acts, start=1):
        said = {**snapshot, "state": "requested" if act == "requested" else "confirmed"}
        day.add(BookingChange, booking=booking, version=version, at=min(at, day.now), by=by, act=act, snapshot=said)


def _steps(day: _Day, booking: str, start: datetime, end: datetime) -> None:
    """Each step whose minute has come; somebody of a session under way waits in the room for it to begin."""
    if start < day.origin - timedelta(days=STEPS_FOR):
        return
    due = ((Step.BROUGHT, start, -9), (Step.IDENTITY_CHECKED, start, -6), (Step.ESCORT_LEFT, start, -1))
    under_way = start <= day.now < end
    for step, base, minutes in (*due, (Step.RETURNED, end, 6)):
        at = base + timedelta(minutes=minutes)
        if at <= day.now and not (under_way and step is Step.ESCORT_LEFT):
            day.add(CustodyStep, booking=booking, step=step, at=at, by=day.logins["duty"])


def _coming(day: _Day) -> None:
    """The week ahead, and witnesses of a case with times to choose from."""
    for ahead in range(1, 7):
        for room, start, number in COMING:
            _visit(day, room, day.at(ahead, start), 60, (3 * ahead + number) % len(PERSONS))
        _questioning(day, "讯问室 1", day.at(ahead, "11:30"), 60, (3 * ahead + 5) % len(PERSONS), 0)
    asking = [
        {"role": Role.OFFICER, "endpoint_role": EndpointRole.HOST, "person": id_, "name": name, "number": number}
        for id_, name, number in day.pairs[0]
    ]
    for number, name in enumerate(WITNESSES):
        guest = {"role": Role.WITNESS, "endpoint_role": EndpointRole.GUEST, "person": None, "name": name, "number": ""}
        begins = day.at(1, f"{14 + number}:00")
        session = _session(day, "statement", "", begins, 45, None, [*asking, guest], case=day.cases[1])
        if number < 2:
            starts = [day.at(days, clock).isoformat() for days in (2, 3) for clock in ("09:00", "14:00")]
            chosen = day.now - timedelta(hours=1) if number == 0 else None
            deadline = begins - timedelta(hours=2)
            day.add(
                OfferedTimes, booking=session, starts=[begins.isoformat(), *starts], deadline=deadline, chosen=chosen
            )


def _behind(day: _Day) -> None:
    """A month of visits that took place, asked for between five and fifty-five hours before; some were missed."""
    for back in range(1, PAST_DAYS + 1):
        for number, (room, clock) in enumerate((("会见室 1", "09:00"), ("会见室 2", "14:00"))):
            person = 7 + (back + number * 3) % 7  # of the lawyers without an account
            if PERSONS[person][1] < 2:
                person = 8
            start = day.at(-back, clock)
            lawyer = day.lawyers[PERSONS[person][1]]
            asking = [
                {"role": Role.LAWYER, "endpoint_role": EndpointRole.PARTY, "person": lawyer[0], "name": lawyer[1]}
            ]
            missed = "lawyer" if (back * 2 + number) % 17 == 0 else None
            created = start - timedelta(hours=5 + (back * 7 + number * 23) % 50)
            _session(day, "visit", room, start, 60, day.persons[person], asking, missed=missed, created=created)
        if back % 2:
            _questioning(day, "讯问室 1", day.at(-back, "10:30"), 90, back % 7, 1)


async def _changes(day: _Day) -> None:
    """What comes between: a terminal broken since twenty minutes, a client transferred this morning, a court date."""
    by = day.logins["duty"]
    start, end = day.now - timedelta(minutes=20), day.now + timedelta(hours=4)
    day.tx.add(
        Block(facility=day.place.id, room=day.rooms["会见室 3"], start=start, end=end, reason="device", by=by, at=start)
    )
    for row in day.rows[Booking]:
        party = next(
            (p for p in day.rows[Party] if p["booking"] == row["id"] and p["room"] == day.rooms["会见室 3"]), None
        )
        if party and row["state"] is State.CONFIRMED and row["start"] < end and start < row["end"]:
            row["review"] = "device"
    moved = await _held(day, TRANSFERRED, day.cases[0], 0)
    elsewhere = (await day.tx.execute(select(Facility.id).where(Facility.name == "城西看守所"))).scalar_one()
    lawyer = day.lawyers[0]
    asking = [{"role": Role.LAWYER, "endpoint_role": EndpointRole.PARTY, "person": lawyer[0], "name": lawyer[1]}]
    _session(day, "visit", "会见室 4", day.at(1, "10:30"), 60, (moved, TRANSFERRED), asking, review="transferred")
    since = day.now - timedelta(hours=1)
    status = CustodyStatus.DETAINED
    await cases.place(day.tx, day.clock, person=moved, status=status, facility=elsewhere, since=since, by=by)
    day.tx.add(
        Absence(
            custody_person=day.persons[13][0], facility=day.place.id, why="court", start=day.at(1, "09:00"),
            end=day.at(1, "12:00"), by=by, at=since,
        )
    )  # fmt: skip


async def _requests(day: _Day) -> None:
    """Requests that wait for the post, each with its clocks and the jobs that watch them."""
    made = []
    for days, room, start, person, hours in REQUESTS:
        lawyer, asked = day.lawyers[PERSONS[person][1]], day.now - timedelta(hours=hours)
        asking = [{"role": Role.LAWYER, "endpoint_role": EndpointRole.PARTY, "person": lawyer[0], "name": lawyer[1]}]
        day.rows.clear()
        session = _session(day, "visit", room, day.at(days, start), 60, day.persons[person], asking, created=asked)
        day.rows[BookingChange] = day.rows[BookingChange][:1]
        row = day.rows[Booking][0]
        row |= {"state": State.REQUESTED, "decided": None, "decided_by": None, "version": 1}
        await day.write()
        made.append((session, asked))
    for session, asked in made:
        await escalation.begin(day.tx, await day.tx.get_one(Booking, session), asked)


async def _papers(day: _Day) -> None:
    """Papers in order for the lawyers' clients, and two mandates the post has to check."""
    three = (PaperKind.LICENCE, PaperKind.FIRM_LETTER, PaperKind.POWER_OF_ATTORNEY)
    query = select(Representation).where(Representation.lawyer.in_([day.lawyers[0][0], day.lawyers[1][0]]))
    for bond in (await day.tx.execute(query)).scalars().all():
        for kind in three:
            await _paper(day, bond, kind, "accepted", day.now - timedelta(days=20))
    for lawyer, person, kinds, hours in ((1, 9, three, 22), (0, 13, three[:2], 5)):
        bond = await cases.represent(
            day.tx, day.clock, lawyer=day.lawyers[lawyer][0], client=day.persons[person][0], case=None
        )
        for kind in kinds:
            await _paper(day, bond, kind, "submitted", day.now - timedelta(hours=hours))


async def _paper(day: _Day, bond: Representation, kind: PaperKind, state: str, submitted: datetime) -> None:
    checked = state == "accepted"
    paper = Paper(
        kind=kind,
        representation=bond.id,
        client=bond.client,
        facility=day.place.id,
        state=state,
        digest=hashlib.sha256(PDF).hexdigest(),
        media_type="application/pdf",
        size=len(PDF),
        officers=[],
        submitted=submitted,
        submitted_by=bond.lawyer,
        due=submitted + timedelta(hours=24),
        checked=submitted + timedelta(hours=3) if checked else None,
        checked_by=day.logins["duty"] if checked else None,
        until=day.now + timedelta(days=300) if checked else None,
    )
    day.tx.add(paper)
    await day.tx.flush()
    day.tx.add(PaperFile(paper=paper.id, content=PDF))
