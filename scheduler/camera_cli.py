"""``yuanjian cameras``: the cameras of rooms beside their terminals. ``main.py`` mounts it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from core import config
from core.clock import SystemClock
from core.config import Settings
from core.database import Database
from core.errors import PersonError
from core.vault import Vault
from people import cameras
from people.cameras import View, Way, Wish
from people.registry import SYSTEM
from people.terminals import Place
from scheduler import store
from scheduler.models import RoomUse

app = typer.Typer(no_args_is_help=True)
T = TypeVar("T")

_CONFIG = Annotated[Path | None, typer.Option("--config", help="TOML file with settings.", dir_okay=False)]
_DATA_DIR = Annotated[Path | None, typer.Option(help="Where database, recordings, keys and sockets live.")]
_CAMERA = Annotated[str, typer.Argument(help="Id of the camera, as `list` shows it.")]


@app.callback()
def room_cameras() -> None:
    """Cameras of rooms beside their terminals."""


@app.command("list")
def list_(toml: _CONFIG = None, data_dir: _DATA_DIR = None) -> None:
    """Every room with its id, and its cameras in use."""
    settings = config.load(toml, {"data_dir": data_dir})
    for line in _run(settings, _lines):
        print(line)


@app.command()
def add(
    room: Annotated[str, typer.Argument(help="Id of the room, as `list` shows it.")],
    name: Annotated[str, typer.Option(help="What the camera is called.")],
    view: Annotated[View, typer.Option(help="What it shows.")],
    way: Annotated[Way, typer.Option(help="whip: an encoder sends; rtsp: it is read.")],
    address_file: Annotated[
        Path | None, typer.Option(help="File with the RTSP address, which may hold a password.", dir_okay=False)
    ] = None,
    toml: _CONFIG = None,
    data_dir: _DATA_DIR = None,
) -> None:
    """Add a camera to a room; of an encoder address and key are printed, this once."""
    settings = config.load(toml, {"data_dir": data_dir})
    wish = Wish(name, view, way, address_file.read_text(encoding="utf-8").strip() if address_file else "")
    vault, clock = Vault(settings.secrets), SystemClock()
    vault.ensure(clock.now())

    async def work(tx: AsyncSession) -> tuple[str, str]:
        found = await store.rooms_with_facilities(tx, {room})
        if not found:
            raise typer.BadParameter("there is no such room")
        where, facility = found[0]
        place = Place(where.id, facility.id, f"{facility.name} {where.name}")
        return await cameras.put(tx, clock, vault, place, wish, by=SYSTEM, networks=settings.camera_networks)

    camera, key = _run(settings, work)
    print(f"The camera {camera} is added.")
    if key:
        _print_key(settings, camera, key)


@app.command()
def rotate(camera: _CAMERA, toml: _CONFIG = None, data_dir: _DATA_DIR = None) -> None:
    """Give an encoder's camera a new key; a stream by the old one stops."""
    settings = config.load(toml, {"data_dir": data_dir})

    async def work(tx: AsyncSession) -> str:
        return await cameras.renew_key(tx, SystemClock(), await cameras.find(tx, camera), by=SYSTEM)

    _print_key(settings, camera, _run(settings, work))


@app.command()
def revoke(camera: _CAMERA, toml: _CONFIG = None, data_dir: _DATA_DIR = None) -> None:
    """Put a camera out of use at once, in a running session too."""
    settings = config.load(toml, {"data_dir": data_dir})

    async def work(tx: AsyncSession) -> None:
        await cameras.end(tx, SystemClock(), await cameras.find(tx, camera), by=SYSTEM)

    _run(settings, work)
    print("The camera is out of use.")


def _print_key(settings: Settings, camera: str, key: str) -> None:
    print(f"Address to send to: {settings.base_url}/whip/camera/{camera}")
    print(f"Key, shown this once: {key}")


async def _lines(tx: AsyncSession) -> list[str]:
    rooms = await store.rooms_by_use(tx, tuple(RoomUse), None)
    found = await cameras.in_rooms(tx, {room.id for room, _ in rooms})
    lines = []
    for room, facility in rooms:
        lines.append(f"{room.id}  {facility.name} {room.name}")
        mine = [row for row in found if row.room == room.id]
        lines += [f"  {row.id}  {row.view:5}  {row.way:4}  {row.name}  {row.shown}".rstrip() for row in mine]
    return lines


def _run(settings: Settings, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    async def go() -> T:
        database = Database(settings.database)
        try:
            async with database.transaction() as tx:
                return await work(tx)
        finally:
            await database.close()

    try:
        return asyncio.run(go())
    except PersonError as error:
        raise typer.BadParameter(error.text) from None
