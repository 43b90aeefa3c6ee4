"""My sessions: the next one with one button, then today, then what is to come and what was."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from core.texts import msgid as m
from scheduler import day
from web import words
from web.context import context
from web.forms import query
from web.identity import signed_in
from web.language import see_other
from web.lines import Line, line
from web.navigation import first_page
from web.rendering import page, shown
from web.todo import todos

PAST = timedelta(days=400)
"""How far back the list of past sessions reaches."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the list is narrowed to, as it stands in the address."""

    words: str
    kind: str
    state: str

    @property
    def narrows(self) -> bool:
        return bool(self.words or self.kind or self.state)

    def fits(self, one: Line) -> bool:
        """Whether a line is wanted; words are looked for in names, places and case numbers."""
        text = f"{one.whom} {one.place} {one.label}".casefold()
        said = all(word in text for word in self.words.casefold().split())
        return said and self.kind in ("", one.kind) and self.state in ("", one.state)


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
    typed = query(request)
    past = typed.raw("when") == "past"
    since = found.clock.now() - PAST if past else None
    mine = await day.my_sessions(found.database, found.clock, principal, since=since)
    lines = [line(booking, principal, found.hub) for booking in mine]
    wanted = Wanted(typed.raw("q").strip()[:60], typed.raw("kind"), typed.raw("state"))
    shown_lines = [one for one in lines if wanted.fits(one)]
    if past:
        shown_lines = [one for one in shown_lines if one.over or one.end <= found.clock.now()]
    upcoming = None if wanted.narrows or past else next_of(lines)
    rest = [one for one in shown_lines if one is not upcoming]
    return page(
        request,
        "home/home.html",
        upcoming=upcoming,
        todos=await todos(request, principal, mine),
        wanted=wanted,
        past=past,
        any=bool(lines),
        groups=_groups(request, rest),
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
    asked = [one for one in standing if one.state == "requested"]
    standing_rest = [one for one in standing if one not in asked]
    groups = [
        Group(m("Waiting for an answer"), asked),
        Group(m("Today"), [one for one in standing_rest if show.calendar_day(one.start) <= today]),
        Group(m("Coming up"), [one for one in standing_rest if show.calendar_day(one.start) > today]),
        Group(m("Earlier"), [one for one in reversed(lines) if one not in standing]),
    ]
    return [group for group in groups if group.lines]


def routes() -> list[web.RouteDef]:
    return [web.get("/", show)]
