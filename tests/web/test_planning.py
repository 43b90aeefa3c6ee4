"""Pages of facility administration, rules and statistics on the real database, with what they refuse."""

import re
from datetime import date

from sqlalchemy import select

from core.ledger import Entry
from scheduler import rulebook, statistics
from scheduler.models import Block, Booking, Facility, Hours, Room, State, WorkingDay
from tests.web.world import PAGE, World


async def _one(site: World, table, **where):  # type: ignore[no-untyped-def]  # any table
    async with site.database.transaction(write=False) as tx:
        return (await tx.execute(select(table).filter_by(**where).limit(1))).scalar_one_or_none()


async def _place(site: World, name: str = "城东看守所") -> str:
    return str((await _one(site, Facility, name=name)).id)


async def test_hours_and_breaks_are_added_and_taken_away(site: World) -> None:
    """What is typed by the facility's clock stands in the calendar; nonsense comes back with a sentence."""
    admin, place = await site.browser("admin"), await _place(site)
    path = f"/facilities/{place}/calendar"
    good = {"opens": "08:00", "closes": "18:00", "days": "working"}
    for wrong in (
        good | {"opens": "8 am"},
        good | {"opens": "24:30"},
        good | {"days": "someday"},
        good | {"word": "siesta"},
        good | {"kind": "party"},
        good | {"room": "x"},
        {},
    ):
        assert (await site.post(admin, f"{path}/hours", **wrong))[0] == 422
    assert await _one(site, Hours, facility=place) is None
    assert (await site.post(admin, f"{path}/hours", **good))[0] == 303
    assert (await site.post(admin, f"{path}/hours", opens="22:00", closes="06:00", days="all", word="night"))[0] == 303
    night = await _one(site, Hours, facility=place, word="night")
    assert (night.opens, night.closes, night.is_break) == (22 * 60, 30 * 60, True)
    _, page = await site.get(admin, path)
    assert "工作日" in page
    assert (await site.post(admin, f"{path}/remove", row=night.id))[0] == 303
    assert await _one(site, Hours, facility=place, word="night") is None
    assert (await site.post(admin, f"{path}/remove", row=night.id))[0] == 404


async def test_a_closure_ahead_marks_what_stands_there(site: World) -> None:
    """An administrator closes a room with times; the visit in it is to be looked at."""
    admin, place, visit = await site.browser("admin"), await _place(site), await site.visit(120)
    room = (await _one(site, Room, facility=place, name="会见室 1")).id
    path = f"/facilities/{place}/calendar"
    good = {"start": "2026-03-02T13:00", "end": "2026-03-02T18:00", "reason": "repair", "room": room}
    for wrong in (good | {"end": "2026-03-02T12:00"}, good | {"start": "tomorrow"}, good | {"reason": "mood"}):
        status, page, _ = await site.post(admin, f"{path}/block", **wrong)
        assert status == 422
        assert 'name="end"' in page
    assert (await site.post(admin, f"{path}/block", **good))[0] == 303
    assert (await _one(site, Booking, id=visit.id)).review == "room"
    block = await _one(site, Block, facility=place)
    assert (await site.post(admin, f"{path}/lift", row=block.id))[0] == 303
    assert (await _one(site, Booking, id=visit.id)).review is None


async def test_the_grid_of_visits_is_kept_by_the_search(site: World) -> None:
    """With hourly starts the lawyer is offered full hours alone."""
    admin, place = await site.browser("admin"), await _place(site)
    assert (await site.post(admin, f"/facilities/{place}/calendar/grid", minutes="7"))[0] == 422
    assert (await site.post(admin, f"/facilities/{place}/calendar/grid", minutes="60"))[0] == 303
    lawyer = await site.browser("lawyer")
    client = re.search(r'id="who-1" value="(\w+)"', (await site.get(lawyer, "/book/visit"))[1])
    assert client is not None
    _, page = await site.get(lawyer, f"/book/visit/time?who={client[1]}&minutes=60")
    clocks = re.findall(r">(\d\d:\d\d)</time>", page)
    assert clocks
    assert all(clock.endswith(":00") for clock in clocks)


async def test_a_room_is_changed_and_taken_out_of_use(site: World) -> None:
    """Use, seats, equipment and buffers are written down; a room in which bookings stand cannot go."""
    admin, place = await site.browser("admin"), await _place(site)
    room = (await _one(site, Room, facility=place, name="会见室 1")).id
    good = {"name": "会见室 1A", "use": "visit", "capacity": "3", "before": "10", "after": "15", "equipment": "printer"}
    for wrong in (
        good | {"before": "999"},
        good | {"capacity": "0"},
        good | {"use": "kitchen"},
        good | {"equipment": "cannon"},
        good | {"name": ""},
    ):
        assert (await site.post(admin, f"/rooms/{room}", **wrong))[0] == 422
    assert (await site.post(admin, f"/rooms/{room}", **good))[0] == 303
    duty = await site.browser("duty")
    assert "移动终端" not in (await site.get(duty, "/day"))[1]
    assert (await site.post(admin, f"/rooms/{room}", **good, movable="1"))[0] == 303
    assert re.search(r"会见室 1A<span>移动终端</span>", (await site.get(duty, "/day"))[1]), (
        "the post sees what is to be brought"
    )
    row = await _one(site, Room, id=room)
    assert (row.name, row.capacity, row.equipment, row.buffer_after) == ("会见室 1A", 3, ["printer"], 15)
    await site.visit(120)
    assert (await site.post(admin, f"/rooms/{room}", close="yes"))[0] == 422
    other = (await _one(site, Room, facility=place, name="会见室 3")).id
    assert (await site.post(admin, f"/rooms/{other}", close="yes"))[0] == 303
    assert (await _one(site, Room, id=other)).closed is not None


async def test_other_trees_and_roles_change_nothing(site: World) -> None:
    """Another authority's administrator finds no such place; everybody else is refused."""
    place = await _place(site)
    room = (await _one(site, Room, facility=place, name="会见室 1")).id
    for login in ("admin-court", "duty", "officer", "lawyer", "reviewer"):
        who = await site.browser(login)
        for path in (f"/facilities/{place}/calendar", f"/rooms/{room}"):
            assert (await site.get(who, path))[0] in (403, 404)
        assert (await site.post(who, f"/facilities/{place}/calendar/grid", minutes="60"))[0] in (403, 404)
        assert (await site.post(who, f"/rooms/{room}", close="yes"))[0] in (403, 404)
        assert (await site.post(who, "/working-days", day="2026-05-01", working="no"))[0] in (403, 422)
        assert (await site.post(who, "/rules", rule="IN-1", since="2026-03-03"))[0] in (403, 422)
    assert (await _one(site, Facility, id=place)).slot_minutes == 15
    assert await _one(site, WorkingDay, day=date(2026, 5, 1)) is None


async def test_working_days_are_seeded_and_edited(site: World) -> None:
    """The year's public holidays are filled in; a day set by hand stays."""
    admin = await site.browser("admin")
    assert (await site.post(admin, "/working-days", day="2026-10-01", working="yes", name="本地"))[0] == 303
    for wrong in ({"day": "", "working": "no"}, {"day": "x", "working": "no"}, {"day": "2026-10-02", "working": "?"}):
        assert (await site.post(admin, "/working-days", **wrong))[0] == 422
    assert (await site.post(admin, "/working-days", seed="2026"))[0] == 303
    assert (await _one(site, WorkingDay, day=date(2026, 10, 1))).working is True
    assert (await _one(site, WorkingDay, day=date(2026, 10, 2))).working is False
    assert (await site.get(admin, "/working-days?year=1"))[0] == 422


async def test_a_rule_is_set_for_one_facility_and_replayed(site: World) -> None:
    """Three officers from tomorrow on at one place: today's booking is allowed by today's rules, not by tomorrow's."""
    admin, place, west = await site.browser("admin"), await _place(site), await _place(site, "城西看守所")
    asked = {"rule": "IN-1", "facility": place, "since": "2026-03-03", "p-officers": "3"}
    for wrong in (
        asked | {"since": "2020-01-01"},
        asked | {"p-officers": "many"},
        asked | {"rule": "XX"},
        {"rule": "IN-1"},
    ):
        assert (await site.post(admin, "/rules", **wrong))[0] == 422
    assert (await site.post(admin, "/rules", **asked))[0] == 303
    async with site.database.transaction(write=False) as tx:
        for where, officers in ((place, 3), (west, 2), (None, 2)):
            rules = await rulebook.rulebook(tx, date(2026, 3, 4), where)
            assert next(r for r in rules if r.id == "IN-1").parameters["officers"] == officers
    booking = await site.interrogation(120)
    reviewer = await site.browser("reviewer")
    _, page = await site.get(reviewer, f"/rules/replay?facility={place}&of=2026-03-02")
    assert booking.id in page
    assert "：允许" in (await site.get(reviewer, f"/rules/replay/{booking.id}"))[1]
    _, page = await site.get(reviewer, f"/rules/replay/{booking.id}?day=2026-03-04")
    assert "：不允许" in page
    assert "IN-1" in page
    visit = await site.visit(240)
    assert (await site.get(reviewer, f"/rules/replay/{visit.id}"))[0] == 404, "a visit is no business of theirs"
    assert (await site.get(await site.browser("duty"), f"/rules/replay/{visit.id}"))[0] == 200
    assert (await site.get(await site.browser("duty-west"), f"/rules/replay/{visit.id}"))[0] == 404
    assert (await site.get(await site.browser("lawyer"), "/rules"))[0] == 403


async def test_an_exception_is_granted_by_name_for_a_case(site: World) -> None:
    """A reviewer grants an enumerated exception; an unknown case or word is refused, others may not."""
    reviewer = await site.browser("reviewer")
    good = {"number": "江公（城东）刑立字〔2026〕0317号", "exception": "IN-2n:approved", "end": "2026-03-05"}
    for wrong in (good | {"number": "0"}, good | {"exception": "IN-2n:bribe"}, good | {"end": "2036-01-01"}, {}):
        assert (await site.post(reviewer, "/rules/exceptions", **wrong))[0] == 422
    assert (await site.post(reviewer, "/rules/exceptions", **good))[0] == 303
    _, page = await site.get(reviewer, "/rules")
    assert "所领导已批准" in page
    assert (await site.post(await site.browser("admin"), "/rules/exceptions", **good))[0] in (403, 422)
    assert await _one(site, Entry, tag="rule.exception") is not None


async def test_statistics_name_no_lawyer_and_leave_out_small_numbers(site: World) -> None:
    """Four visits are too few to say anything, five give a figure and a bar; nobody's name is on the page."""
    admin, place = await site.browser("admin"), await _place(site)
    for count in range(1, statistics.FEWEST + 1):
        async with site.database.transaction() as tx:
            now = site.clock.now()
            lawyer = (await site.principal("lawyer")).id
            tx.add(
                Booking(
                    kind="visit", state=State.DONE, start=now, end=now.replace(minute=30), facility=place,
                    created_by=lawyer, created=now.replace(hour=1), started=now, ended=now.replace(minute=30),
                )
            )  # fmt: skip
        _, page = await site.get(admin, "/statistics?since=2026-03-01&until=2026-03-03")
        assert ("plot__mark" in page) == (count == statistics.FEWEST)
        assert "沈知远" not in page
    for what in ("waiting", "rooms", "capacity", "kinds", "reach"):
        answer = await admin.get(f"/statistics/{what}.csv?since=2026-03-01&until=2026-03-03", headers=PAGE)
        assert answer.status == 200
        assert "沈知远" not in await answer.text(encoding="utf-8-sig")
    assert (await site.get(admin, "/statistics?since=2026-03-03&until=2026-03-01"))[0] == 422
    for login in ("lawyer", "officer", "admin-court", "prosecutor"):
        assert (await site.get(await site.browser(login), "/statistics"))[0] == 403
