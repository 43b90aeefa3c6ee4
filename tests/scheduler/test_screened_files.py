"""Nobody opens a file before the site's virus scanner has answered."""

from datetime import timedelta

import pytest

from core.errors import Conflict, NotFound, Unavailable
from core.jobs import Worker
from scheduler.notices import mine
from scheduler.papers import check, content, hand_in, my_mandates
from scheduler.registers import late_entry, late_scan
from scheduler.screened_files import handlers
from tests.core.test_viruses import EICAR
from tests.scheduler.test_papers import PDF, mandate  # noqa: F401  # a fixture

INFECTED = b"%PDF-1.7 " + EICAR + b"\n%%EOF\n"


@pytest.fixture
def site(sqlite_site):
    """On SQLite; what PostgreSQL does differently is in ``test_on_postgres``."""
    return sqlite_site


class Scanner:
    """Knows one virus; away when told so."""

    def __init__(self):
        self.away = False

    async def scan(self, file):
        if self.away:
            raise Unavailable("scanner-away", "away")
        return "Eicar-Test-Signature" if EICAR in file else None


async def work(site, scanner):
    """The worker does what is due."""
    worker = Worker(site.db, site.clock, handlers(site.db, site.clock, scanner))
    while await worker.run_one():
        pass


async def give(site, mandate, data=PDF, kind="licence"):  # noqa: F811
    place, lawyer = site.facilities["城东看守所"], site.who["lawyer2"]
    asked = {"representation": mandate, "facility": place, "kind": kind, "content": data, "scanned": True}
    return await hand_in(site.db, site.clock, lawyer, **asked)


async def test_a_paper_waits_and_is_opened_when_clean(site, mandate):  # noqa: F811
    """Neither post nor owner opens it and nobody decides on it, before the answer; afterwards it is as any other."""
    paper = await give(site, mandate)
    for login in ("lawyer2", "duty"):
        with pytest.raises(Conflict, match="not-scanned"):
            await content(site.db, site.clock, site.who[login], paper.id)
    with pytest.raises(Conflict, match="not-scanned"):
        await check(site.db, site.clock, site.who["duty"], paper.id)
    await work(site, Scanner())
    assert await content(site.db, site.clock, site.who["duty"], paper.id) == (PDF, "application/pdf", True)
    await check(site.db, site.clock, site.who["duty"], paper.id)


async def test_a_scanner_that_is_away_keeps_it_waiting(site, mandate):  # noqa: F811
    """However long: asked again each minute, never opened unseen, and the hand-in itself was never refused."""
    scanner = Scanner()
    scanner.away = True
    paper = await give(site, mandate)
    for _ in range(20):
        await work(site, scanner)
        with pytest.raises(Conflict):
            await content(site.db, site.clock, site.who["duty"], paper.id)
        site.clock.advance(61)
    scanner.away = False
    await work(site, scanner)
    assert (await content(site.db, site.clock, site.who["duty"], paper.id))[2]


async def test_a_virus_is_taken_out_and_the_sender_told(site, mandate):  # noqa: F811
    """The paper is refused without the post, its content is gone, and the clock stops until another comes."""
    for kind in ("firm_letter", "power_of_attorney"):
        await give(site, mandate, kind=kind)
    paper = await give(site, mandate, INFECTED)
    await work(site, Scanner())
    with pytest.raises(NotFound):
        await content(site.db, site.clock, site.who["duty"], paper.id)
    shown = next(m for m in await my_mandates(site.db, site.clock, site.who["lawyer2"]) if m.id == mandate)
    assert (shown.missing, shown.submitted_clock.state) == (("licence",), "paused")
    assert any("病毒" in notice.text for notice in await mine(site.db, site.clock, site.who["lawyer2"]))
    with pytest.raises(Conflict):
        await check(site.db, site.clock, site.who["duty"], paper.id)


async def test_a_scanner_taken_away_lets_go_on(site, mandate):  # noqa: F811
    """The operator decided that nobody waits: opened, but not as one that was found clean."""
    paper = await give(site, mandate)
    await work(site, None)
    assert await content(site.db, site.clock, site.who["duty"], paper.id) == (PDF, "application/pdf", False)


async def test_the_scan_of_a_late_entry_waits_too(site):
    """The page of the book is looked through like a paper; one with a virus is gone."""
    from scheduler.bookings import request_booking
    from scheduler.decisions import confirm
    from scheduler.models import Step

    visit = await request_booking(site.db, site.clock, site.who["lawyer"], site.visit())
    await confirm(site.db, site.clock, site.who["duty"], visit.id)
    site.clock.advance(4 * 3600)
    start = visit.start
    duty, steps = site.who["duty"], {Step.BROUGHT: start, Step.IDENTITY_CHECKED: start + timedelta(minutes=2)}
    await late_entry(site.db, site.clock, duty, visit.id, steps, reason="power", scan=INFECTED, scanned=True)
    with pytest.raises(Conflict):
        await late_scan(site.db, site.clock, duty, visit.id)
    await work(site, Scanner())
    with pytest.raises(NotFound):
        await late_scan(site.db, site.clock, duty, visit.id)
    assert any("病毒" in notice.text for notice in await mine(site.db, site.clock, duty))
