"""Commands by which recordings leave the site: bundles, working copies, and handing over with the case file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from core import config
from core.clock import SystemClock
from core.config import Settings
from core.database import Database
from core.errors import PersonError
from recordings import covering, discs, filing, handover, store, workingcopy
from recordings.asking import DataDir, Id, in_database, place_of, refuse
from recordings.derived import DerivedError
from recordings.export import Exported, export
from recordings.keys import FileKeys, KeyMissing
from recordings.library import Library

Encrypted = Annotated[bool, typer.Option("--encrypted", help="Keep everything as stored; needs the key.")]
WorkingCopy = Annotated[
    bool, typer.Option("--working-copy", help="The signed composed picture instead of the original.")
]


def export_command(
    recording: Id,
    output: Annotated[Path, typer.Option("--output", "-o", help="Bundle to write, a .zip.", dir_okay=False)],
    encrypted: Encrypted = False,
    working_copy: WorkingCopy = False,
    data_dir: DataDir = None,
) -> None:
    """Write a bundle that anybody can check without this software.

    The site's fingerprint is written beside it, to be handed over by another way. The original of a filed recording
    needs a release in force; encrypted it stays sealed.
    """
    place, zone = _existing(data_dir, [recording]), config.load(None, {"data_dir": data_dir}).zone
    _refuse_unready(data_dir, [recording], encrypted=encrypted, working_copy=working_copy)
    try:
        made = _export(place, recording, output, zone, encrypted=encrypted, working_copy=working_copy)
    except (OSError, KeyMissing, ValueError, DerivedError) as error:
        raise refuse(error) from None
    typer.echo(f"{made.bundle}\nsha256  {made.sha256}\nsite    {made.fingerprint}\ndigest  {made.digest}")


def _export(
    place: Path, recording: str, output: Path, zone: ZoneInfo, *, encrypted: bool, working_copy: bool
) -> Exported:
    if working_copy:
        return workingcopy.WorkingCopy(place, recording, FileKeys(place), SystemClock(), zone=zone).write(output)
    return export(place, recording, output, FileKeys(place), SystemClock(), encrypted=encrypted, zone=zone)


def handover_command(
    recordings: Annotated[list[str], typer.Argument(help="Ids of the recordings.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="New folder for a disc or drive.")],
    recipient: Annotated[str, typer.Option(help="Who receives it.")],
    case: Annotated[str, typer.Option(help="Number of the case.")],
    encrypted: Encrypted = False,
    working_copy: WorkingCopy = False,
    iso: Annotated[bool, typer.Option("--iso", help="Also disc images, to be burnt.")] = False,
    disc_size: Annotated[str, typer.Option(help="cd, dvd, dvd-dl, bd, or as 4.7GB.")] = "dvd",
    data_dir: DataDir = None,
) -> None:
    """Write bundles, a signed list, labels and a sheet for both signatures; with --iso also as disc images."""
    place = _existing(data_dir, recordings)
    _refuse_unready(data_dir, recordings, encrypted=encrypted, working_copy=working_copy)
    try:
        room = discs.size_of(disc_size)
        items = handover.hand_over(
            place,
            recordings,
            output,
            FileKeys(place),
            SystemClock(),
            recipient=recipient,
            case=case,
            bundle=_wanted(encrypted=encrypted, working_copy=working_copy),
            zone=config.load(None, {"data_dir": data_dir}).zone,
        )
        for item in items:
            typer.echo(f"{item.sha256}  {item.file}")
        common = (handover.LIST, handover.SHEET)
        for image in discs.burn(output, common, [item.file for item in items], room) if iso else ():
            typer.echo(f"{image.stat().st_size:>12}  {image.name}")
    except (OSError, KeyMissing, ValueError, DerivedError) as error:
        raise refuse(error) from None


def _wanted(*, encrypted: bool, working_copy: bool) -> handover.Bundle:
    if working_copy:
        return handover.Bundle.WORKING
    return handover.Bundle.ENCRYPTED if encrypted else handover.Bundle.ORIGINAL


def receipt_command(folder: Annotated[Path, typer.Argument(help="Folder as it arrived.")]) -> None:
    """Check what arrived against the signed list. Exit 1 when something differs."""
    try:
        found = handover.check(folder)
    except (OSError, ValueError) as error:
        raise refuse(error) from None
    for name in found.wrong:
        typer.echo(f"DIFFERS  {name}")
    typer.echo(f"{found.items} items; site {found.site}; list {'signed' if found.signed else 'NOT SIGNED by it'}")
    typer.echo(f"list sha256  {found.sha256}")
    if not found.ok:
        raise typer.Exit(1)


def _existing(data_dir: Path | None, recordings: Sequence[str]) -> Path:
    place = place_of(data_dir)
    library = Library(place, SystemClock())
    for recording in recordings:
        if not library.has(recording):
            raise refuse(f"{recording}: no such recording")
    return place


def _refuse_unready(data_dir: Path | None, recordings: Sequence[str], *, encrypted: bool, working_copy: bool) -> None:
    """Exit unless every recording may leave in that form: the original when it is not sealed, the working copy when
    the one that hides a protected person has been made. A database that cannot say so lets nothing out; a data
    directory without one, as after a restore elsewhere, has nothing filed."""
    settings = config.load(None, {"data_dir": data_dir})
    if encrypted or not _has_database(settings):
        return
    keeps = _is_uncovered if working_copy else _is_sealed

    async def kept(database: Database) -> str:
        async with database.transaction(write=False) as tx:
            return " ".join([name for name in recordings if await keeps(tx, name)])

    try:
        found = in_database(data_dir, kept)
    except (SQLAlchemyError, PersonError, OSError):
        raise refuse("the database cannot be asked whether these originals are sealed") from None
    if found and working_copy:
        raise refuse(f"{found}: the copy that hides a protected person is still to be made")
    if found:
        raise refuse(f"{found}: the original is sealed; ask for its release, or use --working-copy or --encrypted")


async def _is_uncovered(tx: AsyncSession, recording: str) -> bool:
    row = await store.find(tx, recording)
    return row is not None and covering.is_due(row.cover)


async def _is_sealed(tx: AsyncSession, recording: str) -> bool:
    """What the database never heard of was never filed."""
    known = await store.find(tx, recording) is not None
    return known and not await filing.is_original_open(tx, recording, now=SystemClock().now())


def _has_database(settings: Settings) -> bool:
    address = make_url(settings.database)
    return address.get_backend_name() != "sqlite" or Path(address.database or "").is_file()
