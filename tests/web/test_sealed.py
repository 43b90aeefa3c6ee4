"""Playback of a filed recording: the working copy, and the original only after its release."""

from cases.models import Case, Stage
from recordings import keeping
from recordings.models import DerivedFile, Recording
from recordings.retention import Decider
from scheduler.models import Booking
from tests.web.world import World
from web import store


async def recorded(site: World, state: str) -> str:
    """A session with a recording of one original file and one working copy; return its id."""
    session = await site.interrogation()
    now = site.clock.now()
    async with site.database.transaction() as tx:
        (await tx.get_one(Booking, session.id)).started = now
        tx.add(
            Recording(
                id="rec-1", session=session.id, kind="interrogation", policy="clear", state=state, started=now,
                ended=now, duration_ms=1000, takes=1, gaps=0, bytes=1, digest="0" * 64, verdict="INTACT",
                verified=now, finalized=now,
            )
        )  # fmt: skip
        await tx.flush()
        for file, kind in (("p1.webm", "participant"), ("composed.mp4", "composed")):
            tx.add(
                DerivedFile(
                    recording="rec-1", file=file, kind=kind, media_type="video/mp4", endpoint="", publication="",
                    role="detainee", part=1, start_ms=0, duration_ms=1000, length=1,
                )
            )  # fmt: skip
    return session.id


async def test_after_filing_only_the_working_copy_is_offered_and_served(site: World) -> None:
    """The page says that the original is sealed; its address answers 403 until two persons released it."""
    session = await recorded(site, "filed")
    officer = await site.browser("officer")
    assert (await site.post(officer, f"/records/{session}/play"))[0] == 303
    _, text = await site.get(officer, f"/records/{session}")
    assert "composed.mp4" in text
    assert "p1.webm" not in text
    assert "原件已封存" in text
    status, text = await site.get(officer, f"/records/{session}/media/rec-1/p1.webm")
    assert status == 403
    assert "启封" in text
    film = await site.film(officer, f"/records/{session}", f"/records/{session}/media/rec-1/composed.mp4")
    assert (await site.get(officer, film))[0] == 404  # no file in this world
    asked = Decider((await site.principal("officer")).id, "a")
    async with site.database.transaction() as tx:
        now = site.clock.now()
        request = await keeping.ask(tx, "rec-1", "unseal", "court-request", asked=asked, case_unit="a", now=now)
        await keeping.decide(tx, request.id, decides=Decider("other", "b"), approve=True, case_ended=False, now=now)
    film = await site.film(officer, f"/records/{session}", f"/records/{session}/media/rec-1/p1.webm")
    assert (await site.get(officer, film))[0] == 404
    assert "p1.webm" in (await site.get(officer, f"/records/{session}"))[1]


async def test_before_filing_the_original_is_served(site: World) -> None:
    """While the case is being worked on both views are open to its officers."""
    session = await recorded(site, "closed")
    officer = await site.browser("officer")
    await site.post(officer, f"/records/{session}/play")
    _, text = await site.get(officer, f"/records/{session}")
    assert "p1.webm" in text
    assert "原件已封存" not in text
    film = await site.film(officer, f"/records/{session}", f"/records/{session}/media/rec-1/p1.webm")
    assert (await site.get(officer, film))[0] == 404


async def test_what_was_filed_is_listed_for_counsel_once_the_case_left_investigation(site: World) -> None:
    """Neither an unfiled recording nor one of a case under investigation is in the list."""
    session = await recorded(site, "filed")

    async def listed(stage: Stage, state: str) -> list[str]:
        async with site.database.transaction() as tx:
            case = (await tx.get_one(Booking, session)).case
            (await tx.get_one(Case, case)).stage = stage
            (await tx.get_one(Recording, "rec-1")).state = state
            await tx.flush()
            return [row.id for row in await store.filed_sessions(tx, [str(case)], 10)]

    assert await listed(Stage.TRIAL, "filed") == [session]
    assert await listed(Stage.TRIAL, "closed") == []
    assert await listed(Stage.INVESTIGATION, "filed") == []
