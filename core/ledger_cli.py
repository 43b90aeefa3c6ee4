"""``yuanjian ledger``: sign heads, prove entries, check copies, watch. Exit 0 well, 1 broken, 2 unusable."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from core import checkpoints, config, proofs
from core.clock import SystemClock
from core.config import Settings
from core.database import Database
from core.errors import OperatorError, PersonError
from core.notes import Checkpoint, NoteInvalid, Verifier
from core.vault import Vault

app = typer.Typer(no_args_is_help=True)

ConfigFile = Annotated[Path | None, typer.Option("--config", help="TOML file with settings.", dir_okay=False)]
DataDir = Annotated[Path | None, typer.Option(help="Where database, ledger and secrets live.")]
Key = Annotated[str, typer.Option("--key", help="The log's public key (name+hash+key), or a file that holds it.")]


@app.command()
def checkpoint(toml: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Compare the whole ledger with what was signed before and sign its head."""
    with _told():
        settings = config.load(toml, {"data_dir": data_dir})
        head = asyncio.run(_advance(settings))
        print(f"{head.size} entries, root {head.root.hex()}\n{settings.ledger_dir / checkpoints.FILE}")


@app.command()
def key(toml: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Print the public key that witnesses and readers of proofs need."""
    with _told():
        settings = config.load(toml, {"data_dir": data_dir})
        print(_read_key(settings))


@app.command()
def prove(
    number: Annotated[int, typer.Argument(help="Number of the entry.", min=1)],
    toml: ConfigFile = None,
    data_dir: DataDir = None,
) -> None:
    """Print a proof that an entry is in the signed ledger; anybody can check it offline."""
    with _told():
        settings = config.load(toml, {"data_dir": data_dir})
        verifier = Verifier.parse(_read_key(settings))
        print(proofs.prove(proofs.source(str(settings.ledger_dir)), verifier, number))


@app.command()
def verify(path: Annotated[str, typer.Argument(help="A proof, or a ledger's directory or address.")], key: Key) -> None:
    """Check a proof, or every entry of a copy, against the public key."""
    with _told():
        verifier = _verifier(key)
        if Path(path).is_file():
            entry = proofs.check_proof(Path(path).read_text(encoding="utf-8"), verifier)
            print(f"proved: entry {entry[0]} of {entry[1]}: {entry[2]}, by {entry[3]}, about {entry[4]}")
        else:
            head = proofs.check_copy(proofs.source(path), verifier)
            print(f"whole: {head.size} entries lead to the signed root {head.root.hex()}")


@app.command()
def witness(
    source: Annotated[str, typer.Argument(help="The ledger's directory or https:// address.")],
    key: Key,
    state: Annotated[Path, typer.Option(help="File in which this witness notes the newest checkpoint.")],
) -> None:
    """Note the newest checkpoint, if it extends the one noted last; run it regularly, away from the site."""
    with _told():
        known, head = proofs.witness(proofs.source(source), _verifier(key), state)
        before = known.size if known else 0
        print(f"consistent: {before} entries before, {head.size} now, root {head.root.hex()}")


async def _advance(settings: Settings) -> Checkpoint:
    clock, vault, database = SystemClock(), Vault(settings.secrets), Database(settings.database)
    try:
        vault.ensure(clock.now())
        return await checkpoints.Log(database, settings.ledger_dir, vault).advance(clock, thorough=True)
    finally:
        await database.close()


def _read_key(settings: Settings) -> str:
    try:
        return (settings.ledger_dir / checkpoints.KEY_FILE).read_text(encoding="ascii").strip()
    except OSError:
        raise OperatorError("no checkpoint was made here yet: run yuanjian ledger checkpoint") from None


def _verifier(text: str) -> Verifier:
    path = Path(text)
    return Verifier.parse(path.read_text(encoding="ascii") if len(text) < 200 and path.is_file() else text)


@contextmanager
def _told() -> Iterator[None]:
    """Turn what can go wrong into a sentence on standard error and an exit code."""
    try:
        yield
    except (checkpoints.LedgerBroken, proofs.NotProved) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    except (OperatorError, NoteInvalid, OSError, UnicodeDecodeError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None
    except PersonError as error:
        print(error.text, file=sys.stderr)
        raise typer.Exit(2) from None
