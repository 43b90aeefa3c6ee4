"""``yuanjian token``: operators' tokens. ``main.py`` mounts it."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from core import config
from core.clock import SystemClock
from core.config import Settings
from core.database import Database
from people.tokens import issue_token

app = typer.Typer(no_args_is_help=True)


@app.callback()
def tokens() -> None:
    """Tokens for operators and other systems."""


@app.command()
def create(
    file: Annotated[Path, typer.Option(help="Where to write the token, readable by this user only.")],
    toml: Annotated[Path | None, typer.Option("--config", help="TOML file with settings.", dir_okay=False)] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where database, recordings, keys and sockets live.")] = None,
    name: Annotated[str, typer.Option(help="What the token is for, shown in the ledger.")] = "operator",
    days: Annotated[int, typer.Option(help="Days until it expires.", min=1, max=365)] = 30,
) -> None:
    """Make an operator's token, for the self-test of a running server."""
    settings = config.load(toml, {"data_dir": data_dir})
    secret = asyncio.run(_create(settings, name, timedelta(days=days)))
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(secret + "\n")
    print(f"The token is in {file}; whoever has it can start rehearsals until it expires in {days} days.")


async def _create(settings: Settings, name: str, lasts: timedelta) -> str:
    database = Database(settings.database)
    try:
        return await issue_token(database, SystemClock(), name=name, lasts=lasts)
    finally:
        await database.close()
