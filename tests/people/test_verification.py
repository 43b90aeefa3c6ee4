"""The outside service: asked signed, believed only signed, in time and at its address; else officers compare."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from core.clock import FakeClock
from core.config import Settings
from core.signing import HEADER, is_signed, signature
from people.verification import Answer, Claim, HttpVerifier, Manual, Outcome, verifier_of

SECRET = "a secret of thirty-two and more characters"  # of a test
CLAIM = Claim("孙丽", "id-card", "110101199003070000")
NO_ANSWER = Answer(Outcome.UNAVAILABLE)


@dataclass
class Service:
    """A small verification service with knobs to misbehave; ``change`` may alter what it says before it signs."""

    clock: FakeClock
    outcome: str = "match"
    secret: str = SECRET
    change: Callable[[dict[str, Any]], object] = dict
    status: int = 200
    signed_ago: float = 0
    slow: bool = False
    elsewhere: bool = False
    asked: list[dict[str, Any]] = field(default_factory=list)
    refused: int = 0
    server: TestServer = field(init=False)

    async def start(self) -> "Service":
        app = web.Application()
        app.router.add_post("/check", self._check)
        self.server = TestServer(app)
        await self.server.start_server()
        return self

    async def _check(self, request: web.Request) -> web.Response:
        body = await request.read()
        if not is_signed(self.secret, request.headers.get(HEADER, ""), body, self.clock.now()):
            self.refused += 1
            return web.Response(status=401)
        said = json.loads(body)
        self.asked.append(said)
        if self.slow:
            await asyncio.sleep(30)
        if self.elsewhere:
            raise web.HTTPTemporaryRedirect("http://127.0.0.1:9/check")
        answer = self.change({"id": said["id"], "outcome": self.outcome, "reference": "R-2026-0001"})
        text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        at = self.clock.now().timestamp() - self.signed_ago
        signed = signature(SECRET, type(self.clock.now()).fromtimestamp(at, self.clock.now().tzinfo), text)
        return web.Response(status=self.status, body=text, headers={HEADER: signed})


@pytest.fixture
async def service(clock: FakeClock) -> AsyncIterator[Service]:
    made = await Service(clock).start()
    yield made
    await made.server.close()


def verifier(service: Service, **more: Any) -> HttpVerifier:
    given = {"networks": ("127.0.0.0/8",), "secret": SECRET, "timeout": 5.0, **more}
    settings = Settings(
        verification_url=f"http://127.0.0.1:{service.server.port}/check",
        verification_secret=given["secret"],
        verification_networks=given["networks"],
        verification_timeout=given["timeout"],
    )
    return HttpVerifier(settings, service.clock)


@pytest.mark.parametrize("outcome", ["match", "no-match", "unsure"])
async def test_a_signed_answer_is_believed(service: Service, outcome: str) -> None:
    """The question holds what the contract says; the outcome and the service's number come back."""
    service.outcome = outcome
    assert await verifier(service).verify(CLAIM) == Answer(Outcome(outcome), "R-2026-0001")
    (asked,) = service.asked
    assert (asked["v"], asked["purpose"], asked["name"]) == (1, "identity-check", "孙丽")
    assert asked["document"] == {"type": "id-card", "number": "110101199003070000"}


WRONG: dict[str, Callable[[dict[str, Any]], object]] = {
    "another question's answer": lambda said: said | {"id": "0" * 22},
    "an outcome nobody knows": lambda said: said | {"outcome": "certainly"},
    "our own word for no answer": lambda said: said | {"outcome": "unavailable"},
    "no outcome": lambda said: {"id": said["id"]},
    "a list": lambda said: [said],
    "not JSON": lambda said: b"<html>match</html>",
    "nested without end": lambda said: b"[" * 3000,
    "far too long": lambda said: said | {"more": "x" * 20_000},
    "a reference with words": lambda said: said | {"reference": "孙丽 110101199003070000"},
    "an endless reference": lambda said: said | {"reference": "1" * 100},
}


@pytest.mark.parametrize("name", WRONG)
async def test_an_unclear_answer_is_none(service: Service, name: str) -> None:
    """Signed or not: what the contract does not know verifies nobody."""
    service.change = WRONG[name]
    assert await verifier(service).verify(CLAIM) == NO_ANSWER


async def test_a_wrong_or_old_signature_is_none(service: Service) -> None:
    """Signed by another secret, unsigned for us, or replayed from ten minutes ago."""
    assert await verifier(service, secret="another secret of thirty-two characters").verify(CLAIM) == NO_ANSWER
    assert service.refused == 1
    service.signed_ago = 600
    assert await verifier(service).verify(CLAIM) == NO_ANSWER


async def test_an_altered_answer_is_none(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """One changed byte between the service and us."""
    plain = HttpVerifier._post

    async def altered(self: HttpVerifier, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        status, signed, answer = await plain(self, body, headers)
        return status, signed, answer.replace(b'"no-match"', b'"match"')

    service.outcome = "no-match"
    monkeypatch.setattr(HttpVerifier, "_post", altered)
    assert await verifier(service).verify(CLAIM) == NO_ANSWER


@pytest.mark.parametrize("status", [202, 400, 401, 500, 503])
async def test_any_other_status_is_none(service: Service, status: int) -> None:
    """Only 200 is an answer, whatever the body says."""
    service.status = status
    assert await verifier(service).verify(CLAIM) == NO_ANSWER


async def test_a_slow_service_is_not_waited_for(service: Service) -> None:
    """After the set time officers compare; the question is not repeated."""
    service.slow = True
    assert await verifier(service, timeout=0.2).verify(CLAIM) == NO_ANSWER
    assert len(service.asked) == 1


async def test_no_number_goes_to_an_address_that_is_not_allowed(service: Service) -> None:
    """The service's name points elsewhere: nothing is sent at all."""
    assert await verifier(service, networks=("203.0.113.0/28", "2001:db8::/32")).verify(CLAIM) == NO_ANSWER
    assert service.asked == []


async def test_a_redirect_is_not_followed(service: Service) -> None:
    """A signed question goes to whom it was signed for."""
    service.elsewhere = True
    assert await verifier(service).verify(CLAIM) == NO_ANSWER


async def test_a_service_that_is_away_is_no_answer(service: Service) -> None:
    """Nobody listens there."""
    asks = verifier(service)
    await service.server.close()
    assert await asks.verify(CLAIM) == NO_ANSWER


async def test_no_number_and_no_name_reach_a_log(
    service: Service, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever happens: match, refusal, nonsense, silence."""
    caplog.set_level(logging.DEBUG)
    for change in (dict, *WRONG.values()):
        service.change = change
        await verifier(service).verify(CLAIM)
    service.slow = True
    await verifier(service, timeout=0.1).verify(CLAIM)
    out = capsys.readouterr()
    said = caplog.text + out.out + out.err + repr(CLAIM)
    assert "not believed" in said
    assert "110101199003070000" not in said
    assert "孙丽" not in said


async def test_without_a_service_officers_compare(clock: FakeClock) -> None:
    """The default answers nothing, so that nobody is verified by it."""
    assert isinstance(verifier_of(Settings(), clock), Manual)
    assert await verifier_of(Settings(), clock).verify(CLAIM) == NO_ANSWER
