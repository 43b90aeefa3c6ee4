"""Pages for account holders: who sees what, and what a form does."""

import re
from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlalchemy import select

from core import ledger
from scheduler.models import Booking
from tests.web.device import device
from tests.web.world import PAGE, World

HOME: Mapping[str, str] = {
    "lawyer": "/",
    "officer": "/",
    "duty": "/day",
    "reviewer": "/records",
    "admin": "/people",
    "admin-justice": "/people",
}


@pytest.mark.parametrize("login", sorted(HOME))
async def test_signing_in_leads_to_the_page_of_the_role(site: World, login: str) -> None:
    """Whoever signs in lands on the page they need most."""
    browser = await site.browser()
    status, _, leads = await site.post(browser, "/signin", login=login, password="yuanjian-demo", next="/")
    assert (status, leads) == (303, HOME[login])
    assert (await site.get(browser, leads))[0] == 200


async def test_wrong_password_keeps_the_name_and_says_nothing_more(site: World) -> None:
    """The same words for a wrong password and an unknown name; the password is not sent back."""
    browser = await site.browser()
    for login in ("lawyer", "nobody"):
        status, text, _ = await site.post(browser, "/signin", login=login, password="a guess of mine")
        assert status == 401
        assert f'value="{login}"' in text
        assert "a guess of mine" not in text
        assert 'role="alert"' in text


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:1"])
async def test_signing_in_never_leads_to_another_site(site: World, elsewhere: str) -> None:
    """A prepared link cannot use the sign-in to send people away."""
    browser = await site.browser()
    _, _, leads = await site.post(browser, "/signin", login="lawyer", password="yuanjian-demo", next=elsewhere)
    assert leads == "/"


async def test_language_is_switched_and_kept(site: World) -> None:
    """The choice is remembered by the browser and beats the account's own."""
    browser = await site.browser("lawyer")
    assert 'lang="zh-CN"' in (await site.get(browser, "/"))[1]
    answer = await browser.get("/language/en?back=/book/visit", headers=PAGE, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/book/visit")
    text = (await site.get(browser, "/book/visit"))[1]
    assert '<html lang="en"' in text
    assert "Whom would you like to visit?" in text


@pytest.mark.parametrize(
    ("login", "path"),
    [
        ("lawyer", "/day"),
        ("lawyer", "/people"),
        ("lawyer", "/records"),
        ("lawyer", "/start"),
        ("lawyer", "/book/interrogation"),
        ("officer", "/day"),
        ("officer", "/book/visit"),
        ("officer", "/facilities"),
        ("duty", "/people"),
        ("duty", "/book"),
        ("reviewer", "/day"),
        ("admin", "/book"),
        ("reviewer", "/terminals"),
    ],
)
async def test_page_of_another_role_is_refused_in_words(site: World, login: str, path: str) -> None:
    """A page that is not somebody's says so, with a way on."""
    browser = await site.browser(login)
    status, text = await site.get(browser, path)
    assert status == 403
    assert 'href="/"' in text


async def test_lawyer_books_a_visit_in_four_steps(site: World) -> None:
    """Whom, when, check, done: the links of each page lead to the next, and the booking stands at the end."""
    browser = await site.browser("lawyer")
    _, text = await site.get(browser, "/book/visit")
    who = re.search(r'name="who" id="who-1" value="(\w+)"', text)
    assert who is not None
    status, text = await site.get(browser, f"/book/visit/time?who={who[1]}&minutes=60")
    slot = re.search(r'class="slot[^"]*" href="([^"]+)"', text)
    assert status == 200
    assert slot is not None
    status, text = await site.get(browser, slot[1].replace("&amp;", "&"))
    assert status == 200
    fields = dict(
        re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text.split('action="/book/visit"')[1])
    )
    status, _, leads = await site.post(browser, "/book/visit", **fields)
    assert status == 303
    status, text = await site.get(browser, leads)
    assert "申请已提交" in text
    assert "等待场所确认" in (await site.get(browser, "/"))[1]


async def test_taken_time_offers_the_nearest(site: World) -> None:
    """Somebody who was slower reads why and gets the nearest free times as buttons."""
    first = await site.visit()
    browser = await site.browser("lawyer")
    _, text = await site.get(browser, "/book/visit")
    who = re.findall(r'name="who" id="who-\d" value="(\w+)"', text)[0]
    start = first.start.isoformat()
    status, text, _ = await site.post(browser, "/book/visit", who=who, minutes="60", start=start)
    assert status == 409
    assert 'class="slot' in text
    assert 'role="alert"' in text


async def test_lawyer_never_reads_other_peoples_clients(site: World) -> None:
    """The first step names own clients alone."""
    browser = await site.browser("lawyer")
    other = await site.browser("lawyer2")
    mine = set(re.findall(r'choice__main">([^<]+)<', (await site.get(browser, "/book/visit"))[1]))
    theirs = set(re.findall(r'choice__main">([^<]+)<', (await site.get(other, "/book/visit"))[1]))
    assert mine
    assert theirs
    assert not mine & theirs


@pytest.mark.parametrize("hours", [0, 14], ids=["noon", "two in the morning"])
async def test_statement_starts_now_and_invites_by_link(site: World, hours: int) -> None:
    """Name, press, show the code: the link is on the page once, its secret behind the sign that is never sent."""
    site.clock.advance(hours * 3600)
    officer = await site.browser("officer")
    _, text = await site.get(officer, "/start")
    case = re.search(r'<option value="(\w{22})"', text.split('id="who"')[1])
    second = re.search(r'<option value="(\w{22})"', text.split('id="officer"')[1])
    assert case
    assert second
    status, _, leads = await site.post(
        officer, "/start", who=case[1], officer=second[1], guest_name="王秀兰", guest_role="witness"
    )
    assert status == 303
    page = leads.split("?")[0]
    _, text = await site.get(officer, leads)
    party = re.search(r'name="party" value="(\w{22})"', text)
    assert party is not None
    status, text, _ = await site.post(officer, page, party=party[1])
    link = re.search(r'value="([^"]+/i#[\w-]{43})"', text)
    assert status == 200
    assert link is not None
    assert "<svg" in text
    assert link[1] not in (await site.get(officer, page))[1]


async def test_missing_name_is_told_beside_the_field(site: World) -> None:
    """A forgotten field is named where it stands, and what was chosen stays chosen."""
    officer = await site.browser("officer")
    _, text = await site.get(officer, "/start")
    case = re.search(r'<option value="(\w{22})"', text.split('id="who"')[1])
    second = re.search(r'<option value="(\w{22})"', text.split('id="officer"')[1])
    assert case
    assert second
    status, text, _ = await site.post(officer, "/start", who=case[1], officer=second[1], guest_role="victim")
    assert status == 422
    assert 'id="guest_name-error"' in text
    assert f'value="{second[1]}" selected' in text


async def test_duty_officer_confirms_and_declines_in_place(site: World) -> None:
    """Requests stand on top; an answer leads back to the same list."""
    yes, no = await site.visit(60), await site.visit(180, client=1)
    duty = await site.browser("duty")
    _, text = await site.get(duty, "/day")
    assert text.count("/confirm") == 2
    assert (await site.post(duty, f"/day/{yes.id}/confirm", version="1"))[0] == 303
    assert (await site.post(duty, f"/day/{no.id}/decline", version="1", reason="ill"))[0] == 303
    async with site.database.transaction(write=False) as tx:
        states = {b.id: b.state.value for b in (await tx.execute(select(Booking))).scalars()}
    assert (states[yes.id], states[no.id]) == ("confirmed", "declined")


async def test_answer_to_an_older_list_changes_nothing(site: World) -> None:
    """Two duty officers at two screens: the second reads how it stands now."""
    visit = await site.visit()
    duty = await site.browser("duty")
    await site.post(duty, f"/day/{visit.id}/confirm", version="1")
    status, text, _ = await site.post(duty, f"/day/{visit.id}/decline", version="1", reason="ill")
    assert status == 409
    assert 'role="alert"' in text


async def test_unknown_reason_is_refused(site: World) -> None:
    """Reasons are enumerated."""
    visit = await site.visit()
    duty = await site.browser("duty")
    assert (await site.post(duty, f"/day/{visit.id}/decline", version="1", reason="no mood"))[0] == 422


async def test_custody_steps_are_confirmed_in_order_and_told_to_the_session(site: World) -> None:
    """Brought first; each step is told to the live session; the page offers the next one only."""
    session = await site.interrogation(15)
    duty = await site.browser("duty")
    assert (await site.post(duty, f"/day/{session.id}/custody", step="escort_left"))[0] == 409
    assert (await site.post(duty, f"/day/{session.id}/custody", step="brought"))[0] == 303
    assert site.hub.asked == [("custody", session.id)]
    _, text = await site.get(duty, "/day")
    assert text.count('name="step"') == 1
    assert 'value="identity_checked"' in text


async def test_duty_officer_of_another_facility_is_refused(site: World) -> None:
    """A booking of the east is no business of the west, which does not learn of it."""
    visit = await site.visit()
    west = await site.browser("duty-west")
    assert (await site.post(west, f"/day/{visit.id}/confirm", version="1"))[0] == 404
    assert visit.id not in (await site.get(west, "/day"))[1]


async def test_open_list_learns_of_changes(site: World) -> None:
    """The mark an open page asks for changes with a new request, a confirmation and a live session's state."""
    duty = await site.browser("duty")
    marks = [(await (await duty.get("/day/mark")).json())["mark"]]
    visit = await site.visit()
    marks.append((await (await duty.get("/day/mark")).json())["mark"])
    await site.post(duty, f"/day/{visit.id}/confirm", version="1")
    marks.append((await (await duty.get("/day/mark")).json())["mark"])
    site.hub.runs(visit.id, "live")
    marks.append((await (await duty.get("/day/mark")).json())["mark"])
    assert len(set(marks)) == 4


async def test_home_offers_the_way_in_only_inside_the_window(site: World) -> None:
    """Before the waiting room opens there is a countdown, afterwards a button."""
    session = await site.statement(30)
    officer = await site.browser("officer")
    _, text = await site.get(officer, "/")
    assert "data-countdown" in text
    assert f"/sessions/{session.id}/live" not in text
    site.clock.advance(21 * 60)
    _, text = await site.get(officer, "/")
    assert f"/sessions/{session.id}/live" in text


async def test_cancelling_frees_the_time_and_tells_the_session(site: World) -> None:
    """The officer gives the window back with a reason."""
    session = await site.statement()
    officer = await site.browser("officer")
    status, _, _ = await site.post(officer, f"/bookings/{session.id}/cancel", version="1", reason="not-needed")
    assert status == 303
    assert "已取消" in (await site.get(officer, f"/bookings/{session.id}?told=cancelled"))[1]
    assert site.hub.asked == [("window", session.id)]


async def test_booking_of_others_is_not_there(site: World) -> None:
    """The same answer whether it exists or not."""
    session = await site.statement()
    lawyer = await site.browser("lawyer")
    assert (await site.get(lawyer, f"/bookings/{session.id}"))[0] == 404
    assert (await site.get(lawyer, f"/bookings/{'0' * 22}"))[0] == 404
    assert (await site.get(lawyer, f"/bookings/{session.id}/invitations"))[0] == 403


async def test_calendar_file_names_nobody(site: World) -> None:
    """The file holds time and kind, folded as calendars want, and no name."""
    session = await site.interrogation()
    officer = await site.browser("officer")
    answer = await officer.get(f"/bookings/{session.id}/calendar.ics")
    text = await answer.text()
    assert answer.content_type == "text/calendar"
    assert f"DTSTART:{session.start:%Y%m%dT%H%M%SZ}" in text
    assert "周建平" not in text
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))


async def test_privileged_session_has_no_record_for_police(site: World) -> None:
    """Neither officer nor reviewer nor duty post finds a record of a visit."""
    visit = await site.visit()
    async with site.database.transaction() as tx:
        row = await tx.get_one(Booking, visit.id)
        row.started, row.ended = site.clock.now(), site.clock.now() + timedelta(minutes=30)
    for login in ("officer", "reviewer"):
        browser = await site.browser(login)
        assert (await site.get(browser, f"/records/{visit.id}"))[0] == 404
        assert visit.id not in (await site.get(browser, "/records"))[1]


async def test_viewing_a_log_is_in_the_ledger(site: World) -> None:
    """Whoever reads a record leaves an entry, before the first word is shown."""
    session = await site.interrogation()
    async with site.database.transaction() as tx:
        (await tx.get_one(Booking, session.id)).started = site.clock.now()
    reviewer = await site.browser("reviewer")
    assert (await site.get(reviewer, f"/records/{session.id}"))[0] == 200
    person = (await site.principal("reviewer")).id
    async with site.database.transaction(write=False) as tx:
        query = select(ledger.Entry.tag).where(ledger.Entry.subject == session.id, ledger.Entry.actor == person)
        tags = list((await tx.execute(query)).scalars())
    assert tags == ["recording.log-viewed"]


async def test_recording_is_not_served_before_it_was_opened(site: World) -> None:
    """Without an entry in the ledger no byte of picture or sound."""
    session = await site.interrogation()
    reviewer = await site.browser("reviewer")
    status, text = await site.get(reviewer, f"/records/{session.id}/media/{'0' * 22}/p1.webm")
    assert status == 403
    assert "台账" in text


async def test_administrator_registers_and_suspends_in_own_tree(site: World) -> None:
    """A new person signs in, and is out at once when suspended."""
    admin = await site.browser("admin")
    _, text = await site.get(admin, "/people/new")
    unit = re.search(r'<option value="(\w{22})"', text.split('id="organisation"')[1])
    assert unit is not None
    fields = {"name": "新同志", "organisation": unit[1], "login": "newcomer", "password": "four plain words here"}
    status, _, leads = await site.post(admin, "/people/new", **fields)
    assert status == 303
    page = leads.split("?")[0]
    assert (await site.post(admin, f"{page}/grant", role="officer"))[0] == 303
    newcomer = await site.browser("newcomer")
    assert (await site.post(newcomer, "/account/password", new="five plain words of mine", next="/"))[0] == 303
    assert (await site.get(newcomer, "/"))[0] == 200
    assert (await site.post(admin, f"{page}/suspend"))[0] == 303
    assert (await site.get(newcomer, "/"))[0] == 303


async def test_administrator_reaches_no_other_tree(site: World) -> None:
    """The police register no lawyers and see none; a page of theirs is not there."""
    lawyer = (await site.principal("lawyer")).id
    admin = await site.browser("admin")
    assert (await site.get(admin, f"/people/{lawyer}"))[0] == 404
    assert "沈知远" not in (await site.get(admin, "/people"))[1]
    assert (await site.post(admin, f"/people/{lawyer}/suspend"))[0] in (403, 404)


async def test_administrator_adds_a_room(site: World) -> None:
    """A room added on the page is in the list with its use."""
    admin = await site.browser("admin")
    _, text = await site.get(admin, "/facilities")
    facility = re.search(r'href="(/facilities/\w{22})"', text)
    assert facility is not None
    status, _, leads = await site.post(admin, f"{facility[1]}/rooms", name="会见室 9", use="visit", capacity="3")
    assert status == 303
    assert "会见室 9" in (await site.get(admin, leads))[1]
    assert (await site.post(admin, f"{facility[1]}/rooms", name="会见室 9", use="palace", capacity="3"))[0] == 422


async def test_wrong_pairing_code_is_told_beside_the_field(site: World) -> None:
    """The code is typed in; a wrong one says what to do."""
    duty = await site.browser("duty")
    _, text = await site.get(duty, "/terminals")
    room = re.search(r'<option value="(\w{22})"', text)
    assert room is not None
    status, text, _ = await site.post(duty, "/terminals", code="AAAA-BBBB", room=room[1])
    assert status == 422
    assert 'id="code-error"' in text


async def test_terminal_is_paired_by_the_code_on_its_screen(site: World) -> None:
    """The device shows a code, the duty officer types it, the device knows its room from then on."""
    terminal, duty = await device(site), await site.browser("duty")
    _, text = await site.get(duty, "/terminals")
    room = re.search(r'<option value="(\w{22})">([^<]+)</option>', text)
    assert room is not None
    await terminal.paired(duty, room[1])
    state = await terminal.state()
    assert (state["paired"], state["room"]) == (True, room[2])
    assert room[2] in (await site.get(duty, "/terminals"))[1]


async def test_giving_a_role_wants_fresh_proof_and_leads_back(site: World) -> None:
    """A step that changes others' rights asks for the password again, then works where one was."""
    officer = (await site.principal("officer")).id
    admin = await site.browser("admin")
    site.clock.advance(30 * 60)
    headers = PAGE | {"Origin": site.url, "Referer": f"{site.url}/people/{officer}"}
    answer = await admin.post(
        f"/people/{officer}/grant", data={"role": "reviewer"}, headers=headers, allow_redirects=False
    )
    text = await answer.text()
    assert answer.status == 403
    carried = {"role": "reviewer", "confirm_act": f"/people/{officer}/grant", "confirm_next": f"/people/{officer}"}
    for name, value in carried.items():
        assert f'name="{name}" value="{value}"' in text
    status, text, _ = await site.post(admin, "/confirm", confirm_password="wrong", **carried)
    assert status == 403
    assert 'name="role" value="reviewer"' in text
    status, _, leads = await site.post(admin, "/confirm", confirm_password="yuanjian-demo", **carried)
    assert (status, leads) == (307, f"/people/{officer}/grant")
    assert (await site.post(admin, leads, confirm_password="yuanjian-demo", **carried))[0] == 303
    assert (await site.post(admin, f"/people/{officer}/grant", role="inspector"))[0] == 303


async def test_answered_call_is_told_to_the_session(site: World) -> None:
    """The list shows who calls; seeing it is told to those who called."""
    session = await site.interrogation(15)
    site.hub.runs(session.id, "live", called=(("讯问室 1", site.clock.now()),))
    duty = await site.browser("duty")
    assert "讯问室 1请求协助" in (await site.get(duty, "/day"))[1]
    assert (await site.post(duty, f"/day/{session.id}/calls"))[0] == 303
    assert site.hub.asked == [("calls", session.id)]
    officer = await site.browser("officer")
    assert (await site.post(officer, f"/day/{session.id}/calls"))[0] == 403


async def test_legal_help_is_reached_by_post_and_justice_bureau(site: World) -> None:
    """A link among those held here, an entry for the justice bureau's administrators, none for the police's."""
    assert 'href="/counsel"' in (await site.get(await site.browser("duty"), "/day/custody"))[1]
    assert 'href="/counsel"' in (await site.get(await site.browser("admin-justice"), "/people"))[1]
    assert 'href="/counsel"' not in (await site.get(await site.browser("admin"), "/people"))[1]
    assert (await site.get(await site.browser("admin-justice"), "/counsel"))[0] == 200
