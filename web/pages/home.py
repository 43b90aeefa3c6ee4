"""My sessions: the next one with one button, then today, then what is to come and what was."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from core.texts import msgid as m
from scheduler import day
from web import words
from web.context import context
from web.identity import signed_in
from web.language import see_other
from web.lines import Line, line
from web.navigation import first_page
from web.rendering import page, shown


@dataclass(frozen=True, slots=True)
class Group:
    """A part of the list under its own heading."""

    title: str
    """msgid"""
    lines: Sequence[Line]


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /``."""
    principal, found = signed_in(request), context(request)
    if principal.kind == "guest":
        return see_other(f"/sessions/{principal.session}/live?as=guest")
    if principal.kind == "terminal":
        return see_other("/terminal")
    if first_page(principal) != "/":
        return see_other(first_page(principal))
    mine = await day.my_sessions(found.database, found.clock, principal)
    lines = [line(booking, principal, found.hub) for booking in mine]
    upcoming = next_of(lines)
    return page(
        request,
        "home/home.html",
        upcoming=upcoming,
        groups=_groups(request, [one for one in lines if one is not upcoming]),
        can_book=bool({"officer", "lawyer"} & principal.roles),
        can_start=principal.has("officer"),
        told="",
        look=words.LIVE_LOOKS,
    )


def next_of(lines: Sequence[Line]) -> Line | None:
    """The session somebody comes for: one that is open now, else the next that still stands."""
    standing = [one for one in lines if not one.over]
    opened = [one for one in standing if one.open]
    if opened:
        return next((one for one in opened if one.live), opened[0])
    return next((one for one in standing if one.state == "confirmed" and one.opens), None) or next(iter(standing), None)


def _groups(request: web.Request, lines: Sequence[Line]) -> list[Group]:
    show = shown(request)
    today = show.calendar_day(show.now)
    standing = [one for one in lines if not one.over and one.end > show.now]
    groups = [
        Group(m("Today"), [one for one in standing if show.calendar_day(one.start) <= today]),
        Group(m("Coming up"), [one for one in standing if show.calendar_day(one.start) > today]),
        Group(m("Earlier"), [one for one in reversed(lines) if one not in standing]),
    ]
    return [group for group in groups if group.lines]


def routes() -> list[web.RouteDef]:
    return [web.get("/", show)]
