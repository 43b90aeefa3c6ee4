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
from core.errors import NotFound
from people.models import ApiToken
from people.tokens import issue_token, revoke_token
from people.tokens import tokens as tokens_of

app = typer.Typer(no_args_is_help=True)


_CONFIG = Annotated[Path | None, typer.Option("--config", help="TOML file with settings.", dir_okay=False)]
_DATA_DIR = Annotated[Path | None, typer.Option(help="Where database, recordings, keys and sockets live.")]


@app.callback()
def tokens() -> None:
    """Tokens for operators and other systems."""


@app.command()
def create(
    file: Annotated[Path, typer.Option(help="Where to write the token, readable by this user only.")],
    toml: _CONFIG = None,
    data_dir: _DATA_DIR = None,
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


@app.command("list")
def list_(toml: _CONFIG = None, data_dir: _DATA_DIR = None) -> None:
    """Every token that is neither void nor expired: id, what it is, its name, until when."""
    settings = config.load(toml, {"data_dir": data_dir})
    for token in asyncio.run(_valid(settings)):
        print(f"{token.id}  {token.role:14}  until {token.expires:%Y-%m-%d}  {token.name}")


async def _valid(settings: Settings) -> list[ApiToken]:
    database = Database(settings.database)
    try:
        now = SystemClock().now()
        return [token for token in await tokens_of(database) if token.revoked is None and token.expires > now]
    finally:
        await database.close()


@app.command()
def revoke(token: str, toml: _CONFIG = None, data_dir: _DATA_DIR = None) -> None:
    """Make a token void at once."""
    settings = config.load(toml, {"data_dir": data_dir})
    try:
        asyncio.run(_revoke(settings, token))
    except NotFound as error:
        raise typer.BadParameter(error.text) from None
    print("The token is void.")


async def _revoke(settings: Settings, token: str) -> None:
    database = Database(settings.database)
    try:
        await revoke_token(database, SystemClock(), token)
    finally:
        await database.close()
