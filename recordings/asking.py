"""What every command about recordings asks and answers: data directory, id, database, refusal."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from core import config, jobs
from core.clock import SystemClock
from core.database import Database
from core.errors import PersonError
from core.texts import Texts
from recordings import site_backup

DataDir = Annotated[Path | None, typer.Option(help="Data directory.", envvar="YUANJIAN_DATA_DIR")]
Id = Annotated[str, typer.Argument(help="Id of a recording.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def place_of(data_dir: Path | None) -> Path:
    """The data directory given, or the configured one."""
    return config.load(None, {"data_dir": data_dir}).data_dir


def refuse(error: Exception | str) -> typer.Exit:
    """Say why on the error stream; exit status 2."""
    if isinstance(error, PersonError):
        error = Texts("en")(error.text, **error.values)
    typer.echo(str(error), err=True)
    return typer.Exit(2)


def tell_site(data_dir: Path | None, recording: str) -> None:
    """Have the site's worker look at a recording again, so that its pages show what there is now and films are made
    anew where they must be. Where no site was ever started there is nobody to tell."""
    file = site_backup.database_file(config.load(None, {"data_dir": data_dir}))
    if file is not None and not file.is_file():
        return

    async def ask(database: Database) -> str:
        async with database.transaction() as tx:
            await jobs.enqueue(tx, "finalize_recording", {"recording": recording}, due=SystemClock().now())
        return "the site's pages follow as soon as its worker runs"

    try:
        typer.echo(in_database(data_dir, ask), err=True)
    except (PersonError, SQLAlchemyError) as error:
        typer.echo(f"the site could not be told ({type(error).__name__}): run this again when it can be", err=True)


def in_database(data_dir: Path | None, work: Callable[[Database], Awaitable[str]]) -> str:
    """What ``work`` answers with the site's database. Raises what it raises."""

    async def run() -> str:
        database = Database(config.load(None, {"data_dir": data_dir}).database)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())
