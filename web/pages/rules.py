"""The rules: in force on a day at a place, set by administrators, exceptions granted by reviewers, and replayed."""

from datetime import date, datetime, timedelta
from string import Formatter
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from core.errors import Invalid, PersonError
from scheduler import rulebook, rulepages
from scheduler.rules import RULES, Rule
from scheduler.store import facility as facility_of
from web.context import context
from web.forms import Form, form, path_id, query
from web.identity import account
from web.language import see_other
from web.localtime import instant_of
from web.mistakes import Mistake, of_form
from web.rendering import page, shown

_FIELDS = ("rule", "since", "until", "off", "number", "exception", "end")


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /rules?day=&facility=``."""
    return await _show(request, None, None)


async def _show(request: web.Request, typed: Form | None, mistake: Mistake | None) -> web.Response:
    principal, found = account(request), context(request)
    asked = typed if typed is not None else query(request)
    today = shown(request).calendar_day(found.clock.now())
    day = query(request).day("day", today)
    places = await rulepages.places(found.database, principal)
    chosen = asked.optional_id("facility") if not mistake or asked.raw("facility").isalnum() else None
    facility = next((place for place in places if place.id == (chosen or principal.facility)), None)
    if chosen and facility is None:
        raise web.HTTPNotFound
    rules = await rulepages.in_force(found.database, principal, day, facility.id if facility else None)
    return page(
        request,
        "rules/rules.html",
        status=mistake.status if mistake else 200,
        day=day,
        today=today,
        places=places,
        facility=facility,
        rules=rules,
        said={one.rule.id: {**_blanks(one.rule), **one.rule.parameters} for one in rules},
        granted=await rulepages.granted(found.database, found.clock, principal),
        exceptions=[(f"{r.id}:{word}", r.id, text) for r in RULES for word, text in r.exceptions.items()],
        may_set=principal.has("administrator"),
        may_grant=principal.has("reviewer"),
        values={name: typed.raw(name)[:80] if typed else "" for name in _FIELDS},
        error=mistake,
    )


def _blanks(rule: Rule) -> dict[str, str]:
    """What stands in the sentence of a rule where only a booking would fill it."""
    return {name: "…" for _, name, _, _ in Formatter().parse(rule.text) if name and name not in rule.parameters}


async def set_rule(request: web.Request) -> web.StreamResponse:
    """``POST /rules``: parameters of one rule from a day on, for one facility or for all."""
    principal, found, typed = account(request), context(request), await form(request)
    try:
        facility = typed.optional_id("facility")
        rule = next((rule for rule in RULES if rule.id == typed.raw("rule")), None)
        if rule is None:
            raise Invalid("no-rule", "There is no such rule.", field="rule")
        parameters: dict[str, Any] = {
            name: typed.text(f"p-{name}") if isinstance(value, str) else typed.number(f"p-{name}", 0, 10000)
            for name, value in rule.parameters.items()
            if typed.has(f"p-{name}")
        }
        await rulebook.set_rule(
            found.database,
            found.clock,
            principal,
            rule.id,
            since=_day(typed, "since"),
            until=_day(typed, "until") if typed.has("until") else None,
            off=typed.has("off"),
            parameters=parameters,
            facility=facility,
        )
    except PersonError as error:
        return await _show(request, typed, of_form(request, error))
    return see_other(f"/rules?facility={facility}#{rule.id}" if facility else f"/rules#{rule.id}")


async def grant(request: web.Request) -> web.StreamResponse:
    """``POST /rules/exceptions``: an enumerated exception for a case, until a day."""
    principal, found, typed = account(request), context(request), await form(request)
    try:
        end = datetime.combine(_day(typed, "end") + timedelta(days=1), datetime.min.time())
        await rulepages.grant_for_case(
            found.database,
            found.clock,
            principal,
            number=typed.text("number", longest=64),
            exception=typed.raw("exception"),
            until=instant_of(end, found.settings.zone, "end"),
        )
    except PersonError as error:
        return await _show(request, typed, of_form(request, error))
    return see_other("/rules#exceptions")


def _day(typed: Form, name: str) -> date:
    if not typed.has(name):
        raise Invalid("field-missing", "Please fill in this field.", field=name)
    return typed.day(name, date.min)


async def ask(request: web.Request) -> web.StreamResponse:
    """``GET /rules/replay?facility=&of=``: whose decision is to be questioned."""
    principal, found, asked = account(request), context(request), query(request)
    places = await rulepages.places(found.database, principal)
    facility = asked.optional_id("facility") or principal.facility or (places[0].id if places else None)
    of = asked.day("of", shown(request).calendar_day(found.clock.now()))
    rows = await rulepages.replayable(found.database, principal, facility, of) if facility else []
    place = next((place for place in places if place.id == facility), None)
    zone = ZoneInfo(place.zone) if place else None
    return page(request, "rules/ask.html", zone=zone, places=places, facility=facility, of=of, rows=rows)


async def replay(request: web.Request) -> web.StreamResponse:
    """``GET /rules/replay/{id}?day=``: would this have been allowed on that day?"""
    principal, found, asked, booking = account(request), context(request), query(request), path_id(request)
    day = asked.day("day", date.min) if asked.has("day") else None
    answer = await rulepages.replayed(found.database, principal, booking, day)
    async with found.database.transaction(write=False) as tx:
        row = await rulebook.booking_of(tx, booking)
        place = await facility_of(tx, row.facility or "")
    return page(
        request,
        "rules/replay.html",
        zone=ZoneInfo(row.zone),
        booking=row,
        place=place,
        answer=answer,
        asked=day or answer.day,
    )


def routes() -> list[web.RouteDef]:
    return [
        web.get("/rules", show),
        web.post("/rules", set_rule),
        web.post("/rules/exceptions", grant),
        web.get("/rules/replay", ask),
        web.get("/rules/replay/{id}", replay),
    ]
