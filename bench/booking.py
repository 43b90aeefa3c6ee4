"""How fast the calendar searches and books at the size of a province's city, and whether anything ever overlaps.

    python -m bench.booking --database sqlite|postgresql [--url URL] [--bookings 50000] [--seed 1]

Builds 16 branches, 145 facilities, 1,000 rooms and the bookings in a database of its own, then prints JSON lines.
It asserts no time; it exits non-zero when two sessions overlap or a race has not exactly one winner.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert, text

from cases.models import Case, CaseOfficer, CaseSuspect, CustodyPerson, CustodyRecord, CustodyStatus, Representation
from core import ledger, migrate
from core.clock import FakeClock
from core.database import Database, sqlite_url
from core.ids import new_id
from people.models import Account, Organisation, Person, RoleGrant
from people.principals import Principal
from scheduler import exclusion, search
from scheduler.bookings import request_booking
from scheduler.models import Booking, Facility, FacilityKind, Hold, Party, Room, RoomUse, RuleSetting, State
from scheduler.requests import Request

NOW = datetime(2026, 3, 2, 0, tzinfo=UTC)
"""A Monday, eight in the morning in Shanghai."""
BRANCHES, FACILITIES, ROOMS = 16, 145, 1000
DAYS = 30
HOUR = timedelta(hours=1)


@dataclass
class City:
    """What was built, for asking."""

    officers: list[Principal] = field(default_factory=list)
    lawyers: list[Principal] = field(default_factory=list)
    detained: dict[str, list[str]] = field(default_factory=dict)
    """Facility → persons in custody."""
    clients: dict[str, str] = field(default_factory=dict)
    """Person in custody → lawyer."""
    cases: dict[str, str] = field(default_factory=dict)
    """Person in custody → case."""


async def main() -> int:
    """Run every measurement; 0 when nothing overlapped and the races were fair."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--url", help="an empty database to use instead of a temporary one")
    parser.add_argument("--bookings", type=int, default=50_000)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    async with _database(options.database, options.url) as database:
        await migrate.upgrade(database, (ledger.GUARD, exclusion.GUARD))
        dice, clock = random.Random(options.seed), FakeClock(NOW)
        started = time.perf_counter()
        city, held = await build(database, dice, options.bookings)
        _say(database, "built", bookings=held, seconds=round(time.perf_counter() - started, 1))
        await measure_search(database, clock, city, dice)
        await measure_booking(database, clock, city, dice)
        fair = await race(database, clock, city)
        await storm(database, clock, city, dice, options.requests)
        overlaps = await count_overlaps(database)
        _say(database, "overlaps", count=overlaps)
        return 0 if fair and overlaps == 0 else 1


async def measure_search(db: Database, clock: FakeClock, city: City, dice: random.Random, times: int = 200) -> None:
    """A lawyer asks for an hour with a client within a week, over every room that may serve."""
    persons = list(city.clients)
    lawyers = {p.id: p for p in city.lawyers}

    async def one() -> None:
        person = dice.choice(persons)
        start = NOW + dice.randrange(20) * 24 * HOUR
        wish = Request(kind="visit", start=start, end=start + HOUR, custody_person=person)
        await search.free_slots(db, clock, lawyers[city.clients[person]], wish, until=start + timedelta(days=7))

    _say(db, "search", **await _timed(one, times))


async def measure_booking(db: Database, clock: FakeClock, city: City, dice: random.Random, times: int = 200) -> None:
    """One officer after the other books an interrogation somewhere in the next month."""

    async def one() -> None:
        await request_booking(db, clock, *_wish(city, dice))

    _say(db, "book", **await _timed(one, times))


async def race(db: Database, clock: FakeClock, city: City, parallel: int = 50) -> bool:
    """Many ask for one person, room and time at once."""
    officer, wish = _wish(city, random.Random(99))
    start = NOW + timedelta(days=60)
    wish = replace(wish, start=start, end=start + HOUR)
    began = time.perf_counter()
    answers = await asyncio.gather(
        *(request_booking(db, clock, officer, wish) for _ in range(parallel)), return_exceptions=True
    )
    winners = sum(isinstance(a, Booking) for a in answers)
    errors = sum(isinstance(a, BaseException) for a in answers)
    offered = sum(bool(getattr(a, "alternatives", ())) for a in answers)
    seconds = round(time.perf_counter() - began, 2)
    _say(db, "race", parallel=parallel, winners=winners, with_alternatives=offered, errors=errors, seconds=seconds)
    return winners == 1 and errors == 0 and offered == parallel - 1


async def storm(db: Database, clock: FakeClock, city: City, dice: random.Random, count: int) -> None:
    """Random requests, sixteen at a time."""
    gate = asyncio.Semaphore(16)
    wishes = [_wish(city, dice) for _ in range(count)]

    async def one(officer: Principal, wish: Request) -> bool:
        async with gate:
            return isinstance(await request_booking(db, clock, officer, wish), Booking)

    began = time.perf_counter()
    won = await asyncio.gather(*(one(*wish) for wish in wishes))
    seconds = time.perf_counter() - began
    _say(db, "storm", requests=count, booked=sum(won), per_second=round(count / seconds, 1))


async def count_overlaps(db: Database) -> int:
    """Neighbouring holds of one resource that share an instant, counted by sorting, not by the database's rule."""
    async with db.transaction(write=False) as tx:
        rows = (await tx.execute(text("SELECT resource, starts, ends FROM holds ORDER BY resource, starts"))).all()
    return sum(a[0] == b[0] and a[2] > b[1] for a, b in itertools.pairwise(rows))


async def build(db: Database, dice: random.Random, bookings: int) -> tuple[City, int]:
    """Fill the database; return the city and how many bookings found a place."""
    city = City()
    rows: dict[type, list[dict[str, object]]] = {}

    def add(table: type, **values: object) -> str:
        made = {"id": new_id(), **values}
        rows.setdefault(table, []).append(made)
        return str(made["id"])

    bureau = add(Organisation, parent=None, tree="police", kind="bureau", name="Bureau", phone="")
    firm = add(Organisation, parent=None, tree="justice", kind="firm", name="Firm", phone="")
    centres, rooms = _places(add, bureau)
    _persons(add, rows, city, bureau, firm, centres, dice)
    held = _bookings(add, city, rooms, dice, bookings, bureau)
    # asked for around the clock, so that every request is one the calendar must answer
    add(
        RuleSetting, rule="IN-2n", facility=None, since=NOW.date(), until=None, off=True, parameters={}, by="b", at=NOW,
    )  # fmt: skip
    order = (
        RuleSetting, Organisation, Person, Account, RoleGrant, Facility, Room, Case, CaseOfficer, CustodyPerson,
        CaseSuspect, CustodyRecord, Representation, Booking, Party, Hold,
    )  # fmt: skip
    for table in order:
        values = rows.get(table, [])
        for part in range(0, len(values), 5000):
            async with db.transaction() as tx:
                await tx.execute(insert(table), values[part : part + 5000])
    if not db.is_sqlite:
        async with db.engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(text("ANALYZE"))
    return city, held


def _places(add: Callable[..., str], bureau: str) -> tuple[list[str], dict[str, list[str]]]:
    """Branches with a detention centre each, and stations; rooms until there are as many as asked for."""
    centres: list[str] = []
    rooms: dict[str, list[str]] = {}
    common = {"zone": "Asia/Shanghai", "phone": "", "address": "", "latitude": None, "longitude": None, "closed": None}
    for number in range(FACILITIES):
        central = number < BRANCHES
        kind = FacilityKind.DETENTION_CENTRE if central else FacilityKind.STATION
        facility = add(Facility, organisation=bureau, name=f"Facility {number}", kind=kind, **common)
        count = (
            25
            if central
            else (ROOMS - 25 * BRANCHES) // (FACILITIES - BRANCHES)
            + (number - BRANCHES < (ROOMS - 25 * BRANCHES) % (FACILITIES - BRANCHES))
        )
        if central:
            centres.append(facility)
        for room in range(count):
            use = (RoomUse.VISIT if room % 2 else RoomUse.INTERROGATION) if central else RoomUse.EVIDENCE
            made = add(
                Room, facility=facility, name=f"Room {room}", use=use, capacity=4, equipment=[], movable=False,
                buffer_before=0, buffer_after=0, closed=None,
            )  # fmt: skip
            if central:
                rooms.setdefault(f"{facility}:{use.value}", []).append(made)
    return centres, rooms


def _persons(
    add: Callable[..., str],
    rows: dict[type, list[dict[str, object]]],
    city: City,
    bureau: str,
    firm: str,
    centres: Iterable[str],
    dice: random.Random,
) -> None:
    """Officers, lawyers, and forty persons in custody at each centre with a case and a lawyer."""
    roles = [("officer", bureau, city.officers, 200), ("lawyer", firm, city.lawyers, 200)]
    for role, unit, into, count in roles:
        for number in range(count):
            id_ = add(Person, name=f"{role} {number}", number="", organisation=unit, phone="", state="active")
            add(RoleGrant, person=id_, role=role, organisation=unit, facility=None, granted_by="b", granted=NOW)
            into.append(Principal("account", id_, f"{role} {number}", frozenset({role}), organisation=unit))
    case = add(
        Case, number="1", title="Case", organisation=bureau, offence="ordinary", stage="investigation", opened=NOW,
        closed=None, external=None,
    )  # fmt: skip
    rows[CaseOfficer] = [{"case": case, "person": officer.id} for officer in city.officers]
    rows[CaseSuspect] = []
    for centre in centres:
        for number in range(40):
            person = add(
                CustodyPerson, name=f"Person {number}", sex="", born=None, identity_number="", language="zh",
                needs_interpreter=False,
            )  # fmt: skip
            rows[CaseSuspect].append({"case": case, "person": person})
            add(CustodyRecord, person=person, facility=centre, status=CustodyStatus.DETAINED, since=NOW, until=None)
            lawyer = dice.choice(city.lawyers).id
            add(Representation, lawyer=lawyer, client=person, case=case, state="verified", since=NOW, until=None)
            city.detained.setdefault(centre, []).append(person)
            city.clients[person], city.cases[person] = lawyer, case


def _bookings(
    add: Callable[..., str], city: City, rooms: dict[str, list[str]], dice: random.Random, count: int, bureau: str
) -> int:
    """Sessions of the last year and the next month that do not overlap, each with a person, two officers and a room."""
    taken: set[tuple[str, datetime]] = set()
    made = 0
    for _ in range(count * 4):
        if made == count:
            break
        facility = dice.choice(list(city.detained))
        kind, use = ("interrogation", "interrogation") if dice.random() < 0.5 else ("visit", "visit")
        start = NOW + (dice.randrange(-365 * 10, DAYS * 10) // 10) * 24 * HOUR + dice.randrange(10) * HOUR
        person, room = dice.choice(city.detained[facility]), dice.choice(rooms[f"{facility}:{use}"])
        asking = [p.id for p in dice.sample(city.officers, 2)] if kind == "interrogation" else [city.clients[person]]
        resources = [f"room:{room}", f"custody:{person}", *(f"person:{p}" for p in asking)]
        if any((resource, start) in taken for resource in resources):
            continue
        taken.update((resource, start) for resource in resources)
        booking = add(
            Booking, kind=kind, state=State.CONFIRMED if start >= NOW else State.DONE, start=start, end=start + HOUR,
            zone="Asia/Shanghai", organisation=bureau, facility=facility, case=None, created_by=asking[0], created=NOW,
            version=1,
        )  # fmt: skip
        add(
            Party, booking=booking, role="detainee", endpoint_role="room", person=None, custody_person=person, name="P",
            number="", room=room, lead=False,
        )  # fmt: skip
        for resource in resources:
            add(Hold, booking=booking, resource=resource, start=start, end=start + HOUR)
        made += 1
    return made


def _wish(city: City, dice: random.Random) -> tuple[Principal, Request]:
    facility = dice.choice(list(city.detained))
    person = dice.choice(city.detained[facility])
    officer, colleague = dice.sample(city.officers, 2)
    start = NOW + HOUR + dice.randrange(DAYS * 96 - 96) * timedelta(minutes=15)
    wish = Request(
        kind="interrogation", start=start, end=start + HOUR, custody_person=person, case=city.cases[person],
        officers=(colleague.id,),
    )  # fmt: skip
    return officer, wish


async def _timed(work: Callable[[], Awaitable[None]], times: int) -> dict[str, object]:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        await work()
        taken.append((time.perf_counter() - began) * 1000)
    taken.sort()
    return {"times": times, "p50_ms": round(taken[times // 2], 1), "p95_ms": round(taken[int(times * 0.95)], 1)}


def _say(db: Database, what: str, **values: object) -> None:
    line = {"bench": "booking", "database": "sqlite" if db.is_sqlite else "postgresql", "what": what, **values}
    print(json.dumps(line), flush=True)


@asynccontextmanager
async def _database(kind: str, url: str | None) -> AsyncIterator[Database]:
    """The database asked for, or a temporary one of the kind, gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="yjbench"))
    stop: Callable[[], None] | None = None
    if url is None and kind == "sqlite":
        url = sqlite_url(directory / "bench.sqlite3")
    elif url is None:
        url, stop = _server(directory)
    database = Database(url)
    try:
        yield database
    finally:
        await database.close()
        if stop is not None:
            stop()
        shutil.rmtree(directory, ignore_errors=True)


def _server(directory: Path) -> tuple[str, Callable[[], None]]:
    """A PostgreSQL server of our own on a socket in ``directory``."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not found:
        raise SystemExit("PostgreSQL is not installed (Debian package postgresql); or give --url")
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(directory, "postgres")

    def run(program: str, *arguments: str) -> None:
        command = [*as_user, str(found[-1] / program), *arguments]
        subprocess.run(command, cwd="/", check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    data = f"{directory}/data"
    run("initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C")
    options = f"-c listen_addresses='' -k {directory} -c max_connections=60 -c shared_buffers=256MB"
    run("pg_ctl", "-D", data, "-w", "-l", f"{directory}/log", "-o", options, "start")
    return f"postgresql://postgres@/postgres?host={directory}", lambda: run("pg_ctl", "-D", data, "-m", "fast", "stop")


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
