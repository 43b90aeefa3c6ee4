"""Cameras of a room beside its terminal: a close and a wide one, sending by WHIP with a key or read by RTSP.

Of a key only the hash is stored and it is shown once; an RTSP address may hold a password, so it is sealed and shown
only masked. Where a camera may lie is judged when its address is typed, as far as it can be, and when it is opened.
"""

import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core import camera_addresses, ledger
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, Invalid, NotFound
from core.ids import hash_secret, new_id, new_secret
from core.vault import Vault
from people.models import RoomCamera
from people.permissions import Action, allowed, relations, require_known
from people.principals import Principal
from people.terminals import Place, no_room

LONGEST_NAME = 64
_LONGEST_KEY = 128
_NOBODY = hash_secret("")
"""What the key of a camera that does not exist is compared with, so that looking takes as long."""


class View(StrEnum):
    """What a camera of a room shows: the person, or the whole room."""

    CLOSE = "close"
    WIDE = "wide"


class Way(StrEnum):
    """How its picture comes."""

    WHIP = "whip"
    """An encoder sends it (RFC 9725)."""
    RTSP = "rtsp"
    """We read it."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A camera as it is to be. ``address`` is for RTSP alone."""

    name: str
    view: View
    way: Way
    address: str = ""


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera in use, as a live session knows it. ``proof`` changes with its key or address; never shown or logged."""

    id: str
    room: str
    name: str
    view: View
    way: Way
    proof: str


async def add(
    database: Database,
    clock: Clock,
    vault: Vault,
    principal: Principal,
    place: Place,
    wish: Wish,
    networks: Sequence[str] = (),
) -> tuple[str, str]:
    """Add a camera to a room; return its id and the key for its encoder, empty for one that is read.

    Raises ``Denied``, ``Invalid``, ``Conflict("view-taken")``. ``networks`` as in ``Settings.camera_networks``.
    """
    _may(principal, Action.MANAGE_CAMERAS, place)
    async with database.transaction() as tx:
        return await put(tx, clock, vault, place, wish, by=principal.id, networks=networks)


async def put(
    tx: AsyncSession, clock: Clock, vault: Vault, place: Place, wish: Wish, *, by: str, networks: Sequence[str] = ()
) -> tuple[str, str]:
    """``add`` without asking who may: for the command line."""
    name, now, camera = wish.name.strip(), clock.now(), new_id()
    if not 0 < len(name) <= LONGEST_NAME:
        raise Invalid("camera-name", "Please give the camera a name of at most 64 characters.", field="name")
    if await _in_use(tx, place.room, wish.view) is not None:
        raise _taken()
    key = new_secret() if wish.way is Way.WHIP else ""
    row = RoomCamera(
        id=camera,
        room=place.room,
        facility=place.facility,
        name=name,
        view=wish.view.value,
        way=wish.way.value,
        key=hash_secret(key) if key else None,
        added=now,
        added_by=by,
        changed=now,
    )
    if wish.way is Way.RTSP:
        _set_address(row, vault, wish.address, networks)
    tx.add(row)
    try:
        await tx.flush()
    except IntegrityError:
        raise _taken() from None  # somebody else was faster by a moment
    await _enter(tx, clock, "camera.added", row, by)
    return camera, key


async def rotate(database: Database, clock: Clock, principal: Principal, place: Place, camera: str) -> str:
    """Give an encoder's camera a new key and return it; a stream that came by the old one stops."""
    _may(principal, Action.MANAGE_CAMERAS, place)
    async with database.transaction() as tx:
        return await renew_key(tx, clock, await _of_place(tx, place, camera), by=principal.id)


async def renew_key(tx: AsyncSession, clock: Clock, row: RoomCamera, *, by: str) -> str:
    """``rotate`` without asking who may."""
    if row.way != Way.WHIP:
        raise Invalid("no-key", "This camera has no key: it is read at its address.")
    key = new_secret()
    row.key, row.changed = hash_secret(key), clock.now()
    await _enter(tx, clock, "camera.key-changed", row, by)
    return key


async def readdress(
    database: Database,
    clock: Clock,
    vault: Vault,
    principal: Principal,
    place: Place,
    camera: str,
    address: str,
    networks: Sequence[str] = (),
) -> None:
    """Read a camera at another address from now on, in a running session too."""
    _may(principal, Action.MANAGE_CAMERAS, place)
    async with database.transaction() as tx:
        row = await _of_place(tx, place, camera)
        if row.way != Way.RTSP:
            raise Invalid("no-address", "This camera has no address: its encoder sends by itself.")
        _set_address(row, vault, address, networks)
        row.changed = clock.now()
        await _enter(tx, clock, "camera.address-changed", row, principal.id)


async def revoke(database: Database, clock: Clock, principal: Principal, place: Place, camera: str) -> None:
    """Put a camera out of use at once; its stream stops, in a running session too."""
    _may(principal, Action.MANAGE_CAMERAS, place)
    async with database.transaction() as tx:
        await end(tx, clock, await _of_place(tx, place, camera), by=principal.id)


async def end(tx: AsyncSession, clock: Clock, row: RoomCamera, *, by: str) -> None:
    """``revoke`` without asking who may. Key and address are gone for good."""
    row.state, row.revoked, row.key, row.address = "revoked", clock.now(), None, None
    await _enter(tx, clock, "camera.revoked", row, by)


async def of_room(database: Database, principal: Principal, place: Place) -> Sequence[RoomCamera]:
    """The cameras in use of a room, the close one first."""
    _may(principal, Action.VIEW_TERMINALS, place)
    async with database.transaction(write=False) as tx:
        return await in_rooms(tx, {place.room})


def may_manage(principal: Principal, place: Place) -> bool:
    """Whether somebody may change the cameras of a room."""
    held = relations(principal, facility=place.facility, line=place.line)
    return allowed(principal, Action.MANAGE_CAMERAS, held)


async def in_rooms(tx: AsyncSession, rooms: Collection[str]) -> Sequence[RoomCamera]:
    """The cameras in use of some rooms, close ones first."""
    query = select(RoomCamera).where(RoomCamera.room.in_(rooms), RoomCamera.state == "in_use")
    return (await tx.execute(query.order_by(RoomCamera.room, RoomCamera.view))).scalars().all()


async def find(tx: AsyncSession, camera: str) -> RoomCamera:
    """A camera in use. Raises ``NotFound``."""
    row = await tx.get(RoomCamera, camera)
    if row is None or row.state != "in_use":
        raise NotFound("camera-unknown", "This camera is out of use already.")
    return row


def known(row: RoomCamera) -> Camera:
    """What a live session needs of it."""
    return Camera(row.id, row.room, row.name, View(row.view), Way(row.way), row.key or row.address or "")


async def authenticate(database: Database, camera: str, key: str) -> Camera | None:
    """The encoder's camera of an id and a key; ``None`` for an unknown id and a wrong key alike, as slowly."""
    async with database.transaction(write=False) as tx:
        row = await tx.get(RoomCamera, camera[:22])
    stored = row.key if row is not None and row.state == "in_use" and row.key else None
    right = hmac.compare_digest(hash_secret(key[:_LONGEST_KEY]), stored or _NOBODY)
    return known(row) if row is not None and stored is not None and right else None


def address_of(vault: Vault, camera: Camera) -> str:
    """The address at which a camera is read. Raises ``OperatorError`` when it cannot be unsealed."""
    return vault.unseal(camera.proof, sealed_for(camera.id)).decode()


def sealed_for(camera: str) -> str:
    """What the address of a camera is sealed for."""
    return f"room-camera:{camera}"


def _may(principal: Principal, action: Action, place: Place) -> None:
    held = relations(principal, facility=place.facility, line=place.line)
    require_known(principal, action, held, see=Action.VIEW_TERMINALS, missing=no_room())


async def _of_place(tx: AsyncSession, place: Place, camera: str) -> RoomCamera:
    row = await find(tx, camera)
    if row.room != place.room:
        raise NotFound("camera-unknown", "This camera is out of use already.")
    return row


async def _in_use(tx: AsyncSession, room: str, view: View) -> RoomCamera | None:
    query = select(RoomCamera).where(RoomCamera.room == room, RoomCamera.view == view.value)
    return (await tx.execute(query.where(RoomCamera.state == "in_use"))).scalar_one_or_none()


def _set_address(row: RoomCamera, vault: Vault, text: str, networks: Sequence[str]) -> None:
    address = camera_addresses.parse(text.strip())
    if address is None:
        raise Invalid(
            "camera-address", "Please write the address as rtsp://name:password@10.0.0.5:554/path.", field="address"
        )
    if camera_addresses.literal(address.host) and not camera_addresses.may_be_opened(address.host, networks):
        raise Invalid("camera-network", "No camera may be read at this address. Ask your operator.", field="address")
    row.address, row.shown = vault.seal(text.strip().encode(), sealed_for(row.id)), address.masked


def _taken() -> Conflict:
    text = "This room has a camera with this view already. Put that one out of use first."
    return Conflict("view-taken", text, field="view")


async def _enter(tx: AsyncSession, clock: Clock, tag: str, row: RoomCamera, by: str) -> None:
    details = {"room": row.room, "view": row.view, "way": row.way}
    await ledger.append(tx, tag, actor=by, subject=row.id, at=clock.now(), details=details)
