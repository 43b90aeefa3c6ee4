"""Telling other systems: signed, retried, enqueued in the transaction of what they tell.

A system learns of a visit only that it took place, from when to when.
"""

import asyncio
import contextlib
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cases import store as cases
from cases.kinds import KINDS
from core import jobs, ledger
from core.camera_addresses import literal, may_be_opened
from core.clock import Clock
from core.database import Database
from core.errors import Invalid, NotFound
from core.ids import new_secret
from core.jobs import Handler
from core.signing import HEADER, signature
from people import store as people
from people.permissions import Action, relations, require
from people.principals import Principal
from scheduler import store
from scheduler.models import Booking, Webhook

SEND = "webhook.send"
TIMEOUT = 15


class Poster(Protocol):
    """Carries one POST; raises unless it was accepted, so that the job is tried again."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Deliver or raise."""


class HttpPoster:
    """POST over HTTPS; follows no redirects and no proxy of the environment: a signed message goes to whom it was
    signed for, and where its name leads was looked at here.

    Never to this machine or its own link, where clouds answer with their credentials, unless ``anywhere``: for an
    address that the operator set and no administrator typed.
    """

    def __init__(self, *, anywhere: bool = False) -> None:
        self._anywhere = anywhere

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Raise ``OSError`` unless the answer is 2xx."""
        await asyncio.to_thread(self._post, url, body, dict(headers))

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> None:
        if not self._anywhere:
            _refuse_own(url)
        request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310  # https was checked when added
        opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=TIMEOUT) as answer:
            if not 200 <= answer.status < 300:
                raise OSError(f"status {answer.status}")


def _refuse_own(url: str) -> None:
    """Raise ``OSError`` when one of the addresses of a name is our own or our link's."""
    parts = urlsplit(url)
    found = socket.getaddrinfo(parts.hostname or "", parts.port or 443, type=socket.SOCK_STREAM)
    if not all(may_be_opened(str(address[0]), ()) for *_, address in found):
        raise OSError("an address of this machine or of its link")


def _host(url: str) -> str:
    """The host of an address a system can be told at, empty when it is none."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "https" and not parts.username and parts.port != 0 and len(url) <= 500
    except ValueError:  # brackets without an end, a port beyond all ports
        return ""
    return (parts.hostname or "") if usable else ""


def _is_own(host: str) -> bool:
    named = host == "localhost" or host.endswith(".localhost")
    with contextlib.suppress(OSError):
        host = socket.inet_ntoa(socket.inet_aton(host))  # 127.1 and 2130706433 are addresses to a resolver
    return named or (literal(host) and not may_be_opened(host, ()))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


async def add(
    db: Database, clock: Clock, principal: Principal, *, url: str, acts: tuple[str, ...] = ()
) -> tuple[str, str]:
    """An administrator names an address; return id and secret, which is shown once."""
    host = _host(url)
    if not host:
        raise Invalid("url", "The address starts with https:// and holds no password.", field="url")
    if _is_own(host):
        raise Invalid("url-own", "This is an address of the server itself. Name that of the other system.", field="url")
    now, secret = clock.now(), new_secret()
    async with db.transaction() as tx:
        line = await people.line(tx, principal.organisation)
        require(principal, Action.MANAGE_SYSTEMS, relations(principal, line=line))
        made = Webhook(
            url=url,
            secret=secret,
            acts=list(acts),
            organisation=principal.organisation,
            added_by=principal.id,
            added=now,
        )
        tx.add(made)
        await tx.flush()
        await ledger.append(tx, "webhook.added", actor=principal.id, subject=made.id, at=now)
        return made.id, secret


async def end(db: Database, clock: Clock, principal: Principal, webhook: str) -> None:
    """Send nothing more to an address."""
    async with db.transaction() as tx:
        found = await tx.get(Webhook, webhook)
        line = await people.line(tx, found.organisation if found else None)
        require(principal, Action.MANAGE_SYSTEMS, relations(principal, line=line))
        if found is None:
            raise NotFound("no-webhook", "There is no such address.")
        if found.ended is None:
            found.ended = clock.now()
            await ledger.append(tx, "webhook.ended", actor=principal.id, subject=webhook, at=found.ended)


async def hooks(db: Database, principal: Principal) -> Sequence[Webhook]:
    """The addresses of an administrator's organisation and those below that are told, newest first."""
    async with db.transaction(write=False) as tx:
        line = await people.line(tx, principal.organisation)
        require(principal, Action.MANAGE_SYSTEMS, relations(principal, line=line))
        below = await people.below(tx, principal.organisation or "")
        query = select(Webhook).where(Webhook.organisation.in_(below), Webhook.ended.is_(None))
        return (await tx.execute(query.order_by(Webhook.added.desc()))).scalars().all()


async def queue(tx: AsyncSession, booking: Booking, act: str, at: datetime) -> None:
    """Ask for a message to every address that wants this act, in the caller's transaction."""
    kind = KINDS[booking.kind]
    if not kind.statistics or (kind.privileged and act != "done"):
        return
    active = (await tx.execute(select(Webhook).where(Webhook.ended.is_(None)))).scalars().all()
    if not active:
        return
    line = await people.line(tx, booking.organisation)
    for hook in active:
        if hook.organisation in line and (not hook.acts or act in hook.acts):
            payload = {"webhook": hook.id, "booking": booking.id, "act": act, "at": at.isoformat()}
            key = f"{SEND}:{hook.id}:{booking.id}:{booking.version}:{act}"
            await jobs.enqueue(tx, SEND, payload, due=at, key=key)


def handlers(db: Database, clock: Clock, poster: Poster) -> dict[str, Handler]:
    """The job of messages for the worker."""

    async def send(payload: Mapping[str, Any]) -> None:
        async with db.transaction(write=False) as tx:
            hook = await tx.get(Webhook, str(payload["webhook"]))
            booking = await store.booking(tx, str(payload["booking"]))
            if hook is None or hook.ended is not None or booking is None:
                return
            message = await _message(tx, booking, str(payload["act"]), str(payload["at"]))
        body = json.dumps(message, sort_keys=True, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", HEADER: signature(hook.secret, clock.now(), body)}
        await poster.post(hook.url, body, headers)

    return {SEND: send}


async def _message(tx: AsyncSession, booking: Booking, act: str, at: str) -> dict[str, Any]:
    kind = KINDS[booking.kind]
    said: dict[str, Any] = {"id": booking.id, "kind": booking.kind}
    if kind.privileged:
        said |= {"started": _iso(booking.started), "ended": _iso(booking.ended)}
    else:
        case = await cases.case(tx, booking.case) if booking.case else None
        said |= {
            "state": booking.state.value,
            "start": _iso(booking.start),
            "end": _iso(booking.end),
            "started": _iso(booking.started),
            "ended": _iso(booking.ended),
            "case": case.external if case else None,
            "version": booking.version,
            "reason": booking.reason,
        }
    return {"type": f"booking.{act}", "at": at, "booking": said}


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
