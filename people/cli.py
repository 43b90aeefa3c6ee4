"""``yuanjian secrets``: list and rotate the site's own secrets. ``main.py`` mounts it."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from core import config, ledger, secret_files, tls
from core.checkpoints import Log
from core.clock import SystemClock
from core.config import Settings
from core.database import Database
from core.errors import OperatorError, PersonError
from core.vault import Purpose, Vault
from people import resealing
from people.registry import SYSTEM

app = typer.Typer(no_args_is_help=True)

ConfigFile = Annotated[Path | None, typer.Option("--config", help="TOML file with settings.", dir_okay=False)]
DataDir = Annotated[Path | None, typer.Option(help="Where database, ledger and secrets live.")]


class Which(StrEnum):
    """What can be rotated here; the keys of recordings by ``yuanjian keys rotate``."""

    SEAL = Purpose.SEAL
    NAMES = Purpose.NAMES
    CODES = Purpose.CODES
    LEDGER = Purpose.LEDGER
    TLS = "tls"
    """The server's key and certificate, under the same authority."""
    AUTHORITY = "authority"
    """The site's certificate authority, and with it the server's key."""


@app.callback()
def secrets() -> None:
    """The site's own secrets."""


@app.command("list")
def list_secrets(toml: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Every secret that is there: since when, what it is for, how it is replaced. Exit 1 when one is open to others."""
    with _told():
        settings = config.load(toml, {"data_dir": data_dir})
    is_open = False
    for row, path, made in secret_files.found(settings.data_dir, settings.secrets):
        others = path.stat().st_mode & 0o077
        is_open = is_open or bool(others)
        print(f"{path}{'  OPEN TO OTHERS: chmod 600 it' if others else ''}")
        print(f"    since {made:%Y-%m-%d}; {row.use}\n    yuanjian {' '.join(row.command)}  (goes on: {row.goes_on})")
    if is_open:
        raise typer.Exit(1)


@app.command()
def rotate(
    which: Annotated[Which, typer.Argument(help="Which key.")],
    toml: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Make a new key; what the old one sealed is sealed anew. Restart the service afterwards."""
    with _told():
        settings = config.load(toml, {"data_dir": data_dir})
        if which in (Which.TLS, Which.AUTHORITY):
            print(asyncio.run(_renew(settings, which)))
        else:
            key, changed = asyncio.run(_rotate(settings, Purpose(which)))
            print(f"new {which} key {key}; {changed} entries sealed anew. Restart the service.")


class Kept(StrEnum):
    """Keys that stay beside a new one until they are forgotten."""

    CODES = Purpose.CODES
    LEDGER = Purpose.LEDGER


@app.command()
def forget(
    which: Annotated[Kept, typer.Argument(help="Whose older keys.")],
    even_so: Annotated[bool, typer.Option("--even-so", help="Also when codes in use are void by it.")] = False,
    toml: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Destroy the older keys that were kept when a new one was made. Restart the service before and afterwards."""
    with _told():
        settings = config.load(toml, {"data_dir": data_dir})
        print(asyncio.run(_forget(settings, which, even_so=even_so)))


async def _forget(settings: Settings, which: Kept, *, even_so: bool) -> str:
    clock, vault, database = SystemClock(), Vault(settings.secrets), Database(settings.database)
    try:
        vault.ensure(clock.now())
        old = len(vault.keys(Purpose(which))) - 1
        if which is Kept.LEDGER:
            await resealing.forget_ledger(database, clock, vault, Log(database, settings.ledger_dir, vault))
            void = "older checkpoints are checked with the older public key, which witnesses keep"
        else:
            gone = await resealing.forget_codes(database, clock, vault, even_so=even_so)
            void = f"void: {gone.recovery_codes} recovery codes, {gone.cards} cards, {gone.invitations} short codes"
        return f"{old} older keys of {which} are destroyed; {void}. Restart the service."
    finally:
        await database.close()


async def _rotate(settings: Settings, purpose: Purpose) -> tuple[str, int]:
    clock, vault, database = SystemClock(), Vault(settings.secrets), Database(settings.database)
    try:
        vault.ensure(clock.now())
        return await resealing.rotate(database, clock, vault, purpose)
    finally:
        await database.close()


async def _renew(settings: Settings, which: Which) -> str:
    clock, database = SystemClock(), Database(settings.database)
    try:
        lasts = tls.renew(settings.data_dir / "tls", clock.now(), authority=which is Which.AUTHORITY)
        async with database.transaction() as tx:
            details = {"purpose": which.value}
            await ledger.append(
                tx, "secret.rotated", actor=SYSTEM, subject=which.value, at=clock.now(), details=details
            )
    finally:
        await database.close()
    trust = " Every device must trust the new authority: /trust." if which is Which.AUTHORITY else ""
    return f"new server key, good until {lasts:%Y-%m-%d}.{trust} Restart the service."


@contextmanager
def _told() -> Iterator[None]:
    """Turn what can go wrong into a sentence on standard error and exit code 2."""
    try:
        yield
    except (OperatorError, PersonError) as error:
        print(error.text if isinstance(error, PersonError) else error, file=sys.stderr)
        raise typer.Exit(2) from None
