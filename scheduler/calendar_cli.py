"""``yuanjian calendar``: the days a country works. ``main.py`` mounts it."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from core import config
from core.clock import SystemClock
from core.config import Settings
from core.database import Database
from scheduler.hours import COUNTRY, seed_working_days

app = typer.Typer(no_args_is_help=True)


@app.callback()
def calendars() -> None:
    """Working days."""


@app.command()
def seed(
    years: Annotated[list[int], typer.Argument(help="Years to fill in.", min=2004, max=2100)],
    country: Annotated[str, typer.Option(help="Two letters, such as CN or AT.")] = COUNTRY,
    toml: Annotated[Path | None, typer.Option("--config", help="TOML file with settings.", dir_okay=False)] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where database, recordings, keys and sockets live.")] = None,
) -> None:
    """Fill in holidays and worked weekends; days edited by hand are left alone."""
    settings = config.load(toml, {"data_dir": data_dir})
    added = asyncio.run(_seed(settings, years, country))
    print(f"{added} days added.")


async def _seed(settings: Settings, years: list[int], country: str) -> int:
    database = Database(settings.database)
    try:
        async with database.transaction() as tx:
            return await seed_working_days(tx, SystemClock(), years, country)
    finally:
        await database.close()
