"""Every sentence people read, found where it is written: Python, templates, scripts. Compared with the catalogues.

``python scripts/texts.py`` prints what is missing, fuzzy, unused or has other places in Chinese than in English;
exits 1 when there is anything. ``tests/web/test_texts.py`` runs the same.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.extract import extract_javascript
from babel.messages.pofile import read_po
from jinja2 import Environment
from jinja2.ext import extract_from_ast

ROOT = Path(__file__).resolve().parent.parent
CATALOGUES = ROOT / "core" / "locale" / "zh_CN"
PACKAGES = ("core", "people", "cases", "scheduler", "signaling", "recordings", "web")
_SECOND = frozenset(
    {"PersonError", "Denied", "NotFound", "Conflict", "Invalid", "Unavailable", "TooMany", "Refused", "Taken"}
)
"""Calls whose second argument is a msgid."""
_FIRST = frozenset({"msgid", "m", "_"})
_NOT_FOR_PEOPLE = frozenset(
    {
        "OperatorError",
        "PeerError",
        "Field",
        "Option",
        "Argument",
        "ValueError",
        "TypeError",
        "Counter",
        "Gauge",
        "Typer",
    }
)
_FOR_PROGRAMMERS = frozenset({"web/api/document.py", "web/api/table.py"})
"""What stands there goes into the API's document, which is in English."""
_SENTENCE = re.compile(r"[A-Z“{][^\n]*[ ][^\n]*[.?!…:]\Z")
"""What nobody but a person would read: begins with a capital, has a blank, ends as sentences do."""
_PLACE = re.compile(r"\{(\w+)\}")


def found() -> dict[str, set[str]]:
    """Each msgid with the files that use it."""
    uses: dict[str, set[str]] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            if "vendor" in path.parts or "locale" in path.parts or path.suffix not in _READERS:
                continue
            if str(path.relative_to(ROOT)) in _FOR_PROGRAMMERS:
                continue
            for text in _READERS[path.suffix](path):
                uses.setdefault(text, set()).add(str(path.relative_to(ROOT)))
    return uses


def _python(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    silent = _silent(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _from_call(node)
        elif isinstance(node, ast.Constant) and id(node) not in silent and _SENTENCE.match(str(node.value)):
            yield str(node.value)


def _from_call(node: ast.Call) -> Iterator[str]:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if name == "ngettext":
        yield from (str(part.value) for part in node.args[1:2] if isinstance(part, ast.Constant))
    place = 1 if name in _SECOND else 0 if name in _FIRST else None
    if place is not None and len(node.args) > place:
        argument = node.args[place]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield argument.value


def _silent(tree: ast.AST) -> set[int]:
    """Constants nobody is shown: docstrings, and the arguments of errors for operators and peers, and of log calls."""
    ids: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            ids.add(id(node.value))
        elif isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            owner = getattr(getattr(node.func, "value", None), "id", "")
            if name in _NOT_FOR_PEOPLE or owner == "log":
                ids |= {id(inner) for inner in ast.walk(node)}
        elif isinstance(node, ast.JoinedStr):
            ids |= {id(inner) for inner in ast.walk(node)}
    return ids


def sentences_of(path: Path) -> Iterator[str]:
    """The sentences of a template."""
    tree = Environment().parse(path.read_text(encoding="utf-8"))  # noqa: S701  nothing is rendered here
    for _line, _function, message in extract_from_ast(tree, gettext_functions=("_",)):
        first = message if isinstance(message, str) else next((part for part in message or () if part), None)
        if first:
            yield first


def _script(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        for _line, _function, message, _comments in extract_javascript(file, ("t",), (), {}):
            first = message if isinstance(message, str) else next((part for part in message if part), "")
            if first:
                yield str(first)


_READERS = {".py": _python, ".html": sentences_of, ".js": _script}


def problems() -> list[str]:
    """Everything that is wrong, one line each."""
    uses = found()
    known: dict[str, str] = {}
    wrong: list[str] = []
    for path in sorted(CATALOGUES.glob("*.po")):
        with path.open("rb") as file:
            for entry in read_po(file, locale="zh_CN"):
                if not entry.id or not isinstance(entry.id, str):
                    continue
                wrong += _entry_problems(path.name, entry.id, str(entry.string), fuzzy=entry.fuzzy)
                if known.get(entry.id, entry.string) != entry.string:
                    wrong.append(f"{path.name}: translated differently elsewhere: {entry.id}")
                known[entry.id] = str(entry.string)
    wrong += [f"missing ({', '.join(sorted(where))}): {text}" for text, where in uses.items() if text not in known]
    return wrong


def _entry_problems(name: str, text: str, translated: str, *, fuzzy: bool) -> list[str]:
    wrong = []
    if fuzzy:
        wrong.append(f"{name}: fuzzy: {text}")
    if not translated:
        wrong.append(f"{name}: empty: {text}")
    if translated and set(_PLACE.findall(text)) < set(_PLACE.findall(translated)):
        wrong.append(f"{name}: unknown place: {text}")
    return wrong


def main() -> None:
    wrong = problems()
    for line in wrong:
        print(line)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
