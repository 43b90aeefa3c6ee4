"""The short-message gateway: what it is sent, what its answers do, and that numbers and texts stay out of logs."""

import hashlib
import hmac
import json
import logging
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from core.config import Settings, load
from core.errors import OperatorError, Unavailable
from core.jobs import Job, Worker
from scheduler.bookings import request_booking
from scheduler.gateway import HttpSms, NotDeliverable
from scheduler.notices import set_address
from scheduler.sending import Direct, Outbox, carriers, handlers

SECRET = "a secret both sides know, long enough"
NUMBER, TEXT = "13800138000", "您 14:00 的预约已确认。"


class Gateway:
    """A gateway as docs/SMS-GATEWAY.md describes it: checks the signature, sends each id once."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        """What it says next; 202 when nothing is left."""
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.carried: dict[str, dict[str, str]] = {}
        outer = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = outer.take(dict(self.headers), body)
                self.send_response(status)
                if status == 307:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Stay silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/send"

    def take(self, headers: dict[str, str], body: bytes) -> int:
        self.calls.append((headers, body))
        seconds, _, digest = headers["Yuanjian-Signature"].partition(",")
        said = seconds.removeprefix("t=").encode() + b"." + body
        if digest != "v1=" + hmac.new(SECRET.encode(), said, hashlib.sha256).hexdigest():
            return 401
        if self.answers:
            return self.answers.pop(0)
        message = json.loads(body)
        if message["id"] in self.carried:
            return 409
        self.carried[message["id"]] = message
        return 202


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    made = Gateway()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], str]]:
    """Every line of our own log and of the libraries'."""
    caplog.set_level(logging.WARNING)  # as ``core.logs`` sets third-party loggers
    with capture_logs() as entries:
        yield lambda: "\n".join(map(repr, entries)) + caplog.text


async def test_a_message_is_signed_and_carried_once(gateway: Gateway, clock: Any) -> None:
    """The body is what the document says; the same id again is taken for carried."""
    sms = HttpSms(gateway.url, SECRET, clock)
    for _ in range(2):
        await sms.send(NUMBER, TEXT, "n1-sms")
    assert gateway.carried == {"n1-sms": {"id": "n1-sms", "to": NUMBER, "text": TEXT}}
    headers, body = gateway.calls[0]
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert headers["Yuanjian-Signature"].startswith(f"t={int(clock.now().timestamp())},v1=")
    assert TEXT.encode() in body


async def test_a_wrong_secret_a_redirect_and_an_outage_are_tried_again(gateway: Gateway, clock: Any) -> None:
    """Each raises; nothing was carried and a redirect was not followed."""
    with pytest.raises(OSError, match="401"):
        await HttpSms(gateway.url, "another secret that nobody else knows", clock).send(NUMBER, TEXT, "a")
    for status in (307, 429, 500, 503):
        gateway.answers = [status]
        with pytest.raises(OSError, match=str(status)):
            await HttpSms(gateway.url, SECRET, clock).send(NUMBER, TEXT, "b")
    assert len(gateway.calls) == 5
    gateway.server.shutdown()
    gateway.server.server_close()
    with pytest.raises(OSError):
        await HttpSms(gateway.url, SECRET, clock).send(NUMBER, TEXT, "c")
    assert gateway.carried == {}


@pytest.mark.parametrize("status", [400, 404, 410, 413, 422])
async def test_what_can_never_be_carried_is_given_up(
    gateway: Gateway, clock: Any, status: int, logged: Callable[[], str]
) -> None:
    """The log says that it was refused and by which status, and neither to whom nor what."""
    gateway.answers = [status]
    with pytest.raises(NotDeliverable):
        await HttpSms(gateway.url, SECRET, clock).send(NUMBER, TEXT, "n1-sms")
    assert str(status) in logged()
    assert NUMBER not in logged()
    assert TEXT not in logged()


async def test_a_notice_is_tried_again_by_the_job_port_with_the_same_id(
    sqlite_site: Any, gateway: Gateway, tmp_path: Any, logged: Callable[[], str]
) -> None:
    """Two outages, then it is carried, once; number and text are in no log and in no job."""
    site = sqlite_site
    _, sms = carriers(Settings(data_dir=tmp_path, sms_url=gateway.url, sms_secret=SECRET), site.clock)
    jobs = Worker(site.db, site.clock, handlers(site.db, site.clock, Outbox(tmp_path / "outbox"), sms))
    await set_address(site.db, site.who["duty"], "sms", NUMBER)
    gateway.answers = [503, 500]
    await request_booking(site.db, site.clock, site.who["lawyer"], site.visit())
    for _ in range(4):
        while await jobs.run_one():
            pass
        site.clock.advance(30)
    assert [message["to"] for message in gateway.carried.values()] == [NUMBER]
    sent = next(iter(gateway.carried.values()))["text"]
    assert len({json.loads(body)["id"] for _, body in gateway.calls}) == 1
    assert len(gateway.calls) == 3
    async with site.db.transaction(write=False) as tx:
        rows = (await tx.execute(select(Job))).scalars().all()
    written = logged() + "".join(f"{row.payload}{row.error}" for row in rows)
    assert "a job failed" in written
    assert NUMBER not in written
    assert sent not in written


async def test_a_notice_that_cannot_be_carried_leaves_the_other_ways(
    sqlite_site: Any, gateway: Gateway, tmp_path: Any
) -> None:
    """A refused number does not keep the letter back, nor is it tried for ever."""
    site, outbox = sqlite_site, tmp_path / "outbox"
    jobs = Worker(
        site.db, site.clock, handlers(site.db, site.clock, Outbox(outbox), HttpSms(gateway.url, SECRET, site.clock))
    )
    await set_address(site.db, site.who["duty"], "sms", NUMBER)
    await set_address(site.db, site.who["duty"], "mail", "duty@example.org")
    gateway.answers = [422]
    await request_booking(site.db, site.clock, site.who["lawyer"], site.visit())
    while await jobs.run_one():
        pass
    site.clock.advance(600)
    assert not await jobs.run_one() or len(gateway.calls) == 1
    assert len(list(outbox.glob("*.eml"))) == 1
    assert len(gateway.calls) == 1


async def test_a_guests_code_fails_at_once(gateway: Gateway, clock: Any, logged: Callable[[], str]) -> None:
    """Whoever waits for it is told; it is in no queue and no log."""
    gateway.answers = [503]
    with pytest.raises(Unavailable):
        await Direct(Outbox(None), HttpSms(gateway.url, SECRET, clock)).send("sms", NUMBER, TEXT)  # type: ignore[arg-type]  # no letter is written
    assert NUMBER not in logged()
    assert TEXT not in logged()


@pytest.mark.parametrize(
    ("url", "secret", "wrong"),
    [
        ("https://sms.example.org/send", "short", "sms_secret"),
        ("https://sms.example.org/send", "", "sms_secret"),
        ("http://sms.example.org/send", SECRET, "sms_url"),
        ("ftp://sms.example.org/send", SECRET, "sms_url"),
    ],
)
def test_a_weak_secret_or_a_way_in_the_clear_stops_the_start(url: str, secret: str, wrong: str) -> None:
    """Settings that would show numbers to the network, or let anybody sign, are refused by name."""
    with pytest.raises(OperatorError, match=wrong):
        load(None, {"sms_url": url, "sms_secret": secret})
