"""A site where somebody of every role is, and one object of every kind that an address can name: for the walk."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

from sqlalchemy import select

from cases import registry as cases
from cases.models import Case, CustodyRecord, Paper, PaperFile, PaperKind, ProtectedPerson, Stage
from cases.protection import Ground, Source
from core.ids import new_id
from people import registry, stills, terminals, tokens
from people.invitations import authenticate_guest
from people.models import IdentityStill, LoginSession, Organisation, Passkey, RoomCamera
from people.permissions import Action, Relation
from people.principals import Principal
from people.screening import Reason, keep_apart
from recordings.models import Handover as GivenOut
from recordings.models import HandoverPart, Recording
from scheduler import bookings, history, protecting
from scheduler.models import (
    Block,
    Booking,
    DutyLawyer,
    Handover,
    LateScan,
    LawyerRequest,
    OfferedTimes,
    Party,
    Room,
    Waiting,
    Webhook,
)
from scheduler.protecting import Marking
from tests.web import recorded
from tests.web.device import device
from tests.web.test_guest import ask, invited
from tests.web.world import World
from web.context import VAULT

NEW = (
    # login, role, organisation, facility of duty
    ("officer-west", "officer", "城西分局刑侦大队", None),
    ("reviewer-west", "reviewer", "城西分局", None),
    ("admin-west", "administrator", "城西分局", None),
    ("security", "security", "江州市公安局", None),
    ("judge", "judge", "江州市中级人民法院", None),
    ("clerk", "clerk", "江州市中级人民法院", None),
    ("nobody-yet", "", "城东分局", None),
)
"""Roles the demo site has nobody of, and strangers to everything in the estate; the last has no role at all."""
DEMO = (
    "lawyer", "lawyer2", "officer", "officer2", "duty", "duty-west", "interpreter", "reviewer", "inspector",
    "prosecutor", "admin", "admin-court", "admin-justice",
)  # fmt: skip


@dataclass(frozen=True)
class Asker:
    """Somebody who sends requests."""

    name: str
    principal: Principal | None
    headers: dict[str, str]


@dataclass(frozen=True)
class Thing:
    """One object and how people stand to it, by name, written down here and nowhere looked up."""

    path: dict[str, str]
    owners: frozenset[str] = frozenset()
    officers: frozenset[str] = frozenset()
    """Those who work on its case, or defend in it."""
    parties: frozenset[str] = frozenset()
    facility: str | None = None
    line: tuple[str, ...] = ()
    """Names of its organisation and those above it."""
    rooms: frozenset[str] = frozenset()
    posts: frozenset[str] = frozenset()
    """Those named for its facility, beside who is on duty there."""
    actions: tuple[Action, ...] = ()
    """Where the address asks one of several actions, the one this object asks for."""

    def held_by(self, asker: Asker, organisation: str) -> frozenset[Relation]:
        """The relations that really hold."""
        who = asker.principal
        if who is None:
            return frozenset()
        held = {
            Relation.SELF: asker.name in self.owners,
            Relation.OWN_CASE: asker.name in self.officers,
            Relation.PARTICIPANT: asker.name in self.parties,
            Relation.OWN_FACILITY: asker.name in self.posts
            or (self.facility is not None and who.facility == self.facility),
            Relation.OWN_TREE: organisation in self.line,
            Relation.OWN_ROOM: who.room in self.rooms,
        }
        return frozenset(relation for relation, holds in held.items() if holds)


def names(words: str) -> frozenset[str]:
    return frozenset(words.split())


BUREAU = ("江州市公安局",)
EAST = ("城东分局", *BUREAU)
SQUAD = ("城东分局刑侦大队", *EAST)
BAR = ("江州市律师协会", "江州市司法局")


@dataclass
class Estate:
    """What the walk goes through."""

    site: World
    askers: list[Asker] = field(default_factory=list)
    things: dict[str, list[Thing]] = field(default_factory=dict)
    forms: dict[str, str] = field(default_factory=dict)
    """Ids that forms name."""
    organisations: dict[str, str] = field(default_factory=dict)
    """Names by id."""

    def organisation(self, asker: Asker) -> str:
        return self.organisations.get((asker.principal and asker.principal.organisation) or "", "")


async def estate(site: World) -> Estate:
    """Build it; the order matters where one object needs another."""
    made = Estate(site)
    await _people(made)
    await _sessions(made)
    await _record(made)
    await _small(made)
    await _protected(made)
    await _still(made)
    await _askers(made)
    return made


async def _people(made: Estate) -> None:
    site = made.site
    async with site.database.transaction() as tx:
        rows = (await tx.execute(select(Organisation.id, Organisation.name))).all()
        made.organisations = {row.id: row.name for row in rows}
        ids = {row.name: row.id for row in rows}
        for login, role, unit, facility in NEW:
            person = await registry.add_person(tx, site.clock, organisation=ids[unit], name=f"某{login}")
            await registry.open_account(tx, site.clock, person=person.id, login=login, password_hash="x")
            if role:
                await registry.grant(tx, site.clock, person=person.id, role=role, facility=facility)


async def _sessions(made: Estate) -> None:
    site = made.site
    visit, questioning = await site.visit(), await site.interrogation()
    statement, _ = await invited(site)
    made.forms["statement"] = statement
    things = {}
    team = names("officer officer2 officer3")
    async with site.database.transaction() as tx:
        for name, id_ in (("visit", visit.id), ("interrogation", questioning.id), ("statement", statement)):
            rooms = (
                await tx.execute(select(Party.room).where(Party.booking == id_, Party.room.is_not(None)))
            ).scalars()
            facility = (await tx.get_one(Booking, id_)).facility
            lawyers = name == "visit"
            parties = {"visit": "lawyer", "statement": "officer officer2 guest"}.get(name, "officer officer2")
            things[name] = Thing(
                path={"id": id_, "session": id_},
                owners=names("lawyer" if lawyers else "officer"),
                officers=frozenset() if lawyers else team,
                parties=names(parties),
                facility=facility,
                line=EAST if lawyers else SQUAD,
                rooms=frozenset(room for room in rooms if room),
            )
        row = await tx.get_one(Booking, questioning.id)
        await history.record(tx, row, "urgent", by=row.created_by, at=site.clock.now())
        starts = [site.clock.now() + timedelta(days=n) for n in (1, 2)]
        times = [start.isoformat() for start in starts]
        tx.add(OfferedTimes(booking=statement, starts=times, deadline=starts[0]))
        scan = LateScan(
            booking=questioning.id, by=row.created_by, at=site.clock.now(), digest="0" * 64,
            media_type="application/pdf", content=b"%PDF-1.4\n",
        )  # fmt: skip
        tx.add(scan)
        made.forms["case"] = str(row.case)
    made.things |= {
        "booking": list(things.values()),
        "session": [
            # only where the post is the host has it a place in the session
            thing if name == "visit" else replace(thing, facility=None)
            for name, thing in things.items()
        ],
        "statement": [things["statement"]],
        "own-booking": [replace(thing, facility=None) for thing in things.values()],
        "system-booking": [
            Thing({"booking": things[name].path["id"]}, line=things[name].line if name != "visit" else ())
            for name in things
        ],
        "scan": [things["interrogation"]],
        "urgent": [things["interrogation"]],
        "replayed": [things["interrogation"]],
        "case": [Thing({"id": made.forms["case"]}, officers=team, line=SQUAD)],
    }
    made.things["custody"] = [await _held(made, visit.id, things["visit"].facility)]


async def _held(made: Estate, visit: str, facility: str | None) -> Thing:
    async with made.site.database.transaction(write=False) as tx:
        query = select(Party.custody_person).where(Party.booking == visit, Party.custody_person.is_not(None))
        person = (await tx.execute(query)).scalar_one()
        held = (await tx.execute(select(CustodyRecord.facility).where(CustodyRecord.person == person))).scalars().one()
    assert held == facility
    made.forms["client"] = str(person)
    return Thing({"id": str(person)}, facility=facility)


async def _record(made: Estate) -> None:
    """A recorded interrogation of its own, filed in a case at trial as well, and handed over once."""
    site = made.site
    session = await site.interrogation(480)
    row = await recorded.adopt(site, session, source=recorded.made(composed=True))
    reviewer, now = (await site.principal("reviewer")).id, site.clock.now()
    async with site.database.transaction() as tx:
        given = GivenOut(
            case=session.case, case_number="1", recipient="检察院", content="working", disc="",
            asked_by=reviewer, asked=now, state="ready", ready=now,
            files=[{"name": "x.zip", "bytes": 1, "sha256": "0" * 64}], fingerprint="0" * 64,
        )  # fmt: skip
        tx.add(given)
        await tx.flush()
        tx.add(HandoverPart(handover=given.id, recording=row.id, place=0, digest="0" * 64))
        case = await tx.get_one(Case, str(session.case))
        (await tx.get_one(Recording, row.id)).state = "filed"
        case.stage = Stage.TRIAL
        made.forms["recording"] = row.id
    path = {
        "id": session.id, "recording": row.id, "file": "composed.mp4", "handover": given.id, "name": "x.zip",
    }  # fmt: skip
    team, both = names("officer officer2 officer3"), names("officer officer2")
    thing = Thing(path, names("officer"), team, both, session.facility, SQUAD)
    made.things["record"] = [thing]
    made.things["given-case"] = [Thing(path | {"id": str(session.case)}, officers=team, line=SQUAD)]
    made.things["filed"] = [Thing(path, officers=names("lawyer lawyer2"))]


async def _small(made: Estate) -> None:
    """Everything with an address of its own that is not a session."""
    site, now = made.site, made.site.clock.now()
    lawyer, duty, officer = [await site.principal(login) for login in ("lawyer", "duty", "officer")]
    admin = await site.principal("admin")
    east = str(duty.facility)
    async with site.database.transaction() as tx:
        room = (await tx.execute(select(Room).where(Room.facility == east).order_by(Room.id))).scalars().first()
        assert room is not None
        bond = await cases.represent(
            tx, site.clock, lawyer=lawyer.id, client=made.forms["client"], case=None, by=lawyer.id
        )
        paper = Paper(
            kind=PaperKind.LICENCE, representation=bond.id, client=made.forms["client"], facility=east,
            digest="0" * 64, media_type="application/pdf", size=9, submitted=now, submitted_by=lawyer.id, due=now,
        )  # fmt: skip
        wish = Waiting(
            person=lawyer.id, facility=east, kind="visit", custody_person=made.forms["client"], request={}, since=now,
            until=now + timedelta(days=1), created=now,
        )  # fmt: skip
        asked = LawyerRequest(
            custody_person=made.forms["client"], facility=east, asked=now, asked_by=duty.id, deadline=now
        )
        block = Block(
            facility=east, room=room.id, start=now + timedelta(days=9), end=now + timedelta(days=10), reason="repair",
            by=duty.id, at=now,
        )  # fmt: skip
        shift = Handover(facility=east, given_by=admin.id, given=now, items=[])
        hook = Webhook(
            url="https://example.org/", secret="x" * 43, acts=[], organisation=str(admin.organisation),
            added_by=admin.id, added=now,
        )  # fmt: skip
        key = Passkey(person=officer.id, credential="x", public_key="x", count=0, label="x", created=now)
        tx.add_all([paper, wish, asked, block, shift, hook, key, DutyLawyer(
            facility=east, person=lawyer.id, added=now, added_by=lawyer.id
        )])  # fmt: skip
        await tx.flush()
        camera = RoomCamera(
            room=room.id,
            facility=east,
            name="x",
            view="wide",
            way="whip",
            key="0" * 64,
            added=now,
            added_by=duty.id,
            changed=now,
        )
        tx.add(camera)
        await tx.flush()
        tx.add(PaperFile(paper=paper.id, content=b"%PDF-1.4\n"))
        apart = await keep_apart(
            tx, site.clock, officer, {Relation.OWN_CASE}, one=made.forms["client"], other=new_id(), reason=Reason.THREAT
        )
        made.forms |= {"room": room.id, "facility": east, "lawyer": lawyer.id, "officer": officer.id}
    await site.cookie("officer")
    login = await _login(made, officer.id)
    own, team = names("lawyer"), "officer officer2 officer-west"
    made.things |= {
        "mandate": [Thing({"id": bond.id}, owners=own)],
        "paper": [Thing({"id": paper.id}, owners=own, facility=east)],
        "lawyer": [Thing({"id": lawyer.id}, facility=east)],
        "wish": [Thing({"id": wish.id}, owners=own, officers=own)],
        "lawyer-wish": [Thing({"id": asked.id}, facility=east, posts=own)],
        "block": [Thing({"id": block.id}, facility=east, line=EAST)],
        "shift": [Thing({"id": shift.id}, facility=east)],
        "hook": [Thing({"id": hook.id}, line=BUREAU)],
        "apart": [Thing({"id": apart}, officers=names("officer officer2 officer3"), facility=east)],
        "passkey": [Thing({"id": key.id}, owners=names("officer"))],
        "login": [Thing({"id": login}, owners=names("officer"))],
        "facility": [Thing({"id": east}, facility=east, line=EAST)],
        "camera": [Thing({"id": room.id, "camera": camera.id}, facility=east, line=EAST)],
        "room": [Thing({"id": room.id}, facility=east, line=EAST)],
        "person": [
            Thing({"id": officer.id}, line=SQUAD),
            Thing({"id": lawyer.id}, line=("正衡律师事务所", *BAR)),
        ],
        "kind": [
            Thing({"kind": kind}, officers=names(who), actions=(Action(f"book_{kind}"),))
            for kind, who in (("visit", "lawyer lawyer2"), ("interrogation", team), ("statement", team))
        ],
        "police": [Thing({}, line=("江州市公安局", "城东分局", "城西分局", "城东分局刑侦大队"))],
        "authority": [Thing({}, line=BUREAU)],
        "duty-lawyer": [Thing({}, line=("正衡律师事务所", *BAR))],
        "counsel": [Thing({}, posts=names("duty duty-west lawyer lawyer2"), line=("江州市司法局",))],
    }


async def _protected(made: Estate) -> None:
    """Somebody of the case who is known by an alias."""
    site, officer = made.site, await made.site.principal("officer")
    wish = Marking(made.forms["case"], "某受保护人", Ground.DANGER, Source.OWN_REQUEST)
    await protecting.protect(site.database, site.clock, officer, wish, ())
    async with site.database.transaction(write=False) as tx:
        id_ = (await tx.execute(select(ProtectedPerson.id))).scalars().one()
    team = names("officer officer2 officer3")
    made.things["protected"] = [Thing({"id": id_}, officers=team, line=SQUAD)]


async def _still(made: Estate) -> None:
    """A still picture of the interrogation. Somebody of its case is protected, so only its officers who took part see
    it, whatever reviewers see elsewhere."""
    site, now, session = made.site, made.site.clock.now(), made.things["urgent"][0].path["id"]
    vault, id_ = site.server.app[VAULT], new_id()
    async with site.database.transaction() as tx:
        tx.add(
            IdentityStill(
                id=id_,
                session=session,
                request="1",
                part="face",
                endpoint=new_id(),
                present="p3",
                digest="0" * 64,
                picture=vault.seal(b"\xff\xd8", stills._context(id_)),
                bytes=2,
                taken=now,
                due=now + timedelta(days=1),
            )
        )
    made.things["still"] = [Thing({"session": session, "still": id_}, parties=names("officer officer2"))]


async def _login(made: Estate, person: str) -> str:
    async with made.site.database.transaction(write=False) as tx:
        query = select(LoginSession.id).where(LoginSession.person == person)
        return str((await tx.execute(query)).scalars().first())


async def _askers(made: Estate) -> None:
    site = made.site
    for login in (*DEMO, *(new[0] for new in NEW)):
        headers = {"Cookie": f"yj={await site.cookie(login)}"}
        made.askers.append(Asker(login, await site.principal(login), headers))
    await _guest(made)
    await _terminal(made)
    await _systems(made)


async def _guest(made: Estate) -> None:
    """The guest of the statement, who accepted."""
    site = made.site
    phone, officer = await site.browser(), await site.browser("officer")
    page = f"/bookings/{made.forms['statement']}/invitations"
    async with site.database.transaction(write=False) as tx:
        query = select(Party.id).where(Party.booking == made.forms["statement"], Party.person.is_(None))
        party = (await tx.execute(query)).scalars().first()
    made.forms["party"] = str(party)
    _, text, _ = await site.post(officer, page, party=str(party))
    secret = text.partition("/i#")[2][:43]
    assert (await ask(site, phone, "/i/accept", secret=secret, me=True))[0] == 200
    cookie = next(c.value for c in phone.session.cookie_jar if c.key == "yj-guest")
    principal = await authenticate_guest(site.database, site.clock, cookie)
    made.forms["invitation"] = principal.id if principal else ""
    made.askers.append(Asker("guest", principal, {"Cookie": f"yj-guest={cookie}"}))


async def _terminal(made: Estate) -> None:
    site = made.site
    there = await device(site)
    await there.paired(await site.browser("duty"), made.forms["room"])
    found = {c.key: c.value for c in there.browser.session.cookie_jar}
    principal = await terminals.authenticate_terminal(
        site.database, found["yj-terminal"], found.get("yj-terminal-start")
    )
    assert principal is not None
    cookies = "; ".join(f"{name}={value}" for name, value in found.items())
    made.askers.append(Asker("terminal", principal, {"Cookie": cookies}))
    made.things["terminal"] = [Thing({"id": principal.id}, facility=made.forms["facility"], line=EAST)]


async def _systems(made: Estate) -> None:
    """Two operators, the first of whom began a rehearsal, and one system of each sort."""
    site, admin = made.site, await made.site.principal("admin")
    for name in ("operator", "operator2"):
        secret = await tokens.issue_token(site.database, site.clock, name=name)
        await _token(made, name, secret)
    for role in ("case_system", "custody_system"):
        fresh = replace(admin, proved=site.clock.now())
        id_, secret = await tokens.issue_system_token(site.database, site.clock, fresh, name=role, role=role)
        await _token(made, role, secret)
        made.things["system"] = [Thing({"id": id_}, line=BUREAU)]
    operator = next(asker for asker in made.askers if asker.name == "operator")
    assert operator.principal is not None
    begun = await bookings.start_rehearsal(site.database, site.clock, operator.principal, participants=2)
    made.things["rehearsal"] = [Thing({"id": begun.id, "file": "a.webm"}, owners=names("operator"))]


async def _token(made: Estate, name: str, secret: str) -> None:
    principal = await tokens.authenticate_token(made.site.database, made.site.clock, secret)
    made.askers.append(Asker(name, principal, {"Authorization": f"Bearer {secret}"}))
