"""The week of a facility: rooms by days, each session as a line of words."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from aiohttp import web

from scheduler import day as days
from scheduler import reviews
from web import duty
from web.context import context
from web.forms import query
from web.identity import account
from web.rendering import page, shown

DAYS = 7


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /day/week?day=``: seven days from ``day`` (default: today there) on."""
    principal, found, asked = account(request), context(request), query(request)
    wanted = asked.day("day", found.clock.now().date()) if asked.has("day") else None
    board = await days.week_board(found.database, found.clock, principal, first=wanted, days=DAYS)
    zone = ZoneInfo(board[0].zone)
    closed = await reviews.closures(found.database, principal, board[0].start, board[-1].end)
    cells = {
        (room.id, there.day): (
            [b for b in there.entries if any(r.id == room.id for r in b.rooms)],
            [c for c in closed if c.room in (None, room.id) and c.start < there.end and there.start < c.end],
        )
        for there in board
        for room in there.rooms
    }
    return page(
        request,
        "day/week.html",
        zone=zone,
        board=board,
        first=board[0],
        cells=cells,
        today=shown(request, zone).calendar_day(found.clock.now()),
        earlier=board[0].day - timedelta(days=DAYS),
        later=board[0].day + timedelta(days=DAYS),
        work=await duty.open_work(found.database, found.clock, principal),
    )


def routes() -> list[web.RouteDef]:
    return [web.get("/day/week", show)]
