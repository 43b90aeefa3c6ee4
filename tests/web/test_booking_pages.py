"""Pages of booking over HTTP: searching, moving, offers, reviews, history; and what bad input gets."""

import re
from datetime import timedelta

import pytest

from cases.models import CustodyStatus
from scheduler import decisions, offers, reviews, store
from scheduler.hours import add_hours
from scheduler.models import Booking
from tests.web.world import World


async def case_of(site: World, browser, kind: str) -> tuple[str, str]:
    """The first person or case an officer can choose, and a second officer."""
    _, text = await site.get(browser, f"/book/{kind}")
    who = re.search(r'name="who" id="who-1" value="([\w.]+)"', text)
    second = re.search(r'<option value="(\w{22})"', text.split('id="officer"')[1])
    assert who
    assert second
    return who[1], second[1]


async def stored(site: World, booking: str) -> Booking:
    async with site.database.transaction(write=False) as tx:
        return await tx.get_one(Booking, booking)


@pytest.mark.parametrize("kind", ["interrogation", "statement"])
async def test_interpreter_and_guardian_come_along(site: World, kind: str) -> None:
    """Chosen first, the guardian's name asked for last and never in an address; the interpreter is held."""
    officer = await site.browser("officer")
    who, second = await case_of(site, officer, kind)
    helper = (await site.principal("interpreter")).id
    address = f"/book/{kind}/time?who={who}&officer={second}&interpreter={helper}&guardian=1&minutes=60"
    status, text = await site.get(officer, address)
    slot = re.search(r'class="slot[^"]*" href="([^"]+)"', text)
    assert status == 200
    assert slot is not None
    _, text = await site.get(officer, slot[1].replace("&amp;", "&"))
    assert "徐文静" in text
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', text))
    names = {"guest_name": "王秀兰", "guest_role": "witness"} if kind == "statement" else {}
    status, text, _ = await site.post(officer, f"/book/{kind}", **fields, **names)
    assert status == 422
    assert 'id="guardian_name-error"' in text
    status, _, leads = await site.post(officer, f"/book/{kind}", **fields, **names, guardian_name="李大勇")
    assert status == 303
    _, text = await site.get(officer, leads)
    assert "李大勇" in text
    assert "徐文静" in text
    status, text, _ = await site.post(officer, f"/book/{kind}", **fields, **names, guardian_name="李大勇")
    assert status == 409


async def test_a_wished_time_puts_the_nearest_on_top(site: World) -> None:
    """The free windows around it; the taken one is not among them."""
    visit = await site.visit(24 * 60)
    browser = await site.browser("lawyer")
    _, text = await site.get(browser, "/book/visit")
    who = re.findall(r'name="who" id="who-\d" value="(\w+)"', text)[0]
    address = f"/book/visit/time?who={who}&minutes=60&day=2026-03-03&at="
    status, text = await site.get(browser, address + "12:00")
    top = text.split('id="soonest-title"')[1].split("</section>")[0]
    assert status == 200
    assert visit.start.isoformat(timespec="minutes").replace("+", "%2B").replace(":", "%3A") not in top
    assert ">11:00<" in top or ">13:00<" in top
    for bad, field in (("25:99", "at"), ("", "at"), ("<b>", "at")):
        status, text = await site.get(browser, address + bad)
        assert status == 422
        assert f'id="{field}-error"' in text
    for bad in ("2026-03-01", "1999-01-01", "never"):
        status, text = await site.get(browser, f"/book/visit/time?who={who}&minutes=60&day={bad}&at=12:00")
        assert status == 422
        assert bad[:10] in text


async def test_rooms_near_a_place_are_searched(site: World) -> None:
    """Nearest first from a chosen place, narrowed by branch and facility; a slot leads to the last step."""
    browser = await site.browser("lawyer")
    _, text = await site.get(browser, "/book/visit")
    who = re.findall(r'name="who" id="who-\d" value="(\w+)"', text)[0]
    address = f"/book/visit/places?who={who}&minutes=60"
    status, text = await site.get(browser, address)
    assert status == 200
    assert text.count('class="card-y"') == 3
    near = re.search(r'<option value="(\w{22})">望江派出所', text)
    branch = re.search(r'<option value="(\w{22})">滨江分局<', text)
    assert near
    assert branch
    _, text = await site.get(browser, f"{address}&near={near[1]}")
    assert re.findall(r'<h2 id="place-\d">(\w+)', text)[0] == "望江派出所"
    assert "直线距离 0.0 公里" in text
    _, text = await site.get(browser, f"{address}&branch={branch[1]}")
    assert text.count('class="card-y"') == 1
    slot = re.search(r'class="slot[^"]*" href="([^"]+)"', text)
    assert slot
    status, text = await site.get(browser, slot[1].replace("&amp;", "&"))
    assert status == 200
    assert "律师会见点" in text
    _, text = await site.get(browser, f"{address}&branch={branch[1]}&day=2026-03-04&at=15:30")
    first = re.search(r"最早 (.*?)</p>", text)
    assert first
    assert re.sub("<[^>]*>", "", first[1]) == "3月4日 周三 15:30", "from the wished time on"
    assert 'value="2026-03-04"' in text
    for bad in ("day=2026-03-01&at=10:00", "day=2026-03-04", "at=25:00&day=2026-03-04", "day=x&at=10:00"):
        assert (await site.get(browser, f"{address}&{bad}"))[0] == 422
    assert (await site.get(browser, f"{address}&persons=99"))[0] == 422
    assert (await site.get(browser, f"{address}&near=x"))[0] == 422


async def test_an_empty_day_says_why_and_when_then(site: World) -> None:
    """A facility that receives nobody on working days: the reason on each of them, and the Saturday as a button."""
    officer = await site.browser("officer")
    who, second = await case_of(site, officer, "interrogation")
    east = (await site.principal("duty")).facility
    async with site.database.transaction() as tx:
        await add_hours(tx, site.clock, facility=east or "", opens=9 * 60, closes=17 * 60, days="6")
    status, text = await site.get(officer, f"/book/interrogation/time?who={who}&officer={second}&minutes=60")
    assert status == 200
    assert text.count("该场所当天不办理此项业务") == 5
    assert "3月7日" in text.split('id="next-title"')[1]


async def test_a_booking_is_moved_and_moved_again(site: World) -> None:
    """Free times, one look, the button; the history tells both; the live session learns of it."""
    visit = await site.visit()
    browser = await site.browser("lawyer")
    status, text = await site.get(browser, f"/bookings/{visit.id}/move")
    slot = re.search(r'class="slot[^"]*" href="([^"]+)"', text)
    assert status == 200
    assert slot
    status, text = await site.get(browser, slot[1].replace("&amp;", "&"))
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', text))
    assert status == 200
    status, _, leads = await site.post(browser, f"/bookings/{visit.id}/move", **fields)
    assert (status, leads) == (303, f"/bookings/{visit.id}?told=moved")
    _, text = await site.get(browser, leads)
    assert "已改期" in text
    assert "办理经过（2）" in text
    assert ("window", visit.id) in site.hub.asked
    typed = {"version": "2", "day": "2026-03-04", "at": "10:00", "end": "10:45"}
    assert (await site.post(browser, f"/bookings/{visit.id}/move", **typed))[0] == 303
    moved = await stored(site, visit.id)
    assert (moved.start.isoformat(), moved.end - moved.start) == ("2026-03-04T02:00:00+00:00", timedelta(minutes=45))


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"end": "09:00"}, 422, "end"),
        ({"day": "2026-03-01"}, 422, "at"),
        ({"day": "2026-12-01"}, 422, "at"),
        ({"day": "tomorrow"}, 422, "day"),
        ({"at": "10:07"}, 422, "at"),
        ({"at": "ten"}, 422, "at"),
        ({"version": "7"}, 409, ""),
        ({"version": "many"}, 422, ""),
        ({"end": ""}, 422, "end"),
    ],
)
async def test_bad_times_bring_the_form_back(site: World, changes: dict[str, str], status: int, field: str) -> None:
    """With what was typed, a sentence at the field, and nothing changed."""
    visit = await site.visit()
    browser = await site.browser("lawyer")
    typed = {"version": "1", "day": "2026-03-04", "at": "10:00", "end": "11:00"} | changes
    answer, text, _ = await site.post(browser, f"/bookings/{visit.id}/move", **typed)
    assert answer == status
    assert 'role="alert"' in text
    assert f'value="{typed["day"]}"' in text
    if field:
        assert re.search(rf'id="{field}" name="{field}"[^>]*aria-invalid', text)
    assert (await stored(site, visit.id)).version == 1


async def test_a_taken_time_is_told_with_the_nearest(site: World) -> None:
    """Moving onto somebody else's window: why not, and the nearest instead."""
    visit = await site.visit(60)
    other = await site.interrogation(240)
    lawyer, officer = await site.browser("lawyer"), await site.browser("officer")
    assert (await site.get(officer, f"/bookings/{visit.id}/move"))[0] == 404
    second = await site.visit(300)
    start = second.start.isoformat()
    status, text, _ = await site.post(lawyer, f"/bookings/{visit.id}/move", version="1", minutes="60", start=start)
    assert status == 409
    assert 'id="nearest-title"' in text
    assert other.id not in text


async def test_a_transfer_is_answered_in_one_tap(site: World) -> None:
    """The booking says what happened and offers windows at the new place; one button moves it there."""
    visit = await site.visit(24 * 60)
    lawyer = await site.browser("lawyer")
    async with site.database.transaction(write=False) as tx:
        person = next(p.custody_person for p in await store.parties(tx, [visit.id]) if p.custody_person)
    west = (await site.principal("duty-west")).facility
    await reviews.custody_event(site.database, site.clock, person=person, status=CustodyStatus.DETAINED, facility=west)
    _, text = await site.get(lawyer, f"/bookings/{visit.id}")
    form = re.search(r'<form method="post" action="/bookings/\w+/move">(.*?)</form>', text, re.S)
    assert form
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[1]))
    status, _, _ = await site.post(lawyer, f"/bookings/{visit.id}/move", **fields)
    assert status == 303
    moved = await stored(site, visit.id)
    assert (moved.facility, moved.review) == (west, None)


async def test_an_offered_time_is_taken_or_not(site: World) -> None:
    """The post offers another time: the lawyer takes it, or says no and it is free."""
    yes, no = await site.visit(60), await site.visit(180, client=1)
    duty = await site.principal("duty")
    for visit in (yes, no):
        later = visit.start + timedelta(hours=5)
        assert isinstance(await offers.offer_instead(site.database, site.clock, duty, visit.id, later), Booking)
    lawyer, other = await site.browser("lawyer"), await site.browser("lawyer2")
    _, text = await site.get(lawyer, f"/bookings/{yes.id}")
    assert "接受该时段" in text
    assert (await site.post(other, f"/bookings/{yes.id}/take", version="2"))[0] in (403, 404)
    assert (await site.post(lawyer, f"/bookings/{yes.id}/take", version="2"))[0] == 303
    assert (await site.post(lawyer, f"/bookings/{no.id}/refuse", version="2"))[0] == 303
    assert [str((await stored(site, b.id)).state) for b in (yes, no)] == ["confirmed", "withdrawn"]
    assert (await site.post(lawyer, f"/bookings/{yes.id}/take", version="3"))[0] == 409


async def test_the_clocks_are_shown_to_the_lawyer_alone(site: World) -> None:
    """Both, in words, with what happens at a breach; the post sees its own list instead."""
    visit = await site.visit()
    lawyer, duty = await site.browser("lawyer"), await site.browser("duty")
    _, text = await site.get(lawyer, f"/bookings/{visit.id}")
    assert "48 小时内答复，是您的权利" in text
    assert text.count("截至") == 2
    assert "48 小时内答复，是您的权利" not in (await site.get(duty, f"/bookings/{visit.id}"))[1]
    site.clock.advance(49 * 3600)
    lawyer = await site.browser("lawyer")
    assert "驻所检察官" in (await site.get(lawyer, f"/bookings/{visit.id}"))[1]
    await decisions.withdraw(site.database, site.clock, await site.principal("lawyer"), visit.id)
    assert "48 小时内答复，是您的权利" not in (await site.get(lawyer, f"/bookings/{visit.id}"))[1]
