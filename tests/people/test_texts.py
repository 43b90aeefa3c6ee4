"""Every sentence that people and core can say to somebody has its Chinese."""

import ast
from pathlib import Path

import pytest

from core.texts import catalogue

ROOT = Path(__file__).parents[2]
ERRORS = {"Denied", "NotFound", "Conflict", "Invalid", "TooMany", "Unavailable"}


def sentences(path: Path) -> set[str]:
    """The msgids of errors raised in a module, and of its tables of sentences."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS and len(node.args) > 1:
            texts = [node.args[1]]
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "").startswith("_SENTENCES"):
            texts = node.value.values
        else:
            continue
        found |= {text.value for text in texts if isinstance(text, ast.Constant)}
    return found


@pytest.mark.parametrize("package", ["core", "people"])
def test_every_sentence_is_translated(package):
    """No error of the package is shown in English to a Chinese reader."""
    wanted = set().union(*(sentences(path) for path in (ROOT / package).glob("*.py")))
    assert wanted
    assert sorted(wanted - set(catalogue("zh-CN"))) == []
