"""Papers of a visit: handed in, checked, refused, reused; the same answer for everybody."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from cases.models import CustodyPerson, RepresentationState
from core import ledger
from core.errors import Conflict, Denied, Invalid, NotFound
from core.jobs import Worker
from scheduler.bookings import request_booking
from scheduler.choices import my_clients
from scheduler.escalation import handlers
from scheduler.notices import mine
from scheduler.papers import (
    check,
    complete_since,
    content,
    first_request,
    hand_in,
    hand_in_permit,
    my_mandates,
    pauses,
    to_check,
)
from scheduler.rulebook import warnings_of


@pytest.fixture
def site(sqlite_site):
    """On SQLite; what PostgreSQL does differently is in ``test_on_postgres``."""
    return sqlite_site


PDF = b"%PDF-1.7 a power of attorney\n%%EOF\n"


@pytest.fixture
async def mandate(site):
    """A first request by the second lawyer for 李秋生, whose identity number is known."""
    async with site.db.transaction() as tx:
        person = (await tx.execute(select(CustodyPerson).where(CustodyPerson.name == "李秋生"))).scalar_one()
        person.identity_number = "320500197902271234"
    return await ask(site)


async def ask(site, name="李秋生", number="320500197902271234"):
    """What the form for a new client sends."""
    return await first_request(
        site.db,
        site.clock,
        site.who["lawyer2"],
        name=name,
        identity_number=number,
        facility=site.facilities["城东看守所"],
    )


async def give(site, mandate, kind, data=PDF, login="lawyer2"):
    """Hand in one paper."""
    return await hand_in(
        site.db,
        site.clock,
        site.who[login],
        representation=mandate,
        facility=site.facilities["城东看守所"],
        kind=kind,
        content=data,
    )


async def test_three_papers_in_order_make_a_client(site, mandate):
    """Only after the post found the last one in order does the name appear and can a visit be booked."""
    for kind in ("licence", "firm_letter", "power_of_attorney"):
        assert "李秋生" not in {c.name for c in await my_clients(site.db, site.clock, site.who["lawyer2"])}
        paper = await give(site, mandate, kind)
        await check(site.db, site.clock, site.who["duty"], paper.id)
    assert "李秋生" in {c.name for c in await my_clients(site.db, site.clock, site.who["lawyer2"])}
    answer = await request_booking(site.db, site.clock, site.who["lawyer2"], site.visit(person="李秋生"))
    assert answer.state == "requested"


async def test_a_legal_aid_letter_stands_for_the_power_of_attorney(site, mandate):
    """Either is enough."""
    for kind in ("licence", "firm_letter", "legal_aid_letter"):
        paper = await give(site, mandate, kind)
        await check(site.db, site.clock, site.who["duty"], paper.id)
    shown = await my_mandates(site.db, site.clock, site.who["lawyer2"])
    assert next(m for m in shown if m.id == mandate).state is RepresentationState.VERIFIED


async def test_the_answer_is_the_same_whether_or_not_somebody_is_held(site, mandate):
    """A known and an unknown person give a mandate with the same three papers missing and nothing else."""
    await ask(site, "没有这个人", "320500199001010000")
    shown = await my_mandates(site.db, site.clock, site.who["lawyer2"])
    new = [m for m in shown if m.state is RepresentationState.PENDING]
    assert {m.client for m in new} == {"李秋生", "没有这个人"}
    assert {m.missing for m in new} == {("licence", "firm_letter", "power_of_attorney")}


async def test_asking_twice_is_one_mandate(site, mandate):
    """The same client again is the same mandate."""
    assert await ask(site) == mandate


async def test_a_refused_paper_pauses_the_clock_until_the_next(site, mandate):
    """The clock runs from when all three were there; the refusal to the next paper is its only pause."""
    for kind in ("licence", "firm_letter", "power_of_attorney"):
        await give(site, mandate, kind)
    full = site.clock.now()
    site.clock.advance(3600)
    waiting = await to_check(site.db, site.who["duty"])
    power = next(p for p in waiting if p.kind.value == "power_of_attorney")
    await check(site.db, site.clock, site.who["duty"], power.id, reason="not-signed")
    site.clock.advance(3600)
    await give(site, mandate, "power_of_attorney")
    shown = await my_mandates(site.db, site.clock, site.who["lawyer2"])
    papers = next(m for m in shown if m.id == mandate).papers
    assert complete_since(papers) == full
    assert pauses(papers) == [(full + timedelta(hours=1), full + timedelta(hours=2))]


async def test_unusable_files_are_refused(site, mandate):
    """Empty, of another kind by content, or too large."""
    for data in [b"", b"MZ program", b"<html>", b"%PDF-" + b"0" * (10 * 1024 * 1024)]:
        with pytest.raises(Invalid):
            await give(site, mandate, "licence", data)


async def test_no_other_paper_can_be_demanded(site, mandate):
    """Neither invented kinds nor the officers' permit."""
    for kind in ("bank_statement", "interrogation_permit"):
        with pytest.raises(Invalid):
            await give(site, mandate, kind)


async def test_papers_are_for_their_owner_and_the_checking_post(site, mandate):
    """Nobody else reads, checks or adds; each look is in the ledger."""
    paper = await give(site, mandate, "licence")
    for login in ("lawyer", "officer", "duty-west", "admin"):
        with pytest.raises(NotFound):
            await content(site.db, site.clock, site.who[login], paper.id)
        with pytest.raises((NotFound, Denied)):
            await check(site.db, site.clock, site.who[login], paper.id)
    with pytest.raises(NotFound):
        await give(site, mandate, "firm_letter", login="lawyer")
    assert await content(site.db, site.clock, site.who["duty"], paper.id) == (PDF, "application/pdf", False)
    async with site.db.transaction(write=False) as tx:
        entries = (await tx.execute(select(ledger.Entry).where(ledger.Entry.tag == "paper.viewed"))).scalars().all()
    assert [e.actor for e in entries] == [site.who["duty"].id]


async def test_a_paper_is_checked_once(site, mandate):
    """A second verdict is a conflict."""
    paper = await give(site, mandate, "licence")
    await check(site.db, site.clock, site.who["duty"], paper.id)
    with pytest.raises(Conflict):
        await check(site.db, site.clock, site.who["duty"], paper.id, reason="expired")


async def test_an_accepted_permit_lets_the_interpreter_come(site):
    """Without it the interpreter is refused, with it the visit can be asked for (LV-2b)."""
    wish = site.visit(interpreters=(site.who["interpreter"].id,))
    refused = await request_booking(site.db, site.clock, site.who["lawyer"], wish)
    assert refused.rule == "LV-2b"
    mine = next(m for m in await my_mandates(site.db, site.clock, site.who["lawyer"]) if m.client == "张伟民")
    paper = await give(site, mine.id, "interpreter_permit", login="lawyer")
    await check(site.db, site.clock, site.who["duty"], paper.id)
    booked = await request_booking(site.db, site.clock, site.who["lawyer"], wish)
    assert booked.state == "requested"


async def test_a_permit_that_names_both_officers_ends_the_warning(site):
    """Inside a detention centre the facility is warned until it has accepted a permit with both names (IN-2b)."""
    first = await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(2))
    assert "IN-2b" in [b.rule.id for b in await warnings_of(site.db, site.who["duty"], first.id)]
    paper = await hand_in_permit(
        site.db,
        site.clock,
        site.who["officer"],
        case=site.cases["0317"],
        client=site.persons["张伟民"],
        facility=site.facilities["城东看守所"],
        officers=(site.who["officer"].id, site.who["officer2"].id),
        content=PDF,
        until=site.clock.now() + timedelta(days=7),
    )
    await check(site.db, site.clock, site.who["duty"], paper.id)
    second = await request_booking(site.db, site.clock, site.who["officer"], site.interrogation(4))
    assert "IN-2b" not in [b.rule.id for b in await warnings_of(site.db, site.who["officer"], second.id)]
    with pytest.raises(NotFound):
        await warnings_of(site.db, site.who["lawyer"], second.id)


async def test_an_overdue_check_is_told_to_the_prosecutor(site, mandate):
    """A day after the three papers came nobody has looked: post, lawyer and prosecutor learn it, nobody a name."""
    for kind in ("licence", "firm_letter", "power_of_attorney"):
        await give(site, mandate, kind)
    worker = Worker(site.db, site.clock, handlers(site.db, site.clock))
    site.clock.advance(23 * 3600)
    while await worker.run_one():
        pass
    assert await mine(site.db, site.clock, site.who["prosecutor"]) == []
    site.clock.advance(2 * 3600)
    while await worker.run_one():
        pass
    [notice] = await mine(site.db, site.clock, site.who["prosecutor"])
    assert "城东看守所" in notice.text
    assert "李秋生" not in notice.text
    assert any("检察官" in n.text for n in await mine(site.db, site.clock, site.who["lawyer2"]))
    assert len([n for n in await mine(site.db, site.clock, site.who["duty"]) if "待审核" in n.text]) == 2
