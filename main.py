"""Composition root and command line of Yuanjian. Nobody imports this module.

``yuanjian serve`` prepares the data directory and starts three processes: web (pages, API, signaling), media (relay and
recorder) and worker (jobs). Each is this module again with ``run NAME``.
"""

import asyncio
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from core import config
from core.clock import SystemClock
from core.config import Settings
from core.errors import OperatorError

app = typer.Typer(name="yuanjian", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
token_app = typer.Typer(no_args_is_help=True)
app.add_typer(token_app, name="token", help="Tokens for operators and other systems.")

ConfigFile = Annotated[Path | None, typer.Option("--config", help="TOML file with settings.", dir_okay=False)]
DataDir = Annotated[Path | None, typer.Option(help="Where database, recordings, keys and sockets live.")]


# Serving


@app.command()
def serve(
    toml: ConfigFile = None,
    data_dir: DataDir = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="TCP port of the pages; 0 picks a free one.")] = None,
    media_port: Annotated[int | None, typer.Option(help="UDP and TCP port of the relay; 0 picks a free one.")] = None,
    public_address: Annotated[str | None, typer.Option(help="Addresses browsers reach the relay at.")] = None,
    public_url: Annotated[str | None, typer.Option(help="Address of the pages as browsers see it.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Private key, PEM.")] = None,
    trusted_proxy: Annotated[str | None, typer.Option(help="Address of the proxy that ends TLS.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Fill in the demo site; never for real data.")] = False,
    lan: Annotated[bool, typer.Option("--lan", help="HTTPS on the LAN address with a certificate of our own.")] = False,
) -> None:
    """Serve pages, live sessions and recordings until stopped."""
    overrides: dict[str, Any] = {
        "data_dir": data_dir,
        "host": host,
        "port": port,
        "media_port": media_port,
        "public_address": public_address,
        "public_url": public_url,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
        "trusted_proxy": trusted_proxy,
        "demo": demo or None,
    }
    if lan:
        overrides |= _lan_overrides(toml, overrides)
    settings = _with_ports(_settings(toml, overrides))
    from core.logs import configure

    configure("supervisor")
    asyncio.run(_serve(settings, lan=lan))


def _lan_overrides(toml: Path | None, overrides: dict[str, Any]) -> dict[str, Any]:
    from core import tls

    base = _settings(toml, {**overrides, "host": None})
    address = overrides["host"] or tls.lan_address()
    made = tls.ensure(base.data_dir / "tls", (address, "localhost", "127.0.0.1"), SystemClock().now())
    port = overrides["port"] or (8443 if base.port == 8080 else base.port)
    return {
        "host": "0.0.0.0",  # noqa: S104  the point of --lan; TLS is on
        "port": port,
        "tls_cert": made.certificate,
        "tls_key": made.key,
        "public_url": overrides["public_url"] or f"https://{address}:{port}",
        "public_address": overrides["public_address"] or address,
    }


def _with_ports(settings: Settings) -> Settings:
    """Choose free ports where 0 was asked for, so that restarted processes come back on the same ones."""
    chosen: dict[str, int] = {}
    if not settings.port:
        chosen["port"] = _free_port(socket.SOCK_STREAM)
    if not settings.media_port:
        chosen["media_port"] = _free_port(socket.SOCK_DGRAM)
    return settings.model_copy(update=chosen)


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _serve(settings: Settings, *, lan: bool) -> None:
    from core.processes import Process, Supervisor

    _prepare_directory(settings)
    accounts = await _prepare_database(settings)
    settings_file = settings.run_dir / "settings.json"
    _write_private(settings_file, settings.model_dump_json())
    names = ["web", "worker", *(f"media-{n}" for n in range(settings.media_processes))]
    command = [sys.executable, *(["-P"] if not _from_source() else []), "-m", "main", "run"]
    _announce(settings, accounts, lan=lan)
    await Supervisor([Process(name, [*command, name, str(settings_file)]) for name in names]).run()


def _from_source() -> bool:
    """Whether the working directory is the source tree this module was loaded from."""
    return Path(__file__).resolve().parent == Path.cwd().resolve()


def _prepare_directory(settings: Settings) -> None:
    for directory in (settings.data_dir, settings.run_dir):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)


async def _prepare_database(settings: Settings) -> list[Any]:
    """Bring the database to this version, check what it must enforce, and fill the demo site when asked."""
    from core.database import Database
    from core.migrate import check, upgrade
    from scheduler import demo

    database = Database(settings.database)
    try:
        await upgrade(database)
        await check(database)
        return list(await demo.seed(database, SystemClock())) if settings.demo else []
    finally:
        await database.close()


def _announce(settings: Settings, accounts: list[Any], *, lan: bool) -> None:
    print(f"\n  Yuanjian 远见   {settings.base_url}\n")
    if lan:
        import segno

        segno.make(settings.base_url + "/trust").terminal(compact=True)
        print(f"  On a phone: scan the code, or open {settings.base_url}/trust\n")
    if accounts:
        print("  Demo accounts, for trying out only:\n")
        for account in accounts:
            print(f"    {account.login:<18} {account.password:<20} {account.name}  {account.description}")
        print()
    sys.stdout.flush()


# The three processes


@app.command(hidden=True)
def run(name: str, settings_file: Path) -> None:
    """Run one of the product's processes; started by ``serve``."""
    from core.logs import configure
    from core.processes import run_child

    settings = Settings(**json.loads(settings_file.read_text(encoding="utf-8")))
    configure(name)
    _write_private(settings.run_dir / f"{name}.pid", str(os.getpid()))
    kind, _, number = name.partition("-")
    mains: dict[str, Callable[[asyncio.Event], Any]] = {
        "web": lambda stop: _web(settings, stop),
        "worker": lambda stop: _worker(settings, stop),
        "media": lambda stop: _media(settings, int(number or 0), stop),
    }
    asyncio.run(run_child(mains[kind]))


async def _media(settings: Settings, number: int, stop: asyncio.Event) -> None:
    raise NotImplementedError


async def _web(settings: Settings, stop: asyncio.Event) -> None:
    raise NotImplementedError


async def _worker(settings: Settings, stop: asyncio.Event) -> None:
    raise NotImplementedError


# Other commands


def _settings(toml: Path | None, overrides: dict[str, Any]) -> Settings:
    try:
        return config.load(toml, overrides)
    except OperatorError as error:
        _fail(str(error))


def _fail(sentence: str, code: int = 2) -> NoReturn:
    print(sentence, file=sys.stderr)
    raise typer.Exit(code)


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def main() -> None:
    """Entry point of the ``yuanjian`` command."""
    try:
        app()
    except OperatorError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
