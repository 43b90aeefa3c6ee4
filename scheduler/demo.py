"""The demo site: one bureau, three branches, everybody needed for a first session. Names and numbers are invented.

Passwords are known and printed: never for real data.
"""

from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cases import registry as cases
from cases.models import CustodyStatus
from core.clock import Clock
from core.database import Database
from people import registry as people
from people.models import Account
from people.passwords import Passwords
from scheduler.facilities import add_facility, add_room
from scheduler.models import FacilityKind, RoomUse

PASSWORD = "yuanjian-demo"  # noqa: S105  # meant to be known
"""Of every demo account."""
BRANCHES = (("城东", (31.30, 120.65)), ("城西", (31.29, 120.55)), ("滨江", (31.36, 120.60)))
STATIONS = {"城东": ("东湖", "葑门"), "城西": ("枫桥", "横塘"), "滨江": ("望江", "沙洲")}


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """One account to try, with what it is for in both languages."""

    login: str
    password: str
    name: str
    role: str
    """msgid"""
    place: str


@dataclass(slots=True)
class _Site:
    """Ids found on the way."""

    organisations: dict[str, str] = field(default_factory=dict)
    facilities: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)


ACCOUNTS: tuple[tuple[str, str, str, str, str, str | None, str], ...] = (
    # login, name, number, role, organisation, facility of duty, msgid of the role
    ("lawyer", "沈知远", "13201201510123456", "lawyer", "正衡律师事务所", None, "Lawyer"),
    ("lawyer2", "顾清禾", "13201201710654321", "lawyer", "明理律师事务所", None, "Lawyer"),
    ("officer", "周建平", "031207", "officer", "城东分局刑侦大队", None, "Officer"),
    ("officer2", "林晓燕", "031518", "officer", "城东分局刑侦大队", None, "Officer"),
    ("officer3", "陈卫东", "031624", "officer", "城东分局刑侦大队", None, "Officer"),
    ("duty", "赵国强", "031902", "duty_officer", "城东分局", "城东看守所", "Duty officer"),
    ("duty-centre", "钱立新", "031911", "duty_officer", "城东分局", "城东执法办案管理中心", "Duty officer"),
    ("duty-west", "孙海波", "032903", "duty_officer", "城西分局", "城西看守所", "Duty officer"),
    ("duty-river", "吴志刚", "033905", "duty_officer", "滨江分局", "滨江看守所", "Duty officer"),
    ("interpreter", "徐文静", "F20190088", "interpreter", "江州市公安局", None, "Interpreter"),
    ("reviewer", "郑法明", "030116", "reviewer", "江州市公安局", None, "Legal reviewer"),
    ("inspector", "高明远", "030207", "inspector", "江州市公安局", None, "Inspector"),
    ("admin", "何静", "030021", "administrator", "江州市公安局", None, "Administrator of the police"),
    ("prosecutor", "叶青", "J0102", "prosecutor", "江州市人民检察院", None, "Resident prosecutor"),
    (
        "admin-prosecutor",
        "许岚",
        "J0077",
        "administrator",
        "江州市人民检察院",
        None,
        "Administrator of the procuratorate",
    ),
    ("admin-court", "邓辉", "F0031", "administrator", "江州市中级人民法院", None, "Administrator of the court"),
    ("admin-justice", "罗敏", "S0012", "administrator", "江州市司法局", None, "Administrator of the justice bureau"),
)


async def seed(db: Database, clock: Clock, passwords: Passwords | None = None) -> list[DemoAccount]:
    """Fill an empty database with the demo site; one that has it keeps its data. Return the accounts to print."""
    accounts = [
        DemoAccount(login, PASSWORD, name, role, facility or unit)
        for login, name, _, _, unit, facility, role in ACCOUNTS
    ]
    async with db.transaction(write=False) as tx:
        if (await tx.execute(select(Account.person).where(Account.login == ACCOUNTS[0][0]))).first():
            return accounts
    hasher = passwords or Passwords()
    hashed = await hasher.hash(PASSWORD)
    if passwords is None:
        hasher.close()
    site = _Site()
    async with db.transaction() as tx:
        await _organisations(tx, clock, site)
        await _facilities(tx, clock, site)
        await _people(tx, clock, site, hashed)
        await _cases(tx, clock, site)
    return accounts


async def _organisations(tx: AsyncSession, clock: Clock, site: _Site) -> None:
    async def add(name: str, kind: str, *, tree: str | None = None, under: str | None = None, phone: str = "") -> None:
        parent = site.organisations[under] if under else None
        made = await people.add_organisation(tx, clock, kind=kind, name=name, tree=tree, parent=parent, phone=phone)
        site.organisations[name] = made.id

    await add("江州市公安局", "bureau", tree="police", phone="0512-5550100")
    for branch, _ in BRANCHES:
        await add(f"{branch}分局", "branch", under="江州市公安局", phone="0512-5550110")
        await add(f"{branch}分局刑侦大队", "unit", under=f"{branch}分局", phone="0512-5550118")
        for station in STATIONS[branch]:
            await add(f"{station}派出所", "station", under=f"{branch}分局", phone="0512-5550130")
    await add("江州市人民检察院", "procuratorate", tree="procuratorate", phone="0512-5550200")
    await add("江州市中级人民法院", "court", tree="court", phone="0512-5550300")
    await add("江州市司法局", "justice_bureau", tree="justice", phone="0512-5550400")
    await add("江州市律师协会", "bar", under="江州市司法局", phone="0512-5550410")
    for firm in ("正衡律师事务所", "明理律师事务所"):
        await add(firm, "firm", under="江州市律师协会", phone="0512-5550420")


async def _facilities(tx: AsyncSession, clock: Clock, site: _Site) -> None:
    detention, centre, station = FacilityKind.DETENTION_CENTRE, FacilityKind.CASE_CENTRE, FacilityKind.STATION
    visit, questioning = RoomUse.VISIT, RoomUse.INTERROGATION
    for branch, (north, east) in BRANCHES:
        owner = site.organisations[f"{branch}分局"]
        inside = [("会见室 1", visit), ("会见室 2", visit), ("会见室 3", visit)]
        inside += [("讯问室 1", questioning), ("讯问室 2", questioning)]
        await _facility(tx, clock, site, owner, f"{branch}看守所", detention, (north + 0.08, east), inside)
        inside = [
            ("讯问室 1", questioning),
            ("讯问室 2", questioning),
            ("会见室", visit),
            ("远程取证室", RoomUse.EVIDENCE),
        ]
        await _facility(tx, clock, site, owner, f"{branch}执法办案管理中心", centre, (north, east), inside)
        for number, name in enumerate(STATIONS[branch]):
            owner = site.organisations[f"{name}派出所"]
            inside = [("远程取证室", RoomUse.EVIDENCE)]
            if number == 0:
                inside.append(("律师会见点", RoomUse.LAWYER))
            where = (north - 0.02 * (number + 1), east + 0.03 * number)
            await _facility(tx, clock, site, owner, f"{name}派出所", station, where, inside)


async def _facility(
    tx: AsyncSession,
    clock: Clock,
    site: _Site,
    organisation: str,
    name: str,
    kind: FacilityKind,
    position: tuple[float, float],
    rooms: list[tuple[str, RoomUse]],
) -> None:
    made = await add_facility(
        tx, clock, organisation=organisation, name=name, kind=kind, phone="0512-5550119", position=position
    )
    site.facilities[name] = made.id
    for room, use in rooms:
        await add_room(tx, clock, facility=made.id, name=room, use=use)


async def _people(tx: AsyncSession, clock: Clock, site: _Site, hashed: str) -> None:
    for login, name, number, role, unit, facility, _ in ACCOUNTS:
        person = await people.add_person(
            tx, clock, organisation=site.organisations[unit], name=name, number=number, phone="0512-5550118"
        )
        await people.open_account(tx, clock, person=person.id, login=login, password_hash=hashed)
        duty = site.facilities[facility] if facility else None
        await people.grant(tx, clock, person=person.id, role=role, facility=duty)
        site.people[login] = person.id


CASES: tuple[tuple[str, str, tuple[tuple[str, str, date, CustodyStatus, str, str | None], ...]], ...] = (
    # number, title, suspects: name, sex, born, status, facility, lawyer's login
    (
        "0317",
        "张伟民等人涉嫌诈骗案",
        (
            ("张伟民", "male", date(1984, 5, 12), CustodyStatus.DETAINED, "城东看守所", "lawyer"),
            ("王立刚", "male", date(1990, 11, 3), CustodyStatus.DETAINED, "城东看守所", "lawyer2"),
        ),
    ),
    (
        "0408",
        "李秋生涉嫌盗窃案",
        (("李秋生", "male", date(1979, 2, 27), CustodyStatus.DETAINED, "城东看守所", "lawyer"),),
    ),
    (
        "0421",
        "刘海涉嫌故意伤害案",
        (("刘海", "male", date(1995, 8, 19), CustodyStatus.NOT_ADMITTED, "城东执法办案管理中心", None),),
    ),
    (
        "0436",
        "吴敏涉嫌妨害公务案",
        (("吴敏", "female", date(1988, 6, 30), CustodyStatus.DETAINED, "城西看守所", "lawyer2"),),
    ),
)


async def _cases(tx: AsyncSession, clock: Clock, site: _Site) -> None:
    year = clock.now().year
    for number, title, suspects in CASES:
        unit = site.organisations["城东分局刑侦大队"]
        made = await cases.add_case(
            tx, clock, number=f"江公（城东）刑立字〔{year}〕{number}号", title=title, organisation=unit
        )
        for officer in ("officer", "officer2", "officer3"):
            await cases.assign(tx, clock, case=made.id, person=site.people[officer])
        for name, sex, born, status, facility, lawyer in suspects:
            person = await cases.add_custody_person(tx, clock, name=name, sex=sex, born=born)
            await cases.suspect(tx, clock, case=made.id, person=person.id)
            await cases.place(tx, clock, person=person.id, status=status, facility=site.facilities[facility])
            if lawyer:
                await cases.represent(
                    tx,
                    clock,
                    lawyer=site.people[lawyer],
                    client=person.id,
                    case=made.id,
                    checked_by=site.people["duty"],
                )
