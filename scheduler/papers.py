"""Papers of a lawyer visit and the 提讯证 of an interrogation: handed in, checked by a deadline, reused while valid."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cases import registry
from cases import store as cases
from cases.models import CustodyPerson, Paper, PaperFile, PaperKind, Representation, RepresentationState
from core import jobs, ledger
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, Denied, Invalid, NotFound
from people import store as people
from people.permissions import Action, Relation, allowed, relations, require
from people.principals import Principal
from scheduler import notices, screened_files, store
from scheduler.clocks import Clock48, Pause
from scheduler.clocks import clock as run
from scheduler.contents import checked
from scheduler.rulebook import LONGEST_EXCEPTION, write_exception

DUE = "papers.due"
CHECK_WITHIN = timedelta(hours=24)
"""The check has a deadline of its own."""
REFUSED_TEXT: dict[str, str] = {
    "unreadable": "It cannot be read",
    "expired": "It has expired",
    "wrong-person": "It is about another person",
    "wrong-kind": "It is another paper",
    "not-signed": "It is not signed or sealed",
}
"""What the post can find wrong with a paper."""
WHY_REFUSED: dict[str, str] = {**REFUSED_TEXT, screened_files.VIRUS: screened_files.VIRUS_TEXT}
"""Sentence of every reason a paper can have been refused for."""
PAPER_TEXT: dict[str, str] = {
    "licence": "Practice licence",
    "firm_letter": "Letter of the firm",
    "power_of_attorney": "Power of attorney",
    "legal_aid_letter": "Legal-aid letter",
    "interpreter_permit": "Permit for the interpreter",
    "interrogation_permit": "Interrogation permit",
}
_MANDATE = frozenset({PaperKind.POWER_OF_ATTORNEY, PaperKind.LEGAL_AID_LETTER})
_OF_LAWYERS = frozenset(set(PaperKind) - {PaperKind.INTERROGATION_PERMIT})


@dataclass(frozen=True, slots=True)
class Mandate:
    """A representation as its lawyer, or the checking post, sees it."""

    id: str
    client: str
    """Name as the lawyer wrote it."""
    state: RepresentationState
    since: datetime
    complete: datetime | None
    """Since when all three papers are there: the first clock."""
    checked: datetime | None
    papers: tuple[Paper, ...]
    missing: tuple[str, ...]
    """Keys of ``PAPER_TEXT``; for the mandate the power of attorney stands, a legal-aid letter does as well."""
    until: datetime | None
    """To when it is good for visits, of a checked one."""
    submitted_clock: Clock48 | None
    """Since all three papers are there, until they are checked; ``None`` before that."""
    facility: str | None
    """Whose post has the newest paper."""


async def first_request(
    db: Database, clock: Clock, principal: Principal, *, name: str, identity_number: str, facility: str
) -> str:
    """A lawyer names a client for the first time; return the representation to which papers are handed in.

    The answer is the same whether or not the person is known or held there.
    """
    require(principal, Action.VIEW_CLIENTS, {Relation.SELF})
    name, identity_number = name.strip(), identity_number.strip().upper()
    if not 1 <= len(name) <= 100:
        raise Invalid("name", "Please write the name as it stands in the papers.", field="name")
    if not 6 <= len(identity_number) <= 32 or not identity_number.isalnum():
        raise Invalid("identity-number", "Please check the identity number.", field="identity_number")
    async with db.transaction() as tx:
        if await store.facility(tx, facility) is None:
            raise Invalid("no-facility", "Please choose the facility.", field="facility")
        same = select(CustodyPerson).where(CustodyPerson.name == name, CustodyPerson.identity_number == identity_number)
        person = (await tx.execute(same.limit(1))).scalar_one_or_none()
        if person is None:
            person = await registry.add_custody_person(
                tx, clock, name=name, identity_number=identity_number, by=principal.id
            )
        mine = select(Representation).where(
            Representation.lawyer == principal.id,
            Representation.client == person.id,
            Representation.state.in_((RepresentationState.PENDING, RepresentationState.VERIFIED)),
        )
        there = (await tx.execute(mine.limit(1))).scalar_one_or_none()
        if there is None:
            there = await registry.represent(
                tx, clock, lawyer=principal.id, client=person.id, case=None, by=principal.id
            )
        return there.id


async def hand_in(
    db: Database,
    clock: Clock,
    principal: Principal,
    *,
    representation: str,
    facility: str,
    kind: str,
    content: bytes,
    until: datetime | None = None,
    scanned: bool = False,
) -> Paper:
    """A lawyer hands in one paper of a representation of their own, for the post of ``facility`` to check.

    ``scanned``: the site has a virus scanner, and nobody opens the paper before it has answered.
    """
    wanted = _kind(kind, _OF_LAWYERS)
    media_type = await checked(content)
    now = clock.now()
    async with db.transaction() as tx:
        bond = await tx.get(Representation, representation)
        if bond is None or bond.lawyer != principal.id:
            raise NotFound("no-representation", "There is no such mandate of yours.")
        paper = Paper(
            kind=wanted,
            representation=bond.id,
            client=bond.client,
            facility=facility,
            state="submitted",
            digest=hashlib.sha256(content).hexdigest(),
            media_type=media_type,
            size=len(content),
            officers=[],
            submitted=now,
            submitted_by=principal.id,
            due=now + CHECK_WITHIN,
            until=until,
        )
        await _keep(tx, paper, content, scanned)
        if complete_since(await of_representation(tx, bond.id)) is not None:
            await notices.tell(
                tx, await notices.post_of(tx, facility), "papers_due", at=now, values={"deadline": paper.due}
            )
            await jobs.enqueue(tx, DUE, {"representation": bond.id}, due=paper.due, key=f"{DUE}:{paper.id}")
        return paper


async def hand_in_permit(
    db: Database,
    clock: Clock,
    principal: Principal,
    *,
    case: str,
    client: str,
    facility: str,
    officers: tuple[str, str],
    content: bytes,
    until: datetime,
    scanned: bool = False,
) -> Paper:
    """An officer hands in the 提讯证 of a case with the two officers it names, for the facility to check (IN-2b).

    ``scanned`` as in ``hand_in``.
    """
    media_type, now = await checked(content), clock.now()
    if len(set(officers)) != 2:
        raise Invalid("two-officers", "The permit names two officers.", field="officers")
    async with db.transaction() as tx:
        if not await cases.works_on(tx, principal.id, case):
            raise Denied("not-your-case", "You are not among the officers of this case.")
        if not await cases.is_suspect(tx, client, case):
            raise Invalid("not-in-case", "This person does not belong to the case.", field="client")
        paper = Paper(
            kind=PaperKind.INTERROGATION_PERMIT,
            case=case,
            client=client,
            facility=facility,
            state="submitted",
            digest=hashlib.sha256(content).hexdigest(),
            media_type=media_type,
            size=len(content),
            officers=list(officers),
            submitted=now,
            submitted_by=principal.id,
            due=now + CHECK_WITHIN,
            until=until,
        )
        await _keep(tx, paper, content, scanned)
        return paper


async def _keep(tx: AsyncSession, paper: Paper, content: bytes, scanned: bool) -> None:
    """Write a paper down with its content, to be looked through by the site's virus scanner where it has one."""
    tx.add(paper)
    await tx.flush()
    tx.add(PaperFile(paper=paper.id, content=content))
    if scanned:
        await screened_files.ask(tx, paper, paper.submitted)
    by, details = paper.submitted_by, {"kind": paper.kind.value}
    await ledger.append(tx, "paper.submitted", actor=by, subject=paper.id, at=paper.submitted, details=details)


async def check(
    db: Database,
    clock: Clock,
    principal: Principal,
    paper: str,
    *,
    reason: str | None = None,
    until: datetime | None = None,
) -> Paper:
    """The post finds a paper in order, or refuses it for an enumerated ``reason``.

    With the last of the three in order the representation is checked and the lawyer can book.
    """
    if reason is not None and reason not in REFUSED_TEXT:
        raise Invalid("unknown-reason", "Please choose a reason from the list.", field="reason")
    now = clock.now()
    async with db.transaction() as tx:
        found = await _for_post(tx, principal, paper)
        if found.state != "submitted":
            raise Conflict("state", "This paper has been checked already.")
        screened_files.require_clean(found)
        found.state, found.reason = ("refused", reason) if reason else ("accepted", None)
        found.checked, found.checked_by = now, principal.id
        found.until = until or found.until
        await tx.flush()
        await ledger.append(
            tx, f"paper.{found.state}", actor=principal.id, subject=found.id, at=now, details={"reason": reason}
        )
        if found.representation is not None:
            await _conclude(tx, found, principal, now)
        return found


async def content(db: Database, clock: Clock, principal: Principal, paper: str) -> tuple[bytes, str, bool]:
    """A paper's content and media type, and whether a scanner found it clean, for its owner or the checking post.

    Each look is in the ledger. Raises ``Conflict`` while the scanner has not answered.
    """
    async with db.transaction() as tx:
        found = await tx.get(Paper, paper)
        if found is None or found.submitted_by != principal.id:
            found = await _for_post(tx, principal, paper)
        screened_files.require_clean(found)
        file = await tx.get_one(PaperFile, paper)
        await ledger.append(tx, "paper.viewed", actor=principal.id, subject=paper, at=clock.now())
        return file.content, found.media_type, found.virus_check == screened_files.CLEAN


async def my_mandates(db: Database, clock: Clock, principal: Principal) -> list[Mandate]:
    """A lawyer's representations with their papers, newest first."""
    require(principal, Action.VIEW_CLIENTS, {Relation.SELF})
    async with db.transaction(write=False) as tx:
        query = select(Representation, CustodyPerson.name)
        query = query.join(CustodyPerson, CustodyPerson.id == Representation.client)
        query = query.where(Representation.lawyer == principal.id).order_by(Representation.since.desc())
        rows = [(row[0], row[1]) for row in await tx.execute(query)]
        return [_mandate(bond, name, await of_representation(tx, bond.id), clock.now()) for bond, name in rows]


@dataclass(frozen=True, slots=True)
class Permit:
    """An interrogation permit as whoever handed it in sees it."""

    paper: Paper
    case_number: str
    client: str
    officers: tuple[str, ...]


async def my_permits(db: Database, principal: Principal) -> list[Permit]:
    """Interrogation permits an officer handed in, newest first."""
    require(principal, Action.VIEW_CASE, {Relation.OWN_CASE})
    async with db.transaction(write=False) as tx:
        query = select(Paper).where(Paper.submitted_by == principal.id, Paper.kind == PaperKind.INTERROGATION_PERMIT)
        found = []
        for paper in (await tx.execute(query.order_by(Paper.submitted.desc()).limit(50))).scalars():
            client = await cases.custody_person(tx, paper.client or "")
            names = await people.names(tx, set(paper.officers))
            number = await store.case_number(tx, paper.case) or ""
            officers = tuple(names[one][0] for one in paper.officers if one in names)
            found.append(Permit(paper, number, client.name if client else "", officers))
        return found


async def to_check(db: Database, principal: Principal) -> Sequence[Paper]:
    """Papers that wait for the principal's post, the most urgent first."""
    require(principal, Action.CHECK_PAPERS, relations(principal, facility=principal.facility))
    async with db.transaction(write=False) as tx:
        query = select(Paper).where(Paper.facility == principal.facility, Paper.state == "submitted")
        return (await tx.execute(query.order_by(Paper.due, Paper.id))).scalars().all()


@dataclass(frozen=True, slots=True)
class ToCheck:
    """What belongs together for the checking post: a mandate with its papers, or one permit."""

    lawyer: str
    """Name of whoever handed it in, with their number."""
    client: str
    papers: tuple[Paper, ...]
    """The newest of each kind, whatever its state."""
    missing: tuple[str, ...]
    """Keys of ``PAPER_TEXT``."""
    clock: Clock48 | None
    """The first of the two clocks of a visit; ``None`` before it runs, and for permits."""
    due: datetime
    """By when the first of the waiting ones must be checked."""
    officers: tuple[str, ...] = ()
    """Of an interrogation permit: whom it names."""


async def waiting_for_check(db: Database, clock: Clock, principal: Principal) -> list[ToCheck]:
    """Everything that waits for the principal's post, most urgent first; each mandate once, with all of its papers."""
    now = clock.now()
    found: dict[str, ToCheck] = {}
    for paper in await to_check(db, principal):
        key = paper.representation or paper.id
        if key in found:
            continue
        async with db.transaction(write=False) as tx:
            all_ = await of_representation(tx, key) if paper.representation else (paper,)
            client = await cases.custody_person(tx, paper.client or "")
            names = await people.names(tx, {paper.submitted_by, *paper.officers})
        since = complete_since(all_) if paper.representation else None
        newest = {p.kind: p for p in all_}
        found[key] = ToCheck(
            lawyer=names.get(paper.submitted_by, ("", ""))[0],
            client=client.name if client else "",
            papers=tuple(newest.values()),
            missing=missing(all_, now) if paper.representation else (),
            clock=run(since, None, now, pauses(all_)) if since else None,
            due=paper.due,
            officers=tuple(names[one][0] for one in paper.officers if one in names),
        )
    return list(found.values())


def missing(papers: Sequence[Paper], now: datetime) -> tuple[str, ...]:
    """Which of the three papers is not there in a usable state."""
    usable = {p.kind for p in papers if p.state != "refused" and (p.until is None or p.until > now)}
    lacking = [kind.value for kind in (PaperKind.LICENCE, PaperKind.FIRM_LETTER) if kind not in usable]
    return (*lacking, *(() if usable & _MANDATE else (PaperKind.POWER_OF_ATTORNEY.value,)))


def complete_since(papers: Sequence[Paper]) -> datetime | None:
    """When the last of the three papers was first handed in, whatever became of it: the clock runs from there."""
    first: dict[str, datetime] = {}
    for paper in sorted(papers, key=lambda p: p.submitted):
        first.setdefault("mandate" if paper.kind in _MANDATE else paper.kind.value, paper.submitted)
    wanted = (PaperKind.LICENCE.value, PaperKind.FIRM_LETTER.value, "mandate")
    return max(first[kind] for kind in wanted) if all(kind in first for kind in wanted) else None


def pauses(papers: Sequence[Paper]) -> list[Pause]:
    """Each refusal of a paper until another of its kind was handed in: the only thing that stops the clock."""
    found: list[Pause] = []
    for paper in papers:
        if paper.state == "refused" and paper.checked is not None:
            again = [
                p.submitted for p in papers if p.id != paper.id and _same(p, paper) and p.submitted >= paper.checked
            ]
            found.append((paper.checked, min(again, default=None)))
    return found


def _same(one: Paper, other: Paper) -> bool:
    return one.kind is other.kind or {one.kind, other.kind} <= _MANDATE


async def _conclude(tx: AsyncSession, paper: Paper, principal: Principal, now: datetime) -> None:
    bond = await tx.get_one(Representation, paper.representation)
    if paper.state == "refused":
        values = {"reason": REFUSED_TEXT[paper.reason or "unreadable"]}
        await notices.tell(tx, [bond.lawyer], "papers_refused", at=now, values=values)
        return
    if paper.kind is PaperKind.INTERPRETER_PERMIT:
        until = min(filter(None, (paper.until, now + LONGEST_EXCEPTION)))
        await write_exception(tx, paper.client or "", "LV-2b", "permit", by=principal.id, at=now, until=until)
        return
    accepted = [p for p in await of_representation(tx, bond.id) if p.state == "accepted"]
    if bond.state is RepresentationState.PENDING and not missing(accepted, now):
        bond.state, bond.checked, bond.checked_by = RepresentationState.VERIFIED, now, principal.id
        ends = [p.until for p in accepted if p.until is not None]
        bond.until = min(ends, default=None)
        await ledger.append(tx, "representation.verified", actor=principal.id, subject=bond.id, at=now)
        await notices.tell(tx, [bond.lawyer], "papers_accepted", at=now)


async def _for_post(tx: AsyncSession, principal: Principal, paper: str) -> Paper:
    found = await tx.get(Paper, paper)
    held = relations(principal, facility=found.facility if found else None)
    if found is None or not allowed(principal, Action.CHECK_PAPERS, held):
        raise NotFound("no-paper", "There is no such paper.")
    return found


async def of_representation(tx: AsyncSession, representation: str) -> Sequence[Paper]:
    """Every paper handed in for a representation, oldest first."""
    query = select(Paper).where(Paper.representation == representation).order_by(Paper.submitted, Paper.id)
    return (await tx.execute(query)).scalars().all()


def _mandate(bond: Representation, name: str, papers: Sequence[Paper], now: datetime) -> Mandate:
    complete = complete_since(papers)
    good = bond.state is RepresentationState.VERIFIED and (bond.until is None or bond.until > now)
    return Mandate(
        id=bond.id,
        client=name,
        state=bond.state,
        since=bond.since,
        complete=complete,
        checked=bond.checked,
        papers=tuple(papers),
        missing=() if good else missing(papers, now),
        until=bond.until,
        submitted_clock=run(complete, bond.checked, now, pauses(papers)) if complete else None,
        facility=papers[-1].facility if papers else None,
    )


def _kind(word: str, among: frozenset[PaperKind]) -> PaperKind:
    try:
        found = PaperKind(word)
    except ValueError:
        found = None
    if found is None or found not in among:
        raise Invalid("paper-kind", "No other paper may be demanded or handed in for a visit.", field="kind")
    return found
