"""What is counted is told: each reason for a drop has its meaning in the documents."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def reasons(path: Path) -> Iterator[str]:
    """Every reason under which the module counts a drop, directly or through ``_limit``."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Subscript(value=ast.Attribute(attr="dropped"), slice=named):
                yield from words(named)
            case ast.Call(func=ast.Attribute(attr="_limit"), args=[_, named]):
                yield from words(named)


def words(named: ast.expr) -> Iterator[str]:
    """What an expression may name, its condition aside."""
    if isinstance(named, ast.IfExp):
        yield from words(named.body)
        yield from words(named.orelse)
    elif isinstance(named, ast.Constant):
        yield named.value


def test_every_reason_for_a_drop_is_documented() -> None:
    """The table of the documents names the reasons of the code, all of them and no other."""
    counted = {reason for path in (ROOT / "media").glob("*.py") for reason in reasons(path)}
    told = (ROOT / "docs/FAULTS.md").read_text("utf-8").partition("## What the relay drops, by reason")[2]
    listed = {reason for row in re.findall(r"^\| (`.*?) \|", told, re.M) for reason in re.findall(r"`([a-z-]+)`", row)}
    assert listed == counted


def test_every_reason_for_a_drop_is_reached_by_a_test() -> None:
    """Each is asked for by name in some other test."""
    others = [
        path for path in (ROOT / "tests").glob("*/test_*.py") if path.name not in ("test_counters.py", "test_fuzz.py")
    ]
    asked = "".join(path.read_text("utf-8") for path in others)
    counted = {reason for path in (ROOT / "media").glob("*.py") for reason in reasons(path)}
    assert {reason for reason in counted if f'"{reason}"' not in asked} == set()
