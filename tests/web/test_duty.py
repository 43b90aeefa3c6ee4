"""Pages of a duty post on the real database: what they do, what they refuse, what hostile input gets."""

import re
from datetime import timedelta

import pytest
from aiohttp import FormData
from sqlalchemy import select

from core.ledger import Entry
from scheduler import bookings, choices, notices, papers, running
from scheduler.models import Booking, CustodyStep, Facility, LateScan, Room
from scheduler.requests import Request
from tests.web.world import PAGE, World

PDF = b"%PDF-1.7 a paper\n%%EOF\n"
POST_PAGES = (
    "/day",
    "/day/week",
    "/day/papers",
    "/day/custody",
    "/day/register",
    "/day/escorts",
    "/day/sheet",
    "/day/handover",
    "/day/register.csv",
    "/day/list.csv",
    "/day/bookings.csv",
)


async def rows(site: World, table, **where):  # type: ignore[no-untyped-def]  # any table
    async with site.database.transaction(write=False) as tx:
        return (await tx.execute(select(table).filter_by(**where))).scalars().all()


async def room(site: World, name: str, facility: str = "城东看守所") -> str:
    async with site.database.transaction(write=False) as tx:
        query = select(Room.id).join(Facility, Facility.id == Room.facility)
        return (await tx.execute(query.where(Room.name == name, Facility.name == facility))).scalar_one()


async def confirmed(site: World) -> Booking:
    """A visit in an hour that stands."""
    visit = await site.visit(60)
    duty = await site.browser("duty")
    assert (await site.post(duty, f"/day/{visit.id}/confirm", version="1"))[0] == 303
    return visit


@pytest.mark.parametrize("path", POST_PAGES)
async def test_pages_of_a_post_are_for_those_on_duty(site: World, path: str) -> None:
    """Every page opens on an empty day, and is denied in words to lawyers, officers and administrators."""
    assert (await site.get(await site.browser("duty-river"), path))[0] == 200
    for login in ("lawyer", "officer", "admin", "reviewer"):
        assert (await site.get(await site.browser(login), path))[0] == 403


@pytest.mark.parametrize("path", ["/day", "/day/week", "/day/register", "/day/escorts", "/day/sheet", "/day/list.csv"])
async def test_impossible_days_are_refused_in_words(site: World, path: str) -> None:
    """A made-up date in the address is a mistake, not an error; the edges of what is possible are pages."""
    duty = await site.browser("duty")
    for day in ("never", "2026-02-30", "0001-01-01", "9999-12-31", "%00x", "2026-03-02T00:00"):
        assert (await site.get(duty, f"{path}?day={day}"))[0] == 422
    for day in ("2000-01-01", "2199-12-31"):
        assert (await site.get(duty, f"{path}?day={day}"))[0] == 200


async def test_a_room_is_changed_in_two_taps_while_the_session_runs(site: World) -> None:
    """The list offers the free rooms of the right use; one press moves it and tells the live session."""
    visit = await confirmed(site)
    duty = await site.browser("duty")
    site.clock.advance(62 * 60)
    await running.session_started(site.database, site.clock, visit.id)
    site.hub.runs(visit.id, "live")
    _, page = await site.get(duty, "/day")
    form = re.search(rf'action="/day/{visit.id}/move">.*?</form>', page, re.DOTALL)
    assert form is not None
    offered = dict(re.findall(r'value="(\w{22})">.*?</svg>([^<]+)<', form[0]))
    assert set(offered.values()) == {"会见室 2", "会见室 3"}
    target = next(iter(offered))
    assert (await site.post(duty, f"/day/{visit.id}/move", version="1", room=target))[0] == 303
    assert ("window", visit.id) in site.hub.asked
    wrong = await room(site, "讯问室 1")
    status, page, _ = await site.post(duty, f"/day/{visit.id}/move", version="1", room=wrong)
    assert status == 422
    assert (await site.post(duty, f"/day/{visit.id}/move", version="1", room="../etc"))[0] == 422
    west = await site.browser("duty-west")
    assert (await site.post(west, f"/day/{visit.id}/move", version="1", room=target))[0] == 404


async def test_an_arrival_is_written_once(site: World) -> None:
    """The lawyer is here: the first time stays, and is on the list."""
    visit = await confirmed(site)
    duty = await site.browser("duty")
    site.clock.advance(50 * 60)
    for _ in range(2):
        assert (await site.post(duty, f"/day/{visit.id}/arrived", version="2"))[0] == 303
        site.clock.advance(60)
    _, page = await site.get(duty, "/day")
    assert re.search(r"律师已到 · <time[^>]*>12:50</time>", page)
    assert (await site.post(await site.browser("officer"), f"/day/{visit.id}/arrived", version="2"))[0] == 403


async def test_lack_of_room_is_no_answer_but_another_time_is(site: World) -> None:
    """Declining for lack of room is refused (LV-1); the page offers free times, and one is held for the lawyer."""
    visit = await site.visit(60)
    duty = await site.browser("duty")
    status, page, _ = await site.post(duty, f"/day/{visit.id}/decline", version="1", reason="no-capacity")
    assert status == 409
    assert "48" in page
    _, page = await site.get(duty, f"/day/{visit.id}/times")
    start = re.search(r'name="start" value="([^"]+)"', page)
    assert start is not None
    assert (await site.post(duty, f"/day/{visit.id}/offer", version="1", start=start[1]))[0] == 303
    _, page = await site.get(duty, "/day")
    assert "已另提时间，等待对方答复" in page
    for bad in ("", "yesterday", "2026-03-02T14:00", "1999-01-01T00:00:00+00:00"):
        assert (await site.post(duty, f"/day/{visit.id}/offer", version="2", start=bad))[0] in (409, 422)


async def test_an_urgent_use_is_decided_alone_and_looked_at_the_next_day(site: World) -> None:
    """Asked for at once it stands on top; after the decision the reviewer finds it and writes down what they think."""
    officer = await site.principal("officer")
    case = next(c for c in await choices.my_cases(site.database, officer) if len(c.persons) > 1)
    second = (await site.principal("officer2")).id
    now = site.clock.now()
    wish = Request(
        kind="interrogation",
        start=now,
        end=now + timedelta(minutes=30),
        custody_person=case.persons[-1].id,
        case=case.id,
        officers=(second,),
    )
    asked = await bookings.ask_urgent(site.database, site.clock, officer, wish)
    assert isinstance(asked, Booking)
    await site.visit(60)
    duty = await site.browser("duty")
    _, page = await site.get(duty, "/day")
    assert page.index("紧急用房申请") < page.index("剩余")
    assert (await site.post(duty, f"/day/{asked.id}/confirm", version="1"))[0] == 303
    site.clock.advance(20 * 3600)
    reviewer = await site.browser("reviewer")
    _, page = await site.get(reviewer, "/urgent")
    assert f"/urgent/{asked.id}" in page
    assert (await site.post(reviewer, f"/urgent/{asked.id}", finding="whatever"))[0] == 422
    assert (await site.post(reviewer, f"/urgent/{asked.id}", finding="justified"))[0] == 303
    _, page = await site.get(reviewer, "/urgent")
    assert f'action="/urgent/{asked.id}"' not in page
    assert (await site.get(await site.browser("duty"), "/urgent"))[0] == 403
    assert (await site.post(await site.browser("officer"), f"/urgent/{asked.id}", finding="justified"))[0] == 403


async def test_a_closed_room_asks_for_room_reason_and_length(site: World) -> None:
    """Nothing is closed by a form that lacks one of them or names a room of another place."""
    duty = await site.browser("duty")
    mine, other = await room(site, "会见室 1"), await room(site, "会见室 1", "城西看守所")
    for fields in (
        {},
        {"room": mine, "reason": "bored", "hours": "2"},
        {"room": mine, "reason": "device", "hours": "0"},
        {"room": mine, "reason": "device", "hours": "99999999"},
        {"room": "all'--", "reason": "device", "hours": "2"},
        {"room": other, "reason": "device", "hours": "2"},
    ):
        assert (await site.post(duty, "/day/blocks", **fields))[0] in (404, 422)
    assert (await site.post(duty, "/day/blocks", room=mine, reason="device", hours="2"))[0] == 303
    _, page = await site.get(duty, "/day")
    block = re.search(r"/day/blocks/(\w{22})/lift", page)
    assert block is not None
    assert (await site.post(await site.browser("duty-west"), f"/day/blocks/{block[1]}/lift"))[0] == 404
    assert (await site.post(duty, f"/day/blocks/{block[1]}/lift"))[0] == 303
    assert block[1] not in (await site.get(duty, "/day"))[1]


async def test_three_papers_are_checked_and_the_clock_pauses_only_for_one(site: World) -> None:
    """A refused paper pauses the clock and is told; when all three are in order the lawyer can book."""
    lawyer, duty = await site.principal("lawyer2"), await site.browser("duty")
    place = (await rows(site, Facility, name="城东看守所"))[0].id
    bond = await papers.first_request(
        site.database, site.clock, lawyer, name="李秋生", identity_number="32010119790227001X", facility=place
    )

    async def hand_in(kind: str) -> str:
        made = await papers.hand_in(
            site.database, site.clock, lawyer, representation=bond, facility=place, kind=kind, content=PDF
        )
        return made.id

    licence, letter, power = [await hand_in(kind) for kind in ("licence", "firm_letter", "power_of_attorney")]
    _, page = await site.get(duty, "/day/papers")
    assert "材料齐备起 48 小时" in page
    for fields in (
        {},
        {"verdict": "maybe"},
        {"verdict": "refused", "reason": "face"},
        {"verdict": "accepted", "until": "x"},
    ):
        assert (await site.post(duty, f"/day/papers/{licence}", **fields))[0] == 422
    assert (await site.post(duty, f"/day/papers/{letter}", verdict="refused", reason="unreadable"))[0] == 303
    _, page = await site.get(duty, "/day/papers")
    assert "时限已中止" in page
    site.clock.advance(3600)
    again = await hand_in("firm_letter")
    assert "时限已中止" not in (await site.get(duty, "/day/papers"))[1]
    for paper in (licence, again, power):
        assert (await site.post(duty, f"/day/papers/{paper}", verdict="accepted", until="2026-12-31"))[0] == 303
    assert (await papers.my_mandates(site.database, site.clock, lawyer))[0].state.value == "verified"
    assert (await site.post(duty, f"/day/papers/{power}", verdict="accepted"))[0] == 409


async def test_a_paper_is_shown_without_being_run_and_each_look_is_written_down(site: World) -> None:
    """The file is served under a sandbox; another post finds no such paper."""
    lawyer, duty = await site.principal("lawyer2"), await site.browser("duty")
    place = (await rows(site, Facility, name="城东看守所"))[0].id
    bond = await papers.first_request(
        site.database, site.clock, lawyer, name="李秋生", identity_number="32010119790227001X", facility=place
    )
    paper = await papers.hand_in(
        site.database, site.clock, lawyer, representation=bond, facility=place, kind="licence", content=PDF
    )
    answer = await duty.get(f"/day/papers/{paper.id}/file", headers=PAGE)
    assert (answer.status, await answer.read(), answer.content_type) == (200, PDF, "application/pdf")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert len(await rows(site, Entry, tag="paper.viewed", subject=paper.id)) == 1
    for login in ("duty-west", "officer", "admin"):
        assert (await site.get(await site.browser(login), f"/day/papers/{paper.id}/file"))[0] in (403, 404)


async def test_a_lawyer_who_missed_visits_books_online_again(site: World) -> None:
    """Three missed visits close it; the post opens it with a reason, which both then read on the page."""
    duty, lawyer = await site.browser("duty"), await site.principal("lawyer")
    for _ in range(3):
        visit = await confirmed(site)
        site.clock.advance(60 * 60)
        assert (await site.post(duty, f"/day/{visit.id}/no-show", version="2", reason="lawyer"))[0] == 303
    _, page = await site.get(duty, "/day/papers")
    address = f"/day/lawyers/{lawyer.id}/reopen"
    assert address in page
    assert "计入的未到次数：3" in page
    for bad in ("", "<script>", "lifted"):
        status, page, _ = await site.post(duty, address, reason=bad)
        assert (status, address in page, "请从列表中选择" in page) == (422, True, True)
    assert (await site.post(await site.browser("duty-west"), address, reason="explained"))[0] == 404
    assert (await site.post(await site.browser("lawyer"), address, reason="explained"))[0] == 403
    assert (await site.post(duty, address, reason="explained"))[0] == 303
    _, page = await site.get(duty, "/day/papers")
    assert address not in page
    assert "律师已说明未到原因" in page
    assert (await site.post(duty, address, reason="explained"))[0] == 409
    assert "律师已说明未到原因" in (await site.get(await site.browser("reviewer"), "/rules"))[1]
    assert await site.visit(60)


async def test_a_transfer_without_a_place_comes_back_as_typed(site: World) -> None:
    """The form stays open with what was chosen and says what is missing; unknown persons are not there."""
    duty = await site.browser("duty")
    _, page = await site.get(duty, "/day/custody")
    person = re.search(r'action="/day/custody/(\w{22})"', page)
    assert person is not None
    status, page, _ = await site.post(duty, f"/day/custody/{person[1]}", what="transferred")
    assert status == 422
    assert '<option value="transferred" selected>' in page
    for fields in (
        {"what": "escaped"},
        {"what": "court", "start": "soon"},
        {"what": "court", "until": "1999-01-01T00:00"},
        {"what": "transferred", "to": "x"},
    ):
        assert (await site.post(duty, f"/day/custody/{person[1]}", **fields))[0] == 422
    assert (await site.post(duty, "/day/custody/" + "0" * 22, what="released"))[0] == 404
    assert (await site.post(await site.browser("duty-west"), f"/day/custody/{person[1]}", what="released"))[0] == 404
    assert "x" * 10 not in (await site.get(duty, "/day/custody?q=" + "x" * 60))[1].replace("x" * 60, "")


async def test_absence_and_approval_are_written_down_in_the_page(site: World) -> None:
    """A court date ahead is shown and called off; a night is approved; each is refused in words when it cannot be."""
    duty = await site.browser("duty")
    _, page = await site.get(duty, "/day/custody")
    person = re.search(r'action="/day/custody/(\w{22})"', page)
    assert person is not None
    here = f"/day/custody/{person[1]}"
    ahead = {"start": "2026-03-05T09:00", "until": "2026-03-05T12:00"}
    assert (await site.post(duty, here, what="court", **ahead))[0] == 303
    _, page = await site.get(duty, "/day/custody")
    assert "已登记外出安排" in page
    absence = re.search(r'name="absence" value="(\w{22})"', page)
    assert absence is not None
    assert (await site.post(duty, f"{here}/off", absence="0" * 22))[0] == 404
    assert (await site.post(duty, f"{here}/off", absence=absence[1]))[0] == 303
    assert (await site.post(duty, f"{here}/off", absence=absence[1]))[0] == 409
    assert (await site.post(duty, f"{here}/approval", exception="IN-2n:approved", through="2026-03-03"))[0] == 303
    assert (await site.post(duty, f"{here}/approval", exception="LV-2:permit", through="2026-03-03"))[0] == 422
    assert (await site.post(duty, f"{here}/approval", exception="IN-2n:approved", through="2027-03-03"))[0] == 422
    west = await site.browser("duty-west")
    assert (await site.post(west, f"{here}/approval", exception="IN-2n:approved", through="2026-03-03"))[0] == 404


async def test_another_time_is_offered_for_what_cannot_stay(site: World) -> None:
    """The room breaks: the post offers a time in place, the lawyer takes it in one tap or looks for another."""
    visit, duty, lawyer = await confirmed(site), await site.browser("duty"), await site.browser("lawyer")
    await site.post(duty, "/day/blocks", room="all", reason="power", hours="4")
    assert f'href="/day/{visit.id}/times"' in (await site.get(duty, "/day"))[1]
    _, times = await site.get(duty, f"/day/{visit.id}/times")
    start = re.search(r'name="start" value="([^"]+)"', times)
    version = re.search(r'name="version" value="(\d+)"', times)
    assert start is not None
    assert version is not None
    assert (await site.post(duty, f"/day/{visit.id}/offer", version=version[1], start=start[1]))[0] == 303
    _, page = await site.get(lawyer, f"/bookings/{visit.id}")
    assert f'action="/bookings/{visit.id}/take"' in page
    assert f'href="/bookings/{visit.id}/move"' in page
    [row] = await rows(site, Booking, id=visit.id)
    taken = await site.post(lawyer, f"/bookings/{visit.id}/take", version=str(row.version))
    assert taken[2] == f"/bookings/{visit.id}?told=taken"
    [row] = await rows(site, Booking, id=visit.id)
    assert (str(row.state), row.review) == ("confirmed", None)


async def _late(site: World, who, booking: str, scan: bytes | None = None, **fields: str):  # type: ignore[no-untyped-def]
    data = FormData(default_to_multipart=True)
    for name, value in fields.items():
        data.add_field(name, value)
    if scan is not None:
        data.add_field("scan", scan, filename="book.pdf", content_type="application/x-evil")
    headers = PAGE | {"Sec-Fetch-Site": "same-origin", "Origin": site.url}
    answer = await who.post(f"/day/{booking}/late", data=data, headers=headers, allow_redirects=False)
    return answer.status, await answer.text()


async def test_a_late_entry_keeps_times_reason_and_scan(site: World) -> None:
    """After a power cut the steps are written from paper with the scanned page, by the facility's clock."""
    visit = await confirmed(site)
    site.clock.advance(3 * 3600)
    duty = await site.browser("duty")
    good = {"date": "2026-03-02", "reason": "power", "brought": "12:50", "identity_checked": "12:55"}
    for wrong in (
        good | {"brought": "25:00"},
        good | {"brought": "23:59"},
        good | {"reason": "lazy"},
        good | {"date": ""},
        good | {"date": "2026-02-30"},
        good | {"identity_checked": "12:40"},
        {"date": "2026-03-02", "reason": "power"},
    ):
        assert (await _late(site, duty, visit.id, **wrong))[0] == 422
    assert (await _late(site, duty, visit.id, b"<script>", **good))[0] == 422
    assert (await _late(site, duty, visit.id, b"%PDF-" + b"x" * (11 * 1024 * 1024), **good))[0] == 422
    assert not await rows(site, CustodyStep, booking=visit.id)
    assert (await _late(site, duty, visit.id, PDF, **good))[0] == 303
    steps = {row.step.value: row.at.isoformat() for row in await rows(site, CustodyStep, booking=visit.id)}
    assert steps["brought"] == "2026-03-02T04:50:00+00:00"
    assert len(await rows(site, LateScan, booking=visit.id)) == 1
    answer = await duty.get(f"/day/{visit.id}/scan", headers=PAGE)
    assert (answer.status, await answer.read(), answer.content_type) == (200, PDF, "application/pdf")
    assert len(await rows(site, Entry, tag="late_scan.viewed", subject=visit.id)) == 1
    for login in ("duty-west", "officer", "lawyer2"):
        other = await site.browser(login)
        assert (await site.get(other, f"/day/{visit.id}/scan"))[0] in (403, 404)
        assert (await _late(site, other, visit.id, **good))[0] in (403, 404)
    assert (await site.post(duty, f"/day/{visit.id}/late", date="2026-03-02"))[0] == 422, "not a multipart form"


async def test_a_handover_note_that_is_too_long_comes_back(site: World) -> None:
    """What was typed is still there; nobody takes over from themselves, and another post finds nothing."""
    duty = await site.browser("duty")
    status, page, _ = await site.post(duty, "/day/handover", note="长" * 501)
    assert status == 422
    assert "长" * 500 in page
    assert (await site.post(duty, "/day/handover", note="<script>alert(1)</script>"))[0] == 303
    _, page = await site.get(duty, "/day/handover")
    assert "<script>alert(1)" not in page
    assert (await site.post(await site.browser("duty-west"), "/day/handover/" + "0" * 22))[0] == 404


async def test_exports_are_in_the_ledger_and_hold_no_formula(site: World) -> None:
    """A name that a spreadsheet would calculate comes out as text."""
    visit = await confirmed(site)
    async with site.database.transaction() as tx:
        for party in await running.store.parties(tx, [visit.id]):
            party.name = '=HYPERLINK("http://evil.example";"x")'
    duty = await site.browser("duty")
    for what in ("register", "list", "bookings"):
        answer = await duty.get(f"/day/{what}.csv?day=2026-03-02", headers=PAGE)
        text = await answer.text(encoding="utf-8-sig")
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{what}-2026-03-02.csv"'
        assert "HYPERLINK" in text
        assert not re.search(r'(^|,|\n)"?[=+@-]', text)
    assert len(await rows(site, Entry, tag="list.exported")) == 3


async def test_the_clock_of_a_place_with_daylight_saving_is_kept(site: World) -> None:
    """On the day the clocks go forward the list shows local time, the skipped hour is refused, the rest is right."""
    async with site.database.transaction() as tx:
        place = (await tx.execute(select(Facility).where(Facility.name == "城东看守所"))).scalar_one()
        place.zone = "Europe/Berlin"
    minutes = (27 * 24 - 4) * 60  # 2026-03-29T00:00Z: one o'clock in Berlin, two hours before the change
    visit = await site.visit(minutes + 45)
    duty = await site.browser("duty")
    assert (await site.post(duty, f"/day/{visit.id}/confirm", version="1"))[0] == 303
    site.clock.advance(minutes * 60 + 3 * 3600)
    duty = await site.browser("duty")
    _, page = await site.get(duty, "/day?day=2026-03-29")
    assert re.search(r">01:45</time>–<time[^>]*>03:45</time>", page), "an hour long, and the clock jumps in it"
    good = {"date": "2026-03-29", "reason": "power", "brought": "01:50"}
    assert (await _late(site, duty, visit.id, **(good | {"identity_checked": "02:30"})))[0] == 422
    assert (await _late(site, duty, visit.id, **(good | {"identity_checked": "03:05"})))[0] == 303
    steps = {row.step.value: row.at.isoformat() for row in await rows(site, CustodyStep, booking=visit.id)}
    assert steps == {"brought": "2026-03-29T00:50:00+00:00", "identity_checked": "2026-03-29T01:05:00+00:00"}
    _, page = await site.get(duty, "/day/week?day=2026-03-23")
    assert page.count(">01:45</time>") == 2, "on the board and in its form for a phone"


async def test_prosecutors_see_clocks_and_breaches_without_names(site: World) -> None:
    """A breach is on the resident prosecutor's page with place and times; nobody is named, others are refused."""
    await site.visit(60 * 24 * 6)
    site.clock.advance(49 * 3600)
    prosecutor = await site.browser("prosecutor")
    _, page = await site.get(prosecutor, "/clocks")
    assert "城东看守所" in page
    assert "已超期" in page
    assert "张伟民" not in page
    assert "沈知远" not in page
    for login in ("duty", "lawyer", "officer", "admin"):
        assert (await site.get(await site.browser(login), "/clocks"))[0] == 403
    assert notices.TEXTS["breach_prosecutor"]
