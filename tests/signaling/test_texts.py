"""Every sentence live sessions say to somebody has its Chinese."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.texts import catalogue

PACKAGE = Path(__file__).parents[2] / "signaling"
SILENT = {"generate.py", "metrics.py"}
"""What these say is for programs and their keepers."""


def sentences(path: Path) -> Iterator[str]:
    """String constants that read like a sentence, docstrings aside."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in docs | parts:
            continue
        text = node.value
        if " " in text and (text[0].isupper() or text[0] == "{") and text[-1] in ".?!}":
            yield text


@pytest.mark.parametrize(
    "path", [p for p in sorted(PACKAGE.glob("*.py")) if p.name not in SILENT], ids=lambda p: p.name
)
def test_every_sentence_is_translated(path: Path) -> None:
    """Nothing of the package is shown in English to a Chinese reader."""
    assert sorted(set(sentences(path)) - set(catalogue("zh-CN"))) == []


def test_places_of_a_sentence_survive_its_translation() -> None:
    """A value that the English names is named by the Chinese."""
    import re

    chinese = catalogue("zh-CN")
    said = {text for path in PACKAGE.glob("*.py") for text in sentences(path) if text in chinese}
    assert said
    places = re.compile(r"\{\w+\}")
    assert [t for t in said if set(places.findall(t)) != set(places.findall(chinese[t]))] == []
