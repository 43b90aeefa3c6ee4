"""Pages of papers, permits, messages, the waiting list, legal help and the list of sessions, over HTTP."""

import asyncio
import hashlib
import re

import pytest
from aiohttp import FormData
from sqlalchemy import select

from cases.models import Paper, PaperFile
from scheduler import decisions, notices, papers
from tests.scheduler.test_contents import jpeg, pdf, png
from tests.web.world import PAGE, World

LETTERS = ("licence", "firm_letter", "power_of_attorney")


async def upload(site: World, browser, path: str, content: bytes, **fields: str) -> tuple[int, str, str]:
    """Submit a form with a file."""
    data = FormData()
    for name, value in fields.items():
        data.add_field(name, value)
    data.add_field("file", content, filename="../../etc/passwd.html", content_type="text/html")
    headers = PAGE | {"Sec-Fetch-Site": "same-origin", "Origin": site.url}
    answer = await browser.post(path, data=data, headers=headers, allow_redirects=False)
    return answer.status, await answer.text(), answer.headers.get("Location", "")


async def named(site: World, browser, name: str = "张伟民", number: str = "32050119840512001X") -> tuple[str, str]:
    """A client named for the first time: the mandate's page and the facility."""
    _, text = await site.get(browser, "/papers/new")
    place = re.search(r'<option value="(\w{22})">城东看守所', text)
    assert place
    _, _, leads = await site.post(browser, "/papers/new", name=name, identity_number=number, facility=place[1])
    return leads.split("?")[0], place[1]


async def test_three_papers_are_handed_in_checked_and_used_again(site: World) -> None:
    """Named, handed in as pictures and PDF, missing ones by name, checked by the post: the client can be booked."""
    lawyer = await site.browser("lawyer2")
    path, place = await named(site, lawyer)
    _, text = await site.get(lawyer, path)
    assert text.count("chip--warn") == 3
    for kind, content in zip(LETTERS, (jpeg(), png(), pdf()), strict=True):
        status, _, leads = await upload(site, lawyer, path, content, kind=kind, facility=place, until="2026-12-31")
        assert (status, leads.split("?")[0]) == (303, path)
    _, text = await site.get(lawyer, path)
    assert text.count("核验中") == 3
    assert "48 小时内" in text
    duty = await site.principal("duty")
    async with site.database.transaction(write=False) as tx:
        found = (await tx.execute(select(Paper))).scalars().all()
        original = await tx.get_one(PaperFile, found[0].id)
    assert original.content == jpeg()
    for paper in found:
        await papers.check(site.database, site.clock, duty, paper.id)
    assert "材料已核验通过" in (await site.get(lawyer, path))[1]
    assert "张伟民" in (await site.get(lawyer, "/book/visit"))[1]


async def test_a_paper_is_served_to_be_saved_and_to_nobody_else(site: World) -> None:
    """As an attachment under a name of ours, never sniffed, never run; others find nothing."""
    lawyer, other = await site.browser("lawyer2"), await site.browser("lawyer")
    path, place = await named(site, lawyer)
    await upload(site, lawyer, path, pdf(), kind="licence", facility=place)
    link = re.search(r'href="(/papers/files/\w+)"', (await site.get(lawyer, path))[1])
    assert link
    answer = await lawyer.get(link[1])
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/pdf")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="paper.pdf"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert await answer.read() == pdf()
    for path_ in (path, link[1]):
        assert (await site.get(other, path_))[0] == 404
    assert (await upload(site, other, path, pdf(), kind="licence", facility=place))[0] == 404


@pytest.mark.parametrize(
    ("content", "changes", "field"),
    [
        (b"<svg onload=alert(1)>", {}, "file"),
        (png(after=b"<script>"), {}, "file"),
        (b"", {}, "file"),
        (b"%PDF-" + b"x" * (10 * 1024 * 1024), {}, "file"),
        (pdf(), {"kind": "marriage_certificate"}, "kind"),
        (pdf(), {"facility": "here"}, "facility"),
        (pdf(), {"until": "soon"}, "until"),
    ],
)
async def test_what_cannot_be_taken_comes_back_with_a_sentence(
    site: World, content: bytes, changes: dict[str, str], field: str
) -> None:
    """At its field, with what was chosen; nothing is stored."""
    lawyer = await site.browser("lawyer2")
    path, place = await named(site, lawyer)
    fields = {"kind": "licence", "facility": place} | changes
    status, text, _ = await upload(site, lawyer, path, content, **fields)
    assert status == 422
    assert f'id="{field}-error"' in text
    async with site.database.transaction(write=False) as tx:
        assert (await tx.execute(select(Paper))).first() is None


async def test_an_upload_that_breaks_off_leaves_nothing(site: World) -> None:
    """F15: after the first bytes, in the middle, or before the last one: no half file is anywhere, and handed in again,
    from another browser, the whole is what is kept."""
    lawyer = await site.browser("lawyer2")
    path, place = await named(site, lawyer)
    fields = {"kind": "licence", "facility": place, "until": "2026-12-31"}
    content = pdf(stream=bytes(300_000))
    for share in (len(content) // 100, len(content) // 2, len(content) - 1):
        await broken_off(site, lawyer, path, content[:share], len(content), **fields)
        async with site.database.transaction(write=False) as tx:
            assert (await tx.execute(select(Paper))).first() is None
            assert (await tx.execute(select(PaperFile))).first() is None
    status, _, _ = await upload(site, await site.browser("lawyer2"), path, content, **fields)
    assert status == 303
    async with site.database.transaction(write=False) as tx:
        (paper,) = (await tx.execute(select(Paper))).scalars()
        assert paper.digest == hashlib.sha256(content).hexdigest()
        assert (await tx.get_one(PaperFile, paper.id)).content == content


async def broken_off(site: World, browser, path: str, sent: bytes, announced: int, **fields: str) -> None:
    """Send so much of a form that announces more, hang up, and wait until the server has seen it."""
    boundary, host = "x" * 24, site.url.removeprefix("http://")
    begin = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    begin += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
    end = f"\r\n--{boundary}--\r\n"
    cookies = "; ".join(f"{cookie.key}={cookie.value}" for cookie in browser.session.cookie_jar)
    head = {
        **PAGE,
        "Host": host,
        "Sec-Fetch-Site": "same-origin",
        "Origin": site.url,
        "Cookie": cookies,
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Content-Length": str(len(begin) + announced + len(end)),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    reader, writer = await asyncio.open_connection(*host.rsplit(":", 1))
    writer.write(f"POST {path} HTTP/1.1\r\n{lines}\r\n{begin}".encode() + sent)
    await writer.drain()
    writer.write_eof()
    async with asyncio.timeout(20):
        answer = await reader.read()
    assert b" 303 " not in answer[:20]
    writer.close()


async def test_naming_a_client_tells_nothing_of_custody(site: World) -> None:
    """Held there, held elsewhere, unknown: the same answer and the same page; bad input stays typed."""
    lawyer = await site.browser("lawyer2")
    pages = []
    for name in ("张伟民", "吴敏", "无此人"):
        path, _ = await named(site, lawyer, name)
        pages.append((await site.get(lawyer, path))[1].replace(name, "·").replace(path, "·"))
    assert len({re.sub(r'nonce="[^"]*"|\?back=[^"]*|[0-9a-z]{22}', "", text) for text in pages}) == 1
    status, text, _ = await site.post(lawyer, "/papers/new", name="王某某", identity_number="<1>", facility="x" * 22)
    assert status == 422
    assert "王某某" in text
    assert (await site.get(await site.browser("officer"), "/papers/new"))[0] == 403


async def test_an_interrogation_permit_with_two_officers(site: World) -> None:
    """Handed in and listed; twice the same officer is told at the field."""
    officer = await site.browser("officer")
    _, text = await site.get(officer, "/permits")
    who = re.search(r'<option value="(\w{22}\.\w{22})"', text)
    place = re.search(r'<option value="(\w{22})">城东看守所', text)
    assert who
    assert place
    first, second = (await site.principal("officer")).id, (await site.principal("officer2")).id
    fields = {"who": who[1], "officer": first, "facility": place[1], "until": "2026-06-30"}
    status, text, _ = await upload(site, officer, "/permits", pdf(), **fields, second=first)
    assert status == 422
    assert 'role="alert"' in text or "field__error" in text
    status, _, leads = await upload(site, officer, "/permits", pdf(), **fields, second=second)
    assert (status, leads) == (303, "/permits?told=handed-in")
    _, text = await site.get(officer, leads)
    assert "林晓燕" in text.split("</ul>")[0]
    other = {"who": f"{'0' * 22}.{'0' * 22}"}
    assert (await upload(site, officer, "/permits", pdf(), **(fields | other), second=second))[0] in (403, 422)


async def test_messages_are_read_and_sent_where_somebody_wants(site: World) -> None:
    """New ones are marked and counted until they are read; addresses are checked and kept."""
    visit = await site.visit()
    await decisions.confirm(site.database, site.clock, await site.principal("duty"), visit.id)
    lawyer = await site.browser("lawyer")
    _, text = await site.get(lawyer, "/messages")
    assert "message--new" in text
    assert f"/bookings/{visit.id}" in text
    assert await (await lawyer.get("/messages/count")).json() == {"count": 1}
    assert "未读消息 1 条" in (await site.get(lawyer, "/"))[1]
    assert (await site.post(lawyer, "/messages/read"))[0] == 303
    assert await (await lawyer.get("/messages/count")).json() == {"count": 0}
    assert "message--new" not in (await site.get(lawyer, "/messages"))[1]
    status, text, _ = await site.post(lawyer, "/messages/addresses", mail="not an address", sms="")
    assert status == 422
    assert 'id="mail-error"' in text
    assert "not an address" in text
    assert (await site.post(lawyer, "/messages/addresses", mail="a@example.org", sms="+8613800000000"))[0] == 303
    ways = await notices.addresses(site.database, await site.principal("lawyer"))
    assert ways == {"mail": "a@example.org", "sms": "+8613800000000"}


async def test_the_waiting_list_is_joined_and_left(site: World) -> None:
    """From the page of free times; spans that make no sense are told."""
    lawyer, other = await site.browser("lawyer"), await site.browser("lawyer2")
    _, text = await site.get(lawyer, "/book/visit")
    who = re.findall(r'name="who" id="who-\d" value="(\w+)"', text)[0]
    wish = {"kind": "visit", "who": who, "minutes": "60", "place": "device"}
    assert (await site.post(lawyer, "/waiting", **wish, first="2026-03-03", last="2026-03-06"))[0] == 303
    _, text = await site.get(lawyer, "/waiting")
    leave = re.search(r'action="(/waiting/\w+/leave)"', text)
    assert leave
    assert "您排在第一位" in text
    assert (await site.post(other, leave[1]))[0] == 404
    assert (await site.post(lawyer, leave[1]))[0] == 303
    for first, last in (("2026-03-06", "2026-03-03"), ("2026-03-03", "2026-06-03"), ("x", "y")):
        status, text, _ = await site.post(lawyer, "/waiting", **wish, first=first, last=last)
        assert status == 422
        assert 'role="alert"' in text


async def test_a_lawyer_is_asked_for_and_comes(site: World) -> None:
    """The bureau names, the post writes down, the lawyer takes it and is led to the papers (LV-7)."""
    bureau, duty = await site.browser("admin-justice"), await site.browser("duty-centre")
    lawyer = await site.browser("lawyer2")
    _, text = await site.get(bureau, "/counsel")
    place = re.search(r'<option value="(\w{22})">城东执法办案管理中心', text)
    assert place
    second = (await site.principal("lawyer2")).id
    assert (await site.post(bureau, "/counsel/lawyers", lawyer=second, facility=place[1]))[0] == 303
    _, text = await site.get(duty, "/counsel")
    person = re.search(r'<option value="(\w{22})">刘海', text)
    assert person
    assert (await site.post(duty, "/counsel", person=person[1]))[0] == 303
    _, text = await site.get(lawyer, "/")
    assert "有在押人员申请法律帮助" in text
    _, text = await site.get(lawyer, "/counsel")
    assert "刘海" not in text
    take = re.search(r'action="(/counsel/\w+/take)"', text)
    assert take
    status, _, leads = await site.post(lawyer, take[1])
    assert status == 303
    assert "刘海" in (await site.get(lawyer, leads))[1]
    assert (await site.get(await site.browser("officer"), "/counsel"))[0] == 403


async def test_my_sessions_are_searched_in_the_address(site: World) -> None:
    """By words, state and whether they are past; nothing found has words of its own."""
    visit = await site.visit(60)
    await site.visit(180, client=1)
    lawyer = await site.browser("lawyer")
    _, text = await site.get(lawyer, "/")
    assert "等待答复" in text
    _, text = await site.get(lawyer, "/?q=%E6%9D%8E%E7%A7%8B%E7%94%9F")
    assert text.count('class="line"') == 1
    assert "没有符合条件的记录" in (await site.get(lawyer, "/?q=nobody"))[1]
    assert "没有符合条件的记录" in (await site.get(lawyer, "/?when=past"))[1]
    await decisions.withdraw(site.database, site.clock, await site.principal("lawyer"), visit.id)
    assert f"/bookings/{visit.id}" in (await site.get(lawyer, "/?when=past&state=withdrawn"))[1]
    assert (await site.get(lawyer, "/?state=%3Cb%3E&kind=x"))[0] == 200
