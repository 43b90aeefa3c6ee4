"""Witnesses asked in one go, and a guest who chooses a time, over HTTP."""

import re

import pytest

from tests.web.world import PAGE, World

NAMES = ("王秀兰", "赵铁柱", "孙小美")


async def asked(site: World, **changes: str) -> tuple[int, str, str]:
    """An officer asks three witnesses; status, page and the case."""
    officer = await site.browser("officer")
    _, text = await site.get(officer, "/witnesses")
    case = re.search(r'<option value="(\w{22})"', text.split('id="who"')[1])
    assert case
    second = (await site.principal("officer2")).id
    fields = {
        "who": case[1],
        "officer": second,
        "minutes": "60",
        "guest_role": "witness",
        "names": "\n".join(NAMES),
        "day": "2026-03-03",
        "at": "09:00",
        "until": "2026-03-05",
    }
    status, text, _ = await site.post(officer, "/witnesses", **(fields | changes))
    return status, text, case[1]


async def opened(site: World, link: str):
    """A browser in which the guest has opened the link and said yes."""
    browser = await site.browser()
    headers = PAGE | {"Sec-Fetch-Site": "same-origin", "Origin": site.url}
    answer = await browser.post("/i/accept", json={"secret": link.split("#")[1], "me": True}, headers=headers)
    return browser, (await answer.json())["next"]


async def test_each_witness_gets_a_time_a_link_and_a_choice(site: World) -> None:
    """Three bookings by day, three links; one opens hers, chooses another time, and the progress says so."""
    status, text, case = await asked(site)
    links = re.findall(r'value="([^"]+/i#[\w-]{43})"', text)
    assert status == 200
    assert len(links) == 3
    assert all(name in text for name in NAMES)
    officer = await site.browser("officer")
    assert "3 人中已有 0 人选定时间" in (await site.get(officer, f"/witnesses/{case}"))[1]
    guest, leads = await opened(site, links[0])
    assert leads == "/i/time"
    status, text = await site.get(guest, leads)
    assert status == 200
    starts = re.findall(r'name="start" value="([^"]+)"', text)
    assert len(starts) > 2
    status, _, leads = await site.post(guest, "/i/time", start=starts[-1])
    assert (status, leads) == (303, "/i/time?told=chosen")
    assert "时间已记录" in (await site.get(guest, leads))[1]
    text = (await site.get(officer, f"/witnesses/{case}"))[1]
    assert "3 人中已有 1 人选定时间" in text
    other, _ = await opened(site, links[1])
    status, text, _ = await site.post(other, "/i/time", start=starts[-1])
    assert status == 409 or (status == 422 and 'role="alert"' in text)


@pytest.mark.parametrize("start", ["", "2026-03-03T03:00:00+00:00", "tomorrow", "2026-03-03T03:00:00"])
async def test_a_time_that_was_not_offered_is_refused(site: World, start: str) -> None:
    """Nothing, a time of one's own, words, an instant without a zone: the same page with a sentence."""
    _, text, _ = await asked(site)
    link = re.findall(r'value="([^"]+/i#[\w-]{43})"', text)[0]
    guest, _ = await opened(site, link)
    status, text, _ = await site.post(guest, "/i/time", start=start)
    assert status == 422
    assert 'role="alert"' in text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"names": " \n "}, "names"),
        ({"names": "\n".join(str(n) for n in range(31))}, "names"),
        ({"names": "x" * 61}, "names"),
        ({"until": "2026-03-02"}, "until"),
        ({"day": "soon"}, "day"),
        ({"at": "25:00"}, "at"),
        ({"officer": "nobody"}, "officer"),
    ],
)
async def test_a_list_that_cannot_be_asked_comes_back(site: World, changes: dict[str, str], field: str) -> None:
    """With what was typed and the sentence at the field."""
    status, text, _ = await asked(site, **changes)
    assert status == 422
    assert f'id="{field}-error"' in text
    if "names" not in changes:
        assert NAMES[0] in text


async def test_the_pages_are_for_officers_and_guests(site: World) -> None:
    """A lawyer asks no witnesses, another officer's case has no progress here, nobody chooses without a link."""
    lawyer, nobody = await site.browser("lawyer"), await site.browser()
    assert (await site.get(lawyer, "/witnesses"))[0] == 403
    assert (await site.get(await site.browser("officer"), f"/witnesses/{'0' * 22}"))[0] == 404
    assert (await site.get(nobody, "/i/time"))[0] == 403
    assert (await site.get(lawyer, "/i/time"))[0] == 403
