"""The policy of every address of pages and API. An address that is not here is closed, and the site does not start.

What stands here is asked before a handler runs: nobody comes in whose roles hold none of the actions for any object.
The relation to the object at hand is asked by the use case; ``tests/attacks/test_walk.py`` compares both with the
table of ``people.permissions`` for every role and every address.
"""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from core.errors import OperatorError
from people.permissions import Action as A
from people.policies import Policies, Policy, refusal
from people.principals import PrincipalKind, Role
from web.api.table import OPERATIONS
from web.context import principal_of

log = structlog.get_logger()

POLICIES: web.AppKey[dict[tuple[str, str], Policy]] = web.AppKey("policies", dict[tuple[str, str], Policy])
"""What holds in this application: the table below and those of the doors that were added."""

_ALL: Final[frozenset[PrincipalKind]] = frozenset({"account", "guest", "terminal", "token"})
_BOOK: Final = (A.BOOK_VISIT, A.BOOK_INTERROGATION, A.BOOK_STATEMENT)
_DECIDE: Final = (A.HOLD_RECORD, A.FILE_RECORD, A.ASK_KEEPING, A.RELEASE_ORIGINAL, A.DELETE_RECORD)
_PEOPLE: Final = (A.GRANT_ROLE, A.SUSPEND_PERSON, A.RESET_CREDENTIALS, A.END_LOGINS)


def _open(why: str) -> Policy:
    return Policy(open=why)


def _may(*actions: A, of: str = "") -> Policy:
    return Policy(actions, of)


def _own(of: str = "") -> Policy:
    """Every account, for what is its own."""
    return Policy((), of)


_PAGES: Final[dict[str, Policy]] = {
    # For everybody
    "GET /static/{path}": _open("files every page needs"),
    "GET /health/live": _open("says that the process answers"),
    "GET /health/ready": _open("says whether it can work"),
    "GET /ready": _open("the same"),
    "GET /metrics": _open("answers on this machine only"),
    "GET /language/{locale}": _open("chooses a language"),
    "GET /trust": _open("how a phone trusts the site"),
    "GET /trust/ca.crt": _open("the same"),
    "GET /real": _open("says whether an invitation is real, naming nobody"),
    "POST /real": _open("the same, counted per address"),
    "GET /api/v1/openapi.json": _open("describes what others may ask"),
    # The way in
    "GET /signin": _open("the way in"),
    "POST /signin": _open("the way in, counted"),
    "POST /signin/code": _open("its second step, tied to the first"),
    "POST /signin/passkey/begin": _open("the way in: a challenge"),
    "POST /signin/passkey": _open("the way in, counted"),
    "GET /signin/outside/{tree}": _open("the way in by another provider"),
    "GET /signin/outside/{tree}/back": _open("its way back, tied to the browser"),
    "POST /signout": _open("harmless"),
    "GET /enrol": _open("asks for the one-time link"),
    "POST /enrol": _open("the one-time link is the proof"),
    "GET /desk": _open("a locked desk is nobody's; its cookie says whose it was"),
    "POST /desk": _open("the same: the PIN is the proof, counted"),
    "POST /desk/leave": _open("the same: signs out"),
    "GET /i": _open("the guest's page, which knows nothing without the secret"),
    "POST /i/look": _open("the secret is the proof, counted"),
    "POST /i/accept": _open("the same"),
    "POST /i/code": _open("the same, counted"),
    "GET /terminal": _open("an unpaired device shows a code"),
    "POST /terminal/pair": _open("begins pairing, counted"),
    "POST /terminal/challenge": _open("the device's key is the proof"),
    "POST /terminal/start": _open("the same"),
    "GET /terminal/state": _open("tells an unpaired device that it is unpaired"),
    # Guests and terminals
    "GET /i/time": Policy((A.JOIN,), kinds=frozenset({"guest"})),
    "POST /i/time": Policy((A.JOIN,), kinds=frozenset({"guest"})),
    "POST /terminal/seen": Policy((A.JOIN,), kinds=frozenset({"terminal"})),
    # Everybody's own
    "GET /": Policy((A.VIEW_BOOKING, A.JOIN), kinds=_ALL),
    "GET /confirm": _own(),
    "POST /confirm": _own(),
    "POST /confirm/passkey": _own(),
    "GET /account": _own(),
    "GET /account/begin": _own(),
    "GET /account/sign-ins": _own(),
    "POST /account/sign-ins/end-others": _own(),
    "POST /account/sign-ins/{id}/end": _own("login"),
    "GET /account/password": _own(),
    "POST /account/password": _own(),
    "POST /account/language": _own(),
    "GET /account/passkeys": _own(),
    "GET /account/passkeys/new": _own(),
    "POST /account/passkeys/begin": _own(),
    "POST /account/passkeys": _own(),
    "POST /account/passkeys/{id}/remove": _own("passkey"),
    "GET /account/app": _own(),
    "POST /account/app/begin": _own(),
    "POST /account/app": _own(),
    "POST /account/app/remove": _own(),
    "POST /account/app/codes": _own(),
    "GET /account/pin": _own(),
    "POST /account/pin/{act}": _own(),
    "POST /desk/lock": _own(),
    "GET /messages": _own(),
    "GET /messages/count": _own(),
    "POST /messages/read": _own(),
    "POST /messages/addresses": _own(),
    "GET /looked": _may(A.VIEW_OWN_LEDGER),
    # Booking
    "GET /book": _may(*_BOOK),
    "GET /book/{kind}": _may(*_BOOK, of="kind"),
    "GET /book/{kind}/check": _may(*_BOOK, of="kind"),
    "POST /book/{kind}": _may(*_BOOK, of="kind"),
    "GET /book/{kind}/time": _may(*_BOOK, of="kind"),
    "GET /book/{kind}/places": _may(*_BOOK, of="kind"),
    "GET /start": _may(A.START_NOW),
    "POST /start": _may(A.START_NOW),
    "GET /waiting": _may(*_BOOK),
    "POST /waiting": _may(*_BOOK),
    "POST /waiting/{id}/leave": _may(*_BOOK, of="wish"),
    "GET /bookings/{id}": _may(A.VIEW_BOOKING, of="booking"),
    "POST /bookings/{id}/take": _may(A.CANCEL_BOOKING, of="own-booking"),
    "POST /bookings/{id}/refuse": _may(A.CANCEL_BOOKING, of="booking"),
    "POST /bookings/{id}/withdraw": _may(A.CANCEL_BOOKING, of="booking"),
    "POST /bookings/{id}/cancel": _may(A.CANCEL_BOOKING, of="booking"),
    "GET /bookings/{id}/calendar.ics": _may(A.VIEW_BOOKING, of="booking"),
    "GET /bookings/{id}/move": _may(A.CANCEL_BOOKING, of="own-booking"),
    "POST /bookings/{id}/move": _may(A.CANCEL_BOOKING, of="own-booking"),
    "GET /bookings/{id}/invitations": _may(A.INVITE_GUEST, of="statement"),
    "POST /bookings/{id}/invitations": _may(A.INVITE_GUEST, of="statement"),
    "POST /bookings/{id}/invitations/revoke": _may(A.INVITE_GUEST, of="statement"),
    "POST /bookings/{id}/guest-times": _may(A.INVITE_GUEST, of="statement"),
    "GET /witnesses": _may(A.BOOK_STATEMENT),
    "POST /witnesses": _may(A.BOOK_STATEMENT),
    "GET /witnesses/{id}": _may(A.BOOK_STATEMENT, of="case"),
    "GET /sessions/{session}/live": Policy((A.JOIN, A.HOST), "session", kinds=frozenset({"account", "guest", "token"})),
    "GET /sessions/{session}/stills/{still}": _may(A.VIEW_STILLS, of="still"),
    # Papers and counsel
    "GET /papers": _may(A.VIEW_CLIENTS),
    "GET /papers/new": _may(A.VIEW_CLIENTS),
    "POST /papers/new": _may(A.VIEW_CLIENTS),
    "GET /papers/files/{id}": _may(A.VIEW_CLIENTS, of="paper"),
    "GET /papers/{id}": _may(A.VIEW_CLIENTS, of="mandate"),
    "POST /papers/{id}": _may(A.VIEW_CLIENTS, of="mandate"),
    "GET /permits": _may(A.BOOK_INTERROGATION),
    "POST /permits": _may(A.BOOK_INTERROGATION),
    "GET /counsel": _may(A.CONFIRM_CUSTODY, A.TAKE_WISH, A.NAME_LAWYERS, of="counsel"),
    "POST /counsel": _may(A.CONFIRM_CUSTODY),
    "POST /counsel/lawyers": _may(A.NAME_LAWYERS, of="duty-lawyer"),
    "POST /counsel/{id}/take": _may(A.TAKE_WISH, of="lawyer-wish"),
    "GET /filed": _may(A.VIEW_FILED),
    "GET /filed/{id}": _may(A.VIEW_FILED, of="filed"),
    "POST /filed/{id}/view": _may(A.VIEW_FILED, of="filed"),
    "GET /filed/{id}/media/{recording}/{file}": _may(A.VIEW_FILED, of="filed"),
    "GET /filed/{id}/copy/{recording}": _may(A.COPY_FILED, of="filed"),
    # The duty post
    "GET /day": _may(A.VIEW_DAY_LIST),
    "GET /day/mark": _may(A.VIEW_DAY_LIST),
    "GET /day/week": _may(A.VIEW_DAY_LIST),
    "GET /day/register": _may(A.VIEW_DAY_LIST),
    "GET /day/escorts": _may(A.VIEW_DAY_LIST),
    "GET /day/sheet": _may(A.VIEW_DAY_LIST),
    "GET /day/{list}.csv": _may(A.VIEW_DAY_LIST),
    "POST /day/blocks": _may(A.MOVE_BOOKING),
    "POST /day/blocks/{id}/lift": _may(A.MOVE_BOOKING, A.MANAGE_ORGANISATION, of="block"),
    "GET /day/handover": _may(A.VIEW_DAY_LIST),
    "POST /day/handover": _may(A.VIEW_DAY_LIST),
    "POST /day/handover/{id}": _may(A.VIEW_DAY_LIST, of="shift"),
    "GET /day/papers": _may(A.CHECK_PAPERS),
    "GET /day/papers/{id}/file": _may(A.CHECK_PAPERS, of="paper"),
    "POST /day/papers/{id}": _may(A.CHECK_PAPERS, of="paper"),
    "POST /day/lawyers/{id}/reopen": _may(A.REOPEN_BOOKING, of="lawyer"),
    "GET /day/custody": _may(A.CONFIRM_CUSTODY),
    "POST /day/custody/{id}": _may(A.CONFIRM_CUSTODY, of="custody"),
    "POST /day/custody/{id}/off": _may(A.CONFIRM_CUSTODY, of="custody"),
    "POST /day/custody/{id}/approval": _may(A.CONFIRM_CUSTODY, of="custody"),
    "GET /day/{id}/late": _may(A.CONFIRM_CUSTODY, of="booking"),
    "POST /day/{id}/late": _may(A.CONFIRM_CUSTODY, of="booking"),
    "GET /day/{id}/scan": _may(A.VIEW_DAY_LIST, of="scan"),
    "GET /day/{id}/times": _may(A.CONFIRM_BOOKING, of="booking"),
    "POST /day/{id}/custody": _may(A.CONFIRM_CUSTODY, of="booking"),
    "POST /day/{id}/calls": _may(A.CONFIRM_CUSTODY, of="booking"),
    "POST /day/{id}/{act}": _may(A.CONFIRM_BOOKING, A.CONFIRM_CUSTODY, A.MOVE_BOOKING, of="booking"),
    "GET /terminals": _may(A.VIEW_TERMINALS),
    "POST /terminals": _may(A.PAIR_TERMINAL),
    "POST /terminals/{id}/revoke": _may(A.REVOKE_TERMINAL, of="terminal"),
    "GET /apart": _may(A.KEEP_APART),
    "POST /apart": _may(A.KEEP_APART),
    "POST /apart/{id}/lift": _may(A.KEEP_APART, of="apart"),
    "GET /protected": _may(A.VIEW_PROTECTED),
    "POST /protected": _may(A.PROTECT_PERSON),
    "GET /protected/{id}": _may(A.VIEW_PROTECTED, of="protected"),
    "POST /protected/{id}/name": _may(A.REVEAL_ALIAS, of="protected"),
    "POST /protected/{id}/end": _may(A.PROTECT_PERSON, of="protected"),
    "POST /protected/{id}/decide": _may(A.END_PROTECTION, of="protected"),
    # Records
    "GET /records": _may(A.VIEW_RECORD),
    "GET /records.csv": _may(A.VIEW_RECORD),
    "GET /records/{id}": _may(A.VIEW_RECORD, of="record"),
    "POST /records/{id}/play": _may(A.PLAY_RECORD, of="record"),
    "POST /records/{id}/verify": _may(A.VERIFY_RECORD, of="record"),
    "GET /records/{id}/progress": _may(A.VIEW_RECORD, of="record"),
    "POST /records/{id}/composition/{act}": _may(A.FILE_RECORD, of="record"),
    "GET /records/{id}/media/{recording}/{file}": _may(A.PLAY_RECORD, of="record"),
    "GET /records/{id}/keeping": _may(A.VIEW_RECORD, of="record"),
    "POST /records/{id}/keeping/{act}": _may(*_DECIDE, of="record"),
    "GET /records/{id}/handover": _may(A.EXPORT_RECORD, of="record"),
    "POST /records/{id}/handover": _may(A.EXPORT_RECORD, of="record"),
    "GET /records/{id}/handover/{handover}": _may(A.EXPORT_RECORD, of="record"),
    "POST /records/{id}/handover/{handover}/receipt": _may(A.EXPORT_RECORD, of="record"),
    "GET /records/{id}/handover/{handover}/progress": _may(A.EXPORT_RECORD, of="record"),
    "GET /records/{id}/handover/{handover}/{name}": _may(A.EXPORT_RECORD, of="record"),
    "GET /cases/{id}/handover": _may(A.EXPORT_RECORD, of="case"),
    "POST /cases/{id}/handover": _may(A.EXPORT_RECORD, of="case"),
    "GET /cases/{id}/handover/{handover}": _may(A.EXPORT_RECORD, of="given-case"),
    "POST /cases/{id}/handover/{handover}/receipt": _may(A.EXPORT_RECORD, of="given-case"),
    "GET /cases/{id}/handover/{handover}/progress": _may(A.EXPORT_RECORD, of="given-case"),
    "GET /cases/{id}/handover/{handover}/{name}": _may(A.EXPORT_RECORD, of="given-case"),
    "GET /records/{id}/access": Policy((A.VIEW_RECORD,), "record", also=A.VIEW_LEDGER),
    # Oversight
    "GET /clocks": _may(A.VIEW_CLOCKS),
    "GET /urgent": _may(A.REVIEW_URGENT),
    "POST /urgent/{id}": _may(A.REVIEW_URGENT, of="urgent"),
    "GET /statistics": _may(A.VIEW_STATISTICS, of="police"),
    "GET /statistics/{list}.csv": _may(A.VIEW_STATISTICS, of="police"),
    "GET /rules": _may(A.VIEW_RULES, of="police"),
    "POST /rules": _may(A.MANAGE_ORGANISATION, of="authority"),
    "POST /rules/exceptions": _may(A.GRANT_EXCEPTION, of="facility"),
    "GET /rules/replay": _may(A.VIEW_RULES, of="police"),
    "GET /rules/replay/{id}": _may(A.VIEW_RULES, of="replayed"),
    "GET /ledger": _may(A.VIEW_LEDGER),
    "GET /ledger.csv": _may(A.VIEW_LEDGER),
    # Administration
    "GET /people": _may(A.VIEW_PEOPLE),
    "GET /people/new": _may(A.REGISTER_PERSON),
    "POST /people/new": _may(A.REGISTER_PERSON),
    "GET /people/{id}": _may(A.VIEW_PEOPLE, of="person"),
    "POST /people/{id}/{act}": _may(*_PEOPLE, of="person"),
    "GET /facilities": _may(A.MANAGE_ORGANISATION),
    "POST /facilities": _may(A.MANAGE_ORGANISATION),
    "GET /facilities/{id}": _may(A.MANAGE_ORGANISATION, of="facility"),
    "POST /facilities/{id}/rooms": _may(A.MANAGE_ORGANISATION, of="facility"),
    "GET /facilities/{id}/calendar": _may(A.MANAGE_ORGANISATION, of="facility"),
    "POST /facilities/{id}/calendar/{act}": _may(A.MANAGE_ORGANISATION, of="facility"),
    "GET /rooms/{id}": _may(A.MANAGE_ORGANISATION, of="room"),
    "POST /rooms/{id}": _may(A.MANAGE_ORGANISATION, of="room"),
    "GET /rooms/{id}/cameras": _may(A.VIEW_TERMINALS, of="camera"),
    "POST /rooms/{id}/cameras": _may(A.MANAGE_CAMERAS, of="camera"),
    "POST /rooms/{id}/cameras/{camera}/key": _may(A.MANAGE_CAMERAS, of="camera"),
    "POST /rooms/{id}/cameras/{camera}/address": _may(A.MANAGE_CAMERAS, of="camera"),
    "POST /rooms/{id}/cameras/{camera}/revoke": _may(A.MANAGE_CAMERAS, of="camera"),
    "GET /working-days": _may(A.MANAGE_ORGANISATION),
    "POST /working-days": _may(A.MANAGE_ORGANISATION),
    "GET /systems": _may(A.MANAGE_SYSTEMS),
    "POST /systems": _may(A.ISSUE_TOKEN),
    "POST /systems/addresses": _may(A.MANAGE_SYSTEMS),
    "POST /systems/addresses/{id}/end": _may(A.MANAGE_SYSTEMS, of="hook"),
    "POST /systems/{id}/revoke": _may(A.MANAGE_SYSTEMS, of="system"),
    # Operators
    "POST /api/rehearsals": Policy((A.BOOK_REHEARSAL,), kinds=frozenset({"account", "token"})),
    "GET /api/rehearsals/{id}": Policy((A.VIEW_RECORD,), "rehearsal", kinds=frozenset({"account", "token"})),
    "GET /api/rehearsals/{id}/media/{file}": Policy(
        (A.PLAY_RECORD,), "rehearsal", kinds=frozenset({"account", "token"})
    ),
}

_API: Final = {
    (one.method, one.path): Policy(
        (A.TELL_CASE, A.ACT_FOR_OFFICER, A.VIEW_RESULTS) if one.role is Role.CASE_SYSTEM else (A.TELL_CUSTODY,),
        "system-booking" if "{booking}" in one.path else "",
        kinds=frozenset({"token"}),
    )
    for one in OPERATIONS
    if one.do is not None
}
TABLE: Final[Policies] = MappingProxyType(
    {(line.split()[0], line.split()[1]): policy for line, policy in _PAGES.items()} | _API
)


@web.middleware
async def policy_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse whoever the address is closed to, whatever object it names."""
    route = request.match_info.route
    if route.resource is None:  # there is no such address, or not by this method
        return await handler(request)
    method = "GET" if request.method == "HEAD" else request.method
    policy = request.config_dict[POLICIES].get((method, route.resource.canonical))
    if policy is None:
        log.error("an address has no policy", path=route.resource.canonical)
    refused = refusal(policy, principal_of(request))
    if refused is not None:
        raise refused
    return await handler(request)


def unlisted(app: web.Application) -> Iterator[tuple[str, str]]:
    """Addresses of the application that have no policy."""
    for route in app.router.routes():
        if route.resource is not None and route.method not in ("HEAD", "*"):
            address = (route.method, route.resource.canonical)
            if address not in app[POLICIES]:
                yield address


def check(app: web.Application) -> None:
    """Refuse to serve an application with an address nobody decided about. Raises ``OperatorError``."""
    missing = sorted(unlisted(app))
    if missing:
        listed = ", ".join(" ".join(address) for address in missing)
        raise OperatorError(f"addresses without a policy (web/policy.py, signaling/policy.py): {listed}")
