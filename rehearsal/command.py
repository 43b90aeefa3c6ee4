"""``yuanjian rehearse``: the operator's self-test."""

import asyncio
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import OperatorError
from core.texts import DEFAULT, Texts
from recordings.verify import verify
from rehearsal import checks, kinds, table
from rehearsal.report import Report
from rehearsal.server import OwnServer, own_server, read_token
from rehearsal.session import Plan, Say, rehearse
from rehearsal.site import Site
from rehearsal.tone import PARTICIPANTS
from rehearsal.troupe import Casting, by_token

KINDS = ("rehearsal", *kinds.KINDS)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line said."""

    url: str | None = None
    """A running server; ``None``: start one for the occasion."""
    token_file: Path | None = None
    kind: str = "rehearsal"
    participants: int = 2
    seconds: float = 8.0
    keep: Path | None = None
    """Directory for the data of the server started; ``None``: thrown away."""
    json: bool = False
    command: Sequence[str] = (sys.executable, str(Path(__file__).resolve().parent.parent / "main.py"))
    """How to call the product, for a server of our own. By its path: ``-m main`` would run a ``main.py`` of the
    working directory."""
    locale: str = DEFAULT
    """Language of the table."""


def run(options: Options) -> int:
    """Play a rehearsal, print what was measured, and return the exit code.

    0: everything was there. 1: something was missing. 2: it could not be played at all.
    """
    try:
        _refuse_wrong(options)
        report = asyncio.run(_play(options))
    except OperatorError as error:
        print(error, file=sys.stderr)
        return 2
    return _tell(report, options)


def _tell(report: Report, options: Options) -> int:
    """Print the report; 1 when something is missing."""
    missing = checks.missing(report)
    if options.json:
        print(json.dumps(report.as_json(missing), ensure_ascii=False, indent=2))
    else:
        print(table.render(report, missing, options.locale))
    return 1 if missing else 0


def _refuse_wrong(options: Options) -> None:
    """Raise ``OperatorError`` with every mistake at once."""
    mistakes = []
    if options.kind not in KINDS:
        mistakes.append(f"--kind: {' or '.join(KINDS)}")
    if not 2 <= options.participants <= PARTICIPANTS:
        mistakes.append(f"--participants: 2 to {PARTICIPANTS}")
    if options.kind in kinds.KINDS and options.participants != kinds.PARTICIPANTS:
        mistakes.append(f"--participants: a session of kind {options.kind} is played by {kinds.PARTICIPANTS}")
    if options.kind in kinds.KINDS and options.url is not None:
        mistakes.append("--kind: against a running server only rehearsal, which touches nobody's calendar")
    if not 2 <= options.seconds <= 7200:
        mistakes.append("--seconds: 2 to 7200")
    if (options.url is None) != (options.token_file is None):
        mistakes.append("--url and --token-file go together")
    if options.url is not None and options.keep is not None:
        mistakes.append("--keep is for a server started by the rehearsal itself, not for --url")
    if mistakes:
        raise OperatorError("\n".join(mistakes))


async def _play(options: Options) -> Report:
    if options.url is not None and options.token_file is not None:
        return await _by_token(options.url, read_token(options.token_file), options)
    _saying(options)("Starting a server…")
    async with own_server(options.command, options.keep, demo=options.kind in kinds.KINDS) as server:
        if options.kind in kinds.KINDS:
            report = await _rehearse(kinds.casting(options.kind, server), options)
        else:
            report = await _by_token(server.url, server.token, options)
        return await asyncio.to_thread(_judged, report, server)


async def _by_token(url: str, token: str, options: Options) -> Report:
    async with Site(url, token) as site:
        return await _rehearse(by_token(site, options.participants, options.seconds), options)


async def _rehearse(cast: Casting, options: Options) -> Report:
    plan = Plan(participants=options.participants, seconds=options.seconds, kind=options.kind)
    return await rehearse(cast, plan, random.SystemRandom(), _saying(options))


def _saying(options: Options) -> Say:
    """Tell whoever looks on at a terminal how far things are; standard output stays the report's."""
    texts = Texts(options.locale)

    def say(sentence: str, **values: object) -> None:
        if not options.json:
            print(texts(sentence, **values), file=sys.stderr, flush=True)

    return say


def _judged(report: Report, server: OwnServer) -> Report:
    """Let the verifier see the files themselves, instead of taking the server's word."""
    if report.recording is None:
        return report
    folder = server.data_dir / "recordings" / report.recording
    found = verify(folder)
    segments = len(list(folder.glob("seg-*")))
    return replace(report, verdict=found.verdict.value, verified_digest=found.digest, segments=segments)
