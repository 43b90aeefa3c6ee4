"""What every command about recordings asks and answers: data directory, id, database, refusal."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from core import config
from core.database import Database
from core.errors import PersonError
from core.texts import Texts

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


def in_database(data_dir: Path | None, work: Callable[[Database], Awaitable[str]]) -> str:
    """What ``work`` answers with the site's database. Raises what it raises."""

    async def run() -> str:
        database = Database(config.load(None, {"data_dir": data_dir}).database)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())
