"""Composition root and command line of Yuanjian. Nobody imports this module.

``yuanjian serve`` prepares the data directory and starts three processes: web (pages, API, signaling), media (relay and
recorder) and worker (jobs). Each is this module again with ``run NAME``.
"""

import asyncio
import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from cases import volume
from core import config, ledger_cli
from core.clock import SystemClock
from core.config import Settings
from core.errors import OperatorError, Unavailable
from core.vault import Purpose
from people import account_cli, resealing, token_cli
from people import cli as secrets_cli
from recordings import commands as recording_commands
from scheduler import calendar_cli, camera_cli

app = typer.Typer(name="yuanjian", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
recording_commands.mount(app)
app.add_typer(ledger_cli.app, name="ledger", help="The platform's log of who did what: sign, prove, watch.")
app.add_typer(account_cli.app, name="account", help="The first administrator of each authority.")
app.add_typer(token_cli.app, name="token", help="Tokens for operators and other systems.")
app.add_typer(camera_cli.app, name="cameras", help="Cameras of rooms beside their terminals.")
app.add_typer(calendar_cli.app, name="calendar", help="Working days: holidays and worked weekends.")
app.add_typer(secrets_cli.app, name="secrets", help="The site's own secrets.")

resealing.ELSEWHERE[Purpose.NAMES] = volume.reseal

WORKER_SILENT = 10.0
"""Seconds without a heartbeat after which the worker counts as down."""
_HEARTBEAT = "worker.alive"

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

    config.prepare(settings)
    accounts = await _prepare_database(settings)
    settings_file = settings.run_dir / "settings.json"
    _write_private(settings_file, settings.model_dump_json())
    names = ["web", "worker", *(f"media-{n}" for n in range(settings.media_processes))]
    command = [sys.executable, __file__, "run"]
    _announce(settings, accounts, lan=lan)
    await Supervisor([Process(name, [*command, name, str(settings_file)]) for name in names]).run()


async def _prepare_database(settings: Settings) -> list[Any]:
    """Bring the database to this version, check what it must enforce, and fill the demo site when asked."""
    from core import ledger
    from core.database import Database
    from core.migrate import check, upgrade
    from core.vault import Vault
    from recordings.keys import FileKeys
    from scheduler import demo, demo_day, exclusion, hours

    FileKeys.ensure(settings.data_dir)
    Vault(settings.secrets).ensure(SystemClock().now())
    guards = (ledger.GUARD, exclusion.GUARD)
    database = Database(settings.database)
    try:
        await upgrade(database, guards)
        await check(database, guards)
        await hours.ensure_working_days(database, SystemClock())
        accounts = list(await demo.seed(database, SystemClock())) if settings.demo else []
        if settings.demo and settings.demo_day:
            await demo_day.fill(database, SystemClock())
        return accounts
    finally:
        await database.close()


def _announce(settings: Settings, accounts: list[Any], *, lan: bool) -> None:
    print(f"\n  Yuanjian 远见   {settings.base_url}\n")
    if lan:
        import segno

        segno.make(settings.base_url + "/trust").terminal(compact=True)
        print(f"  On a phone: scan the code, or open {settings.base_url}/trust\n")
    if accounts:
        from core.texts import Texts

        texts = Texts(settings.locale)
        print("  Demo accounts, for trying out only:\n")
        for account in accounts:
            print(
                f"    {account.login:<14} {account.password}   {account.name}  {texts(account.role)}  {account.place}"
            )
        print()
    sys.stdout.flush()


# The three processes


@app.command(hidden=True)
def run(name: str, settings_file: Path) -> None:
    """Run one of the product's processes; started by ``serve``."""
    from core.logs import configure
    from core.processes import run_child
    from media.waker import MediaLoop

    settings = Settings(**json.loads(settings_file.read_text(encoding="utf-8")))
    configure(name)
    _write_private(settings.run_dir / f"{name}.pid", str(os.getpid()))
    kind, _, number = name.partition("-")
    mains: dict[str, Callable[[asyncio.Event], Any]] = {
        "web": lambda stop: _web(settings, stop),
        "worker": lambda stop: _worker(settings, stop),
        "media": lambda stop: _media(settings, int(number or 0), stop),
    }
    with asyncio.Runner(loop_factory=MediaLoop if kind == "media" else None) as runner:
        runner.run(run_child(mains[kind]))


async def _media(settings: Settings, number: int, stop: asyncio.Event) -> None:
    from media.config import MediaSettings
    from media.server import serve as serve_media
    from recordings.config import RecorderSettings
    from recordings.journal import Recorders
    from recordings.remote import RemoteWriters

    clock = SystemClock()
    relay = MediaSettings(
        control_path=settings.run_dir / f"media-{number}.sock",
        port=settings.media_port + number,
        bind=_bind(settings),
        public=settings.public_address,
        loopback=settings.is_loopback,
        turn_addresses=await _turn_addresses(settings),
        camera_networks=settings.camera_networks,
    )
    writers = RemoteWriters(
        RecorderSettings(
            settings.data_dir,
            settings.space_hours,
            settings.space_least_mb << 20,
            settings.time_server,
            settings.clock_limit,
            settings.timestamp_url,
            settings.timestamp_certificate,
        )
    )
    await writers.start()
    try:
        await serve_media(relay, Recorders(writers, clock, processes=settings.media_processes), clock, stopping=stop)
    finally:
        await writers.stop()


def _reserve(settings: Settings) -> Any:
    """The room new recordings leave on the disk."""
    from recordings.space import Reserve

    return Reserve(settings.space_hours, settings.space_least_mb << 20)


async def _turn_addresses(settings: Settings) -> tuple[str, ...]:
    """Addresses of the site's TURN servers, so that the list of those present can name who comes through one."""
    from signaling.turn import hosts

    found: set[str] = set()
    for host in hosts(settings.turn_urls):
        with contextlib.suppress(OSError, TimeoutError):  # then the way is told as UDP; nothing else depends on it
            async with asyncio.timeout(3):
                answers = await asyncio.get_running_loop().getaddrinfo(host, None)
                found |= {str(address[0]) for *_, address in answers}
    return tuple(sorted(found))


def _bind(settings: Settings) -> tuple[str, ...]:
    """Local addresses of the relay: loopback alone when the pages are, else all of this machine (empty)."""
    if settings.is_loopback and not settings.public_address:
        return ("127.0.0.1",)
    return ()


async def _web(settings: Settings, stop: asyncio.Event) -> None:
    from aiohttp import web as aiohttp_web

    from core import tls
    from core.database import Database
    from core.vault import Vault
    from people.verification import verifier_of
    from recordings.library import Library
    from recordings.space import SpaceWatch
    from signaling import http as signaling_http
    from signaling import policy as signaling_policy
    from signaling.hub import Hub
    from signaling.turn import Turn
    from web.app import build
    from web.context import WebContext
    from web.policy import POLICIES, check

    clock, database = SystemClock(), Database(settings.database)
    turn = Turn(settings.turn_urls, settings.turn_secret) if settings.turn_urls else None
    verifier = verifier_of(settings, clock)
    vault = Vault(settings.secrets)
    vault.ensure(clock.now())
    hub = Hub(settings=settings, database=database, clock=clock, turn=turn, verifier=verifier, vault=vault)
    space = SpaceWatch(settings.data_dir, _reserve(settings), lambda: hub.recordings)

    async def metrics() -> str:
        return space.metrics() + await hub.all_metrics()

    app = build(
        WebContext(
            settings=settings,
            database=database,
            clock=clock,
            hub=hub,
            recordings=Library(settings.data_dir, clock),
            metrics=metrics,
            ready=lambda: _readiness(settings, hub),
            remarks=lambda: {"space": not space.is_low},
        )
    )
    signaling_http.add_routes(app, hub)
    app[POLICIES].update(signaling_policy.TABLE)
    check(app)
    runner = aiohttp_web.AppRunner(app, access_log=None, shutdown_timeout=5)
    await runner.setup()
    context = (
        tls.server_context(settings.tls_cert, settings.tls_key) if settings.tls_cert and settings.tls_key else None
    )
    await hub.start()
    watching = asyncio.create_task(space.run())
    await aiohttp_web.TCPSite(runner, settings.host, settings.port, ssl_context=context).start()
    try:
        await stop.wait()
    finally:
        watching.cancel()
        await hub.stop()
        await runner.cleanup()
        await database.close()


async def _readiness(settings: Settings, hub: Any) -> dict[str, bool]:
    """Whether the neighbours of the web process are up."""
    return {"media": hub.ready, "worker": _age(settings.run_dir / _HEARTBEAT) < WORKER_SILENT}


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return float("inf")


async def _worker(settings: Settings, stop: asyncio.Event) -> None:
    from core.checkpoints import Keeper, Log
    from core.database import Database
    from core.jobs import Worker
    from core.vault import Vault
    from recordings import outgoing
    from recordings.library import Library

    clock, vault = SystemClock(), Vault(settings.secrets)
    vault.ensure(clock.now())
    database = Database(settings.database, vault)
    with contextlib.suppress(Unavailable):  # a database that is away is waited for below; the hourly round does it too
        await outgoing.remove_torn(database, Library(settings.data_dir, clock))
    duties = [
        Worker(database, clock, _handlers(settings, database, clock)).run(),
        Keeper(Log(database, settings.ledger_dir, vault), clock).run(),
        _beat(settings.run_dir / _HEARTBEAT),
        stop.wait(),
    ]
    tasks = [asyncio.ensure_future(duty) for duty in duties]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await database.close()
    for task in done:
        task.result()  # a duty that broke ends the process with its error; the supervisor starts it again


def _handlers(settings: Settings, database: Any, clock: Any) -> dict[str, Any]:
    """What the worker can do, by kind of job."""
    from core import viruses
    from people import contacts, stills
    from recordings import jobs, storage
    from scheduler import counsel, covering, escalation, screened_files, sending, waiting, webhooks

    mail, sms = sending.carriers(settings, clock)
    copies = [
        storage.ObjectStore.at(place) if "://" in place else storage.DirectoryStore(Path(place))
        for place in settings.copies
    ]
    return {
        **jobs.handlers(
            settings.data_dir, database, clock, _authority(settings), copies, covering.covers(database), settings.zone
        ),
        **sending.handlers(database, clock, mail, sms, base_url=settings.base_url),
        **webhooks.handlers(database, clock, webhooks.HttpPoster()),
        **contacts.handlers(database, clock),
        **escalation.handlers(database, clock),
        **waiting.handlers(database, clock),
        **counsel.handlers(database, clock),
        **screened_files.handlers(database, clock, viruses.of(settings.virus_scanner)),
        **stills.handlers(database, clock),
    }


def _authority(settings: Settings) -> Any:
    """The time stamp authority of the site, or none."""
    if not settings.timestamp_url or settings.timestamp_certificate is None:
        return None
    from recordings.timestamps import HttpAuthority

    return HttpAuthority(settings.timestamp_url, settings.timestamp_certificate.read_bytes())


async def _beat(path: Path) -> None:
    """Show that the worker's loop turns."""
    while True:
        path.touch()  # noqa: ASYNC240  a local file, microseconds
        await asyncio.sleep(WORKER_SILENT / 5)


# Other commands


@app.command()
def rehearse(
    url: Annotated[str | None, typer.Option(help="A running server; default: one started for this.")] = None,
    token_file: Annotated[Path | None, typer.Option(help="File with an operator's token.", dir_okay=False)] = None,
    kind: Annotated[str, typer.Option(help="Kind of session to play.")] = "rehearsal",
    participants: Annotated[int, typer.Option(min=2, max=12)] = 2,
    seconds: Annotated[float, typer.Option(help="How long picture and sound are exchanged.", min=2, max=3600)] = 8,
    keep: Annotated[Path | None, typer.Option(help="Keep the data directory here.", file_okay=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Play a whole session with synthetic participants and check what was received and recorded."""
    from rehearsal.command import Options, run

    options = Options(
        url=url,
        token_file=token_file,
        kind=kind,
        participants=participants,
        seconds=seconds,
        keep=keep,
        json=as_json,
    )
    raise typer.Exit(run(options))


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
