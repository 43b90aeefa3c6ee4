"""``yuanjian secrets``: rotate the site's own secrets. ``main.py`` mounts it."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from core import config
from core.clock import SystemClock
from core.config import Settings
from core.database import Database
from core.errors import OperatorError, PersonError
from core.vault import Purpose, Vault
from people import resealing

app = typer.Typer(no_args_is_help=True)

ConfigFile = Annotated[Path | None, typer.Option("--config", help="TOML file with settings.", dir_okay=False)]
DataDir = Annotated[Path | None, typer.Option(help="Where database, ledger and secrets live.")]


@app.callback()
def secrets() -> None:
    """The site's own secrets."""


@app.command()
def rotate(
    purpose: Annotated[Purpose, typer.Argument(help="Which key.")],
    toml: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Make a new key; what the old one sealed is sealed anew. Restart the service afterwards."""
    try:
        key, changed = asyncio.run(_rotate(config.load(toml, {"data_dir": data_dir}), purpose))
    except (OperatorError, PersonError) as error:
        print(error.text if isinstance(error, PersonError) else error, file=sys.stderr)
        raise typer.Exit(2) from None
    print(f"new {purpose} key {key}; {changed} entries sealed anew. Restart the service.")


async def _rotate(settings: Settings, purpose: Purpose) -> tuple[str, int]:
    clock, vault, database = SystemClock(), Vault(settings.secrets), Database(settings.database)
    try:
        vault.ensure(clock.now())
        return await resealing.rotate(database, clock, vault, purpose)
    finally:
        await database.close()
