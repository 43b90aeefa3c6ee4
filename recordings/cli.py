"""Commands about recordings; ``main.py`` mounts them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from core.texts import Texts
from recordings import keys, words
from recordings.verdicts import Range, Verification
from recordings.verify import verify

LISTED = 40
"""Findings shown in words; ``--json`` gives all of them."""


def verify_command(
    path: Annotated[Path, typer.Argument(help="Folder of a recording.")],
    trust: Annotated[Path | None, typer.Option(help="Public keys (PEM) or fingerprints of the sites to trust.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON object.")] = False,
    authority: Annotated[Path | None, typer.Option(help="Root certificate (PEM) of the time stamp authority.")] = None,
    language: Annotated[str, typer.Option("--language", envvar="YUANJIAN_LOCALE", help="zh-CN or en.")] = "zh-CN",
) -> None:
    """Say whether a recording is unaltered and complete, offline.

    Exit: 0 intact, 1 modified or missing, 2 unusable input, 3 incomplete, tail or unpinned.
    """
    trusted: frozenset[str] | None = None
    if trust is not None:
        try:
            trusted = keys.read_trust(trust.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            trusted = frozenset()
        if not trusted:
            typer.echo(Texts(language)("No public key can be read from {file}.", file=trust), err=True)
            raise typer.Exit(2)
    try:
        roots = [authority.read_bytes()] if authority else None
    except OSError:
        typer.echo(Texts(language)("No certificate can be read from {file}.", file=authority), err=True)
        raise typer.Exit(2) from None
    found = verify(path, trusted, roots)
    if as_json:
        text = Texts(language)
        summary = [text(msgid, **values) for msgid, values in words.summary(found)]
        typer.echo(json.dumps({**found.to_json(), "words": summary}, ensure_ascii=False, indent=2))
    else:
        for line in report(found, Texts(language)):
            typer.echo(line)
    raise typer.Exit(found.exit_code)


def report(found: Verification, text: Texts) -> list[str]:
    """A verification as lines for a terminal or a page."""
    lines = [f"{found.verdict.value}  {found.recording}"]
    lines += [text(msgid, **values) for msgid, values in words.summary(found)]
    findings = found.findings()
    lines += [_line(item, text) for item in findings[:LISTED]]
    if len(findings) > LISTED:
        lines.append(text("… and {count} more; --json lists all.", count=len(findings) - LISTED))
    lines += _provenance(found, text)
    lines += ["· " + text(msgid, **values) for msgid, values in map(words.remark, found.remarks)]
    return lines


def _line(item: Range, text: Texts) -> str:
    msgid, values = words.cause(item)
    start, end = words.clock(item.from_ms), words.clock(max(item.from_ms, item.to_ms - 1))
    span = start if start == end else f"{start}–{end}"
    at = f" ({item.from_utc:%Y-%m-%d %H:%M:%S} UTC)" if item.from_utc else ""
    where = " ".join(f"{name}={value}" for name, value in item.where.items())
    return f"  {item.verdict.value:<13} {span}{at}  {text(msgid, **values)} {where}".rstrip()


def _provenance(found: Verification, text: Texts) -> Sequence[str]:
    if found.unusable:
        return []
    how = {
        "trust-file": text("pinned by the trust file"),
        "data-directory": text("pinned by this data directory's own key"),
    }.get(found.provenance.pinned_by, text("site unknown"))
    lines = [text("Signed by site {site}: {how}.", site=site, how=how) for site in found.provenance.sites]
    lines += [
        text("Time stamp of {at} by {authority}.", at=item["at"], authority=item["authority"])
        for item in found.provenance.timestamps
        if item["ok"]
    ]
    lines.append(
        text(
            "{duration} recorded, {takes} take(s), {frames} frames; digest {digest}",
            duration=words.clock(found.duration_ms),
            takes=found.takes,
            frames=found.frames,
            digest=found.digest or "–",
        )
    )
    return lines
