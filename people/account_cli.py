"""``yuanjian account``: the first administrator of a tree, who registers everybody else. ``main.py`` mounts it."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from core import config
from core.clock import Clock, SystemClock
from core.config import Settings
from core.database import Database
from core.errors import OperatorError, PersonError
from people import enrolment, registry
from people.principals import Role, Tree

app = typer.Typer(no_args_is_help=True)

_KINDS = {
    Tree.POLICE: "bureau",
    Tree.PROCURATORATE: "procuratorate",
    Tree.COURT: "court",
    Tree.JUSTICE: "justice_bureau",
}


@app.callback()
def accounts() -> None:
    """Accounts that only the operator can make."""


@app.command()
def first(
    tree: Annotated[Tree, typer.Argument(help="Whose administrator this is.")],
    organisation: Annotated[str, typer.Option(help="Name of the authority at the top of the tree.")],
    name: Annotated[str, typer.Option(help="Name of the administrator.")],
    login: Annotated[str, typer.Option(help="Login name.")],
    toml: Annotated[Path | None, typer.Option("--config", help="TOML file with settings.", dir_okay=False)] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where database, recordings, keys and sockets live.")] = None,
) -> None:
    """Found a tree: its authority and first administrator, who comes in by the one-time link printed here."""
    try:
        settings = config.load(toml, {"data_dir": data_dir})
        secret = asyncio.run(_first(settings, tree, organisation, name, login))
    except (OperatorError, PersonError) as error:
        print(error.text if isinstance(error, PersonError) else error, file=sys.stderr)
        raise typer.Exit(2) from None
    print(
        f"Hand this link to the administrator. It works once, for three days:\n\n  {settings.base_url}/enrol#{secret}\n"
    )


async def _first(settings: Settings, tree: Tree, organisation: str, name: str, login: str) -> str:
    database = Database(settings.database)
    try:
        return await found_tree(database, SystemClock(), tree, organisation=organisation, name=name, login=login)
    finally:
        await database.close()


async def found_tree(database: Database, clock: Clock, tree: Tree, *, organisation: str, name: str, login: str) -> str:
    """Add the root of ``tree`` with an administrator; return the secret of their one-time link, or raise."""
    async with database.transaction() as tx:
        unit = await registry.add_organisation(tx, clock, kind=_KINDS[tree], name=organisation, tree=tree)
        person = await registry.add_person(tx, clock, organisation=unit.id, name=name)
        await registry.open_account(tx, clock, person=person.id, login=login, password_hash=None)
        await registry.grant(tx, clock, person=person.id, role=Role.ADMINISTRATOR)
        return await enrolment.issue(tx, clock, person=person.id, by=registry.SYSTEM)
