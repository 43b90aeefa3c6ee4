"""A join ticket that is not good is refused by the served product: with a sentence that helps, and in its log."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass

import pytest
from yarl import URL

from core.ids import hash_secret
from rehearsal.site import Site
from signaling import messages
from signaling.connection import Close
from tests.journeys.cast import PASSWORD
from tests.journeys.conftest import Server


@dataclass
class Witnessing:
    """A statement that can be joined, the officer it belongs to, and the browser of another officer of the case."""

    server: Server
    session: str
    officer: Site
    colleague: Site

    async def ticket(self) -> str:
        return str((await self.officer.post(f"live/{self.session}/ticket", {}))["ticket"])

    async def hello(self, ticket: str, browser: Site | None = None, session: str | None = None) -> str:
        """What a first message with ``ticket`` is answered: ``welcome``, or the refusal's code and sentence."""
        socket = await (browser or self.officer).socket(f"live/{session or self.session}/socket")
        async with socket:
            await socket.send_json(
                {"type": "hello", "version": messages.VERSION, "ticket": ticket, "locale": "zh-CN", "agent": "test"}
            )
            answer = await socket.receive_json()
            if answer["type"] == "refused":
                await socket.receive()
                assert socket.close_code == Close.DENIED
        return answer["type"] if answer["type"] == "welcome" else f"{answer['code']}: {answer['text']}"

    def refusals(self) -> list[str]:
        """Codes of the refused tickets in the server's log, in order."""
        lines = [line for line in self.server.log.read_text().splitlines() if line.startswith("{")]
        told = [json.loads(line) for line in lines]
        return [each["code"] for each in told if each["event"] == "a join ticket was refused"]

    def expire(self, ticket: str) -> None:
        """Let half a minute go by for one ticket."""
        with closing(sqlite3.connect(self.server.data_dir / "yuanjian.sqlite3", timeout=30)) as file, file:
            done = file.execute("UPDATE join_tickets SET expires = issued WHERE hash = ?", (hash_secret(ticket),))
            assert done.rowcount == 1


async def signed_in(site: Site, login: str) -> None:
    form = (await site.show("signin")).form("/signin")
    assert form is not None
    await site.send(form, login=login, password=PASSWORD)


async def begun(officer: Site) -> str:
    """Begin a witness statement now, as the page does; return the session's id."""
    form = (await officer.show("start")).form("/start")
    assert form is not None
    who, second = form.choices["who"][0], form.choices["officer"][0]
    page = await officer.send(form, guest_name="陈静", guest_role="witness", who=who, officer=second)
    return page.address.split("/bookings/")[1].partition("/")[0].partition("?")[0]


@pytest.fixture(scope="module")
def session(server: Server) -> str:
    """A statement that has been begun: the officers have time for one."""

    async def begin() -> str:
        async with Site(server.url) as officer:
            await signed_in(officer, "officer3")
            return await begun(officer)

    return asyncio.run(begin())


@pytest.fixture
async def there(server: Server, session: str) -> AsyncIterator[Witnessing]:
    async with Site(server.url) as officer, Site(server.url) as colleague:
        await signed_in(officer, "officer3")
        await signed_in(colleague, "officer")
        yield Witnessing(server, session, officer, colleague)


UNKNOWN = "ticket-unknown: 此入口不属于本次会话，请从您的列表重新进入。"
FOREIGN = "ticket-foreign: 此入口是为另一个浏览器签发的。请在本浏览器中从列表重新打开会话。"
USED = "ticket-used: 此入口已使用过，请从您的列表重新进入。"
EXPIRED = "ticket-expired: 此入口的有效时间为三十秒，现已过期。请再点一次“进入”。"
WITHDRAWN = "ticket-withdrawn: 您的登录已结束，请重新登录后再进入。"


async def test_a_ticket_from_another_browser_is_refused_and_stays_good(server: Server, there: Witnessing) -> None:
    """Neither a colleague's browser nor one with no cookie gets in with it; afterwards its owner still does."""
    ticket, before = await there.ticket(), len(there.refusals())
    assert await there.hello(ticket, there.colleague) == FOREIGN
    async with Site(server.url) as nobody:
        assert await there.hello(ticket, nobody) == FOREIGN
    assert there.refusals()[before:] == ["ticket-foreign"] * 2
    assert await there.hello(ticket) == "welcome"


async def test_a_ticket_is_refused_when_used_expired_altered_or_of_another_session(
    there: Witnessing, site: Site
) -> None:
    """Each with its own sentence, in the language of the page."""
    used, expired, other, before = *[await there.ticket() for _ in range(3)], len(there.refusals())
    rehearsal = await site.post("api/rehearsals", {"participants": 2})
    assert await there.hello(used) == "welcome"
    there.expire(expired)
    assert await there.hello(used) == USED
    assert await there.hello(expired) == EXPIRED
    assert await there.hello(("A" if other[0] != "A" else "B") + other[1:]) == UNKNOWN
    assert await there.hello(other, session=str(rehearsal["session"])) == UNKNOWN
    assert there.refusals()[before:] == ["ticket-used", "ticket-expired", "ticket-unknown", "ticket-unknown"]
    assert await there.hello(other) == "welcome"


async def test_a_ticket_ends_with_the_sign_in_that_asked(there: Witnessing) -> None:
    """Signed out in between, the same browser is told to sign in again."""
    ticket, before = await there.ticket(), len(there.refusals())
    form = (await there.officer.show("account")).form("/signout")
    assert form is not None
    cookies = there.officer._session.cookie_jar.filter_cookies(URL(there.officer.base))  # the browser kept a copy
    await there.officer.send(form)
    there.officer._session.cookie_jar.update_cookies(cookies)
    assert await there.hello(ticket) == WITHDRAWN
    assert there.refusals()[before:] == ["ticket-withdrawn"]
