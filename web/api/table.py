"""Every operation of the API: what serves it, what it takes and answers. Routes and document are made from this."""

from aiohttp import web

from people.principals import Role
from web.api import asks, messages, tells
from web.api.document import document
from web.api.operations import Operation, handler

_CASE = "/api/v1/cases/{external}"
_BOOKING = "/api/v1/bookings/{booking}"

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        name="putCase",
        method="PUT",
        path=_CASE,
        summary="Write down a case or bring it up to date.",
        role=Role.CASE_SYSTEM,
        do=tells.put_case,
        path_=messages.CasePath,
        body=messages.Case,
        answer=messages.Taken,
    ),
    Operation(
        name="postCustodyEvent",
        method="POST",
        path="/api/v1/custody-events",
        summary="Tell that somebody is somewhere else: admitted, transferred, in hospital or at court, released.",
        role=Role.CUSTODY_SYSTEM,
        do=tells.post_custody_event,
        body=messages.CustodyEvent,
        answer=messages.Marked,
    ),
    Operation(
        name="listFacilities",
        method="GET",
        path="/api/v1/facilities",
        summary="Facilities and rooms that can be asked for.",
        role=Role.CASE_SYSTEM,
        do=asks.facilities,
        answer=messages.Facilities,
    ),
    Operation(
        name="searchWindows",
        method="POST",
        path="/api/v1/free-windows",
        summary="Find free windows for a session.",
        role=Role.CASE_SYSTEM,
        do=asks.free_windows,
        body=messages.Search,
        answer=messages.Windows,
        refusals=(404, 409),
    ),
    Operation(
        name="book",
        method="POST",
        path="/api/v1/bookings",
        summary="Book a session for an officer.",
        role=Role.CASE_SYSTEM,
        do=asks.book,
        body=messages.Wish,
        answer=messages.Booking,
        status=201,
        refusals=(404, 409),
    ),
    Operation(
        name="listBookings",
        method="GET",
        path="/api/v1/bookings",
        summary="Bookings that start in a span of time, visits left out.",
        role=Role.CASE_SYSTEM,
        do=asks.list_bookings,
        query=messages.Span,
        answer=messages.Bookings,
    ),
    Operation(
        name="getBooking",
        method="GET",
        path=_BOOKING,
        summary="One booking.",
        role=Role.CASE_SYSTEM,
        do=asks.get_booking,
        path_=messages.BookingPath,
        answer=messages.Booking,
        refusals=(404,),
    ),
    Operation(
        name="cancelBooking",
        method="POST",
        path=_BOOKING + "/cancel",
        summary="Give a booking's window back for an officer.",
        role=Role.CASE_SYSTEM,
        do=asks.cancel,
        path_=messages.BookingPath,
        body=messages.Cancellation,
        answer=messages.Booking,
        refusals=(404, 409),
    ),
    Operation(
        name="listResults",
        method="GET",
        path="/api/v1/results",
        summary="Sessions that took place.",
        role=Role.CASE_SYSTEM,
        do=asks.results,
        query=messages.Since,
        answer=messages.Results,
    ),
    Operation(
        name="beginRehearsal",
        method="POST",
        path="/api/rehearsals",
        summary="Begin the operator's self-test.",
        role=Role.OPERATOR,
        do=None,
        body=messages.Rehearsal,
        answer=messages.RehearsalBegun,
        status=201,
        refusals=(503,),
    ),
)


async def openapi(request: web.Request) -> web.StreamResponse:
    """``GET /api/v1/openapi.json``: the document, for everybody."""
    return web.json_response(document(OPERATIONS))


def routes() -> list[web.RouteDef]:
    """The API's routes."""
    served = [web.route(one.method, one.path, handler(one)) for one in OPERATIONS if one.do is not None]
    return [*served, web.get("/api/v1/openapi.json", openapi)]
