"""A full day at one detention centre: twenty sessions over eight rooms, lunch, two duty officers."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from cases import registry as cases
from cases.models import CustodyStatus
from people import registry as people
from people.models import Person
from people.principals import Principal
from scheduler import bookings, decisions
from scheduler.facilities import add_room
from scheduler.hours import add_hours
from scheduler.models import Booking, Facility, Room, RoomUse
from scheduler.requests import Request
from tests.web.world import World

PLACE = "城东看守所"
NAMES = (
    "陈志强 林国栋 黄文斌 刘永福 杨建军 赵大伟 周小龙 吴振华 徐永昌 孙立新 朱庆云 马德胜 胡海生 郭树清 何俊峰 高志远"
)
LAWYERS = ("沈若兰", "韩松", "梁启明", "宋雨桐")
OFFICERS = ("郑毅", "冯立", "蒋涛", "曹阳", "彭斌", "邓凯")
VISITS = ("09:00", "09:00", "09:00", "09:00", "10:15", "10:15", "10:15", "13:30", "13:30", "13:30", "15:00", "15:00")
QUESTIONINGS = ("09:00", "09:00", "10:30", "10:30", "14:00", "14:00", "14:00", "16:00")


@dataclass
class FullDay:
    """What stands in the calendar, in the order of ``VISITS`` and ``QUESTIONINGS``."""

    facility: str
    rooms: dict[str, str]
    persons: dict[str, str]
    visits: list[Booking]
    questionings: list[Booking]
    midnight: datetime


async def full_day(world: World) -> FullDay:
    """Fill the day after the world's noon; the clock then stands at eight in the morning there.

    The last two visits still wait for an answer. ``duty2`` is the second duty officer.
    """
    lawyers, officers, persons = [], [], {}
    async with world.database.transaction() as tx:
        place = (await tx.execute(select(Facility).where(Facility.name == PLACE))).scalar_one()
        for name, use in (("会见室 4", "visit"), ("会见室 5", "visit"), ("讯问室 3", "interrogation")):
            await add_room(tx, world.clock, facility=place.id, name=name, use=RoomUse(use))
        await add_hours(tx, world.clock, facility=place.id, opens=8 * 60, closes=18 * 60)
        await add_hours(
            tx, world.clock, facility=place.id, opens=11 * 60 + 45, closes=13 * 60, is_break=True, word="meal"
        )
        firm = (await tx.execute(select(Person.organisation).where(Person.name == "沈知远"))).scalar_one()
        unit = (await tx.execute(select(Person.organisation).where(Person.name == "周建平"))).scalar_one()
        branch = (await tx.execute(select(Person.organisation).where(Person.name == "赵国强"))).scalar_one()
        lawyers = [await _account(world, tx, firm, name, "lawyer") for name in LAWYERS]
        officers = [await _account(world, tx, unit, name, "officer") for name in OFFICERS]
        await _account(world, tx, branch, "丁一鸣", "duty_officer", login="duty2", facility=place.id)
        for number, name in enumerate(NAMES.split()):
            person = await cases.add_custody_person(tx, world.clock, name=name, sex="male")
            case = await cases.add_case(
                tx, world.clock, number=f"满日〔2026〕{number:04}号", title=f"{name}案", organisation=unit
            )
            await cases.suspect(tx, world.clock, case=case.id, person=person.id)
            await cases.place(tx, world.clock, person=person.id, status=CustodyStatus.DETAINED, facility=place.id)
            for officer in officers:
                await cases.assign(tx, world.clock, case=case.id, person=officer.id)
            await cases.represent(
                tx,
                world.clock,
                lawyer=lawyers[number % len(lawyers)].id,
                client=person.id,
                case=case.id,
                checked_by=officers[0].id,
            )
            persons[name] = (person.id, case.id)
        rooms = {r.name: r.id for r in (await tx.execute(select(Room).where(Room.facility == place.id))).scalars()}
    midnight = datetime.fromisoformat("2026-03-03T00:00:00+08:00")
    world.clock.advance((midnight + timedelta(hours=8) - world.clock.now()).total_seconds())
    clients = list(persons.values())
    visits = [
        await _visit(world, lawyers[n % 4], clients[n][0], _at(midnight, clock)) for n, clock in enumerate(VISITS)
    ]
    duty = await world.principal("duty")
    for visit in visits[:-2]:
        await decisions.confirm(world.database, world.clock, duty, visit.id)
    questionings = []
    for n, clock in enumerate(QUESTIONINGS):
        pair = officers[2 * (n % 3)], officers[2 * (n % 3) + 1]
        # those of the morning have no visit then, those of the afternoon were visited in the morning
        questionings.append(await _questioning(world, pair, clients[(n + 12) % 16], _at(midnight, clock)))
    return FullDay(place.id, rooms, {name: one[0] for name, one in persons.items()}, visits, questionings, midnight)


def _at(midnight: datetime, clock: str) -> datetime:
    hours, minutes = clock.split(":")
    return midnight + timedelta(hours=int(hours), minutes=int(minutes))


async def _account(
    world: World, tx, organisation: str, name: str, role: str, *, login: str = "", facility: str | None = None
) -> Principal:  # type: ignore[no-untyped-def]  # the session of the caller
    person = await people.add_person(tx, world.clock, organisation=organisation, name=name, number="031999")
    await people.open_account(tx, world.clock, person=person.id, login=login or person.id, password_hash="none")
    await people.grant(tx, world.clock, person=person.id, role=role, facility=facility)
    return Principal(
        kind="account", id=person.id, name=name, roles=frozenset({role}), organisation=organisation, facility=facility
    )


async def _visit(world: World, lawyer: Principal, person: str, start: datetime) -> Booking:
    wish = Request(kind="visit", start=start, end=start + timedelta(minutes=60), custody_person=person)
    made = await bookings.request_booking(world.database, world.clock, lawyer, wish)
    assert isinstance(made, Booking), made
    return made


async def _questioning(
    world: World, officers: tuple[Principal, Principal], person: tuple[str, str], start: datetime
) -> Booking:
    wish = Request(
        kind="interrogation",
        start=start,
        end=start + timedelta(minutes=75),
        custody_person=person[0],
        case=person[1],
        officers=(officers[1].id,),
    )
    made = await bookings.request_booking(world.database, world.clock, officers[0], wish)
    assert isinstance(made, Booking), made
    return made
