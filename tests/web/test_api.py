"""The JSON API: what systems tell is taken, what they ask is answered, whatever else is sent is refused in words."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import select

from cases.models import CustodyPerson
from core.ids import hash_secret, new_secret
from core.ledger import Entry
from people.models import ApiToken
from scheduler import store
from scheduler.running import session_ended, session_started
from tests.web.world import World
from web import generate


async def token(site: World, role: str = "case_system", login: str = "admin") -> str:
    """A system's token of the organisation of ``login``."""
    secret, now = new_secret(), site.clock.now()
    async with site.database.transaction() as tx:
        tx.add(
            ApiToken(
                hash=hash_secret(secret),
                name="系统",
                role=role,
                organisation=(await site.principal(login)).organisation,
                issued_by="x",
                issued=now,
                expires=now + timedelta(days=30),
            )
        )
    return secret


class System:
    """A program that speaks the API with one token."""

    def __init__(self, site: World, browser: Any, secret: str) -> None:
        self.site, self.browser = site, browser
        self.headers = {"Authorization": f"Bearer {secret}"}

    async def __call__(self, method: str, path: str, /, **options: Any) -> tuple[int, dict[str, Any]]:
        answer = await self.browser.request(method, f"/api/v1/{path}", headers=self.headers, **options)
        return answer.status, await answer.json()


@pytest.fixture
async def system(site: World) -> System:
    """A case-management system of the bureau."""
    return System(site, await site.browser(), await token(site))


async def case(site: World, system: System) -> dict[str, Any]:
    """A case of the officer's unit with one suspect, told by the system."""
    officer = await site.principal("officer")
    suspect = {"name": "钱某", "identity_number": "320500199003034321", "sex": "male"}
    body = {
        "number": "江公（城东）刑立字〔2026〕0999号",
        "title": "钱某涉嫌盗窃案",
        "organisation": officer.organisation,
        "officers": ["031207", "031518"],
        "suspects": [suspect],
    }
    status, answer = await system("PUT", "cases/C-1", json=body)
    assert status == 200, answer
    return body


def wish(site: World, hours: int = 3, **changes: Any) -> dict[str, Any]:
    start = site.clock.now() + timedelta(hours=hours)
    body = {
        "officer": "031207",
        "kind": "statement",
        "case": "C-1",
        "start": start.isoformat(),
        "end": (start + timedelta(hours=1)).isoformat(),
        "officers": ["031518"],
        "guests": [{"role": "witness", "name": "王秀兰"}],
    }
    return body | changes


async def test_a_case_told_twice_is_one(site: World, system: System) -> None:
    """The answer is the same id; what cannot be is said at its member."""
    body = await case(site, system)
    first, again = await system("PUT", "cases/C-1", json=body), await system("PUT", "cases/C-1", json=body)
    assert first == again
    status, answer = await system("PUT", "cases/C-1", json=body | {"stage": "nowhere"})
    assert (status, answer["code"], answer["field"]) == (422, "bad-field", "stage")
    status, answer = await system("PUT", "cases/C-1", json=body | {"officers": ["999999"]})
    assert (status, answer["code"], answer["field"]) == (422, "no-officer", "officers")


async def test_a_session_from_the_case_system_to_its_result(site: World, system: System) -> None:
    """Free windows, a booking for the officer, seen in the list; after it took place it is in the results."""
    await case(site, system)
    wanted = wish(site)
    until = (site.clock.now() + timedelta(days=1)).isoformat()
    status, free = await system("POST", "free-windows", json=wanted | {"until": until})
    assert status == 200
    assert wanted["start"].replace("+00:00", "Z") in {one["start"] for one in free["windows"]}
    status, made = await system("POST", "bookings", json=wanted)
    assert (status, made["state"], made["case"], made["officers"]) == (201, "confirmed", "C-1", ["031207", "031518"])
    status, taken = await system("POST", "bookings", json=wanted)
    assert (status, taken["code"], len(taken["alternatives"])) == (409, "taken", 3)
    span = {"from": site.clock.now().isoformat(), "until": until}
    assert [one["booking"] for one in (await system("GET", "bookings", params=span))[1]["bookings"]] == [
        made["booking"]
    ]
    since = site.clock.now().isoformat()
    await session_started(site.database, site.clock, made["booking"])
    site.clock.advance(600)
    await session_ended(site.database, site.clock, made["booking"])
    status, found = await system("GET", "results", params={"since": since})
    assert [(one["booking"], one["state"]) for one in found["results"]] == [(made["booking"], "done")]
    last = found["results"][-1]
    _, rest = await system("GET", "results", params={"since": last["ended"], "after": last["booking"]})
    assert rest == {"results": [], "more": False}


async def test_the_ledger_names_officer_and_system(site: World, system: System) -> None:
    """What a system does for an officer is the officer's act through the system."""
    await case(site, system)
    _, made = await system("POST", "bookings", json=wish(site))
    status, gone = await system(
        "POST", f"bookings/{made['booking']}/cancel", json={"officer": "031207", "reason": "not-needed", "version": 1}
    )
    assert (status, gone["state"]) == (200, "cancelled")
    async with site.database.transaction(write=False) as tx:
        entries = (await tx.execute(select(Entry).where(Entry.subject == made["booking"]))).scalars().all()
    officer = await site.principal("officer")
    assert {entry.tag for entry in entries} >= {"booking.confirmed", "booking.cancelled"}
    assert all(
        entry.actor == officer.id and entry.details["via"] for entry in entries if entry.tag.startswith("booking")
    )


async def test_what_an_officer_may_not_a_system_may_not_for_them(site: World, system: System) -> None:
    """Somebody else's case is refused as at the page; a visit is neither booked nor seen."""
    await case(site, system)
    status, answer = await system("POST", "bookings", json=wish(site, officer="032903"))
    assert status in (403, 404), answer
    status, answer = await system("POST", "bookings", json=wish(site, kind="visit", guests=[]))
    assert status in (403, 422), answer
    visit = await site.visit()
    assert (await system("GET", f"bookings/{visit.id}"))[0] == 404


async def test_custody_events_mark_what_they_touch(site: World, system: System) -> None:
    """A transfer of somebody who is to be questioned names the booking; the same event again names none."""
    booking = await site.interrogation()
    async with site.database.transaction() as tx:
        client = next(p for p in await store.parties(tx, [booking.id]) if p.custody_person)
        person = await tx.get_one(CustodyPerson, client.custody_person)
        person.identity_number = "320500199003034321"
    custody = System(site, system.browser, await token(site, "custody_system"))
    event = {
        "external": "E-1",
        "person": {"name": person.name, "identity_number": person.identity_number},
        "status": "released",
        "since": site.clock.now().isoformat(),
    }
    assert await custody("POST", "custody-events", json=event) == (200, {"review": [booking.id]})
    assert await custody("POST", "custody-events", json=event) == (200, {"review": []})
    assert (await system("POST", "custody-events", json=event))[0] == 403


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"data": "{"}, "not-json"),
        ({"json": []}, "not-json"),
        ({"json": {}}, "field-missing"),
        ({"json": {"officer": 1}}, "bad-field"),
        ({"data": "[" * 20_000}, "not-json"),
        ({"data": "x"}, "not-json"),
    ],
)
async def test_what_cannot_be_read_is_said(system: System, sent: dict[str, Any], code: str) -> None:
    """A stable word and the member, never a traceback."""
    headers = {} if "json" in sent else {"Content-Type": "application/json"}
    system.headers |= headers
    status, answer = await system("POST", "bookings", **sent)
    assert (status, answer["code"]) == (422, code)


async def test_bad_wishes_change_nothing(site: World, system: System) -> None:
    """End before start, past, naked time, doubled parameter, unknown member, zero byte."""
    await case(site, system)
    now = site.clock.now()
    for changes, field in (
        ({"end": (now + timedelta(hours=1)).isoformat()}, "end"),
        ({"start": (now - timedelta(hours=1)).isoformat()}, "start"),
        ({"start": "2026-03-02T08:00:00"}, "start"),
        ({"surprise": 1}, "surprise"),
        ({"case": "C-9"}, "case"),
        ({"guests": [{"role": "witness", "name": "\x00"}]}, "guests.0.name"),
        ({"officers": ["031518", "031518"]}, "officers"),
    ):
        status, answer = await system("POST", "bookings", json=wish(site) | changes)
        assert (status, answer["field"]) == (422, field), answer
    span = {"from": now.isoformat(), "until": (now + timedelta(days=2)).isoformat()}
    assert (await system("GET", "bookings", params=span))[1] == {"bookings": []}
    assert (await system("GET", "bookings", params=[*span.items(), ("from", "x")]))[0] == 422


async def test_a_large_body_is_refused(system: System) -> None:
    """More than a booking can ever be."""
    system.headers |= {"Content-Type": "application/json"}
    status, answer = await system("POST", "bookings", data=" " * 100_000)
    assert (status, answer["code"]) == (413, "too-large")


async def test_only_tokens_of_systems_get_in(site: World) -> None:
    """No token, a made-up one, an account's cookie, an operator's token."""
    operator = System(site, await site.browser(), await token(site, "operator"))
    assert (await operator("GET", "facilities"))[0] == 403
    account = System(site, await site.browser("admin"), "")
    del account.headers["Authorization"]
    assert (await account("GET", "facilities"))[0] == 403
    nobody = System(site, await site.browser(), "made-up")
    assert (await nobody("GET", "facilities"))[0] == 401


def test_the_document_in_the_repository_is_current() -> None:
    """Whoever changes an operation generates the document."""
    assert generate.TARGET.read_text(encoding="utf-8") == generate.text()


async def test_whatever_is_sent_the_document_holds(site: World) -> None:
    """Generated requests against the running server: no error of ours, no answer that is not described."""
    secrets = {role: await token(site, role) for role in ("case_system", "custody_system", "operator")}
    await site.interrogation()
    await asyncio.to_thread(_ask_everything, site.url, secrets)


def _ask_everything(url: str, secrets: dict[str, str]) -> None:
    document = generate.document(generate.OPERATIONS)
    schema = schemathesis.openapi.from_dict(document)
    roles = {operation.name: operation.role.value for operation in generate.OPERATIONS}
    for found in schema.get_all_operations():
        operation = found.ok()
        headers = {"Authorization": f"Bearer {secrets[roles[operation.definition.raw['operationId']]]}"}
        _ask(operation, url, headers)


def _ask(operation: Any, url: str, headers: dict[str, str]) -> None:
    @settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        case.call_and_validate(
            base_url=url,
            headers=headers,
            checks=(
                not_a_server_error,
                status_code_conformance,
                content_type_conformance,
                response_schema_conformance,
            ),
        )

    ask()
