"""Still pictures of an identity check, one at a time: the ledger is told who sees it before it is shown."""

from aiohttp import web

from cases import volume
from cases.kinds import KINDS
from people import stills
from people.permissions import Action, allowed
from scheduler import access
from scheduler import store as calendar
from web.context import VAULT, context
from web.forms import path_id
from web.identity import account


async def show(request: web.Request) -> web.StreamResponse:
    """``GET /sessions/{session}/stills/{still}``: for officers who took part and who reviews the check, while kept."""
    principal, found = account(request), context(request)
    session, still = path_id(request, "session"), path_id(request, "still")
    async with found.database.transaction(write=False) as tx:
        booking = await calendar.booking(tx, session)
        if booking is None or KINDS[booking.kind].privileged:
            raise stills.gone()
        held = await access.relations_to(tx, principal, booking)
        hidden = await volume.veil(tx, booking.case, booking.start)
    if hidden and not allowed(principal, Action.SEE_UNMASKED, held):
        raise stills.gone()  # somebody of the case is protected: face and document would undo it
    vault = request.config_dict[VAULT]
    picture = await stills.look(found.database, found.clock, vault, principal, held, still, session=session)
    headers = {
        "Content-Disposition": 'inline; filename="still.jpg"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return web.Response(body=picture, content_type="image/jpeg", headers=headers)


def routes() -> list[web.RouteDef]:
    return [web.get("/sessions/{session}/stills/{still}", show)]
