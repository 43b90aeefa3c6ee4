"""Turns a request into a plan: who takes part in which role, which rooms could serve, and the facts rules look at.

Reads in the caller's transaction; permission is decided here, because only here is known how the asker stands to the
case, the client and the place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from cases import store as cases
from cases.kinds import EndpointRole, Kind, Role
from cases.models import Case, CustodyPerson, CustodyRecord, Offence, Stage
from core.errors import Denied, Invalid
from core.refusals import Refused
from people.permissions import Action, Relation, require
from people.principals import Principal
from scheduler import apart, naming, reopening, store
from scheduler.apart import Apart, Somebody, somebody
from scheduler.facts import Facts, PlannedParty, RoomFacts, room_facts
from scheduler.hours import working_days
from scheduler.requests import Request
from scheduler.rooms import SERVES
from scheduler.rulebook import exceptions_for, rulebook
from scheduler.rules import Rule
from scheduler.store import PersonCard
from scheduler.windows import ZONE as ZONE

Cards = Mapping[str, PersonCard]
"""Account holders by id; who is unknown or no longer active is not in it."""
PRACTICE = timedelta(days=31)
"""How far ahead working days are counted."""
NOT_YOURS = Refused(
    "LV-6",
    "We find no checked power of attorney of yours for this person. Please have it checked first.",
    input="custody_person",
)
"""The same whether the person is unknown, held elsewhere, or another lawyer's client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything decided but the rooms and the instant."""

    kind: Kind
    parties: tuple[PlannedParty, ...]
    far: tuple[RoomFacts, ...]
    """Rooms that may serve the far side, preferred first; empty when none is needed."""
    own: RoomFacts | None
    needs_far: bool
    case: str | None
    organisation: str | None
    facts: Facts
    rules: tuple[Rule, ...]
    """As set for the place on the day of the request."""
    apart: Apart
    """Every pair with one of the parties in it that must not meet."""

    def seated(self) -> dict[RoomFacts, list[Somebody]]:
        """Who would sit in each room that may serve, as screening knows them."""
        found = {room: [somebody(self.case, p) for p in self.parties if p.side == "far"] for room in self.far}
        if self.own is not None:
            found.setdefault(self.own, []).extend(somebody(self.case, p) for p in self.parties if p.side == "own")
        return found


async def make_plan(
    tx: AsyncSession, principal: Principal, request: Request, kind: Kind, now: datetime
) -> Plan | Refused:
    """Resolve a request. Raises ``Denied`` when the asker may not book this kind for this person or case."""
    case = await _permit(tx, principal, request, kind, now)
    if isinstance(case, Refused):
        return case
    case_id = case.id if case else None
    request = await naming.veiled(tx, request)
    person, custody = await cases.custody_of(tx, request.custody_person) if request.custody_person else (None, None)
    cards = await store.person_cards(tx, {principal.id, *request.officers, *request.interpreters, *request.cooperating})
    parties = [*_own_side(cards, principal, request, kind), *_far_side(cards, request, person)]
    persons = [somebody(case_id, party) for party in parties]
    keep_apart = await apart.apart_of(tx, persons)
    refused = apart.together(keep_apart, persons)
    if refused is not None:
        return refused
    own = await _room(tx, request.own_room, "own_room")
    far_persons, own_persons = (sum(party.side == side for party in parties) for side in ("far", "own"))
    far = _with_seats(await _far_rooms(tx, request, kind, custody), far_persons, own, own_persons)
    place = far[0] if far else own
    rules = await rulebook(tx, request.start.date(), place.facility if place else None)
    questioned = await store.last_questioned(tx, person.id, request.start) if person and not kind.privileged else None
    facts = Facts(
        kind=kind,
        now=now,
        start=request.start,
        end=request.end,
        roles=tuple(p.role for p in parties),
        far=far[0] if far else None,
        own=own,
        far_persons=far_persons,
        own_persons=own_persons,
        custody_status=custody.status if custody else None,
        custody_facility=custody.facility if custody else None,
        born=person.born if person else None,
        sex=person.sex if person else "",
        needs_interpreter=person.needs_interpreter if person else False,
        offence=case.offence if case else Offence.ORDINARY,
        stage=case.stage if case else Stage.INVESTIGATION,
        custody_since=custody.since if custody else None,
        questioned_before=questioned is not None,
        last_questioned=questioned,
        permit_named=await _named_by_permit(tx, request, parties, now) if person and not kind.privileged else 0,
        lawyer_no_shows=await _no_shows(tx, principal.id, rules, now) if kind.privileged else 0,
        differing=await _differing(tx, now) if kind.privileged else {},
        exceptions=await exceptions_for(tx, [i for i in (request.custody_person, case_id, principal.id) if i], now),
    )
    organisation = far[0].organisation if kind.privileged and far else principal.organisation
    return Plan(
        kind=kind,
        parties=_seated(parties, bool(far)),
        far=tuple(far),
        own=own,
        needs_far=kind.custody or request.room is not None,
        case=case_id,
        organisation=organisation,
        facts=facts,
        rules=rules,
        apart=keep_apart,
    )


async def _permit(
    tx: AsyncSession, principal: Principal, request: Request, kind: Kind, now: datetime
) -> Case | Refused | None:
    """Return the case it belongs to. Refuses in one sentence whoever is not the client's lawyer; raises ``Denied`` for
    those who may never book this."""
    action = Action(f"book_{kind.code}")
    require(principal, action, {Relation.OWN_CASE})
    if kind.privileged:
        found = await cases.verified_representation(tx, principal.id, request.custody_person or "", now)
        if found is None:
            return NOT_YOURS
        return await cases.case(tx, found.case) if found.case else None
    if request.case is None:
        if kind.custody:
            raise Invalid("case-missing", "Please choose the case.", field="case")
        return None
    case, works, suspected = await cases.standing(tx, request.case, principal.id, request.custody_person or "")
    if not works:
        raise Denied("not-your-case", "You are not among the officers of this case.")
    if kind.custody and not suspected:
        raise Invalid("not-in-case", "This person does not belong to the case.", field="custody_person")
    return case


async def _no_shows(tx: AsyncSession, lawyer: str, rules: Sequence[Rule], now: datetime) -> int:
    """How many missed visits of a lawyer count."""
    return (await store.own_no_shows(tx, {lawyer}, reopening.counted_since(rules, now))).get(lawyer, 0)


async def _differing(tx: AsyncSession, now: datetime) -> dict[date, bool]:
    """Days of the coming month that differ from their weekday, for rules that count working days."""
    first, last = now.date(), (now + PRACTICE).date()
    found = await working_days(tx, first, last)
    return {day: works for day, works in found.differing.items() if first <= day <= last}


async def _named_by_permit(tx: AsyncSession, request: Request, parties: Sequence[PlannedParty], now: datetime) -> int:
    """How many of the officers stand in an accepted permit for this person and case."""
    named = await cases.named_in_permits(tx, request.case or "", request.custody_person or "", now)
    return len(named & {party.person for party in parties if party.role is Role.OFFICER})


def _own_side(cards: Cards, principal: Principal, request: Request, kind: Kind) -> list[PlannedParty]:
    """Who asks and those beside them, then account holders who help from where they are."""
    role = Role.LAWYER if kind.privileged else Role.OFFICER
    endpoint = EndpointRole.PARTY if kind.privileged else EndpointRole.HOST
    further = [p for p in request.officers if p != principal.id]
    found = [
        _account(cards, person, ("lawyer" if kind.privileged else "officer"), role, endpoint, "own", "officers")
        for person in [principal.id, *further]
    ]
    found[0] = replace(found[0], lead=True)
    for person in request.interpreters:
        found.append(
            _account(cards, person, "interpreter", Role.INTERPRETER, EndpointRole.PARTY, "device", "interpreters")
        )
    return found


def _far_side(cards: Cards, request: Request, person: CustodyPerson | None) -> list[PlannedParty]:
    found = []
    if person is not None:
        found.append(
            PlannedParty(
                role=Role.DETAINEE,
                endpoint_role=EndpointRole.ROOM,
                side="far",
                name=naming.held_name(person, request.start),
                custody_person=person.id,
            )
        )
    for officer in request.cooperating:
        found.append(
            _account(cards, officer, "officer", Role.COOPERATING_OFFICER, EndpointRole.PARTY, "far", "cooperating")
        )
    for guest in request.guests:
        found.append(
            PlannedParty(
                role=guest.role,
                endpoint_role=EndpointRole.GUEST,
                side="device" if person is not None else "far",
                name=guest.name.strip(),
            )
        )
    return found


def _seated(parties: Sequence[PlannedParty], far_room: bool) -> tuple[PlannedParty, ...]:
    """Without a room at the far side everybody there comes from a device of their own; guests in a room share its
    terminal."""
    seated = []
    for party in parties:
        if party.side == "far" and not far_room:
            party = replace(party, side="device")
        elif party.side == "far" and party.endpoint_role is EndpointRole.GUEST:
            party = replace(party, endpoint_role=EndpointRole.ROOM)
        seated.append(party)
    return tuple(seated)


def _account(
    cards: Cards, person: str, wanted: str, role: Role, endpoint: EndpointRole, side: str, field: str
) -> PlannedParty:
    found = cards.get(person)
    if found is None or wanted not in found.roles:
        raise Invalid("unknown-person", "Somebody named here is not known in this role.", field=field)
    return PlannedParty(
        role=role, endpoint_role=endpoint, side=side, name=found.name, number=found.number, person=found.id
    )


async def _room(tx: AsyncSession, room: str | None, field: str) -> RoomFacts | None:
    if room is None:
        return None
    found = await store.rooms_with_facilities(tx, {room})
    if not found or found[0][0].closed is not None or found[0][1].closed is not None:
        raise Invalid("unknown-room", "This room cannot be used. Please choose another.", field=field)
    return room_facts(*found[0])


def _with_seats(far: Sequence[RoomFacts], persons: int, own: RoomFacts | None, own_persons: int) -> list[RoomFacts]:
    """Those with seats for all who would sit there; when none has, all of them, and the rule says so (RM-2)."""
    fitting = [
        room for room in far if room.seats(persons + (own_persons if own is not None and room.id == own.id else 0))
    ]
    return fitting or list(far)


async def _far_rooms(tx: AsyncSession, request: Request, kind: Kind, custody: CustodyRecord | None) -> list[RoomFacts]:
    """The room asked for; else every room that serves where the person is held; else none."""
    if request.room is not None:
        room = await _room(tx, request.room, "room")
        return [room] if room else []
    if not kind.custody or custody is None or custody.facility is None:
        return []
    rooms = await store.rooms_of(tx, custody.facility, SERVES[kind.code].far)
    return [room_facts(room, facility) for room, facility in rooms]
