"""Invitations through the pages: sent and guarded by a code, by a short code, checked by anybody; what every page and
message to a guest says (ON-4)."""

import re
from pathlib import Path

import pytest

from people import invitation_codes
from scheduler import sending
from tests.web.test_guest import ask
from tests.web.world import World
from web.rendering import TEMPLATES

NUMBER = "138 0013 8000"


async def invite(site: World, **fields: str) -> tuple[str, str]:
    """Have the guest of a statement invited; the page that answers, and its address."""
    session = await site.statement(15)
    officer = await site.browser("officer")
    page = f"/bookings/{session.id}/invitations"
    party = re.search(r'name="party" value="(\w{22})"', (await site.get(officer, page))[1])
    assert party is not None
    status, text, _ = await site.post(officer, page, party=party[1], **fields)
    assert status == 200, text[-2000:]
    return text, page


def secret_of(text: str) -> str:
    found = re.search(r"/i#([\w-]{43})", text)
    assert found is not None
    return found[1]


def messages_sent(site: World) -> list[str]:
    """Every text message in the outbox, oldest first."""
    files = sorted(Path(site.settings.outbox_dir).glob("*.sms.txt"), key=lambda path: path.stat().st_mtime_ns)
    return [path.read_text() for path in files]


def code_in(message: str) -> str:
    found = re.search(r"\b(\d{6})\b", message.split("\n", 1)[1])
    assert found is not None
    return found[1]


async def test_a_sent_invitation_is_opened_with_the_code_of_the_same_phone(site: World) -> None:
    """The link goes to the guest's number; the way in asks for a code that works in the browser that asked for it."""
    text, _ = await invite(site, way="contact", contact=NUMBER)
    secret = secret_of(text)
    assert secret in messages_sent(site)[0]
    phone, thief = await site.browser(), await site.browser()
    assert (await ask(site, phone, "/i/look", secret=secret))[1]["code_by"] == "sms"
    assert (await ask(site, phone, "/i/accept", secret=secret, me=True))[1]["code"] == "code-needed"
    assert (await ask(site, phone, "/i/code", secret=secret))[0] == 200
    code = code_in(messages_sent(site)[-1])
    assert (await ask(site, thief, "/i/accept", secret=secret, me=True, code=code))[1]["code"] == "code-needed"
    wrong = f"{(int(code) + 1) % 10**6:06}"
    assert (await ask(site, phone, "/i/accept", secret=secret, me=True, code=wrong))[1]["code"] == "code-wrong"
    status, told = await ask(site, phone, "/i/accept", secret=secret, me=True, code=f"{code[:3]} {code[3:]}")
    assert (status, str(told["next"]).startswith("/sessions/")) == (200, True)


async def test_five_wrong_codes_end_it(site: World) -> None:
    """After five tries the right code is worth nothing; a new one can be asked for."""
    secret = secret_of((await invite(site, way="contact", contact=NUMBER))[0])
    phone = await site.browser()
    await ask(site, phone, "/i/code", secret=secret)
    code = code_in(messages_sent(site)[-1])
    for number in range(1, 6):
        wrong = f"{(int(code) + number) % 10**6:06}"
        assert (await ask(site, phone, "/i/accept", secret=secret, me=True, code=wrong))[1]["code"] == "code-wrong"
    assert (await ask(site, phone, "/i/accept", secret=secret, me=True, code=code))[1]["code"] == "challenge-over"
    await ask(site, phone, "/i/code", secret=secret)
    assert (await ask(site, phone, "/i/accept", secret=secret, me=True, code=code_in(messages_sent(site)[-1])))[
        0
    ] == 200


async def test_whoever_is_not_meant_says_so_without_a_code(site: World) -> None:
    """The link is void at once, and the officer reads it."""
    text, page = await invite(site, way="contact", contact=NUMBER)
    phone = await site.browser()
    assert await ask(site, phone, "/i/accept", secret=secret_of(text), me=False) == (200, {"next": None})
    assert (await ask(site, phone, "/i/look", secret=secret_of(text)))[1]["code"] == "invitation-withdrawn"
    assert "不是本人" in (await site.get(await site.browser("officer"), page))[1]


async def test_a_code_for_a_letter_stands_for_the_link(site: World) -> None:
    """Typed in lower case and with a blank it opens the same invitation; a new link makes it void."""
    text, page = await invite(site, way="short")
    short = re.search(r"\b([2-9A-Z]{5}-[2-9A-Z]{5})</p>", text)
    assert short is not None
    phone = await site.browser()
    typed = short[1].lower().replace("-", " ")
    assert (await ask(site, phone, "/i/look", secret=typed))[1]["name"] == "王秀兰"
    assert (await ask(site, phone, "/i/look", secret=typed[:-1] + ("y" if typed[-1] == "x" else "x")))[0] == 404
    officer = await site.browser("officer")
    party = re.search(r'name="party" value="(\w{22})"', (await site.get(officer, page))[1])
    assert party is not None
    await site.post(officer, page, party=party[1])
    assert (await ask(site, phone, "/i/look", secret=typed))[0] == 404


@pytest.mark.parametrize("contact", ["", "110@", "javascript:1", "1" * 40, "a@b", "+"])
async def test_a_contact_that_cannot_be_one_is_told(site: World, contact: str) -> None:
    """The form comes back; nothing was sent and no link is lost."""
    session = await site.statement(15)
    officer = await site.browser("officer")
    page = f"/bookings/{session.id}/invitations"
    party = re.search(r'name="party" value="(\w{22})"', (await site.get(officer, page))[1])
    assert party is not None
    status, text, _ = await site.post(officer, page, party=party[1], way="contact", contact=contact)
    assert (status, "/i#" in text, messages_sent(site)) == (422, False, [])


async def test_the_guest_of_one_statement_is_offered_other_times(site: World) -> None:
    """From the invitation's page: until a day, everything free for both officers; an impossible day comes back."""
    session = await site.statement(120)
    officer = await site.browser("officer")
    page = f"/bookings/{session.id}/invitations"
    assert f'action="/bookings/{session.id}/guest-times"' in (await site.get(officer, page))[1]
    answer = await site.post(officer, f"/bookings/{session.id}/guest-times", until="2026-03-04")
    assert (answer[0], answer[2]) == (303, f"{page}?told=times")
    assert "个时间中选择" in (await site.get(officer, page))[1]
    for until in ("never", "2020-01-01", "2027-01-01"):
        assert (await site.post(officer, f"/bookings/{session.id}/guest-times", until=until))[0] == 422
    stranger = await site.browser("lawyer")
    assert (await site.post(stranger, f"/bookings/{session.id}/guest-times", until="2026-03-04"))[0] in (403, 404)


async def test_anybody_asks_whether_an_invitation_is_real(site: World) -> None:
    """With the reference and the right number: unit and telephone, no name. With anything else the same answer."""
    text, page = await invite(site)
    officer = await site.browser("officer")
    found = re.search(r"\b([0-9A-Z]{5}-[0-9A-Z]{5})\b", (await site.get(officer, page))[1])
    assert found is not None
    public = await site.browser()
    status, answer, _ = await site.post(public, "/real", reference=found[1].lower(), number="031207")
    assert status == 200
    assert "notice--good" in answer
    assert not any(name in answer for name in ("王秀兰", "周建平", secret_of(text)))
    refused = []
    for reference, number in ((found[1], "999999"), ("AAAAA-BBBBB", "031207"), (found[1][:-1], "031207")):
        _, answer, _ = await site.post(public, "/real", reference=reference, number=number)
        head = answer[answer.index("<main") : answer.index("<form")]
        refused.append(head)
        assert "notice--stop" in head
    assert len(set(refused)) == 1
    await site.post(officer, f"{page}/revoke", invitation=await invitation_of(site, page))
    assert "notice--stop" in (await site.post(public, "/real", reference=found[1], number="031207"))[1]


async def invitation_of(site: World, page: str) -> str:
    found = re.search(r'name="invitation" value="(\w{22})"', (await site.get(await site.browser("officer"), page))[1])
    assert found is not None
    return found[1]


# ON-4


def test_every_page_of_guests_says_what_is_never_asked() -> None:
    """A template for guests without the warning, or the invitation's without officer, number, unit and telephone, fails
    here."""
    for path in (TEMPLATES / "guest").glob("*.html"):
        text = path.read_text(encoding="utf-8")
        if path.name != "never.html" and "{% extends" in text:
            assert '{% include "guest/never.html" %}' in text, path.name
    page = (TEMPLATES / "guest" / "guest.html").read_text(encoding="utf-8")
    for place in ("officer", "number", "unit"):
        assert f'data-fill="{place}"' in page
    assert 'id="phone"' in page


async def test_the_live_page_of_a_guest_says_it_too(site: World) -> None:
    """In the waiting room of a guest stand the warning, the officer, number, unit and telephone; officers see none."""
    text, page = await invite(site)
    phone = await site.browser()
    _, told = await ask(site, phone, "/i/look", secret=secret_of(text))
    _, entered = await ask(site, phone, "/i/accept", secret=secret_of(text), me=True)
    live = (await site.get(phone, str(entered["next"])))[1]
    line = live[live.index("never-line") :]
    assert all(str(told[name]) in line for name in ("officer", "number", "unit", "phone"))
    assert "钱款" in line
    session = page.split("/")[2]
    assert "never-line" not in (await site.get(await site.browser("officer"), f"/sessions/{session}/live"))[1]


@pytest.mark.parametrize("text", [invitation_codes.MESSAGE, invitation_codes.INVITATION], ids=["code", "link"])
def test_every_message_to_a_guest_names_who_and_how_to_check(text: str) -> None:
    """Officer, number, unit, telephone, and what is never asked for."""
    assert {"officer", "number", "unit", "phone"} <= set(re.findall(r"\{(\w+)\}", text))
    assert "money" in text
    assert "screen" in text


def test_letters_carry_the_warning() -> None:
    """What goes out with every notice by mail."""
    assert "money" in sending.FOOTER
    assert "{phone}" in sending.FOOTER
