"""The command line about recordings: ``main.py`` calls ``mount``."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from core import config
from core.clock import SystemClock
from core.config import Settings
from core.database import Database
from core.errors import NotFound, OperatorError, PersonError
from core.texts import Texts
from recordings import backup as backups
from recordings import keeping, rotation, scrub, site_backup
from recordings.abandoned import EndLost, StillRecording
from recordings.asking import AsJson, DataDir, Id, in_database, place_of, refuse, tell_site
from recordings.cli import report, verify_command
from recordings.compose import Composer, Wishes
from recordings.derived import DerivedError
from recordings.filesystem import Disk
from recordings.finalize import Finalizer
from recordings.giving import export_command, handover_command, receipt_command
from recordings.keys import FileKeys, KeyMissing
from recordings.layout import recordings_dir
from recordings.library import Library
from recordings.picture import FontMissing
from recordings.retention import HOLD_REASONS, LIFT_REASONS
from recordings.verify import verify

recordings_app = typer.Typer(no_args_is_help=True, help="List, check, repair and finish recordings.")
keys_app = typer.Typer(no_args_is_help=True, help="The site's keys.")


def mount(app: typer.Typer) -> None:
    """Add every command of this package to the program."""
    app.command("verify")(verify_command)
    app.command("export")(export_command)
    app.command("backup")(backup_command)
    app.command("restore")(restore_command)
    recordings_app.command("handover")(handover_command)
    recordings_app.command("receipt")(receipt_command)
    app.add_typer(recordings_app, name="recordings")
    app.add_typer(keys_app, name="keys")


def backup_command(
    target: Annotated[Path, typer.Argument(help="Directory to copy to; run again, it takes only what is new.")],
    with_keys: Annotated[
        bool, typer.Option("--with-keys", help="Also private keys and secrets: whoever has it reads all.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Copy recordings, ledger and an SQLite database to another disk, also while the site runs; each file is read
    back. A PostgreSQL database is dumped by pg_dump."""
    settings = config.load(None, {"data_dir": data_dir})
    try:
        taken = site_backup.backup(settings, target, Disk(), with_keys=with_keys)
    except (OSError, backups.BackupRefused) as error:
        raise refuse(error) from None
    done = taken.copied
    typer.echo(f"{done.files} files, {done.bytes} bytes copied; {done.kept} unchanged")
    _say_database(settings, there=taken.database, how="pg_dump --format=custom")


def restore_command(
    source: Annotated[Path, typer.Argument(help="A backup.")],
    data_dir: DataDir = None,
) -> None:
    """Bring a backup back into an empty data directory, then verify every recording."""
    settings = config.load(None, {"data_dir": data_dir})
    try:
        taken = site_backup.restore(source, settings, Disk())
    except (OSError, backups.BackupRefused) as error:
        raise refuse(error) from None
    typer.echo(f"{taken.copied.files} files, {taken.copied.bytes} bytes restored")
    _say_database(settings, there=taken.database, how="pg_restore")
    _scrub(settings.data_dir, as_json=False)


def _say_database(settings: Settings, *, there: bool, how: str) -> None:
    """Nobody shall find out on a bad day that the database is not in it."""
    if there:
        return
    is_sqlite = site_backup.database_file(settings) is not None
    typer.echo("without a database: there is none here" if is_sqlite else f"WITHOUT THE DATABASE: use {how}", err=True)


@recordings_app.command("list")
def list_command(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List recordings: id, session, kind, policy, length, takes, gaps, whether closed, files to play."""
    place = place_of(data_dir)
    library = Library(place, SystemClock())

    async def rows() -> list[dict[str, object]]:
        found = []
        for root in sorted(recordings_dir(place).glob("*")):
            try:
                said, files = await library.summary(root.name), await library.files(root.name)
            except NotFound:
                continue
            found.append(
                {
                    "recording": root.name,
                    "session": said.genesis["session"],
                    "kind": said.genesis["kind"],
                    "policy": said.genesis["policy"],
                    "started": said.started.isoformat(),
                    "duration_ms": said.duration_ms,
                    "takes": len(said.takes),
                    "gaps": len(said.gaps),
                    "closed": said.close is not None,
                    "files": len(files),
                }
            )
        return found

    found = asyncio.run(rows())
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    for row in () if as_json else found:
        typer.echo("  ".join(str(value) for value in row.values()))


@recordings_app.command("scrub")
def scrub_command(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Verify every recording and every derived file. Exit 1 when something is spoilt."""
    _scrub(place_of(data_dir), as_json=as_json)


def _scrub(place: Path, *, as_json: bool) -> None:
    sound = True
    for item in scrub.scrub(place):
        sound = sound and item.is_sound
        if as_json:
            typer.echo(
                json.dumps({**item.found.to_json(), "spoilt_files": list(item.spoilt_files)}, ensure_ascii=False)
            )
            continue
        typer.echo(f"{item.found.verdict.value:<12} {item.recording}")
        if not item.is_sound:
            for line in report(item.found, Texts("zh-CN"))[1:]:
                typer.echo(f"    {line}")
            for name in item.spoilt_files:
                typer.echo(f"    derived/{name}")
    if not sound:
        raise typer.Exit(1)


@recordings_app.command("repair")
def repair_command(
    recording: Id,
    copy: Annotated[list[Path], typer.Option("--from", help="A second copy: backup or data directory.")],
    data_dir: DataDir = None,
) -> None:
    """Replace spoilt files by those of a second copy; what is spoilt is kept aside, and the site makes films of what
    lacked something anew. Exit 1 when damage remains."""
    place = place_of(data_dir)
    if not any((recordings_dir(one) / recording).is_dir() for one in copy):
        raise refuse(f"{recording}: no copy of it there")
    try:
        repaired = scrub.repair(place, recording, copy, Disk())
    except (OSError, ValueError) as error:
        raise refuse(error) from None
    for name in repaired:
        typer.echo(f"repaired {name}")
    if repaired:
        tell_site(data_dir, recording)
    found = verify(recordings_dir(place) / recording)
    typer.echo(found.verdict.value)
    if found.verdict in scrub.GRAVE:
        raise typer.Exit(1)


@recordings_app.command("finalize")
def finalize_command(recording: Id, data_dir: DataDir = None) -> None:
    """End an abandoned chain if need be and make the playable files; anew what is spoilt, or lacks what was mended."""
    place = place_of(data_dir)
    library = Library(place, SystemClock())
    if not library.has(recording):
        raise refuse(f"{recording}: no such recording")
    try:
        asyncio.run(library.close_abandoned(recording))
        made = Finalizer(place, lambda: FileKeys(place), SystemClock(), Disk()).run(recording)
    except (OSError, KeyMissing, StillRecording, EndLost) as error:
        raise refuse(error) from None
    for item in made:
        typer.echo(f"{item.file}  {item.media_type}  {item.duration_ms / 1000:.1f} s")
    tell_site(data_dir, recording)


@recordings_app.command("compose")
def compose_command(
    recording: Id,
    title: Annotated[str, typer.Option(help="What stands at the left of the bar.")] = "",
    label: Annotated[list[str] | None, typer.Option(help="ENDPOINT=WORDS shown for an endpoint.")] = None,
    protect: Annotated[list[str] | None, typer.Option(help="Endpoint to be masked, with altered voice.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Make one picture of the whole session, with clock and names. Interrupted, run again, it goes on."""
    settings = config.load(None, {"data_dir": data_dir})
    library = Library(settings.data_dir, SystemClock())
    if not library.has(recording):
        raise refuse(f"{recording}: no such recording")
    labels = dict(item.split("=", 1) for item in label or [] if "=" in item)
    wishes = Wishes(title, labels, settings.time_zone, frozenset(protect or []))
    composer = Composer(settings.data_dir, lambda: FileKeys(settings.data_dir), SystemClock(), Disk())
    with typer.progressbar(length=1000, label=recording) as shown:
        try:
            made = composer.run(recording, wishes, lambda done, total: shown.update(done * 1000 // total - shown.pos))
        except (OSError, KeyMissing, FontMissing, PersonError, DerivedError) as error:
            raise refuse(error) from None
    typer.echo(f"{made.file}  {made.duration_ms / 1000:.0f} s" if made else "nothing to compose")
    tell_site(data_dir, recording)


@recordings_app.command("hold")
def hold_command(
    recording: Id,
    reason: Annotated[str, typer.Option(help=", ".join(HOLD_REASONS))],
    by: Annotated[str, typer.Option(help="Id of the person who orders it, for the ledger.")] = "operator",
    data_dir: DataDir = None,
) -> None:
    """Put a legal hold on a recording: nothing destroys it until the hold is lifted."""

    async def work(database: Database) -> str:
        async with database.transaction() as tx:
            placed = await keeping.hold(tx, recording, reason, by=by, now=SystemClock().now())
        return f"held: {placed.id}"

    _acted(data_dir, work)


@recordings_app.command("release")
def release_command(
    recording: Id,
    reason: Annotated[str, typer.Option(help=", ".join(LIFT_REASONS))],
    by: Annotated[str, typer.Option(help="Id of the person who orders it, for the ledger.")] = "operator",
    data_dir: DataDir = None,
) -> None:
    """Lift the legal holds of a recording."""

    async def work(database: Database) -> str:
        async with database.transaction() as tx:
            return f"{await keeping.lift(tx, recording, reason, by=by, now=SystemClock().now())} holds lifted"

    _acted(data_dir, work)


def _acted(data_dir: Path | None, work: Callable[[Database], Awaitable[str]]) -> None:
    """Say what ``work`` answers, or why it was refused."""
    try:
        typer.echo(in_database(data_dir, work))
    except PersonError as error:
        raise refuse(error) from None


@keys_app.command("rotate")
def rotate_command(
    signing: Annotated[bool, typer.Option("--signing", help="The signing key instead of the wrapping key.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Make a new wrapping key and wrap every recording's key again, or make a new signing key."""
    place = place_of(data_dir)
    try:
        if signing:
            typer.echo(f"new site fingerprint, to be published: {rotation.rotate_signing(place, Disk())}")
        else:
            typer.echo(f"{len(rotation.rotate_wrapping(place, Disk()))} recordings wrapped to the new key")
    except (OSError, OperatorError) as error:
        raise refuse(error) from None


@keys_app.command("escrow-test")
def escrow_test_command(
    key: Annotated[Path, typer.Argument(help="The escrow private key, brought for the test.")],
    data_dir: DataDir = None,
) -> None:
    """Prove that the escrow key alone opens every recording. Exit 1 when one stays shut."""
    shut = []
    try:
        for item in rotation.escrow_test(place_of(data_dir), key.read_bytes()):
            typer.echo(f"{'opens ' if item.ok else 'SHUT  '} {item.recording}")
            shut += [] if item.ok else [item.recording]
    except (OSError, KeyMissing) as error:
        raise refuse(error) from None
    if shut:
        raise typer.Exit(1)
