"""Writes what is derived from the wire's dataclasses: tables of ``docs/PROTOCOL.md``, the browser's ``protocol.js``.

Run as ``python -m signaling.generate``; with ``--check`` nothing is written and a difference is an error.
"""

import ast
import dataclasses
import inspect
import json
import re
import sys
import types
import typing
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from core.wire import type_name
from signaling import connection, messages, states

ROOT = Path(__file__).parent.parent
PROTOCOL_MD = ROOT / "docs" / "PROTOCOL.md"
PROTOCOL_JS = ROOT / "web" / "static" / "js" / "protocol.js"

PARTS: tuple[type, ...] = (
    messages.PersonView,
    messages.LineView,
    messages.EndpointView,
    messages.Rights,
    messages.IdentityView,
    messages.StillsView,
    messages.Custody,
)
"""Parts of server messages that are no messages themselves."""


def docs_of(module: types.ModuleType) -> dict[tuple[str, str], str]:
    """Docstrings of members of the module's classes, by (class, member)."""
    found: dict[tuple[str, str], str] = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for before, after in zip(node.body, node.body[1:], strict=False):
            name = _target(before)
            if name and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                found[node.name, name] = inspect.cleandoc(str(after.value.value))
    return found


def _target(node: ast.stmt) -> str | None:
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return None


def shape(annotation: object) -> str:
    """A type as the reader of the protocol thinks of it."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return " | ".join(f'"{value}"' for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(shape(argument) for argument in arguments)
    if origin is tuple:
        return f"[{shape(arguments[0])}, …]"
    if origin is dict:
        return "object"
    if dataclasses.is_dataclass(annotation):
        return getattr(annotation, "__name__", "")
    return _PLAIN.get(annotation, str(annotation))


_PLAIN: dict[object, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
    datetime: "instant",
}


def table(classes: Iterable[type], docs: dict[tuple[str, str], str]) -> str:
    """Markdown: one heading per class with its docstring and a table of its members."""
    return "\n".join(_section(cls, docs) for cls in classes)


def _section(cls: type, docs: dict[tuple[str, str], str]) -> str:
    heading = f"`{cls.__name__}`" if cls in PARTS else f"`{type_name(cls)}`"
    lines = [f"#### {heading}", "", _one_line(inspect.getdoc(cls) or ""), ""]
    if not (cls.__doc__ or "").strip() or (cls.__doc__ or "").startswith(f"{cls.__name__}("):
        lines = [f"#### {heading}", ""]
    members = dataclasses.fields(cls)
    if members:
        lines += ["| member | type | |", "|---|---|---|"]
        lines += [_row(cls, member, docs) for member in members]
        lines.append("")
    return "\n".join(lines)


def _row(cls: type, member: "dataclasses.Field[object]", docs: dict[tuple[str, str], str]) -> str:
    optional = "" if member.default is dataclasses.MISSING else f" (default `{json.dumps(member.default)}`)"
    kind = shape(typing.get_type_hints(cls)[member.name]).replace("|", "\\|")
    return f"| `{member.name}` | {kind}{optional} | {_one_line(docs.get((cls.__name__, member.name), ''))} |"


def _one_line(text: str) -> str:
    return re.sub(r"``([^`]*)``", r"`\1`", " ".join(text.split())).replace("|", "\\|")


def sections() -> dict[str, str]:
    """The generated parts of ``docs/PROTOCOL.md`` by name."""
    docs = docs_of(messages)
    codes = docs_of(connection)
    close = "\n".join(f"| {c.value} | `{c.name}` | {_one_line(codes['Close', c.name])} |" for c in connection.Close)
    reasons = "\n".join(f"| `{code}` | {_one_line(text)} |" for code, text in states.REASONS.items() if code)
    return {
        "from-endpoint": table(messages.ClientMessage.__args__, docs),
        "to-endpoint": table(messages.ServerMessage.__args__, docs),
        "parts": table(PARTS, docs),
        "close-codes": f"| code | name | |\n|---|---|---|\n{close}\n",
        "reasons": f"| code | sentence |\n|---|---|\n{reasons}\n",
    }


def markdown(text: str) -> str:
    """``text`` of the document with its generated parts made anew."""
    for name, body in sections().items():
        begin, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise SystemExit(f"docs/PROTOCOL.md has no part {name!r}")
        text = f"{before}{begin}\n\n{body}\n{end}{after}"
    return text


def javascript() -> str:
    """The browser's module: version, close codes, members of every message."""
    client = {type_name(c): _members(c) for c in messages.ClientMessage.__args__}
    server = {type_name(c): _members(c) for c in messages.ServerMessage.__args__}
    close = {code.name: code.value for code in connection.Close}
    return "\n".join(
        [
            "// Generated from signaling/messages.py by `make generate`; do not edit.",
            "",
            f"export const VERSION = {messages.VERSION};",
            "",
            "/** Why the server closes a socket. */",
            f"export const CLOSE = Object.freeze({_js(close)});",
            "",
            "/** Members of the messages an endpoint may send; the server refuses any other. */",
            f"export const FROM_ENDPOINT = Object.freeze({_js(client)});",
            "",
            "/** Members of the server's messages; ignore others, a newer server may have more. */",
            f"export const TO_ENDPOINT = Object.freeze({_js(server)});",
            "",
        ]
    )


def _members(cls: type) -> list[str]:
    return [member.name for member in dataclasses.fields(cls)]


def _js(value: dict[str, object] | dict[str, list[str]] | dict[str, int]) -> str:
    lines = [f"  {key}: {json.dumps(item)}," for key, item in value.items()]
    return "{\n" + "\n".join(lines) + "\n}"


def outdated() -> list[tuple[Path, str]]:
    """Files that differ from what they should hold, with that."""
    wanted = {PROTOCOL_MD: markdown(PROTOCOL_MD.read_text(encoding="utf-8")), PROTOCOL_JS: javascript()}
    return [(p, text) for p, text in wanted.items() if not p.is_file() or p.read_text(encoding="utf-8") != text]


def main(arguments: list[str]) -> int:
    """Write what is outdated; with ``--check`` only say so and return 1."""
    found = outdated()
    for path, text in found:
        if "--check" in arguments:
            print(f"{path.relative_to(ROOT)} is outdated: run make generate", file=sys.stderr)
        else:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    return 1 if found and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
